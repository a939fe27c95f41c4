"""The peer of the ingest bench: datatrove with the same readers and an equivalent chain, one task, one core.

usage: ingest_datatrove.py INPUT_FOLDER OUTPUT_FOLDER; prints one JSON line with the seconds of the pipeline.
"""

import json
import sys
import time
from importlib.metadata import version

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

STOP_WORDS = "w i na z do się roku od a jest przez po jako oraz o został był nie".split()


def main(input_folder: str, output_folder: str) -> None:
    language = "pl"
    pipeline = [
        JsonlReader(input_folder, compression=None),
        FTFYFormatter(),
        GopherRepetitionFilter(
            language=language,
            dup_line_frac=0.32,
            dup_para_frac=0,
            dup_line_char_frac=0,
            dup_para_char_frac=0,
            top_n_grams=((2, 0.222), (3, 0.198), (4, 0.176)),
            dup_n_grams=((5, 0.172), (6, 0.16), (7, 0.148), (8, 0.136), (9, 0.123), (10, 0.111)),
        ),
        GopherQualityFilter(
            language=language,
            min_doc_words=20,
            max_doc_words=1_000_000,
            min_avg_word_length=3,
            max_avg_word_length=12,
            max_non_alpha_words_ratio=0.726,
            min_stop_words=2,
            stop_words=STOP_WORDS,
        ),
        FineWebQualityFilter(
            language=language, line_punct_thr=0.087, short_line_thr=999, char_duplicates_ratio=0.1, new_line_ratio=0.158
        ),
        PIIFormatter(),
        JsonlWriter(output_folder, compression="zstd"),
    ]
    executor = LocalPipelineExecutor(pipeline=pipeline, tasks=1, workers=1, logging_dir=output_folder + "/logs")
    start = time.perf_counter()
    executor.run()
    seconds = time.perf_counter() - start
    print(json.dumps({"datatrove": version("datatrove"), "seconds": seconds}))


main(sys.argv[1], sys.argv[2])
