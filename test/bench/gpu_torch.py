"""The peer of `npm run bench -- gpu`: micro-batches of transformers' LlamaForCausalLM in PyTorch on a GPU.

Float32 weights under bf16 autocast, torch.compile, flash attention through scaled_dot_product_attention, gradients
accumulated as in training. Reads one JSON object of settings on stdin, prints one of results. The device "cpu" is there to try the script where no card is.
"""

import json
import statistics
import sys
import time

import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, LlamaConfig, LlamaForCausalLM


def causal_only(module, query, key, value, attention_mask, scaling=None, **_):
    """Says "causal" instead of handing over a mask, as transformers does while it is compiled: flash attention takes none."""
    query, key = query.to(value.dtype), key.to(value.dtype)
    out = scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling)
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register("causal_only", causal_only)


def main():
    job = json.load(sys.stdin)
    shape = job["model"]
    torch.set_float32_matmul_precision("high")
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
        attn_implementation="causal_only",
    )
    device = job["device"]
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    torch.manual_seed(0)
    with torch.device(device):
        model = LlamaForCausalLM(config)
    model.train()
    compiled = torch.compile(model)
    ids = torch.randint(0, shape["vocabSize"], (job["sequences"], job["sequenceLength"]), device=device)
    seconds = []
    for _ in range(job["warmUp"] + job["steps"]):
        wait()
        started = time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16), sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            loss = compiled(input_ids=ids, labels=ids).loss
        loss.backward()
        wait()
        seconds.append(time.perf_counter() - started)
    best = statistics.median(seconds[job["warmUp"] :])
    tokens = job["sequences"] * job["sequenceLength"]
    version = f"torch {torch.__version__}, transformers {transformers.__version__}, compiled, flash, bf16 autocast"
    json.dump({"tokensPerSecond": tokens / best, "version": version}, sys.stdout)


main()
