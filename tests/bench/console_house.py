"""A large house, as the console meets it: customers in three languages on four channels, with years of conversations.

`python -m tests.bench.console_house URL [interactions]` fills a migrated or an empty database. Everything follows from
numbers, so that two such houses are the same; a million interactions take about a minute.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random
from typing import Any, Final

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import make_url

from storage.migrations import migrate

EXCHANGES: Final = 5
"""Messages of the customer in one conversation, each with its answer."""
CONVERSATIONS: Final = 2
"""Of one contact; the later ones may be open."""
AT_A_TIME: Final = 2_000
"""Conversations written together."""
AGENTS: Final = tuple(f"Agent {number}" for number in range(1, 41))
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)

CHANNELS: Final = ("webchat", "telegram", "sms", "support")
SCHEMES: Final = {"webchat": "webchat", "telegram": "telegram", "sms": "tel", "support": "mailto"}
LANGUAGES: Final = ("en", "zh-Hans", "zh-Hant")
TIERS: Final = ("ordinary", "ordinary", "ordinary", "small", "small", "key")
REASONS: Final = ("requested", "not_understood", "anger", "policy", "requested", "legal")
FAMILY: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN: Final = (
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "秀英",
    "霞",
)
FIRST: Final = ("James", "Mary", "Robert", "Linda", "Daniel", "Susan", "Peter", "Karen", "Thomas", "Nancy", "Mark")
LAST: Final = ("Smith", "Brown", "Taylor", "Wilson", "Davies", "Evans", "Walker", "Wright", "Green", "Hall", "Clarke")

ASKED: Final = {
    "en": (
        "hello, where is my order {order}?",
        "the {thing} that I bought is broken, I want a refund",
        "how long does the delivery of the {thing} take?",
        "can I change the address of order {order}?",
        "thank you, that helps a lot",
        "I have waited for the {thing} for {number} days, this is outrageous",
    ),
    "zh-Hans": (
        "你好，订单{order}到哪里了？",
        "我买的{thing}坏了，我要退款",
        "{thing}一般几天能到？",
        "能不能改一下订单{order}的地址？",
        "谢谢你，知道了",
        "{thing}等了{number}天还没到，太过分了",
    ),
    "zh-Hant": (
        "您好，訂單{order}到哪裡了？",
        "我買的{thing}壞了，我要退款",
        "{thing}一般幾天能到？",
        "可以改訂單{order}的地址嗎？",
        "謝謝您，知道了",
        "{thing}等了{number}天還沒到，太過分了",
    ),
}
ANSWERED: Final = {
    "en": (
        "Your order {order} is on its way.",
        "I am sorry about the {thing}. We will look into it.",
        "You are welcome.",
    ),
    "zh-Hans": ("您的订单{order}正在配送。", "很抱歉{thing}出了问题，我们马上处理。", "不客气，祝您愉快。"),
    "zh-Hant": ("您的訂單{order}正在配送。", "很抱歉{thing}出了問題，我們馬上處理。", "不客氣，祝您愉快。"),
}
THINGS: Final = {
    "en": ("kettle", "blue sofa", "desk lamp", "5G phone", "winter coat", "coffee grinder", "tent", "bicycle"),
    "zh-Hans": ("电热水壶", "蓝色沙发", "台灯", "5G手机", "羽绒服", "咖啡机", "帐篷", "自行车"),
    "zh-Hant": ("電熱水壺", "藍色沙發", "檯燈", "5G手機", "羽絨服", "咖啡機", "帳篷", "自行車"),
}

Row = tuple[Any, ...]

TABLES: Final = {
    "contacts": ("id", "external_id", "name", "language", "time_zone", "tier", "created_at"),
    "addresses": ("id", "contact_id", "uri", "created_at"),
    "lanes": ("contact_id", "fence", "newest", "handled"),
    "conversations": (
        *("id", "contact_id", "address_id", "channel", "thread", "state", "owner", "agent", "epoch", "memory"),
        *("opened_at", "last_at", "closed_at", "handed_off_at", "handoff_reason", "handoff_summary", "priority"),
    ),
    "interactions": (
        *("id", "contact_id", "conversation_id", "address_id", "channel", "direction", "kind", "author", "text"),
        *("content", "external_id", "message_id", "at", "stored_at"),
    ),
    "turns": (
        "interaction_id",
        "conversation_id",
        "at",
        "facts",
        "effects",
        "playbook",
        "intent",
        "confidence",
        "engine",
    ),
    "deliveries": (
        *("id", "interaction_id", "conversation_id", "contact_id", "address_id", "channel", "purpose", "priority"),
        *("message", "status", "due_at", "deadline", "attempts", "external_id", "queued_at", "sent_at", "updated_at"),
    ),
    "cases": (
        *("id", "number", "contact_id", "conversation_id", "kind", "status", "step", "subject", "facts", "proposal"),
        *("promises", "priority", "survey_asked", "opened_at", "updated_at", "closed_at", "timed", "promise_due_at"),
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How large a house."""

    interactions: int = 1_000_000
    with_people: int = 2_000
    """Open conversations that wait for a person or are with one."""
    with_assistant: int = 5_000
    """Open conversations with the assistant."""
    spam: int = 1_000

    @property
    def conversations(self) -> int:
        return self.interactions // (2 * EXCHANGES)


