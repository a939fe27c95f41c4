"""The peer of `npm run bench -- learn`: trains transformers' LlamaForCausalLM in PyTorch on the rows that apt3 read.

    python test/bench/learn_torch.py START OUT PRECISION THREADS

START holds facts.json, initial.safetensors and rows.bin; OUT receives the trained model. PRECISION is f32, or bf16 for
autocast. Needs torch and transformers.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
import transformers
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

folder, out, precision, threads = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
facts = json.loads((folder / "facts.json").read_text())
torch.set_num_threads(threads)
torch.set_num_interop_threads(1)

model = LlamaForCausalLM(LlamaConfig(**facts["config"], attn_implementation="sdpa")).float()
model.config.use_cache = False
model.load_state_dict(load_file(folder / "initial.safetensors"))
model.train()
rows = numpy.fromfile(folder / "rows.bin", dtype="<u2").astype("int64")
batches = torch.from_numpy(rows).view(-1, facts["rowsPerStep"], facts["sequenceLength"])

settings = facts["optimizer"]
decayed = [p for p in model.parameters() if p.dim() >= 2]
others = [p for p in model.parameters() if p.dim() < 2]
groups = [{"params": decayed, "weight_decay": settings["weightDecay"]}, {"params": others, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, betas=tuple(settings["betas"]), eps=settings["epsilon"], fused=True)

print(f"torch {torch.__version__}, transformers {transformers.__version__}, {threads} threads, {precision}", flush=True)
started = time.perf_counter()
for step, (rate, batch) in enumerate(zip(facts["learningRates"], batches, strict=True), start=1):
    for group in optimizer.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
        loss = model(input_ids=batch, labels=batch).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clipNorm"])
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if step % 10 == 0:
        print(f"torch: step {step}, loss {loss.item():.4f}, {time.perf_counter() - started:.0f} s", flush=True)
model.save_pretrained(out)
