"""The peer of `npm run bench -- train`: one training step of transformers' LlamaForCausalLM in PyTorch on the CPU.

Reads one JSON object of settings on stdin, prints one JSON object of results. Needs torch and transformers.
"""

import json
import resource
import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def matmul_gflops(job):
    dtype = torch.bfloat16 if job["dtype"] == "bf16" else torch.float32
    results = []
    # On one thread processor time is what the time would be without other users of the machine.
    clock = time.process_time if job["threads"] == 1 else time.perf_counter
    for m, n, k in job["shapes"]:
        a, b = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
        product = lambda: torch.nn.functional.linear(a, b)
        product()
        repetitions = max(1, int(job["flops"] / (2 * m * n * k)))
        best = 0.0
        for _ in range(3):
            started = clock()
            for _ in range(repetitions):
                product()
            best = max(best, 2 * m * n * k * repetitions / (clock() - started) / 1e9)
        results.append(best)
    return {"gflops": results}


def train(job):
    shape = job["model"]
    config = LlamaConfig(
        vocab_size=shape["vocabSize"],
        hidden_size=shape["dModel"],
        intermediate_size=shape["dHidden"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kvHeads"],
        max_position_embeddings=shape["maxSequenceLength"],
        rms_norm_eps=shape["rmsNormEpsilon"],
        tie_word_embeddings=False,
        use_cache=False,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    before = peak_bytes()
    model = LlamaForCausalLM(config)
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True
    )
    forward = torch.compile(model) if job["compile"] else model
    ids = torch.randint(0, shape["vocabSize"], (job["sequences"], job["sequenceLength"]))
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=job["dtype"] == "bf16")
    seconds, cpu_seconds = [], []
    for _ in range(job["warmUp"] + job["steps"]):
        started, cpu_started = time.perf_counter(), time.process_time()
        with autocast:
            loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_started)
    measured = slice(job["warmUp"], None)
    times = {"seconds": seconds[measured], "cpuSeconds": cpu_seconds[measured]}
    return {**times, "peakBytes": peak_bytes(), "startBytes": before}


job = json.load(sys.stdin)
torch.set_num_threads(job["threads"])
torch.set_num_interop_threads(1)
result = matmul_gflops(job) if job["kind"] == "matmul" else train(job)
result["version"] = f"torch {torch.__version__}, transformers {transformers.__version__}"
print(json.dumps(result))
