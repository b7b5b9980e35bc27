"""Threads: which Conversation a mail goes on with, and what an answer to it repeats.

Everything is looked up within one Contact: who quotes the identity of somebody else's mail finds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import aliased

from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction

MOST_REFERENCES = 20
"""Message ids that an answer names: the thread's first, and its latest."""
MOST_QUOTED = 4000
"""Characters of the customer's message that an answer repeats."""
AT_ONCE = 5000
"""Values in one statement; databases allow some thirty thousand."""


class Thread(NamedTuple):
    """Where a message belongs."""

    name: str
    """`Conversation.thread`."""
    conversation: int
    """The one that was found, open or closed."""


Reference = tuple[int, str]
"""(contact, message id)"""

_theirs = (
    select(Interaction.contact_id, Interaction.message_id.label("reference"), Conversation.thread, Conversation.id)
    .join(Conversation, Conversation.id == Interaction.conversation_id)
    .where(
        Interaction.contact_id.in_(bindparam("contacts", expanding=True)),
        Interaction.message_id.in_(bindparam("ids", expanding=True)),
        Interaction.channel == bindparam("of_channel"),
    )
    .order_by(Interaction.id)
)
_ours = (
    select(Delivery.contact_id, Delivery.external_id.label("reference"), Conversation.thread, Conversation.id)
    .join(Conversation, Conversation.id == Delivery.conversation_id)
    .where(
        Delivery.channel == bindparam("of_channel"),
        Delivery.external_id.in_(bindparam("ids", expanding=True)),
        Delivery.contact_id.in_(bindparam("contacts", expanding=True)),
    )
    .order_by(Delivery.id)
)


def by_reference(connection: Connection, channel: str, wanted: Collection[Reference]) -> dict[Reference, Thread]:
    """The threads in which a Contact's own messages, or ours to them, have these ids."""
    found: dict[Reference, Thread] = {}
    for piece in _pieces(sorted(wanted)):
        asked = {
            "of_channel": channel,
            "contacts": sorted({contact for contact, _ in piece}),
            "ids": sorted({reference for _, reference in piece}),
        }
        for query in (_theirs, _ours):
            for row in connection.execute(query, asked):
                found[row.contact_id, row.reference] = Thread(row.thread, row.id)
    return found


def _pieces(wanted: Sequence[Reference]) -> Iterable[Sequence[Reference]]:
    return (wanted[first : first + AT_ONCE] for first in range(0, len(wanted), AT_ONCE))


_recent = (
    select(Conversation.contact_id, Conversation.thread, Conversation.id)
    .where(
        Conversation.contact_id.in_(bindparam("contacts", expanding=True)),
        Conversation.channel == bindparam("of_channel"),
        Conversation.state != ConversationState.SPAM,
        Conversation.last_at >= bindparam("since"),
    )
    .order_by(Conversation.state == ConversationState.OPEN, Conversation.last_at, Conversation.id)
)


def newest(connection: Connection, channel: str, contacts: Collection[int], since: datetime) -> dict[int, Thread]:
    """The Contacts' newest open Conversation on a channel, else the newest that was closed, of those since `since`."""
    if not contacts:
        return {}
    rows = connection.execute(_recent, {"of_channel": channel, "contacts": sorted(contacts), "since": since})
    return {row.contact_id: Thread(row.thread, row.id) for row in rows}


def latest(connection: Connection, contact: int, channel: str, thread: str) -> int | None:
    """The Contact's latest Conversation of a thread, open or closed."""
    return connection.scalar(
        select(Conversation.id)
        .where(Conversation.contact_id == contact, Conversation.channel == channel, Conversation.thread == thread)
        .order_by(Conversation.id.desc())
        .limit(1)
    )


