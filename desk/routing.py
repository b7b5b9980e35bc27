"""Routing: what waits for a person is given to somebody who is here and fits, and does not wait there for ever.

Both verbs run by the clock, in any process, one at a time in the whole house. What they do stands in the thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, insert, or_, select, update

from bot.playbook import Playbook
from bot.routing import RoutingRules
from campaigns.policy import Refusal
from desk import teams
from desk.alerts import raise_alert
from desk.choice import Choice, Need, Takes, pick, team_for
from desk.locked import change, lock, tell
from desk.rights import Right
from desk.topics import topics_of
from desk.withdrawal import withdraw
from storage import lanes
from storage.alerts import AlertKind
from storage.cases import Case
from storage.commits import Transaction
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, TurnRecord
from storage.outbox import ACTIVE
from storage.presence import Presence, State
from storage.routing import Routing
from storage.staff import Staff
from storage.touched import touch

AT_ONCE = 5
"""Conversations a run, so that it is short; it runs every second."""
LOOKED_AT = 200
"""Of those that wait, how many are looked at in one run."""
LAST_WORDS = timedelta(seconds=30)
"""How long the assistant's last words ("a colleague will be with you") may take to leave before somebody is given the
Conversation, and nothing of the assistant's leaves any more."""
TURNS = 10
"""How far back it is looked for what a Conversation is about."""
HIGHEST = 1
DISTRIBUTING = 0x726F757465
"""The number of PostgreSQL's lock that lets one process distribute at a time."""


def distribute(transaction: Transaction, playbook: Playbook) -> int:
    """Give what waits to who is available; returns how many found somebody. While the business is closed, nothing."""
    if not alone(transaction):
        return 0
    rules = playbook.policy.routing
    new = transaction.connection.execute(_new.limit(AT_ONCE)).all()
    found = _find(transaction, rules) if rules.automatic and playbook.hours.open_at(transaction.now) else []
    lanes.lock(transaction.connection, [row.contact_id for row in (*new, *(row for row, _ in found))])
    takes = teams.takes(transaction) if new else []
    for row in new:
        _sort_in(transaction, playbook, row, takes)
    return sum(_give(transaction, playbook, row, choice) for row, choice in found)


def look_for_late(transaction: Transaction, playbook: Playbook) -> int:
    """What nobody took or answered in time goes back, higher up in the queue; returns how many did."""
    if not playbook.hours.open_at(transaction.now) or not alone(transaction):
        return 0
    due = transaction.connection.execute(
        select(Routing.conversation_id, Conversation.contact_id)
        .join(Conversation, Conversation.id == Routing.conversation_id)
        .where(Routing.look_at <= transaction.now)
        .order_by(Routing.look_at, Routing.conversation_id)
        .limit(2 * AT_ONCE)
    ).all()
    lanes.lock(transaction.connection, [row.contact_id for row in due])
    return sum(_look(transaction, playbook, row.conversation_id) for row in due)


def alone(transaction: Transaction) -> bool:
    """Nobody else distributes now: SQLite has one writer, PostgreSQL a lock that ends with the transaction."""
    if transaction.connection.dialect.name == "sqlite":
        return True
    return bool(transaction.connection.scalar(select(func.pg_try_advisory_xact_lock(DISTRIBUTING))))


_waiting = (
    select(
        Conversation.id,
        Conversation.contact_id,
        Conversation.epoch,
        Conversation.channel,
        Conversation.team_id,
        Conversation.handed_off_at,
        Conversation.handoff_reason,
        Contact.language,
        Contact.tier,
        Address.uri,
        Routing.conversation_id.label("routing"),
        Routing.topics,
        Routing.before_id,
        Routing.tried,
        Routing.widened,
    )
    .join(Contact, Contact.id == Conversation.contact_id)
    .join(Address, Address.id == Conversation.address_id)
    .outerjoin(Routing, Routing.conversation_id == Conversation.id)
    .where(Conversation.state == ConversationState.OPEN, Conversation.owner == Owner.QUEUE)
)
_of_another_hand_off = or_(
    Routing.conversation_id.is_(None), Routing.handed_off_at.is_distinct_from(Conversation.handed_off_at)
)
_new = _waiting.where(_of_another_hand_off).order_by(Conversation.handed_off_at, Conversation.id)
_sorted_in = _waiting.where(~_of_another_hand_off).order_by(
    Conversation.priority, Conversation.handed_off_at, Conversation.id
)


def _sort_in(transaction: Transaction, playbook: Playbook, row: Row[*tuple[Any, ...]], takes: Sequence[Takes]) -> None:
    """What a Conversation that was just handed over is about, and whose it is."""
    connection = transaction.connection
    topics = _topics(transaction, row)
    wanted = replace(need(row, playbook.policy.routing), topics=frozenset(topics))
    team = team_for(wanted, takes)
    sure = (Conversation.owner == Owner.QUEUE) & (Conversation.epoch == row.epoch)
    if not connection.execute(
        update(Conversation).where(Conversation.id == row.id, sure).values(team_id=team)
    ).rowcount:
        return  # somebody was quicker
    since = row.handed_off_at or transaction.now
    facts = {
        "handed_off_at": row.handed_off_at,
        "topics": [topic.value for topic in topics],
        "before_id": _before(transaction, row.contact_id),
        "tried": [],
        "widened": False,
        "attempts": 0,
        "since": since,
        "look_at": playbook.hours.add_working_time(since, playbook.policy.routing.to_take(mail=is_mail(row))),
    }
    if row.routing is not None:
        connection.execute(update(Routing).where(Routing.conversation_id == row.id).values(facts))
    else:
        connection.execute(insert(Routing), {"conversation_id": row.id, **facts})
    touch(connection, [row.id, "board"])


