"""Waiting: what people have, as this process last saw it.

Every inbox shows parts of one list. It is held in memory and renewed by what commits touched, and each of its rows is
rendered once for each language and right: two hundred pages that show the same news cost about as much as one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from desk import lists
from desk.inbox import Listed, people_have
from desk.lists import A_PIECE, NO_FILTERS, OF_PEOPLE, Filters, Place, Seer, View
from desk.logins import Present
from desk.urgency import at_risk_from
from storage.commits import Transaction
from storage.conversations import Owner
from storage.touched import EVERYTHING, What

R = TypeVar("R")

OLDEST: Final = 60.0
"""Seconds after which the whole list is read again, whatever was told."""
MANY: Final = 3_000
"""Touched conversations for which reading the whole list is no dearer."""
NOBODY: Final = Seer(name="")
THE_REST_EVERY: Final = 2.0
"""Seconds between two news of lists of what people do not have: there is always something."""


class Looks(Protocol):
    def __call__(self, verb: Callable[[Transaction], R], /) -> Awaitable[R]: ...


class Waiting:
    """The list, in order."""

    def __init__(self, look: Looks, now: Callable[[], datetime]) -> None:
        self._look = look
        self._now = now
        self._rows: dict[int, Listed] = {}
        self._versions: dict[int, int] = {}
        self._version = 0
        self._places: dict[int, Place] = {}
        self._risks: dict[int, datetime | None] = {}
        self._ordered: list[Listed] = []
        self._by_agent: dict[str, list[Listed]] = {}
        self._alike: dict[View, tuple[object, list[Listed]]] = {}
        self._touched: set[int] = set()
        self._everything = True
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        self._teams: dict[int, frozenset[int]] = {}
        self._closed: dict[int, frozenset[int]] = {}
        self._rest, self._rest_at, self._rest_changed = 0, 0.0, False
        self._rendered: dict[tuple[int, str, bool], tuple[object, str]] = {}

    def touched(self, what: Iterable[What]) -> None:
        """These have changed, or everything has."""
        for each in what:
            if isinstance(each, int):
                self._touched.add(each)
            elif each == EVERYTHING:
                self._everything = True
        if len(self._touched) > MANY:
            self._everything = True
            self._touched.clear()

    async def fresh(self) -> Sequence[Listed]:
        """The list in order, with all that was told until now."""
        await self.renew()
        return self._ordered

    async def renew(self) -> bool:
        """Look at what has changed; whether more news is to be told later."""
        async with self._reading:  # whoever comes meanwhile finds it done
            if self._everything or time.monotonic() - self._read_at > OLDEST:
                await self._read_all()
            elif self._touched:
                await self._read_touched()
        return self._tell_of_the_rest()

    def shown(self, present: Present, query: Mapping[str, str]) -> object:
        """What somebody sees of a list, as a value that changes with it."""
        seer, now = self.seer(present), self._now()
        counted = tuple(self.counts(seer).values())
        if not query:
            return self._version, counted
        view = lists.view_of(query)
        if view not in OF_PEOPLE:
            return self._rest, counted
        rows = self.of(view, seer, Filters.read(query))
        piece = lists.cut(rows, query.get("after") or None) if query.get("after") else None
        shown = rows[:A_PIECE] if piece is None else piece.items
        return (
            tuple((one.conversation, self._versions[one.conversation]) for one in shown),
            counted,
            len(rows),
            now.date(),
        )

    def of(self, view: View, seer: Seer, filters: Filters = NO_FILTERS) -> list[Listed]:
        """A view, as the list was last seen."""
        found = self._seen(view, seer)
        return found if filters == NO_FILTERS else [one for one in found if filters.let_pass(one)]

    def counts(self, seer: Seer) -> dict[View, int]:
        return {view: len(self._seen(view, seer)) for view in OF_PEOPLE}

    def seer(self, present: Present) -> Seer:
        staff, none = present.staff, frozenset[int]()
        return Seer(name=present.name, teams=self._teams.get(staff, none), closed=self._closed.get(staff, none))

    def in_teams(self, present: Present, teams: Iterable[int], closed: frozenset[int] = frozenset()) -> None:
        """Whoever looks was just seen to be in these; and other teams are closed to them."""
        self._teams[present.staff] = frozenset(teams)
        self._closed[present.staff] = closed

    def channels(self) -> list[str]:
        return sorted({one.channel for one in self._ordered})

    def agents(self) -> list[str]:
        return sorted({one.agent for one in self._ordered if one.agent is not None})

    def rendered(self, one: Listed, language: str, *, private: bool, stamp: object, render: Callable[[], str]) -> str:
        """A row, rendered anew only where it has changed. `stamp`: what it shows beside the row: the time it waits."""
        key = one.conversation, language, private
        mark = self._versions.get(one.conversation), stamp
        held = self._rendered.get(key)
        # What people do not have is in no list of ours, and has no version.
        if held is None or held[0] != mark or mark[0] is None:
            held = self._rendered[key] = mark, render()
            if len(self._rendered) > 20 * MANY:
                self._rendered.clear()
        return held[1]

    def _seen(self, view: View, seer: Seer) -> list[Listed]:
        found = self._of(view, seer)
        return [one for one in found if seer.sees(one)] if seer.closed else found

    def _of(self, view: View, seer: Seer) -> list[Listed]:
        """Whatever many see alike is looked through once."""
        match view:
            case View.ALL:
                return self._ordered
            case View.MINE:
                return self._by_agent.get(seer.name, [])
            case View.TEAM:
                return [one for one in self._ordered if one.team in seer.teams] if seer.teams else []
            case _:
                pass
        now = self._now()
        # Nothing but time puts one at risk that stays as it is.
        key = self._version, now.replace(microsecond=0) if view is View.RISK else None
        held = self._alike.get(view)
        if held is None or held[0] != key:
            held = self._alike[view] = key, [one for one in self._ordered if self._shows(view, one, now)]
        return held[1]

    def _shows(self, view: View, one: Listed, now: datetime) -> bool:
        if view is View.RISK:  # worked out once for each change of a row, not for each look at it
            since = self._risks[one.conversation]
            return since is not None and since <= now
        return lists.shows(view, one, NOBODY, now)

    async def _read_all(self) -> None:
        self._touched.clear()
        self._everything = False
        try:
            found = await self._look(people_have)
        except BaseException:
            self._everything = True
            raise
        self._read_at = time.monotonic()
        seen = {one.conversation for one in found}
        self._put(found, gone=[conversation for conversation in self._rows if conversation not in seen])
        self._rest_changed = True

    async def _read_touched(self) -> None:
        looking = self._touched
        self._touched = set()
        try:
            found = await self._look(lambda transaction: people_have(transaction, sorted(looking)))
        except BaseException:
            self._touched |= looking
            raise
        seen = {one.conversation for one in found}
        self._rest_changed = self._rest_changed or len(seen) < len(looking)
        self._put(found, gone=[conversation for conversation in looking - seen if conversation in self._rows])

    def _put(self, found: Sequence[Listed], gone: Sequence[int]) -> None:
        changed = bool(gone)
        for conversation in gone:
            del self._rows[conversation], self._versions[conversation]
            del self._places[conversation], self._risks[conversation]
        for one in found:
            still = replace(one, waiting_seconds=None)
            if self._rows.get(one.conversation) != still:
                changed = True
                self._version += 1
                self._versions[one.conversation] = self._version
                self._rows[one.conversation] = still
                self._places[one.conversation] = still.place
                self._risks[one.conversation] = at_risk_from(still.situation)
        if changed:
            self._version += 1
            self._ordered = sorted(self._rows.values(), key=lambda one: self._places[one.conversation])
            self._by_agent = {}
            for one in self._ordered:
                if one.agent is not None and one.owner is Owner.AGENT:
                    self._by_agent.setdefault(one.agent, []).append(one)

    def _tell_of_the_rest(self) -> bool:
        if self._rest_changed and time.monotonic() - self._rest_at >= THE_REST_EVERY:
            self._rest_changed, self._rest_at = False, time.monotonic()
            self._rest += 1
        return self._rest_changed or bool(self._touched) or self._everything
