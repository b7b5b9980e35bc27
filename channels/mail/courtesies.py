"""What a mail's courtesies leave over: the words without salutation, closing phrase and the name below it.

They are the person's own words and stay in the record; but a job title is no complaint, and "Best regards" no answer
to a question. In doubt a line is what they want: see `written`.
"""

from __future__ import annotations

import re
from typing import Final

from channels.mail.signatures import ends_the_mail

LONGEST_COURTESY: Final = 60
LONGEST_SIGNATURE_LINE: Final = 80
MOST_SIGNATURE_LINES: Final = 8
MOST_NAME_WORDS: Final = 5

_SALUTATION: Final = re.compile(
    r"(?:(?:dear|hi|hiya|hey|hello|greetings|good (?:morning|afternoon|evening|day))\b(?:[ ,]+[\w.'’&-]+){0,6}"
    r"|to whom it may concern|ladies and gentlemen"
    r"|(?:尊敬的|[亲親][爱愛]的|敬[爱愛]的|[嗨哈]|hi|hello)[^，,。？?！!：:]{0,16}"
    r"|[^，,。？?！!：:]{0,12}[，,]?\s?(?:[您你][们們]?好|早上好|早安|上午好|下午好|晚上好|[亲親]))"
    r"\s*[,，:：!！.。~～-]*",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    r"(?:(?:with |my )?(?:(?:kind|kindest|best|warm|warmest|many|sincere) )?regards|(?:with )?(?:best|kind|warm) wishes"
    r"|all the best|best|cheers|sincerely(?: yours)?|(?:yours|your'?s) (?:truly|sincerely|faithfully|respectfully)"
    r"|yours|respectfully(?: yours)?|cordially|warmly|take care|br|rgds|kr|xx?"
    r"|(?:many |with )?thanks(?: (?:a lot|so much|very much|in advance|again|and (?:best |kind )?regards))?"
    r"|thank you(?: (?:so much|very much|in advance|again|for your (?:help|time|support)))*"
    r"|(?:i )?(?:am )?look(?:ing)? forward to (?:your (?:reply|answer|response)|hearing (?:back )?from you)(?: soon)?"
    r"|have a (?:nice|great|good|lovely) (?:day|evening|weekend|week|one)"
    r"|此致(?:敬[礼禮])?|敬[礼禮]|祝[您你]?(?:们|們)?(?:好|商祺|商安|安好|顺利|順利|一切[顺順]利|工作[顺順]利|生意[兴興]隆|[生身]活愉快|身体健康|身體健康)"
    r"|[顺順][祝颂頌](?:商祺|[时時]祺|商安|[时時]安|安好|台安)|[谢謝]{2}(?:[您你][们們]?)?(?:了|啦)?|多[谢謝]|感[谢謝](?:[您你][们們]?)?|感恩"
    r"|(?:期待|静候|靜候|盼)(?:[您你][们們]?的?)?(?:回[复覆復信音]|答[复覆復]|佳音)|盼[复覆復])"
    r"\s*[,，.。!！~～]*",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(r"thank|[谢謝]|感恩", re.IGNORECASE)
_SIGNS: Final = re.compile(r"[\w·]{1,8}\s?(?:敬上|[谨謹][启啟上]|敬[启啟]|拜上)[.。]?")
"""A name that signs in Chinese needs no phrase above it."""
_NO_LETTERS: Final = re.compile(r"[^\w]+|_|\d")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_AFTERTHOUGHT: Final = re.compile(r"p\.?\s?s\b|又及|[补補]充|附[：:]|btw\b|by the way", re.IGNORECASE)
_A_FACT: Final = re.compile(
    r"[?？]|#\s?\d|\b[A-Za-z]{1,5}[-_ ]?\d{4,}\b|order|订单|訂單|单号|單號|case\b", re.IGNORECASE
)
_NAME_MARKS: Final = " \t,，.。-–—*_~"
_ENDS: Final = tuple(".!?。！？~～…)）")
_LEADS_ON: Final = tuple(":：,，-")
_PART_OF_A_NAME: Final = re.compile(r"[^\W\d_a-z][\w.'’-]*|&|of|and|de|van|von|der|la")
_SURNAMES: Final = (
    "王李张張刘劉陈陳杨楊黄黃赵趙周吴吳徐孙孫朱胡郭林郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭曾肖蕭田董袁潘蒋蔣蔡余杜叶葉程苏蘇魏吕呂"
    "丁任沈姚卢盧姜崔钟鐘谭譚陆陸汪范範廖石贾賈韦韋夏付邹鄒孟熊秦邱江薛侯雷龙龍史陶黎贺賀顾顧毛郝龚龔邵严嚴钱錢武戴莫孔"
)
_NAME_IN_HAN: Final = re.compile(f"[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}(?:先生|女士|小姐)?")


def matter_of(text: str, name: str = "") -> str:
    """The words of a mail that are to be understood; `name`: how its sender is called. Never empty where `text` is not.

    `text` is what was written now (`written_now`); where only courtesies were, they are the matter.
    """
    lines = text.split("\n")
    first = _after_salutation(lines)
    end = _before_closing(lines, first, frozenset(_NO_LETTERS.split(name.casefold())) - {""})
    if first == 0 and end == len(lines):
        return text
    return "\n".join(lines[first:end]).strip()


def _after_salutation(lines: list[str]) -> int:
    """The first line below the salutation; 0 where there is none, or nothing else."""
    words = [at for at, line in enumerate(lines) if line.strip()][:2]
    if len(words) < 2:
        return 0
    line = lines[words[0]].strip()
    return words[1] if len(line) <= LONGEST_COURTESY and _SALUTATION.fullmatch(line) else 0


def _before_closing(lines: list[str], first: int, own: frozenset[str]) -> int:
    """The line after the last one that is to be understood. `own`: the parts of the sender's name."""
    words = [at for at in range(first, len(lines)) if lines[at].strip()]
    end, below = len(lines), list[str]()
    for at in reversed(words):
        line = lines[at].strip()
        if _closes(line, below, own) or (_is_own(line, own) and _stands_apart(lines, at) and _signs(below)):
            end, below = at, []
        elif len(below) < MOST_SIGNATURE_LINES and _may_sign(line):
            below.insert(0, line)
        else:
            break
    if any(at < end for at in words):
        return end
    # Nothing but courtesies: a thank you is one that is answered.
    return next((at + 1 for at in words if _THANKS.search(lines[at])), len(lines))


def _closes(line: str, below: list[str], own: frozenset[str]) -> bool:
    """From here on there are courtesies alone; `below`: what else stands there, down to the next courtesy."""
    if len(line) > LONGEST_COURTESY or not _signs(below):
        return False
    if _SIGNS.fullmatch(line) is not None:
        return True
    return _CLOSING.fullmatch(line) is not None and (not below or _is_a_name(below[0]) or _is_own(below[0], own))


def _signs(below: list[str]) -> bool:
    return not below or ends_the_mail("", below)


def _is_own(line: str, own: frozenset[str]) -> bool:
    """The sender's name, or a part of it."""
    said = line.strip(_NAME_MARKS).casefold().split()
    return 0 < len(said) <= MOST_NAME_WORDS and own.issuperset(said)


def _stands_apart(lines: list[str], at: int) -> bool:
    """A name that no sentence runs into ("please send it to")."""
    above = next((line.rstrip() for line in reversed(lines[:at]) if line.strip()), "")
    return above.endswith(_ENDS) or (not lines[at - 1].strip() and not above.endswith(_LEADS_ON))


def _is_a_name(line: str) -> bool:
    plain = line.strip(_NAME_MARKS)
    parts = plain.replace(",", " ").replace("，", " ").split()
    in_letters = 0 < len(parts) <= MOST_NAME_WORDS and all(map(_PART_OF_A_NAME.fullmatch, parts))
    return _NAME_IN_HAN.fullmatch(plain) is not None or (in_letters and _HAN.search(plain) is None)


def _may_sign(line: str) -> bool:
    """A line that may stand below a name: a title, a firm, a number; no question, no order, no afterthought."""
    return len(line) <= LONGEST_SIGNATURE_LINE and not _A_FACT.search(line) and not _AFTERTHOUGHT.match(line)
