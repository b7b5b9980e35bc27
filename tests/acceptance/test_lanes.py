"""Many processes on one PostgreSQL: each conversation keeps its order, and nothing is handled twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, text

from gateway import claims
from gateway.agenda import claim_due, claim_waiting
from gateway.claims import Claim
from gateway.outcomes import Outcome
from gateway.settings import Role, Server
from storage import lanes
from tests.acceptance import books
from tests.acceptance.house import MOMENT, PROMISED, House, Post, Provider, Window, loops, message, open_house
from tests.clock import FrozenClock
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("small_house")


@asynccontextmanager
async def opened(
    folder: Path, clock: FrozenClock, url: str, providers: Sequence[Provider], roles: Sequence[Role]
) -> AsyncGenerator[list[House]]:
    """Several processes on one database, each with its own line to the same provider and its own window."""
    async with AsyncExitStack() as stack:
        houses: list[House] = []
        for role in roles:
            channels = [*(Post("post", provider) for provider in providers), Window()]
            house = await open_house(folder, channels, clock, url, server=Server(role=role))
            stack.push_async_callback(house.stop)
            houses.append(house)
        yield houses


async def rest_together(houses: Sequence[House], clock: FrozenClock) -> None:
    """Until none of them has anything left to do."""
    left: object = None
    for _ in range(100):
        for house in houses:
            if house.settings.server.role is not Role.WEB:
                await house.tick()
                await house.settle()
        left = await houses[0].database.read(books.unfinished)
        if not left:
            return
        due = await houses[0].database.read(lambda connection: books.next_due(connection, clock()))
        clock.advance(MOMENT if due is None else due - clock())
    raise AssertionError(f"does not come to rest: {left}")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "roles", [(Role.ALL, Role.ALL, Role.ALL), (Role.WEB, Role.WORKER, Role.WORKER)], ids=["three", "roles"]
)
async def test_whatever_comes_in_wherever_is_answered_once_and_in_order(
    seed: int, roles: Sequence[Role], tmp_path: Path, clock: FrozenClock, migrated_postgres_url: str
) -> None:
    chance, provider = Random(seed), Provider()
    async with opened(tmp_path, clock, migrated_postgres_url, [provider], roles) as houses:

        async def write(number: int) -> None:
            channel = chance.choice(("post", "window"))
            for count in range(6):
                manner = chance.choice(("", "", "twice", "later"))
                house = chance.choice([house for house in houses if house.settings.server.role is not Role.WORKER])
                said = message(channel, f"{channel}:{number}", f"{number}-{count}", manner)
                await house.ports[channel].accept([said, replace(said)][: chance.choice((1, 2))])
                await loops(chance.choice((0, 1, 30)))

        await asyncio.gather(*(write(number) for number in range(5)))
        await rest_together(houses, clock)
        kept = await houses[0].database.read(books.read)
    expected = {(line.channel, str(line.external_id)): line.uri for line in kept.inbound}
    assert len(expected) == 30, f"seed {seed}"
    assert books.mistakes(kept, expected) + books.unanswered(kept) == [], f"seed {seed}"
    posted = {line.key for line in kept.outbound if line.channel == "post"}
    assert sorted(key for _, key, _ in provider.taken) == sorted(posted), f"seed {seed}"
    for uri in {uri for uri, _, _ in provider.taken}:
        heard = [text for address, _, text in provider.taken if address == uri]
        assert heard == [line.text for line in kept.outbound if line.uri == uri], f"seed {seed}"


async def test_one_message_handed_to_every_process_at_once_is_one_interaction(
    tmp_path: Path, clock: FrozenClock, migrated_postgres_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_postgres_url, [Provider()], [Role.ALL] * 3) as houses:
        once = message("post", "post:1", "only", "")
        accepted = await asyncio.gather(*(house.ports["post"].accept([once]) for house in houses))
        await rest_together(houses, clock)
        kept = await houses[0].database.read(books.read)
    assert {each[0].interaction_id for each in accepted} == {kept.inbound[0].id}
    assert sorted(each[0].duplicate for each in accepted) == [False, True, True]
    assert [line.text for line in kept.lines] == ["only", "re only"]


async def _claim_and_go_silent(house: House, name: str) -> Claim:
    """A process that takes a message in, claims its lane, and is never heard of again."""
    caught: list[Claim] = []
    house.turns.start = caught.extend  # pyright: ignore[reportAttributeAccessIssue]
    await house.ports["post"].accept([message("post", "post:1", name, "")])
    await loops(3)
    assert len(caught) == 1
    return caught[0]


def _lease_ends(connection: Connection) -> None:
    connection.execute(text("UPDATE lanes SET lease_until = clock_timestamp() - interval '1 second'"))


async def test_a_silent_process_keeps_its_lane_until_the_lease_ends_and_then_another_takes_over(
    tmp_path: Path, clock: FrozenClock, migrated_postgres_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_postgres_url, [Provider()], [Role.ALL] * 2) as (silent, other):
        await _claim_and_go_silent(silent, "first")
        await other.ports["post"].accept([message("post", "post:1", "second", "")])
        await other.tick()
        await other.settle()
        assert (await other.database.read(books.read)).outbound == [], "the lease still holds"
        await other.commits.run(lambda transaction: _lease_ends(transaction.connection))
        await rest_together([other], clock)
        kept = await other.database.read(books.read)
    assert [line.text for line in kept.outbound] == ["re first second"]


async def test_what_a_silent_process_brings_after_its_lease_is_refused(
    tmp_path: Path, clock: FrozenClock, migrated_postgres_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_postgres_url, [Provider()], [Role.ALL] * 2) as (silent, other):
        stale = await _claim_and_go_silent(silent, "first")
        await other.commits.run(lambda transaction: _lease_ends(transaction.connection))
        await rest_together([other], clock)
        await silent.turns.run([stale])
        await rest_together([other], clock)
        kept = await other.database.read(books.read)
    assert [line.text for line in kept.outbound] == ["re first"]


async def test_what_comes_in_while_a_promise_is_being_kept_waits_for_its_turn(
    tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_url, [Provider()], [Role.ALL]) as (house,):
        await house.ports["post"].accept([message("post", "post:1", "m1", "later")])
        await house.settle()
        clock.advance(PROMISED)
        start, keeping, stolen = house.turns.start, list[Claim](), list[Claim]()
        house.turns.start = keeping.extend  # pyright: ignore[reportAttributeAccessIssue]
        await house.commits.run(lambda transaction: claim_due(transaction, house.process))
        await until(lambda: keeping)
        house.turns.start = stolen.extend  # pyright: ignore[reportAttributeAccessIssue]
        await house.ports["post"].accept([message("post", "post:1", "m2", "")])
        await house.tick()
        assert stolen == [], "two at once in one lane"
        house.turns.start = start
        start(keeping)
        await house.rest(clock)
        kept = await house.database.read(books.read)
    assert [line.text for line in kept.outbound] == ["re m1", "as promised m1", "re m2"]


async def test_a_turn_whose_commit_was_answered_by_nobody_is_not_applied_twice(
    tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_url, [Provider()], [Role.ALL]) as (house,):
        kept: list[Outcome] = []
        applied = house.turns._applied

        async def remember(outcome: Outcome, future: asyncio.Future[bool]) -> None:
            kept.append(outcome)
            await applied(outcome, future)

        house.turns._applied = remember  # pyright: ignore[reportAttributeAccessIssue]
        await house.ports["post"].accept([message("post", "post:1", "m", "later")])
        await house.rest(clock)
        assert [outcome.claim.due is not None for outcome in kept] == [False, True]
        for outcome in kept:
            assert await house.commits.submit(house.turns._application.store, outcome) is False
        said = [line.text for line in (await house.database.read(books.read)).outbound]
    assert said == ["re m", "as promised m"]


async def test_a_stale_fence_is_refused_beside_neighbours_that_are_applied(
    tmp_path: Path, clock: FrozenClock, migrated_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_url, [Provider()], [Role.ALL]) as (house,):
        held: list[Claim] = []
        start = house.turns.start
        house.turns.start = held.extend  # pyright: ignore[reportAttributeAccessIssue]
        await house.ports["post"].accept([message("post", f"post:{n}", f"m{n}", "") for n in range(3)])
        await loops(3)
        await house.commits.run(
            lambda transaction: transaction.connection.execute(
                text("UPDATE lanes SET fence = fence + 1, lease_until = NULL WHERE contact_id = :contact"),
                {"contact": held[1].contact},
            )
        )
        house.turns.start = start  # pyright: ignore[reportAttributeAccessIssue]
        start(held)
        await house.settle()
        early = [line.text for line in (await house.database.read(books.read)).outbound]
        await house.rest(clock)
        late = [line.text for line in (await house.database.read(books.read)).outbound]
    assert sorted(early) == ["re m0", "re m2"]
    assert sorted(late) == ["re m0", "re m1", "re m2"]


async def test_a_claim_lasts_as_long_as_its_lease_and_is_counted(
    tmp_path: Path, clock: FrozenClock, migrated_sqlite_url: str
) -> None:
    async with opened(tmp_path, clock, migrated_sqlite_url, [Provider()], [Role.ALL]) as (house,):
        claim = await _claim_and_go_silent(house, "m")
        again = await house.commits.run(lambda transaction: claim_waiting(transaction, "another"))
        assert again == []
        clock.advance(lanes.LEASE + timedelta(seconds=1))
        (taken,) = await house.commits.run(lambda transaction: claim_waiting(transaction, "another"))
        assert (taken.contact, taken.fence) == (claim.contact, claim.fence + 1)
        nothing = await house.commits.run(lambda transaction: claims.take(transaction, {}, "another"))
        assert nothing == []
