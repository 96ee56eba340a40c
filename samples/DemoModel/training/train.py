"""Trains the demo model on one GPU, saves it in transformers' layout and evaluates it.

    python3 train.py --out OUT [--seconds 420] [--seed 1] [--start MODEL]

Worker processes make and tokenize fresh examples while the GPU trains, until the time is up (the learning rate follows
the clock). Loss weights: answers and their end mark 1, everything else --context-weight. Documents packed into one row
do not see each other. The result is loaded into transformers' BloomForCausalLM, compared, and saved in bfloat16.
"""
import argparse, json, math, multiprocessing as mp, os, queue, random, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
ROW, HIDDEN, LAYERS, HEADS = 1024, 256, 7, 8


def producer(index, seed, rows, out, tokenizer_path, short_examples):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import numpy as np
    from tokenizers import Tokenizer
    import generate
    tokenizer = Tokenizer.from_file(tokenizer_path)
    rng = random.Random(f"{seed}/{index}")
    made, pending = 0, []

    def encode(example):
        ids, weight = [], []
        for text, answer in generate.render(example):
            part = tokenizer.encode(text, add_special_tokens=False).ids
            if answer: part = part + [2]
            ids += part
            weight += [1 if answer else 0] * len(part)
        return ids, weight

    while True:
        tokens = np.full((rows, ROW + 1), 3, np.uint16)
        weights = np.zeros((rows, ROW + 1), np.uint8)
        docs = np.zeros((rows, ROW + 1), np.uint8)
        for r in range(rows):
            used, doc = 0, 1
            while True:
                while len(pending) < 12:
                    ids, weight = encode(generate.make(rng, rng.choice(("en", "zh")), "train", short=made < short_examples and rng.random() < .8))
                    made += 1
                    if len(ids) <= ROW: pending.append((ids, weight))
                fit = next((i for i, (ids, _) in enumerate(pending) if used + len(ids) <= ROW + 1), None)
                if fit is None or doc > 250: break
                ids, weight = pending.pop(fit)
                end = used + len(ids)
                tokens[r, used:end] = ids
                weights[r, used:end] = [w + 1 for w in weight]  # 1 context, 2 answer, 0 padding
                weights[r, used] = 0  # nothing predicts a document's first token
                docs[r, used:end] = doc
                used, doc = end, doc + 1
        out.put((tokens, weights, docs))


def build(torch, vocabulary):
    from torch import nn
    import torch.nn.functional as F
    from torch.nn.attention.flex_attention import flex_attention
    head = HIDDEN // HEADS

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.n1, self.n2 = nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)
            self.qkv, self.dense = nn.Linear(HIDDEN, 3 * HIDDEN), nn.Linear(HIDDEN, HIDDEN)
            self.up, self.down = nn.Linear(HIDDEN, 4 * HIDDEN), nn.Linear(4 * HIDDEN, HIDDEN)

        def forward(self, x, mask, score):
            b, t, _ = x.shape
            q, k, v = self.qkv(self.n1(x)).view(b, t, HEADS, 3, head).permute(3, 0, 2, 1, 4)  # BLOOM's order: head, then q k v
            y = flex_attention(q, k, v, score_mod=score, block_mask=mask)
            x = x + self.dense(y.transpose(1, 2).reshape(b, t, HIDDEN))
            return x + self.down(F.gelu(self.up(self.n2(x)), approximate="tanh"))

    class Bloom(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.n0, self.nf = nn.Embedding(vocabulary, HIDDEN), nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)
            self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
            for name, p in self.named_parameters():
                if p.dim() == 2: nn.init.normal_(p, std=.02 / (math.sqrt(2 * LAYERS) if "dense" in name or "down" in name else 1))
                elif name.endswith("bias"): nn.init.zeros_(p)

        def forward(self, ids, mask):
            def score(s, b, h, q, k): return s - torch.exp2(-(h + 1).float()) * (q - k)  # ALiBi, eight heads: 2^-1 ... 2^-8
            x = self.n0(self.embed(ids))
            for block in self.blocks: x = block(x, mask, score)
            return self.nf(x)

        def loss(self, ids, targets, weights, mask):
            logits = F.linear(self(ids, mask), self.embed.weight)
            each = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
            w = weights.flatten()
            answer, context = (w == 2).float(), (w == 1).float()
            return (each * answer).sum() / answer.sum(), (each * context).sum() / context.sum(), answer.sum()

    return Bloom()


