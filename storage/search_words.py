"""What can be found: the words of a text, as the index has them, and what a query asks of them.

Chinese words are mostly two characters, and no dictionary has all of them: each pair of neighbours is a token, and the
last character of a run one of its own. A single character is looked for among a text's marks, which stand behind its
words and have no order. Other scripts are cut at what is no letter or digit, without case and accents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from unicodedata import is_normalized, normalize

VERSION = 1
"""Of these rules: another one, and everything is indexed anew."""
LONGEST_TOKEN = 40
MOST_TOKENS = 4000
"""Of one text; what comes after is not found."""
SHORTEST_BEGINNING = 3
"""Letters from which on a word finds longer ones too: shorter, and it would find half of what was ever said. Outside of
ASCII one less, since two Korean syllables are a word."""
MOST_TERMS = 12
"""Of one query; further ones are not asked for."""
MARK = "_"
"""Begins a token that is no word: a character of a text, or one of its facts."""

Folding = Mapping[int, str]
"""Code point to what stands for it: traditional characters to simplified ones, so that either finds both."""

_HAN = "\u3005\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af\u3040-\u30ff"
_TOKEN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
_ASCII = re.compile("[a-z0-9]+")
_ACCENT = re.compile("[\u0300-\u036f]")
_FIRST_HAN = "\u3005"
"""All that we pair stands behind it in Unicode; so does Hangul, which has spaces between its words."""
_IS_HAN = re.compile(f"[{_HAN}]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One thing that a text must have: tokens, one behind the other."""

    tokens: tuple[str, ...]
    begins: bool = False
    """The last token may go on."""


def words(text: str, folding: Folding | None = None) -> list[str]:
    """The tokens of a text, in order."""
    if text.isascii():
        return _ASCII.findall(text.lower())[:MOST_TOKENS] if len(text) < MOST_TOKENS else _cut(text.lower())
    return _cut(_plain(text, folding))


def characters(tokens: Iterable[str]) -> list[str]:
    """The Chinese characters among the words of a text, each once, as marks."""
    han = _IS_HAN.findall("".join(token for token in tokens if token[0] >= _FIRST_HAN))
    return [MARK + each for each in dict.fromkeys(han)]


def term(text: str, folding: Folding | None = None, *, whole: bool = False) -> Term | None:
    """What is asked for with one piece of a query; None: it has no word.

    `whole`: the last word is not the beginning of a longer one.
    """
    tokens = words(text, folding)[:MOST_TERMS]
    if not tokens:
        return None
    last = tokens[-1]
    if not _IS_HAN.match(last):
        return Term(tokens=tuple(tokens), begins=not whole and len(last) >= SHORTEST_BEGINNING - (not last.isascii()))
    if len(tokens) == 1:
        return Term(tokens=(MARK + last,))
    if _IS_HAN.match(tokens[-2]) and tokens[-2].endswith(last):
        return Term(tokens=tuple(tokens[:-1]))  # the run may go on: its last character is none of the text's own
    return Term(tokens=tuple(tokens), begins=True)


def _plain(text: str, folding: Folding | None) -> str:
    """Without case, accents and the forms that only look different."""
    if not is_normalized("NFKC", text):
        text = normalize("NFKC", text)
    text = text.lower()
    if not is_normalized("NFD", text):
        text = normalize("NFC", _ACCENT.sub("", normalize("NFD", text)))
    return text.translate(folding) if folding else text


def _cut(plain: str) -> list[str]:
    found: list[str] = []
    for run in _TOKEN.findall(plain):
        if run[0] >= _FIRST_HAN and _IS_HAN.match(run):
            found += map(str.__add__, run, run[1:])
            found.append(run[-1])
        else:
            found.append(run[:LONGEST_TOKEN])
        if len(found) >= MOST_TOKENS:
            break
    return found[:MOST_TOKENS]


def spans(text: str, terms: Iterable[Term], folding: Folding | None = None) -> list[tuple[int, int]]:
    """Where in a text the terms stand, from and to, in order and without overlaps."""
    plain, places = _plain_with_places(text, folding)
    wanted = re.finditer("|".join(_as_pattern(each) for each in terms) or r"(?!)", plain)
    return [(places[match.start()], places[match.end() - 1] + 1) for match in wanted if match.end() > match.start()]


def _plain_with_places(text: str, folding: Folding | None) -> tuple[str, list[int]]:
    """The text as it is looked at, and for each of its characters where it stands in the text as written."""
    plain: list[str] = []
    places: list[int] = []
    for place, each in enumerate(text):
        shown = _ACCENT.sub("", each) if each >= "\u0080" else each
        folded = _plain(shown, folding) if shown else ""
        plain.append(folded)
        places += [place] * len(folded)
    return "".join(plain), places


def _as_pattern(term: Term) -> str:
    """A term's words again, from its tokens."""
    pattern, before = "", ""
    for token in (each.removeprefix(MARK) for each in term.tokens):
        if not _IS_HAN.match(token):
            pattern += rf"{_BETWEEN if before else ''}(?<![^\W_{_HAN}]){re.escape(token)}"
            pattern += "" if term.begins and token == term.tokens[-1] else rf"(?![^\W_{_HAN}])"
        elif len(before) == 2 and _IS_HAN.match(before) and before[1] == token[0]:
            pattern += token[1:]  # the next pair of the same run, or nothing: the run's last character
        else:
            pattern += (_BETWEEN if before else "") + token
        before = token
    return pattern


_BETWEEN = r"[\W_]*"
