"""Tokenizes and packs a .jsonl.zst file as is usual in Python, for `npm run bench -- pack`.

    pip install tokenizers==0.23.3 pyarrow==26.0.1 zstandard datatrove==0.10.1
    python test/bench/pack_peers.py lean|datatrove TEXTS TOKENIZER_FOLDER OUT_FOLDER

lean: `tokenizers` and pyarrow with nothing around them, what `pack` does: `<s>` and `</s>` around each document, one
stream cut every 2048 tokens, rows shuffled, an Arrow file. datatrove: its own tokens-and-shuffle stage (DocumentTokenizer),
which writes a flat file of ids. Prints one line of JSON.
"""

import io
import json
import os
import resource
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
SEQ_LEN = 2048


def lean(texts: Path, tokenizer_folder: Path, out: Path) -> dict:
    import numpy
    import pyarrow
    import tokenizers
    import zstandard

    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    bos, eos = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    parts, batch, documents = [], [], 0

    def flush() -> None:
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            parts.append(numpy.array([bos, *encoding.ids, eos], dtype=numpy.uint16))
        batch.clear()

    with open(texts, "rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
        for line in io.TextIOWrapper(stream, encoding="utf-8", newline="\n"):
            batch.append(json.loads(line)["text"])
            documents += 1
            if len(batch) == 256:
                flush()
    flush()
    ids = numpy.concatenate(parts)
    tokens = len(ids)
    rows = ids[: tokens // SEQ_LEN * SEQ_LEN].reshape(-1, SEQ_LEN)
    rows = rows[numpy.random.default_rng(1).permutation(len(rows))]
    kind = pyarrow.list_(pyarrow.field("item", pyarrow.uint16(), False), SEQ_LEN)
    schema = pyarrow.schema([pyarrow.field("input_ids", kind, False)])
    with pyarrow.ipc.new_file(str(out / "train.arrow"), schema) as writer:
        for start in range(0, len(rows), 512):
            flat = pyarrow.array(rows[start : start + 512].reshape(-1))
            writer.write_batch(pyarrow.record_batch([pyarrow.FixedSizeListArray.from_arrays(flat, type=kind)], schema))
    versions = f"tokenizers {tokenizers.__version__}, pyarrow {pyarrow.__version__}"
    return {"documents": documents, "tokens": tokens, "versions": versions}


def with_datatrove(texts: Path, tokenizer_folder: Path, out: Path) -> dict:
    import importlib.metadata

    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.tokens import DocumentTokenizer

    from loguru import logger

    logger.remove()
    stages = [
        JsonlReader(str(texts.parent), glob_pattern=texts.name, compression="zstd"),
        DocumentTokenizer(
            output_folder=str(out / "tokens"),
            local_working_dir=str(out / "local"),
            tokenizer_name_or_path=str(tokenizer_folder / "tokenizer.json"),
            eos_token="</s>",
            shuffle_documents=True,
            max_tokens_per_file=None,
            seed=1,
        ),
    ]
    LocalPipelineExecutor(stages, tasks=1, workers=1, logging_dir=str(out / "logs")).run()
    tokens = sum(file.stat().st_size for file in (out / "tokens").glob("*.ds")) // 2
    return {"tokens": tokens, "versions": f"datatrove {importlib.metadata.version('datatrove')}"}


if __name__ == "__main__":
    peer, texts, tokenizer_folder, out = sys.argv[1], *map(Path, sys.argv[2:])
    started = time.perf_counter()
    result = (lean if peer == "lean" else with_datatrove)(texts, tokenizer_folder, out)
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    result |= {
        "wall": time.perf_counter() - started,
        "cpu": sum(each.ru_utime + each.ru_stime for each in usage),
        "peakBytes": max(each.ru_maxrss for each in usage) * 1024,
    }
    print(json.dumps(result))
