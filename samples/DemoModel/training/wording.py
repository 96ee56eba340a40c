"""Other ways to say the same: what training adds to the written forms of statements and questions, in both languages.

Everything here keeps the answer. None of it is used for the evaluation sets, and `Held` keeps every held-out form out of training:
a form that comes out equal to a held-out one is not used.
"""
import re

WH = ("who ", "whom ", "whose ", "what ", "when ", "where ", "which ", "how ", "why ", "in what ", "in which ", "at what ", "on which ", "on what ", "for how ", "by ", "from ", "since when ", "until when ", "to whom ", "for what ", "is it ", "does the ")
SUBJECT = r"(?:the [a-z -]+ of )?(?:\{[A-Z](?:'s|:o|[.^])?\})(?: [a-z-]+)?"
BE = re.compile(r"^(.+?) (is|was|are|were|can|could|has|have|will) (\{[A-Z](?::[fp]|[.^])?\}|\{S's\} [a-z ]+?|the (?:[a-z-]+ ){1,3}of \{S:o\})( [^{?]*(?:\{[^}]+\})?)?\?$")
DO = re.compile(r"^(.+?) (did|does|do) (\{[A-Z](?::[fop]|[.^])?\}) ([a-z]+)( .*)?\?$")
# Not "what must you" or "which colour is": there the verb stands before its subject.
TURNED = re.compile(r"^(?:should|must|had|would|may|might|shall) |^(?:[a-z-]+ ){1,2}(?:is|are|was|were|do|does|did|can|could|has|have|had|will|would|should|must|may|might|shall) ")
NEUTRAL = re.compile(r"^(Who|What|Which [a-z-]+(?: [a-z-]+)?) (?!is |was |are |were |do |does |did |can |could |has |have |will |happened)([a-z].*)\?$")


class Verbs:
    """Past and third person of the verbs in the question forms."""

    def __init__(self, pairs):
        self.pasts = dict(p.split("/") for p in pairs)
        self.pasts.update(dict(come="came", get="got", give="gave", go="went", win="won", begin="began", become="became", have="had", leave="left", lose="lost", find="found", pay="paid", sell="sold", buy="bought", meet="met", spend="spent", set="set", put="put", run="ran", rise="rose", fall="fell", lie="lay", stand="stood", know="knew", keep="kept", lead="led", mean="meant", say="said", tell="told", send="sent", think="thought", sleep="slept", speak="spoke", forget="forgot", do="did", lend="lent", flow="flowed", forbid="forbade", swim="swam", bear="bore", stay="stayed", travel="travelled", fly="flew", feel="felt", understand="understood", grow="grew", drink="drank", sink="sank", cost="cost", hit="hit", let="let", shut="shut", hear="heard", shoot="shot", show="showed", lay="laid", bite="bit", blow="blew", fight="fought", freeze="froze", shake="shook", shine="shone", wake="woke", stick="stuck", ring="rang", seek="sought", bend="bent", hurt="hurt", split="split", prefer="preferred", admit="admitted", tear="tore", swing="swung", quit="quit", slide="slid", spread="spread", sit="sat"))

    def past(self, verb):
        if verb in self.pasts: return self.pasts[verb]
        if verb.endswith("e"): return verb + "d"
        if re.search(r"[^aeiou]y$", verb): return verb[:-1] + "ied"
        if re.search(r"^[^aeiou]*[aeiou][bdgmnprt]$", verb) and not verb.endswith(("w", "x", "y")): return verb + verb[-1] + "ed"
        return verb + "ed"

    @staticmethod
    def third(verb):
        if verb in ("have", "do", "go"): return {"have": "has", "do": "does", "go": "goes"}[verb]
        if re.search(r"[^aeiou]y$", verb): return verb[:-1] + "ies"
        return verb + ("es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")


