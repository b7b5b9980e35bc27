"""How well messages are understood: by what people reviewed, by the training data itself, and week by week."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, func, select

from desk.reviewing import IN_WORDS, Understood
from nlu.drift import NOT_UNDERSTOOD, Tally, Week, monday, weeks
from nlu.embedded import OUT_OF_SCOPE
from nlu.scores import Scores, scores
from storage.interactions import Interaction, TurnRecord
from storage.reviews import CUSTOMER, Review, ReviewState, Why

WEEKS = 12
"""Looked back over where nobody says since when."""
PAGE = 5000
"""Turns read at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reviewed:
    """What people say about messages. These are the doubtful ones: they say where the engine errs, not how often."""

    accepted: int
    corrected: int
    """Corrected by agents, and not reviewed yet; they count as the agents say."""
    discarded: int
    waiting: int
    """Not reviewed, corrected or not."""
    scores: Scores
    """Of those accepted and corrected: the best guess at the time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CrossChecked:
    """What the engine makes of its own training data, asked of examples it had not seen."""

    engine: str
    examples: int
    folds: int
    scores: Scores


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All of it."""

    since: datetime
    until: datetime
    reviewed: Reviewed
    cross_checked: CrossChecked | None
    """None: it was not asked for."""
    weeks: tuple[Week, ...]


def report(
    connection: Connection, *, since: datetime | None, now: datetime, cross_checked: CrossChecked | None
) -> Report:
    """Read what happened `since` then; without it, in the last weeks. Changes nothing."""
    start = since or datetime.combine(monday(now - timedelta(weeks=WEEKS - 1)), now.timetz()).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    reviews = connection.execute(_reviews.where(Review.queued_at >= start)).all()
    return Report(
        since=start,
        until=now,
        reviewed=_reviewed(reviews),
        cross_checked=cross_checked,
        weeks=tuple(weeks(_tallies(connection, start, reviews), since=start, now=now)),
    )


_reviews = select(
    Review.why, Review.state, Review.queued_at, Review.understood, Review.intent, Review.suggested, Review.suggested_by
)
_understood = TypeAdapter(Understood)


def _reviewed(reviews: Sequence[Any]) -> Reviewed:
    accepted = [row for row in reviews if row.state is ReviewState.ACCEPTED]
    waiting = [row for row in reviews if row.state is ReviewState.WAITING]
    corrected = [row for row in waiting if row.suggested is not None and row.suggested_by != CUSTOMER]
    pairs = [(row.intent or row.suggested, _answered(row.understood)) for row in (*accepted, *corrected)]
    return Reviewed(
        accepted=len(accepted),
        corrected=len(corrected),
        discarded=sum(row.state is ReviewState.DISCARDED for row in reviews),
        waiting=len(waiting),
        scores=scores(pairs),
    )


def _answered(kept: Any) -> str:
    understood = _understood.validate_python(kept)
    if understood.out_of_scope:
        return OUT_OF_SCOPE
    return understood.intents[0][0] if understood.intents else NOT_UNDERSTOOD


def _tallies(connection: Connection, start: datetime, reviews: Sequence[Any]) -> dict[date, Tally]:
    found: dict[date, Tally] = {}
    for at, intent, confidence in _turns(connection, start):
        found.setdefault(monday(at), Tally()).add(intent, confidence)
    for row in reviews:
        tally = found.setdefault(monday(row.queued_at), Tally())
        match row.why:
            case Why.FELL_THROUGH:
                tally.fell_through += 1
            case Why.CLARIFIED:
                tally.asked_back += 1
            case _:
                tally.corrected += 1
    return found


def _turns(connection: Connection, start: datetime) -> Iterator[tuple[datetime, str | None, float | None]]:
    """What was understood of the last words of each Turn, page by page in the order of its key: no index knows when a
    Turn was, and none is worth its price at every message."""
    last = _first_since(connection, start) - 1
    while True:
        page = connection.execute(_words.where(TurnRecord.interaction_id > last).limit(PAGE)).all()
        for row in page:
            if row.at >= start and row.kind in IN_WORDS and row.has_words:
                yield row.at, row.intent, row.confidence
        if len(page) < PAGE:
            return
        last = page[-1].interaction_id


_words = (
    select(
        TurnRecord.interaction_id,
        TurnRecord.at,
        TurnRecord.intent,
        TurnRecord.confidence,
        Interaction.kind,
        (func.length(Interaction.text) > 0).label("has_words"),
    )
    .join(Interaction, Interaction.id == TurnRecord.interaction_id)
    .order_by(TurnRecord.interaction_id)
)


def _first_since(connection: Connection, start: datetime) -> int:
    """An Interaction before which no Turn was as late: Turns are kept in about the order of time, and a Turn a day
    late does not matter."""
    late = start - timedelta(days=1)
    low, high = 0, connection.scalar(select(func.max(TurnRecord.interaction_id))) or 0
    while low < high:
        middle = (low + high) // 2
        at = connection.scalar(
            select(TurnRecord.at).where(TurnRecord.interaction_id > middle).order_by(TurnRecord.interaction_id).limit(1)
        )
        if at is None or at >= late:
            high = middle
        else:
            low = middle + 1
    return low
