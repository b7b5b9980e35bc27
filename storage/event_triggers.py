"""What writes events: triggers, so that no verb can forget one, and a fact and its event are one commit.

A trigger exists only while an endpoint wants its kind of event: a house without webhooks pays nothing for them, and one
that wants cases alone pays nothing at a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, select, text

from storage.events import EventKind
from storage.webhooks import WebhookEndpoint

PREFIX: Final = "hears_"
_EVENTS_LOCK = text("SELECT pg_advisory_xact_lock(1919250543)")  # another than that of storage.events


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """One kind of change of one table that is an event."""

    kind: EventKind
    table: str
    changed: tuple[str, ...] = ()
    """An update that changes one of these; empty: an insert."""
    when: str = "true"
    """SQL that both databases understand."""
    at: str
    contact: str = "NEW.contact_id"
    conversation: str = "NEW.conversation_id"
    subject: str = "NEW.id"
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Name to SQL expression."""


_NEWS = "('delivered', 'read', 'retrying', 'failed', 'skipped', 'unknown')"
_OFFLINE = "('call', 'visit', 'meeting', 'fax', 'fair')"
_STATUS = {"before": "OLD.status", "after": "NEW.status", "reason": "NEW.reason"}
_OWNER = {
    "before": "OLD.owner",
    "before_agent": "OLD.agent",
    "after": "NEW.owner",
    "after_agent": "NEW.agent",
    "epoch": "NEW.epoch",
}
_STATE = {"before": "OLD.state", "after": "NEW.state"}
_CASE = {
    f"{name}_{column}": f"{row}.{column}"
    for column in ("status", "step", "priority", "owner")
    for name, row in (("before", "OLD"), ("after", "NEW"))
}

WATCHES: Final[Sequence[Watch]] = (
    Watch(
        kind=EventKind.MESSAGE_RECEIVED,
        table="interactions",
        when="NEW.direction = 'in' AND NEW.kind IN ('message', 'edit', 'callback')",
        at="NEW.stored_at",
    ),
    Watch(kind=EventKind.NOTE_WRITTEN, table="interactions", when="NEW.kind = 'note'", at="NEW.stored_at"),
    Watch(kind=EventKind.CONTACT_RECORDED, table="interactions", when=f"NEW.kind IN {_OFFLINE}", at="NEW.stored_at"),
    Watch(kind=EventKind.MESSAGE_SENT, table="deliveries", when="NEW.status = 'sent'", at="NEW.updated_at"),
    Watch(
        kind=EventKind.MESSAGE_SENT,
        table="deliveries",
        changed=("status",),
        when="NEW.status = 'sent'",
        at="NEW.updated_at",
    ),
    Watch(
        kind=EventKind.DELIVERY_CHANGED,
        table="deliveries",
        when=f"NEW.status IN {_NEWS}",
        at="NEW.updated_at",
        facts={"before": "NULL", "after": "NEW.status", "reason": "NEW.reason"},
    ),
    Watch(
        kind=EventKind.DELIVERY_CHANGED,
        table="deliveries",
        changed=("status",),
        when=f"NEW.status IN {_NEWS}",
        at="NEW.updated_at",
        facts=_STATUS,
    ),
    Watch(kind=EventKind.CONVERSATION_OPENED, table="conversations", at="NEW.opened_at", conversation="NEW.id"),
    Watch(
        kind=EventKind.CONVERSATION_HANDED_OFF,
        table="conversations",
        changed=("owner",),
        when="NEW.owner = 'queue'",
        at="COALESCE(NEW.handed_off_at, NEW.last_at)",
        conversation="NEW.id",
        facts={**_OWNER, "reason": "NEW.handoff_reason"},
    ),
    Watch(
        kind=EventKind.CONVERSATION_OWNER_CHANGED,
        table="conversations",
        changed=("owner", "agent"),
        when="NEW.owner <> 'queue'",
        at="NEW.last_at",
        conversation="NEW.id",
        facts=_OWNER,
    ),
    Watch(
        kind=EventKind.CONVERSATION_CLOSED,
        table="conversations",
        changed=("state",),
        when="NEW.state <> 'open'",
        at="COALESCE(NEW.closed_at, NEW.last_at)",
        conversation="NEW.id",
        facts=_STATE,
    ),
    Watch(
        kind=EventKind.CONVERSATION_REOPENED,
        table="conversations",
        changed=("state",),
        when="NEW.state = 'open'",
        at="NEW.last_at",
        conversation="NEW.id",
        facts=_STATE,
    ),
    Watch(kind=EventKind.CASE_OPENED, table="cases", at="NEW.opened_at"),
    Watch(
        kind=EventKind.CASE_CHANGED,
        table="cases",
        changed=("status", "step", "priority", "owner", "founded", "score"),
        at="NEW.updated_at",
        facts=_CASE,
    ),
    Watch(
        kind=EventKind.CASE_BREACHED,
        table="case_deadlines",
        changed=("breached_at",),
        when="NEW.breached_at IS NOT NULL",
        at="NEW.breached_at",
        contact="(SELECT contact_id FROM cases WHERE id = NEW.case_id)",
        conversation="(SELECT conversation_id FROM cases WHERE id = NEW.case_id)",
        subject="NEW.case_id",
        facts={"deadline": "NEW.kind", "round": "NEW.round"},
    ),
    Watch(
        kind=EventKind.CONTACT_LINKED,
        table="links",
        at="NEW.made_at",
        conversation="NULL",
        facts={"merged": "NEW.merged_id"},
    ),
    Watch(
        kind=EventKind.CONTACT_UNLINKED,
        table="links",
        changed=("undone_at",),
        at="NEW.undone_at",
        conversation="NULL",
        facts={"merged": "NEW.merged_id"},
    ),
    Watch(
        kind=EventKind.CONSENT_CHANGED,
        table="consents",
        at="NEW.at",
        conversation="NULL",
        facts={"purpose": "NEW.purpose", "granted": "NEW.granted", "source": "NEW.source"},
    ),
)


