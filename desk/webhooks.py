"""Webhooks: endpoints that are told of events, one after the other, and what they said.

An endpoint that fails is asked again and again; what comes after waits, since whoever hears things out of order cannot
make sense of them. After days it is held back until somebody says that it goes on, from where it stopped.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row, delete, func, insert, select, update

from desk.agents import agent_name
from desk.deeds import noted
from desk.events import happened_once, heard_by, to_hear
from desk.logins import Present
from desk.refusals import Impossible, NotFound, Unusable
from desk.rights import Right
from storage import event_triggers, events
from storage.commits import Transaction
from storage.events import Event, EventKind
from storage.webhooks import EndpointState, WebhookAttempt, WebhookEndpoint, WebhookWish

SECRET_BYTES = 32
OLD_SECRET_SIGNS = timedelta(hours=24)
"""How long a secret that was replaced signs beside its successor."""
MOST_ENDPOINTS = 20
LONGEST_URL = 2000
SCOPES = (Right.CONVERSE, Right.SEE_PRIVATE, Right.DIRECT)
"""What events may tell: words and facts; addresses in full; of conversations that teams keep to themselves."""


class WrongUrl(Unusable):
    """Events cannot be sent to this address."""


class NoKinds(Unusable):
    """An endpoint that hears of nothing is good for nothing."""


class NotGranted(Impossible):
    """A program lets others hear no more than it may see itself."""


class TooManyWebhooks(Impossible):
    """There are as many endpoints as there may be."""


class NothingWaits(Impossible):
    """There is no event that it has yet to hear of."""


class Gone(NotFound):
    """This event is not kept any more, or not for this endpoint to hear."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointFacts:
    """An endpoint, as an admin sees it."""

    id: int
    name: str
    url: str
    kinds: list[str]
    scopes: list[str]
    state: EndpointState
    failures: int
    """In a row."""
    failing_since: datetime | None
    due_at: datetime
    """When it is asked again, where it fails."""
    waiting: int
    """Events that it has yet to hear of."""
    made_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointMade:
    """An endpoint that was made, with its secret, which is told once."""

    endpoint: int
    secret: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptFacts:
    """One try, and what the endpoint said."""

    id: int
    event: int | None
    """None: a test."""
    kind: str
    at: datetime
    seconds: float
    status: int | None
    failure: str | None
    """Why it counts as failed; None: it was taken."""
    answer: str
    by_hand: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Wished:
    """A test, or an event once more, will be sent in a moment."""

    wish: int


def endpoints(transaction: Transaction) -> list[EndpointFacts]:
    """All webhooks."""
    rows = transaction.connection.execute(select(*_columns).order_by(WebhookEndpoint.id)).all()
    return [_facts(transaction, row) for row in rows]


def endpoint(transaction: Transaction, *, endpoint: int) -> EndpointFacts:
    """One webhook. Raises NotFound."""
    return _facts(transaction, _find(transaction, endpoint))


def add_endpoint(
    transaction: Transaction, *, by: Present, name: str, url: str, kinds: Sequence[str], scopes: Sequence[str] = ()
) -> EndpointMade:
    """Tell an address of what happens from now on. Its secret is answered this once.

    Raises Unusable, NotGranted, TooManyWebhooks.
    """
    values = _checked(by, name, url, kinds, scopes)
    connection = transaction.connection
    if (connection.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0) >= MOST_ENDPOINTS:
        raise TooManyWebhooks(f"there are {MOST_ENDPOINTS} webhooks, which is the most; remove one first")
    secret = secrets.token_bytes(SECRET_BYTES)
    made = connection.execute(
        insert(WebhookEndpoint).returning(WebhookEndpoint.id),
        {
            **values,
            "secret": secret,
            "state": EndpointState.ACTIVE,
            "position": events.newest(connection),
            "failures": 0,
            "due_at": transaction.now,
            "made_by": by.staff,
            "made_at": transaction.now,
        },
    ).scalar_one()
    event_triggers.match(connection)
    noted(transaction, by, "webhook.made", f"webhook:{made}", **_told_of(values))
    return EndpointMade(endpoint=made, secret=spelled(secret))


def change_endpoint(
    transaction: Transaction,
    *,
    by: Present,
    endpoint: int,
    name: str,
    url: str,
    kinds: Sequence[str],
    scopes: Sequence[str] = (),
) -> EndpointFacts:
    """Where it is, what it hears of, and what that may tell. Raises Unusable, NotGranted, NotFound."""
    values = _checked(by, name, url, kinds, scopes)
    _find(transaction, endpoint)
    _change(transaction, endpoint, values)
    event_triggers.match(transaction.connection)
    noted(transaction, by, "webhook.changed", f"webhook:{endpoint}", **_told_of(values))
    return _facts(transaction, _find(transaction, endpoint))


