"""Telling: a round of events to an endpoint, from the claim of it to what it said.

Between the two the network is asked, outside of any transaction. Whoever dies in between is followed, after the lease,
by somebody who sends the same events again under the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, or_, select, update

from desk.alerts import raise_alert
from desk.events import Happened, happened, happened_once, heard_by
from desk.rights import Right
from storage import audit, event_triggers, events
from storage.alerts import AlertKind
from storage.commits import Transaction, server_time
from storage.contacts import Contact
from storage.events import Event
from storage.webhooks import EndpointState, WebhookAttempt, WebhookEndpoint, WebhookWish

GIVEN_UP_AFTER = timedelta(days=3)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
LONGEST_ASKED = timedelta(days=1)
"""How long an endpoint may ask us to wait."""
LEASE = timedelta(seconds=90)
"""Longer than a round takes."""
ROUND = 25
"""Events."""
ATTEMPTS_KEPT = 200
"""For each endpoint."""
EVENTS_KEPT = timedelta(days=7)
"""After everybody has heard of them, so that they can be sent again..."""
EVENTS_WAIT = timedelta(days=30)
"""...and so long for an endpoint that is paused or broken."""
PING = "webhook.ping"
GONE = 410
"""An endpoint that answers so wants to hear no more (Standard Webhooks)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToTell:
    """One request to an endpoint."""

    event: Happened | None
    """None: a test."""
    wish: int | None = None
    """Somebody wants it out of turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """What one endpoint is to be told now, and the right to say what became of it."""

    endpoint: int
    url: str
    secrets: tuple[bytes, ...]
    """Those that sign, the newest first."""
    scopes: frozenset[str]
    wishes: tuple[ToTell, ...]
    events: tuple[ToTell, ...]
    through: int
    """The position that it has reached, once all of them were taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one request."""

    told: ToTell
    seconds: float
    status: int | None = None
    failure: str | None = None
    answer: str = ""
    retry_after: timedelta | None = None


def begin(transaction: Transaction) -> None:
    """At a start: what writes events is there if it is wanted. On SQLite nobody else can be alive, and at work."""
    event_triggers.match(transaction.connection)
    if transaction.connection.dialect.name == "sqlite":
        transaction.connection.execute(update(WebhookEndpoint).values(holder=None, lease_until=None))


def anything_to_tell(transaction: Transaction) -> bool:
    """Cheap, and asked often: whether a round would find something. May say yes too often."""
    due = and_(
        WebhookEndpoint.state == EndpointState.ACTIVE,
        WebhookEndpoint.due_at <= transaction.now,
        or_(
            exists().where(Event.position.is_(None)),
            WebhookEndpoint.position < select(func.max(Event.position)).scalar_subquery(),
        ),
    )
    free = WebhookEndpoint.lease_until.is_(None) | (WebhookEndpoint.lease_until < server_time(transaction))
    wished = exists().where(WebhookWish.endpoint_id == WebhookEndpoint.id)
    return transaction.connection.scalar(select(WebhookEndpoint.id).where(free, due | wished).limit(1)) is not None


def anybody_listens(connection: Connection) -> bool:
    """Whether there is an endpoint at all."""
    return connection.scalar(select(WebhookEndpoint.id).limit(1)) is not None


def claim(transaction: Transaction, *, process: str, most: int = 8) -> list[Round]:
    """Rounds for endpoints that nobody else is at, which are this process's until it says what became of them."""
    connection, now = transaction.connection, server_time(transaction)
    events.place(connection)
    newest = events.newest(connection)
    wished = exists().where(WebhookWish.endpoint_id == WebhookEndpoint.id)
    due = and_(
        WebhookEndpoint.state == EndpointState.ACTIVE,
        WebhookEndpoint.due_at <= transaction.now,
        WebhookEndpoint.position < newest,
    )
    free = WebhookEndpoint.lease_until.is_(None) | (WebhookEndpoint.lease_until < now)
    rows = connection.execute(
        select(*WebhookEndpoint.__table__.columns)
        .where(free, due | wished)
        .order_by(WebhookEndpoint.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    rounds = [found for row in rows if (found := _round(transaction, row, newest)) is not None]
    connection.execute(
        update(WebhookEndpoint)
        .where(WebhookEndpoint.id.in_([found.endpoint for found in rounds]))
        .values(holder=process, lease_until=now + LEASE)
    )
    return rounds


def record(transaction: Transaction, *, process: str, told: Round, outcomes: Sequence[Outcome], whole: bool) -> None:
    """What became of a round. `whole`: all of it was told, and taken."""
    connection = transaction.connection
    _keep(transaction, told.endpoint, outcomes)
    done = [outcome.told.wish for outcome in outcomes if outcome.told.wish is not None]
    connection.execute(delete(WebhookWish).where(WebhookWish.id.in_(done)))
    row = connection.execute(
        select(*WebhookEndpoint.__table__.columns)
        .where(WebhookEndpoint.id == told.endpoint, WebhookEndpoint.holder == process)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return  # it was removed, or our lease was over and somebody else is at it
    in_turn = [outcome for outcome in outcomes if outcome.told.wish is None]
    taken = [outcome.told.event.position for outcome in in_turn if outcome.failure is None and outcome.told.event]
    position = max([row.position, *taken, *([told.through] if whole else [])])
    changes: dict[str, Any] = {"holder": None, "lease_until": None, "position": position}
    failed = next((outcome for outcome in in_turn if outcome.failure is not None), None)
    if failed is not None:
        changes |= _failing(transaction, row, failed, anew=bool(taken))
    elif in_turn:
        changes |= {"failures": 0, "failing_since": None, "due_at": transaction.now}
    connection.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == row.id).values(**changes))


def forget_told(transaction: Transaction) -> None:
    """By the clock: events of which everybody has heard, after a while; what nobody came for, after a longer one. What
    endpoints said to them goes along: without its event nobody could tell any more whom an answer is about."""
    connection, now = transaction.connection, transaction.now
    heard = select(func.min(WebhookEndpoint.position)).scalar_subquery()
    done_with = or_(Event.position <= heard, ~exists(select(WebhookEndpoint.id)), Event.at < now - EVENTS_WAIT)
    some = select(Event.id).where(Event.at < now - EVENTS_KEPT, done_with).order_by(Event.at).limit(1000)
    gone = list(connection.scalars(some))
    connection.execute(delete(WebhookAttempt).where(WebhookAttempt.event_id.in_(gone)))
    connection.execute(
        delete(WebhookAttempt).where(WebhookAttempt.event_id.is_(None), WebhookAttempt.at < now - EVENTS_KEPT)
    )
    connection.execute(delete(Event).where(Event.id.in_(gone)))


def _round(transaction: Transaction, row: Row[*tuple[Any, ...]], newest: int) -> Round | None:
    connection, heard = transaction.connection, heard_by(transaction, row.scopes)
    wishes = connection.execute(
        select(WebhookWish.id, WebhookWish.event_id).where(WebhookWish.endpoint_id == row.id).order_by(WebhookWish.id)
    ).all()
    due = row.state is EndpointState.ACTIVE and row.due_at <= transaction.now
    found = happened(heard, after=row.position, kinds=row.kinds, limit=ROUND) if due else []
    if not found and not wishes:
        # Nothing of all this is for this endpoint: what comes next is looked for behind it.
        connection.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == row.id).values(position=newest))
        return None
    again = [(wish, None if wish.event_id is None else happened_once(heard, wish.event_id)) for wish in wishes]
    lost = [wish.id for wish, event in again if wish.event_id is not None and event is None]
    connection.execute(delete(WebhookWish).where(WebhookWish.id.in_(lost)))
    old = row.old_until is not None and row.old_until > transaction.now
    secrets: list[bytes | None] = [row.secret, row.old_secret if old else None]
    through = max(found[-1].position, newest) if found and len(found) < ROUND else row.position
    return Round(
        endpoint=row.id,
        url=row.url,
        secrets=tuple(secret for secret in secrets if secret is not None),
        scopes=frozenset(row.scopes),
        wishes=tuple(ToTell(event=event, wish=wish.id) for wish, event in again if wish.id not in lost),
        events=tuple(ToTell(event=event) for event in found),
        through=through,
    )


