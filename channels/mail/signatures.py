"""What stands below a person's words and is not theirs now: a signature under its mark, a device's own line."""

from __future__ import annotations

import re
from typing import Final

from channels.mail.attributions import UNSPACED
from channels.mail.client_words import ABOVE_THIS_LINE, DISCLAIMERS, LANGUAGES, NOTES

LONGEST_DEVICE_LINE: Final = 120
LONGEST_LINE_WITH_LINKS: Final = 400
LONGEST_AROUND: Final = 80
LONGEST_UNSPACED: Final = 20
MOST_WORDS_OF_MINE: Final = 12
MOST_WORDS: Final = 7
MOST_WORDS_UNNAMED: Final = 5
MOST_TABLE_LINES: Final = 12
LONGEST_RULE: Final = 200
LONGEST_SIGNATURE: Final = 15
"""Lines below a rule that still may be a signature."""
MOST_SENTENCES: Final = 4
"""Of a motto or a notice below `-- `; more is a letter that goes on. A question counts as two."""

LINK: Final = re.compile(r"\(?<?\[?(?:https?://|mailto:|www\.)[^\s<>()\[\]]*[)>\]]*")
BRACKETS: Final = re.compile(r"[\[\]<>]+")
MARKS: Final = " \t\xa0*_-–—~>|[](){}<\"'“”‘’«».。!！·•\u200b\u200e\u200f\u202a-\u202e\u2066\u2067\u2068\u2069\ufeff"
RULE: Final = re.compile(r"[\s\xa0]*(?:[-_=~#*+—–―─━ᐧ·][\s\xa0]?){2,}[\s\xa0]*$")
COLUMNS: Final = re.compile(r"\s*(?:[-=]{3,}\s+)+[-=]{3,}\s*$")
"""Under the titles of a table."""
SIGNATURE_MARKS: Final = frozenset({"--", "—", "–", "---", "- -", "__", "—-", "-—", "––", "——", "−−", "‐‐", "ᐧ"})
BEGINS: Final = tuple(
    sorted({phrase for words in LANGUAGES.values() for phrase in words.sent_from}, key=lambda phrase: -len(phrase))
)
ENDS: Final = tuple({phrase for words in LANGUAGES.values() for phrase in words.sent_by})
AROUND: Final = tuple(pair for words in LANGUAGES.values() for pair in words.sent_around)
DEVICE: Final = re.compile(
    r"iphon|ipad|ipod|\bios\b|android|apple ?(?:mail|watch)|\bmac\b|macbook|samsung|galax|huawei|\bhonor|xiaomi|redmi"
    r"|\boppo|\bvivo\b|oneplus|meizu|lenovo|motorola|\bmoto\b|nokia|\bsony|xperia|\bhtc|\blg\b|\bpixel|nexus|\bzte|realme"
    r"|black ?berry|\bbb10|\bwindows|surface|lumia|outlook|hotmail|gmail|yahoo|\baol|icloud|proton|tutanota|zoho|zimbra"
    r"|yandex|яндекс|mail\.ru|\bgmx|web\.de|t-online|telekom|freenet|orange|laposte|\bsfr\b|libero|foxmail|\bqq|\b163|\b126"
    r"|\bsina|naver|daum|kakao|smart|mobil|móvil|movil|celular|portable|tablet|mailbox|mailspring|mailbird|airmail|newton"
    r"|\bspark|bluemail|\bboxer|\bcanary|\bedison|mail (?:for|für|pour|para|per|voor|app)|courrier pour|correo para"
    r"|posta per|почт[аы] |superhuman|thunderbird|\bk-9|typeapp|polymail|verizon|at&t|t-mobile|mymail|айфон|смартфон"
    r"|手机|手機|平板|邮箱|信箱|客户端|客戶端|邮件|郵件|小米|华为|華為|荣耀|榮耀|三星|苹果|蘋果|魅族|大师|大師|網易|网易|携帯|スマホ|スマートフォン"
    r"|스마트폰|휴대폰|핸드폰|아이폰|갤럭시|네이버|다음"
)
DEVICE_AT_THE_END: Final = re.compile(
    r"(?:手机|手機|平板|邮箱|信箱|客户端|客戶端|邮件|郵件|大师|大師|版|iphone|ipad|android|outlook|安卓|小米|华为|華為|三星|\bios)[\s\w]{0,8}$"
)
A_PHONE: Final = re.compile(
    r"phone|\bcell|handy|t[eé]l[eé]f|тел[еі]фон|הנייד|הטלפון|هاتف|โทรศัพท์|điện thoại|\bmail\b|e-?mail|\bdevice"
)
MINE: Final = re.compile(
    r"\b(?:my|our|mon|ma|meine[mrs]?|mi|meu|minha|min|mitt|mijn|mio|mia|mog|mojeg[oa]?|mého|môjho|моего|моей|мого|моя|моєї|meu|meva"
    r"|saya|minun)\b|我的|나의|내 |ของฉัน|của tôi|שלי|私の|मेरे"
)
FROM_A_DEVICE: Final = re.compile(
    r"(?:\w+ )?from (?:my )?(?:mobile|(?:i|smart)?phone|ipad|android|tablet|cell)(?: \w{1,6})?"
)
CONTACT: Final = re.compile(r"@|www\.|https?:")
A_PERSON: Final = re.compile(
    r"\b(?:i|i'm|i've|my|me|we|you|please|order|refund|ich|mein|meine|wir|bitte|je|j'ai|nous|vous|mi|yo|por favor"
    r"|pedido|io|mio|per favore|meu|minha|ik|mijn|graag|jag|jeg|proszę|prosím|я|мой|мне|пожалуйста)\b"
    r"|[我你您请請]|订单|訂單|退款|ください|です|ます|니다|주세요"
)
"""Somebody speaks, or something is asked for."""
QUESTION: Final = re.compile(r"[?？]\s*$|[?？]\s")
SENTENCE: Final = re.compile(r"\w{2,}[^\n]{25,}[.!…。！]\s*$")