def clause(form, verbs):
    """An English question form as a clause ("when {S} was born"), or None where the order of words is not safe to change."""
    m = DO.match(form)
    if m:
        wh, aux, subject, verb, rest = m.groups()
        if verb in ("you", "they", "have", "not", "and", "or", "first", "also", "never", "still", "once", "only", "ever", "always", "usually", "really", "actually"): return None
        return f"{wh[0].lower()}{wh[1:]} {subject} {verbs.past(verb) if aux == 'did' else verbs.third(verb) if aux == 'does' else verb}{rest or ''}"
    m = BE.match(form)
    if m:
        wh, aux, subject, rest = m.groups()
        if subject.startswith(("the ", "{S's}")) and rest:
            if aux not in ("is", "was", "are", "were") or subject.startswith("the "): return None
            subject, rest = subject + rest, ""
        return f"{wh[0].lower()}{wh[1:]} {subject} {aux}{rest or ''}"
    m = NEUTRAL.match(form)
    if m and TURNED.match(form.split(" ", 1)[1]): return None
    return f"{m[1][0].lower()}{m[1][1:]} {m[2]}" if m else None


ASK_CLAUSE = ["Can you tell me {}?", "Could you tell me {}?", "Do you know {}?", "I would like to know {}.", "I want to know {}.", "Tell me {}.", "Please tell me {}.", "Please say {}.",
              "I wonder {}.", "Can you find out {}?", "Find out {}.", "Say {}.", "State {}.", "Would you tell me {}?", "We need to know {}.", "Do you remember {}?", "Somebody asked me {}.", "Explain {}."]
ASK_BEFORE = ["Tell me, ", "Please tell me: ", "My question is: ", "I would like to know: ", "From the text, ", "Going by the passage, ", "So ", "And ", "Question: ", "Here is my question: ", "One question: ", "Please answer: ",
              "Judging from the text, ", "As far as the text says, ", "Read carefully: ", "Just a short question: ", "Now, ", "OK, ", "Well, "]
ASK_AFTER = [" Please answer briefly.", " Answer from the text.", " Look in the passage.", " A short answer is enough.", " Give only the answer."]
ASK_ZH = ["你能告诉我{}吗？", "能不能告诉我{}？", "我想知道{}。", "我想知道，{}？", "请告诉我{}。", "请说出{}。", "请回答：{}？", "我的问题是：{}？", "请问一下，{}？", "你知道{}吗？", "想请教一下，{}？", "从文中看，{}？", "按照文章的说法，{}？",
          "文章里说{}？", "根据上面的内容，{}？", "根据这段话，{}？", "麻烦告诉我，{}？", "有人问：{}？", "那么，{}？", "问一下，{}？", "据文章所说，{}？", "看完短文后请回答：{}？", "谁能告诉我{}？", "帮我找找{}。"]
SUFFIX_ZH = ["请简短回答。", "请从文中找出答案。", "只写答案。", "请根据短文回答。"]
# Words of Chinese questions that stand for each other wherever they occur.
SWAP_ZH = [("什么时候", ["何时", "什么时间", "哪个时候"]), ("哪里", ["哪儿", "什么地方", "何处", "哪个地方"]), ("什么地方", ["哪里", "哪儿"]), ("为什么", ["为何", "因为什么", "怎么会"]), ("谁", ["哪个人", "什么人", "哪一位"]),
           ("多少钱", ["几块钱", "多少费用"]), ("哪一年", ["哪年", "什么年份", "何年"]), ("哪年", ["哪一年", "何年"]), ("多久", ["多长时间"]), ("多长时间", ["多久", "多少时间"]), ("多大了", ["多大年龄", "几岁"]), ("是什么？", ["是啥？", "为何物？", "是哪个？", "都是什么？"]), ("几点", ["什么钟点", "几时"])]

SWAP_EN = [("When ", ["At what time ", "At which time "]), ("Where ", ["In what place ", "In which place ", "At what place "]), ("Why ", ["For what reason ", "For which reason "]), ("Who ", ["Which person ", "What person "]), ("How many ", ["What number of "]), ("In what year ", ["In which year "]), ("What year ", ["Which year "]), ("Which ", ["What "]), ("How much does ", ["How much money does "]), ("How long ", ["For how long ", "How much time "])]

SAID_EN = ["It is said that ", "People say that ", "In the newspaper one reads that ", "As everybody knows, ", "Records show that ", "It is well known that ", "We know that ", "As far as we know, ", "It is true that ", "In fact, ", "Of course, ", "By the way, ", "Interestingly, ",
           "At the moment, ", "The local paper writes that ", "It turned out that ", "Note that ", "To be exact, ", "On top of that, ", "Besides, ", "Moreover, ", "What is more, ", "Many people know that ", "You should know that ", "I have read that ", "Experts confirm that "]
