"""Makes the reference for TransformersComparisonTests: a BLOOM of 7b1 shape with random weights, saved by transformers, and the logits
that transformers computes from it in float32 and float16.

    python3 reference.py FOLDER [layers,hidden,heads,vocabulary]
    LOCALBLOOM_REFERENCE=FOLDER dotnet LocalBloom.AI.Gpu.Tests.dll -class "*TransformersComparison*"

FOLDER/model is the checkpoint (float16, sharded safetensors); prompts.json holds the ids; float32.bin and float16.bin hold the last
position's logits of each prompt, [prompts, vocabulary], little-endian float32. Needs CUDA, torch and transformers.
"""
import json
import os
import shutil
import sys

import torch
from transformers import BloomConfig, BloomForCausalLM

folder = sys.argv[1]
layers, hidden, heads, vocabulary = map(int, (sys.argv[2] if len(sys.argv) > 2 else "30,4096,32,250880").split(","))
os.makedirs(folder, exist_ok=True)

torch.manual_seed(20240607)
config = BloomConfig(vocab_size=vocabulary, hidden_size=hidden, n_layer=layers, n_head=heads, torch_dtype="float16")
with torch.device("cuda:0"):
    model = BloomForCausalLM(config).eval()
with torch.no_grad():
    # transformers starts biases at 0 and norms at the identity; trained ones are neither, and mistakes there must show.
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.normal_(0, 0.02)
        elif "layernorm" in name or "ln_f" in name:
            parameter.normal_(1, 0.1)
model = model.half()
model.save_pretrained(os.path.join(folder, "model"), max_shard_size="2GB")
here = os.path.dirname(os.path.abspath(__file__))
tokenizer = os.path.join(here, "..", "golden", "models", "safetensors-f32")
for name in ("tokenizer.json", "tokenizer_config.json"):
    source = os.path.join(tokenizer, name)
    if os.path.exists(source):
        shutil.copy(source, os.path.join(folder, "model"))

lengths = [1, 2, 7, 16, 33, 64, 100, 128, 170, 170, 200, 256, 300, 384, 500, 511, 700, 1000]
prompts = [torch.randint(4, 4000, (length,)).tolist() for length in lengths]
json.dump(prompts, open(os.path.join(folder, "prompts.json"), "w"))


@torch.inference_mode()
def logits(name):
    rows = [model(torch.tensor([ids], device="cuda:0")).logits[0, -1].float().cpu() for ids in prompts]
    torch.stack(rows).numpy().tofile(os.path.join(folder, name))


logits("float16.bin")
model = model.float()
logits("float32.bin")
print(f"{len(prompts)} prompts of {layers} layers x {hidden}")
