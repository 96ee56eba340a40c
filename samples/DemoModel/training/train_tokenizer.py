"""Trains the vocabulary with the `tokenizers` package: byte-level BPE in BLOOM's pipeline.

    python3 train_tokenizer.py OUT [--vocabulary 7424]

While it is learnt, the text is split at every digit, Chinese character, full-width mark, bracket and line end (PIECE in tokens.py), so no
merge crosses one: a name or a number has the same tokens wherever it stands, and a small model can copy it. The saved pipeline has BLOOM's
own pre-tokenizer; it gives the same tokens, since merges that were never learnt cannot happen. Every common Chinese character becomes
one token, because each is given to the trainer often enough.
"""
import argparse, collections, json, multiprocessing, os, random
import generate, tokens

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
REPEATS = 3000
MARKS = "，。？！：；“”‘’、《》（）·—…％～＿€£－「」"


def texts_of(seed, examples):
    rng = generate.Quick(seed)
    return [t for _ in range(examples) for e in generate.make_several(rng, rng.choice(("en", "zh"))) for t, _ in generate.render(e)]


def corpus(workers, seed, examples):
    """Generated examples and natural sentences."""
    share = -(-examples // max(1, workers))
    if workers > 1:
        with multiprocessing.get_context("fork").Pool(workers) as pool: made = pool.starmap(texts_of, [(seed * 1000 + i, share) for i in range(workers)])
    else: made = [texts_of(seed * 1000, share)]
    n = generate.natural()
    return [t for part in made for t in part] + n["en"] + n["example"] + [f"{a} {b}" for a, b in n["gloss"]] + n["zh"]


def characters(texts, least=40):
    """Chinese characters and wide marks that are to be one token each."""
    wide = collections.Counter(c for t in texts for c in t if "\u2010" <= c <= "\u2027" or "\u3000" <= c <= "\u303f" or "\u4e00" <= c <= "\u9fff" or "\uff00" <= c <= "\uffef" or c in "·€£")
    return sorted({c for c, k in wide.items() if k > least or not "\u4e00" <= c <= "\u9fff"} | set(generate.COMMON_HAN) | set(MARKS))


def everything(texts):
    """What the trainer reads: the texts, and each character that is to be a token often enough to be merged before the vocabulary is full."""
    yield from texts
    pack = "".join(characters(texts)) * 50
    for _ in range(REPEATS // 50): yield pack


def main(out, size=7424, workers=1, seed=1, say=print, examples=16000):
    texts = corpus(workers, seed, examples)  # before the library is loaded: its threads and forks do not mix
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(tokens.PIECE), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(everything(texts), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(BLOOM), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    os.makedirs(out, exist_ok=True)
    tokenizer.save(f"{out}/tokenizer.new")
    os.replace(f"{out}/tokenizer.new", f"{out}/tokenizer.json")  # others wait for this name
    whole = [c for c in characters(texts) if len(tokenizer.encode(c, add_special_tokens=False).ids) == 1]
    say(f"vocabulary {tokenizer.get_vocab_size()}, learnt from {sum(map(len, texts)) / 1e6:.0f} million characters; {len(whole)} of {len(characters(texts))} wanted characters are one token each")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--vocabulary", type=int, default=7424)
    p.add_argument("--workers", type=int, default=1)
    a = p.parse_args()
    main(a.out, a.vocabulary, a.workers)