SAID_EN_AFTER = [", people say", ", as everybody knows", ", it seems", ", according to the report", ", of course", ", as the records show", ", by all accounts"]
SAID_ZH = ["据说，", "据说", "据报道，", "众所周知，", "大家都知道，", "资料显示，", "记录表明，", "其实，", "事实上，", "另外，", "此外，", "值得一提的是，", "据了解，", "有人说，", "报纸上写道，", "需要说明的是，", "我们知道，", "听说", "顺便说一句，", "正如大家所知，", "当地人说，", "目前，"]

# Ways to state or ask what a thing has by the name of it: {L} label, {V} value.
LABEL_EN = ["{S's} {L} is {V}", "The {L} of {S:o} is {V}", "{V} is {S's} {L}", "{V} is the {L} of {S:o}", "As for {S's} {L}, it is {V}", "As the {L} of {S:o}, {V} is given", "The {L} of {S:o} was given as {V}", "For {S:o}, the {L} is {V}", "{S}: {L}, {V}",
            "{S} ({L}: {V})", "{L^} of {S:o}: {V}", "{S} has {V} as {L}", "It is {V} that is the {L} of {S:o}", "When it comes to the {L} of {S:o}, the answer is {V}", "The {L}, in the case of {S:o}, is {V}", "With {S:o}, the {L} is {V}", "What matters about {S:o} is the {L}, {V}"]
LABEL_Q_EN = ["What is {S's} {L}?", "What is the {L} of {S:o}?", "What {L} does {S} have?", "Which {L} does {S} have?", "What is given as the {L} of {S:o}?", "Give the {L} of {S:o}.", "Name {S's} {L}.", "{S's} {L}?", "The {L} of {S:o}: what is it?", "What do we learn about the {L} of {S:o}?",
              "What does the text say about {S's} {L}?", "Can you tell me the {L} of {S:o}?", "I would like to know {S's} {L}.", "Do you know the {L} of {S:o}?", "What would you call the {L} of {S:o}?", "As for {S:o}, what is the {L}?", "What was {S's} {L}?", "What about the {L} of {S:o}?", "Please tell me {S's} {L}."]
LABEL_R_EN = ["Whose {L} is {V}?", "{V} is the {L} of what?", "Of whom or what is {V} the {L}?", "Who or what has {V} as {L}?"]
LABEL_ZH = ["{S}的{L}是{V}", "{S}的{L}为{V}", "{V}是{S}的{L}", "至于{S}的{L}，那就是{V}", "说到{S}的{L}，答案是{V}", "{S}，{L}：{V}", "{S}（{L}：{V}）", "{S}的{L}：{V}", "对{S}来说，{L}是{V}", "就{L}而言，{S}是{V}", "{S}以{V}作为{L}", "{S}把{V}定为{L}", "作为{S}的{L}的是{V}", "在{L}方面，{S}是{V}", "{S}的{L}一直是{V}", "{S}的{L}就是{V}"]
LABEL_Q_ZH = ["{S}的{L}是什么？", "什么是{S}的{L}？", "{S}的{L}是？", "{S}有什么样的{L}？", "请说出{S}的{L}。", "{S}的{L}呢？", "关于{S}的{L}，文中怎么说？", "你知道{S}的{L}吗？", "能告诉我{S}的{L}吗？", "{S}的{L}究竟是什么？", "至于{S}，{L}是什么？", "{S}的{L}写的是什么？", "我想知道{S}的{L}。", "在{L}方面，{S}怎么样？", "{S}以什么作为{L}？", "{S}的{L}到底是哪个？"]
LABEL_R_ZH = ["{V}是什么的{L}？", "{V}是谁的{L}？", "{L}是{V}的是哪一个？", "什么的{L}是{V}？"]


