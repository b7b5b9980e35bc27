"""The list that people have, held in memory: whatever changes, each view shows what a plain look through all would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from desk import lists
from desk.inbox import Listed
from desk.lists import OF_PEOPLE, Filters, Seer
from desk.logins import Present
from storage.commits import Transaction
from storage.conversations import Owner
from web.console.rendered import Rendered
from web.console.waiting import Waiting

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEERS = (
    Seer(name="Ben", teams=frozenset({1, 2}), closed=frozenset({3})),
    Seer(name="Eve", teams=frozenset({3})),
    Seer(name="Ada"),
)


class World:
    """What the database would say."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.now = BEGAN
        self.rows: dict[int, Listed] = {}

    async def look(self, verb: Callable[[Transaction], Any]) -> Any:
        return list(self.rows.values())

    def change(self) -> set[int]:
        """Time goes on, and something happens to some conversations."""
        self.now += timedelta(seconds=self.chance.choice((0, 1, 30, 900)))
        some = {self.chance.randrange(40) for _ in range(self.chance.randrange(4))}
        for conversation in some:
            if conversation in self.rows and self.chance.random() < 0.2:
                del self.rows[conversation]
            else:
                self.rows[conversation] = self._some(conversation)
        return some

    def _some(self, conversation: int) -> Listed:
        chance, ago = self.chance, timedelta(seconds=self.chance.randrange(3000))
        agent = chance.choice((None, "Ben", "Eve"))
        return replace(
            _waits(conversation, chance.choice((None, self.now - ago))),
            owner=Owner.QUEUE if agent is None else Owner.AGENT,
            agent=agent,
            priority=chance.randint(1, 4),
            channel=chance.choice(("sms", "webchat")),
            tier=chance.choice(("key", "ordinary", "small")),
            waiting_seconds=chance.random(),
            team=chance.choice((None, 1, 2, 3)),
            deadline=chance.choice((None, None, self.now + ago)),
            last_at=self.now - ago,
        )

    def shown(self, view: lists.View, seer: Seer, filters: Filters) -> list[int]:
        ordered = sorted(self.rows.values(), key=lambda one: one.place)
        return [
            one.conversation
            for one in ordered
            if seer.sees(one) and lists.shows(view, one, seer, self.now) and filters.let_pass(one)
        ]


@pytest.mark.parametrize("seed", range(20))
async def test_every_view_stays_in_order_and_complete_whatever_comes_and_goes(seed: int) -> None:
    world = World(seed)
    waiting = Waiting(world.look, world.look, lambda: world.now)
    for _ in range(60):
        waiting.touched(world.change())
        await waiting.renew()
        for seer in SEERS:
            counts = waiting.counts(seer)
            for view in OF_PEOPLE:
                expected = world.shown(view, seer, lists.NO_FILTERS)
                assert [one.conversation for one in waiting.of(view, seer)] == expected, view
                assert counts[view] == len(expected), view
                few = Filters(channel="sms")
                assert [one.conversation for one in waiting.of(view, seer, few)] == world.shown(view, seer, few)


async def test_what_a_list_shows_changes_with_time_alone() -> None:
    world = World(1)
    world.rows[1] = _waits(1, BEGAN)
    waiting = Waiting(world.look, world.look, lambda: world.now)
    ben = Present(staff=1, name="Ben", email="", roles=("agent",), language="en", session=b"", seen_at=BEGAN)
    await waiting.renew()
    before = waiting.shown(ben, {"view": "risk"})
    assert waiting.shown(ben, {"view": "risk"}) == before
    world.now += timedelta(minutes=16)
    assert waiting.shown(ben, {"view": "risk"}) != before


def _waits(conversation: int, since: datetime | None) -> Listed:
    return Listed(
        conversation=conversation,
        owner=Owner.QUEUE,
        agent=None,
        priority=3,
        reason=None,
        summary="",
        contact=conversation,
        name=None,
        address="tel:+4915112345678",
        channel="sms",
        tier="ordinary",
        since=since,
        waiting_seconds=None,
    )


def test_a_piece_is_rendered_anew_only_where_it_shows_something_else_and_the_oldest_go_first() -> None:
    pieces, done = Rendered(most=2), list[str]()

    def render(text: str) -> Callable[[], str]:
        return lambda: done.append(text) or text

    assert pieces.piece("a", 1, render("a1")) == "a1"
    assert pieces.piece("a", 1, render("again")) == "a1"
    assert pieces.piece("a", 2, render("a2")) == "a2"
    pieces.piece("b", 1, render("b1"))
    pieces.piece("a", 2, render("again"))  # looked at later than b
    pieces.piece("c", 1, render("c1"))
    assert pieces.piece("a", 2, render("again")) == "a2"
    pieces.piece("b", 1, render("b1 anew"))
    assert done == ["a1", "a2", "b1", "c1", "b1 anew"]
