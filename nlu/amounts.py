"""Sums of money in a text: ¥350, 350元, 三百五十块, RMB 350, $25, 25 dollars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from nlu.numerals import HAN_DIGITS, HAN_NUMERAL, han_number
from nlu.understanding import Entity

_SIGNS = {
    **dict.fromkeys(
        ("¥", "rmb", "cny", "元", "块", "塊", "圆", "圓", "yuan", "kuai", "人民币", "人民幣", "元人民币"), "CNY"
    ),
    **dict.fromkeys(("$", "us$", "usd", "dollar", "dollars", "bucks", "美元", "美金", "刀"), "USD"),
    **dict.fromkeys(("hk$", "hkd", "港币", "港幣", "港元", "蚊"), "HKD"),
    **dict.fromkeys(("nt$", "ntd", "twd", "台币", "台幣", "新台币", "新台幣"), "TWD"),
    **dict.fromkeys(("€", "eur", "euro", "euros", "欧元", "歐元"), "EUR"),
    **dict.fromkeys(("£", "gbp", "英镑", "英鎊"), "GBP"),
}
_NUMBER = r"\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,2})?|\d{1,9}(?:\.\d{1,2})?"
_BEFORE = re.compile(
    rf"(?<![a-z0-9])(?P<sign>us\$|hk\$|nt\$|[$¥€£]|rmb|cny|usd|hkd|twd|ntd|eur|gbp|人民币|人民幣)\s?(?P<number>{_NUMBER})"
    r"(?P<scale>[万萬千]|k\b)?(?![\d,]*\d)"
)
_AFTER = re.compile(
    rf"(?<![\d.,/a-z])(?:(?P<number>{_NUMBER})\s?(?P<scale>[万萬千]|k\b)?\s?|(?P<han>{HAN_NUMERAL}{{1,12}}))"
    r"(?:(?P<sign>元人民币|人民币|人民幣|美元|美金|港币|港幣|港元|新?台[币幣]|欧元|歐元|英镑|英鎊"
    r"|(?:yuan|kuai|rmb|cny|usd|dollars?|bucks|hkd|twd|ntd|eur|euros?|gbp)\b|元(?!旦|宵|素|气|氣)|[圆圓蚊¥€£$])"
    # 块 counts pieces too: money only where nothing that could be counted follows
    rf"|(?P<piece>[块塊])(?:(?P<tenths>[\d{HAN_DIGITS}])(?:[毛角]|(?![\d{HAN_DIGITS}\u3400-\u9fff]))"
    r"|(?=[钱錢]|$|[^\u3400-\u9fff]|[了吧的呢吗嗎啊呀就没沒不还還运運给給可我你都太左])))"
)
_NUMERAL = re.compile(r"[0-9一二两兩三四五六七八九十百千万萬]")
_HINT = re.compile(r"[元块塊圆圓蚊币幣美金英镑鎊刀¥€£$]|rmb|cny|yuan|kuai|usd|dollar|bucks|hkd|twd|ntd|eur|gbp")
_BROKEN_INTO = re.compile(
    r"(?:[碎裂切掰摔砸断斷破剪撕劈锯鋸][开開成為为作]?|(?<![改降涨漲变變调調打减減卖賣算收价價])[成作])了?\s?$"
)
"""Before a number of pieces: 裂成三块. 降成三块 is a price."""
_SCALES = {"万": 10_000, "萬": 10_000, "千": 1000, "k": 1000}


def find_amounts(text: str) -> Iterator[Entity]:
    """Amounts with their currency, `350.00 CNY`. `text` is folded to half width and lower case."""
    if not _NUMERAL.search(text) or not _HINT.search(text):
        return
    for pattern in (_BEFORE, _AFTER):
        for match in pattern.finditer(text):
            said = match.groupdict()
            value = None if said.get("piece") and _are_pieces(text, match) else _value(said)
            if value is not None:
                start, end = match.span()
                yield Entity(kind="amount", value=value, text=match.group(), start=start, end=end)


def _are_pieces(text: str, match: re.Match[str]) -> bool:
    return text[match.end() : match.end() + 1] not in ("钱", "錢") and bool(
        _BROKEN_INTO.search(text, max(match.start() - 5, 0), match.start())
    )


def _value(said: dict[str, str | None]) -> str | None:
    han = said.get("han")
    if han == "一" and said.get("piece") and not said.get("tenths"):
        return None  # 一块: together
    if han:
        whole = han_number(han)
        if whole is None:
            return None
        amount = Decimal(whole)
    else:
        amount = Decimal((said["number"] or "0").replace(",", "")) * _SCALES.get(said.get("scale") or "", 1)
    tenths = said.get("tenths")
    if tenths:
        amount += Decimal(int(tenths) if tenths.isdigit() else han_number(tenths) or 0) / 10
    currency = _SIGNS[said.get("sign") or "元"]
    return f"{amount:.2f} {currency}"
