"""Plain numbers in a text: 3, 2.5, 1,200, 两盒, twelve. What is money, a day or an order's number is found before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.numerals import HAN_NUMERAL, han_number, number
from nlu.understanding import Entity

_HINT = re.compile(
    r"[0-9二两兩三四五六七八九十百千万萬]|\b(?:t[wehi]|f[oi]|s[ie]|e[il]|ni)|一[盒件包罐袋瓶套箱斤份双雙条條]"
)
_DIGITS = re.compile(
    r"(?<![0-9a-z.,/:#_-])(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,12})(?:\.\d{1,6})?"
    r"(?:(?=\s?(?:kg|g|mg|ml|l|cm|mm|m|km|pcs|pc|x|oz|lbs?)\b)|(?![0-9a-z]|[.,/:_-][0-9a-z]))"
)
_HAN = re.compile(
    rf"(?<![第{HAN_NUMERAL[1:-1]}])(?P<words>{HAN_NUMERAL}{{1,9}})(?=[个個件盒包罐袋瓶斤克位次张張套只隻支把箱条條份双雙杯公])"
)
"""Only where something is counted: 一起, 千万别 and 第二天 are no numbers."""
_ENGLISH = re.compile(r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b")
_VAGUE = frozenset({"一个", "一個", "一次", "一位", "一份", "一把"})
"""As often an article as a number."""


def find_numbers(text: str) -> Iterator[Entity]:
    """Numbers as decimals, `2.5`. `text` is folded to half width and lower case."""
    if _HINT.search(text) is None:
        return
    for match in _DIGITS.finditer(text):
        yield _number(match.group().replace(",", ""), match)
    for match in _HAN.finditer(text):
        count = han_number(match["words"])
        if count is not None and text[match.start() : match.end() + 1] not in _VAGUE:
            yield _number(str(count), match)
    for match in _ENGLISH.finditer(text):
        yield _number(str(number(match.group())), match)


def _number(value: str, match: re.Match[str]) -> Entity:
    whole, dot, part = value.partition(".")
    value = (whole.lstrip("0") or "0") + (dot + part if part.strip("0") else "")
    return Entity(kind="number", value=value, text=match.group(), start=match.start(), end=match.end())
