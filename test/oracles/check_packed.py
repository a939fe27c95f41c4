"""Reads a packed folder with pyarrow and Hugging Face datasets and compares every row with what our own reader sees.

    pip install pyarrow datasets
    python test/oracles/check_packed.py data/packed

The rows must be equal one by one, whether a shard is opened as a file, mapped into memory or loaded as a data set; ids
must lie inside the vocabulary; mapping must not copy; document starts, where there are any, must point at documents.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets
import numpy
import pyarrow


def main(folder: Path) -> int:
    manifest = json.loads((folder / "manifest.json").read_text())
    dump = Path(__file__).with_name("dump-packed.ts")
    lines = subprocess.run(["node", dump, folder], check=True, capture_output=True, text=True).stdout.splitlines()
    ours = {line["file"]: line for line in map(json.loads, lines)}
    failures = 0
    for shard in manifest["shards"]:
        path = folder / shard["file"]
        with pyarrow.OSFile(str(path)) as file:
            opened = pyarrow.ipc.open_file(file).read_all()
        with pyarrow.memory_map(str(path)) as file:
            mapped = pyarrow.ipc.open_file(file).read_all()
            file.seek(0)
            whole = file.read_buffer()  # of a map: the map itself
            rows = ids_of(mapped, manifest["seqLen"])
            schema = mapped.schema
            hashes = {"open_file": hash_rows(ids_of(opened, manifest["seqLen"])), "memory_map": hash_rows(rows)}
            checks = {
                "type": str(schema.field("input_ids").type)
                == f"fixed_size_list<item: {manifest['dtype']} not null>[{manifest['seqLen']}]",
                "not nullable": not schema.field("input_ids").nullable,
                "seed in the schema": schema.metadata[b"apt3.seed"] == str(manifest["seed"]).encode(),
                "rows": len(rows) == shard["rows"] == ours[shard["file"]]["rows"],
                "ids in the vocabulary": int(rows.max()) < manifest["tokenizer"]["vocabSize"],
                "mapped without a copy": all_within(mapped, whole),
                "document starts": starts_are_right(mapped, rows, manifest["tokenizer"].get("bosId")),
            }
        hashes["datasets"] = hash_rows(load(path, manifest["seqLen"], manifest["dtype"]))
        for name, value in hashes.items():
            checks[f"equal through {name}"] = value == ours[shard["file"]]["sha256"]
        failed = [name for name, passed in checks.items() if not passed]
        failures += len(failed)
        print(f"{shard['file']}: {len(rows):,} rows, {len(checks)} checks, failed: {', '.join(failed) or 'none'}")
    print(f"pyarrow {pyarrow.__version__}, datasets {datasets.__version__}")
    return 1 if failures else 0


def ids_of(table: pyarrow.Table, seq_len: int) -> numpy.ndarray:
    chunks = table.column("input_ids").chunks
    return numpy.concatenate([chunk.flatten().to_numpy(zero_copy_only=True) for chunk in chunks]).reshape(-1, seq_len)


def all_within(table: pyarrow.Table, whole: pyarrow.Buffer) -> bool:
    """Whether the memory of all ids is part of the mapped file."""
    buffers = [chunk.flatten().buffers()[1] for chunk in table.column("input_ids").chunks]
    ends = [(buffer.address, buffer.address + buffer.size) for buffer in buffers]
    return all(whole.address <= start and end <= whole.address + whole.size for start, end in ends)


def load(path: Path, seq_len: int, dtype: str) -> numpy.ndarray:
    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset("arrow", data_files=[str(path)], split="train", cache_dir=cache)
        parts = [numpy.asarray(batch["input_ids"]) for batch in data.with_format("numpy").iter(batch_size=4096)]
    return numpy.concatenate(parts).astype(dtype).reshape(-1, seq_len)


def hash_rows(rows: numpy.ndarray) -> str:
    return hashlib.sha256(numpy.ascontiguousarray(rows).tobytes()).hexdigest()


def starts_are_right(table: pyarrow.Table, rows: numpy.ndarray, bos: int | None) -> bool:
    if "document_starts" not in table.column_names or bos is None:
        return True
    for ids, starts in zip(rows, table.column("document_starts").to_pylist()):
        if starts[0] != 0 or not set(numpy.flatnonzero(ids == bos)) <= set(starts):
            return False
    return True


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check_packed.py FOLDER")
    sys.exit(main(Path(sys.argv[1])))