def furnish(url: str, size: Size = Size(), now: datetime = NOW) -> None:
    """Fill a database (SQLAlchemy's URL), which is migrated first."""
    migrate(url)
    write = _into_sqlite if url.startswith("sqlite") else _into_postgresql
    write(url, _pages(size, now))


def _pages(size: Size, now: datetime) -> Iterator[dict[str, list[Row]]]:
    """Rows by table, some thousand conversations at a time."""
    step = AT_A_TIME - AT_A_TIME % CONVERSATIONS
    for first in range(1, size.conversations + 1, step):
        page: dict[str, list[Row]] = {table: [] for table in TABLES}
        for conversation in range(first, min(first + step, size.conversations + 1)):
            for table, row in _conversation(conversation, size, now):
                page[table].append(row)
        yield page


def _conversation(conversation: int, size: Size, now: datetime) -> Iterator[tuple[str, Row]]:
    chance = Random(conversation)
    contact = (conversation - 1) // CONVERSATIONS + 1
    language, channel = LANGUAGES[contact % 3], CHANNELS[contact % 4]
    if (conversation - 1) % CONVERSATIONS == 0:
        yield from _contact(contact, language, channel, size, now)
    # The newest are of today, the oldest some years back.
    open_ones = CONVERSATIONS * (size.with_people + size.with_assistant)
    still = size.conversations - conversation < open_ones
    age = timedelta(minutes=conversation % 240 if still else (size.conversations - conversation) * 15)
    began = now - age - timedelta(minutes=30)
    last = began + timedelta(minutes=2 * EXCHANGES)
    stands = _standing(conversation, size, chance, last)
    yield (
        "conversations",
        (
            *(conversation, contact, contact, channel, ""),
            *(stands["state"], stands["owner"], stands["agent"], stands["epoch"], "{}"),
            *(_instant(began), _instant(last), stands["closed_at"], stands["handed_off_at"]),
            *(stands["reason"], stands["summary"], stands["priority"]),
        ),
    )
    agent = stands["agent"] if stands["answered"] else None
    for number in range(EXCHANGES):
        yield from _exchange(conversation, number, contact, channel, language, began, chance, agent)
    if conversation % 20 == 0:
        yield "cases", _case(conversation, contact, language, stands["state"] == "open", began, now)


def _contact(contact: int, language: str, channel: str, size: Size, now: datetime) -> Iterator[tuple[str, Row]]:
    chance = Random(-contact)
    name = (
        f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        if language == "en"
        else chance.choice(FAMILY) + chance.choice(GIVEN)
    )
    made = _instant(now - timedelta(minutes=15 * (size.conversations - contact * CONVERSATIONS) + 60))
    path = {
        "webchat": f"{contact:032x}",
        "telegram": str(10_000_000 + contact),
        "sms": f"+86138{contact:08}",
        "support": f"customer{contact}@mail.example",
    }[channel]
    yield (
        "contacts",
        (
            *(contact, f"K{contact:07}", name, language, "Asia/Shanghai"),
            *(TIERS[chance.randrange(len(TIERS))], made),
        ),
    )
    yield "addresses", (contact, contact, f"{SCHEMES[channel]}:{path}", made)
    newest = contact * CONVERSATIONS * 2 * EXCHANGES
    yield "lanes", (contact, CONVERSATIONS * EXCHANGES, newest, newest)


