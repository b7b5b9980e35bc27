"""What can be found: words of a text, as the index has them.

Chinese words are mostly two characters, and no dictionary has all of them: each pair of neighbours is a token, and the
last character of a run one of its own, so that one character is found as the beginning of some token. Other scripts are
cut at what is no letter or digit, without case and accents.
"""

from __future__ import annotations

import re
from unicodedata import combining, normalize

LONGEST_TOKEN = 40
MOST_TOKENS = 4000
"""Of one text; what comes after is not found."""

_RUN = re.compile(
    r"(?P<han>[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af\u3040-\u30ff]+)|(?P<word>[^\W_]+)", re.UNICODE
)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af\u3040-\u30ff]")


def tokens(text: str, folding: dict[int, int] | None = None) -> list[str]:
    """The tokens of a text, in order. `folding`: traditional to simplified characters, so that either finds both."""
    found: list[str] = []
    for run in _runs(text, folding):
        found += _pairs(run) if _HAN.match(run) else [run[:LONGEST_TOKEN]]
        if len(found) >= MOST_TOKENS:
            break
    return found[:MOST_TOKENS]


def phrases(query: str, folding: dict[int, int] | None = None) -> list[list[str]]:
    """What must all be found: of each run its tokens, one after the other. The last token of a list may go on."""
    wanted: list[list[str]] = []
    for run in _runs(query, folding):
        if _HAN.match(run):
            wanted.append([run[place : place + 2] for place in range(len(run) - 1)] or [run])
        else:
            wanted.append([run[:LONGEST_TOKEN]])
    return wanted


def _runs(text: str, folding: dict[int, int] | None) -> list[str]:
    plain = "".join(each for each in normalize("NFKD", text) if not combining(each))
    plain = normalize("NFKC", plain).casefold()
    if folding:
        plain = plain.translate(folding)
    runs: list[str] = []
    for match in _RUN.finditer(plain):
        # A word of another script may have Chinese characters right behind it.
        runs += re.findall(rf"{_HAN.pattern}+|(?:(?!{_HAN.pattern}).)+", match.group())
    return runs


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run))]
