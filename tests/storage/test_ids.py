"""Ids that are taken before their rows are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.effects import OpenCase, Say, UpdateCase
from bot.turn import CaseKind, Turn
from nlu.understanding import Language
from storage import ids
from storage.commits import Transaction
from storage.contacts import Contact
from tests.acceptance import books
from tests.acceptance.house import House, Post, Provider, message, open_house, small_house
from tests.clock import FrozenClock

__all__ = ["small_house"]


async def opened(tmp_path: Path, clock: FrozenClock, url: str) -> House:
    return await open_house(tmp_path, [Post("post", Provider())], clock, url)


async def test_a_row_written_meanwhile_gets_none_of_the_ids_that_were_taken(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    def take_and_write(transaction: Transaction) -> tuple[list[int], int, list[int]]:
        connection = transaction.connection
        before = ids.take(connection, Contact, 2)
        written = connection.execute(
            insert(Contact).returning(Contact.id), {"created_at": transaction.now}
        ).scalar_one()
        return list(before), written, list(ids.take(connection, Contact, 2))

    house = await opened(tmp_path, clock, migrated_url)
    before, written, after = await house.commits.run(take_and_write)
    await house.stop()
    assert [*before, written, *after] == sorted({*before, written, *after})


async def test_a_turn_that_notes_something_on_a_case_also_says_its_answer(
    small_house: None, tmp_path: Path, clock: FrozenClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note_and_answer(turn: Turn, _playbook: object) -> list[OpenCase | UpdateCase | Say]:
        return [
            OpenCase(number=turn.fresh_number, kind=CaseKind.COMPLAINT, subject="a cup"),
            UpdateCase(number=turn.fresh_number, note="They want no money."),
            Say(text="Thank you.", skill="complaint", language=Language.EN),
        ]

    monkeypatch.setattr("gateway.turns.respond", note_and_answer)
    house = await opened(tmp_path, clock, migrated_url)
    await house.ports["post"].accept([message("post", "post:1", "m1", "Forget the refund.")])
    await house.settle()
    kept = await house.database.read(books.read)
    await house.stop()
    assert [line.text for line in kept.outbound] == ["Thank you."]
