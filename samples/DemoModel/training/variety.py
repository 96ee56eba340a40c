"""Training scenes that are about the meaning of words rather than about fixed forms; used in training only.

alike_scene: events told with one word and asked with a word of like meaning or a broader one. label_scene: things that somebody or
something has, named by ordinary nouns. record_scene: the facts of kinds_*.txt as a record card. unknown_question: a question whose verb
means nothing to the model, where only one fact has the kind of answer that the question word asks for. Each scene returns (sentences, questions,
unanswerable questions), a question being (text, follow-up text, answer, entity, attribute).
"""
import json, os
import wording

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = {}
NO_ADJECTIVES = set("all another any both each either every few many most much my neither our several some that these this those his her its their your which what".split())


def words(m):
    """The words that may stand for each other, without the held-out ones."""
    code, free = m.code, lambda text: not m.held_name(text)
    if code in WORDS: return WORDS[code]
    if code == "en":
        with open(f"{HERE}/lists/words_alike.json") as f: w = json.load(f)
        verbs = [[v for v in g if free(v)] for g in w["verbs"]]
        nouns = [[[n for n in a if free(n)], b] for a, b in w["nouns"]]
        labels = [([x for x in g if free(x)], person) for g, person in w["relations"]]
        labels += [([x], 1) for x in m.ROLES_EN if free(x)] + [([x.replace("_", " ")], 0) for x in m.THINGS_EN if free(x)]
    else:
        verbs, nouns, labels = [], [], []
        with open(f"{HERE}/alike_zh.txt", encoding="utf-8") as f:
            for line in f:
                kind, _, rest = line.strip().partition(": ")
                if kind == "v": verbs.append([x for x in rest.split() if free(x)])
                elif kind == "n":
                    a, _, b = rest.partition(":")
                    nouns.append([[x for x in a.split() if free(x)], [b]])
                elif kind in ("l", "lp"): labels.append(([x for x in rest.split() if free(x)], kind == "lp"))
        labels += [([x], 1) for x in m.ROLES_ZH if free(x)] + [([x], 0) for x in m.THINGS_ZH if free(x)]
    verbs = [[v for v in g if not m.verb_held(v)] for g in verbs]
    labels = [([x for x in g if not m.named_held(x)], person) for g, person in labels]
    WORDS[code] = {"verbs": [g for g in verbs if g], "nouns": [g for g in nouns if g[0]], "labels": [g for g in labels if g[0]]}
    return WORDS[code]


def other(rng, group, used):
    """Another word of the group, or the same where there is none."""
    rest = [x for x in group if x != used]
    return rng.choice(rest) if rest else used


def ask_noun_en(r, group, noun, adjective):
    """How a question may call a thing: as it was called, by a like word, by a broader one."""
    k = r.random()
    name = noun if k < .5 else other(r, group[0], noun) if k < .75 else r.choice(group[1]) if group[1] else noun
    return "the " + (adjective + " " if adjective and name == noun and r.random() < .5 else "") + name