def _topics(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> Sequence[Any]:
    connection = transaction.connection
    intents = connection.scalars(
        select(TurnRecord.intent)
        .where(TurnRecord.conversation_id == row.id)
        .order_by(TurnRecord.interaction_id.desc())
        .limit(TURNS)
    )
    cases = connection.scalars(
        select(Case.kind).where(Case.contact_id == row.contact_id, Case.conversation_id == row.id)
    )
    return topics_of(intents=[word for word in intents if word], cases=cases.all(), reason=row.handoff_reason)


def _before(transaction: Transaction, contact: int) -> int | None:
    """Who wrote with this customer last, if they still work here."""
    author = transaction.connection.scalar(
        select(Interaction.author)
        .where(Interaction.contact_id == contact, Interaction.author.startswith("agent:"))
        .order_by(Interaction.id.desc())
        .limit(1)
    )
    if author is None:
        return None
    name = author.removeprefix("agent:")
    return transaction.connection.scalar(select(Staff.id).where(Staff.name == name, Staff.left_at.is_(None)))


def _find(transaction: Transaction, rules: RoutingRules) -> list[tuple[Row[*tuple[Any, ...]], Choice]]:
    """For each that waits, in its order, who gets it; whoever is given one has more to do for the next."""
    speaking = (
        select(Delivery.id)
        .where(Delivery.conversation_id == Conversation.id, Delivery.status.in_(ACTIVE), Delivery.epoch.is_not(None))
        .exists()
    )
    quiet = or_(Conversation.handed_off_at <= transaction.now - LAST_WORDS, ~speaking)
    waiting = transaction.connection.execute(_sorted_in.where(quiet).limit(LOOKED_AT)).all()
    people = {person.staff: person for person in teams.who_can_take(transaction, rules)} if waiting else {}
    found: list[tuple[Row[*tuple[Any, ...]], Choice]] = []
    for row in waiting:
        free = [person for person in people.values() if person.load < person.capacity]
        if not free or len(found) == AT_ONCE:
            break
        wanted = need(row, rules)
        choice = pick(wanted, free)
        if choice is not None:
            found.append((row, choice))
            people[choice.staff] = teams.with_more(people[choice.staff], wanted.weight, transaction.now)
    return found


def need(row: Row[*tuple[Any, ...]], rules: RoutingRules) -> Need:
    """What a Conversation in the queue wants of whoever gets it."""
    return Need(
        language=row.language,
        channel=row.channel,
        tier=row.tier,
        topics=frozenset(row.topics or ()),
        weight=rules.weight(mail=is_mail(row)),
        team=row.team_id,
        before=row.before_id,
        tried=frozenset(row.tried or ()),
        widened=bool(row.widened),
    )


def _give(transaction: Transaction, playbook: Playbook, found: Row[*tuple[Any, ...]], choice: Choice) -> bool:
    """Theirs, unless somebody was quicker."""
    row = lock(transaction, found.id)
    if row.state is not ConversationState.OPEN or row.owner is not Owner.QUEUE or row.epoch != found.epoch:
        return False
    connection, now = transaction.connection, transaction.now
    name = connection.execute(select(Staff.name).where(Staff.id == choice.staff)).scalar_one()
    change(transaction, row, {"owner": Owner.AGENT, "agent": name, "epoch": row.epoch + 1})
    limit = playbook.policy.routing.to_answer(mail=is_mail(row), gone=False)
    connection.execute(
        update(Routing)
        .where(Routing.conversation_id == row.id)
        .values(since=now, look_at=playbook.hours.add_working_time(now, limit))
    )
    connection.execute(update(Presence).where(Presence.staff_id == choice.staff).values(given_at=now))
    own_words = (Delivery.conversation_id == row.id) & Delivery.epoch.is_not(None)
    withdraw(transaction, own_words, Refusal.TAKEN_OVER)
    facts = {"to": name, "why": choice.why.value, "lacks": ",".join(choice.lacks)}
    tell(transaction, row, f"given to {name}: {choice.why}", event="given", **facts)
    raise_alert(transaction, kind=AlertKind.ASSIGNED, subject=f"conversation:{row.id}", staff=choice.staff)
    touch(connection, ["board"])
    transaction.count("routed", choice.why)
    return True


def _look(transaction: Transaction, playbook: Playbook, conversation: int) -> bool:
    """Look at one whose time may have come."""
    row, connection = lock(transaction, conversation), transaction.connection
    routing = connection.execute(
        select(*Routing.__table__.columns).where(Routing.conversation_id == conversation)
    ).one()
    if routing.look_at is None or routing.look_at > transaction.now:
        return False
    if row.state is not ConversationState.OPEN or row.owner is Owner.BOT:
        _look_again(transaction, conversation, None)
        return False
    if row.owner is Owner.QUEUE:
        return _look_at_queued(transaction, playbook, row, routing)
    return _look_at_taken(transaction, playbook, row, routing)


def _look_at_queued(
    transaction: Transaction, playbook: Playbook, row: Row[*tuple[Any, ...]], routing: Row[*tuple[Any, ...]]
) -> bool:
    if routing.handed_off_at != row.handed_off_at:
        _look_again(transaction, row.id, None)  # of another hand-off: it will be sorted in anew
        return False
    limit = playbook.policy.routing.to_take(mail=is_mail(row))
    due = playbook.hours.add_working_time(routing.since or transaction.now, limit)
    if due > transaction.now:
        _look_again(transaction, row.id, due)
        return False
    priority = max(row.priority - 1, HIGHEST)
    change(transaction, row, {"priority": priority})
    higher = priority > HIGHEST
    again = playbook.hours.add_working_time(transaction.now, limit) if higher else None
    _wait_anew(transaction, routing, look_at=again, widened=True)
    minutes = str(int(limit.total_seconds() // 60))
    tell(transaction, row, f"nobody took it within {minutes} min", event="raised", minutes=minutes)
    _alert(transaction, row.id, None, "untaken")
    return True


def _look_at_taken(
    transaction: Transaction, playbook: Playbook, row: Row[*tuple[Any, ...]], routing: Row[*tuple[Any, ...]]
) -> bool:
    connection, now, rules = transaction.connection, transaction.now, playbook.policy.routing
    holder = connection.execute(
        select(Staff.id, Presence.known)
        .outerjoin(Presence, Presence.staff_id == Staff.id)
        .where(Staff.name == row.agent)
    ).one_or_none()
    if holder is None:
        _look_again(transaction, row.id, None)  # they work without an account: nobody knows whether they are here
        return False
    gone = holder.known is not None and holder.known is State.OFFLINE
    limit = rules.to_answer(mail=is_mail(row), gone=gone)
    since = waits_since(transaction, row, routing.since or now)
    # Nothing to answer: if the customer writes the next moment, it is late no sooner than this.
    due = playbook.hours.add_working_time(since or now, limit)
    if since is None or due > now:
        _look_again(transaction, row.id, due)
        return False
    minutes = str(int(limit.total_seconds() // 60))
    changes = {"owner": Owner.QUEUE, "agent": None, "epoch": row.epoch + 1, "priority": max(row.priority - 1, HIGHEST)}
    change(transaction, row, changes)
    again = playbook.hours.add_working_time(now, rules.to_take(mail=is_mail(row)))
    _wait_anew(transaction, routing, look_at=again, widened=False, tried=[*routing.tried, holder.id])
    why = "gone" if gone else "unanswered"
    sentence = f"{row.agent} did not answer within {minutes} min, and it went back to the queue"
    tell(transaction, row, sentence, event="returned", source=row.agent, why=why, minutes=minutes)
    _alert(transaction, row.id, row.agent, why)
    return True


def waits_since(transaction: Transaction, row: Row[*tuple[Any, ...]], given_at: datetime) -> datetime | None:
    """Since when the customer waits for whoever has it now; None: they do not."""
    of_conversation = (Interaction.contact_id == row.contact_id) & (Interaction.conversation_id == row.id)
    answered = transaction.connection.scalar(
        select(func.max(Interaction.id)).where(
            of_conversation,
            Interaction.direction == Direction.OUT,
            Interaction.author.startswith("agent:"),
            Interaction.stored_at >= (row.handed_off_at or row.opened_at),
        )
    )
    if answered is None:
        return given_at
    asked = transaction.connection.scalar(
        select(func.min(Interaction.stored_at)).where(
            of_conversation, Interaction.direction == Direction.IN, Interaction.id > answered
        )
    )
    return None if asked is None else max(asked, given_at)


def _look_again(transaction: Transaction, conversation: int, at: datetime | None) -> None:
    transaction.connection.execute(update(Routing).where(Routing.conversation_id == conversation).values(look_at=at))


def _wait_anew(transaction: Transaction, routing: Row[*tuple[Any, ...]], **facts: Any) -> None:
    transaction.connection.execute(
        update(Routing)
        .where(Routing.conversation_id == routing.conversation_id)
        .values(since=transaction.now, attempts=routing.attempts + 1, **facts)
    )
    touch(transaction.connection, ["board"])


def _alert(transaction: Transaction, conversation: int, holder: str | None, why: str) -> None:
    raise_alert(
        transaction,
        kind=AlertKind.RETURNED,
        subject=f"conversation:{conversation}",
        staff=holder,
        right=Right.DIRECT,
        facts={"why": why},
    )
    transaction.count("returned", why)


def is_mail(row: Row[*tuple[Any, ...]]) -> bool:
    return str(row.uri).startswith("mailto:")
