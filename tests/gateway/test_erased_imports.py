"""Whom we were told to forget does not come back by a file; whoever comes back of their own accord is welcome."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from desk import erasure
from gateway import imported_contacts
from gateway.imported import Stored
from gateway.imported_contacts import ContactRow, ImportedConsent
from storage.consents import Consent
from storage.contacts import Address, Contact
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        yield running


def rows(house: House) -> list[ContactRow]:
    consent = ImportedConsent(granted=True, source="shop", words="yes", at=house.clock.now())
    return [
        ContactRow(line=2, external_id="K1", name="Ann", mail="mailto:ann@mail.test", consent=consent),
        ContactRow(line=3, external_id="K2", name="Bob", mail="mailto:bob@mail.test", phone="tel:+8613800000000"),
    ]


async def bring(house: House, wanted: list[ContactRow]) -> Stored:
    return await house.do(imported_contacts.store, rows=wanted, source="crm")


async def test_the_same_file_again_does_not_bring_back_who_was_erased(house: House) -> None:
    file = rows(house)
    assert (await bring(house, file)).created == 2
    await house.do(erasure.erase, contact="customer:K1", by="Ada")
    again = await bring(house, file)
    assert (again.created, again.unchanged) == (0, 1)
    assert [(problem.line, "erased" in problem.reason) for problem in again.problems] == [(2, True)]
    assert "ann" not in str(house.rows(Contact)).lower() + str(house.rows(Address)).lower()
    assert all(not row["granted"] or row["contact_id"] != 1 or row["words"] == "" for row in house.rows(Consent))


async def test_neither_a_new_number_nor_an_address_alone_brings_them_back(house: House) -> None:
    await bring(house, rows(house))
    await house.do(erasure.erase, contact="customer:K2", by="Ada")
    other = [
        ContactRow(line=2, external_id="K9", name="Robert", mail="mailto:BOB@mail.test".lower()),
        ContactRow(line=3, external_id="K10", phone="tel:+8613800000000"),
        ContactRow(line=4, external_id="K2", mail="mailto:new@mail.test"),
    ]
    stored = await bring(house, other)
    assert stored.created == 0
    assert [problem.line for problem in stored.problems] == [2, 3, 4]


async def test_others_in_the_same_file_are_brought_in(house: House) -> None:
    await bring(house, rows(house)[:1])
    await house.do(erasure.erase, contact="customer:K1", by="Ada")
    stored = await bring(house, rows(house))
    assert stored.created == 1
    assert [row["external_id"] for row in house.rows(Contact)] == [None, "K2"]