# The last of each list of forms of causes and steps, which stand in generate.py.
CAUSE_STEP_HELD = {
    "en": ["What explains that {A}?", "What did it lead to that {A}?", "What should be done once you have finished this: {A}?", "Which step comes right before {A}?", "What comes first in {A}?", "What comes last in {A}?", "{A}, and that is why {B}."],
    "zh": ["为何{A}？", "{A}带来了什么后果？", "{A}，结果{B}。", "{A}以后接着是什么？", "{A}前面是什么？", "{A}从什么开始？", "{A}以什么结束？"]}


def expression(form, zh):
    """A form as an expression: a slot is a short text without a mark."""
    out = ""
    for p in re.split(r"(\{[^}]+\}|\(n\))", form.strip().rstrip("?？.。")):
        if p == "(n)": out += "n?"
        elif p == "{S's}": out += r"(?:[^?!.,:;\n]{1,60}?(?:'s|s')|[Hh]is|[Hh]er|[Ii]ts)"
        elif p.startswith("{"): out += r"[^？。，！：；、?!\n]{1,40}?" if zh else r"[^?!:;\n]{1,70}?"
        else: out += re.escape(p)
    return "^" + out + r"[?？.。]?$"


class Held:
    """The held-out forms of one language, to be compared with what training is about to say."""

    def __init__(self, language):
        self.zh = language.zh
        self.questions, self.statements, self.kinds = [f for f in CAUSE_STEP_HELD[language.code] if f[-1] in "?？"], [f for f in CAUSE_STEP_HELD[language.code] if f[-1] not in "?？"], []
        for topic in language.topics:
            for a in topic["attributes"]:
                if a.held: self.kinds += a.s + a.q
                else:
                    if len(a.q) >= 4: self.questions.append(a.q[-1])
                    if len(a.s) >= 4: self.statements.append(a.s[-1])
        for frame in language.frames:
            if len(frame["s"]) >= 4: self.statements.append(frame["s"][-1])
            self.questions += [forms[-1] for _, forms in frame["q"] if len(forms) >= 4]
        self.forms = {self.plain(f) for f in self.questions + self.statements + self.kinds}
        self.expressions = [re.compile(expression(f, language.zh)) for f in self.questions + self.kinds if self.telling(f)]
        self.stating = [re.compile(expression(f, language.zh)) for f in self.statements + self.kinds if self.telling(f, 3 if language.zh else 9)]
        self.stated = {}

    @staticmethod
    def plain(form): return re.sub(r"\(n\)|[\s.?？。,，]", "", re.sub(r"\{[^}]*\}('s)?", "{}", form)).lower()

    def telling(self, form, least=None):
        """Whether the words of a form say enough to find it by them."""
        return len(re.sub(r"\{[^}]+\}|[\s?？.。，,]", "", form)) >= (least or (5 if self.zh else 9))

    def __contains__(self, form): return self.plain(form) in self.forms

    def states(self, form):
        """Whether a statement form with slots, made of a label, can be read as one of the held-out ones."""
        if form not in self.stated:
            filled = re.sub(r"\{[^}]+\}", "某某" if self.zh else "Xx", form)
            self.stated[form] = form in self or any(e.match(filled) for e in self.stating)
        return self.stated[form]

    def asks(self, form):
        """Whether a question form with slots, of a paragraph or a list, is one of the held-out ones."""
        filled = re.sub(r"\{[^}]+\}", "某某" if self.zh else "Xx", form)
        return form in self or any(e.match(filled) for e in self.expressions)


# Causes: {e} effect as a statement, {a} as a question (English: with the verb before the subject), {c} cause, {C} the same with a capital.
CAUSE_EN = ["The reason why {e} is that {c}", "It was because {c} that {e}", "{C}, which is why {e}", "{C}. That is the reason why {e}", "Owing to the fact that {c}, {e}", "{e} for the simple reason that {c}", "What caused it was this: {c}. So {e}", "{C}; therefore {e}", "{C}. Because of this, {e}",
            "{e}. This happened because {c}", "{e}; after all, {c}", "Given that {c}, it is no wonder that {e}", "Seeing that {c}, we understand why {e}", "{C}, and so {e}", "{e}. It had to be like this: {c}", "{C}, so that {e}", "That {c} meant that {e}", "If {e}, it is because {c}"]
