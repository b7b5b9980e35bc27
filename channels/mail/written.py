"""Only what the person wrote now: earlier mails that an answer repeats, and signatures, are split off.

The rules are of kinds, not of programs: see `line_kinds`, `attributions`, `quoted_heads` and `signatures`. In doubt a
line is the person's: too much is a nuisance, a lost complaint a wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from channels.mail.attributions import MOST_LINES, shared
from channels.mail.line_kinds import Kind, announces, is_quote, kinds_of
from channels.mail.signatures import ends_the_mail, is_signature_mark


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A mail's text, divided: each of its lines is in one of these, in their order."""

    reply: str
    """What the person wrote now."""
    quoted: str = ""
    """Earlier mails, and the lines that announce them."""
    signature: str = ""
    """Below `-- ` and its like, and what a device added."""
    forwarded: str = ""
    """A mail that the person passed on, with a word of their own in `reply`."""


class Part(StrEnum):
    """Whose a line is."""

    REPLY = "reply"
    QUOTED = "quoted"
    SIGNATURE = "signature"
    FORWARDED = "forwarded"


LINE_END: Final = re.compile("\r\n|\r|\n|\u2028|\u2029")
EMPTY_ABOVE: Final = re.compile(r"\A(?:[^\S\n]*\n)+")
OTHERS_BEGIN: Final = frozenset({Kind.ORIGINAL, Kind.FORWARDED, Kind.HEAD, Kind.ABOVE})
ENDS_A_SIGNATURE: Final = OTHERS_BEGIN | {Kind.ATTRIBUTION, Kind.QUOTE}
ANNOUNCES: Final = frozenset({Kind.ORIGINAL, Kind.HEAD, Kind.ATTRIBUTION, Kind.EMPTY})
OWN: Final = frozenset({Kind.TEXT, Kind.RULE})


def written_now(text: str, *, is_answer: bool = False) -> Written:
    """The mail's text, divided. Any text will do; the time is linear in its length.

    `is_answer`: the mail's headers say that it answers another. Then what stands under a head or a line between mails
    is that other mail, even where the person put no word of their own above it; without, it may be a form's.
    """
    lines = [own for line in LINE_END.split(text) for own in _of_one_owner(line)]
    kinds = kinds_of(lines)
    parts = _parts(lines, kinds, is_answer=is_answer)
    _settle_quotes(lines, kinds, parts)
    return Written(
        reply=_joined(lines, parts, Part.REPLY),
        quoted=_joined(lines, parts, Part.QUOTED),
        signature=_joined(lines, parts, Part.SIGNATURE),
        forwarded=_joined(lines, parts, Part.FORWARDED),
    )


def _of_one_owner(line: str) -> tuple[str, ...]:
    """An answer and the attribution behind it on the same line are two lines."""
    if not line.rstrip().endswith((":", "：")) or is_quote(line):
        return (line,)
    at = shared(line)
    return (line[:at], line[at:]) if at else (line,)


def _parts(lines: list[str], kinds: list[Kind], *, is_answer: bool) -> list[Part]:
    parts = [Part.REPLY] * len(lines)
    own = others = False
    ornaments: set[str] = set()
    at = 0
    while at < len(lines):
        end, part = at + 1, Part.REPLY
        match kinds[at]:
            case Kind.TEXT:
                own = True
            case Kind.QUOTE:
                others = True
            case Kind.EMPTY:
                pass
            case Kind.DEVICE:
                part = Part.SIGNATURE
            case Kind.ABOVE:
                end, part = len(lines) if own or is_answer else end, Part.QUOTED
            case Kind.ORIGINAL | Kind.HEAD:
                end, part = _announced(lines, kinds, at, own=own or is_answer), Part.QUOTED
                others = others or kinds[end - 1] is Kind.QUOTE
            case Kind.FORWARDED:
                end, part = len(lines) if own else end, Part.FORWARDED if own else Part.QUOTED
            case Kind.ATTRIBUTION:
                end, part = _announced(lines, kinds, at, own=own), Part.QUOTED
                others = others or kinds[end - 1] is Kind.QUOTE
            case Kind.RULE:
                ornament = "--" if is_signature_mark(lines[at]) else lines[at].strip()[0]
                if ornament not in ornaments:
                    end, part = _under_rule(lines, kinds, at, own=own, others=others)
                if part is Part.REPLY:
                    ornaments.add(ornament)
        parts[at:end] = [part] * (end - at)
        at = end
    return parts