def alike_scene(m):
    r, w = m.rng, words(m)
    sentences, questions, missing, seen_nouns, seen_verbs = [], [], [], set(), set()
    number = r.choice((1, 1, 2, 2, 3))
    for _ in range(number):
        verbs = r.choice(w["verbs"])
        group = r.choice(w["nouns"])
        if seen_nouns & set(group[0] + group[1]) or seen_verbs & set(verbs): continue
        seen_nouns |= set(group[0] + group[1]); seen_verbs |= set(verbs)
        agent = m.fresh(["{agent}"]).text
        stranger = m.person()
        said = r.choice(verbs)
        asked = said if m.chance(.35) else other(r, verbs, said)
        noun = r.choice(group[0])
        time, place = m.fresh(["{time}"]), m.fresh(["{place}"])
        has_t, has_p = m.chance(.4), m.chance(.4)
        again = w["nouns"][r.randrange(len(w["nouns"]))]
        if m.zh:
            calls = noun if m.chance(.5) else other(r, group[0], noun) if m.chance(.5) else r.choice(group[1])
            quantity = r.choice(["一件", "那个", "这个", "几个", "一批", "", ""]) if m.chance(.4) else ""
            thing = quantity + noun
            t, p = time.text if has_t else "", place.text if has_p else ""
            where = "在" + p if p else ""
            s = r.choice([f"{t}{agent}{where}{said}了{thing}", f"{t}，{agent}{where}{said}了{thing}" if t else f"{agent}{where}{said}了{thing}", f"{thing}{t}被{agent}{where}{said}了", f"{t}{where}{said}{thing}的是{agent}", f"{agent}{t}{where}把{thing}{said}了", f"是{agent}{t}{where}{said}了{thing}"])
            ask_v = asked
            questions.append((r.choice([f"谁{ask_v}了{calls}？", f"{calls}是谁{ask_v}的？", f"{calls}被谁{ask_v}了？", f"{ask_v}{calls}的是谁？", f"是谁{ask_v}了{calls}？", f"哪个人{ask_v}了{calls}？"]), agent))
            ask_what = [f"{agent}{ask_v}了什么？", f"{agent}{ask_v}的是什么？", f"什么被{agent}{ask_v}了？", f"{agent}把什么{ask_v}了？"] + ([f"{agent}{ask_v}了什么{group[1][0]}？", f"{agent}{ask_v}了哪种{group[1][0]}？"] if group[1][0] else [])
            questions.append((r.choice(ask_what), thing))
            asks = [(has_t, [f"{agent}什么时候{ask_v}了{calls}？", f"{calls}是什么时候被{ask_v}的？", f"{agent}{ask_v}{calls}是在什么时候？", f"何时{ask_v}的{calls}？"], time.core), (has_p, [f"{agent}在哪里{ask_v}了{calls}？", f"{calls}是在什么地方被{ask_v}的？", f"{agent}{ask_v}{calls}的地方是哪里？"], place.core)]
            wrong = [f"谁{ask_v}了{again[0][0]}？", f"{stranger}{ask_v}了什么？", f"{again[0][0]}是谁{ask_v}的？", f"{stranger}把什么{ask_v}了？"]
        else:
            base, past = said.split("/")
            ask_base, ask_past = asked.split("/")
            adjective = r.choice(m.l.lists["adjective"]) if m.chance(.45) else ""
            if adjective in NO_ADJECTIVES: adjective = ""
            article = r.choice(["the", "the", "a(n)"])
            full = f"{article} {adjective + ' ' if adjective else ''}{noun}"
            thing = m.tidy(full)
            call = lambda: ask_noun_en(r, group, noun, adjective)
            t, p = (" " + time.text) if has_t else "", (" " + place.text) if has_p else ""
            s = r.choice([f"{agent} {past} {thing}{p}{t}", f"{agent} {past} {thing}{p}{t}", f"{time.text}, {agent} {past} {thing}{p}" if has_t else f"{agent} {past} {thing}{p}", f"{thing} was {past} by {agent}{p}{t}", f"it was {agent} who {past} {thing}{p}{t}",
                          f"what {agent} {past}{p} was {thing}" + (f", {time.text}" if has_t else ""), f"{place.text}, {agent} {past} {thing}{t}" if has_p else f"{agent} {past} {thing}{t}", f"{agent} decided to {base} {thing}{p}{t}", f"{thing} had to be {past} by {agent}{p}{t}"])
            questions.append((r.choice([f"Who {ask_past} {call()}?", f"By whom was {call()} {ask_past}?", f"Who was it that {ask_past} {call()}?", f"Which person {ask_past} {call()}?", f"{call()} was {ask_past} by whom?", f"Do you know who {ask_past} {call()}?", f"Who decided to {ask_base} {call()}?"]), agent))
            ask_what = [f"What did {agent} {ask_base}?", f"What was {ask_past} by {agent}?", f"What was it that {agent} {ask_past}?", f"What thing did {agent} {ask_base}?", f"Tell me what {agent} {ask_past}.", f"{agent} {ask_past} what?"]
            if group[1]: ask_what += [f"Which {r.choice(group[1])} did {agent} {ask_base}?", f"What {r.choice(group[1])} was {ask_past} by {agent}?", f"What kind of {r.choice(group[1])} did {agent} {ask_base}?"]
            questions.append((r.choice(ask_what), thing))
            if adjective and m.chance(.3): questions.append((r.choice([f"What was {call()} like?", f"How is {call()} described?"]) if noun else "", adjective))
            asks = [(has_t, [f"When did {agent} {ask_base} {call()}?", f"When was {call()} {ask_past}?", f"At what time was {call()} {ask_past}?", f"When was it that {agent} {ask_past} {call()}?", f"Can you tell me when {agent} {ask_past} {call()}?"], time.core),
                    (has_p, [f"Where did {agent} {ask_base} {call()}?", f"Where was {call()} {ask_past}?", f"In what place was {call()} {ask_past}?", f"Where was it that {agent} {ask_past} {call()}?", f"I would like to know where {agent} {ask_past} {call()}."], place.core)]
            noun2 = r.choice(again[0])
            wrong = [f"Who {ask_past} the {noun2}?", f"What did {stranger} {ask_base}?", f"By whom was the {noun2} {ask_past}?", f"Which person {ask_past} the {noun2}?", f"{stranger} {ask_past} what?", f"When did {stranger} {ask_base} {call()}?" if has_t else f"What was {ask_past} by {stranger}?"]
            questions = [(q[0].upper() + q[1:], *rest) for q, *rest in questions]
        for there, forms, value in asks:
            if there: questions.append((r.choice(forms), value))
            elif m.chance(.4): missing.append(r.choice(forms))
        if not seen_nouns & set(again[0] + again[1]) or "者" in wrong[0]: missing.append(r.choice(wrong))
        sentences.append(m.sentence(m.say(s)))
    return sentences, [(q, q, a, None, None) for q, a in questions], [(q, q, None, None, None) for q in missing]