def match(connection: Connection) -> None:
    """Let exactly those triggers exist that endpoints want. Cheap where they do already; at each start, too, since a
    migration that rebuilds a table, or a restore, leaves them out."""
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.execute(_EVENTS_LOCK)
    wanted = {_name(watch): watch for watch in WATCHES if watch.kind in _kinds(connection)}
    present = _present(connection)
    for name, table in present.items():
        if name not in wanted:
            connection.execute(text(f"DROP TRIGGER {name}" + (f" ON {table}" if postgresql else "")))
            if postgresql:
                connection.execute(text(f"DROP FUNCTION IF EXISTS {name}()"))
    for name, watch in wanted.items():
        if name not in present:
            for statement in _made_in_postgresql(name, watch) if postgresql else _made_in_sqlite(name, watch):
                connection.exec_driver_sql(statement)


def _kinds(connection: Connection) -> set[str]:
    return {kind for kinds in connection.scalars(select(WebhookEndpoint.kinds)) for kind in kinds}


def _present(connection: Connection) -> Mapping[str, str]:
    """Ours, by name, with their tables."""
    if connection.dialect.name == "postgresql":
        asked = text(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE NOT t.tgisinternal AND pg_table_is_visible(c.oid) AND starts_with(t.tgname, :prefix)"
        )
    else:
        asked = text(
            "SELECT name, tbl_name FROM sqlite_master"
            " WHERE type = 'trigger' AND substr(name, 1, length(:prefix)) = :prefix"
        )
    return {row[0]: row[1] for row in connection.execute(asked, {"prefix": PREFIX})}


def _name(watch: Watch) -> str:
    """Another one when it says something else: an upgrade replaces it."""
    said = sha256(repr(watch).encode()).hexdigest()[:8]
    return f"{PREFIX}{watch.kind.replace('.', '_')}_{'update' if watch.changed else 'insert'}_{said}"


_INTO = "INSERT INTO events (at, kind, contact_id, conversation_id, subject, facts"


def _made_in_sqlite(name: str, watch: Watch) -> Iterable[str]:
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in watch.changed) or "true"
    yield (
        f"CREATE TRIGGER {name} AFTER {_on(watch)} ON {watch.table} WHEN ({watch.when}) AND ({changed})"
        f" BEGIN {_INTO}) VALUES ({_values(watch, 'json_object')}); END"
    )


def _made_in_postgresql(name: str, watch: Watch) -> Iterable[str]:
    changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in watch.changed) or "true"
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" {_INTO}, writer) VALUES ({_values(watch, 'jsonb_build_object')}, pg_current_xact_id()::text::bigint);"
        " RETURN NULL; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} AFTER {_on(watch)} ON {watch.table} FOR EACH ROW"
        f" WHEN (({watch.when}) AND ({changed})) EXECUTE FUNCTION {name}()"
    )


def _values(watch: Watch, as_document: str) -> str:
    facts = ", ".join(f"'{key}', {value}" for key, value in watch.facts.items())
    about = f"{watch.contact}, {watch.conversation}, {watch.subject}"
    return f"{watch.at}, '{watch.kind}', {about}, {as_document}({facts})"


def _on(watch: Watch) -> str:
    return f"UPDATE OF {', '.join(watch.changed)}" if watch.changed else "INSERT"
