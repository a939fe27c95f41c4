"""Loads an exported folder with transformers and compares it with what our own code says.

    pip install -r test/fixtures/model/requirements.txt
    python test/oracles/check_export.py FOLDER

Token ids, logits after a prompt, greedy continuation and its text must agree; a pipeline must sample from the folder in
float32 and bfloat16.
"""

import json
import subprocess
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

PROMPTS = ["W Polsce", "Najważniejszym celem człowieka jest", "Zażółć gęślą jaźń, a potem: 1918 r.\nDrugi wiersz"]
TOLERANCE = 1e-4


def main(folder: str) -> int:
    dump = Path(__file__).with_name("dump-export.ts")
    lines = subprocess.run(["node", dump, folder, *PROMPTS], check=True, capture_output=True, text=True).stdout
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{type(model).__name__}, {type(tokenizer).__name__}, {parameters:,} parameters")
    failures = 0
    for ours in map(json.loads, lines.splitlines()):
        ids = tokenizer(ours["prompt"], return_tensors="pt").input_ids
        with torch.no_grad():
            logits = model(torch.tensor([ours["ids"]])).logits[0, -1]
            steps = len(ours["greedy"])
            greedy = model.generate(
                torch.tensor([ours["ids"]]), do_sample=False, min_new_tokens=steps, max_new_tokens=steps, eos_token_id=None
            )[0]
        difference = (logits - torch.tensor(ours["logits"])).abs().max().item()
        text = tokenizer.decode(greedy, skip_special_tokens=True)
        checks = {
            "ids": ids[0].tolist() == ours["ids"],
            f"logits (max difference {difference:.1e})": difference <= TOLERANCE,
            f"{steps} greedy ids": greedy[len(ours["ids"]) :].tolist() == ours["greedy"],
            "greedy text": text == ours["text"],
        }
        for name, agrees in checks.items():
            failures += not agrees
            print(f"  {'ok  ' if agrees else 'FAIL'} {name}: {ours['prompt']!r}")
        if text != ours["text"]:
            print(f"    transformers: {text!r}\n    ours:         {ours['text']!r}")
    for dtype in (torch.float32, torch.bfloat16):
        generator = pipeline("text-generation", model=folder, dtype=dtype)
        result = generator(PROMPTS[0], max_new_tokens=100, do_sample=True, top_k=50)[0]["generated_text"]
        print(f"  ok   pipeline in {dtype}: {len(result)} characters")
    print("all agree" if failures == 0 else f"{failures} disagreements")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