def _failing(transaction: Transaction, row: Row[*tuple[Any, ...]], failed: Outcome, *, anew: bool) -> dict[str, Any]:
    """`anew`: it took something before it failed."""
    now = transaction.now
    since = now if anew or row.failing_since is None else row.failing_since
    failures = 1 if anew else row.failures + 1
    wait = min(failed.retry_after or wait_of(row.id, failures), LONGEST_ASKED)
    changes: dict[str, Any] = {"failures": failures, "failing_since": since, "due_at": now + wait}
    if failed.status == GONE or now - since >= GIVEN_UP_AFTER:
        changes["state"] = EndpointState.BROKEN
        _tell_admins(transaction, row, failed)
    return changes


def wait_of(endpoint: int, failures: int) -> timedelta:
    """Three times as long after each failure, up to an hour, and not for two endpoints the same."""
    ceiling = min(FIRST_WAIT * 3 ** min(failures - 1, 20), LONGEST_WAIT)
    return ceiling * (0.75 + Random(endpoint * 1009 + failures).random() / 4)


def _tell_admins(transaction: Transaction, row: Row[*tuple[Any, ...]], failed: Outcome) -> None:
    subject = f"webhook:{row.id}"
    reason = failed.failure or ""
    audit.note(
        transaction.connection,
        at=transaction.now,
        who="system",
        action="webhook.broken",
        subject=subject,
        details={"reason": reason},
    )
    raise_alert(
        transaction,
        kind=AlertKind.WEBHOOK_DOWN,
        subject=subject,
        right=Right.CONNECT,
        facts={"name": row.name},
        key=f"webhook:{row.id}:{transaction.now.isoformat()}",
    )