def _announced(lines: list[str], kinds: list[Kind], first: int, *, own: bool) -> int:
    """The line after an earlier mail that a head or an attribution announces. Where no mark says how far it goes, it
    goes to the end; but with nothing of the person's above it, what is below must be theirs."""
    at = first
    while at < len(lines) and kinds[at] in ANNOUNCES:
        at += 1
    if at == len(lines) or kinds[at] is Kind.QUOTE:
        return _quote_end(lines, kinds, at)
    return len(lines) if own else at


def _quote_end(lines: list[str], kinds: list[Kind], first: int) -> int:
    end = first
    for at in range(first, len(lines)):
        if kinds[at] is Kind.QUOTE:
            end = at + 1
        elif kinds[at] is not Kind.EMPTY and not _is_wrapped(lines, kinds, at):
            break
    return end


def _is_wrapped(lines: list[str], kinds: list[Kind], at: int) -> bool:
    """A line that a mail program broke off the quoted one above: the quote goes on right below."""
    if kinds[at - 1] is not Kind.QUOTE or at + 1 >= len(lines) or kinds[at + 1] is not Kind.QUOTE:
        return False
    above, line = lines[at - 1].rstrip(), lines[at].strip()
    if " " not in line and above.rpartition(" ")[2].lstrip("(<[").startswith(("http:", "https:", "mailto:")):
        return True
    return len(above) >= 70 and len(line) < 30 and line[:1].islower()


def _under_rule(lines: list[str], kinds: list[Kind], at: int, *, own: bool, others: bool) -> tuple[int, Part]:
    """How far that goes which a line of dashes begins, and whose it is; `others`: somebody else's words are above."""
    after = at + 1
    while after < len(lines) and kinds[after] is Kind.EMPTY:
        after += 1
    if after == len(lines):
        return after, Part.SIGNATURE
    if kinds[after] in OTHERS_BEGIN or kinds[after] is Kind.ATTRIBUTION:
        return after, Part.QUOTED
    end = after
    while end < len(lines) and kinds[end] not in ENDS_A_SIGNATURE:
        end += 1
    marked = is_signature_mark(lines[at]) and (others or end < len(lines))
    if (own or marked) and ends_the_mail(lines[at], lines[at + 1 : end]):
        return end, Part.SIGNATURE
    return at + 1, Part.REPLY


def _settle_quotes(lines: list[str], kinds: list[Kind], parts: list[Part]) -> None:
    """A quote below all own words is an earlier mail; quotes with an answer below each say what that is about, and
    stay."""
    own = [at for at, part in enumerate(parts) if part is Part.REPLY and kinds[at] in OWN]
    quotes = _quotes(lines, kinds, parts)
    between = [(first, end) for first, end, answered in quotes if answered]
    if not own:
        if Kind.FORWARDED not in kinds and _are_earlier(lines, kinds, parts):
            for first, end, _ in quotes:
                parts[first:end] = [Part.QUOTED] * (end - first)
        return
    for first, end, answered in quotes:
        above_all = first < own[0] and announces(lines[first : first + MOST_LINES])
        if above_all or (not answered and first > own[-1]):
            parts[first:end] = [Part.QUOTED] * (end - first)
    if len(between) > 1:
        for first, end in between:
            parts[first:end] = [Part.REPLY] * (end - first)


def _are_earlier(lines: list[str], kinds: list[Kind], parts: list[Part]) -> bool:
    """Quotes without any word of the person's are an earlier mail, if anything says so; else they were typed."""
    return Part.QUOTED in parts or announces(
        [line for line, kind in zip(lines, kinds, strict=True) if kind is Kind.QUOTE]
    )


def _quotes(lines: list[str], kinds: list[Kind], parts: list[Part]) -> list[tuple[int, int, bool]]:
    """Each quote: its first line, the line after it, and whether the person's own words come right below."""
    quotes: list[tuple[int, int, bool]] = []
    at = 0
    while at < len(lines):
        if kinds[at] is not Kind.QUOTE:
            at += 1
            continue
        end = _quote_end(lines, kinds, at)
        after = end
        while after < len(lines) and kinds[after] is Kind.EMPTY:
            after += 1
        quotes.append((at, end, after < len(lines) and kinds[after] in OWN and parts[after] is Part.REPLY))
        at = max(end, at + 1)
    return quotes


def _joined(lines: list[str], parts: list[Part], part: Part) -> str:
    text = "\n".join(line for line, whose in zip(lines, parts, strict=True) if whose is part).rstrip()
    return EMPTY_ABOVE.sub("", text, count=1)
