"""Numbers as people write them: digits, 三百五十, twelve."""

from __future__ import annotations

HAN_DIGITS = "零〇一二两兩三四五六七八九"
HAN_NUMERAL = rf"[{HAN_DIGITS}十百千万萬]"

_HAN_VALUES = {**dict(zip("零〇一二三四五六七八九", (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), strict=True)), "两": 2, "兩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_ENGLISH = {
    name: count
    for count, names in enumerate(
        (
            "one a an",
            "two couple",
            "three few",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ),
        1,
    )
    for name in names.split()
}
ENGLISH_NUMERAL = "a couple of|a couple|a few|an|a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"


def number(words: str) -> int | None:
    """The whole number that digits, Han numerals or an English word mean; None where they mean none."""
    if words.isascii():
        word = words.lower().removeprefix("a ").removesuffix(" of")
        return int(words) if words.isdigit() else _ENGLISH.get(word)
    return han_number(words)


def han_number(words: str) -> int | None:
    """三百五十 350, 一千零八 1008, 两万 20000, 三百五 350, 二〇二六 2026; None where it is none."""
    if len(words) > 1 and all(word in _HAN_VALUES for word in words):
        return int("".join(str(_HAN_VALUES[word]) for word in words))
    total = below = digit = 0
    unit = 1
    after_zero = False
    for word in words:
        if word in _HAN_VALUES:
            digit, after_zero = _HAN_VALUES[word], word in "零〇"
        elif word in _HAN_UNITS:
            unit = _HAN_UNITS[word]
            below += (digit or 1) * unit
            digit = 0
        elif word in "万萬":
            total, below, digit, unit = (total + below + digit) * 10_000, 0, 0, 10_000
        else:
            return None
    spoken_short = digit and unit >= 100 and not after_zero and words[-2] not in "零〇"
    return total + below + (digit * unit // 10 if spoken_short else digit)