def _keep(transaction: Transaction, endpoint: int, outcomes: Sequence[Outcome]) -> None:
    connection = transaction.connection
    if connection.scalar(select(WebhookEndpoint.id).where(WebhookEndpoint.id == endpoint)) is None or not outcomes:
        return
    about = [outcome.told.event.id for outcome in outcomes if outcome.told.event is not None]
    # Somebody may have been forgotten while the network was asked about them.
    forgotten = set(
        connection.scalars(
            select(Event.id)
            .join(Contact, Contact.id == Event.contact_id)
            .where(Event.id.in_(about), Contact.erased_at.is_not(None))
        )
    )
    attempts = [_attempt(endpoint, outcome, transaction.now) for outcome in outcomes]
    kept = [each | {"answer": ""} if each["event_id"] in forgotten else each for each in attempts]
    connection.execute(insert(WebhookAttempt), kept)
    oldest = (
        select(WebhookAttempt.id)
        .where(WebhookAttempt.endpoint_id == endpoint)
        .order_by(WebhookAttempt.id.desc())
        .offset(ATTEMPTS_KEPT)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        delete(WebhookAttempt).where(WebhookAttempt.endpoint_id == endpoint, WebhookAttempt.id <= oldest)
    )


def _attempt(endpoint: int, outcome: Outcome, now: datetime) -> dict[str, Any]:
    event = outcome.told.event
    return {
        "endpoint_id": endpoint,
        "event_id": None if event is None else event.id,
        "kind": PING if event is None else event.kind.value,
        "at": now,
        "seconds": outcome.seconds,
        "status": outcome.status,
        "failure": outcome.failure,
        "answer": outcome.answer,
        "by_hand": outcome.told.wish is not None,
    }
