"""Evaluates a model folder: exact match by set, answerable questions declined, unanswerable ones recognised, and the targets.

    python3 evaluate.py MODEL [EVALUATION-FOLDER] [RESULTS.json]

transformers generates, greedily and in float32; without that package the model of model.py does. Normalisation before comparing: trim
white space, then one trailing '.' or '。'. Nothing else. The last table shows what declining only above a given certainty would give.
"""
import json, math, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
DECLINES = {"The passage does not say": "en", "文中没有提到": "zh"}
TARGETS = [("names", "exact", .85), ("templates", "exact", .60), ("unanswerable", "recognised", .80)]
MOST_DECLINED = .10


def normalize(text):
    text = text.strip()
    return text[:-1] if text[-1:] in (".", "。") else text


def prompt(messages):
    text = ""
    for i, m in enumerate(messages):
        if m["role"] == "system": text += m["text"] + "\n"
        elif m["role"] == "user": text += ("\n" if text.endswith("</s>") else "") + "User: " + m["text"] + "\nAssistant:"
        else: text += " " + m["text"] + "</s>"
    return text


def load_cases(folder):
    with open(f"{folder}/evaluation.jsonl", encoding="utf-8") as f: cases = [json.loads(line) for line in f]
    with open(f"{HERE}/handwritten_dev.json", encoding="utf-8") as f: hand = json.load(f)
    for item in hand:
        for q, answers in item["questions"]:
            cases.append({"set": "handwritten", "language": item["language"], "messages": [{"role": "user", "text": f"{item['passage']}\n\n{q}"}], "answer": answers})
    return cases


def split_end(text, encode):
    """Ids of a text with </s> in it."""
    ids = []
    for i, part in enumerate(text.split("</s>")):
        if i: ids.append(2)
        if part: ids += encode(part)
    return ids


class Transformers:
    """Generation and scores by transformers' BloomForCausalLM."""

    def __init__(self, folder):
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModelForCausalLM
        torch.set_float32_matmul_precision("highest")
        self.torch, self.device = torch, "cuda" if torch.cuda.is_available() else "cpu"
        tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.encode, self.decode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids, lambda ids: tokenizer.decode(ids, skip_special_tokens=True)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval().to(self.device)
        self.batch = 256 if self.device == "cuda" else 16

    def generate(self, prompts):
        torch, width = self.torch, max(map(len, prompts))
        ids = torch.tensor([[3] * (width - len(p)) + p for p in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.device)
        out = self.model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=48, do_sample=False, pad_token_id=3, eos_token_id=2)
        return out[:, width:].tolist()

    def scores(self, ids): return self.model(ids.to(self.device)).logits  # padded on the right, which a causal model does not see


class Own:
    """The same by model.py, where transformers is not installed."""

    def __init__(self, folder):
        import torch
        import model, tokens
        torch.set_num_threads(1)
        self.torch, self.bloom, self.device, self.batch = torch, model, "cpu", 16
        pieces = tokens.Pieces(f"{folder}/tokenizer.json")
        self.encode, self.decode = pieces.encode, pieces.decoder()
        self.model = model.read(folder).eval()

    def generate(self, prompts):
        torch, rows = self.torch, [list(p) for p in prompts]
        done = [False] * len(rows)
        for _ in range(32):
            width = max(map(len, rows))
            left = [i for i, d in enumerate(done) if not d]
            if not left: break
            ids = torch.tensor([rows[i] + [3] * (width - len(rows[i])) for i in left])
            hidden = self.model(ids, self.bloom.score_mask(torch.ones_like(ids)))[torch.arange(len(left)), torch.tensor([len(rows[i]) - 1 for i in left])]
            for i, best in zip(left, self.model.logits(hidden).argmax(-1).tolist()):
                rows[i].append(best)
                done[i] = best == 2
        return [r[len(p):] for r, p in zip(rows, prompts)]

    def scores(self, ids): return self.model.logits(self.model(ids, self.bloom.score_mask(self.torch.ones_like(ids))))


def log_odds(engine, prompts, declines):
    """How much more likely than not each prompt's refusal is, by the model."""
    torch, width = engine.torch, max(len(p) + len(d) for p, d in zip(prompts, declines))
    ids = torch.tensor([p + d + [3] * (width - len(p) - len(d)) for p, d in zip(prompts, declines)])
    at = torch.tensor([[len(p) - 1 + min(k, len(d) - 1) for k in range(max(map(len, declines)))] for p, d in zip(prompts, declines)])
    chosen = engine.scores(ids)[torch.arange(len(prompts))[:, None].to(engine.device), at.to(engine.device)]
    chosen = torch.log_softmax(chosen.float(), -1).cpu()
    out = []
    for row, d in zip(chosen, declines):
        p = math.exp(min(-1e-9, sum(row[k, t].item() for k, t in enumerate(d))))
        out.append(math.log(max(p, 1e-12) / max(1 - p, 1e-12)))
    return out


