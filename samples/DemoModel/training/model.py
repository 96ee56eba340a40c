"""BLOOM in PyTorch, as small as training needs it, with transformers' parameter names for reading and writing.

A row may hold several documents: `docs` numbers them, and a token sees the earlier tokens of its own document only. Attention is
flex_attention where the device and PyTorch have it, else one score matrix a layer.
"""
import json, math, os, struct
import torch
import torch.nn.functional as F
from torch import nn

try:
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
except ImportError:
    create_block_mask = flex_attention = None


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.dense = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, attend):
        b, t, width = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, self.heads, 3, width // self.heads).permute(3, 0, 2, 1, 4)  # BLOOM's order: head, then q k v
        y = attend(q, k, v)
        x = x + self.dense(y.transpose(1, 2).reshape(b, t, width))
        return x + self.down(F.gelu(self.up(self.n2(x)), approximate="tanh"))


class Bloom(nn.Module):
    def __init__(self, vocabulary, width=256, layers=7, heads=8):
        super().__init__()
        assert heads == 8, "the slopes below are those of eight heads"
        self.width, self.layers, self.heads = width, layers, heads
        self.embed, self.n0, self.nf = nn.Embedding(vocabulary, width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        for name, p in self.named_parameters():
            if p.dim() == 2: nn.init.normal_(p, std=.02 / (math.sqrt(2 * layers) if "dense" in name or "down" in name else 1))
            elif name.endswith("bias"): nn.init.zeros_(p)

    def forward(self, ids, mask):
        """ids: batch, time. mask: what flex_mask or score_mask made. Returns the last hidden states."""
        if torch.is_tensor(mask):
            def attend(q, k, v): return torch.softmax((q @ k.transpose(-1, -2) * (q.shape[-1] ** -.5) + mask).float(), -1).to(v.dtype) @ v
        else:
            def slope(s, b, h, q, k): return s - torch.exp2(-(h + 1).float()) * (q - k)  # ALiBi, eight heads: 2^-1 ... 2^-8

            def attend(q, k, v): return flex_attention(q, k, v, score_mod=slope, block_mask=mask)
        x = self.n0(self.embed(ids))
        for block in self.blocks: x = block(x, attend)
        return self.nf(x)

    def logits(self, hidden): return F.linear(hidden, self.embed.weight)


def flex_mask(docs, make=None):
    """A block mask of a batch's documents (batch, time)."""
    b, t = docs.shape

    def same(b, h, q, k): return (q >= k) & (docs[b, q] == docs[b, k])
    return (make or create_block_mask)(same, b, None, t, t, device=docs.device.type)


def score_mask(docs):
    """The same as what is added to the scores: batch, heads, time, time."""
    t = docs.shape[1]
    at = torch.arange(t, device=docs.device)
    slopes = 2.0 ** -torch.arange(1, 9, device=docs.device)
    far = (at[None, :] - at[:, None]).float()
    seen = (far <= 0)[None] & (docs[:, :, None] == docs[:, None, :])
    return torch.where(seen[:, None], (slopes[:, None, None] * far)[None], torch.tensor(-1e9, device=docs.device))


NAMES = {"n1": "input_layernorm", "n2": "post_attention_layernorm", "qkv": "self_attention.query_key_value", "dense": "self_attention.dense",
         "up": "mlp.dense_h_to_4h", "down": "mlp.dense_4h_to_h"}


def weights_of(model):
    """The model's parameters by transformers' names."""
    flat = {"transformer.word_embeddings.weight": model.embed.weight}
    parts = {"transformer.word_embeddings_layernorm": model.n0, "transformer.ln_f": model.nf}
    for i, block in enumerate(model.blocks): parts.update({f"transformer.h.{i}.{theirs}": getattr(block, mine) for mine, theirs in NAMES.items()})
    for name, part in parts.items(): flat[name + ".weight"], flat[name + ".bias"] = part.weight, part.bias
    return {k: v.detach() for k, v in flat.items()}


def read(folder):
    """A model of a folder of config.json and model.safetensors."""
    with open(os.path.join(folder, "config.json")) as f: c = json.load(f)
    model = Bloom(c["vocab_size"], c["hidden_size"], c["n_layer"], c["n_head"])
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = bytearray(f.read())
    kinds = {"BF16": torch.bfloat16, "F32": torch.float32, "F16": torch.float16}
    with torch.no_grad():
        for name, p in weights_of(model).items():
            entry = head[name]
            start, end = entry["data_offsets"]
            p.copy_(torch.frombuffer(data[start:end], dtype=kinds[entry["dtype"]]).view(entry["shape"]).float())
    return model


def write(model, folder):
    """config.json and model.safetensors in bfloat16, the layout that transformers' save_pretrained gives."""
    flat = {k: v.to(torch.bfloat16).cpu().contiguous() for k, v in weights_of(model).items()}
    head, at = {"__metadata__": {"format": "pt"}}, 0
    for name, x in flat.items():
        head[name] = {"dtype": "BF16", "shape": list(x.shape), "data_offsets": [at, at + 2 * x.numel()]}
        at += 2 * x.numel()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for x in flat.values(): f.write(x.view(torch.int16).numpy().tobytes())
    config = {"architectures": ["BloomForCausalLM"], "model_type": "bloom", "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0,
              "hidden_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "dtype": "bfloat16", "hidden_size": model.width,
              "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "n_head": model.heads, "n_layer": model.layers, "pretraining_tp": 1,
              "seq_length": 2048, "slow_but_exact": False, "tie_word_embeddings": True, "use_cache": True, "vocab_size": model.embed.num_embeddings}
    with open(os.path.join(folder, "config.json"), "w") as f: json.dump(config, f, indent=2)
    with open(os.path.join(folder, "generation_config.json"), "w") as f: json.dump({"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3}, f, indent=2)
