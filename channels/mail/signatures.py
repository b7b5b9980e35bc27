"""What stands below a person's words and is not theirs now: a signature under its mark, a device's own line."""

from __future__ import annotations

import re
from typing import Final

from channels.mail.client_words import ABOVE_THIS_LINE, DISCLAIMERS, LANGUAGES

LONGEST_DEVICE_LINE: Final = 120
LONGEST_SIGNATURE: Final = 15
"""Lines below a rule that still may be a signature."""
MOST_SENTENCES: Final = 4
"""Of a motto or a notice below `-- `; more is a letter that goes on. A question counts as two."""

LINK: Final = re.compile(r"\(?<?\[?(?:https?://|mailto:|www\.)[^\s<>()\[\]]*[)>\]]*")
BRACKETS: Final = re.compile(r"[\[\]<>]+")
MARKS: Final = " \t\xa0*_-–—~>|[](){}<\"'“”‘’«».。!！·•\u200b\u200e\u200f\u202a-\u202e\u2066\u2067\u2068\u2069\ufeff"
RULE: Final = re.compile(r"[\s\xa0]*(?:[-_=~#*+—–―─━ᐧ·][\s\xa0]?){2,}[\s\xa0]*$")
SIGNATURE_MARKS: Final = frozenset({"--", "—", "–", "---", "- -", "__", "—-", "-—", "––", "——", "−−", "‐‐", "ᐧ"})
BEGINS: Final = tuple(sorted({phrase for words in LANGUAGES.values() for phrase in words.sent_from}))
ENDS: Final = tuple(sorted({phrase for words in LANGUAGES.values() for phrase in words.sent_by}))
DEVICE: Final = re.compile(
    r"iphone|ipad|ipod|ios\b|android|apple|mac\b|macbook|watch|samsung|galaxy|huawei|honor|xiaomi|redmi|oppo|vivo\b|oneplus"
    r"|meizu|lenovo|motorola|moto\b|nokia|sony|xperia|htc|\blg\b|pixel|nexus|zte|realme|blackberry|black ?berry|bb10"
    r"|windows|surface|lumia|outlook|hotmail|\blive\b|gmail|yahoo|aol|icloud|proton|tutanota|zoho|zimbra|yandex|mail\.ru"
    r"|gmx|web\.de|t-online|telekom|freenet|orange|laposte|sfr|libero|foxmail|qq|163|126|sina|aliyun|naver|daum|kakao"
    r"|smart ?phone|smart|phone|handy|mobil|móvil|movil|celular|portable|téléphone|telefon|telefoon|telefono|teléfono"
    r"|тел[еі]фон|айфон|смартфон|手机|手機|平板|邮箱|郵件|邮件|客户端|信箱|網易|网易|小米|华为|華為|荣耀|三星|苹果|魅族|携帯|スマホ"
    r"|스마트폰|휴대폰|핸드폰|아이폰|갤럭시|네이버|다음|tablet|tablette|mailbox|mailspring|mailbird|airmail|newton|spark"
    r"|bluemail|boxer|canary|edison|email|e-mail|mail for|mail app|mail für|courrier|correo para|posta per|почт|post für"
    r"|superhuman|hey\b|thunderbird|k-9|typeapp|polymail|nine\b|front\b|verizon|at&t|t-mobile|sprint|4g|5g|lte|wireless"
    r"|my\b|mymail|\bmon\b|\bmeine[mr]\b|\bmi\b|\bmeu\b|\bminha\b|\bmin\b|\bmijn\b|\bmio\b|\bmia\b|мого|моего|моєї|我的"
    r"|\bmojego\b|\bmého\b|\bmôjho\b|\bmojeg\b|\bmojega\b|ของฉัน|הטלפון|הסלולרי|ה-?iphone|الهاتف|هاتف"
)
FROM_A_DEVICE: Final = re.compile(r"(?:\w+ )?from (?:my )?(?:mobile|(?:i|smart)?phone|ipad|android|tablet|cell)(?: \w{1,6})?")
QUESTION: Final = re.compile(r"[?？]\s*$|[?？]\s")
SENTENCE: Final = re.compile(r"\w{2,}[^\n]{25,}[.!…。！]\s*$")


def is_device_line(line: str, *, last: bool) -> bool:
    """A phone or a program wrote this (`Sent from my iPhone`); `last`: nothing of the person's follows in its place."""
    if len(line) > 400:
        return False
    words = " ".join(BRACKETS.sub(" ", LINK.sub(" ", line)).split()).strip(MARKS).lower()
    if not 4 < len(words) <= LONGEST_DEVICE_LINE:
        return False
    if words.startswith(BEGINS):
        return DEVICE.search(words) is not None or (last and words.startswith("sent from"))
    if words.endswith(ENDS):
        return len(words) < 60 and DEVICE.search(words) is not None
    return last and FROM_A_DEVICE.fullmatch(words) is not None


def is_rule(line: str) -> bool:
    """A line of dashes or the like, or the mark of a signature (RFC 3676, 4.3: `-- `)."""
    return line.strip() in SIGNATURE_MARKS or (len(line) < 200 and RULE.match(line) is not None)


def is_above_this_line(line: str) -> bool:
    return len(line) < 200 and any(phrase in line.lower() for phrase in ABOVE_THIS_LINE)


def ends_the_mail(mark: str, below: list[str]) -> bool:
    """Below the mark is no word of the person's: a signature, a notice. Where it may be both, it is the person's."""
    words = [line for line in below if line.strip()]
    text = " ".join(words)[:4000].lower()
    if any(word in text for word in DISCLAIMERS):
        return True
    own = 2 * sum(1 for line in words if QUESTION.search(line)) + sum(1 for line in words if SENTENCE.search(line))
    if mark.strip() in {"--", "- -"}:
        return own <= MOST_SENTENCES
    own += any(is_rule(line) for line in words)
    return len(words) <= LONGEST_SIGNATURE and own < 2
