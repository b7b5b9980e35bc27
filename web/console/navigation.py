"""The console's sections: where they are, in which order, and what it takes to see them listed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from desk.rights import Right


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One part of the console."""

    path: str
    """After /console."""
    words: str
    """The key of its name."""
    right: Right
    key: str = ""
    """`g`, then this, leads there."""


GROUPS: Final[Sequence[Sequence[Section]]] = (
    (
        Section(path="/inbox", words="inbox.title", right=Right.CONVERSE, key="i"),
        Section(path="/cases", words="case.title", right=Right.CONVERSE),
        Section(path="/board", words="routing.board", right=Right.DIRECT),
        Section(path="/reports", words="reports.title", right=Right.READ_REPORTS),
    ),
    (
        Section(path="/canned", words="canned.title", right=Right.CONVERSE),
        Section(path="/learning", words="learning.title", right=Right.TEACH),
        Section(path="/privacy", words="privacy.title", right=Right.PRIVACY),
        Section(path="/spam", words="spam.title", right=Right.CONVERSE),
    ),
    (
        Section(path="/teams", words="routing.teams", right=Right.ARRANGE),
        Section(path="/staff", words="staff.title", right=Right.MANAGE_STAFF),
        Section(path="/programs", words="programs.title", right=Right.CONNECT),
        Section(path="/audit", words="audit.title", right=Right.READ_AUDIT),
    ),
)
"""The day's work, what supports it, and the house."""


def sections(rights: Collection[Right]) -> Sequence[Sequence[Section]]:
    """What somebody with these rights is shown; a group of nothing is none."""
    groups = [[section for section in group if section.right in rights] for group in GROUPS]
    return [group for group in groups if group]
