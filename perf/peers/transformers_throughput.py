"""Many callers on Hugging Face transformers: BLOOM-7b1 shape, random weights, float16, one CUDA device, static batches.

    python3 transformers_throughput.py

Batches of 1 to 32 prompts of 170 tokens and 64 new tokens each, greedy, 1 warm-up and 3 runs. All of a batch begin and end together, and no
row is padded: the best case of a static batch. Printed: new tokens of all rows per second; the time to the first token, from runs of the same
batch that end there; and per further token, the difference over 63. Mean ± standard deviation, and P95, as the latency program's.
"""
import time

import numpy as np
import torch
from transformers import BloomConfig, BloomForCausalLM

PROMPT, NEW, WARMUP, RUNS = 170, 64, 1, 3
BATCHES = 1, 2, 4, 8, 16, 32

torch.set_default_dtype(torch.float16)
with torch.device("cuda:0"):
    model = BloomForCausalLM(BloomConfig(vocab_size=250880, hidden_size=4096, n_layer=30, n_head=32)).eval()
weights = sum(p.numel() * p.element_size() for p in model.parameters())


@torch.inference_mode()
def measure(ids, new):
    times = []
    for _ in range(WARMUP + RUNS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, eos_token_id=None, pad_token_id=3, min_new_tokens=new, max_new_tokens=new)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        assert out.shape == (len(ids), PROMPT + new)
    return np.array(times[WARMUP:])


print(f"{torch.cuda.get_device_name()}, {PROMPT} tokens in, {NEW} new; {WARMUP} warm-up, {RUNS} runs")
print("| callers | tokens/s, mean ± sd | first token, ms (P95) | per token, ms | weights, GB/s |")
print("| ---: | ---: | ---: | ---: | ---: |")
for batch in BATCHES:
    ids = torch.randint(5, 250000, (batch, PROMPT), device="cuda:0")
    first, all_ = measure(ids, 1), measure(ids, NEW)
    rate = batch * NEW / all_
    between = (all_.mean() - first.mean()) / (NEW - 1)
    print(
        f"| {batch} | {rate.mean():.1f} ± {rate.std():.1f} | {1e3 * first.mean():.1f} ({1e3 * np.percentile(first, 95):.1f}) "
        f"| {1e3 * between:.2f} | {weights / between / 1e9:.1f} |", flush=True)
print(f"memory after: {torch.cuda.max_memory_reserved() / 1e9:.2f} GB at most")