def newton_schulz(torch, g):
    x = g.bfloat16()
    tall = x.size(-2) > x.size(-1)
    if tall: x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Muon:
    """Momentum with orthogonalised updates for the blocks' matrices; query, key and value apart."""

    def __init__(self, torch, params, momentum=.95, decay=.02):
        self.torch, self.momentum, self.decay, self.groups = torch, momentum, decay, {}
        for name, p in params: self.groups.setdefault(tuple(p.shape), []).append(p)
        self.buffers = {s: torch.zeros(len(ps), *s, device=ps[0].device) for s, ps in self.groups.items()}
        self.update = torch.compile(self.direction, dynamic=False)

    def direction(self, grads, buffer):
        torch = self.torch
        buffer = buffer * self.momentum + grads * (1 - self.momentum)
        u = grads * (1 - self.momentum) + buffer * self.momentum
        n, rows, columns = u.shape
        if rows == 3 * HIDDEN:
            v = u.view(n, HEADS, 3, HIDDEN // HEADS, columns).transpose(1, 2).reshape(n * 3, HIDDEN, columns)
            v = newton_schulz(torch, v).view(n, 3, HEADS, HIDDEN // HEADS, columns).transpose(1, 2).reshape(n, rows, columns)
        else:
            v = newton_schulz(torch, u) * max(1, rows / columns) ** .5
        return v.float(), buffer

    def step(self, rate):
        torch = self.torch
        with torch.no_grad():
            for shape, ps in self.groups.items():
                u, self.buffers[shape] = self.update(torch.stack([p.grad for p in ps]), self.buffers[shape])
                torch._foreach_mul_(ps, 1 - rate * self.decay)
                torch._foreach_add_(ps, list(u.unbind(0)), alpha=-rate)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--seconds", type=float, default=420)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rows", type=int, default=128)
    p.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    p.add_argument("--rate", type=float, default=.02)
    p.add_argument("--adam-rate", type=float, default=3e-3)
    p.add_argument("--context-weight", type=float, default=.1)
    p.add_argument("--short-examples", type=int, default=8000)
    p.add_argument("--tokenizer", default=f"{HERE}/tokenizer")
    p.add_argument("--start", help="a model folder to continue from")
    p.add_argument("--no-evaluation", action="store_true")
    a = p.parse_args()
    started = time.time()
    os.makedirs(a.out, exist_ok=True)
    context = mp.get_context("fork")
    ready = context.Queue(maxsize=64)
    workers = [context.Process(target=producer, args=(i, a.seed, a.rows // 4, ready, f"{a.tokenizer}/tokenizer.json", a.short_examples), daemon=True) for i in range(a.workers)]
    for w in workers: w.start()

    import numpy as np
    import torch
    from torch.nn.attention.flex_attention import create_block_mask
    torch.manual_seed(a.seed)
    torch.set_float32_matmul_precision("high")
    device = "cuda"
    with open(f"{a.tokenizer}/tokenizer.json", encoding="utf-8") as f: vocabulary = len(json.load(f)["model"]["vocab"])
    model = build(torch, vocabulary).to(device)
    if a.start:
        from safetensors.torch import load_file
        given = load_file(f"{a.start}/model.safetensors")
        with torch.no_grad():
            for name, x in weights_of(model).items(): x.copy_(given[name].float())
    parameters = sum(x.numel() for x in model.parameters())
    log = open(f"{a.out}/train.log", "w")

    def say(line):
        print(line, flush=True)
        log.write(line + "\n")
        log.flush()

    say(f"seed {a.seed}, {parameters:,} parameters, vocabulary {vocabulary}, {torch.cuda.get_device_name()}, {a.workers} workers, {a.seconds:.0f} s")
    matrices = [(n, x) for n, x in model.named_parameters() if x.dim() == 2 and "embed" not in n]
    rest = [x for n, x in model.named_parameters() if not (x.dim() == 2 and "embed" not in n)]
    muon = Muon(torch, matrices)
    adam = torch.optim.AdamW(rest, lr=a.adam_rate, betas=(.9, .98), weight_decay=0.0, fused=True)
    loss_of = torch.compile(model.loss, dynamic=False)
    make_mask = torch.compile(create_block_mask, dynamic=False)
    replay, fresh, repeated = [], 0, 0
    part = []

    def next_batch():
        nonlocal fresh, repeated
        while len(part) < 4:
            try: part.append(ready.get(block=len(replay) < 48))
            except queue.Empty: break
        if len(part) == 4:
            batch = [torch.from_numpy(np.concatenate([x[i] for x in part])) for i in range(3)]
            part.clear()
            batch = (batch[0].to(torch.int32), batch[1], batch[2])
            if len(replay) < 1500: replay.append(batch)
            else: replay[random.randrange(len(replay))] = batch
            fresh += 1
        else:
            repeated += 1
            batch = random.choice(replay)
        return [x.pin_memory().to(device, non_blocking=True) for x in batch]

    step, first, curve, sums, count = 0, None, [], None, 0
    while True:
        ids, weights, docs = next_batch()
        ids, docs = ids.long(), docs.int()
        d = docs[:, :-1].contiguous()

        def same(b, h, q, k): return (q >= k) & (d[b, q] == d[b, k])
        mask = make_mask(same, a.rows, None, ROW, ROW, device=device)
        if step == 3:
            torch.cuda.synchronize()
            first = time.time()  # compilation is done
            say(f"ready after {first - started:.0f} s")
        now = time.time() - (first or time.time())
        total = a.seconds - ((first or started) - started)
        progress = min(1.0, now / total) if first else 0.0
        scale = min(1.0, (step + 1) / 150) * (1.0 if progress < .25 else .5 + .5 * math.cos(math.pi * (progress - .25) / .75)) 
        with torch.autocast("cuda", torch.bfloat16):
            answer, other, n = loss_of(ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), weights[:, 1:].contiguous(), mask)
        (answer + a.context_weight * other).backward()
        torch.nn.utils.clip_grad_norm_(rest, 1.0)
        for g in adam.param_groups: g["lr"] = a.adam_rate * scale
        adam.step()
        muon.step(a.rate * scale)
        model.zero_grad(set_to_none=True)
        sums = torch.stack([answer.detach(), other.detach()]) + (0 if sums is None else sums)
        step, count = step + 1, count + 1
        if step % 100 == 0:
            x, y = (sums / count).tolist()
            sums, count = None, 0
            curve.append((step, x, y))
            say(f"step {step} {time.time() - started:.0f} s answer {x:.4f} context {y:.4f} rate {scale:.3f} tokens {step * a.rows * ROW / 1e6:.0f} M fresh {fresh} repeated {repeated}")
        if progress >= 1: break
    for w in workers: w.terminate()
    say(f"trained {step} steps, {step * a.rows * ROW / 1e6:.0f} M tokens ({fresh * a.rows * ROW / 1e6:.0f} M fresh) in {time.time() - started:.0f} s")
    save(torch, model, vocabulary, a, say)
    plot(curve, f"{a.out}/loss.png", say)
    if not a.no_evaluation:
        import evaluate
        evaluate.main(f"{a.out}/model", HERE, f"{a.out}/evaluation.json", say)
    say(f"done in {time.time() - started:.0f} s")


def weights_of(model):
    """The model's parameters by transformers' names."""
    state = {"transformer.word_embeddings.weight": model.embed.weight, "transformer.word_embeddings_layernorm": model.n0, "transformer.ln_f": model.nf}
    names = {"n1": "input_layernorm", "n2": "post_attention_layernorm", "qkv": "self_attention.query_key_value", "dense": "self_attention.dense", "up": "mlp.dense_h_to_4h", "down": "mlp.dense_4h_to_h"}
    for i, block in enumerate(model.blocks):
        for mine, theirs in names.items(): state[f"transformer.h.{i}.{theirs}"] = getattr(block, mine)
    flat = {}
    for name, x in state.items():
        if hasattr(x, "bias"): flat[name + ".weight"], flat[name + ".bias"] = x.weight, x.bias
        else: flat[name] = x
    return {k: v.detach() for k, v in flat.items()}


def save(torch, model, vocabulary, a, say):
    import shutil
    from transformers import BloomConfig, BloomForCausalLM, GenerationConfig
    config = BloomConfig(vocab_size=vocabulary, hidden_size=HIDDEN, n_layer=LAYERS, n_head=HEADS, layer_norm_epsilon=1e-5, bos_token_id=1, eos_token_id=2, pad_token_id=3, seq_length=2048, tie_word_embeddings=True)
    target = BloomForCausalLM(config).eval()
    flat = {k: v.float().cpu() for k, v in weights_of(model).items()}
    flat["lm_head.weight"] = flat["transformer.word_embeddings.weight"]
    target.load_state_dict(flat)
    try: compare(torch, model, vocabulary, target, say)
    except Exception as e: say(f"comparison failed: {e!r}"[:400])
    target = target.cpu()
    target = target.to(torch.bfloat16)
    target.config.dtype = torch.bfloat16
    target.generation_config = GenerationConfig(bos_token_id=1, eos_token_id=2, pad_token_id=3)
    target.save_pretrained(f"{a.out}/model")
    for name in ("tokenizer.json", "tokenizer_config.json"): shutil.copy(f"{a.tokenizer}/{name}", f"{a.out}/model/{name}")
    say(f"saved, {os.path.getsize(a.out + '/model/model.safetensors'):,} bytes")


def compare(torch, model, vocabulary, target, say):
    from torch.nn.attention.flex_attention import create_block_mask
    torch.set_float32_matmul_precision("highest")
    ids = torch.randint(4, vocabulary, (2, 256), device="cuda")
    with torch.no_grad():
        reference = target.float().cuda()(ids).logits
        mask = create_block_mask(lambda b, h, q, k: q >= k, 2, None, 256, 256, device="cuda")
        own = torch.nn.functional.linear(torch.compile(model, dynamic=False)(ids, mask), model.embed.weight)
        say(f"transformers agrees: relative difference {((own - reference).norm() / reference.norm()).item():.2e}, same next token {(own.argmax(-1) == reference.argmax(-1)).float().mean().item():.4f}")


def plot(curve, path, say):
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        say("no matplotlib, no picture")
        return
    figure, axis = plt.subplots(figsize=(7, 4))
    axis.plot([c[0] for c in curve], [c[1] for c in curve], label="answers")
    axis.plot([c[0] for c in curve], [c[2] for c in curve], label="passages and questions")
    axis.set_xlabel("step"); axis.set_ylabel("loss (nats a token)"); axis.set_yscale("log"); axis.legend(); axis.grid(alpha=.3)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
