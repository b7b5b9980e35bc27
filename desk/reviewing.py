"""Reviewing: people look at what was not understood and say what was meant. The terminal and the console use these.

Each verb is one step of one transaction. What is taught is written by `gateway.teaching`, before its Review is closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from pydantic import TypeAdapter
from sqlalchemy import and_, func, insert, select, update

from desk import locked
from desk.agents import agent_name
from desk.refusals import Ended, NotFound, Unusable
from desk.sight import Kind, open_lines, sees
from desk.timeline import Line, lines
from storage.commits import Transaction
from storage.contacts import Contact
from storage.interactions import Direction, Interaction, InteractionKind, TurnRecord
from storage.lanes import Lane
from storage.reviews import Review, ReviewState, Why

AROUND = 4
"""Lines of the Conversation that are shown before a message, and after it."""
IN_WORDS = (InteractionKind.MESSAGE, InteractionKind.EDIT)
INTENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Contradicts(Unusable):
    """The same words are taught as something else."""


class NearlyContradicts(Unusable):
    """Nearly the same words are taught as something else; both may be right."""


class NothingToTeach(Unusable):
    """There are no words to learn from, or too many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """What the engine made of a message at the time."""

    language: str | None = None
    intents: tuple[tuple[str, float], ...] = ()
    """With confidences, best first; empty: it was refused."""
    guesses: tuple[tuple[str, float], ...] = ()
    """Where it was refused: what it would have been taken for."""
    entities: tuple[tuple[str, str], ...] = ()
    """Kind and value."""
    engine: str = "none"
    model: str = ""
    out_of_scope: bool = False
    failure: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ToReview:
    """A message with what was understood, and what people have said about it."""

    interaction: int
    conversation: int | None
    contact: int
    name: str | None
    """How we call the person: words that do not belong into training data."""
    channel: str
    at: datetime
    text: str
    why: Why
    state: ReviewState
    understood: Understood
    queued_at: datetime
    suggested: str | None = None
    """The intent that an agent says was meant."""
    suggested_by: str | None = None
    intent: str | None = None
    """As decided."""
    example: str | None = None
    place: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InContext:
    """A message with the lines of its Conversation around it."""

    review: ToReview
    lines: tuple[Line, ...]
    """Oldest first; the message itself is among them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """What waits for a review."""

    waiting: int
    """In all."""
    reviews: tuple[ToReview, ...]
    """The oldest of them first."""


def waiting(transaction: Transaction, *, limit: int = 50, after: int = 0) -> Waiting:
    """What waits, the oldest first.

    `after`: the Interaction that was looked at last.
    """
    connection = transaction.connection
    is_waiting = and_(Review.state == ReviewState.WAITING, *open_lines(transaction))
    rows = connection.execute(
        _reviews.where(is_waiting, Review.interaction_id > after).order_by(Review.interaction_id).limit(limit)
    ).all()
    counted = select(func.count()).select_from(Review).where(is_waiting)
    if transaction.sight.closed:
        counted = counted.join(Interaction, Interaction.id == Review.interaction_id)
    count = connection.scalar(counted) or 0
    return Waiting(waiting=count, reviews=tuple(_to_review(row) for row in rows))


def look(transaction: Transaction, *, interaction: int) -> InContext:
    """One of them, waiting or decided, in its Conversation. Raises NotFound."""
    row = transaction.connection.execute(_reviews.where(Review.interaction_id == interaction)).one_or_none()
    if row is None or not sees(transaction, Kind.LINE, interaction):
        raise NotFound(f"message {interaction} is not up for review; `rapport correct` puts it there")
    review = _to_review(row)
    of_thread = and_(
        Interaction.contact_id == review.contact,
        Interaction.conversation_id == review.conversation,
        Interaction.direction.in_([Direction.IN, Direction.OUT]),
    )
    after = transaction.connection.scalars(
        select(Interaction.id).where(of_thread, Interaction.id > interaction).order_by(Interaction.id).limit(AROUND)
    ).all()
    before = lines(transaction, and_(of_thread, Interaction.id <= interaction), AROUND + 1)
    behind = lines(transaction, and_(of_thread, Interaction.id.in_(after)), AROUND) if after else []
    return InContext(review=review, lines=(*before, *behind))


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A customer's message, with what was understood of it."""

    interaction: int
    conversation: int
    text: str
    understood: Understood
    review: ToReview | None
    """Where it is up for review, or was."""


