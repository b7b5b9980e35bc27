"""Retention: what is older than it is kept goes, in short pieces; what is younger stays; and the books are exact."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from desk import erasure, retention
from desk.retention import Periods
from storage.audit import AuditEntry, note
from storage.blobs import BlobRecord
from storage.commits import Transaction
from storage.conversations import Conversation, ConversationState
from storage.interactions import Interaction, TurnRecord
from storage.privacy import BlobDoubt, RetentionSweep
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


async def sweep(house: House, periods: Periods) -> int:
    """The whole of today's sweep; returns how many pieces it took."""
    pieces = 0
    while await house.do(partial(retention.sweep, periods=periods)):
        pieces += 1
    return pieces


async def test_old_payloads_go_and_young_ones_stay(house: House) -> None:
    await house.write("old")
    house.clock.advance(timedelta(days=40))
    await house.write("young")
    await sweep(house, Periods(raw=30))
    lines = [row for row in house.rows(Interaction) if row["author"] == "customer"]
    assert [row["raw"] for row in lines] == [None, b"young"]
    assert [row["text"] for row in lines] == ["old", "young"]


async def test_a_day_s_sweep_is_done_once_and_the_log_has_its_figures(house: House) -> None:
    await house.write("old")
    house.clock.advance(timedelta(days=40))
    assert await sweep(house, Periods(raw=30)) > 0
    assert await sweep(house, Periods(raw=30)) == 0
    (entry,) = [row for row in house.rows(AuditEntry) if row["action"] == "retention.swept"]
    assert entry["details"]["rows"] == {"raw": 1}
    (day,) = house.rows(RetentionSweep)
    assert (day["ended_at"], day["swept"]["rows"]) == (house.clock.now(), {"raw": 1})
    house.clock.advance(timedelta(days=1))
    await sweep(house, Periods(raw=30))
    assert len(house.rows(RetentionSweep)) == 2


async def test_without_periods_nothing_goes_but_ended_logins(house: House) -> None:
    await house.write("old")
    before = house.rows(Interaction)
    house.clock.advance(timedelta(days=4000))
    await sweep(house, Periods())
    assert house.rows(Interaction) == before


async def test_words_go_and_what_is_counted_stays(house: House) -> None:
    await house.write("a secret")
    await house.do(close_all)
    house.clock.advance(timedelta(days=40))
    await house.write("a young word")
    before = house.rows(Interaction)
    await sweep(house, Periods(texts=30))
    after = house.rows(Interaction)
    assert [row["text"] for row in after if row["author"] == "customer"] == ["", "a young word"]
    counted = ("id", "at", "channel", "direction", "kind", "author", "conversation_id", "external_id")
    assert [[row[name] for name in counted] for row in after] == [[row[name] for name in counted] for row in before]
    first = house.rows(TurnRecord)[0]
    assert (first["facts"], first["effects"], first["intent"]) == (b"", b"", "greet")
    assert house.rows(Conversation)[0]["memory"] == {}


def close_all(transaction: Transaction) -> None:
    transaction.connection.execute(
        update(Conversation).values(
            state=ConversationState.RESOLVED, closed_at=transaction.now, memory={"name": "x"}, handoff_summary="y"
        )
    )


async def test_many_rows_go_in_short_pieces(house: House) -> None:
    await house.write("first")
    await house.do(write_many)
    house.clock.advance(timedelta(days=40))
    pieces = await sweep(house, Periods(raw=30))
    assert pieces > 1000 // retention.PIECE
    assert {row["raw"] for row in house.rows(Interaction)} == {None}
    (day,) = house.rows(RetentionSweep)
    assert day["swept"]["rows"] == {"raw": 1001}


def write_many(transaction: Transaction) -> None:
    like: dict[str, Any] = {
        "contact_id": 1,
        "channel": "letters",
        "direction": "in",
        "kind": "message",
        "author": "customer",
        "text": "x",
        "content": {},
        "at": transaction.now,
        "stored_at": transaction.now,
        "raw": b"raw",
    }
    transaction.connection.execute(insert(Interaction), [like for _ in range(1000)])


async def test_the_log_itself_ends_some_day(house: House) -> None:
    await house.do(lambda transaction: note(transaction.connection, at=transaction.now, who="Ada", action="login"))
    house.clock.advance(timedelta(days=400))
    await house.do(lambda transaction: note(transaction.connection, at=transaction.now, who="Ada", action="logout"))
    await sweep(house, Periods(audit=365))
    assert [row["action"] for row in house.rows(AuditEntry)] == ["logout", "retention.swept"]


def attach(transaction: Transaction, *, interaction: int, digest: str) -> None:
    content: dict[str, Any] = {"attachments": [{"kind": "image", "id": digest, "name": "me.png"}]}
    transaction.connection.execute(update(Interaction).where(Interaction.id == interaction).values(content=content))


async def settle(house: House) -> None:
    """The walk for attachments that are nobody's, and the deletion of their files."""
    while (gone := await house.do(retention.settle_doubts)) is not None:
        for digest in gone:
            await house.gateway.blobs.forget(digest)


async def test_a_file_goes_when_nobody_has_it_and_stays_while_somebody_does(house: House) -> None:
    blobs = house.gateway.blobs
    own = await blobs.keep(b"ann's own picture", content_type="image/png")
    shared = await blobs.keep(b"a picture that both sent", content_type="image/png")
    first, second = await house.write("hello"), await house.write("again")
    third = await house.write("hello from bob", sender="bob")
    await house.do(attach, interaction=first, digest=own.sha256)
    await house.do(attach, interaction=second, digest=shared.sha256)
    await house.do(attach, interaction=third, digest=shared.sha256)
    await house.do(erasure.erase, contact="letters:ann", by="Ada")
    assert len(house.rows(BlobDoubt)) == 2
    await settle(house)
    assert house.rows(BlobDoubt) == []
    assert [row["sha256"] for row in house.rows(BlobRecord)] == [shared.sha256]
    assert not own.path.exists()
    assert shared.path.read_bytes() == b"a picture that both sent"


async def test_a_file_that_somebody_sends_again_while_it_is_doubted_stays(house: House) -> None:
    blobs = house.gateway.blobs
    kept = await blobs.keep(b"a cat", content_type="image/png")
    interaction = await house.write("hello")
    await house.do(attach, interaction=interaction, digest=kept.sha256)
    await house.do(erasure.erase, contact="1", by="Ada")
    await house.do(retention.settle_doubts)
    assert (await blobs.keep(b"a cat", content_type="image/png")).sha256 == sha256(b"a cat").hexdigest()
    await settle(house)
    assert kept.path.read_bytes() == b"a cat"
    assert len(house.rows(BlobRecord)) == 1


async def test_attachments_go_by_their_own_period(house: House) -> None:
    kept = await house.gateway.blobs.keep(b"a cat", content_type="image/png")
    interaction = await house.write("look")
    await house.do(attach, interaction=interaction, digest=kept.sha256)
    house.clock.advance(timedelta(days=40))
    await sweep(house, Periods(attachments=30))
    await settle(house)
    (line,) = [row for row in house.rows(Interaction) if row["id"] == interaction]
    assert line["content"]["attachments"] == [{"kind": "image", "id": "", "erased": True}]
    assert line["text"] == "look"
    assert not kept.path.exists()