def _standing(conversation: int, size: Size, chance: Random, last: datetime) -> dict[str, Any]:
    """Only the later conversation of a contact may be open."""
    found: dict[str, Any] = dict.fromkeys(("agent", "closed_at", "handed_off_at", "reason", "summary"))
    found |= {"state": "idle", "owner": "bot", "epoch": 0, "priority": 3, "answered": False}
    recent = (size.conversations - conversation) // CONVERSATIONS if conversation % CONVERSATIONS == 0 else None
    if recent is not None and recent < size.with_people:
        reason = REASONS[chance.randrange(len(REASONS))]
        taken = chance.random() < 0.6
        found |= {
            "state": "open",
            "owner": "agent" if taken else "queue",
            "epoch": 2 if taken else 1,
            "agent": AGENTS[chance.randrange(len(AGENTS))] if taken else None,
            "reason": reason,
            "handed_off_at": _instant(last - timedelta(minutes=4)),
            "priority": chance.choice((1, 2, 3, 3, 3, 4)),
            "summary": "Who it is\nwants to know about a late delivery",
            "answered": taken and chance.random() < 0.5,
        }
    elif recent is not None and recent < size.with_people + size.with_assistant:
        found |= {"state": "open"}
    elif conversation <= size.spam:
        found |= {"state": "spam", "closed_at": _instant(last)}
    elif chance.random() < 0.3:
        found |= {"state": "resolved", "owner": "agent", "agent": chance.choice(AGENTS), "closed_at": _instant(last)}
    else:
        found |= {"closed_at": _instant(last + timedelta(hours=24))}
    return found


def _exchange(
    conversation: int,
    number: int,
    contact: int,
    channel: str,
    language: str,
    began: datetime,
    chance: Random,
    agent: str | None,
) -> Iterator[tuple[str, Row]]:
    asked = ((conversation - 1) * EXCHANGES + number) * 2 + 1
    at = began + timedelta(minutes=2 * number)
    later = _instant(at + timedelta(seconds=50))
    facts = {
        "order": f"SL{asked % 90_000_000 + 10_000_000}",
        "thing": chance.choice(THINGS[language]),
        "number": chance.randrange(2, 30),
    }
    place = (contact, conversation, contact, channel)
    question = chance.choice(ASKED[language]).format_map(facts)
    answer = chance.choice(ANSWERED[language]).format_map(facts)
    author = f"agent:{agent}" if agent is not None and number == EXCHANGES - 1 else "bot"
    yield (
        "interactions",
        (
            *(asked, *place, "in", "message", "customer", question, "{}"),
            *(f"{channel}-{asked}", f"m{asked}", _instant(at), _instant(at)),
        ),
    )
    yield "interactions", (asked + 1, *place, "out", "message", author, answer, "{}", None, None, later, later)
    yield (
        "turns",
        (
            *(asked, conversation, _instant(at), b"{}", b"[]", "playbook"),
            *(chance.choice(("order_status", "refund", "greet", "thanks", "complaint")), 0.9, "embedded"),
        ),
    )
    yield (
        "deliveries",
        (
            *(asked // 2 + 1, asked + 1, conversation, contact, contact, channel, "service", 0),
            *(
                orjson.dumps({"text": answer}).decode(),
                "delivered",
                later,
                later,
                1,
                f"out-{asked}",
                later,
                later,
                later,
            ),
        ),
    )


def _case(conversation: int, contact: int, language: str, is_open: bool, began: datetime, now: datetime) -> Row:
    subject = {"en": "late delivery", "zh-Hans": "配送延误", "zh-Hant": "配送延誤"}[language]
    due = now + timedelta(minutes=conversation % 600 - 60)
    promises = [{"id": 1, "text": "refund", "due": due.isoformat(), "kept": not is_open}]
    number, kind = conversation // 20, ("complaint", "request", "inquiry")[conversation // 20 % 3]
    return (
        *(number, f"C-{1000 + number}", contact, conversation, kind, "open" if is_open else "closed"),
        *("record" if kind == "complaint" else None, subject, "{}", "{}", orjson.dumps(promises).decode()),
        *(3, False, _instant(began), _instant(began), None if is_open else _instant(began + timedelta(days=1))),
        *(True, _instant(due) if is_open else None),
    )


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _into_sqlite(url: str, pages: Iterable[dict[str, list[Row]]]) -> None:
    with closing(sqlite3.connect(make_url(url).database or "")) as connection:
        # Nothing here must survive a crash, and every parent is written beside its children.
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-200000"):
            connection.execute(f"PRAGMA {pragma}")
        for page in pages:
            for table, rows in page.items():
                columns = TABLES[table]
                places = ", ".join("?" * len(columns))
                connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
            connection.commit()
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _into_postgresql(url: str, pages: Iterable[dict[str, list[Row]]]) -> None:
    with psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    ) as connection:
        for page in pages:
            for table, rows in page.items():
                _copy(connection, table, rows)
            connection.commit()
        for table, columns in TABLES.items():
            if columns[0] == "id":
                connection.execute(
                    sql.SQL(
                        "SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT max(id) FROM {table}))"
                    ).format(name=sql.Literal(table), table=sql.Identifier(table))
                )
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def _copy(connection: psycopg.Connection, table: str, rows: Sequence[Row]) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, TABLES[table]))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def main() -> None:
    url, *more = sys.argv[1:]
    furnish(url, Size(interactions=int(next(chain(more, ["1000000"])))))


if __name__ == "__main__":
    main()
