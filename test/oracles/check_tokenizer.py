"""Loads a folder train-tokenizer wrote, unchanged, in PyPI tokenizers and transformers and compares ids with ours.

    pip install tokenizers==0.23.3 transformers==5.23.0 jinja2==3.1.6
    python test/oracles/check_tokenizer.py FOLDER [TEXTS.jsonl]

Ids of awkward texts (and of the texts of a file), decoding, special tokens, the maximal length and the chat template.
Needs Node 24 on the path, for `apt3 tokenize`. Exit 0: all agree.
"""

import json
import subprocess
import sys
from pathlib import Path

import tokenizers
import transformers

ROOT = Path(__file__).parents[2]
AWKWARD = [
    "Litwo! Ojczyzno moja! ty jesteś jak zdrowie:", " ", "   ", "\n\n", "a\tb\u00a0c", "1234567890 12,5 zł", "z\u0307o\u0301l\u0301w",
    "👩‍👩‍👧‍👦 dom 👍🏽", "שלום dom עולם", "a\0b\0\0", "<s>", "dom</s> [INST] kot [/INST]", "x" * 5000, "▁dom ▁▁", "日本語", "DOM\r\nKot", "…–„”",
]
CHAT = [{"role": "system", "content": " Mów krótko. "}, {"role": "user", "content": "Ile to 2+2?"}, {"role": "assistant", "content": "4"}, {"role": "user", "content": "Na pewno?"}]


def ours(folder: str, lines: str, *flags: str) -> list[dict]:
    command = ["node", ROOT / "bin/apt3.ts", "tokenize", "--tokenizer", folder, "--jsonl", "text", *flags]
    output = subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def main(folder: str, file: str | None = None) -> int:
    texts = AWKWARD + [json.loads(line)["text"] for line in open(file, encoding="utf-8")] if file else AWKWARD
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    expected = [line["ids"] for line in ours(folder, lines, "--ids", "--parse-specials")]
    plain = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    auto = transformers.AutoTokenizer.from_pretrained(folder)
    bos = auto.bos_token_id
    rendered = auto.apply_chat_template(CHAT, tokenize=False)
    begins = "<s>[INST] <<SYS>>\nMów krótko.\n<</SYS>>\n\nIle to 2+2? [/INST] 4 </s><s>[INST] Na pewno? [/INST]"
    checks = {
        f"{len(texts)} texts in PyPI tokenizers {tokenizers.__version__}": [plain.encode(text, add_special_tokens=False).ids for text in texts] == expected,
        f"the same in transformers {transformers.__version__} ({type(auto).__name__})": [auto.encode(text, add_special_tokens=False) for text in texts] == expected,
        "<s> put first": all(auto.encode(text) == [bos, *ids] for text, ids in zip(texts, expected)),
        "decoding agrees": all(auto.decode(ids) == plain.decode(ids, skip_special_tokens=False) for ids in expected),
        "special tokens": [auto.unk_token_id, auto.bos_token_id, auto.eos_token_id, auto.pad_token_id] == [0, 1, 2, 3],
        "model_max_length is 2048": auto.model_max_length == 2048,
        "the chat template renders": rendered == begins,
    }
    for name, agrees in checks.items():
        print(f"  {'ok  ' if agrees else 'FAIL'} {name}")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
