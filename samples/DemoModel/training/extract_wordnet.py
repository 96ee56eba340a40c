"""Extracts common English words with a synonym or a broader word from WordNet: python3 extract_wordnet.py /usr/share/wordnet

Writes lists/words_alike.json: "verbs": groups of "base/past" that can stand for each other before a thing; "nouns": [synonyms, broader words]
of things; "relations": [synonyms, 1 for a person]: what somebody or something can have (head, motto, result, ...). Frequent senses only.
"""
import collections, json, os, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
folder = sys.argv[1]
FORBIDDEN = re.compile(r"tubercul|sex|rape|slut|whore|nigg|kill|murder|suicide|drug|nazi|genital|penis|breast|fuck|shit|arse|bitch|bastard|negro", re.I)
senses = {}  # (lemma, offset) -> (sense number, count)
for line in open(f"{folder}/index.sense"):
    key, offset, number, count = line.split()
    lemma, rest = key.split("%")
    senses[(lemma, rest[0], offset)] = (int(number), int(count))
irregular = collections.defaultdict(list)
for line in open(f"{folder}/verb.exc"):
    form, *bases = line.split()
    for b in bases: irregular[b].append(form)


def past(verb):
    head, _, rest = verb.partition(" ")
    if head in irregular:
        forms = [f for f in irregular[head] if f.endswith("ed")]
        if not forms or any(not f.endswith(("ed", "ing")) for f in irregular[head]): return None
        p = forms[0]
    elif head.endswith("e"): p = head + "d"
    elif re.search(r"[^aeiou]y$", head): p = head[:-1] + "ied"
    else: p = head + "ed"
    return p + (" " + rest if rest else "")


def synsets(part):
    for line in open(f"{folder}/data.{part}"):
        if line.startswith("  "): continue
        data, _, gloss = line.partition(" | ")
        f = data.split()
        n = int(f[3], 16)
        words = [f[4 + 2 * i] for i in range(n)]
        p = 4 + 2 * n
        pointers = [f[p + 1 + 4 * i: p + 5 + 4 * i] for i in range(int(f[p]))]
        rest = f[p + 1 + 4 * int(f[p]):]
        frames = [(int(rest[i + 1]), int(rest[i + 2], 16)) for i in range(1, len(rest), 3)] if part == "verb" and rest else []
        yield f[0], int(f[1]), words, pointers, frames


verbs = []
for offset, lex, words, _, frames in synsets("verb"):
    if not any(k in (8, 11) for k, _ in frames): continue
    good = []
    for i, w in enumerate(words):
        number, count = senses.get((w.lower(), "2", offset), (9, 0))
        if not any(k in (8, 11) and at in (0, i + 1) for k, at in frames): continue
        if "_" in w or not w.islower() or not w.isalpha() or len(w) < 3 or FORBIDDEN.search(w): continue
        if number > 2 or (number == 2 and count < 2): continue
        p = past(w)
        if p and count: good.append((count, f"{w}/{p}"))
    if sum(c for c, _ in good) >= 3 and len(good) >= 2: verbs.append([v for _, v in sorted(good, reverse=True)])

all_nouns = {o: (lex, words, pointers) for o, lex, words, pointers, _ in synsets("noun")}


def good_words(offset, least):
    out = []
    for w in all_nouns[offset][1]:
        number, count = senses.get((w.lower(), "1", offset), (9, 0))
        if w.islower() and re.fullmatch(r"[a-z]+(_[a-z]+)?", w) and 2 < len(w) < 16 and not FORBIDDEN.search(w) and count and number <= 2 and (number == 1 or count > 3): out.append((count, w.replace("_", " ")))
    out.sort(reverse=True)
    return [w for c, w in out] if sum(c for c, _ in out) >= least else []


THINGS, RELATIONS = {5, 6, 13, 17, 20, 27}, {4, 7, 9, 10, 15, 18, 21, 26, 28}
nouns, relations = [], []
for o, (lex, _, pointers) in all_nouns.items():
    if lex in THINGS:
        names = good_words(o, 1)
        broad = [w for p in pointers if p[0] == "@" and p[1] in all_nouns and all_nouns[p[1]][0] == lex for w in good_words(p[1], 8)[:2]]
        broad = [b for b in broad if b not in ("whole", "object", "artifact", "instrumentality", "matter", "substance", "thing", "unit", "part") and b not in names]
        if names and (len(names) > 1 or broad): nouns.append([names[:3], broad[:2]])
    elif lex in RELATIONS:
        names = good_words(o, 4)
        if len(names) > 1: relations.append([names[:3], int(lex == 18)])
out = {"verbs": verbs, "nouns": nouns, "relations": relations}
print({k: len(v) for k, v in out.items()}, "words", len({w for g in nouns for w in g[0]}))
json.dump(out, open(f"{HERE}/lists/words_alike.json", "w"), separators=(",", ":"))
