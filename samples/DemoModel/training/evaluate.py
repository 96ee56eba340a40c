"""Evaluates a model folder with transformers: exact match by set and language.

    python3 evaluate.py MODEL [EVALUATION-FOLDER] [RESULTS.json]

Normalisation before comparing: trim white space, then one trailing '.' or '。'. Nothing else.
"""
import json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
DECLINES = {"The passage does not say", "文中没有提到"}


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
    for item in json.load(open(f"{HERE}/handwritten_dev.json", encoding="utf-8")):
        for q, answers in item["questions"]:
            cases.append({"set": "handwritten", "language": item["language"], "messages": [{"role": "user", "text": f"{item['passage']}\n\n{q}"}], "answer": answers})
    return cases


def main(model_folder, folder=HERE, results=None, say=print):
    import torch
    from transformers import AutoModelForCausalLM
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(f"{model_folder}/tokenizer.json")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval().to(device)
    cases = load_cases(folder)
    order = sorted(range(len(cases)), key=lambda i: len(prompt(cases[i]["messages"])))
    outputs = [None] * len(cases)
    with torch.no_grad():
        for start in range(0, len(order), 256):
            chunk = order[start:start + 256]
            encoded = [tokenizer.encode(prompt(cases[i]["messages"]), add_special_tokens=False).ids for i in chunk]
            width = max(map(len, encoded))
            ids = torch.tensor([[3] * (width - len(e)) + e for e in encoded], device=device)
            mask = torch.tensor([[0] * (width - len(e)) + [1] * len(e) for e in encoded], device=device)
            out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=48, do_sample=False, pad_token_id=3, eos_token_id=2)
            for i, row in zip(chunk, out[:, width:].tolist()):
                if 2 in row: row = row[:row.index(2)]
                outputs[i] = tokenizer.decode(row, skip_special_tokens=True)
    table = {}
    for case, output in zip(cases, outputs):
        accepted = case["answer"] if isinstance(case["answer"], list) else [case["answer"]]
        right = normalize(output) in [normalize(x) for x in accepted]
        unanswerable = normalize(accepted[0]) in DECLINES
        case["output"], case["right"] = output.strip(), right
        row = table.setdefault(f"{case['set']} {case['language']}", {"cases": 0, "exact": 0, "answerable": 0, "declined": 0, "unanswerable": 0, "recognised": 0})
        row["cases"] += 1
        row["exact"] += right
        declined = normalize(output) in DECLINES
        if unanswerable:
            row["unanswerable"] += 1
            row["recognised"] += declined
        else:
            row["answerable"] += 1
            row["declined"] += declined
    for name, row in table.items():
        say(f"{name:18} exact {row['exact'] / row['cases']:.3f} of {row['cases']}; answerable declined {row['declined']}/{row['answerable']}; unanswerable recognised {row['recognised']}/{row['unanswerable']}")
    if results:
        with open(results, "w", encoding="utf-8") as f:
            json.dump({"normalisation": "trim white space, then one trailing '.' or '。'", "table": table,
                       "wrong": [{k: c[k] for k in ("set", "language", "answer", "output")} | {"question": c["messages"][-1]["text"][-300:]} for c in cases if not c["right"]]}, f, ensure_ascii=False, indent=1)
    return cases


if __name__ == "__main__":
    main(*sys.argv[1:])
