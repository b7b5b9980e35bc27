"""News of cases: what happened to one stands in its timeline, and in the thread that it began in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row

from storage.commits import Transaction
from storage.interactions import Direction, InteractionKind, record
from storage.touched import touch

TOPIC: Final = "cases"


class CaseEvent(StrEnum):
    """What can happen to a case, beside what is said."""

    OPENED = "case_opened"  # by hand
    CHANGED = "case_changed"  # its fields; `fields` says which
    JUDGED = "case_judged"  # founded or not, by a person
    BREACHED = "case_breached"  # a deadline has passed
    RESOLVED = "case_resolved"
    REOPENED = "case_reopened"
    CLOSED = "case_closed"  # without an answer to how it was
    MERGED = "case_merged"
    UNMERGED = "case_unmerged"
    SPLIT = "case_split"
    UNSPLIT = "case_unsplit"
    ATTACHED = "case_attached"  # a conversation
    DETACHED = "case_detached"
    PROPOSED = "case_proposed"  # to the customer
    ANSWERED = "case_answered"  # by the customer: accepted or declined
    ASKED = "case_asked"  # a supervisor, for an approval
    GRANTED = "case_granted"
    REFUSED = "case_refused"
    WITHDRAWN = "case_withdrawn"  # what was asked for is not wanted any more
    COMPENSATED = "case_compensated"
    TAKEN_BACK = "case_taken_back"  # a compensation that was a mistake
    PROMISED = "case_promised"
    KEPT = "case_kept"
    BROKEN = "case_broken"  # a promise's day has passed


SENTENCES: Final[Mapping[CaseEvent, str]] = {
    CaseEvent.OPENED: "{by} opened case {case}",
    CaseEvent.CHANGED: "{by} changed case {case}",
    CaseEvent.JUDGED: "{by} judged case {case}",
    CaseEvent.BREACHED: "A deadline of case {case} has passed",
    CaseEvent.RESOLVED: "{by} resolved case {case}",
    CaseEvent.REOPENED: "{by} opened case {case} again",
    CaseEvent.CLOSED: "{by} closed case {case}",
    CaseEvent.MERGED: "{by} merged case {other} into {case}",
    CaseEvent.UNMERGED: "{by} took case {other} out of {case} again",
    CaseEvent.SPLIT: "{by} split case {other} from {case}",
    CaseEvent.UNSPLIT: "{by} gave case {other} back to {case}",
    CaseEvent.ATTACHED: "{by} attached this conversation to case {case}",
    CaseEvent.DETACHED: "{by} detached this conversation from case {case}",
    CaseEvent.PROPOSED: "{by} proposed a solution for case {case}",
    CaseEvent.ANSWERED: "The customer answered the proposal for case {case}",
    CaseEvent.ASKED: "{by} asked for an approval for case {case}",
    CaseEvent.GRANTED: "{by} granted what was asked for case {case}",
    CaseEvent.REFUSED: "{by} refused what was asked for case {case}",
    CaseEvent.WITHDRAWN: "{by} withdrew what was asked for case {case}",
    CaseEvent.COMPENSATED: "{by} recorded a compensation for case {case}",
    CaseEvent.TAKEN_BACK: "{by} took a compensation for case {case} back",
    CaseEvent.PROMISED: "{by} made a promise for case {case}",
    CaseEvent.KEPT: "{by} kept a promise of case {case}",
    CaseEvent.BROKEN: "A promise of case {case} is overdue",
}
"""For whoever reads the record without a console."""


_FOR_THE_CASE_ALONE: Final = frozenset({CaseEvent.CHANGED})
"""What would drown the words between customer and agent."""


def tell(
    transaction: Transaction,
    row: Row[*tuple[Any, ...]],
    event: CaseEvent,
    *,
    by: str,
    facts: Mapping[str, Any] | None = None,
    conversation: int | None = None,
) -> int:
    """A line of the house's own; its id. `row`: a case's id, number, contact_id and conversation_id.

    `conversation`: where it stands, where that is not the one that the case began in.
    """
    content: dict[str, Any] = {"event": event.value, "case": row.number, "by": by, **(facts or {})}
    touch(transaction.connection, [TOPIC, conversation, row.conversation_id])
    return record(
        transaction.connection,
        contact=row.contact_id,
        conversation=conversation or (None if event in _FOR_THE_CASE_ALONE else row.conversation_id),
        case=row.id,
        channel="desk",
        direction=Direction.INTERNAL,
        kind=InteractionKind.SYSTEM,
        author="system",
        text=SENTENCES[event].format_map({"by": by, "case": row.number, "other": content.get("other", "")}),
        content=content,
        now=transaction.now,
    )
