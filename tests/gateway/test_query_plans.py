"""Years of old conversations must not slow the next one: nothing the running gateway asks reads a whole table."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from channels.envelope import AddressUpdate, ConsentUpdate, DeliveryStatus, DeliveryUpdate, Part
from desk import conversations, inbox, reviewing
from tests.acceptance.house import House as SmallHouse
from tests.acceptance.house import open_house as open_small_house
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house
from tests.gateway.test_threads import Letters, mail

FEW: Final = frozenset(
    {"paces", "channel_states", "keys", "link_codes", "sqlite_sequence"}
    | {"staff", "staff_links", "login_attempts", "presences", "alert_checks", "blob_doubts"}
    | {"sessions", "openid_answers", "webhook_endpoints", "webhook_wishes", "webhook_attempts", "knowledge_entries"}
)
"""Tables of a handful of rows, however old the house is: of channels, of the staff and of what programs want to hear.
Of an endpoint, some hundred attempts are kept; link codes are gone after a quarter of an hour, failed logins after a
day, doubts about files after the next sweep."""


@pytest.fixture
def asked() -> Generator[set[str]]:
    """Every statement that was executed."""
    statements: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.add(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
async def house(
    migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_sqlite_url, tmp_path, clock, monkeypatch) as running:
        yield running


async def test_no_statement_of_conversations_desk_or_ticks_reads_a_whole_table(house: House, asked: set[str]) -> None:
    asked.clear()  # Once at the start, everything may be looked through.
    await _a_day_at_the_desk(house)

    assert len(asked) > 40
    assert {line for statement in asked for line in _scans(house.url, statement)} == set()


async def test_no_statement_of_mail_texts_and_their_news_reads_a_whole_table(
    small_house: None, migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, asked: set[str]
) -> None:
    house = await open_small_house(tmp_path, [Letters("support")], clock, migrated_sqlite_url)
    try:
        asked.clear()
        await _a_day_of_mail(house, clock)
    finally:
        await house.stop()

    assert len(asked) > 40
    assert {line for statement in asked for line in _scans(migrated_sqlite_url, statement)} == set()


async def _a_day_of_mail(house: SmallHouse, clock: FrozenClock) -> None:
    port = house.ports["support"]
    news: dict[str, Any] = {"channel": "support", "at": clock(), "raw": b"raw"}
    await port.accept([mail("m1", fingerprint="f1"), mail("a1", automatic="auto-reply")])
    await house.settle()
    clock.advance(1)
    await port.accept([mail("m2", "<d1@us>", text="later #C-1042"), mail("m2", fingerprint="f1")])
    await house.settle()
    for number in (1, 2):
        part = Part(group="7", number=number, count=2)
        await port.accept([mail(f"p{number}", sender="x@y.z", part=part)])
    await port.accept([mail("p3", sender="x@y.z", part=Part(group="8", number=1, count=2))])
    for status, identity in ((DeliveryStatus.RETRYING, "<d1@us>"), (DeliveryStatus.FAILED, "")):
        update = DeliveryUpdate(external_id=identity, status=status, address="mailto:a@b.c", cost=Decimal(1), **news)
        await port.accept([update])
    for address in ("mailto:a@b.c", "mailto:nobody@b.c"):
        await port.accept(
            [
                ConsentUpdate(address=address, granted=False, source="one-click", external_id="u1", **news),
                AddressUpdate(address=address, reachable=False, reason="5.1.1", external_id="b1", **news),
            ]
        )
    clock.advance(timedelta(hours=1))
    for _ in range(2):
        await house.tick()
        await house.settle()
        await house._sweep()
        await house._close_idle()


def test_a_statement_that_reads_a_whole_table_is_noticed(migrated_sqlite_url: str) -> None:
    assert _scans(migrated_sqlite_url, "SELECT id FROM deliveries WHERE status = ?")
    assert not _scans(migrated_sqlite_url, "SELECT id FROM deliveries WHERE id = ?")


async def _a_day_at_the_desk(house: House) -> None:
    await house.write("hello")
    await house.do(conversations.take, conversation=1, by="mei")
    await house.write("is anybody there?")
    await house.do(conversations.note, conversation=1, by="mei", text="A regular.")
    thread = await house.do(inbox.show, conversation=1, timeline=True)
    await house.do(conversations.reply, conversation=1, by="mei", text="I am.", seen=thread.seen)
    await house.do(inbox.queue)
    await house.do(conversations.handback, conversation=1, by="mei")
    await house.write("thank you")
    await _a_day_of_reviews(house)
    await house.later(3600)
    for job in (*house.gateway.ticks.jobs, *house.gateway.desk.jobs):
        await job()


async def _a_day_of_reviews(house: House) -> None:
    house.hears.intent, house.hears.confidence = "order_status", 0.4
    first = await house.write("about that parcel thing", sender="bea")
    second = await house.write("1", sender="bea")
    house.hears.intent, house.hears.confidence = "greet", 0.99
    await house.do(reviewing.waiting)
    await house.do(reviewing.look, interaction=first)
    await house.do(reviewing.correct, interaction=second, intent="greet", by="mei")
    await house.do(reviewing.discard, interaction=second, by="mei")
    await house.do(reviewing.accept, interaction=first, intent="greet", example="x", place="en/a.yml:1", by="mei")


def _scans(url: str, statement: str) -> list[str]:
    """What the planner says about tables that grow, where it says that it reads all of one."""
    if not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
        return []
    connection = sqlite3.connect(make_url(url).database or "")
    try:
        count = statement.count("?")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * count)]
        partial = {
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%INDEX%WHERE%'")
        }
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    finally:
        connection.close()
    return [f"{line}: {statement}" for line in plan if _reads_all(line, tables - FEW, partial)]


def _reads_all(line: str, growing: set[str], partial: set[str]) -> bool:
    found = re.match(r"SCAN (\w+?)(?:_\d+)?(?: USING (?:COVERING )?INDEX (\w+))?$", line)
    return found is not None and found[1] in growing and found[2] not in partial