VALUES = ["{invented}", "{color}", "{n:2:90}", "{plural}", "{food}", "{habitat}", "{code}", "{hobby}", "{subject}", "{city}", "{year}", "{material}", "{country}", "{things}", "{event}", "{title}", "{money}", "{date}", "{clock}", "{language}", "{building}", "{person}", "{company}"]
SUBJECTS_EN = ["{person}", "{person}", "{company}", "{team}", "the {event}", "{title}", "{city}", "the {device}", "the {noun}", "the {adj} {noun}", "the {adjname} {building}", "{org}", "the {invanimal}"]
SUBJECTS_ZH = ["{person}", "{person}", "{company}", "{team}", "{event}", "{title}", "{city}", "{device}", "{building}", "{adjname}{building}", "{org}", "{invanimal}"]


def label_scene(m):
    r, w = m.rng, words(m)
    sentences, questions, missing = [], [], []
    kinds = SUBJECTS_ZH if m.zh else SUBJECTS_EN
    subjects = [m.fresh([r.choice(kinds)]).text for _ in range(r.choice((1, 1, 1, 2, 2)))]
    shared = r.sample(w["labels"], 2)
    stranger = m.fresh([r.choice(kinds)]).text
    for subject in subjects:
        groups = shared if len(subjects) > 1 and m.chance(.6) else r.sample(w["labels"], r.choice((1, 1, 2, 3)))
        taken = set()
        for group, person in groups:
            if taken & set(group): continue
            taken |= set(group)
            value = m.fresh(["{person}"] if person else [r.choice(VALUES)]).text
            said = r.choice(group)
            asked = said if m.chance(.5) else other(r, group, said)
            extra = (r.choice(m.l.lists["adjective"]) + " " if not m.zh else r.choice(["主要", "最新", "唯一", "重要", "新", "原来"])) if not person and m.chance(.25) else ""
            form = r.choice(wording.LABEL_ZH if m.zh else wording.LABEL_EN)
            if form.replace("{L}", said) in m.l.held: continue
            sentences.append(m.sentence(m.say(m.put(form.replace("{L^}", (extra + said).capitalize()).replace("{L}", extra + said), subject, m.Value(value)))))
            forms = wording.LABEL_Q_ZH if m.zh else wording.LABEL_Q_EN
            if person: forms = ["{S}的{L}是谁？", "谁是{S}的{L}？", "{S}的{L}叫什么？", "{S}的{L}是哪一位？", "你知道{S}的{L}是谁吗？", "谁当{S}的{L}？", "担任{S}的{L}的是谁？", "请说出{S}的{L}的名字。"] if m.zh else ["Who is {S's} {L}?", "Who is the {L} of {S:o}?", "What is the name of {S's} {L}?", "What is the {L} of {S:o} called?", "Name the {L} of {S:o}.", "Can you tell me who the {L} of {S:o} is?", "Who acts as {L} of {S:o}?", "Which person is the {L} of {S:o}?", "Do you know {S's} {L}?", "Who was {S's} {L}?", "By what name is the {L} of {S:o} known?"]
            form = r.choice(forms).replace("{L}", (extra if m.chance(.5) else "") + asked)
            if form in m.l.held:
                del sentences[-1]
                continue
            questions.append((m.put(form, subject), value))
            if m.chance(.3) and len(subjects) == 1:
                back = r.choice(wording.LABEL_R_ZH if m.zh else wording.LABEL_R_EN).replace("{L}", said)
                questions.append((m.put(back, "", m.Value(value)), subject))
            missing.append(m.put(form, stranger))
            if m.chance(.15):
                absent = r.choice(w["labels"])
                if absent[1] == person and not taken & set(absent[0]) and not any(set(absent[0]) & set(g) for g, _ in groups):
                    form = r.choice(forms).replace("{L}", absent[0][0])
                    if form not in m.l.held: missing.append(m.put(form, subject))
    return sentences, [(q, q, a, None, None) for q, a in questions], [(q, q, None, None, None) for q in missing]