def told(transaction: Transaction, *, interaction: int) -> Told:
    """A message that can be corrected. Raises NotFound where it is none."""
    row = transaction.connection.execute(
        select(
            Interaction.conversation_id, Interaction.direction, Interaction.kind, Interaction.text, Interaction.content
        ).where(Interaction.id == interaction)
    ).one_or_none()
    said = row is not None and row.direction is Direction.IN and row.kind in IN_WORDS
    hidden = not sees(transaction, Kind.LINE, interaction)
    if row is None or not said or row.conversation_id is None or hidden:
        raise NotFound(f"there is no message {interaction}")
    known = transaction.connection.execute(_reviews.where(Review.interaction_id == interaction)).one_or_none()
    then = _understood_then(transaction, row.conversation_id, interaction)
    return Told(
        interaction=interaction,
        conversation=row.conversation_id,
        text=row.content.get("matter", row.text),
        understood=_understandings.validate_python(then),
        review=None if known is None else _to_review(known),
    )


def correct(transaction: Transaction, *, interaction: int, intent: str, by: str) -> ToReview:
    """An agent says what a message meant; it waits for a review with that suggestion. Any message of a customer may be
    corrected, also one that nobody doubted.

    Raises NotFound; Unusable where it holds no words, or the intent is no name; Ended where it is taught already.
    """
    by, intent = agent_name(by), _intent(intent)
    connection = transaction.connection
    message = connection.execute(
        select(Interaction.conversation_id, Interaction.direction, Interaction.kind, Interaction.text).where(
            Interaction.id == interaction
        )
    ).one_or_none()
    if message is None or not sees(transaction, Kind.LINE, interaction):
        raise NotFound(f"there is no message {interaction}; `rapport show` lists them, line by line")
    if message.direction is not Direction.IN or message.kind not in IN_WORDS or not message.text.strip():
        raise Unusable(f"line {interaction} is not a customer's message in words")
    if message.conversation_id is None:
        raise Unusable(f"message {interaction} belongs to no conversation")
    # The Lane is held: a Turn that is just being applied comes wholly before this, or wholly after it.
    row = locked.lock(transaction, message.conversation_id)
    handled = connection.scalar(select(Lane.handled).where(Lane.contact_id == row.contact_id)) or 0
    if handled < interaction:
        raise Unusable(f"message {interaction} is just being answered; try again in a moment")
    _suggest(transaction, message.conversation_id, interaction, intent, by)
    return look(transaction, interaction=interaction).review


def accept(transaction: Transaction, *, interaction: int, intent: str, example: str, place: str, by: str) -> ToReview:
    """It is taught: what was meant, the words as they are kept, and where. Raises NotFound, Unusable, Ended."""
    decided = {"state": ReviewState.ACCEPTED, "intent": _intent(intent), "example": example, "place": place}
    return _decide(transaction, interaction, by, decided, Review.state != ReviewState.ACCEPTED)


def discard(transaction: Transaction, *, interaction: int, by: str) -> ToReview:
    """Nothing is to be learnt from it. Raises NotFound, Unusable, Ended."""
    return _decide(transaction, interaction, by, {"state": ReviewState.DISCARDED}, Review.state == ReviewState.WAITING)


