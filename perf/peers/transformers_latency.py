"""The latency protocol on Hugging Face transformers: BLOOM-7b1 shape, random weights, float16, one CUDA device or two.

    python3 transformers_latency.py [two]

"two" puts the second half of the layers on cuda:1, as device_map does.

170 tokens in and 1 or 65 out, greedy, 2 warm-ups and 10 runs; mean, standard deviation and P95 in milliseconds.
"""
import sys
import time

import numpy as np
import torch
from transformers import BloomConfig, BloomForCausalLM

PROMPT, WARMUP, RUNS = 170, 2, 10

torch.set_default_dtype(torch.float16)
with torch.device("cuda:0"):
    model = BloomForCausalLM(BloomConfig(vocab_size=250880, hidden_size=4096, n_layer=30, n_head=32)).eval()
if sys.argv[1:] == ["two"]:
    from accelerate import dispatch_model

    half = {f"transformer.h.{i}": int(i >= 15) for i in range(30)}
    ends = {"transformer.word_embeddings": 0, "transformer.word_embeddings_layernorm": 0, "transformer.ln_f": 1, "lm_head": 0}
    model = dispatch_model(model, half | ends)


@torch.inference_mode()
def measure(new):
    ids = torch.randint(5, 250000, (1, PROMPT), device="cuda:0")
    times = []
    for _ in range(WARMUP + RUNS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        model.generate(ids, do_sample=False, eos_token_id=None, pad_token_id=3, min_new_tokens=new, max_new_tokens=new)
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    times = times[WARMUP:]
    print(f"{PROMPT} in, {new} out: {np.mean(times):.2f} ± {np.std(times):.2f} ms, P95 {np.percentile(times, 95):.2f}", flush=True)
    return float(np.mean(times))


one, many = measure(1), measure(65)
print(f"one more token: {(many - one) / 64:.2f} ms")
