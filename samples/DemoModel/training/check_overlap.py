"""Shows that training does not contain what the evaluation asks: python3 check_overlap.py [--examples 20000]

1. The evaluation sets are drawn again and are the same file.
2. No passage, no sentence of a passage that names somebody or something, and no dialogue of the evaluation, of handwritten_dev.json, of
   ../examples.json or of ../../passages is in the training examples.
3. No held-out form and no kind of fact marked '!' is, found by expressions made of the forms. Where a form is written twice, once held out and
   once not (two kinds of fact share it), it counts as not held out, as it always did; these are listed.
4. No held-out name is asked for or about.
"""
import argparse, collections, glob, json, os, re, sys, tempfile
import generate, wording

HERE = os.path.dirname(os.path.abspath(__file__))
SHOW = int(os.environ.get("SHOW", "3"))

def slots_of(form, s):
    """What stands in the slots of a form."""
    words = [w for w in re.split(r"\{[^}]+\}|\(n\)", form.strip("?？.。 ")) if w.strip()]
    out, rest = [], s
    for w in words:
        before, _, rest = rest.partition(w)
        out.append(before)
    return out + [rest]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--examples", type=int, default=20000)
    p.add_argument("--seed", type=int, default=424242)
    a = p.parse_args()
    wrong = 0

    def report(what, found, allowed=0):
        nonlocal wrong
        wrong += len(found) > allowed
        print(f"{'ok  ' if len(found) <= allowed else 'FAIL'} {what}: {len(found)}" + (f", for example {found[:SHOW]}" if found else ""))

    with tempfile.TemporaryDirectory() as folder:
        generate.evaluation_sets(folder)
        with open(f"{folder}/evaluation.jsonl", encoding="utf-8") as f, open(f"{HERE}/evaluation.jsonl", encoding="utf-8") as g: report("evaluation sets differ from the file", [] if f.read() == g.read() else ["evaluation.jsonl"])
    with open(f"{HERE}/evaluation.jsonl", encoding="utf-8") as f: cases = [json.loads(line) for line in f]
    with open(f"{HERE}/handwritten_dev.json", encoding="utf-8") as f: hand = json.load(f)
    with open(f"{HERE}/../examples.json", encoding="utf-8") as f: shown = json.load(f)
    for path in sorted(glob.glob(f"{HERE}/../../passages/*.txt")):
        with open(path, encoding="utf-8") as f: text = f.read().strip()
        shown.append({"language": "zh" if any("\u4e00" <= c <= "\u9fff" for c in text) else "en", "passage": text})

    rng = generate.Quick(a.seed)
    users, questions, sentences, answers, whole = {"en": [], "zh": []}, {"en": set(), "zh": set()}, {"en": set(), "zh": set()}, {"en": set(), "zh": set()}, set()
    count = 0
    while count < a.examples:
        for e in generate.make_several(rng, rng.choice(("en", "zh"))):
            count += 1
            for m in e["messages"]:
                if m["role"] == "assistant": answers[e["language"]].add(m["text"]); continue
                users[e["language"]].append(m["text"])
                whole.add(m["text"])
                for line in m["text"].split("\n"):
                    for s in re.split(r"(?<=[。？！])" if e["language"] == "zh" else r"(?<=[.?!]) ", line):
                        s = re.sub(r"^(?:Passage|Question|Text|Context|文章|问题)[:：] ?", "", s.strip())
                        (questions if s.endswith(("?", "？")) else sentences)[e["language"]].add(s)
    print(f"{count} training examples, {sum(map(len, questions.values()))} different questions, {sum(map(len, sentences.values()))} different sentences")

    report("evaluation prompts among the training prompts", [c["messages"][0]["text"] for c in cases if c["messages"][0]["text"] in whole])
    passages = [(h["language"], h["passage"]) for h in hand] + [(h["language"], h["passage"]) for h in shown]
    every = {c: "\n".join(users[c]) for c in users}
    report("hand-written passages in training", [x for c, x in passages if x in every[c]])
    parts = [(c, s.strip()) for c, x in passages for s in re.split(r"(?<=[。？！])" if c == "zh" else r"(?<=[.?!]) ", x) if len(s.strip()) > (9 if c == "zh" else 24)]
    report("sentences of hand-written passages in training", [s for c, s in parts if s in sentences[c]])
    natural = generate.natural()
    ordinary = set(natural["en"]) | set(natural["example"]) | set(natural["zh"])
    told = set()
    for c in cases:
        for line in c["messages"][0]["text"].split("\n"):
            for s in re.split(r"(?<=[。])" if c["language"] == "zh" else r"(?<=[.]) ", line):
                if len(s.strip()) > 30 and s.strip() not in ordinary and re.search(r"\d| [A-Z]" if c["language"] == "en" else r"\d|·", s.strip()): told.add((c["language"], s.strip()))
    # Some name nothing of their own ("It does not open on Wednesdays."), or are steps that training and evaluation share.
    report(f"sentences of evaluation passages that name something in training, of {len(told)}", [s for c, s in told if s in sentences[c]], allowed=len(told) // 100)

    for code in ("en", "zh"):
        zh, language = code == "zh", generate.language(code)
        taught = set()
        for t in language.topics:
            for x in t["attributes"]:
                if x.held: continue
                for group in (x.s, x.q): taught.update(group[:-1] if len(group) >= 4 else group)
                taught.update(x.r + x.more_s + x.more_q)
        for f in language.frames:
            taught.update(f["s"][:-1] if len(f["s"]) >= 4 else f["s"])
            for _, forms in f["q"]: taught.update(forms[:-1] if len(forms) >= 4 else forms)
        taught = {language.held.plain(f) for f in taught}
        both, general, found_q, found_s, found_kinds = [], [], collections.Counter(), collections.Counter(), collections.Counter()
        h = language.held
        held_q, held_s, kinds = h.questions, h.statements, h.kinds
        for forms, texts, found in ((held_q, questions[code], found_q), (held_s, sentences[code] - ordinary, found_s), ([f for f in kinds if f[-1] in "?？"], questions[code], found_kinds), ([f for f in kinds if f[-1] not in "?？"], sentences[code] - ordinary, found_kinds)):
            for form in forms:
                if h.plain(form) in taught: both.append(form)
                elif not h.telling(form, 3 if zh else 9): general.append(form)
                else:
                    e = re.compile(wording.expression(form, zh))
                    key = max(re.split(r"\{[^}]+\}|\(n\)", form.strip("?？.。 ")), key=len)
                    for s in texts:
                        if key not in s or not e.match(s): continue
                        # A slot that swallowed a verb is another form; so is a question without its mark.
                        if form[-1] not in "?？" and (s[-1] not in ".。" or re.search(r"[哪谁何几]|什么|多少" if zh else r"^(According to the passage|In the text|Which|Who|What)", s)): continue
                        if zh and form[-1] not in "?？" and "是" not in form and any("是" in slot for slot in slots_of(form, s)[:-1]): continue
                        if not zh and forms is held_s and "," not in form and any("," in slot for slot in slots_of(form, s)[:-1]): continue
                        if not zh and any(re.search(r"\b(is|was|are|were|has|have|which|who|first)\b", slot) for slot in slots_of(form, s)): continue
                        if "{N^" in form or "{N}" in form and not re.search(r"[\d一二三四五六七八九十两]" if zh else r"\d|\b(" + "|".join(generate.NUMBERS_EN[2:] + list(generate.TENS_EN.values())) + ")", s): continue  # another event without a number
                        found[form + " <- " + s] += 1
        print(f"{code}: {len(held_q)} held-out question forms, {len(held_s)} statement forms, {len(kinds)} forms of held-out kinds; written for another kind of fact too: {both}; too few words to be told by them: {general}")
        report(f"{code}: questions in a held-out form", sorted(found_q))
        report(f"{code}: statements in a held-out form", sorted(found_s))
        report(f"{code}: statements and questions of held-out kinds", sorted(found_kinds))
        names = {n for k in (("female", "male", "last", "city") if not zh else ("last", "city", "street")) for n in language.lists[k] if len(language.lists[k]) >= 60 and generate.held_name(n) and len(n) > (1 if zh else 3)}
        fine = {n for k, items in language.lists.items() if isinstance(items, list) for n in items if isinstance(n, str) and not (len(items) >= 60 and generate.held_name(n))}
        names = {n for n in names if n not in fine and not any(n in other for other in fine)}
        found = [n for n in names if n in answers[code]]
        report(f"{code}: of {len(names)} held-out names, whole answers of training", sorted(found))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