CAUSE_Q_EN = ["How come {e}?", "What is the reason why {e}?", "What caused it that {e}?", "What made it happen that {e}?", "Because of what {a}?", "How do you explain that {e}?", "What was behind it when {e}?", "What is the cause of this: {e}?", "Can you tell me why {e}?", "I would like to know why {e}.", "Do you know why {e}?", "What is given as the reason that {e}?", "Tell me the reason why {e}.", "Explain why {e}.", "On what grounds {a}?", "What brought it about that {e}?"]
RESULT_Q_EN = ["What followed from the fact that {c}?", "What was the effect when {c}?", "{C}: what was the result?", "What came of it that {c}?", "What happened since {c}?", "What were the consequences when {c}?", "{C}. And then what happened?", "What effect did it have that {c}?"]
CAUSE_ZH = ["{e}，原因在于{c}", "{c}，所以{e}", "{c}，于是{e}", "正因为{c}，{e}", "{c}，这就是{e}的原因", "由于{c}的缘故，{e}", "{c}，导致{e}", "{e}，是{c}造成的", "{c}，使得{e}", "{e}，都是因为{c}", "考虑到{c}，{e}", "既然{c}，{e}", "{c}。因此，{e}", "{c}。这样一来，{e}", "{e}。这是因为{c}", "{c}，因而{e}"]
CAUSE_Q_ZH = ["{e}是为什么？", "{e}，为什么？", "怎么会{e}？", "{e}是怎么回事？", "什么导致{e}？", "{e}的缘故是什么？", "{e}是什么造成的？", "什么使得{e}？", "{e}是由什么引起的？", "请说明{e}的原因。", "你知道为什么{e}吗？", "{e}，原因何在？", "因为什么{e}？", "{e}的起因是什么？", "是什么让{e}？", "我想知道为什么{e}。", "凭什么{e}？"]
RESULT_Q_ZH = ["{c}，后来怎么样了？", "{c}之后发生了什么？", "由于{c}，出现了什么情况？", "{c}引起了什么？", "{c}造成了什么？", "{c}的后果是什么？", "{c}，于是怎么了？", "{c}使得什么事发生了？"]
# Steps: {a} a step, {b} the next one, {n} the whole.
AFTER_EN = ["What follows {a}?", "What do you do once this is done: {a}?", "After {a}, what is next?", "What has to be done after this: {a}?", "What is done right after {a}?", "Which step comes after {a}?", "{A} is followed by what?", "When this is finished ({a}), what comes then?", "What is the following step after {a}?", "Once you are through with this ({a}), what now?"]
BEFORE_EN = ["What precedes {b}?", "Which step comes before {b}?", "Before {b}, what do you do?", "What must be done before this: {b}?", "What is done right before {b}?", "After which step comes {b}?", "What leads up to {b}?"]
FIRST_EN = ["With what does {n} begin?", "What is the beginning of {n}?", "Where do you start with {n}?", "What opens {n}?", "At the start of {n}, what happens?", "Which step of {n} is the first?", "What has to be done first of all?", "How do you start?"]
FINAL_EN = ["How does {n} end?", "With what does {n} end?", "What is the end of {n}?", "At the end of {n}, what happens?", "Which step of {n} is the last?", "What closes {n}?", "What has to be done at the very end?", "What is done in the end?", "How do you finish?"]
AFTER_ZH = ["{a}完了做什么？", "{a}之后该怎么办？", "做完{a}，再做什么？", "{a}紧接着的是什么？", "{a}之后的步骤是什么？", "{a}，然后呢？", "完成{a}以后要做什么？", "什么跟在{a}后面？", "{a}的后一步是什么？", "过了{a}就到哪一步？"]
BEFORE_ZH = ["什么在{b}前面？", "{b}的前一步是什么？", "做{b}之前要先做什么？", "哪一步之后是{b}？", "{b}以前是哪一步？", "在{b}之前的步骤是什么？"]
FIRST_ZH = ["{n}先做什么？", "{n}的开头是什么？", "{n}一开始做什么？", "哪一步是{n}的头一步？", "开始时要做什么？", "{n}由什么开头？", "要先做什么？"]
FINAL_ZH = ["{n}到最后做什么？", "{n}的末尾是什么？", "哪一步是{n}的末一步？", "{n}在哪一步完成？", "结尾要做什么？", "{n}的终点是什么？", "到最后要做什么？"]
