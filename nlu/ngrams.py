"""What the embedded engine sees of a text: its words, and the n-grams of its words and characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from operator import add

MOST_CHARACTERS = 1200
"""Longer texts are read at both ends: what somebody wants stands at the start or at the end of a long message."""
LONGEST_TOKEN = 100
"""A longer run of letters without a space is cut: nobody writes such words."""

WIDEST_GAP = 5
"""Words, or Han characters, from one to the other of two that are seen together."""
MOST_UNITS = 150
"""Words and Han characters of a text that are paired with those behind them."""

Folding = dict[int, str | None]
"""Code point to what stands for it; None: nothing."""

MEANINGLESS: Folding = dict.fromkeys((*range(0x200B, 0x2010), 0x2060, 0xFEFF, 0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)))
"""Zero-width characters, and what only colours an emoji."""

_TOKEN = re.compile(
    rf"[a-z]{{1,{LONGEST_TOKEN}}}(?:'[a-z]{{1,9}})?|0|[\u3400-\u9fff]{{1,{LONGEST_TOKEN}}}"
    rf"|[^\W\d_]{{1,{LONGEST_TOKEN}}}|[^\w\s]"
)
_NUMBER = re.compile(r"\d+")


def folding(characters: str, stand_ins: str) -> Folding:
    return {ord(old): new for old, new in zip(characters, stand_ins, strict=True)}


def tokens(text: str, table: Folding) -> list[str]:
    """The words, runs of Han characters and symbols of a text.

    Every number reads as `0`, except one that is the whole text: `88` may mean something, `5` answers a question.
    """
    if len(text) > MOST_CHARACTERS:
        text = f"{text[: MOST_CHARACTERS // 2]} {text[-MOST_CHARACTERS // 2 :]}"
    folded = _folded(text, table)[: 2 * MOST_CHARACTERS].strip()
    if folded.isdigit():
        return [folded]
    return _TOKEN.findall(_NUMBER.sub("0", folded))


def is_han(token: str) -> bool:
    return "\u3400" <= token[0] <= "\u9fff"


def of_token(token: str) -> list[str]:
    """The features of one token, wherever it stands."""
    edged = f"<{token}>"
    twos = list(map(add, edged, edged[1:]))
    threes = list(map(add, twos, edged[2:]))
    fours = list(map(add, threes, edged[3:]))
    if is_han(token):
        return [*token, *twos, *threes, *fours]
    return [token, *threes, *fours, *map(add, fours, edged[4:])] if len(edged) > 3 else [token]


def pairs(tokens: list[str]) -> Iterator[tuple[str, str]]:
    """Tokens side by side, and the text's ends; of Han runs, their touching characters count."""
    if not tokens:
        return iter(())
    lefts = ["^", *[token[-1] if "\u3400" <= token[0] <= "\u9fff" else token for token in tokens]]
    rights = [*[token[0] if "\u3400" <= token[0] <= "\u9fff" else token for token in tokens], "$"]
    return zip(lefts, rights, strict=True)


def of_pairs(tokens: list[str]) -> list[str]:
    """The features of tokens side by side."""
    return [f"{left} {right}" for left, right in pairs(tokens)]


def is_pair(feature: str) -> bool:
    return " " in feature


def units(tokens: list[str]) -> list[str]:
    """Words and single Han characters."""
    found: list[str] = []
    for token in tokens:
        if is_han(token):
            found += token
        else:
            found.append(token)
    return found[:MOST_UNITS]


def of_gaps(tokens: list[str]) -> list[str]:
    """The features of words, or Han characters, that follow each other at some distance: `where … order`."""
    found = units(tokens)
    return [f"{left}\t{right}" for place, left in enumerate(found, 1) for right in found[place : place + WIDEST_GAP]]


def is_gap(feature: str) -> bool:
    return "\t" in feature


def _folded(text: str, table: Folding) -> str:
    """Without the differences that carry no intent: width, case, script of Chinese, curly apostrophes.

    Compatibility forms may become longer: one character can stand for a sentence.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).replace("\u2019", "'").lower().translate(table)