def is_device_line(line: str, *, last: bool) -> bool:
    """A phone or a program wrote this (`Sent from my iPhone`); `last`: nothing of the person's follows right below.

    Such phrases begin people's sentences too (`Sent from my office on Monday`), so a device must be named, briefly.
    """
    if len(line) > LONGEST_LINE_WITH_LINKS:
        return False
    words = " ".join(BRACKETS.sub(" ", LINK.sub(" ", line)).split()).strip(MARKS).lower()
    if not 4 < len(words) <= LONGEST_DEVICE_LINE:
        return False
    begin = next((phrase for phrase in BEGINS if words.startswith(phrase)), None) if words.startswith(BEGINS) else None
    if begin is not None:
        return _names_a_device(begin, words[len(begin) :], last=last)
    if any(words.startswith(first) and words.endswith(end) for first, end in AROUND):
        return len(words) < LONGEST_AROUND and (DEVICE.search(words) or A_PHONE.search(words)) is not None
    if words.endswith(ENDS):
        return len(words) < LONGEST_AROUND and (DEVICE.match(words) or MINE.match(words)) is not None
    if words.startswith(NOTES):
        return last and len(words.split()) <= MOST_WORDS_OF_MINE
    return last and FROM_A_DEVICE.fullmatch(words) is not None


def _names_a_device(begin: str, rest: str, *, last: bool) -> bool:
    device = DEVICE.search(rest) or DEVICE.search(begin)
    mine = MINE.search(begin) or MINE.search(rest[:20])
    if UNSPACED.search(begin):
        named = device if mine else DEVICE_AT_THE_END.search(rest)
        return len(rest) <= LONGEST_UNSPACED and named is not None
    count = len(rest.split())
    if device:
        return count <= (MOST_WORDS_OF_MINE if mine else MOST_WORDS)
    brief = last and count <= MOST_WORDS_UNNAMED
    return brief and (mine or begin.startswith("sent from") or A_PHONE.search(rest)) is not None


def signature_table(lines: list[str], last: int) -> int:
    """Where the table begins that NetEase's app sets above its line (`签名由网易邮箱大师定制`): name and address
    between bars. `last` itself where there is none."""
    if "签名由" not in lines[last] and "簽名由" not in lines[last]:
        return last
    above = range(max(0, last - MOST_TABLE_LINES), last)
    return next((at for at in above if lines[at].lstrip().startswith("|")), last)


def is_rule(line: str) -> bool:
    """A line of dashes or the like, or the mark of a signature (RFC 3676, 4.3: `-- `)."""
    if line.strip() in SIGNATURE_MARKS:
        return True
    return len(line) < LONGEST_RULE and RULE.match(line) is not None and not COLUMNS.match(line)


def is_signature_mark(line: str) -> bool:
    return line.strip() in {"--", "- -"}


def is_above_this_line(line: str) -> bool:
    return len(line) < 200 and any(phrase in line.lower() for phrase in ABOVE_THIS_LINE)


def ends_the_mail(mark: str, below: list[str]) -> bool:
    """Below the mark is no word of the person's: a signature, a notice. Where it may be both, it is the person's."""
    words = [line for line in below if line.strip()]
    text = " ".join(words)[:4000].lower()
    if any(word in text for word in DISCLAIMERS):
        return True
    questions = sum(1 for line in words if QUESTION.search(line))
    sentences = sum(1 for line in words if SENTENCE.search(line) and not CONTACT.search(line))
    if is_signature_mark(mark):
        return 2 * questions + sentences <= MOST_SENTENCES
    return len(words) <= LONGEST_SIGNATURE and not questions and not sentences and not A_PERSON.search(text)