def record_scene(m):
    """Facts of one topic as cards: name: value."""
    r = m.rng
    topic = r.choice(m.l.topics)
    seen = [a for a in topic["attributes"] if not a.held and a.labels]
    lines, questions, missing = [], [], []
    colon, mark = ("：", "；") if m.zh else (": ", "; ")
    base = r.sample(seen, min(len(seen), r.randint(2, 5)))
    for _ in range(r.choice((1, 1, 2, 3))):
        subject = m.fresh(topic["subject"]).text
        pairs = [(a, m.fresh(a.values)) for a in base if m.chance(.85)]
        if not pairs: continue
        cells = []
        for a, v in pairs:
            label = r.choice(a.labels)
            cells.append((label if m.zh else label[0].upper() + label[1:] if m.chance(.5) else label) + colon + v.core)
            q = m.asked(a)
            questions.append((m.put(q, subject, v), m.put(q, subject, v), v.core, subject, a))
        absent = [a for a in seen if a not in [p[0] for p in pairs]]
        if absent:
            a = r.choice(absent)
            q = m.asked(a)
            missing.append((m.put(q, subject, m.value(r.choice(a.values))),) * 2 + (None, subject, a))
        a, v = r.choice(pairs)
        q = m.put(m.asked(a), m.fresh(topic["subject"]).text, v)
        missing.append((q, q, None, None, a))
        head = subject[0].upper() + subject[1:]
        if m.chance(.5): lines.append(head + colon + mark.join(cells) + ("。" if m.zh else "."))
        else: lines.append(head + "\n" + "\n".join(cells) + "\n")
    return lines, questions, missing


QUESTION_WORDS_EN = [("Who ", "who"), ("Whom ", "who"), ("Where ", "where"), ("When ", "when"), ("In what year", "when"), ("In which year", "when"), ("How many", "many"), ("How much", "much"), ("How long", "long"), ("Why ", "why")]
QUESTION_WORDS_ZH = [("谁", "who"), ("哪里", "where"), ("哪儿", "where"), ("什么地方", "where"), ("什么时候", "when"), ("哪一年", "when"), ("哪年", "when"), ("多少钱", "much"), ("多久", "long")]


def question_word(a, zh):
    """Which kind of answer an attribute has, told from its first question."""
    first = a.q[0]
    for word, kind in QUESTION_WORDS_ZH if zh else QUESTION_WORDS_EN:
        if word in first if zh else first.startswith(word): return kind
    return None


def unknown_question(m, subject, pairs):
    """(question, answer) with a verb that is no word, where the question word alone decides; None where it does not."""
    r = m.rng
    kinds = [question_word(a, m.zh) for a, _ in pairs]
    pool = [(k, v) for k, (a, v) in zip(kinds, pairs) if k and k != "many" and kinds.count(k) == 1]
    if not pool: return None
    kind, v = r.choice(pool)
    if m.zh:
        verb = "".join(r.choice(m.COMMON_HAN) for _ in range(2))
        forms = {"who": [f"谁{verb}了{subject}？", f"{subject}被谁{verb}？", f"{subject}的{verb}者是谁？", f"{subject}与谁{verb}？"], "where": [f"{subject}{verb}在哪里？", f"{subject}在什么地方{verb}？", f"{subject}{verb}于何地？"], "when": [f"{subject}什么时候{verb}？", f"{subject}在哪一年{verb}？", f"{subject}何时{verb}？"],
                 "much": [f"{subject}{verb}多少钱？", f"{subject}的{verb}费是多少？"], "long": [f"{subject}{verb}多久？", f"{subject}{verb}多长时间？"]}
    else:
        verb = m.invented().lower()
        past = verb + ("d" if verb.endswith("e") else "ed")
        forms = {"who": [f"Who {past} {subject}?", f"By whom was {subject} {past}?", f"Who is the {verb}er of {subject}?", f"Whom did {subject} {verb}?"], "where": [f"Where does {subject} {verb}?", f"Where was {subject} {past}?", f"In what place does {subject} {verb}?", f"Where did {subject} {verb}?"],
                 "when": [f"When did {subject} {verb}?", f"When was {subject} {past}?", f"In which year did {subject} {verb}?"], "much": [f"How much does {subject} {verb}?", f"How much is the {verb} of {subject}?"], "long": [f"How long does {subject} {verb}?", f"For how long was {subject} {past}?"], "why": [f"Why did {subject} {verb}?"]}
    return r.choice(forms[kind]), v.core
