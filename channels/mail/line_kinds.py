"""What each line of a mail's text is, by its own looks and its neighbours'."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from channels.mail.attributions import attribution, only_closes
from channels.mail.quoted_heads import Boundary, boundary, head
from channels.mail.signatures import is_above_this_line, is_device_line, is_rule, signature_table


class Kind(StrEnum):
    """What a line looks like."""

    EMPTY = "empty"
    TEXT = "text"
    QUOTE = "quote"  # begins with the quote mark
    ATTRIBUTION = "attribution"  # who wrote when, above a quote
    ORIGINAL = "original"  # between an answer and what it answers
    FORWARDED = "forwarded"  # between a word and what is passed on
    HEAD = "head"  # From, Sent, To, Subject of an earlier mail
    ABOVE = "above"  # please reply above this line
    RULE = "rule"  # dashes
    DEVICE = "device"  # Sent from my phone


BLANKS: Final = " \t\v\f\xa0\u3000\u200b\u200e\u200f\ufeff"
QUOTE_MARK: Final = re.compile(r"[\s\xa0]*(?:>|＞|&gt;)")
ALL_MARKS: Final = re.compile(r"(?:[\s\xa0]*(?:>|＞|&gt;))+")
OTHERS: Final = frozenset({Kind.ATTRIBUTION, Kind.ORIGINAL, Kind.FORWARDED, Kind.HEAD})
FENCE: Final = "```"


def kinds_of(lines: list[str]) -> list[Kind]:
    kinds = _alone(lines)
    following = _following(kinds)
    code = _fenced(lines)
    _mark_boundaries(lines, kinds, following, code)
    _mark_endings(lines, kinds, code)
    return kinds


def is_quote(line: str) -> bool:
    return QUOTE_MARK.match(line) is not None


def announces(quotes: list[str]) -> bool:
    """The quoted lines say themselves that they are: below their marks is what programs write above earlier mails."""
    return not OTHERS.isdisjoint(kinds_of([ALL_MARKS.sub("", line, count=1) for line in quotes]))


def _alone(lines: list[str]) -> list[Kind]:
    kinds: list[Kind] = []
    for line in lines:
        if not line.strip(BLANKS):
            kinds.append(Kind.EMPTY)
        elif is_quote(line) and (Kind.QUOTE in kinds[-1:] or not only_closes(line)):
            kinds.append(Kind.QUOTE)
        else:
            kinds.append(Kind.TEXT)
    return kinds


def _following(kinds: list[Kind]) -> list[int | None]:
    """For each line the next one that is not empty."""
    following: list[int | None] = [None] * len(kinds)
    after: int | None = None
    for at in range(len(kinds) - 1, -1, -1):
        following[at] = after
        if kinds[at] is not Kind.EMPTY:
            after = at
    return following


def _fenced(lines: list[str]) -> set[int]:
    """The lines of code between fences, which say nothing about the mail."""
    fences = [at for at, line in enumerate(lines) if line.startswith(FENCE)]
    return {at for begin, end in zip(fences[::2], fences[1::2], strict=False) for at in range(begin, end + 1)}


def _mark_boundaries(lines: list[str], kinds: list[Kind], following: list[int | None], code: set[int]) -> None:
    """Whatever stands above somebody else's words."""
    settled = headless = 0
    for at, line in enumerate(lines):
        if at < settled or kinds[at] is not Kind.TEXT or at in code:
            settled = at + 1 if kinds[at] is Kind.QUOTE else settled
            continue
        after = following[at]
        begins = boundary(line, lines[after] if after is not None else "")
        if begins is not None:
            kinds[at] = Kind.FORWARDED if begins is Boundary.FORWARDED else Kind.ORIGINAL
            settled = at + 1
            continue
        if at >= headless:
            end, is_head = head(lines, at)
            if is_head:
                kinds[at:end] = [Kind.HEAD] * (end - at)
                settled = end
                continue
            headless = end
        quote_follows = after is not None and kinds[after] is Kind.QUOTE
        first = attribution(lines, at, settled, quote_follows=quote_follows)
        if first is not None:
            kinds[first : at + 1] = [Kind.ATTRIBUTION] * (at + 1 - first)
            settled = at + 1


def _mark_endings(lines: list[str], kinds: list[Kind], code: set[int]) -> None:
    """Whatever stands below a person's words; from below, since most of it is only believed at the end."""
    below = Kind.EMPTY
    for at in range(len(lines) - 1, -1, -1):
        if kinds[at] is Kind.TEXT and at not in code:
            if is_above_this_line(lines[at]):
                kinds[at] = Kind.ABOVE
            elif is_rule(lines[at]):
                kinds[at] = Kind.RULE
            elif is_device_line(lines[at], last=below is not Kind.TEXT):
                first = signature_table(lines, at)
                kinds[first : at + 1] = [Kind.DEVICE if kind is Kind.TEXT else kind for kind in kinds[first : at + 1]]
        if kinds[at] is not Kind.EMPTY:
            below = kinds[at]
