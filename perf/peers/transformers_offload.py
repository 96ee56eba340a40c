"""The seed job under 8 GB on accelerate's offload: BLOOM-7b1 shape, random weights, float16, one CUDA device, the rest in host memory.

    python3 transformers_offload.py

170 tokens in and 1 out, greedy, 1 warm-up and 5 runs; mean and standard deviation in milliseconds.
"""
import gc
import time

import numpy as np
import torch
from accelerate import dispatch_model, infer_auto_device_map
from transformers import BloomConfig, BloomForCausalLM

PROMPT, WARMUP, RUNS, LIMIT = 170, 1, 5, "8GB"


def build():
    torch.set_default_dtype(torch.float16)
    with torch.device("cuda:0"):
        model = BloomForCausalLM(BloomConfig(vocab_size=250880, hidden_size=4096, n_layer=30, n_head=32)).eval()
    torch.set_default_dtype(torch.float32)
    model = model.to("cpu")
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    plan = infer_auto_device_map(model, max_memory={0: LIMIT, "cpu": "100GB"}, no_split_module_classes=["BloomBlock"], dtype=torch.float16)
    return dispatch_model(model, plan)


@torch.inference_mode()
def measure(model):
    ids = torch.randint(5, 250000, (1, PROMPT), device="cuda:0")
    times = []
    for _ in range(WARMUP + RUNS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        model.generate(ids, do_sample=False, eos_token_id=None, pad_token_id=3, min_new_tokens=1, max_new_tokens=1)
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    times = times[WARMUP:]
    print(f"accelerate offload, {LIMIT}, {PROMPT} in, 1 out: {np.mean(times):.1f} ± {np.std(times):.1f} ms", flush=True)
    print(f"peak {torch.cuda.max_memory_allocated() / 1e9:.2f} GB of torch's own on cuda:0", flush=True)


if __name__ == "__main__":
    measure(build())
