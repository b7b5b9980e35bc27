"""Linking: two Contacts found to be one person, with evidence, and taken apart again without loss."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, select, update
from sqlalchemy.orm import aliased

from storage import lanes
from storage.cases import Case
from storage.consents import Consent
from storage.contacts import Address, Contact, Link
from storage.conversations import Conversation, ConversationState
from storage.deliveries import Delivery
from storage.follow_ups import FollowUp, FollowUpState
from storage.interactions import Interaction
from storage.orders import Order
from storage.touched import EVERYTHING, touch

Belonging = Address | Conversation | Interaction | Delivery | Case | FollowUp | Consent | Order
MOVED: tuple[type[Belonging], ...] = (Address, Conversation, Interaction, Delivery, Case, FollowUp, Consent, Order)
"""Everything that belongs to a Contact moves with it, and is listed in the Link, row by row."""


class CannotLink(Exception):
    """These Contacts cannot be linked, or this Link cannot be undone."""


class LaneBusy(CannotLink):
    """One of the two is being answered right now; try again in a moment."""


def link(connection: Connection, *, stays: int, merged: int, evidence: str, by: str, now: datetime) -> int:
    """Move everything of `merged` to `stays`; returns the Link's id. Takes both lanes in the order of their ids.

    Raises CannotLink; LaneBusy while one of the two is being answered.
    """
    if stays == merged:
        raise CannotLink("a contact cannot be linked with itself")
    locked = lanes.lock(connection, [stays, merged])
    if len(locked) != 2:
        raise CannotLink("one of the contacts does not exist")
    if any(lane.newest > lane.handled or lane.holder is not None for lane in locked.values()):
        raise LaneBusy("one of the contacts is being answered right now; try again in a moment")
    gone = connection.execute(select(Contact.merged_into).where(Contact.id == merged)).scalar()
    if gone is not None:
        raise CannotLink("this contact was linked before")
    moved: dict[str, list[int]] = _close_rivals(connection, stays, merged, now)
    for entity in MOVED:
        rows = list(connection.scalars(select(entity.id).where(entity.contact_id == merged)))
        if rows:
            moved[entity.__tablename__] = rows
            connection.execute(update(entity).where(entity.contact_id == merged).values(contact_id=stays))
    connection.execute(update(Contact).where(Contact.id == merged).values(merged_into=stays))
    _join_lanes(connection, locked, stays, merged)
    row: dict[str, Any] = {
        "contact_id": stays,
        "merged_id": merged,
        "evidence": evidence,
        "made_by": by,
        "made_at": now,
        "moved": moved,
    }
    touch(connection, (EVERYTHING,))
    return connection.execute(insert(Link).returning(Link.id), row).scalar_one()


def unlink(connection: Connection, link_id: int, *, by: str, now: datetime) -> None:
    """Give every row that the Link moved back, as it was. What came after it stays, except on addresses that go back.

    Raises CannotLink; LaneBusy while somebody is being answered.
    """
    row = connection.execute(
        select(Link.contact_id, Link.merged_id, Link.moved, Link.undone_at).where(Link.id == link_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise CannotLink("there is no such link")
    if row.undone_at is not None:
        raise CannotLink("this link was undone before")
    locked = lanes.lock(connection, [row.contact_id, row.merged_id])
    if any(lane.newest > lane.handled or lane.holder is not None for lane in locked.values()):
        raise LaneBusy("the contact is being answered right now; try again in a moment")
    by_name = {entity.__tablename__: entity for entity in MOVED}
    for table, rows in row.moved.items():
        entity = by_name.get(table)
        if entity is None:
            continue
        connection.execute(
            update(entity)
            .where(entity.id.in_(rows), entity.contact_id == row.contact_id)
            .values(contact_id=row.merged_id)
        )
    # What was written since on an address that goes back belongs to it.
    back = row.moved.get("addresses", [])
    for entity in (Conversation, Interaction, Delivery, Consent):
        connection.execute(
            update(entity)
            .where(entity.address_id.in_(back), entity.contact_id == row.contact_id)
            .values(contact_id=row.merged_id)
        )
    # So does what was begun in a Conversation that goes back.
    gone_back = select(Conversation.id).where(Conversation.contact_id == row.merged_id)
    for entity in (Case, FollowUp):
        connection.execute(
            update(entity)
            .where(entity.conversation_id.in_(gone_back), entity.contact_id == row.contact_id)
            .values(contact_id=row.merged_id)
        )
    _open_rivals(connection, row.merged_id, row.moved)
    touch(connection, (EVERYTHING,))
    # What was answered while both were one must not be answered again when one of the two writes next.
    _join_lanes(connection, locked, row.contact_id, row.merged_id)
    connection.execute(update(Contact).where(Contact.id == row.merged_id).values(merged_into=None))
    connection.execute(update(Link).where(Link.id == link_id).values(undone_at=now, undone_by=by))


def current(connection: Connection, contact: int) -> int:
    """The Contact that this one is part of now."""
    while (into := connection.execute(select(Contact.merged_into).where(Contact.id == contact)).scalar()) is not None:
        contact = into
    return contact


CLOSED, CANCELLED = "conversations closed", "follow-ups cancelled"
"""In a Link's books beside the tables: rows that gave way, to be restored when it is undone."""