def remove_endpoint(transaction: Transaction, *, by: Present, endpoint: int) -> EndpointFacts:
    """It hears of nothing any more, and what it said is forgotten. Raises NotFound."""
    row = _find(transaction, endpoint)
    facts = _facts(transaction, row)
    connection = transaction.connection
    connection.execute(delete(WebhookWish).where(WebhookWish.endpoint_id == endpoint))
    connection.execute(delete(WebhookAttempt).where(WebhookAttempt.endpoint_id == endpoint))
    connection.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint))
    event_triggers.match(connection)
    noted(transaction, by, "webhook.removed", f"webhook:{endpoint}", url=row.url)
    return facts


def pause_endpoint(transaction: Transaction, *, by: Present, endpoint: int) -> EndpointFacts:
    """Events gather until it goes on. Raises NotFound."""
    _find(transaction, endpoint)
    _change(transaction, endpoint, {"state": EndpointState.PAUSED})
    noted(transaction, by, "webhook.paused", f"webhook:{endpoint}")
    return _facts(transaction, _find(transaction, endpoint))


def resume_endpoint(transaction: Transaction, *, by: Present, endpoint: int) -> EndpointFacts:
    """It goes on at once with the event at which it stopped. Raises NotFound."""
    _find(transaction, endpoint)
    fresh: dict[str, Any] = {"failures": 0, "failing_since": None, "due_at": transaction.now}
    _change(transaction, endpoint, {"state": EndpointState.ACTIVE, **fresh})
    noted(transaction, by, "webhook.resumed", f"webhook:{endpoint}")
    return _facts(transaction, _find(transaction, endpoint))


def skip_event(transaction: Transaction, *, by: Present, endpoint: int) -> EndpointFacts:
    """Leave out the one event that it does not take, and go on with what comes after. Raises NotFound, NothingWaits."""
    row = _find(transaction, endpoint)
    stuck = transaction.connection.execute(
        _still_to_hear(transaction, row, Event.id, Event.position).order_by(Event.position).limit(1)
    ).one_or_none()
    if stuck is None:
        raise NothingWaits("there is no event that it has yet to hear of")
    fresh: dict[str, Any] = {"failures": 0, "failing_since": None, "due_at": transaction.now}
    _change(transaction, endpoint, {"position": stuck.position, "state": EndpointState.ACTIVE, **fresh})
    noted(transaction, by, "webhook.skipped", f"webhook:{endpoint}", event=stuck.id)
    return _facts(transaction, _find(transaction, endpoint))


def new_secret(transaction: Transaction, *, by: Present, endpoint: int) -> EndpointMade:
    """Another secret, answered this once. For a day the old one signs as well. Raises NotFound."""
    row = _find(transaction, endpoint)
    secret = secrets.token_bytes(SECRET_BYTES)
    until = transaction.now + OLD_SECRET_SIGNS
    _change(transaction, endpoint, {"secret": secret, "old_secret": row.secret, "old_until": until})
    noted(transaction, by, "webhook.new_secret", f"webhook:{endpoint}")
    return EndpointMade(endpoint=endpoint, secret=spelled(secret))


def test_endpoint(transaction: Transaction, *, by: Present, endpoint: int) -> Wished:
    """Send it an event of type `webhook.ping` at once, out of turn. Raises NotFound."""
    _find(transaction, endpoint)
    return _wish(transaction, by, endpoint, None)


def send_again(transaction: Transaction, *, by: Present, endpoint: int, event: int) -> Wished:
    """Send it an event once more, out of turn, with the same id. Raises NotFound, Gone."""
    row = _find(transaction, endpoint)
    if happened_once(heard_by(transaction, row.scopes), event) is None:
        raise Gone(f"event {event} is not kept any more")
    return _wish(transaction, by, endpoint, event)


def attempts(transaction: Transaction, *, endpoint: int, limit: int = 50) -> list[AttemptFacts]:
    """What it said to the latest events, the newest first. Raises NotFound."""
    _find(transaction, endpoint)
    rows = transaction.connection.execute(
        select(
            WebhookAttempt.id,
            WebhookAttempt.event_id.label("event"),
            WebhookAttempt.kind,
            WebhookAttempt.at,
            WebhookAttempt.seconds,
            WebhookAttempt.status,
            WebhookAttempt.failure,
            WebhookAttempt.answer,
            WebhookAttempt.by_hand,
        )
        .where(WebhookAttempt.endpoint_id == endpoint)
        .order_by(WebhookAttempt.id.desc())
        .limit(limit)
    )
    return [AttemptFacts(**row) for row in rows.mappings()]


