"""Trains the byte-level BPE vocabulary and writes tokenizer.json with BLOOM's pipeline. Standard library only.

    python3 train_tokenizer.py OUT [--vocabulary 7424]

Chinese characters and digits stay one token each (a character's merges never cross into the next one), so that a name
or a number has the same tokens wherever it stands and a small model can copy it; the other merges are learnt from
words of English passages and sentences.
"""
import argparse, collections, heapq, json, os, random, re
import generate

CHUNK = re.compile(r" ?[^()\s|.,!?…。，、।۔،\[\]]+")
WIDE = re.compile(r"[\u2010-\u2027\u3000-\u303f\u4e00-\u9fff\uff00-\uffef·€£]")


def byte_alphabet():
    visible = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {b: chr(b) for b in visible}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


def main(out, size, examples):
    table = byte_alphabet()
    rng = random.Random(11)
    wide, words = collections.Counter(), collections.Counter()
    texts = []
    for code in ("en", "zh"):
        for _ in range(examples):
            texts += [t for t, _ in generate.render(generate.make(rng, code))]
    n = generate.natural()
    texts += n["en"] + n["example"] + [f"{a} {b}" for a, b in n["gloss"]] + n["zh"]
    for t in texts:
        wide.update(WIDE.findall(t))
        for chunk in CHUNK.findall(t):
            for piece in re.split(r"[\u2010-\u2027\u3000-\u303f\u4e00-\u9fff\uff00-\uffef·€£0-9]", chunk):
                if len(piece) > 1: words[piece] += 1
    for c in generate.COMMON_HAN + "，。？！：；“”‘’、《》（）·—…％～＿€£－": wide[c] += 1
    merges, vocab = [], {s: i for i, s in enumerate(["<unk>", "<s>", "</s>", "<pad>"] + sorted(table.values()))}

    def merge(a, b):
        if a + b not in vocab:
            vocab[a + b] = len(vocab)
            merges.append([a, b])

    keep = [c for c, k in wide.most_common() if k > 40 or c in generate.COMMON_HAN or not "\u4e00" <= c <= "\u9fff"]
    for c in sorted(keep):
        symbols = [table[b] for b in c.encode()]
        for i in range(1, len(symbols)): merge("".join(symbols[:i]), symbols[i])
    print("wide merges", len(merges))

    word_list = [(tuple(table[b] for b in w.encode()), k) for w, k in words.items() if k > 1]
    symbols = [list(w) for w, _ in word_list]
    counts, where = collections.Counter(), collections.defaultdict(set)
    for i, (w, k) in enumerate(word_list):
        for pair in zip(w, w[1:]):
            counts[pair] += k
            where[pair].add(i)
    heap = [(-k, p) for p, k in counts.items()]
    heapq.heapify(heap)
    while len(vocab) < size and heap:
        k, pair = heapq.heappop(heap)
        if counts[pair] != -k or k == 0:
            if counts[pair] > 0: heapq.heappush(heap, (-counts[pair], pair)) if -counts[pair] > k else None
            continue
        merge(*pair)
        changed = set()
        for i in where.pop(pair):
            w, f = symbols[i], word_list[i][1]
            for p in zip(w, w[1:]):
                counts[p] -= f
                changed.add(p)
            new, j = [], 0
            while j < len(w):
                if j + 1 < len(w) and (w[j], w[j + 1]) == pair:
                    new.append(w[j] + w[j + 1]); j += 2
                else:
                    new.append(w[j]); j += 1
            symbols[i] = new
            for p in zip(new, new[1:]):
                counts[p] += f
                where[p].add(i)
                changed.add(p)
        for p in changed:
            if counts[p] > 0: heapq.heappush(heap, (-counts[p], p))
    added = [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for i, c in enumerate(["<unk>", "<s>", "</s>", "<pad>"])]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": " ?[^(\\s|[.,!?…。，、।۔،])]+"}, "behavior": "Isolated", "invert": False}, byte_level]},
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": merges},
    }
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/tokenizer.json", "w", encoding="utf-8") as f: json.dump(tokenizer, f, ensure_ascii=False, indent=1)
    with open(f"{out}/tokenizer_config.json", "w", encoding="utf-8") as f:
        json.dump({"tokenizer_class": "BloomTokenizerFast", "add_prefix_space": False, "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "model_max_length": 2048}, f, indent=1)
    print("vocabulary", len(vocab), "last merges", merges[-5:])


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--vocabulary", type=int, default=7424)
    p.add_argument("--examples", type=int, default=15000)
    a = p.parse_args()
    main(a.out, a.vocabulary, a.examples)
