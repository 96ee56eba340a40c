"""Text to token ids for the data processes: exact, and fast because pieces are looked up.

In this vocabulary no merge crosses a digit, a Chinese character, a full-width mark, white space or a bracket. A text therefore falls
into pieces whose ids do not depend on their neighbours: such a character alone, or a word with the space before it. Pieces come back
again and again, so a dictionary answers nearly always. train.py compares the ids with those of `tokenizers` before it starts.
"""
import json, re

WIDE = "\u2010-\u2027\u3000-\u303f\u4e00-\u9fff\uff00-\uffef·€£"
# BLOOM's pre-tokenizer is " ?[^(\s|[.,!?…。，、।۔،])]+" in Oniguruma's syntax, where the inner brackets are a nested class.
PIECE = rf" ?[^(\s|.,!?…。，、।۔،)0-9{WIDE}]+|[\s\S]"


def byte_alphabet():
    visible = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {b: chr(b) for b in visible}, 0
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + extra)
            extra += 1
    return table


class Pieces:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f: model = json.load(f)["model"]
        self.vocabulary = model["vocab"]
        self.ranks = {tuple(m.split(" ") if isinstance(m, str) else m): i for i, m in enumerate(model["merges"])}
        self.table, self.find, self.known = byte_alphabet(), re.compile(PIECE).findall, {}

    def merge(self, piece):
        symbols = [self.table[b] for b in piece.encode()]
        while len(symbols) > 1:
            rank, i = min((self.ranks.get(pair, 1 << 30), i) for i, pair in enumerate(zip(symbols, symbols[1:])))
            if rank == 1 << 30: break
            symbols[i:i + 2] = [symbols[i] + symbols[i + 1]]
        return [self.vocabulary[s] for s in symbols]

    def encode(self, text):
        known, ids = self.known, []
        for piece in self.find(text):
            found = known.get(piece)
            if found is None:
                found = self.merge(piece)
                if len(known) < 2_000_000: known[piece] = found
            ids += found
        return ids

    def decoder(self):
        back = {c: b for b, c in self.table.items()}
        names = {i: s for s, i in self.vocabulary.items()}
        return lambda ids: bytes(back[c] for i in ids if i > 3 for c in names[i]).decode(errors="replace")
