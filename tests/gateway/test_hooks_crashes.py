"""Whoever tells events may die at any moment, and several may tell at once: nothing is lost, nothing overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from sqlalchemy import update

from desk import telling, webhooks
from gateway.hooks import Hooks
from storage.commits import Commits, Transaction, server_time
from storage.database import open_database
from storage.events import Event
from storage.webhooks import WebhookEndpoint
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, rows
from tests.web.api.programs import open_interface
from tests.web.api.receivers import Receiver, open_receiver
from tests.web.console.people import ADA

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_interface(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened.house


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with open_receiver() as opened:
        yield opened


def teller(house: House, name: str, boundary: Callable[[str], None] = lambda name: None) -> Hooks:
    """Another process that tells."""
    gateway = house.gateway
    return Hooks(gateway.commits, gateway.database, process=name, clock=house.clock, allowed=HERE, boundary=boundary)


async def test_whoever_dies_before_writing_down_what_was_said_is_followed_by_somebody_who_says_it_again(
    house: House, receiver: Receiver
) -> None:
    await house.do(
        webhooks.add_endpoint, by=ADA, name="Shop", url=receiver.url, kinds=["message.received"], scopes=["converse"]
    )
    for text in ("one", "two", "three"):
        await house.write(text)

    def die(name: str) -> None:
        raise Killed(name)

    mortal, heir = teller(house, "mortal", die), teller(house, "heir")
    assert await mortal.tell_due() == 1
    with pytest.raises(Killed):
        await next(iter(mortal._at_work))
    assert await heir.tell_due() == 0, "its lease is not over"
    await house.do(_let_leases_run_out)
    await heir.settle()
    ids = [heard.id for heard in receiver.heard]
    assert ids == [*ids[:3], *ids[:3]], "the same again, in the same order, under the same ids"
    assert texts(receiver) == ["one", "two", "three"] * 2
    await mortal.stop()
    await heir.stop()


async def test_several_processes_tell_each_event_once_and_in_order(house: House, receiver: Receiver) -> None:
    await house.do(
        webhooks.add_endpoint, by=ADA, name="Shop", url=receiver.url, kinds=["message.received"], scopes=["converse"]
    )
    chance = Random(7)
    receiver.answer = lambda heard: web.Response(status=chance.choice([200, 200, 200, 503]))
    tellers = [teller(house, f"process {number}") for number in range(3)]
    wrote: dict[str, list[str]] = {"ann": [], "bob": []}
    for number in range(12):
        sender = chance.choice(["ann", "bob"])
        text = f"{sender} {number}"
        wrote[sender].append(text)
        await house.write(text, sender=sender)
        await asyncio.gather(*(each.tell_due() for each in tellers))
        house.clock.advance(10)
    receiver.answer = lambda heard: web.Response()
    house.clock.advance(3600)
    for each in tellers:
        await each.settle()
    taken = list(dict.fromkeys(texts(receiver)))
    assert taken == sorted(taken, key=lambda text: int(text.split()[1])), (
        "first heard in the order in which it happened"
    )
    assert {name: [text for text in taken if text.startswith(name)] for name in wrote} == wrote
    assert house.rows(WebhookEndpoint)[0]["position"] == max(row["position"] for row in house.rows(Event))
    for each in tellers:
        await each.stop()


def _let_leases_run_out(transaction: Transaction) -> None:
    """They are measured by the database's clock, which no test can move."""
    over = server_time(transaction) - timedelta(seconds=1)
    transaction.connection.execute(update(WebhookEndpoint).values(lease_until=over))


def texts(receiver: Receiver) -> list[str]:
    return [heard.said["data"]["message"]["text"] for heard in receiver.heard]


async def test_on_one_machine_a_new_start_goes_on_at_once(
    migrated_sqlite_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """There nobody else can be alive: the lease of whoever was killed is worth nothing."""
    async with open_interface(migrated_sqlite_url, tmp_path, clock, monkeypatch) as opened:
        house = opened.house
        await house.do(webhooks.add_endpoint, by=ADA, name="Shop", url=receiver.url, kinds=["message.received"])
        await house.write("one")
        await house.do(telling.claim, process="killed")
    database = open_database(migrated_sqlite_url)
    commits = Commits(database, clock)
    await commits.start()
    hooks = Hooks(commits, database, process="next", clock=clock, allowed=HERE)
    await hooks.start()
    await hooks.settle()
    assert receiver.kinds == ["message.received"]
    await hooks.stop()
    await commits.stop()
    await database.close()
    assert rows(migrated_sqlite_url, WebhookEndpoint)[0]["holder"] is None
