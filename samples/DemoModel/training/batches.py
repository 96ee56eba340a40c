"""Data processes: make examples, turn them into token ids and pack them into rows.

A batch part is (tokens, roles, docs), each rows x (row length + 1). Roles: 0 not predicted, 1 passage or question, 2 answer,
3 the token of an answer at which a refusal parts from other answers, 4 the same of a refusal.
"""
import os, time, zlib
import numpy
import generate, tokens

END, PAD = 2, 3
REFUSALS = set(generate.DECLINE.values())


def encode(pieces, example):
    ids, roles = [], []
    for text, answer in generate.render(example):
        part = pieces.encode(text)
        ids += part
        if answer:
            ids.append(END)
            # In Chinese the first token is the space, so that the second one tells "文中没有提到" from an answer.
            at = 1 if example_is_chinese(text) and len(part) > 1 else 0
            deciding = 4 if text[1:] in REFUSALS else 3
            roles += [deciding if i == at else 2 for i in range(len(part) + 1)]
        else: roles += [1] * len(part)
    return ids, roles


def example_is_chinese(answer): return len(answer) > 1 and "\u2e80" < answer[1]


def produce(index, seed, rows, length, out, tokenizer, share, short_parts):
    """Runs in a process of its own for ever. share: the wanted share of unanswerable questions, which the training changes.
    The first `short_parts` parts are mostly short examples: copying is learnt sooner from them."""
    while not os.path.exists(tokenizer): time.sleep(.1)
    pieces = tokens.Pieces(tokenizer)
    rng = generate.Quick(zlib.crc32(f"{seed}/{index}".encode()))
    made, pending = 0, []
    while True:
        out.put(pack(pieces, rng, rows, length, share, pending, lambda: made < short_parts and rng.random() < .8))
        made += 1


def pack(pieces, rng, rows, length, share, pending, short=lambda: False):
    ids_of = numpy.full((rows, length + 1), PAD, numpy.uint16)
    roles_of = numpy.zeros((rows, length + 1), numpy.uint8)
    docs_of = numpy.zeros((rows, length + 1), numpy.uint8)
    for r in range(rows):
        used, doc = 0, 1
        while True:
            while len(pending) < 64:
                for example in generate.make_several(rng, rng.choice(("en", "zh")), short=short(), unanswerable=share.value):
                    ids, roles = encode(pieces, example)
                    if 3 < len(ids) <= length: pending.append((ids, roles))
            room = length + 1 - used
            # One passage makes two neighbours in `pending`: a random place keeps them apart.
            start = int(rng.random() * len(pending))
            fit = next((i % len(pending) for i in range(start, start + len(pending)) if len(pending[i % len(pending)][0]) <= room), None)
            if fit is None or doc > 250: break
            ids, roles = pending.pop(fit)
            end = used + len(ids)
            ids_of[r, used:end], roles_of[r, used:end], docs_of[r, used:end] = ids, roles, doc
            roles_of[r, used] = 0  # nothing predicts a document's first token
            used, doc = end, doc + 1
    return ids_of, roles_of, docs_of
