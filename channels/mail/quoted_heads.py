"""What stands above a mail that is repeated in an answer: its head (`From:`, `Sent:`, `To:`, `Subject:`), or a line
that says so (`-----Original Message-----`)."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final

from channels.mail.attributions import ADDRESS, DATE
from channels.mail.client_words import LANGUAGES


class Label(StrEnum):
    """What a line of a quoted head tells."""

    SENDER = "sender"
    SENT = "sent"
    TO = "to"
    COPY = "copy"
    SUBJECT = "subject"


class Boundary(StrEnum):
    """What begins below a line between mails."""

    ORIGINAL = "original"  # the mail that is answered
    FORWARDED = "forwarded"  # a mail that is passed on


NO_LABEL: Final[frozenset[Label]] = frozenset()
COPY_ALONE: Final = frozenset({Label.COPY})
LONGEST_LABEL: Final = 30
LONGEST_HEAD: Final = 40
"""Lines."""
LONGEST_HEAD_IN_A_LINE: Final = 1000
COLON: Final = re.compile("[*_ ]*[:：]")
MOST_CONTINUATIONS: Final = 4
"""Lines that one label's value is wrapped over (a long list of recipients)."""

SHORTEST_ALONE: Final = {True: 10, False: 4}
"""Characters of a phrase between mails that has no dashes around it, by whether it is ASCII."""

LABELS: Final[dict[str, frozenset[Label]]] = {}
BOUNDARIES: Final[dict[str, Boundary]] = {}
DASHES: Final = " \t\xa0-_=*~—–―‐‑─━－﹣+#>|<"
DASHED: Final = re.compile(r"[\s>*_|]*[-_=*~—–―‐‑─━－﹣+#<]{2,}")
BY_SOMEBODY: Final = re.compile(
    r"(forwarded(?: message)?|original message|weitergeleitet|transféré)\s+(?:by|from|von|par)\s"
)


def _fill() -> None:
    for words in LANGUAGES.values():
        for label, names in (
            (Label.SENDER, words.sender),
            (Label.SENT, words.sent),
            (Label.TO, words.to),
            (Label.COPY, (*words.copy, "cc", "bcc")),
            (Label.SUBJECT, words.subject),
        ):
            for name in names:
                key = _key(name)
                LABELS[key] = LABELS.get(key, NO_LABEL) | {label}
        BOUNDARIES.update({_key(phrase): Boundary.ORIGINAL for phrase in words.original})
        BOUNDARIES.update({_key(phrase): Boundary.FORWARDED for phrase in words.forwarded})


def _key(text: str) -> str:
    """As it is looked up: without blanks, case and accents, which some programs lose."""
    folded = "".join(text.split()).casefold()
    if folded.isascii():
        return folded
    return "".join(c for c in unicodedata.normalize("NFD", folded) if not unicodedata.combining(c)).replace("’", "'")


_fill()


def labels(line: str) -> frozenset[Label]:
    """What the line may be in a quoted head; empty if it is none. In some languages one word labels two things."""
    name = label_name(line)
    return LABELS.get(_key(name), NO_LABEL) if name else NO_LABEL


def label_name(line: str) -> str:
    """What stands before the line's first colon, or in the first cell of a row."""
    line = line.strip(" \t\xa0*_>#•")
    if line.startswith("|"):
        return line.strip("| \t*_").partition("|")[0].strip(" *_:：") if line.count("|") > 1 else ""
    at = min((place for place in (line.find(":"), line.find("：")) if place > 0), default=-1)
    return line[:at].strip(" \t\xa0*_") if 0 < at <= LONGEST_LABEL else ""


def head(lines: list[str], first: int) -> tuple[int, bool]:
    """Whether a quoted head begins at the line `first`, and the line after it; if none does, no line before that one
    begins a head either.

    Three different labels make a head, or two where an address or a date stands beside them.
    """
    seen = labels(lines[first])
    if not seen or seen == COPY_ALONE:
        return first + 1, False
    if _in_one_line(lines[first]):
        return first + 1, True
    kinds = [seen]
    evidence = _has_evidence(lines[first])
    end = first + 1
    unlabelled = blanks = 0
    for at in range(first + 1, min(len(lines), first + LONGEST_HEAD)):
        if not lines[at].strip(" \t\xa0>*_"):
            blanks += 1
            if blanks > 1:
                break
            continue
        found = labels(lines[at])
        if found:
            kinds.append(found)
            end, unlabelled, blanks = at + 1, 0, 0
        else:
            unlabelled += 1
            if blanks or unlabelled > MOST_CONTINUATIONS:
                break
        evidence = evidence or (unlabelled < 2 and _has_evidence(lines[at]))
    different = _different(kinds)
    tells_whose = any(Label.SENDER in kind or Label.SENT in kind for kind in kinds)
    return end, tells_whose and (different >= 3 or (different == 2 and evidence))


def boundary(line: str, following: str) -> Boundary | None:
    """What begins below the line; `following` is the next line that is not empty."""
    if len(line) > 160:
        return None
    phrase = line.strip(DASHES + ":：")
    if not phrase or len(phrase) > 90:
        return None
    phrase = phrase.replace("&nbsp;", " ")
    found = BOUNDARIES.get(_key(phrase.strip(DASHES + ":：")))
    dashed = DASHED.match(line) is not None
    if found is None:
        return Boundary.FORWARDED if dashed and BY_SOMEBODY.match(phrase.lower()) else None
    if dashed or (labels(following) and len(phrase) >= SHORTEST_ALONE[phrase.isascii()]):
        return found
    return found if found is Boundary.FORWARDED and line.rstrip().endswith((":", "：")) and len(phrase) > 14 else None


def _in_one_line(line: str) -> bool:
    """All of a head in one line, as HTML that lost its line breaks leaves it: `From: … Sent: … To: … Subject: …`."""
    if len(line) > LONGEST_HEAD_IN_A_LINE or line.count(":") + line.count("：") < 3:
        return False
    kinds = [_last_words_label(before) for before in COLON.split(line)[:-1]]
    return Label.SENDER in kinds[0] and _different(kinds) >= 3


def _last_words_label(text: str) -> frozenset[Label]:
    words = text.split()
    keys = (_key("".join(words[-count:])) for count in (1, 2, 3))
    return next((LABELS[key] for key in keys if key in LABELS), NO_LABEL)


def _has_evidence(line: str) -> bool:
    part = line[:300]
    return ADDRESS.search(part) is not None or DATE.search(part) is not None


def _different(kinds: list[frozenset[Label]]) -> int:
    """How many different labels these lines can be at most, each line being one."""
    taken: set[Label] = set()
    for kind in sorted(kinds, key=len):
        free = kind - taken
        if free:
            taken.add(min(free))
    return len(taken)
