"""Whether a message withdraws from what we send unasked, grants it, or asks for help with it.

Two readings. Keywords: the whole message is one of the words that carriers, providers and the law name. Sentences: what
a reasonable person reads as a withdrawal (47 CFR 64.1200(a)(10)), in Chinese and English. A sentence counts only where a
clause is understood from its first word to its last, so that "how do I stop the parcel" and 不要再发错货了 stay what they
are.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from nlu import optout_chinese, optout_english, optout_keywords

MOST_CHARACTERS = 1500
"""Longer texts are read at both ends."""
_LONGEST_KEYWORD = 36
_LONGEST_CLAUSE = 160
_SHORT_TEXT = 60
"""In a longer text a lone "unsubscribe" may be the link under a quoted newsletter."""


class OptOut(StrEnum):
    """What a message says about receiving what nobody asked for."""

    WITHDRAW = "withdraw"  # no more of it
    GRANT = "grant"  # send it (again)
    HELP = "help"  # who are you, and how do I stop this?
    NONE = "none"  # it is about something else


def read(text: str, *, whole_message: bool) -> OptOut:
    """Read one message.

    `whole_message`: the channel's carriers act on keywords that are the whole message, as on SMS: then CANCEL, END, T or
    HELP mean what the lists say. Elsewhere those are ordinary words (cancel may cancel a form, help may ask for a
    person), and only words that mean nothing else count: stop, unsubscribe, 退订. YES is never read here: it is an answer
    to whoever asked.
    """
    folded = _folded(text)
    if len(folded) <= _LONGEST_KEYWORD and (said := _of_keyword(folded, whole_message)) is not None:
        return said
    for hint in _HINTS:
        if hint in folded:
            return _of_sentences(folded)
    return OptOut.NONE


def _folded(text: str) -> str:
    """Width, case, invisible characters, curly apostrophes and the script of Chinese say nothing about consent."""
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:1000]}\n{text[-500:]}"
    if text.isascii():
        return text.lower()
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    return unicodedata.normalize("NFKC", text).lower().translate(_SIMPLIFIED)


_INVISIBLE = re.compile(r"[\u0000\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SIMPLIFIED = str.maketrans(
    "亂來係個們傢傳優內別刪劃動務單嗎嚮報夠將對幫廣強彆彔後從復懇摺擾攪曏東業樣機權沒準滾為無煩營現產發碼種箇簡結絕絡"
    "給經緊總繫繼續纔聯與萬處號衕裡複規親訂訊託許話該說請謝讓貨貴資趕轟辦迴這過郵釦銷錄錯錶閉開閱闆關隨電韆頻願類餵馬"
    "騷髮麵麼齣哋嘅啲畀俾"
    "\u2019",
    "乱来系个们家传优内别删划动务单吗向报够将对帮广强别录后从复恳折扰搅向东业样机权没准滚为无烦营现产发码种个简结绝络"
    "给经紧总系继续才联与万处号同里复规亲订讯托许话该说请谢让货贵资赶轰办回这过邮扣销录错表闭开阅板关随电千频愿类喂马"
    "骚发面么出们的些给给"
    "'",
)
"""The traditional and Cantonese forms of the characters that keywords and sentences are made of."""


def _of_keyword(folded: str, whole_message: bool) -> OptOut | None:
    word = folded if folded.isascii() or _HAN.search(folded) else _without_accents(folded)
    word = _NOT_LETTERS.sub(" ", word).strip(" '")
    said = _named(word, whole_message)
    if said is not None:
        return said
    if " " in word:
        return _named(_without_politeness(word), whole_message) or _said_twice(word, whole_message)
    return _named(_CHINESE_POLITENESS.sub("", word), whole_message)


def _named(word: str, whole_message: bool) -> OptOut | None:
    return _EVERYWHERE.get(word) or (_WHOLE_MESSAGE.get(word) if whole_message else None)


_HAN = re.compile(r"[\u3400-\u9fff]")
_NOT_LETTERS = re.compile(r"(?:(?!')[\W_])+")


def _without_accents(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", word) if unicodedata.category(char) != "Mn")


def _without_politeness(word: str) -> str:
    """`stop stop please` is `stop`, `s t o p` is `stop`, `td 退订` is `td退订`."""
    parts = [part for part in dict.fromkeys(word.split()) if part not in _POLITE]
    if all(len(part) == 1 for part in parts):
        return word.replace(" ", "")
    return ("" if any(part >= "\u3400" for part in parts) else " ").join(parts)


_POLITE_WORDS = "please pls plz thanks thank you thx ty now ok okay hi hello sir madam 请 谢谢 麻烦 您好 你好"
_POLITE = frozenset(_POLITE_WORDS.split())


_CHINESE_POLITENESS = re.compile("^(?:你好|您好|请|麻烦)+|(?:谢谢|多谢)+$")


def _said_twice(word: str, whole_message: bool) -> OptOut | None:
    """`stop end cancel`: several keywords that all withdraw."""
    said = {_named(part, whole_message) for part in word.split()}
    return OptOut.WITHDRAW if said == {OptOut.WITHDRAW} else None


def _keywords(words: tuple[str, ...], meaning: OptOut) -> dict[str, OptOut]:
    """Keywords, folded as messages are."""
    folded = (_folded(word) for word in words)
    return {word if _HAN.search(word) else _without_accents(word): meaning for word in folded}


_EVERYWHERE = {
    **_keywords(optout_keywords.WITHDRAWS_EVERYWHERE, OptOut.WITHDRAW),
    **_keywords(optout_keywords.GRANTS_EVERYWHERE, OptOut.GRANT),
}
_WHOLE_MESSAGE = {
    **_keywords(optout_keywords.WITHDRAWS_AS_WHOLE_MESSAGE, OptOut.WITHDRAW),
    **_keywords(optout_keywords.GRANTS_AS_WHOLE_MESSAGE, OptOut.GRANT),
    **_keywords(optout_keywords.ASKS_FOR_HELP, OptOut.HELP),
}

# Without one of these there is no sentence to read: most messages go after two microseconds.
_HINTS = (
    *("stop", "quit ", "cease", "enough ", "turn off", "switch off", "unsub", "unsus", "opt out", "opt-out", "optout"),
    *("opt me", "opt in", "n't", "dont ", "not ", "never ", "no more", "no longer", "remove m", "take me", "delete m"),
    *("list", "database", "subscri", "consent", "permission", "sign me", "sign up", "receive", "start sending"),
    *(
        "退订",
        "退阅",
        "订阅",
        "别",
        "不要",
        "不用",
        "不想",
        "不再",
        "不需要",
        "不必",
        "不愿",
        "不希望",
        "不得",
        "不许",
        "不准",
        "勿",
        "无需",
    ),
    *(
        "唔",
        "甭",
        "停",
        "拒",
        "禁止",
        "名单",
        "列表",
        "清单",
        "通讯录",
        "推送",
        "推播",
        "撤",
        "同意",
        "授权",
        "接收",
        "广告",
        "关闭",
    ),
    *("关掉", "屏蔽", "发优惠"),
)


def _of_sentences(folded: str) -> OptOut:
    """The first clause that says something; a withdrawal anywhere wins over a consent."""
    chinese = _HAN.search(folded) is not None
    clauses = [clause for clause in (_CHINESE_CLAUSES if chinese else _CLAUSES).split(folded) if clause.strip()]
    granted = False
    for clause in clauses:
        if len(clause) > _LONGEST_CLAUSE:
            continue
        words = " ".join(clause.split()) + " "
        joined = "".join(clause.split()) if chinese else ""
        if optout_english.withdraws(words, folded, short=len(folded) <= _SHORT_TEXT):
            return OptOut.WITHDRAW
        if chinese and optout_chinese.withdraws(joined, folded, alone=len(clauses) == 1):
            return OptOut.WITHDRAW
        granted = granted or optout_english.grants(words) or (chinese and optout_chinese.grants(joined))
    return OptOut.GRANT if granted else OptOut.NONE


_MARKS = r".!?;:,\n()\"\u201c\u201d\u2026\u2014\u2013<>*\u2600-\u27bf\U0001f000-\U0001faff"
_CLAUSES = re.compile(rf"[{_MARKS}]+|\s-\s|\b(?:but|and|so|because|cos|cuz|since)\b")
_CHINESE_CLAUSES = re.compile(rf"[{_MARKS}。！？；，、：「」~]+|但是|而且|因为|所以")