def spelled(secret: bytes) -> str:
    """A secret as Standard Webhooks writes it."""
    return f"whsec_{b64encode(secret).decode()}"


_columns = (
    WebhookEndpoint.id,
    WebhookEndpoint.name,
    WebhookEndpoint.url,
    WebhookEndpoint.kinds,
    WebhookEndpoint.scopes,
    WebhookEndpoint.secret,
    WebhookEndpoint.state,
    WebhookEndpoint.position,
    WebhookEndpoint.failures,
    WebhookEndpoint.failing_since,
    WebhookEndpoint.due_at,
    WebhookEndpoint.made_at,
)


def _checked(by: Present, name: str, url: str, kinds: Sequence[str], scopes: Sequence[str]) -> dict[str, Any]:
    known, tellable = [kind.value for kind in EventKind], [scope.value for scope in SCOPES]
    if not kinds:
        raise NoKinds("choose at least one type of event")
    if strange := next((kind for kind in kinds if kind not in known), None):
        raise Unusable(f"there is no event of type {strange!r}; there are {', '.join(known)}")
    if strange := next((scope for scope in scopes if scope not in tellable), None):
        raise Unusable(f"{strange!r} is nothing that events tell; there are {', '.join(tellable)}")
    # Whoever lets people in may grant what they do not have themselves; a program may not.
    if Right.MANAGE_STAFF not in by.rights and (more := next((s for s in scopes if Right(s) not in by.rights), None)):
        raise NotGranted(f"events that tell more than you may see yourself take the scope {more}")
    return {
        "name": agent_name(name),
        "url": _url(url),
        "kinds": [kind for kind in known if kind in kinds],
        "scopes": [scope for scope in tellable if scope in scopes],
    }


def _url(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise WrongUrl("this is no web address") from error
    if len(url) > LONGEST_URL or parts.scheme not in ("https", "http") or not host or not url.isascii():
        raise WrongUrl("give an address that begins with https://")
    if parts.username is not None or parts.password is not None or parts.fragment or any(c <= " " for c in url):
        raise WrongUrl("an address holds no user, no password, no fragment and no spaces")
    if parts.scheme == "http" and not _within(host):
        raise WrongUrl("over the internet only https:// keeps what is told to itself")
    return url


def _within(host: str) -> bool:
    """A host of the business's own network, by its looks; whether it may be reached, the sender asks the settings."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host


def _told_of(values: dict[str, Any]) -> dict[str, object]:
    return {name: values[name] for name in ("name", "url", "kinds", "scopes")}


def _find(transaction: Transaction, endpoint: int) -> Row[*tuple[Any, ...]]:
    row = transaction.connection.execute(
        select(*_columns).where(WebhookEndpoint.id == endpoint).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no webhook {endpoint}")
    return row


def _facts(transaction: Transaction, row: Row[*tuple[Any, ...]]) -> EndpointFacts:
    waiting = transaction.connection.scalar(_still_to_hear(transaction, row, func.count()))
    return EndpointFacts(
        id=row.id,
        name=row.name,
        url=row.url,
        kinds=list(row.kinds),
        scopes=list(row.scopes),
        state=row.state,
        failures=row.failures,
        failing_since=row.failing_since,
        due_at=row.due_at,
        waiting=waiting or 0,
        made_at=row.made_at,
    )


def _still_to_hear(transaction: Transaction, row: Row[*tuple[Any, ...]], *columns: Any) -> Any:
    ahead = to_hear(heard_by(transaction, row.scopes), after=row.position, kinds=row.kinds)
    return select(*columns).select_from(Event).where(*ahead)


def _change(transaction: Transaction, endpoint: int, values: dict[str, Any]) -> None:
    transaction.connection.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint).values(**values))


def _wish(transaction: Transaction, by: Present, endpoint: int, event: int | None) -> Wished:
    row = {"endpoint_id": endpoint, "event_id": event, "wished_at": transaction.now}
    wish = transaction.connection.execute(insert(WebhookWish).returning(WebhookWish.id), row).scalar_one()
    what = "webhook.tested" if event is None else "webhook.sent_again"
    noted(transaction, by, what, f"webhook:{endpoint}", **({} if event is None else {"event": event}))
    return Wished(wish=wish)
