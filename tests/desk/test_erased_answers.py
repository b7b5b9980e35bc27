"""What endpoints answered goes with the person whom they were told of, and with the event by which it is found."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from desk import erasure, logins, telling, webhooks
from desk.logins import Present
from desk.telling import Outcome
from gateway.desk_ticks import EVERY
from storage.commits import Transaction
from storage.events import Event
from storage.staff import Role, Staff
from storage.webhooks import WebhookAttempt
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house

ECHO = '{"stored": "Xanthippe wrote: it is broken"}'


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        await running.do(hear_of_messages)
        yield running


def hear_of_messages(transaction: Transaction) -> None:
    row = {
        "name": "Ada",
        "email": "ada@shop.test",
        "roles": [Role.ADMIN.value],
        "language": "en",
        "totp_step": 0,
        "made_at": transaction.now,
    }
    staff = transaction.connection.execute(insert(Staff).returning(Staff.id), row).scalar_one()
    ada = Present(
        staff=staff,
        name="Ada",
        email="ada@shop.test",
        roles=("admin",),
        language="en",
        session=b"",
        seen_at=transaction.now,
    )
    webhooks.add_endpoint(transaction, by=ada, name="CRM", url="https://crm.example/", kinds=["message.received"])


def tell(transaction: Transaction) -> None:
    """Everything that is to be told is told, and answered with an echo."""
    for found in telling.claim(transaction, process="p"):
        outcomes = [Outcome(told=told, seconds=0.1, status=200, answer=ECHO) for told in found.events]
        telling.record(transaction, process="p", told=found, outcomes=outcomes, whole=True)


async def test_an_erasure_takes_the_answers_about_somebody_and_leaves_those_about_others(house: House) -> None:
    await house.write("it is broken", sender="xanthippe")
    await house.write("it is fine", sender="ben")
    await house.do(tell)
    assert [row["answer"] for row in house.rows(WebhookAttempt)] == [ECHO, ECHO]
    await house.do(erasure.erase, contact="letters:xanthippe", by="Ada", why="request 1")
    assert [row["answer"] for row in house.rows(WebhookAttempt)] == ["", ECHO]


async def test_what_is_answered_while_somebody_is_being_forgotten_is_not_kept(house: House) -> None:
    await house.write("it is broken", sender="xanthippe")
    (asked,) = await house.do(telling.claim, process="p")
    await house.do(erasure.erase, contact="letters:xanthippe", by="Ada", why="request 1")
    outcomes = [Outcome(told=told, seconds=0.1, status=200, answer=ECHO) for told in asked.events]
    await house.do(telling.record, process="p", told=asked, outcomes=outcomes, whole=True)
    assert [row["answer"] for row in house.rows(WebhookAttempt)] == [""]


async def test_no_answer_outlives_the_event_by_which_it_could_be_found(house: House) -> None:
    await house.write("it is broken")
    await house.do(tell)
    house.clock.advance(telling.EVENTS_KEPT + timedelta(seconds=1))
    await house.do(telling.forget_told)
    assert house.rows(WebhookAttempt) == []
    with_events = select(Event.id)
    assert await house.do(lambda transaction: transaction.connection.scalars(with_events).all()) == []


def test_ended_sessions_and_old_failures_go_by_the_clock() -> None:
    assert EVERY[logins.forget_old] <= 3600