_same = aliased(Conversation)
_lines = (
    select(
        Conversation.id.label("conversation"),
        Interaction.id,
        Interaction.direction,
        Interaction.message_id,
        Interaction.reply_to,
        Interaction.content["subject"].as_string().label("subject"),
        Delivery.external_id,
    )
    .join(
        _same,
        (_same.contact_id == Conversation.contact_id)
        & (_same.channel == Conversation.channel)
        & (_same.thread == Conversation.thread),
    )
    .join(
        Interaction,
        (Interaction.contact_id == Conversation.contact_id) & (Interaction.conversation_id == _same.id),
    )
    .outerjoin(Delivery, Delivery.interaction_id == Interaction.id)
    .where(
        Conversation.id.in_(bindparam("conversations", expanding=True)),
        Interaction.direction.in_([Direction.IN, Direction.OUT]),
    )
    .order_by(Interaction.id)
)
_questions = (
    select(Interaction.id, Interaction.text, Interaction.content, Interaction.at, Address.uri, Contact.name)
    .join(Address, Address.id == Interaction.address_id)
    .join(Contact, Contact.id == Interaction.contact_id)
    .where(Interaction.id.in_(bindparam("interactions", expanding=True)))
)


def answering(connection: Connection, through: Mapping[int, int | None]) -> dict[int, dict[str, Any]]:
    """What a message in each of these Conversations repeats of its thread, as a Delivery keeps it.

    `through`: by Conversation, the newest Interaction that its writer has seen; None: all of them.
    Conversations that are no mail are left out.
    """
    lines: dict[int, list[_Line]] = {}
    for row in connection.execute(_lines, {"conversations": sorted(through)}):
        thread = lines.setdefault(row.conversation, [])
        identity = row.message_id or row.external_id
        thread.append(_Line(row.id, row.direction, identity, row.reply_to, answered_subject(row.subject or "")))
    asked: dict[int, int] = {}
    for conversation, thread in lines.items():
        seen = through[conversation]
        theirs = [line.id for line in thread if line.direction is Direction.IN and (seen is None or line.id <= seen)]
        if theirs:
            asked[conversation] = theirs[-1]
    questions = {row.id: row for row in connection.execute(_questions, {"interactions": sorted(asked.values())}).all()}
    return {
        conversation: _repeated(questions[question], lines[conversation])
        for conversation, question in asked.items()
        if "subject" in questions[question].content
    }


class _Line(NamedTuple):
    """A message of a thread."""

    id: int
    direction: Direction
    identity: str | None
    reply_to: str | None
    subject: str
    """Of an answer to it; empty for ours."""


def _repeated(question: Any, thread: Sequence[_Line]) -> dict[str, Any]:
    upto = [line for line in thread if line.id <= question.id]
    repeated: dict[str, Any] = {
        "subject": answered_subject(question.content["subject"]),
        "reply_to": upto[-1].identity,
        "references": _shortened(_ancestors(upto)),
        "quoted": {
            "author": question.name or question.uri.partition(":")[2],
            "at": question.at.isoformat(),
            "text": question.text[:MOST_QUOTED],
        },
    }
    return {key: value for key, value in repeated.items() if value}


def _ancestors(lines: Sequence[_Line]) -> list[str]:
    """Ids of the messages that the last one goes on from, and its own (RFC 5322, 3.6.4).

    A mail that answers nothing and has another subject begins a thread in its writer's mail program, although for us it
    goes on with the same Conversation: what was written before is none of its ancestors.
    """
    begun: dict[str, list[str]] = {}
    by_subject: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line.direction is Direction.IN:
            known = begun.get(line.reply_to or "")
            current = known if known is not None else by_subject.get(line.subject.casefold(), [])
            by_subject[line.subject.casefold()] = current
        if line.identity is not None:
            current.append(line.identity)
            begun[line.identity] = current
    return list(dict.fromkeys(current))


def _shortened(references: list[str]) -> list[str]:
    """RFC 5322 sets no limit, mail servers do; the first is what threads are found by."""
    if len(references) <= MOST_REFERENCES:
        return references
    return [references[0], *references[1 - MOST_REFERENCES :]]


ANSWERED = (
    "re:",
    "re：",
    "aw:",
    "sv:",
    "antw:",
    "回复:",
    "回复：",
    "答复:",
    "答复：",
    "回覆:",
    "回覆：",
    "答覆:",
    "答覆：",
)
"""How mail programs begin the subject of an answer."""


def answered_subject(subject: str) -> str:
    """The subject of an answer to a mail with this one."""
    subject = subject.strip()
    return subject if not subject or subject.casefold().startswith(ANSWERED) else f"Re: {subject}"
