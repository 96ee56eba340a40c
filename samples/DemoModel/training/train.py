"""Makes the demo model in one run: vocabulary, data, training, saving, loss curve, evaluation.

    python3 train.py --out OUT                       one GPU; ends within --seconds (520), evaluation included
    python3 train.py --out OUT --dry-run             a minute on a CPU, to see that everything runs; the model is worthless

Data processes make fresh examples all the while. The learning rate follows the share of the time that has passed. Loss weights: answers
and their end mark 1, everything else --context-weight. Documents packed into one row do not see each other.

At the token where a refusal parts from other answers, the refusal is given some nats more than the model gives it; the model never gets
this help later, so it needs that much more certainty to decline. How much it is follows what comes of it: from a third of the training
on it is moved so that the model itself refuses --recall of the unanswerable questions of the training batches, and no more.
"""
import argparse, collections, contextlib, json, math, multiprocessing, os, random, shutil, sys, threading, time

STARTED = time.time()
HERE = os.path.dirname(os.path.abspath(__file__))
SHIPPED = os.path.normpath(f"{HERE}/../../../src/LocalBloom.AI.DemoModel/model")
sys.path.insert(0, HERE)
PART = 32  # rows a data process makes at a time


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--seconds", type=float, default=520, help="for the whole run")
    p.add_argument("--reserve", type=float, default=45, help="seconds of these kept for saving and evaluation")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--rows", type=int, default=128, help="rows of a batch")
    p.add_argument("--length", type=int, default=1024, help="tokens of a row")
    p.add_argument("--layers", type=int, default=7)
    p.add_argument("--width", type=int, default=256)
    p.add_argument("--vocabulary", type=int, default=7424)
    p.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    p.add_argument("--rate", type=float, default=.02)
    p.add_argument("--adam-rate", type=float, default=3e-3)
    p.add_argument("--context-weight", type=float, default=.1)
    p.add_argument("--margin", type=float, default=2, help="nats given to a refusal at first")
    p.add_argument("--most-margin", type=float, default=7)
    p.add_argument("--recall", type=float, default=.92, help="share of the unanswerable questions that training lets the model refuse; 1 keeps the margin as it is")
    p.add_argument("--unanswerable", type=float, default=.115, help="share of the questions")
    p.add_argument("--unanswerable-end", type=float, default=.09, help="the same in the last quarter")
    p.add_argument("--device", default=None)
    p.add_argument("--tokenizer", help="a folder with a tokenizer.json to use instead of a new one")
    p.add_argument("--start", help="a model folder to continue from")
    p.add_argument("--plain", action="store_true", help="no compilation (slow)")
    p.add_argument("--no-evaluation", action="store_true")
    p.add_argument("--dry-run", action="store_true")
    a = p.parse_args()
    if a.rows > PART and a.rows % PART: p.error(f"--rows must be a multiple of {PART}")
    if a.dry_run: a.seconds, a.reserve, a.rows, a.length, a.workers, a.layers, a.plain = 60, 20, 4, 512, 1, 2, True
    return a


def newton_schulz(torch, g):
    x = g.bfloat16() if g.is_cuda else g.float()
    tall = x.size(-2) > x.size(-1)
    if tall: x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