def _close_rivals(connection: Connection, stays: int, merged: int, now: datetime) -> dict[str, list[int]]:
    """One open Conversation a channel and thread, one planned Follow-up a key: the merged Contact's give way."""
    rival = aliased(Conversation)
    closed = connection.scalars(
        update(Conversation)
        .where(
            Conversation.contact_id == merged,
            Conversation.state == ConversationState.OPEN,
            exists().where(
                rival.contact_id == stays,
                rival.channel == Conversation.channel,
                rival.thread == Conversation.thread,
                rival.state == ConversationState.OPEN,
            ),
        )
        .values(state=ConversationState.RESOLVED, closed_at=now)
        .returning(Conversation.id)
    ).all()
    planned_there = select(FollowUp.key).where(FollowUp.contact_id == stays, FollowUp.state == FollowUpState.PLANNED)
    cancelled = connection.scalars(
        update(FollowUp)
        .where(FollowUp.contact_id == merged, FollowUp.state == FollowUpState.PLANNED, FollowUp.key.in_(planned_there))
        .values(state=FollowUpState.CANCELLED, done_at=now, outcome="its contact was linked with another")
        .returning(FollowUp.id)
    ).all()
    gave_way = {CLOSED: sorted(closed), CANCELLED: sorted(cancelled)}
    return {name: rows for name, rows in gave_way.items() if rows}


def _open_rivals(connection: Connection, merged: int, moved: dict[str, list[int]]) -> None:
    """What gave way comes back, unless something newer has its place."""
    taken = aliased(Conversation)
    connection.execute(
        update(Conversation)
        .where(
            Conversation.id.in_(moved.get(CLOSED, [])),
            Conversation.contact_id == merged,
            ~exists().where(
                taken.contact_id == merged,
                taken.channel == Conversation.channel,
                taken.thread == Conversation.thread,
                taken.state == ConversationState.OPEN,
            ),
        )
        .values(state=ConversationState.OPEN, closed_at=None)
    )
    planned = aliased(FollowUp)
    connection.execute(
        update(FollowUp)
        .where(
            FollowUp.id.in_(moved.get(CANCELLED, [])),
            FollowUp.contact_id == merged,
            ~exists().where(
                planned.contact_id == merged, planned.key == FollowUp.key, planned.state == FollowUpState.PLANNED
            ),
        )
        .values(state=FollowUpState.PLANNED, done_at=None, outcome=None)
    )


def _join_lanes(connection: Connection, locked: dict[int, Any], stays: int, merged: int) -> None:
    """Both rest, so the watermarks simply move up together; a claim made before this is worth nothing any more."""
    top = max(lane.newest for lane in locked.values())
    lanes.save(
        connection,
        [
            {
                "lane": contact,
                "new_fence": locked[contact].fence + 1,
                "new_holder": None,
                "new_lease": None,
                "new_newest": top,
                "new_handled": top,
            }
            for contact in sorted((stays, merged))
        ],
    )