def table_of(cases, declined):
    """Counts by set and language, and what of the answerable questions of all sets was declined."""
    table = {}
    for case, no in zip(cases, declined):
        row = table.setdefault(f"{case['set']} {case['language']}", {"cases": 0, "exact": 0, "answerable": 0, "declined": 0, "unanswerable": 0, "recognised": 0})
        row["cases"] += 1
        row["exact"] += case["right"]
        kind = "unanswerable" if case["unanswerable"] else "answerable"
        row[kind] += 1
        row["recognised" if case["unanswerable"] else "declined"] += no
    return table


def share(part, whole): return f"{100 * part / whole:6.1f} %" if whole else "       –"


def main(folder, evaluation=HERE, results=None, say=print, most=None):
    try: engine = Transformers(folder)
    except ImportError as e:
        say(f"evaluated by model.py ({e})")
        engine = Own(folder)
    torch, cases = engine.torch, load_cases(evaluation)
    if most:
        by_set = {}
        for c in cases: by_set.setdefault((c["set"], c["language"]), []).append(c)
        cases = [c for group in by_set.values() for c in group[:max(1, most // 10)]]
    accepted = [c["answer"] if isinstance(c["answer"], list) else [c["answer"]] for c in cases]
    prompts = [split_end(prompt(c["messages"]), engine.encode) for c in cases]
    refusals = {code: split_end(" " + text + ("." if code == "en" else "。") + "</s>", engine.encode) for text, code in DECLINES.items()}
    order = sorted(range(len(cases)), key=lambda i: len(prompts[i]))
    odds = [0.0] * len(cases)
    with torch.no_grad():
        for start in range(0, len(order), engine.batch):
            chunk = order[start:start + engine.batch]
            for i, ids in zip(chunk, engine.generate([prompts[i] for i in chunk])):
                if 2 in ids: ids = ids[:ids.index(2)]
                case, output = cases[i], engine.decode([t for t in ids if t > 3])
                case["output"], case["right"] = output.strip(), normalize(output) in [normalize(x) for x in accepted[i]]
                case["unanswerable"] = normalize(accepted[i][0]) in DECLINES
        for start in range(0, len(order), engine.batch):
            chunk = order[start:start + engine.batch]
            for i, x in zip(chunk, log_odds(engine, [prompts[i] for i in chunk], [refusals[cases[i]["language"]] for i in chunk])): odds[i] = x
    declined = [normalize(c["output"]) in DECLINES for c in cases]
    table = table_of(cases, declined)

    say(f"{'set':16} {'cases':>6} {'exact':>9} {'answerable declined':>22} {'unanswerable recognised':>26}")
    for name, r in table.items():
        say(f"{name:16} {r['cases']:6} {share(r['exact'], r['cases']):>9} {share(r['declined'], r['answerable']):>12} of {r['answerable']:<6} {share(r['recognised'], r['unanswerable']):>16} of {r['unanswerable']:<6}")
    generated = [r for name, r in table.items() if not name.startswith("handwritten")]
    answerable, gone = sum(r["answerable"] for r in generated), sum(r["declined"] for r in generated)
    say("targets")
    checks = []
    for code in ("en", "zh"):
        for name, what, least in TARGETS:
            r = table.get(f"{name} {code}")
            if r: checks.append((f"{name} {code}, {what}", r[what] / max(1, r["cases" if what == "exact" else "unanswerable"]), least, True))
    checks += [(f"{name}, answerable declined", r["declined"] / r["answerable"], MOST_DECLINED, False) for name, r in table.items() if r["answerable"]]
    checks.append((f"all generated sets, answerable declined ({gone} of {answerable})", gone / max(1, answerable), MOST_DECLINED, False))
    for name, value, bound, least in checks: say(f"  {'pass' if (value >= bound if least else value <= bound) else 'FAIL'} {name}: {100 * value:.1f} %, {'at least' if least else 'at most'} {100 * bound:.0f} %")
    say("declining only above these log-odds of the refusal (0 is what the model does); answerable declined by set, and unanswerable recognised in all")
    sweep = []
    for bound in (-4, -2, 0, 2, 4, 6, 8, 10, 12):
        t = table_of(cases, [o > bound for o in odds])
        row = {"log_odds": bound, "declined": {n: r["declined"] / r["answerable"] for n, r in t.items() if r["answerable"]}, "recognised": sum(r["recognised"] for r in t.values()) / max(1, sum(r["unanswerable"] for r in t.values()))}
        sweep.append(row)
        say(f"  {bound:3}: recognised {100 * row['recognised']:.0f} %; " + ", ".join(f"{n} {100 * v:.0f} %" for n, v in row["declined"].items() if v > .005))
    if results:
        with open(results, "w", encoding="utf-8") as f:
            json.dump({"normalisation": "trim white space, then one trailing '.' or '。'", "table": table,
                       "targets": [{"target": n, "value": v, "bound": b, "kind": "at least" if l else "at most", "met": v >= b if l else v <= b} for n, v, b, l in checks], "refusal_bounds": sweep,
                       "wrong": [{k: c[k] for k in ("set", "language", "answer", "output")} | {"question": c["messages"][-1]["text"][-300:]} for c in cases if not c["right"]]}, f, ensure_ascii=False, indent=1)
    return cases


if __name__ == "__main__":
    main(*sys.argv[1:])
