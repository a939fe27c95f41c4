"""The peer of `npm run bench -- train`: transformers' LlamaForCausalLM in PyTorch on the CPU, and its matrix products.

The first line of stdin is a job; each further line asks for one measurement, answered by one line. The end of stdin is
answered by a line about the whole. Needs torch and transformers.
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


def products(job):
    """Measures matrix products once per call: seconds and processor seconds of each."""
    dtype = torch.bfloat16 if job["dtype"] == "bf16" else torch.float32
    operands = [(torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)) for m, n, k in job["shapes"]]

    def measure():
        times = []
        for (m, n, k), (a, b) in zip(job["shapes"], operands, strict=True):
            repetitions = max(1, int(job["flops"] / (2 * m * n * k)))
            started, cpu_started = time.perf_counter(), time.process_time()
            for _ in range(repetitions):
                torch.nn.functional.linear(a, b)
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
            times.append({"seconds": seconds / repetitions, "cpuSeconds": cpu_seconds / repetitions})
        return times

    return measure


def steps(job):
    """Takes one training step per call."""
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
    model = LlamaForCausalLM(config)
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True
    )
    forward = torch.compile(model) if job["compile"] else model
    ids = torch.randint(0, shape["vocabSize"], (job["sequences"], job["sequenceLength"]))
    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=job["dtype"] == "bf16")

    def measure():
        started, cpu_started = time.perf_counter(), time.process_time()
        with autocast:
            loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
        return [{"seconds": seconds, "cpuSeconds": cpu_seconds}]

    return measure


job = json.loads(sys.stdin.readline())
torch.set_num_threads(job["threads"])
torch.set_num_interop_threads(1)
start_bytes = peak_bytes()
measure = products(job) if job["kind"] == "products" else steps(job)
for _ in sys.stdin:
    print(json.dumps(measure()), flush=True)
version = f"torch {torch.__version__}, transformers {transformers.__version__}"
print(json.dumps({"peakBytes": peak_bytes(), "startBytes": start_bytes, "version": version}))