def _decide(transaction: Transaction, interaction: int, by: str, decided: Mapping[str, Any], still: Any) -> ToReview:
    changed = transaction.connection.execute(
        update(Review)
        .where(Review.interaction_id == interaction, still)
        .values(**decided, decided_by=agent_name(by), decided_at=transaction.now)
    )
    review = look(transaction, interaction=interaction).review
    if changed.rowcount == 0:
        raise Ended(decided_already(review))
    return review


def decided_already(review: ToReview) -> str:
    """A sentence about a review that is over."""
    if review.state is ReviewState.ACCEPTED:
        return (
            f"{review.decided_by} accepted message {review.interaction} as {review.intent}; it stands in {review.place}"
        )
    return f"{review.decided_by} discarded message {review.interaction}"


def _suggest(transaction: Transaction, conversation: int, interaction: int, intent: str, by: str) -> None:
    connection, said = transaction.connection, {"suggested": intent, "suggested_by": by}
    known = connection.execute(_reviews.where(Review.interaction_id == interaction)).one_or_none()
    if known is None:
        row = {
            "interaction_id": interaction,
            "why": Why.CORRECTED,
            "state": ReviewState.WAITING,
            "understood": _understood_then(transaction, conversation, interaction),
            "queued_at": transaction.now,
        }
        connection.execute(insert(Review), row | said)
        return
    if known.state is ReviewState.ACCEPTED:
        raise Ended(decided_already(_to_review(known)))
    again = {"state": ReviewState.WAITING, "decided_by": None, "decided_at": None}
    connection.execute(update(Review).where(Review.interaction_id == interaction).values(**again, **said))


def _understood_then(transaction: Transaction, conversation: int, interaction: int) -> dict[str, Any]:
    """From the Turn that answered the message: the first one kept at it or after it."""
    facts = transaction.connection.scalar(
        select(TurnRecord.facts)
        .where(TurnRecord.conversation_id == conversation, TurnRecord.interaction_id >= interaction)
        .order_by(TurnRecord.interaction_id)
        .limit(1)
    )
    messages = cast("list[dict[str, Any]]", orjson.loads(facts).get("messages", [])) if facts else []
    for message in messages:
        if message.get("interaction") == interaction:
            return _short(cast("dict[str, Any]", message.get("understanding", {})))
    return {}


def _short(understanding: Mapping[str, Any]) -> dict[str, Any]:
    """As `gateway.unclear` keeps an Understanding, from one that a Turn recorded."""
    kept = {key: understanding.get(key) for key in ("language", "engine", "model", "out_of_scope", "failure")}
    for name in ("intents", "guesses"):
        kept[name] = [[intent["name"], round(intent["confidence"], 4)] for intent in understanding.get(name) or ()]
    kept["entities"] = [[entity["kind"], entity["value"]] for entity in understanding.get("entities") or ()]
    return {key: value for key, value in kept.items() if value is not None}


def _intent(name: str) -> str:
    name = name.strip()
    if INTENT.fullmatch(name) is None:
        raise Unusable(f"{name!r} is no intent: lower-case letters, digits and _")
    return name


_reviews = (
    select(
        *Review.__table__.columns,
        Interaction.conversation_id,
        Interaction.contact_id,
        Interaction.channel,
        Interaction.at,
        Interaction.text,
        Interaction.content,
        Contact.name,
    )
    .join(Interaction, Interaction.id == Review.interaction_id)
    .outerjoin(Contact, Contact.id == Interaction.contact_id)
)

_understandings = TypeAdapter(Understood)


def _to_review(row: Any) -> ToReview:
    return ToReview(
        interaction=row.interaction_id,
        conversation=row.conversation_id,
        contact=row.contact_id,
        name=row.name,
        channel=row.channel,
        at=row.at,
        text=row.content.get("matter", row.text),  # a mail without salutation, closing and name
        why=Why(row.why),
        state=ReviewState(row.state),
        understood=_understandings.validate_python(row.understood),
        queued_at=row.queued_at,
        suggested=row.suggested,
        suggested_by=row.suggested_by,
        intent=row.intent,
        example=row.example,
        place=row.place,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )
