"""Seeded generator of passages with questions, in English and Chinese. Standard library only.

    python3 generate.py --show 20 --language en     prints training examples to read
    python3 generate.py --evaluation DIR            writes the evaluation sets (JSON lines)

An example is {"language", "system", "messages": [{"role", "text"}, ...]}; make(rng, language, mode) builds one.
Modes: train; names (held-out names, seen templates); templates (held-out statement and question forms);
kinds (held-out relations); unanswerable; dialogue. Training never draws a held-out name, form or relation.
"""
import argparse, functools, gzip, json, os, random, re, sys, zlib
import variety, wording

HERE = os.path.dirname(os.path.abspath(__file__))
DECLINE = {"en": "The passage does not say.", "zh": "文中没有提到。"}
NUMBERS_EN = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
TENS_EN = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}
MONTHS_EN = "January February March April May June July August September October November December".split()
DAYS_EN = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
DIGITS_ZH = "零一二三四五六七八九"
ONSETS = "b br c d dr f g gr h k l m n p qu r s sh st t tr v w z th kr bl".split()
VOWELS = "a e i o u ai ea oo a e i o".split()
CODAS = ["", "", "n", "r", "l", "s", "x", "m", "nd", "rk", "th", "ck", "lt"]
ENDINGS = ["a", "o", "ia", "en", "or", "is", "um", "ell", "ine", "ex", "on", "y", "ar", "us"]
COMMON_HAN = bytes(b for hi in range(0xB0, 0xD8) for lo in range(0xA1, 0xFF) if (hi, lo) < (0xD7, 0xFA) for b in (hi, lo)).decode("gb2312")
RARE_HAN = "澜岚璟琅霖汐墨瑶枫砚祁冉岳苍溪鹭棠禾柏玄澈朔翎霁昀笙芷菱蓝青白云龙凤松柳石泉林川海山月星雪梅兰竹菊荷桂桃杏榆槐枣银铁玉珠宝光明华阳春秋冬夏东西南北长永安宁平和福禄寿康乐欢喜天地风雨雷电火水木金土沙洲港湾桥塔楼台亭阁卡鲁塔米纳索维拉多尼克罗伊贝莱奥帕里斯特恩加布达托马诺菲利普"


def han(number):
    if number < 10: return DIGITS_ZH[number]
    if number < 20: return "十" + (DIGITS_ZH[number - 10] if number > 10 else "")
    if number < 100: return DIGITS_ZH[number // 10] + "十" + (DIGITS_ZH[number % 10] if number % 10 else "")
    return str(number)


def split_alternatives(line): return [p.strip() for p in line.split(" | ")]


class Attribute:
    def __init__(self, name, values):
        self.held = name.startswith("!")
        self.name, self.values = name.lstrip("!"), values.split(";")
        self.s, self.q, self.r = [], [], []
        self.more_s, self.more_q, self.labels = [], [], []  # training only


class Language:
    def __init__(self, code):
        self.code, self.zh = code, code == "zh"
        with open(f"{HERE}/lists/lists.json", encoding="utf-8") as f: self.lists = json.load(f)[code]
        self.words = {}
        for line in self.lines(f"words_{code}.txt"):
            key, values = line.split(": ", 1)
            self.words[key] = values.split(";")
        self.topics, topic = [], None
        for line in self.lines(f"kinds_{code}.txt"):
            if line.startswith("@ "):
                name, subject, nouns, person = split_alternatives(line[2:])
                topic = {"name": name, "subject": subject.split(";"), "nouns": [] if nouns == "-" else nouns.split(";"), "person": person == "p", "attributes": []}
                self.topics.append(topic)
            elif line.startswith("= "):
                topic["attributes"].append(Attribute(*line[2:].split(" | ", 1)))
            elif line[:3] in ("s: ", "q: ", "r: "):
                setattr(topic["attributes"][-1], line[0], split_alternatives(line[3:]))
        self.frames = []
        for line in self.lines(f"frames_{code}.txt"):
            if line.startswith("v: "):
                self.frames.append({"slots": dict(p.split("=") for p in line[3:].split()), "s": [], "q": []})
            elif line.startswith("s: "):
                self.frames[-1]["s"] = split_alternatives(line[3:])
            elif line.startswith("q: "):
                answer, questions = line[3:].split(" :: ")
                self.frames[-1]["q"].append((answer, split_alternatives(questions)))
        self.prose = [p for name in ("prose", "prose2") if os.path.exists(f"{HERE}/{name}_{code}.txt") for p in self.paragraphs(f"{name}_{code}.txt")]
        self.causes = [line.split("|") for line in self.lines(f"causes_{code}.txt")]
        self.procs = [(a, b.split(";")) for a, b in (line.split("|") for line in self.lines(f"procs_{code}.txt"))]
        if self.zh: self.lists["noun"] = self.words["plural"] + self.words["device"] + self.lists["fruit"] + self.lists["vegetable"] + self.lists["animal"]
        self.steps = sorted({s for n, ss in self.procs for s in ss if (len(s) >= 3 if self.zh else " " in s and n.split()[0].endswith("ing"))})
        self.noun_list = self.lists["noun"] if not self.zh else self.words["plural"] + self.words["device"] + self.lists["fruit"] + self.lists["vegetable"] + self.lists["animal"]
        with open(f"{HERE}/handwritten_dev.json", encoding="utf-8") as f, open(f"{HERE}/../examples.json", encoding="utf-8") as g: passages = [x["passage"] for x in json.load(f) + json.load(g)]
        self.kept_away = {s.strip() for x in passages for s in re.split(r"(?<=[。！？])|(?<=[.!?]) ", x)}  # no paragraph may come out as one of these
        self.held, self.clauses = wording.Held(self), {}
        for t in self.prose:
            t["q"] = [(answer, [f for f in forms if not self.held.asks(f)], home) for answer, forms, home in t["q"]]
            t["u"] = [f for f in t["u"] if not self.held.asks(f)]
        named = {(t["name"], a.name): a for t in self.topics for a in t["attributes"]}
        for line in self.lines(f"more_{code}.txt"):
            if line.startswith("> "): attribute = named[tuple(line[2:].split())]
            elif line.startswith("l: "): attribute.labels = line[3:].split(";")
            else: setattr(attribute, "more_" + line[0], [f for f in split_alternatives(line[3:]) if f not in self.held and not (line[0] == "q" and self.held.asks(f))])
        self.verb_forms = wording.Verbs(Maker.VERBS_EN)
        at = -1
        for line in self.lines(f"more_frames_{code}.txt"):
            if line == ">":
                at += 1
                frame = self.frames[at]
                frame["more_s"], frame["more_q"] = [], {}
            elif line.startswith("s: "): frame["more_s"] = [f for f in split_alternatives(line[3:]) if f not in self.held]
            else:
                answer, questions = line[3:].split(" :: ")
                if answer not in [x for x, _ in frame["q"]]: raise ValueError(f"no answer {answer} in event {at} of frames_{code}.txt")
                frame["more_q"][answer] = [f for f in split_alternatives(questions) if f not in self.held and not self.held.asks(f)]
        if at + 1 != len(self.frames): raise ValueError(f"more_frames_{code}.txt has {at + 1} events, frames_{code}.txt {len(self.frames)}")
        self.reworded_held = {}

    def paragraphs(self, name):
        """Paragraphs with their questions; the format stands at the head of the files."""
        out = []
        for number, line in enumerate(self.lines(name), 1):
            mark, _, rest = line.partition(": ")
            if mark == "v": out.append({"slots": dict(p.split("=") for p in rest.split() if p != "-"), "p": [], "after": [], "q": [], "u": []})
            elif mark == "w":
                slot, values = rest.split("=", 1)
                out[-1]["slots"][slot] = values.split(";")
            elif mark in ("p", "p+"):
                sentences = split_alternatives(rest)
                out[-1]["after"] += [mark == "p+"] * len(sentences)
                out[-1]["p"] += sentences
            elif mark == "q":
                answer, questions = rest.split(" :: ")
                # A question stands under its sentence; under a line of several sentences the answer tells which one is meant.
                out[-1]["q"].append((answer, split_alternatives(questions), len(out[-1]["p"]) - 1 if len(sentences) == 1 else None))
            elif mark == "u": out[-1]["u"] += split_alternatives(rest)
            else: raise ValueError(f"{name}, entry {number}: expected v:, w:, p:, p+:, q: or u: and found {line[:40]!r}")
        return out

    def lines(self, name):
        with open(f"{HERE}/{name}", encoding="utf-8") as f:
            return [line.rstrip("\n") for line in f if line.strip() and not line.startswith("# ") and not line.startswith("#\t")]


LANGUAGES = {}
NATURAL = {}


def language(code):
    if code not in LANGUAGES: LANGUAGES[code] = Language(code)
    return LANGUAGES[code]


def natural():
    if not NATURAL:
        with gzip.open(f"{HERE}/lists/natural.json.gz") as f: NATURAL.update(json.load(f))
    return NATURAL


def held_name(text): return zlib.crc32(text.encode()) % 9 == 0


COUNTED = re.compile(r"^(?:about |more than |约)?(?:[\d,.]+|[一二两三四五六七八九十]+|(?:" + "|".join(NUMBERS_EN[2:] + list(TENS_EN.values())) + r")(?:-\w+)?) ?")
EXPRESSION, WHOLE_EXPRESSION = re.compile(r"\{(\w+)((?::-?\w+)*)(\^?)\}"), re.compile(r"\{(\w+)((?::-?\w+)*)\}")
ARTICLE, FRAME_SLOT, FRAME_NAMES = re.compile(r"\b([Aa])\(n\) (\W?)([A-Za-z])"), re.compile(r"\{([A-Z])([.^]?)\}"), re.compile(r"\{([A-Z])[.^]?\}")
PROSE_SLOT, PROSE_NAMES = re.compile(r"\{([^{}]+)\}"), re.compile(r"\{(?:[^{}=]*=)?([A-Z])(?=[:.^}])")
PLURAL = re.compile(r"How many (?:people|children|men|women|[a-z-]+s|\{\w+\+?\}\w*) ")
PRONOUN = re.compile(r"\b(he|she|it|they|him|her|his|its|them|their)\b|[他她它]|there\?$")


@functools.lru_cache(None)
def stated_in(text):
    """The slots that stand in a text of a paragraph."""
    return frozenset(PROSE_NAMES.findall(text))


@functools.lru_cache(None)
def content(form):
    """The longer words of a question; of a Chinese one its characters."""
    return frozenset(re.findall(r"[a-z]{4,}|[\u4e00-\u9fff]", form.lower())) - {"what", "when", "where", "which", "whom", "whose", "does"}


class Value:
    """A slot's value: the text in a statement and the answer (its core, without a preposition or measure word)."""
    __slots__ = ("text", "core")

    def __init__(self, text, core=None):
        self.text, self.core = text, core if core is not None else text

    @property
    def word(self): return COUNTED.sub("", self.text)


class Maker:
    Value, COMMON_HAN = Value, COMMON_HAN
    held_name = staticmethod(held_name)

    def __init__(self, rng, code, mode):
        self.rng, self.l, self.mode = rng, language(code), mode
        self.zh, self.code = self.l.zh, code
        self.used = set()
        self.short = False
        self.unanswerable = .11  # share of the questions of training

    # ---- choosing ----
    def chance(self, p): return self.rng.random() < p

    def from_list(self, items):
        if len(items) < 60: return self.rng.choice(items)
        for _ in range(200):
            item = self.rng.choice(items)
            if held_name(str(item)) == (self.mode == "names"): return item
        return item

    def form(self, forms):
        if len(forms) < 4: return self.rng.choice(forms)
        if self.mode == "templates": return forms[-1]
        return self.rng.choice(forms[:-1])

    # ---- training only: more ways to say it ----
    def verb_held(self, verb):
        if self.zh: return any("{A}" in s and verb + "了" in s for s in self.l.held.statements) or any(f.replace("{L}", verb) in self.l.held for f in ("谁{L}了{S}？", "{S}{L}了什么？", "{S}{L}的是什么？", "{S}由谁{L}？", "{S}是谁{L}的？"))
        base, past = verb.split("/")
        return any(f in self.l.held for f in (f"Who {past} {{S}}?", f"What did {{S}} {base}?", f"Where did {{S}} {base}?", f"When did {{S}} {base}?", f"Where was {{S}} {past}?", f"When was {{S}} {past}?", f"What does {{S}} {base}?", f"Where did {{S}} {base} {{O}}?", f"When did {{S}} {base} {{O}}?"))

    def named_held(self, label):
        """Whether a question after a thing by this name would be a held-out form."""
        forms = ["{S}的{L}是谁？", "{S}的{L}叫什么？", "谁是{S}的{L}？", "{S}的{L}是什么？", "什么是{S}的{L}？", "{S}的{L}是多少？", "{S}有什么{L}？", "{S}的{L}是{V}", "{V}是{S}的{L}"] if self.zh else ["Who is {S's} {L}?", "Who is the {L} of {S:o}?", "What is {S's} {L}?", "What is the {L} of {S:o}?", "What is the name of {S's} {L}?", "What {L} does {S} have?", "When was {S's} {L}?", "The {L} of {S:o} is {V}", "{S's} {L} is {V}", "{V} is the {L} of {S:o}"]
        return any(f.replace("{L}", label) in self.l.held for f in forms)

    @staticmethod
    def upper(s): return s[:1].upper() + s[1:]

    def stated(self, a):
        """A form of statement of an attribute."""
        if self.mode != "train": return self.form(a.s)
        k = self.rng.random()
        if k < .12 and a.labels:
            label = self.rng.choice(a.labels)
            form = self.rng.choice(wording.LABEL_ZH if self.zh else wording.LABEL_EN).replace("{L^}", label.capitalize()).replace("{L}", label)
            if not self.l.held.states(form): return form
        return self.rng.choice(a.more_s) if a.more_s and k < .56 else self.form(a.s)

    def asked(self, a):
        """A form of question of an attribute."""
        if self.mode != "train": return self.form(a.q)
        k = self.rng.random()
        form = self.rng.choice(a.more_q) if a.more_q and k < .5 else self.form(a.q)
        if k > .9 and a.labels: form = self.rng.choice(wording.LABEL_Q_ZH if self.zh else wording.LABEL_Q_EN).replace("{L}", self.rng.choice(a.labels))
        form = self.reworded(form)
        return form if form not in self.l.held else self.form(a.q)

    def reworded(self, form):
        """The same question as an indirect one, or with other question words."""
        if self.mode != "train": return form
        new = self.other_words(form)
        if new == form: return form
        held = self.l.reworded_held.get(new)
        if held is None: held = self.l.reworded_held[new] = self.l.held.asks(new)
        return form if held else new

    def other_words(self, form):
        if self.zh:
            if self.chance(.3):
                for word, others in wording.SWAP_ZH:
                    if word in form and not form.startswith("为什么"):
                        return form.replace(word, self.rng.choice(others), 1)
            return form
        if self.chance(.1):
            for word, others in wording.SWAP_EN:
                if form.startswith(word) and not form.startswith(("How long is", "How long are", "How long was", "Which of")) and not form.endswith((" from?", " to?")) and (word != "How many " or PLURAL.match(form)) and (word != "How much does " or "cost" in form): return self.rng.choice(others) + form[len(word):]
        if self.chance(.2):
            clause = self.l.clauses.get(form, 0)
            if clause == 0: clause = self.l.clauses[form] = wording.clause(form, self.l.verb_forms)
            if clause: return self.rng.choice(wording.ASK_CLAUSE).replace("{}", clause)
        return form

    def say(self, s):
        """Puts words before or after a statement that do not change it."""
        if self.mode != "train" or not self.chance(.1) or s[:1] in "\"《(" or ":" in s or "：" in s: return s
        if self.zh: return self.rng.choice(wording.SAID_ZH) + s
        if self.chance(.25) and s[-1] not in '."!?': return s + self.rng.choice(wording.SAID_EN_AFTER)
        first = s.split(" ", 1)[0]
        return self.rng.choice(wording.SAID_EN) + (s[0].lower() + s[1:] if first in ("The", "A", "An", "In", "At", "It", "On", "For", "To", "From", "With", "What", "When", "As", "There", "Some", "Two", "Three", "People", "Visitors", "You", "Guests", "One", "Behind", "He", "She", "Each", "After", "By", "Because", "Nobody") else s)

    # ---- values ----
    def invented(self):
        for _ in range(50):
            if self.zh:
                s = "".join(self.rng.choice(RARE_HAN if self.chance(.6) else COMMON_HAN) for _ in range(self.rng.choice((1, 2, 2, 2, 3))))
            else:
                s = "".join(self.rng.choice(ONSETS) + self.rng.choice(VOWELS) + self.rng.choice(CODAS) for _ in range(self.rng.choice((1, 1, 2))))
                s = (s + self.rng.choice(ENDINGS) if self.chance(.5) or len(s) < 4 else s).capitalize()
            if held_name(s) == (self.mode == "names"): return s
        return s

    def number(self, low, high):
        n = self.rng.randint(low, min(high, low + 12) if self.chance(.4) else high)
        if self.zh: return han(n).replace("二", "两") if n == 2 else (han(n) if self.chance(.5) else str(n))
        if n <= 20 and self.chance(.6): return NUMBERS_EN[n]
        if n < 100 and n > 20 and self.chance(.3): return TENS_EN[n // 10] + ("-" + NUMBERS_EN[n % 10] if n % 10 else "")
        return str(n)

    def count(self, low, high):
        n = int(low * (high / low) ** self.rng.random())
        if self.chance(.5): n = max(low, int(float(f"{n:.2g}")))
        return f"{n:,}" if not self.zh and n > 999 and self.chance(.7) else str(n)

    def year(self):
        r = self.rng
        y = r.randint(1880, 2024) if self.chance(.7) else r.randint(1100, 1990)
        return f"{y}年" if self.zh else str(y)

    def person(self):
        r, L = self.rng, self.l.lists
        if self.zh:
            k = r.random()
            if k < .65:
                given = self.from_list(L["female"] + L["male"] + L["given"]) if self.chance(.5) else "".join(r.choice("".join(L["female"] + L["male"] + L["given"])) for _ in range(r.choice((1, 2, 2))))
                return self.from_list(L["last"]) + given
            if k < .75: return r.choice("小老阿") + self.from_list(L["last"])
            if k < .88: return self.invented() + "·" + self.invented()
            return self.from_list(L["last"]) + r.choice(["医生", "老师", "教授", "先生", "女士", "师傅", "经理", "警官"])
        first = self.first()
        last = self.invented() if self.chance(.3) else self.from_list(L["last"])
        k = r.random()
        if k < .72: return f"{first} {last}"
        if k < .86: return first
        if k < .95: return f"{r.choice(['Dr', 'Mr', 'Mrs', 'Ms', 'Professor', 'Captain', 'Judge'])} {last}"
        return f"{first} {r.choice('ABCDEFGHJKLMNPRST')}. {last}" if self.chance(.4) else f"{first} van {last}"

    def first(self):
        L = self.l.lists
        if self.zh: return self.person()
        return self.invented() if self.chance(.25) else self.from_list(L["female"] if self.chance(.5) else L["male"])

    def atom(self, name, args):
        r, L, zh = self.rng, self.l.lists, self.zh
        if name == "int": return str(r.randint(int(args[0]), int(args[1])))
        if name == "n": return self.number(int(args[0]), int(args[1]))
        if name == "num": return self.count(int(args[0]), int(args[1]))
        if name == "float": return f"{r.uniform(int(args[0]), int(args[1])):.1f}"
        if name == "year": return self.year()
        if name == "weekday": return (r.choice(["星期", "周"]) + r.choice("一二三四五六日")) if zh else r.choice(DAYS_EN)
        if name == "month": return f"{r.randint(1, 12)}月" if zh else r.choice(MONTHS_EN)
        if name == "monthday":
            d = r.randint(1, 28)
            if zh: return f"{r.randint(1, 12)}月{d}日"
            return r.choice([f"{d} {r.choice(MONTHS_EN)}", f"{r.choice(MONTHS_EN)} {d}"])
        if name == "monthyear": return self.year() + f"{r.randint(1, 12)}月" if zh else f"{r.choice(MONTHS_EN)} {self.year()}"
        if name == "date":
            if zh: return self.year() + f"{r.randint(1, 12)}月{r.randint(1, 28)}日"
            m, d, y = r.choice(MONTHS_EN), r.randint(1, 28), self.year()
            return r.choice([f"{d} {m} {y}", f"{m} {d}, {y}"])
        if name == "clock":
            h, m = r.randint(1, 12), r.choice([0, 0, 0, 30, 30, 15, 45, r.randint(1, 59)])
            if zh:
                part = r.choice(["早上", "上午", "下午", "晚上", "", ""])
                if self.chance(.3): return f"{r.randint(6, 23)}:{m:02d}"
                hh = han(h) if self.chance(.5) else str(h)
                if h == 2: hh = "两" if self.chance(.7) else "2"
                return part + hh + "点" + ("" if m == 0 else "半" if m == 30 else f"{m}分")
            if self.chance(.25): return f"{r.randint(6, 23)}:{m:02d}"
            if m == 0: return f"{h} {r.choice(['a.m.', 'p.m.', 'am', 'pm'])}" if self.chance(.6) else f"{NUMBERS_EN[h]} o'clock"
            return f"{h}:{m:02d}" + r.choice(["", " a.m.", " p.m.", " am", " pm"])
        if name == "money":
            n = r.choice([r.randint(1, 30), r.randint(10, 900), r.randint(10, 90) * 10])
            if zh: return (han(n) if n < 100 and self.chance(.3) else str(n)) + r.choice(["元", "元", "块钱", "美元", "欧元"])
            return r.choice([f"${n}", f"{n} dollars", f"{n} euros", f"£{n}", f"${n}.50", f"{n} pounds", f"€{n}"])
        if name == "bigmoney":
            n = r.randint(2, 900)
            if zh: return f"{n}" + r.choice(["万元", "亿元", "万美元", "万欧元"])
            return r.choice([f"${n} million", f"{n} million euros", f"£{n},000", f"{n} million dollars", f"{n},000 dollars"])
        if name == "person" or name == "first": return self.person() if name == "person" else self.first()
        if name == "agent":
            return self.expand_one("crowd") if self.chance(.25) else self.person()
        if name == "surname": return self.from_list(L["last"])
        if name == "last": return self.from_list(L["last"])
        if name == "invented": return self.invented()
        if name == "han": return r.choice(RARE_HAN)
        if name == "foreign": return "".join(r.choice("卡鲁塔米纳索维拉多尼克罗伊贝莱奥帕里斯特恩加布达托马诺菲利普") for _ in range(r.choice((2, 3, 3, 4))))
        if name == "city":
            if zh:
                k = r.random()
                return self.from_list(L["city"]) + r.choice(["", "", "市"]) if k < .6 else self.invented() + r.choice(["市", "镇", "县", "城"])
            return self.from_list(L["city"]) if self.chance(.6) else self.invented() + r.choice(["", "", "ville", "ton", "burg", " Falls", " Bay"])
        if name == "invplace": return self.invented() + r.choice(["镇", "村", "岛", "城"])
        if name == "company":
            if zh: return (self.invented() if self.chance(.6) else self.from_list(L["last"]) + "氏") + r.choice(["公司", "集团", "科技", "食品厂", "机械厂", "电子", "汽车", "药业", "家具", "纺织"] + [k + "公司" for k in L["company_kind"]])
            base = self.invented() if self.chance(.6) else self.from_list(L["last"])
            return base + r.choice(["", " Ltd", " Foods", " Motors", " & Sons", " Systems", " Group", " Tools", " Software", " Energy", " Inc", " Labs", " and " + self.from_list(L["last"])])
        if name == "university":
            if zh: return r.choice([self.from_list(L["city"]), self.invented(), self.from_list(L["province"]).rstrip("省市")]) + r.choice(["大学", "理工大学", "师范大学", "学院", "医科大学", "农业大学"])
            c = self.atom("city", [])
            return r.choice([f"the University of {c}", f"{c} University", f"{c} College", f"the {c} Institute of Technology"])
        if name == "title":
            if zh:
                return "《" + r.choice([self.invented() + r.choice(["之歌", "往事", "传", "日记", "的秋天"]), r.choice(L["color"]) .replace("色", "色的") + r.choice(self.l.words["building"]), "".join(r.choice(RARE_HAN) for _ in range(r.choice((2, 3, 4)))), r.choice(self.l.words["season"]) + "里的" + r.choice(L["animal"])]) + "》"
            a, n = r.choice(L["adjective"]).capitalize(), self.from_list(L["noun"]).capitalize()
            t = r.choice([f"The {a} {n}", f"{n} and {self.from_list(L['noun']).capitalize()}", f"The {n} of {self.invented()}", f"A {a} {n}" if a[0] not in "AEIOU" else f"The {n}", f"The Last {n}"])
            return t if self.chance(.6) else f'"{t}"'
        if name == "code": return r.choice("ABCDGKTZ") + str(r.randint(10, 9999))
        if name == "currency" and not zh: return r.choice([self.invented().lower(), r.choice(["dollar", "euro", "peso", "rupee", "dinar", "crown", "franc", "pound"])])
        if name == "adj" and not zh: return r.choice(L["adjective"])
        if name == "dishname": return self.from_list(L["dish"])
        if name == "fdish": return self.from_list(L["food_dish"] + L["dish"])
        return None

    def expand_one(self, name):
        """The text of one word list's item (its parts joined)."""
        return self.value("{" + name + "}").text

    def value(self, expression):
        """Expands an expression; 'pre|core' items of word lists give a Value whose answer is the core."""
        m = WHOLE_EXPRESSION.fullmatch(expression)
        if m and m[1] in self.l.words and self.atom(m[1], m[2].split(":")[1:]) is None:
            item = self.from_list(self.l.words[m[1]])
            if "|" in item:
                pre, core = item.split("|")
                core = self.text(core)
                return Value((pre + ("" if self.zh or not pre else " ") + core), core)
            return Value(self.text(item))
        return Value(self.text(expression))

    def text(self, expression):
        def replace(m):
            name, args, cap = m[1], m[2].split(":")[1:], m[3]
            s = self.atom(name, args)
            if s is None:
                if name in self.l.words: s = self.value("{" + name + "}").text
                else: s = self.from_list(self.l.lists[name])
            return s[0].upper() + s[1:] if cap else s
        for _ in range(4):
            if "{" not in expression: break
            new = EXPRESSION.sub(replace, expression)
            if new == expression: break
            expression = new
        return self.tidy(expression)

    def fresh(self, expressions):
        """A value whose text was not used in this passage."""
        for _ in range(30):
            v = self.value(self.rng.choice(expressions))
            if v.core not in self.used: break
        self.used.add(v.core)
        return v

    def tidy(self, s):
        if "(n)" not in s: return s
        return ARTICLE.sub(lambda m: m[1] + ("n " if m[3].lower() in "aeiou" else " ") + m[2] + m[3], s)

    # ---- sentences ----
    def sentence(self, s):
        s = self.tidy(s.strip())
        if self.zh: return s + ("" if s[-1] in "。！？”" else "。")
        s = s[0].upper() + s[1:]
        if s[-1] == "." and not s.endswith(("a.m.", "p.m.")): return s
        return s if s.endswith(("a.m.", "p.m.", '."', "!", "?")) else s + "."

    def question(self, q):
        q = self.tidy(q)
        if self.mode == "train": q = self.put_question(q)
        if self.zh:
            k = self.rng.random()
            if k < .04: q = "根据文章，" + q
            elif k < .08: q = "请问" + q
            elif k < .10: q = "请告诉我，" + q
            k = self.rng.random()
            if k < .05: q = q.replace("？", "?")
            elif k < .08: q = q.rstrip("？")
            return q
        k = self.rng.random()
        if k < .04: q = "According to the passage, " + (q[0].lower() + q[1:])
        elif k < .06: q = "In the text, " + (q[0].lower() + q[1:])
        k = self.rng.random()
        if k < .03: q = q.rstrip("?")
        elif k < .06: q = q[0].lower() + q[1:]
        else: q = q[0].upper() + q[1:]
        return q

    def put_question(self, q):
        """Words around a question that do not change it."""
        r, k = self.rng, self.rng.random()
        if self.zh:
            if k < .14 and q.endswith("？") and not q.startswith(("请", "你", "补全", "填空", "我", "能")): return r.choice(wording.ASK_ZH).replace("{}", q[:-1])
            return q + r.choice(wording.SUFFIX_ZH) if k > .975 else q
        if k < .1 and q.lower().startswith(wording.WH): return r.choice(wording.ASK_BEFORE) + q[0].lower() + q[1:]
        return q + r.choice(wording.ASK_AFTER) if k > .975 else q

    def put(self, form, subject, v=None, pronoun=None):
        """Fills {S}, {S's}, {S:o} with a name or a pronoun (he, she, it or the Chinese ones) and {V}, {V+}."""
        if self.zh:
            s = form.replace("{S}", pronoun or subject)
        else:
            if pronoun:
                possessive = {"he": "his", "she": "her", "it": "its"}.get(pronoun, pronoun + "'s")
                objective = {"he": "him", "she": "her"}.get(pronoun, pronoun)
            else:
                possessive, objective = subject + ("'" if subject.endswith("s") and self.chance(.3) else "'s"), subject
            s = form.replace("{S's}", possessive).replace("{S:o}", objective).replace("{S}", pronoun or subject)
        if v is not None:
            if "{V+}" in s: s = s.replace("{V+}", v.word or v.text)
            if "{V^}" in s: s = s.replace("{V^}", v.text[0].upper() + v.text[1:] if s.startswith("{V^}") else v.text)
            s = s.replace("{V}", v.text)
        return s

    # ---- scenes: each returns (sentences, questions, unanswerable questions); a question is (text, follow-up text, answer, entity) ----
    def topic_scene(self, topic=None, entities=None, attributes=None, want=None):
        r = self.rng
        topic = topic or r.choice(self.l.topics if self.chance(.75) else self.l.topics[:1])
        seen = [a for a in topic["attributes"] if not a.held]
        count = entities or r.choice((1, 1, 1, 2, 2, 3))
        blocks, questions, missing, facts = [], [], [], []
        same = self.chance(.5) and count > 1
        base = r.sample(seen, min(len(seen), r.choice((1, 2, 2, 3))))
        for _ in range(count):
            subject = self.fresh(topic["subject"]).text
            pronoun = (self.rng.choice(["他", "她"]) if self.zh else self.rng.choice(["he", "she"])) if topic["person"] else ("它" if self.zh else "it")
            chosen = list(base) if same else r.sample(seen, min(len(seen), attributes or (r.choice((1, 2, 2, 3)) if count > 1 else r.choice((1, 2, 3, 4, 5, 6)))))
            if want and not blocks and want not in chosen: chosen.insert(r.randint(0, len(chosen)), want)
            facts.append((subject, pronoun, [(a, self.fresh(a.values)) for a in chosen]))
        for subject, pronoun, pairs in facts:
            lines, i = [], 0
            short = None
            if topic["person"] and not self.zh and len(subject.split()) == 2 and not subject.startswith(("Dr", "Mr", "Ms", "Prof", "Capt", "Judge")):
                short = r.choice(subject.split())
            while i < len(pairs):
                a, v = pairs[i]
                form = self.stated(a)
                name = None
                if lines:
                    k = r.random()
                    if k < .5: name = pronoun
                    elif k < .65 and topic["nouns"] and count == 1: name = r.choice(topic["nouns"])
                    elif k < .75 and short: name = short
                s = self.put(form, subject, v, name)
                if i + 1 < len(pairs) and form.startswith("{S}") and self.chance(.35):
                    b, w = pairs[i + 1]
                    second = self.stated(b)
                    if (second.startswith("{S} ") and second[4] != "(") or (self.zh and second.startswith("{S}") and second[3] not in "的，（："):
                        rest = self.put(second[3:].lstrip(), subject, w, name)
                        if self.zh: s = s + r.choice(["，", "，", "，并且", "，"]) + rest
                        elif self.chance(.6) or name: s = s + r.choice([" and ", ", and ", " and "]) + rest
                        elif topic["person"]: s = f"{subject}, who {rest}, " + self.put(form[4:], subject, v)
                        else: s = f"{subject}, which {rest}, " + self.put(form[4:], subject, v)
                        i += 1
                lines.append(s)
                i += 1
            blocks.append(lines)
        definite = r.choice(topic["nouns"]) if topic["nouns"] and count == 1 and self.chance(.25) else None
        values = {}
        for subject, _, pairs in facts:
            for a, v in pairs: values.setdefault((a.name, v.core), []).append(subject)
        for subject, pronoun, pairs in facts:
            ask = definite or subject
            for a, v in pairs:
                q = self.asked(a)
                if self.mode != "templates" or (len(a.q) > 3 and len(a.s) > 3):
                    questions.append((self.put(q, ask, v), self.put(q, subject, v, pronoun), v.core, subject, a))
                if a.r and len(values[(a.name, v.core)]) == 1 and self.mode in ("train", "names", "dialogue") and (want is None or a is not want):
                    text = self.put(r.choice(a.r), "", v)
                    questions.append((text, text, subject, subject, a))
            if self.mode == "train" and self.chance(.06) and not definite:
                found = variety.unknown_question(self, subject, pairs)
                if found: questions.append((found[0], found[0], found[1], subject, None))
            have = {a.name for a, _ in pairs} | {"birthplace" if x.name in ("home",) else "" for x, _ in pairs}
            close = {"sopen": "sclose", "sclose": "sopen", "nheight": "depth", "date": "time", "time": "date", "birthplace": "home"}
            for a in r.sample(seen, min(len(seen), 5)):
                if a.name not in have and close.get(a.name) not in have:
                    v = self.value(r.choice(a.values))
                    missing.append((self.put(self.asked(a), ask, v), self.put(self.asked(a), subject, v, pronoun), None, subject, a))
            if self.chance(.6):
                a, _ = r.choice(pairs)
                stranger = self.fresh(topic["subject"]).text
                q = self.put(self.asked(a), stranger, self.value(r.choice(a.values)))
                missing.append((q, q, None, None, a))
            rs = [a for a, _ in pairs if a.r]
            if rs and self.chance(.4):
                a = r.choice(rs)
                q = self.put(r.choice(a.r), "", self.fresh(a.values))
                missing.append((q, q, None, None, a))
        if count > 1 and self.chance(.25) and all(len(b) > 1 for b in blocks):
            pass  # blocks stay whole: pronouns refer back to the block's name
        r.shuffle(blocks)
        joined = []
        for b in blocks:
            if not self.zh:
                b = [(r.choice(["Also, ", "Later, ", "In addition, ", "Today, "]) + (s if s.split(" ")[0] not in ("He", "She", "It", "The", "In", "A", "At") else s[0].lower() + s[1:])) if i and self.chance(.07) else s for i, s in enumerate(b)]
            joined += [self.sentence(self.say(s)) for s in b]
        return joined, questions, missing

    def frame_scene(self, frame=None, alone=True):
        r = self.rng
        frame = frame or r.choice(self.l.frames)
        values = {}
        for slot, kind in frame["slots"].items():
            kinds = kind.split(":")
            values[slot] = self.fresh(["the {" + kind + "}" if kind == "event" and not self.zh else "{" + kind + "}"])
        form = self.rng.choice(frame["more_s"]) if self.mode == "train" and self.chance(.5) else self.form(frame["s"])

        def fill(t, over=None):
            def replace(m):
                v = (over or values)[m[1]] if (over or {}).get(m[1]) is not None else values[m[1]]
                s = v.core if m[2] == "." else v.text
                return s[0].upper() + s[1:] if m[2] == "^" else s
            return FRAME_SLOT.sub(replace, t)

        def slots(t): return set(FRAME_NAMES.findall(t))
        stated = slots(form)
        questions, missing = [], []
        for answer, forms in frame["q"]:
            if self.mode == "templates" and (len(forms) < 4 or len(frame["s"]) < 4): continue
            allowed = forms[-1:] if self.mode == "templates" else (forms[:-1] if len(forms) > 3 else forms)
            if self.mode == "train" and answer in frame["more_q"] and self.chance(.6): allowed = frame["more_q"][answer]
            usable = [f for f in allowed if slots(f) <= stated and (alone or slots(f))]
            if not usable: continue
            q = r.choice(usable)
            if self.mode == "train":
                q = self.reworded(q)
            if slots(answer) <= stated:
                questions.append((fill(q), fill(q), fill(answer), None, None))
                if "A" in slots(q) and self.chance(.25):
                    other = fill(q, {"A": Value(self.atom("agent" if frame["slots"]["A"] == "agent" else "person", []))} if frame["slots"]["A"] in ("agent", "person") else {"A": self.fresh(["{" + frame["slots"]["A"] + "}"])})
                    missing.append((other, other, None, None, None))
                elif "O" in slots(q) and self.chance(.2):
                    other = fill(q, {"O": self.fresh(["{" + frame["slots"]["O"] + "}"])})
                    missing.append((other, other, None, None, None))
            elif not slots(answer) & stated:
                missing.append((fill(q), fill(q), None, None, None))
        return [self.sentence(self.say(fill(form)))], questions, missing

    def frames_scene(self):
        k = self.rng.choice((1, 1, 2, 2, 3, 4))
        sentences, questions, missing = [], [], []
        for frame in [self.rng.choice(self.l.frames) for _ in range(k)]:
            a, b, c = self.frame_scene(frame, alone=k == 1)
            sentences += a; questions += b; missing += c
        return sentences, questions, missing

    def cause_parts(self, effect):
        """(statement, question) of an effect."""
        if self.zh: return effect, effect
        m = re.match(r"(.*?) (was|were|is|are|could|did)>(.*)", effect)
        subject, aux, rest = "the " + m[1], m[2], m[3]
        if aux == "did":
            verb, _, tail = rest.partition(" ")
            base, past = verb.split("/")
            tail = " " + tail if tail else ""
            return f"{subject} {past}{tail}", f"did {subject} {base}{tail}"
        return f"{subject} {aux} {rest}", f"{aux} {subject} {rest}"

    def cause_scene(self):
        r = self.rng
        sentences, questions, missing = [], [], []
        for effect, cause in [self.from_list(self.l.causes) for _ in range(r.choice((1, 1, 2, 3)))]:
            if effect in self.used: continue
            self.used.add(effect)
            k = r.random()
            if k < .3: cause = self.from_list(self.l.causes)[1]
            elif k < .45: cause = r.choice([c for c in self.l.words["reason"] if not c.startswith("of ")])
            elif k < .55:
                s = self.frame_scene(r.choice(self.l.frames[:6]))[0][0].rstrip(".。")
                cause = s if self.zh or s[0] in "\"" or s.split(" ")[0] not in ("The", "A", "Some", "Two", "Three", "An") else s[0].lower() + s[1:]
            if cause in self.used or "." in cause: continue
            self.used.add(cause)
            statement, ask = self.cause_parts(effect)
            capital = cause[0].upper() + cause[1:]
            if self.zh:
                s = self.form([f"因为{cause}，{statement}", f"由于{cause}，所以{statement}", f"{statement}，因为{cause}", f"{statement}。原因是{cause}", f"{statement}，这是由于{cause}", f"{cause}，因此{statement}", f"之所以{statement}，是因为{cause}", f"{cause}，结果{statement}"])
                q = self.form([f"为什么{ask}？", f"{ask}的原因是什么？", f"{ask}是因为什么？", f"是什么原因使得{ask}？", f"为何{ask}？"])
                back = self.form([f"{cause}的结果是什么？", f"因为{cause}，发生了什么？", f"{cause}导致了什么？", f"{cause}带来了什么后果？"])
                missing.append((f"为什么{self.from_list(self.l.causes)[0]}？",) * 2 + (None, None, None)) if self.chance(.4) else None
            else:
                s = self.form([f"{statement} because {cause}", f"because {cause}, {statement}", f"{statement}, since {cause}", f"{cause}, so {statement}", f"{capital}. For this reason, {statement}", f"{statement}. The reason was that {cause}", f"{capital}. As a result, {statement}", f"as {cause}, {statement}", f"{cause}, and that is why {statement}"])
                q = self.form([f"Why {ask}?", f"What is the reason that {statement}?", f"For what reason {ask}?", f"Why was it that {statement}?", f"What explains that {statement}?"])
                back = self.form([f"What happened because {cause}?", f"What was the result when {cause}?", f"What happened as a result, when {cause}?", f"What did it lead to that {cause}?"])
                if self.chance(.4): missing.append((f"Why {self.cause_parts(self.from_list(self.l.causes)[0])[1]}?",) * 2 + (None, None, None))
            if self.mode == "train":
                fill = {"e": statement, "a": ask, "c": cause, "C": capital}
                if self.chance(.5): s = self.rng.choice(wording.CAUSE_ZH if self.zh else wording.CAUSE_EN).format(**fill)
                if self.chance(.55): q = self.upper(self.rng.choice(wording.CAUSE_Q_ZH if self.zh else wording.CAUSE_Q_EN).format(**fill))
                if self.chance(.5): back = self.upper(self.rng.choice(wording.RESULT_Q_ZH if self.zh else wording.RESULT_Q_EN).format(**fill))
                if missing and missing[-1][0].startswith(("Why ", "为什么")) and self.chance(.55):
                    absent, absent_ask = self.cause_parts(self.from_list(self.l.causes)[0])
                    if absent not in self.used:
                        other = self.upper(self.rng.choice(wording.CAUSE_Q_ZH if self.zh else wording.CAUSE_Q_EN).format(**{**fill, "e": absent, "a": absent_ask}))
                        missing[-1] = (other, other, None, None, None)
            sentences.append(self.sentence(s))
            questions.append((q, q, cause, None, None))
            if self.chance(.3): questions.append((back, back, statement, None, None))
        if self.mode == "train": missing = [m for m in missing if not any(s.rstrip(".。")[-18:] in m[0] or m[0].rstrip("?？。.")[-12:] in s for s in sentences)]
        missing = [m for m in missing if not any(m[0][3:-1] in q[0] for q in questions)]
        missing = [m for m in missing if not any(e in m[0] for e in self.used if self.zh)] if self.zh else missing
        return sentences, questions, missing

    def proc_scene(self):
        r = self.rng
        name, steps = self.from_list(self.l.procs)
        if self.chance(.5):
            pool = [s for _, ss in self.l.procs for s in ss]
            steps = list(dict.fromkeys(self.from_list(pool) for _ in range(r.randint(3, 6))))
            if self.chance(.3): steps = [self.from_list(self.l.noun_list) if self.zh else "the " + r.choice(self.l.lists["adjective"]) + " " + self.from_list(self.l.lists["noun"]) for _ in range(r.randint(3, 5))]
            if self.chance(.5): name = self.invented() + ("病" if self.zh else " disease") if self.chance(.4) else (r.choice(["做", "修", "制作"]) + self.from_list(self.l.noun_list) if self.zh else r.choice(["making", "repairing", "cleaning"]) + " the " + self.from_list(self.l.lists["noun"]))
        steps = list(dict.fromkeys(steps))
        if len(steps) < 3: return self.proc_scene()
        n, style = len(steps), r.random()
        last = n - 1
        if self.zh:
            if style < .3:
                words = ["首先", *[r.choice(["然后", "接着", "接下来", "之后", "随后", "再"]) for _ in steps[1:-1]], r.choice(["最后", "最终"])]
                lines = [w + r.choice(["", "，", "是"] if w != "再" else [""]) + s for w, s in zip(words, steps)]
                text = [f"{name}分几步。" if self.chance(.5) else f"关于{name}："] + ["，".join(lines) + "。"] if self.chance(.6) else [self.sentence(f"{name}的过程如下")] + [self.sentence(x) for x in lines]
            elif style < .5:
                text = [f"{name}分为{han(n)}个阶段：" + "、".join(steps) + "。"] if self.chance(.5) else [f"{name}依次经过" + "、".join(steps[:-1]) + f"和{steps[-1]}。"]
            elif style < .7:
                text = [f"{name}的步骤："] + [f"第{han(i + 1)}步，{s}。" for i, s in enumerate(steps)]
            elif style < .85:
                text = [f"{name}从{steps[0]}开始。"] + [r.choice([f"{a}之后是{b}。", f"{a}后，{b}。", f"{a}的下一个阶段是{b}。", f"接在{a}后面的是{b}。", f"如果没有处理，{a}会发展为{b}。"]) for a, b in zip(steps, steps[1:])]
            else:
                text = [f"{name}：" + "；".join(f"{i + 1}. {s}" for i, s in enumerate(steps)) + "。"]
            topic = name
            after = ["{a}之后是什么？", "{a}之后做什么？", "{a}的下一步是什么？", "{a}后面是哪一步？", "{a}的下一个阶段是什么？", "{a}以后接着是什么？"]
            before = ["{b}之前是什么？", "{b}之前做什么？", "{b}的上一步是什么？", "{b}前面是什么？"]
            first = [f"{topic}的第一步是什么？", f"{topic}首先做什么？", "第一步是什么？", "第一个阶段是什么？", f"{topic}从什么开始？"]
            final = [f"{topic}的最后一步是什么？", "最后一步是什么？", "最后做什么？", f"{topic}的最后一个阶段是什么？", f"{topic}以什么结束？"]
            nth = "第{i}步是什么？"
            many = [f"{topic}有几步？", f"{topic}分几个阶段？", "一共有几步？"]
        else:
            if style < .35:
                words = [r.choice(["First", "First", "To begin with", "At the start"]), *[r.choice(["Then", "Next", "After that", "Then", "Afterwards", "The next step is this"]) for _ in steps[1:-1]], r.choice(["Finally", "Last", "In the end"])]
                lines = [f"{w}, {s}" if "step" not in w else f"{w}: {s}" for w, s in zip(words, steps)]
                text = [r.choice([f"{name[0].upper() + name[1:]} is not hard.", f"This is how {name} works.", f"There are several steps in {name}."])] + ([self.sentence("; ".join(x[0].lower() + x[1:] for x in lines))] if self.chance(.2) else [self.sentence(x) for x in lines])
            elif style < .55:
                text = [self.sentence(r.choice([f"{name} has {NUMBERS_EN[n]} stages: ", f"The stages of {name} are ", f"{name} goes through these stages: "]) + ", ".join(steps[:-1]) + " and " + steps[-1])]
            elif style < .7:
                text = [self.sentence(f"Step {i + 1}: {s}") for i, s in enumerate(steps)]
                if self.chance(.7): text = [f"{name[0].upper() + name[1:]}:"] + text
            elif style < .88:
                text = [self.sentence(f"{name} begins with this: {steps[0]}")] + [self.sentence(r.choice([f"after {a} comes {b}", f"{a} is followed by {b}", f"once this is done ({a}), the next stage is {b}", f"{b} comes right after {a}"])) for a, b in zip(steps, steps[1:])]
            else:
                text = [f"{name[0].upper() + name[1:]}: " + " ".join(f"{i + 1}. {s[0].upper() + s[1:]}." for i, s in enumerate(steps))] if False else [f"{name[0].upper() + name[1:]}: " + " ".join(f"{i + 1}. {s};" for i, s in enumerate(steps)).rstrip(";") + "."]
            topic = name
            after = ["What comes after {a}?", "What is the next step after {a}?", "What happens after {a}?", "What do you do after this step: {a}?", "What is the next stage after {a}?", "Which step follows {a}?", "What should be done once you have finished this: {a}?"]
            before = ["What comes before {b}?", "What is the step before {b}?", "What happens before {b}?", "Which step comes right before {b}?"]
            first = [f"What is the first step of {topic}?", "What is the first step?", f"How does {topic} begin?", f"What do you do first?", f"What comes first in {topic}?"]
            final = [f"What is the last step of {topic}?", "What is the last step?", f"What is the final stage of {topic}?", f"What do you do last?", f"What comes last in {topic}?"]
            nth = "What is step {i}?"
            many = [f"How many steps are there in {topic}?", "How many steps are there?", f"How many stages does {topic} have?"]
        if self.mode == "train":
            w = wording
            more = lambda forms, extra: (forms[:-1] if len(forms) >= 4 else forms) + [f.replace("{n}", topic) for f in extra]
            after, before = more(after, w.AFTER_ZH if self.zh else w.AFTER_EN), more(before, w.BEFORE_ZH if self.zh else w.BEFORE_EN)
            first, final = more(first, w.FIRST_ZH if self.zh else w.FIRST_EN), more(final, w.FINAL_ZH if self.zh else w.FINAL_EN)
            after, before, first, final = ([*forms, forms[0]] for forms in (after, before, first, final))  # form() leaves out the last
            after = [f.replace("{A}", "{a}") for f in after]
        questions, missing = [], []
        i = r.randrange(last)
        q = self.form(after).format(a=steps[i]); questions.append((q, q, steps[i + 1], None, None))
        i = r.randrange(last)
        q = self.form(after).format(a=steps[i]); questions.append((q, q, steps[i + 1], None, None))
        i = r.randrange(last)
        q = self.form(before).format(b=steps[i + 1]); questions.append((q, q, steps[i], None, None))
        q = self.form(first); questions.append((q, q, steps[0], None, None))
        q = self.form(final); questions.append((q, q, steps[-1], None, None))
        if self.mode == "train":
            if self.chance(.4):
                i = r.randrange(n)
                q = nth.format(i=han(i + 1) if self.zh else i + 1); questions.append((q, q, steps[i], None, None))
            if self.chance(.2):
                q = r.choice(many); questions.append((q, q, han(n) if self.zh else NUMBERS_EN[n], None, None))
        q = self.form(after).format(a=steps[-1])
        if self.chance(.4): missing.append((q, q, None, None, None))
        other = self.from_list([s for _, ss in self.l.procs for s in ss])
        if other not in steps:
            q = self.form(after).format(a=other); missing.append((q, q, None, None, None))
        return text, questions, missing

    def prose_scene(self):
        """A paragraph in a natural style; a question whose answer was left out is unanswerable."""
        r, zh = self.rng, self.zh
        t = r.choice(self.l.prose)
        values, pronoun = {}, {}

        def draw(kind):
            if kind == "sstep":
                if self.chance(.5): return Value(self.from_list(self.l.steps))
                if zh: return Value(r.choice(["把", "将"]) + self.from_list(self.l.noun_list) + r.choice(["洗净", "切成小块", "放进锅里", "拧紧", "晾干", "装好", "擦干", "打开", "泡在水里", "涂上油", "压平", "摆好", "加热十分钟", "包起来"]))
                return Value(r.choice([v.split("/")[0] for v in self.VERBS_EN]) + " the " + (r.choice(self.l.lists["adjective"]) + " " if self.chance(.3) else "") + self.from_list(self.l.lists["noun"]) + (" " + self.value("{locin}").text if self.chance(.25) else ""))
            if isinstance(kind, list): return self.fresh(kind)
            if kind in ("woman", "man"): return self.fresh(["{" + ("female" if kind == "woman" else "male") + "} {surname}"])
            if kind == "vb":
                b, d = r.choice(self.VERBS_EN).split("/")
                return Value(b, d)
            return self.fresh(["{" + kind + "}"])
        for slot, kind in t["slots"].items():
            for _ in range(5):
                values[slot] = draw(kind)
                if values[slot].text not in [v.text for k, v in values.items() if k != slot]: break
            pronoun[slot] = r.random() < .5 if kind not in ("woman", "man", "female", "male") else kind in ("man", "male")
        he = lambda x: ("他" if pronoun[x] else "她") if zh else ("he" if pronoun[x] else "she")

        def fill(s):
            def replace(m):
                name, _, store = m[1].partition("=")
                name, cap = (name[:-1], True) if name.endswith("^") else (name, False)
                name, core = (name[:-1], True) if name.endswith(".") else (name, False)
                name, _, form = name.partition(":")
                if len(name) == 1 and name in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
                    if name not in values: values[name] = draw("vehicle")
                    v = values[name]
                    if form == "p": x = he(name)
                    elif form == "h": x = "his" if pronoun[name] else "her"
                    elif form == "i": x = "him" if pronoun[name] else "her"
                    elif form == "f": x = v.text.split(" ")[0]
                    elif form == "l": x = v.text.split(" ")[-1]
                    elif form == "o": x = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth", "twenty": "twentieth"}.get(v.text) or (v.text + ("th" if not v.text.isdigit() or v.text[-1] not in "123" or v.text in ("11", "12", "13") else {"1": "st", "2": "nd", "3": "rd"}[v.text[-1]]))
                    elif form == "in": x = ("in " if self.chance(.6) else "at ") + v.text
                    elif form == "b": x = v.text
                    elif form == "d": x = v.core
                    elif form == "m": x = v.text[0] if zh else v.text
                    elif form == "n": x = v.core
                    elif form == "z": x = v.text.replace("|", "")
                    else: x = v.core if core else v.text
                else:
                    w = self.value("{" + name + "}")
                    if store: values[store] = w
                    x = w.text
                return x[0].upper() + x[1:] if cap else x
            return self.tidy(PROSE_SLOT.sub(replace, s))

        kept = []
        for i, after in enumerate(t["after"]): kept.append(i == 0 or (self.chance(.8) and (not after or kept[-1])))
        texts = [fill(p) for p, there in zip(t["p"], kept) if there]
        stated = set().union(*(stated_in(p) for p, there in zip(t["p"], kept) if there))
        missing_parts = [p for p, there in zip(t["p"], kept) if not there]
        gone = set().union(*map(stated_in, missing_parts)) - stated
        for p in missing_parts: fill(p)
        questions, missing = [], []

        def clear(form):
            """Whether a question form says enough of what it asks about, where other things stand in the passage too."""
            return self.alone or stated_in(form) or not PRONOUN.search(form)
        for answer, forms, home in t["q"]:
            if answer == "-" or not forms: continue  # never answerable, so the wording alone would tell
            for q in r.sample(forms, min(len(forms), 2 if home is None or self.chance(.3) else 1)):
                if stated_in(q) & gone or (home is not None and not clear(q)): continue
                text = fill(self.reworded(q))
                if home is not None: there, known = kept[home], kept[home] or self.alone or stated_in(q)
                elif stated_in(answer): there, known = not stated_in(answer) & gone, True
                else:
                    homes = [i for i, p in enumerate(t["p"]) if answer in p]
                    there, known = any(kept[i] for i in homes), homes
                if there: questions.append((text, text, fill(answer), None, None))
                elif known: missing.append((text, text, None, None, None))
        for q in r.sample(t["u"], min(len(t["u"]), 2)):
            if stated_in(q) & gone or not (self.alone or stated_in(q)): continue
            text = fill(self.reworded(q))
            missing.append((text, text, None, None, None))
        if self.chance(.3) and len(questions) > 3:  # a question about another paragraph
            other = r.choice(self.l.prose)
            forms = [f for _, fs, _ in other["q"] for f in fs if not stated_in(f)]
            if other is not t and forms:
                f = r.choice(forms)
                if not any(content(f) <= content(g) for _, fs, _ in t["q"] for g in fs) and not re.search(r"first|last|next|第一|最后|之后", f) and self.alone and not (other["u"] and PRONOUN.search(f)): missing.append((f, f, None, None, None))
        lines = [self.sentence(x) for x in texts]
        if any(x in self.l.kept_away for x in lines): return self.prose_scene()
        return lines, questions, missing

    def compare_scene(self):
        r = self.rng
        people = self.chance(.5)
        names = [self.person() if people else self.value(r.choice(["{city}", "{building}" if self.zh else "the {building}", "{device}" if self.zh else "the {device}"])).text for _ in range(3)]
        if len(set(names)) < 3: return self.compare_scene()
        a, b, c = names
        if self.zh:
            x, y, z = r.choice([("高", "最高", "最矮"), ("重", "最重", "最轻"), ("快", "最快", "最慢")] + ([("年长", "年纪最大", "年纪最小")] if people else [("贵", "最贵", "最便宜"), ("大", "最大", "最小"), ("旧", "最旧", "最新")]))
            lines = [f"{a}比{b}{x}", f"{b}比{c}{x}"]
            if self.chance(.3): lines = [f"{a}比{b}{x}，{b}又比{c}{x}"]
            elif self.chance(.5): lines.reverse()
            who = "谁" if people else "哪个"
            qs = [(f"{who}{y}？", a), (f"{who}{z}？", c), (f"{a}和{b}，{who}更{x}？", a), (f"{c}和{b}{who}更{x}？", b)]
        else:
            x, y, z = r.choice([("taller", "tallest", "shortest"), ("heavier", "heaviest", "lightest"), ("faster", "fastest", "slowest"), ("older", "oldest", "youngest" if people else "newest")] + ([] if people else [("larger", "largest", "smallest"), ("cheaper", "cheapest", "most expensive")]))
            lines = [f"{a} is {x} than {b}", f"{b} is {x} than {c}"]
            if self.chance(.3): lines = [f"{a} is {x} than {b}, and {b} is {x} than {c}"]
            elif self.chance(.5): lines.reverse()
            who = "Who" if people else "Which"
            qs = [(f"{who} is the {y}?", a), (f"{who} is the {z}?", c), (f"{who} is {x}, {a} or {b}?", a), (f"{who} is {x}, {c} or {b}?", b)]
        return [self.sentence(s) for s in lines], [(q, q, ans, None, None) for q, ans in qs], []

    def list_scene(self):
        r = self.rng
        n = r.randint(2, 4)
        missing = []
        if self.zh:
            box = r.choice(["箱子里", "篮子里", "桌上", "仓库里", "包里", self.person() + "的房间里", "商店里"])
            things = [self.fresh(["{things}"]) for _ in range(n)]
            counts = [self.number(2, 30) for _ in things]
            text = f"{box}有" + "、".join(c + t.text for c, t in list(zip(counts, things))[:-1]) + f"和{counts[-1]}{things[-1].text}"
            qs = [(r.choice([f"{box}有多少{t.core}？", f"有几{t.text}？", f"{t.core}有多少？"]), c + t.text) for c, t in zip(counts, things)]
            other = self.fresh(["{things}"]); missing.append((f"{box}有多少{other.core}？",) * 2 + (None, None, None))
        else:
            box = r.choice(["in the box", "in the basket", "on the table", "in the store room", "in the bag", f"in {self.person()}'s room", "in the shop"])
            things = [self.fresh(["{things}"]) for _ in range(n)]
            counts = [self.number(2, 30) for _ in things]
            parts = [f"{c} {t.text}" for c, t in zip(counts, things)]
            text = r.choice([f"{box} there are ", "There are "]) + ", ".join(parts[:-1]) + f" and {parts[-1]}"
            if text.startswith("There"): text += " " + box
            qs = [(r.choice([f"How many {t.text} are there?", f"How many {t.text} are {box}?", f"How many {t.text} are there {box}?"]), c) for c, t in zip(counts, things)]
            other = self.fresh(["{things}"]); missing.append((f"How many {other.text} are there?",) * 2 + (None, None, None))
        return [self.sentence(text)], [(q, q, a, None, None) for q, a in qs], missing

    def schedule_scene(self):
        r = self.rng
        days = ["星期" + d for d in "一二三四五六日"] if self.zh else DAYS_EN
        days = sorted(r.sample(range(7), r.randint(2, 4)))
        names = [("星期" + "一二三四五六日"[d]) if self.zh else DAYS_EN[d] for d in days]
        who = self.person()
        acts = [self.fresh(["{hobby}" if self.chance(.5) else "{subject}"]).text for _ in names]
        times = [self.atom("clock", []) for _ in names]
        questions, lines = [], []
        clock = self.chance(.4)
        for d, act, t in zip(names, acts, times):
            if self.zh:
                lines.append(r.choice([f"{d}{t if clock else ''}{act}", f"{d}{t if clock else ''}，{act}", f"{who}{d}{t if clock else ''}的安排是{act}"]))
                questions.append((r.choice([f"{d}做什么？", f"{who}{d}的安排是什么？", f"{d}的安排是什么？"]), act))
                questions.append((r.choice([f"{act}是在星期几？", f"{act}是哪天？", f"哪一天{act}？"]), d))
                if clock: questions.append((f"{d}的{act}是几点？", t))
            else:
                lines.append(r.choice([f"on {d}{' at ' + t if clock else ''} there is {act}", f"{act} is on {d}{' at ' + t if clock else ''}", f"{d}{', ' + t if clock else ''}: {act}"]))
                questions.append((r.choice([f"What is on {d}?", f"What does {who} do on {d}?", f"What is planned for {d}?"]), act))
                questions.append((r.choice([f"On which day is {act}?", f"When is {act}?", f"Which day is {act}?"]), d))
                if clock: questions.append((f"What time is {act} on {d}?", t))
        head = r.choice([f"{who}这周的安排如下。", f"这是{who}的日程。"]) if self.zh else r.choice([f"This is the week of {who}.", f"{who} has a busy week.", f"Here is the timetable of {who}."])
        free = [d for d in range(7) if d not in days]
        d = r.choice(free)
        q = f"星期{'一二三四五六日'[d]}做什么？" if self.zh else f"What is on {DAYS_EN[d]}?"
        return [head] + [self.sentence(x) for x in lines], [(q_, q_, a, None, None) for q_, a in questions], [(q, q, None, None, None)]

    VERBS_EN = "open/opened close/closed paint/painted repair/repaired carry/carried clean/cleaned cook/cooked wash/washed visit/visited photograph/photographed describe/described collect/collected design/designed push/pushed pull/pulled watch/watched measure/measured move/moved drop/dropped polish/polished study/studied order/ordered test/tested rent/rented copy/copied cover/covered praise/praised examine/examined guard/guarded hide/hid break/broke steal/stole build/built draw/drew choose/chose bring/brought catch/caught hold/held eat/ate see/saw throw/threw write/wrote sing/sang make/made take/took burn/burned hate/hated love/loved want/wanted need/needed destroy/destroyed defend/defended count/counted rescue/rescued exhibit/exhibited admire/admired bake/baked bless/blessed borrow/borrowed brush/brushed chase/chased check/checked chop/chopped climb/climbed cross/crossed decorate/decorated deliver/delivered dig/dug discuss/discussed dry/dried empty/emptied fetch/fetched fill/filled film/filmed fold/folded follow/followed fry/fried gather/gathered greet/greeted harvest/harvested heat/heated hire/hired hunt/hunted identify/identified improve/improved inspect/inspected invite/invited iron/ironed label/labeled launch/launched lift/lifted load/loaded lock/locked mend/mended mix/mixed notice/noticed pack/packed peel/peeled pick/picked plan/planned plant/planted plough/ploughed present/presented press/pressed print/printed protect/protected publish/published rake/raked record/recorded remove/removed restore/restored review/reviewed save/saved search/searched serve/served sew/sewed share/shared sign/signed slice/sliced sort/sorted spot/spotted sweep/swept tie/tied toast/toasted trade/traded translate/translated trim/trimmed unload/unloaded unlock/unlocked use/used wax/waxed weigh/weighed welcome/welcomed wind/wound wipe/wiped wrap/wrapped wear/wore grow/grew feed/fed teach/taught drive/drove ride/rode hang/hung cut/cut read/read".split()
    VERBS_ZH = "打开 关上 粉刷 修理 搬走 清洗 参观 拍摄 描写 收集 设计 推开 拉走 观看 测量 移动 擦亮 研究 订购 测试 租用 复制 盖住 称赞 检查 看守 藏起 打破 偷走 建造 画出 选择 带来 抓住 拿走 看见 扔掉 写下 制作 烧掉 拆掉 保护 清点 救出 展出 找回 捐出 介绍 提到 准备 预订 寄出 收到 买下 卖掉".split()

    def verb_scene(self):
        r = self.rng
        sentences, questions, missing = [], [], []
        count = r.choice((1, 2, 2, 3))
        for verb in [self.from_list(self.VERBS_ZH if self.zh else self.VERBS_EN) for _ in range(count)]:
            if verb in self.used or (self.mode == "train" and self.verb_held(verb)): continue
            self.used.add(verb)
            agent = self.fresh(["{agent}"]).text
            time, place, reason = self.fresh(["{time}"]), self.fresh(["{place}"]), self.fresh(["{reason}"])
            has_t, has_p, has_c = self.chance(.4), self.chance(.4), self.chance(.25)
            if self.zh:
                thing = self.fresh(["{thing}", "{plural}", "{device}", "{building}", "{title}"]).text if self.chance(.7) else "那" + r.choice("个座条件") + r.choice(self.l.noun_list)
                s = (time.text + r.choice(["，", ""]) if has_t else "") + agent + (f"在{place.text}" if has_p else "") + f"{verb}了{thing}" + (f"，因为{reason.text}" if has_c else "")
                qs = [(f"谁{verb}了{thing}？", agent), (r.choice([f"{agent}{verb}了什么？", f"{agent}{verb}的是什么？"]), thing)]
                ts, ps, cs = r.choice([f"{agent}什么时候{verb}了{thing}？", f"{agent}是什么时候{verb}{thing}的？"]), r.choice([f"{agent}在哪里{verb}了{thing}？", f"{agent}是在什么地方{verb}{thing}的？"]), f"{agent}为什么{verb}了{thing}？"
            else:
                base, past = verb.split("/")
                thing = self.fresh(["{thing}"]).text if self.chance(.3) else r.choice(["the ", "the ", "a(n) "]) + (r.choice(self.l.lists["adjective"]) + " " if self.chance(.6) else "") + self.from_list(self.l.lists["noun"])
                thing = self.tidy(thing)
                s = f"{agent} {past} {thing}" + (" " + place.text if has_p else "")
                s = r.choice([f"{time.text}, {s}", f"{s} {time.text}"]) if has_t else s
                s += f" because {reason.text}" if has_c else ""
                if not has_c and self.chance(.15) and not has_t: s = f"{thing} was {past} by {agent}" + (" " + place.text if has_p else "") if base not in ("hide", "break", "steal", "draw", "choose", "eat", "see", "throw", "write", "sing", "take") else s
                qs = [(f"Who {past} {thing}?", agent), (r.choice([f"What did {agent} {base}?", f"What was it that {agent} {past}?"]), thing)]
                ts, ps, cs = f"When did {agent} {base} {thing}?", f"Where did {agent} {base} {thing}?", f"Why did {agent} {base} {thing}?"
                if not self.chance(.5): ps = f"Where was it that {agent} {past} {thing}?"
            for has, q, v in ((has_t, ts, time), (has_p, ps, place), (has_c, cs, reason)):
                (questions if has else missing).append((q, q, v.core if has else None, None, None))
            questions += [(q, q, a, None, None) for q, a in qs]
            stranger = self.person()
            if self.chance(.3):
                q = f"{stranger}{verb}了什么？" if self.zh else f"What did {stranger} {base}?"
                missing.append((q, q, None, None, None))
            sentences.append(self.sentence(s))
        return sentences, questions, missing

    ROLES_EN = "leader coach editor teacher captain owner director guide driver author painter judge doctor partner neighbour boss manager rival brother sister father mother uncle aunt friend cousin assistant secretary chairman sponsor translator nurse referee conductor host builder".split()
    THINGS_EN = "name motto nickname symbol password main product topic theme goal purpose result cause origin shape smell taste temperature size flag engine code speed main problem weakness strength favourite colour favourite drink lucky number target subject menu prize address source method title key ingredient first sign meaning basis advantage main rule limit biggest danger".replace("main product", "main_product").replace("main problem", "main_problem").replace("favourite colour", "favourite_colour").replace("favourite drink", "favourite_drink").replace("lucky number", "lucky_number").replace("key ingredient", "key_ingredient").replace("first sign", "first_sign").replace("main rule", "main_rule").replace("biggest danger", "biggest_danger").split()
    ROLES_ZH = "队长 教练 主编 老师 向导 司机 画家 法官 医生 合伙人 邻居 老板 经理 对手 哥哥 姐姐 父亲 母亲 叔叔 姑姑 朋友 表弟 助手 秘书 主席 赞助人 翻译 护士 裁判 指挥 主持人 徒弟 师傅 儿子 女儿 同桌 班主任".split()
    THINGS_ZH = "名字 口号 外号 标志 密码 主题 目标 目的 结果 起因 来源 形状 气味 味道 温度 尺寸 旗帜 发动机 编号 主要问题 弱点 优点 幸运数字 对象 菜单 奖品 地址 方法 标题 主要原料 最早的迹象 含义 基础 特点 规则 限制 最大的危险 主要成分 别名 任务".split()

    def role_scene(self):
        r = self.rng
        sentences, questions, missing = [], [], []
        subject = self.fresh(["{person}", "{company}", "{team}", "the {event}" if not self.zh else "{event}", "{title}", "{city}", "the {device}" if not self.zh else "{device}", "the {noun}" if not self.zh else "{building}"]).text
        roles = r.sample(self.ROLES_ZH if self.zh else self.ROLES_EN, r.choice((1, 1, 2)))
        things = r.sample(self.THINGS_ZH if self.zh else self.THINGS_EN, r.choice((1, 1, 2)))
        if self.mode == "train":
            roles = [x for x in roles if not self.named_held(x)]
            things = [x for x in things if not self.named_held(x.replace("_", " "))]
        pairs = [(x, self.person(), True) for x in roles]
        for x in things:
            kind = r.choice(["{invented}", "{color}", "{n:2:90}", "{plural}", "{food}", "{habitat}", "{symptom}", "{purpose}", "{code}", "{treatment}", "{hobby}", "{subject}"])
            pairs.append((x.replace("_", " "), self.fresh([kind]).text, False))
        r.shuffle(pairs)
        for x, v, person in pairs:
            if self.zh:
                sentences.append(self.sentence(r.choice([f"{subject}的{x}是{v}", f"{subject}的{x}是{v}", f"{v}是{subject}的{x}"])))
                q = r.choice([f"{subject}的{x}是谁？", f"谁是{subject}的{x}？", f"{subject}的{x}叫什么？"] if person else [f"{subject}的{x}是什么？", f"什么是{subject}的{x}？"])
                if person and self.chance(.3): questions.append((f"{v}是谁的{x}？",) * 2 + (subject, None, None))
            else:
                own = subject + "'s " + x if r.random() < .4 else f"the {x} of {subject}"
                sentences.append(self.sentence(r.choice([f"{own} is {v}", f"{own} is {v}", f"{v} is {own}", f"{own} is called {v}" if person else f"{own} is {v}"])))
                own = subject + "'s " + x if r.random() < .4 else f"the {x} of {subject}"
                q = f"{'Who' if person else 'What'} is {own}?"
                if person and self.chance(.2): q = f"What is the name of {own}?"
            questions.append((q, q, v, None, None))
        if not pairs: return self.role_scene()
        absent = [x.replace("_", " ") for x in (self.ROLES_ZH + self.THINGS_ZH if self.zh else self.THINGS_EN + self.ROLES_EN) if x.replace("_", " ") not in [p[0] for p in pairs]]
        x = r.choice(absent)
        while self.mode == "train" and self.named_held(x): x = r.choice(absent)
        person = x in self.ROLES_ZH or x in self.ROLES_EN
        q = f"{subject}的{x}是{'谁' if person else '什么'}？" if self.zh else f"{'Who' if person else 'What'} is the {x} of {subject}?"
        missing.append((q, q, None, None, None))
        return sentences, questions, missing

    def gloss_scene(self):
        r = self.rng
        pairs = [self.from_list(natural()["gloss"]) for _ in range(r.randint(1, 3))]
        if any(held_name(word) for word, _ in pairs): return self.gloss_scene()  # towns have glosses too
        sentences, questions = [], []
        for word, meaning in pairs:
            sentences.append(self.sentence(r.choice([f"the word {word} means {meaning}", f"{word} means {meaning}", f"{word} is {meaning}", f"we use the name {word} for {meaning}"])))
            questions.append((r.choice([f"What does {word} mean?", f"What is {word}?", f"What is the meaning of {word}?"]), meaning))
            questions.append((r.choice([f"Which word means {meaning}?", f"What is the word for {meaning}?"]), word))
        other = self.from_list(natural()["gloss"])[0]
        q = f"What does {other} mean?"
        missing = [] if other in [p[0] for p in pairs] else [(q, q, None, None, None)]
        return sentences, [(q, q, a, None, None) for q, a in questions], missing

    def natural_scene(self):
        r = self.rng
        lines = [self.from_list(natural()["zh"] if self.zh else natural()[r.choice(["en", "example"])]) for _ in range(r.randint(1, 4))]
        s = r.choice(lines)
        questions = []
        if self.zh:
            body = s.rstrip("。")
            if len(body) > 12:
                i = r.randint(3, len(body) - 5)
                start = max(0, i - 6)
                k = r.random()
                if k < .6: questions.append((f"补全句子：{body[start:i]}", body[i:]))
                else:
                    j = min(len(body), i + r.randint(2, 5))
                    questions.append((f"填空：{body[start:i]}＿＿{body[j:j + 5]}", body[i:j]))
        else:
            words = s.rstrip(".").split(" ")
            if len(words) > 6:
                i = r.randint(2, len(words) - 2)
                start = max(0, i - 4)
                if self.chance(.6): questions.append((f"Complete the sentence: {' '.join(words[start:i])}", " ".join(words[i:])))
                else:
                    j = min(len(words), i + r.randint(1, 3))
                    questions.append((f"Fill in the gap: {' '.join(words[start:i])} ___ {' '.join(words[j:j + 3])}", " ".join(words[i:j])))
        return lines, [(q, q, a, None, None) for q, a in questions], []

    def yes_no(self):
        """A passage of one topic with statements to confirm or deny."""
        r = self.rng
        topic = r.choice(self.l.topics)
        subject = self.fresh(topic["subject"]).text
        seen = [a for a in topic["attributes"] if not a.held]
        sentences, questions = [], []
        for a in r.sample(seen, min(len(seen), r.randint(1, 3))):
            v, w = self.fresh(a.values), self.fresh(a.values)
            sentences.append(self.sentence(self.put(self.form(a.s), subject, v)))
            true = self.chance(.5)
            claim = self.put(r.choice(a.s[:3]), subject, v if true else w)
            if self.zh: q, ans = r.choice([f"{claim}，对吗？", f"{claim}吗？", f"{claim}，是吗？", f"文中是否说{claim}？"]), "是的" if true else "不是"
            else:
                lower = claim if not claim.startswith(("The ", "A ", "An ", "In ")) else claim[0].lower() + claim[1:]
                q, ans = r.choice([f"Is it true that {lower}?", f"Does the passage say that {lower}?", f"Is it right that {lower}?"]), "Yes" if true else "No"
            questions.append((q, q, ans, None, None))
        return sentences, questions, []

    # ---- passages ----
    def passage(self):
        r = self.rng
        sentences, questions, missing = [], [], []
        if self.mode == "kinds":
            topic = r.choice([t for t in self.l.topics if any(a.held for a in t["attributes"])])
            want = r.choice([a for a in topic["attributes"] if a.held])
            sentences, questions, missing = self.topic_scene(topic, want=want)
            questions = [q for q in questions if q[4] is want]
        else:
            k = r.random()
            scenes = [(self.topic_scene, 46), (self.frames_scene, 18), (self.cause_scene, 8), (self.proc_scene, 8), (self.verb_scene, 8), (self.role_scene, 5), (self.list_scene, 2), (self.schedule_scene, 2)]
            if self.mode == "train": scenes += [(self.prose_scene, 8)] + [(self.compare_scene, 2), (self.yes_no, 2), (self.natural_scene, 3), (self.gloss_scene if not self.zh else self.natural_scene, 2 if not self.zh else 1)]
            if self.mode == "train": scenes += [(functools.partial(variety.alike_scene, self), 26), (functools.partial(variety.label_scene, self), 20), (functools.partial(variety.record_scene, self), 7)]
            if self.mode == "templates": scenes = scenes[:3] + [(self.proc_scene, 6)]
            if self.mode == "dialogue": scenes = scenes[:1]
            chosen = r.choices([s for s, _ in scenes], [w for _, w in scenes], k=1 if self.short else r.choice((1, 1, 1, 2, 2, 3)))
            if self.mode == "dialogue": chosen = chosen[:1]
            if self.mode == "train" and self.chance(.3): chosen = [self.prose_scene]  # as people write
            groups = []
            self.alone = len(chosen) == 1
            for i, scene in enumerate(chosen):
                if scene in (self.prose_scene, self.frames_scene, self.schedule_scene, self.proc_scene, self.compare_scene, self.list_scene, self.yes_no) and scene in chosen[:i]: continue
                a, b, c = scene()
                groups.append(a); questions += b; missing += c
            if len(groups) > 1:  # a question with no name in it is unclear where several scenes meet
                questions = [q for q in questions if not re.match(r"(Who won|Who lost|Which team|What was the score|What was the (cause|reason|result|final|dest)|What happened\?|谁赢了|谁输了|比分|发生了什么|事故|What is the (first|last) step\?|第一步|最后一步)", q[0])]
            r.shuffle(groups)
            for g in groups:
                sentences += g
                if self.chance(.12): sentences.append(self.from_list(natural()["zh"] if self.zh else natural()["example"]))
            if self.chance(.08): sentences.insert(0, self.from_list(natural()["zh"] if self.zh else natural()["example"]))
        text = ("" if self.zh else " ").join(sentences)
        if self.chance(.05): text = "\n".join(sentences)
        return text, questions, missing

    def example(self): return self.examples(1)[0]

    def examples(self, most):
        """One or more dialogues about one passage."""
        r = self.rng
        for _ in range(40):
            self.used = set()
            text, questions, missing = self.passage()
            missing = [m for m in missing if m[0] not in {q[0] for q in questions}]
            if len(text) > (700 if self.zh else 2600) or (self.mode == "unanswerable" and not missing) or (self.mode != "unanswerable" and not questions): continue
            break
        mode = self.mode
        if mode == "train":
            out = []
            for _ in range(most):
                asked = []
                for _ in range(r.choices((1, 2, 3, 4, 5), (30, 25, 20, 15, 10))[0]):
                    pool = missing if (missing and self.chance(self.unanswerable)) or (not questions and not asked and not out) else questions
                    if not pool: break
                    i = r.randrange(len(pool))
                    near = [j for j, q in enumerate(pool) if asked and asked[-1][3] and q[3] == asked[-1][3]]
                    if near and self.chance(.5): i = r.choice(near)
                    asked.append(pool.pop(i))
                if asked: out.append(self.dialogue(text, asked))
            return out
        if mode == "unanswerable": asked = [r.choice(missing)]
        elif mode == "dialogue":
            first = r.choice([q for q in questions if q[3]] or questions)
            pool = [q for q in questions + (missing if self.chance(.3) else []) if q[3] == first[3] and q is not first and q[0] != first[0]]
            if not pool: return self.examples(1)
            asked = [first, r.choice(pool)]
        else: asked = [r.choice(questions)]
        return [self.dialogue(text, asked)]

    def dialogue(self, text, asked):
        messages = []
        for i, (q, follow, answer, entity, _) in enumerate(asked):
            if i and entity and asked[i - 1][3] == entity and (self.mode == "dialogue" or self.chance(.6)): q = follow
            q = self.question(q)
            if i == 0: q = self.arrange(text, q)
            elif self.chance(.03): q = ("问题：" if self.zh else "Question: ") + q
            messages.append({"role": "user", "text": q})
            messages.append({"role": "assistant", "text": DECLINE[self.code] if answer is None else answer})
        return {"language": self.code, "system": self.system(), "messages": messages}

    INSTRUCTIONS = {"en": ["Answer the question from the passage.", "Read the passage and answer.", "Read the text and answer the question.", "Use the passage to answer the question.", "Answer in the language of the passage.", "Please answer the question below.", "Here is a text.", "Answer the question using only the passage below."],
                    "zh": ["参考下面的文章，然后用与文章相同的语言回答问题", "参考下面的文章，然后用与文章相同的语言回答问题：", "请根据文章回答问题。", "阅读下面的文章，回答问题。", "根据下面的短文回答问题：", "请阅读短文并回答问题。", "请看下面这段话。"]}

    def arrange(self, text, q):
        r, k = self.rng, self.rng.random()
        if self.mode != "train" and k < .7: k = 0
        if k < .6: s = f"{text}\n\n{q}"
        elif k < .72: s = f"{text}\n{q}"
        elif k < .80: s = f"{q}\n\n{text}"
        elif k < .92: s = r.choice([f"文章：{text}\n问题：{q}", f"文章：{text}\n\n问题：{q}", f"{text}\n\n问题：{q}", f"文章：\n{text}\n\n问题：\n{q}"]) if self.zh else r.choice([f"Passage: {text}\nQuestion: {q}", f"Passage: {text}\n\nQuestion: {q}", f"{text}\n\nQuestion: {q}", f"Text: {text}\nQuestion: {q}", f"Context: {text}\n\nQuestion: {q}"])
        else: s = f"{text} {q}" if not self.zh else f"{text}{q}"
        if self.chance(.15): s = r.choice(self.INSTRUCTIONS[self.code if self.chance(.85) else r.choice(["en", "zh"])]) + r.choice(["\n", "\n\n"]) + s
        return s

    def system(self):
        if self.mode != "train" or not self.chance(.12): return ""
        return self.rng.choice(["你根据文章回答问题。", "你是一个阅读理解助手。", "请只根据文章内容回答。"] if self.zh else ["You answer questions about a passage.", "You are a helpful assistant.", "Answer questions from the passage only.", "You answer briefly."])


def cross(rng):
    """A passage in one language and a question in the other; the answer is copied from the passage."""
    code = rng.choice(("en", "zh"))
    m, other = Maker(rng, code, "train"), Maker(rng, "zh" if code == "en" else "en", "train")
    if rng.random() < .35:
        i = rng.randrange(min(len(m.l.procs), 44))
        (name, steps), (_, there) = m.l.procs[i], other.l.procs[i]
        if len(steps) == len(there):
            k = rng.randrange(len(steps) - 1)
            text = "".join(f"{a}之后是{b}。" for a, b in zip(steps, steps[1:])) if m.zh else " ".join(m.sentence(f"after {a} comes {b}") for a, b in zip(steps, steps[1:]))
            if rng.random() < .5: text = f"{name}分为{han(len(steps))}个阶段：" + "、".join(steps) + "。" if m.zh else m.sentence(f"the stages of {name} are " + ", ".join(steps))
            q = rng.choice(["{a}之后是什么？", "{a}的下一个阶段是什么？"] if other.zh else ["What comes after {a}?", "What is the next stage after {a}?", "What is the next step after {a}?"]).format(a=there[k])
            return {"language": code, "system": "", "messages": [{"role": "user", "text": m.arrange(text, q)}, {"role": "assistant", "text": steps[k + 1]}]}
    topic, there = [(a, b) for a in m.l.topics for b in other.l.topics if a["name"] == b["name"]][rng.randrange(len(m.l.topics))]
    there_attributes = {a.name: a for a in there["attributes"]}
    lines, questions, missing = m.topic_scene(topic, entities=rng.choice((1, 2)))
    pool = [q for q in questions if q[4] and q[4].name in there_attributes and q[3] in q[0] and q[2] != q[3]]
    gaps = [q for q in missing if q[3] and q[4].name in there_attributes]
    if not pool: return cross(rng)
    decline = gaps and rng.random() < .12
    _, _, answer, subject, a = rng.choice(gaps if decline else pool)
    b = there_attributes[a.name]
    q = other.question(other.put(other.asked(b), subject, other.value(rng.choice(b.values))))
    text = ("" if m.zh else " ").join(lines)
    return {"language": code, "system": "", "messages": [{"role": "user", "text": m.arrange(text, q)}, {"role": "assistant", "text": DECLINE[other.code] if decline else answer}]}


def make(rng, code, mode="train"):
    if mode == "train" and rng.random() < .03: return cross(rng)
    return Maker(rng, code, mode).example()


def make_several(rng, code, short=False, unanswerable=.11):
    """Training examples: up to two dialogues about one passage (making the passage is most of the work)."""
    if not short and rng.random() < .03: return [cross(rng)]
    maker = Maker(rng, code, "train")
    maker.short, maker.unanswerable = short, unanswerable
    return maker.examples(1 if short else 2)


class Quick(random.Random):
    """Draws the same kinds of things with less work; the evaluation sets are drawn with random.Random itself."""

    def choice(self, items): return items[int(self.random() * len(items))]

    def randint(self, low, high): return low + int(self.random() * (high - low + 1))

    def randrange(self, stop): return int(self.random() * stop)


def render(example):
    """[(text, is answer), ...]: the prompt format. The end mark </s> follows each answer."""
    parts, head = [], (example["system"] + "\n") if example.get("system") else ""
    for i, m in enumerate(example["messages"]):
        if m["role"] == "user":
            parts.append((head + ("\n" if i else "") + "User: " + m["text"] + "\nAssistant:", False))
            head = ""
        else: parts.append((" " + m["text"], True))
    return parts


def evaluation_sets(folder, per_set=150, seed=2024):
    os.makedirs(folder, exist_ok=True)
    rows = []
    for code in ("en", "zh"):
        for mode in ("names", "templates", "kinds", "unanswerable", "dialogue"):
            rng = random.Random(f"{seed}/{code}/{mode}")
            for _ in range(per_set):
                e = make(rng, code, mode)
                rows.append({"set": mode, "language": code, "messages": e["messages"][:-1], "answer": e["messages"][-1]["text"]})
    with open(os.path.join(folder, "evaluation.jsonl"), "w", encoding="utf-8") as f:
        for row in rows: f.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(len(rows), "cases")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--language", default="en")
    parser.add_argument("--mode", default="train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--evaluation")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    for _ in range(args.show):
        print("".join(t + ("</s>" if a else "") for t, a in render(make(rng, args.language, args.mode))), "\n-----")
    if args.evaluation: evaluation_sets(args.evaluation)