class Muon:
    """Momentum with orthogonalised updates for the blocks' matrices; query, key and value apart."""

    def __init__(self, torch, params, width, heads, compiled, momentum=.95, decay=.02):
        self.torch, self.width, self.heads, self.momentum, self.decay, self.groups = torch, width, heads, momentum, decay, {}
        for p in params: self.groups.setdefault(tuple(p.shape), []).append(p)
        self.buffers = {s: torch.zeros(len(ps), *s, device=ps[0].device) for s, ps in self.groups.items()}
        self.update = torch.compile(self.direction, dynamic=False) if compiled else self.direction

    def direction(self, grads, buffer):
        torch = self.torch
        buffer = buffer * self.momentum + grads * (1 - self.momentum)
        u = grads * (1 - self.momentum) + buffer * self.momentum
        n, rows, columns = u.shape
        if rows == 3 * self.width:
            v = u.view(n, self.heads, 3, self.width // self.heads, columns).transpose(1, 2).reshape(n * 3, self.width, columns)
            v = newton_schulz(torch, v).view(n, 3, self.heads, self.width // self.heads, columns).transpose(1, 2).reshape(n, rows, columns)
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


class Feed:
    """Whole batches from the data processes, read by a thread; used ones come again where the processes lag behind."""

    def __init__(self, parts, rows, length, most=600):
        self.ready, self.used, self.parts, self.most = collections.deque(), [], parts, most
        self.fresh = self.repeated = 0
        self.rng = random.Random(7)
        self.pieces = rows // PART if rows > PART else 1
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        import numpy
        while True:
            part = [self.parts.get() for _ in range(self.pieces)]
            while len(self.ready) >= self.most: time.sleep(.02)
            self.ready.append([numpy.concatenate(x) for x in zip(*part)])

    def next(self):
        while not self.ready and len(self.used) < 32: time.sleep(.01)
        if self.ready:
            batch = self.ready.popleft()
            self.fresh += 1
            if len(self.used) < 1200: self.used.append(batch)
            else: self.used[self.rng.randrange(1200)] = batch
            return batch
        self.repeated += 1
        return self.rng.choice(self.used)


def main():
    a = arguments()
    model_folder = f"{a.out}/model"
    os.makedirs(model_folder, exist_ok=True)
    log = open(f"{a.out}/train.log", "w", encoding="utf-8")

    def since(): return time.time() - STARTED

    def say(line):
        print(line, flush=True)
        log.write(line + "\n")
        log.flush()

    say(f"arguments {json.dumps(vars(a))}")
    shutil.copy(f"{SHIPPED}/prompt_template.json", f"{model_folder}/prompt_template.json")
    tokenizer_file = f"{model_folder}/tokenizer.json"
    context = multiprocessing.get_context("fork")  # everything is forked before CUDA is touched
    learner = None
    if os.path.exists(tokenizer_file): os.remove(tokenizer_file)
    if a.tokenizer: shutil.copy(f"{a.tokenizer}/tokenizer.json", tokenizer_file)
    else:
        import train_tokenizer
        learner = context.Process(target=train_tokenizer.main, args=(model_folder, a.vocabulary, a.workers, a.seed, say))
        learner.start()

    import batches
    part_rows = min(PART, a.rows)
    parts, share = context.Queue(maxsize=256), context.Value("d", a.unanswerable, lock=False)
    workers = [context.Process(target=batches.produce, args=(i, a.seed, part_rows, a.length, parts, tokenizer_file, share, 8), daemon=True) for i in range(a.workers)]
    for w in workers: w.start()
    feed = Feed(parts, a.rows, a.length)

    import torch
    import model as bloom
    import tokens
    torch.manual_seed(a.seed)
    torch.set_float32_matmul_precision("high")
    device = torch.device(a.device or ("cuda" if torch.cuda.is_available() and not a.dry_run else "cpu"))
    cuda = device.type == "cuda"
    if not cuda: torch.set_num_threads(1)
    vocabulary = len(tokens.Pieces(tokenizer_file).vocabulary) if a.tokenizer else a.vocabulary
    model = (bloom.read(a.start) if a.start else bloom.Bloom(vocabulary, a.width, a.layers)).to(device)
    count = sum(x.numel() for x in model.parameters())
    say(f"{count:,} parameters, vocabulary {vocabulary}, {torch.cuda.get_device_name() if cuda else 'CPU'}, torch {torch.__version__}, {a.workers} data processes")
    refusal = torch.zeros(vocabulary, device=device)  # 1 at the tokens that begin a refusal
    compiled = cuda and not a.plain and bloom.flex_attention is not None and hasattr(torch, "compile")
    matrices = [x for n, x in model.named_parameters() if x.dim() == 2 and "embed" not in n]
    rest = [x for n, x in model.named_parameters() if not (x.dim() == 2 and "embed" not in n)]
    muon = Muon(torch, matrices, model.width, model.heads, compiled)
    adam = torch.optim.AdamW(rest, lr=a.adam_rate, betas=(.9, .98), weight_decay=0.0, **({"fused": True} if cuda else {}))

    def loss_of(ids, targets, roles, mask, given):
        """(loss of answers, loss of the rest, refusals that the model makes by itself, refusals that are right)"""
        logits = model.logits(model(ids, mask)).float().flatten(0, 1)
        roles, targets = roles.flatten(), targets.flatten()
        answer, other, refused = (roles >= 2).float(), (roles == 1).float(), roles == 4
        made = refused & (logits.gather(1, targets[:, None])[:, 0] >= logits.amax(-1))
        logits = logits + (roles >= 3).float()[:, None] * given[None]
        each = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        return (each * answer).sum() / answer.sum().clamp(min=1), (each * other).sum() / other.sum().clamp(min=1), made.float().sum().detach(), refused.float().sum()

    quick_loss = torch.compile(loss_of, dynamic=False) if compiled else loss_of
    quick_mask = torch.compile(bloom.create_block_mask, dynamic=False) if compiled else None

    def half(): return torch.autocast("cuda", torch.bfloat16) if cuda else contextlib.nullcontext()

    def backward(ids, roles, docs):
        """Gradients of one batch; in pieces of a few rows where attention keeps whole score matrices."""
        nonlocal compiled, quick_loss
        d = docs[:, :-1].contiguous()
        x, y, w = ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), roles[:, 1:].contiguous()
        if compiled:
            try:
                with half(): answer, other, made, due = quick_loss(x, y, w, bloom.flex_mask(d, quick_mask), refusal * margin)
                (answer + a.context_weight * other).backward()
                return torch.stack([answer.detach(), other.detach(), made, due])
            except Exception as e:
                if not warming: raise
                say(f"no compilation, going on without: {e!r}"[:600])
                compiled, quick_loss, muon.update = False, loss_of, muon.direction
                model.zero_grad(set_to_none=True)
        size = min(8, len(x)) if cuda else len(x)
        total, part = torch.zeros(4, device=device), size / len(x)
        for s in range(0, len(x), size):
            with half(): answer, other, made, due = loss_of(x[s:s + size], y[s:s + size], w[s:s + size], bloom.score_mask(d[s:s + size]), refusal * margin)
            ((answer + a.context_weight * other) * part).backward()
            total += torch.stack([answer.detach() * part, other.detach() * part, made, due])
        return total

    def update(rate):
        torch.nn.utils.clip_grad_norm_(rest, 1.0)
        for g in adam.param_groups: g["lr"] = a.adam_rate * rate
        adam.step()
        muon.step(a.rate * rate)
        model.zero_grad(set_to_none=True)

    # While the vocabulary is learnt: compile on made-up rows, with a rate of 0, and forget what the optimizers saw.
    margin, warming = a.margin, True
    for _ in range(3 if compiled else 0):
        shape = (a.rows, a.length + 1)
        backward(torch.randint(4, vocabulary, shape, device=device), torch.randint(0, 4, shape, device=device, dtype=torch.int32), torch.arange(shape[1], device=device, dtype=torch.int32)[None].expand(shape).div(200, rounding_mode="floor").contiguous())
        try: update(0.0)
        except Exception as e:
            say(f"no compilation of the optimizer: {e!r}"[:400])
            muon.update = muon.direction
            update(0.0)
    adam.state.clear()
    for b in muon.buffers.values(): b.zero_()
    warming = False
    if cuda: torch.cuda.synchronize()
    say(f"compiled after {since():.0f} s" if compiled else "not compiled")
    if learner:
        learner.join()
        if learner.exitcode: raise SystemExit("the vocabulary could not be learnt")
    pieces = tokens.Pieces(tokenizer_file)
    if len(pieces.vocabulary) != vocabulary: raise SystemExit(f"the vocabulary has {len(pieces.vocabulary)} tokens, not {vocabulary}")
    check_tokens(pieces, tokenizer_file, say)
    for text, at in ((" The passage does not say.", 0), (" 文中没有提到。", 1)): refusal[pieces.encode(text)[at]] = 1

    end = STARTED + a.seconds - a.reserve
    step, first, curve, sums, counted, since_last = 0, None, [], None, None, 0
    every = 100 if cuda else 10
    per_step, warm = a.rows * a.length, 150 if cuda else 20
    while True:
        ids, roles, docs = feed.next()
        ids, roles, docs = (torch.from_numpy(x.astype("int64") if i == 0 else x.astype("int32")) for i, x in enumerate((ids, roles, docs)))
        if cuda: ids, roles, docs = (x.pin_memory().to(device, non_blocking=True) for x in (ids, roles, docs))
        if first is None:
            first = time.time()
            say(f"ready after {since():.0f} s, {len(feed.ready)} fresh batches waiting")
        progress = min(1.0, (time.time() - first) / max(1.0, end - first))
        share.value = a.unanswerable_end if progress > .72 else a.unanswerable
        scale = min(1.0, (step + 1) / warm) * (1.0 if progress < .3 else max(.0, .5 + .5 * math.cos(math.pi * (progress - .3) / .7)))
        seen = backward(ids, roles, docs)
        update(scale)
        sums = seen if sums is None else sums + seen
        counted = seen[2:] if counted is None else counted + seen[2:]
        step, since_last = step + 1, since_last + 1
        if step % (every // 5) == 0:
            made, due = counted.tolist()
            counted = None
            if progress > .33 and a.recall < 1 and due: margin = min(a.most_margin, max(0.0, margin + 3 * max(-.2, made / due - a.recall)))
        if step % every == 0:
            x, y, made, due = sums.tolist()
            x, y, made = x / since_last, y / since_last, made / max(1, due)
            sums, since_last = None, 0
            curve.append((step, x, y))
            say(f"step {step} {since():.0f} s answer {x:.4f} context {y:.4f} refused {made:.3f} margin {margin:.1f} rate {scale:.3f} tokens {step * per_step / 1e6:.1f} M fresh {feed.fresh} repeated {feed.repeated} waiting {len(feed.ready)}")
        if progress >= 1: break
    for w in workers: w.terminate()
    say(f"trained {step} steps, {step * per_step / 1e6:.0f} M tokens, {feed.fresh * per_step / 1e6:.0f} M of them fresh, in {since():.0f} s")
    bloom.write(model, model_folder)
    say(f"saved, {os.path.getsize(model_folder + '/model.safetensors'):,} bytes")
    plot(curve, f"{a.out}/loss.png", say)
    try: compare(torch, bloom, model, model_folder, device, say)
    except Exception as e: say(f"comparison failed: {e!r}"[:400])
    if not a.no_evaluation:
        import evaluate
        evaluate.main(model_folder, HERE, f"{a.out}/evaluation.json", say, most=20 if a.dry_run else None)
    say(f"done in {since():.0f} s")


def check_tokens(pieces, path, say):
    """The quick tokenisation against the library's."""
    try: from tokenizers import Tokenizer
    except ImportError:
        say("no tokenizers package: tokenisation not compared")
        return
    import generate
    library, rng, different = Tokenizer.from_file(path), random.Random(99), 0
    texts = [t for _ in range(400) for t, _ in generate.render(generate.make(rng, rng.choice(("en", "zh"))))]
    for t in texts: different += library.encode(t, add_special_tokens=False).ids != pieces.encode(t)
    say(f"tokenisation differs from the library's in {different} of {len(texts)} texts")
    if different: raise SystemExit("the pieces of tokens.py do not fit this tokenizer")


def compare(torch, bloom, model, folder, device, say):
    """What was saved, read by transformers, against the model in memory."""
    from transformers import AutoModelForCausalLM
    torch.set_float32_matmul_precision("highest")
    ids = torch.randint(4, model.embed.num_embeddings, (2, 256), generator=torch.Generator().manual_seed(1)).to(device)
    saved = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to(device)
    with torch.no_grad():
        reference = saved(ids).logits
        own = bloom.read(folder).to(device)
        own = own.logits(own(ids, bloom.score_mask(torch.ones_like(ids))))
        say(f"transformers agrees: relative difference {((own - reference).norm() / reference.norm()).item():.2e}, same next token {(own.argmax(-1) == reference.argmax(-1)).float().mean().item():.4f}")


def plot(curve, path, say):
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        say("no matplotlib: a picture without labels")
        import picture
        picture.curves(path, curve)
        return
    figure, axis = plt.subplots(figsize=(7, 4))
    axis.plot([c[0] for c in curve], [c[1] for c in curve], label="answers")
    axis.plot([c[0] for c in curve], [c[2] for c in curve], label="passages and questions")
    axis.set_xlabel("step"); axis.set_ylabel("loss (nats a token)"); axis.set_yscale("log"); axis.legend(); axis.grid(alpha=.3)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
