"""Waiting: what people have, as this process last saw it.

Every inbox shows parts of one list. It is held in memory and renewed by what commits touched, and each of its rows is
rendered once for each language and right: two hundred pages that show the same news cost about as much as one.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from heapq import heappop, heappush, merge
from typing import Final, Protocol, TypeVar

from markupsafe import Markup

from desk import lists
from desk.inbox import Listed, people_have
from desk.lists import A_PIECE, NO_FILTERS, OF_PEOPLE, Filters, Place, Seer, View
from desk.logins import Present
from desk.urgency import at_risk_from
from storage.commits import Transaction
from storage.conversations import Owner
from storage.touched import EVERYTHING, What
from web.console.ordered import Ordered
from web.console.rendered import Rendered

R = TypeVar("R")

OLDEST: Final = 60.0
"""Seconds after which the whole list is read again, whatever was told."""
MANY: Final = 3_000
"""Touched conversations for which reading the whole list is no dearer."""
NOBODY: Final = Seer(name="")
ALIKE: Final = (View.UNASSIGNED, View.WAITING, View.RISK, View.ALL)
"""Views that everybody sees alike, but for teams that are closed to them."""
FEW: Final = 200
"""Touched conversations that are looked at sooner than a thread is woken."""
THE_REST_EVERY: Final = 2.0
"""Seconds between two news of lists of what people do not have: there is always something."""


class Looks(Protocol):
    def __call__(self, verb: Callable[[Transaction], R], /) -> Awaitable[R]: ...


class Waiting:
    """The list, in order."""

    def __init__(self, look: Looks, glance: Looks, now: Callable[[], datetime]) -> None:
        """`look` is for long questions, `glance` for short ones."""
        self._look = look
        self._glance = glance
        self._now = now
        self._rows: dict[int, Listed] = {}
        self._versions: dict[int, int] = {}
        self._version = 0
        self._places: dict[int, Place] = {}
        self._alike = {view: Ordered() for view in ALIKE}
        self._by_agent: defaultdict[str, Ordered] = defaultdict(Ordered)
        self._by_team: defaultdict[int, Ordered] = defaultdict(Ordered)
        self._risks: dict[int, datetime | None] = {}
        self._soon: list[tuple[datetime, int]] = []
        """A heap of when conversations are at risk that are not yet; some entries are no longer true."""
        self._at_risk: set[int] = set()
        self._touched: set[int] = set()
        self._everything = True
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        self._teams: dict[int, frozenset[int]] = {}
        self._closed: dict[int, frozenset[int]] = {}
        self._rest, self._rest_at, self._rest_changed = 0, 0.0, False
        self._rendered = Rendered(most=4 * MANY)

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
        return {view: self._count(view, seer) for view in OF_PEOPLE}

    def seer(self, present: Present) -> Seer:
        staff, none = present.staff, frozenset[int]()
        return Seer(name=present.name, teams=self._teams.get(staff, none), closed=self._closed.get(staff, none))

    def in_teams(self, present: Present, teams: Iterable[int], closed: frozenset[int] = frozenset()) -> None:
        """Whoever looks was just seen to be in these; and other teams are closed to them."""
        self._teams[present.staff] = frozenset(teams)
        self._closed[present.staff] = closed

    def channels(self) -> list[str]:
        return sorted({one.channel for one in self._rows.values()})

    def agents(self) -> list[str]:
        return sorted({one.agent for one in self._rows.values() if one.agent is not None})

    def rendered(
        self, one: Listed, language: str, *, private: bool, beside: object, render: Callable[[], str]
    ) -> Markup:
        """A row. `beside`: what it shows that is not its own: the time it waits."""
        version = self._versions.get(one.conversation)
        if version is None:  # what people do not have is in no list of ours
            return Markup(render())  # noqa: S704 - rendered with autoescape
        return self._rendered.piece((one.conversation, language, private), (version, beside), render)

    def _seen(self, view: View, seer: Seer) -> list[Listed]:
        found = self._of(view, seer)
        return [one for one in found if seer.sees(one)] if seer.closed else found

    def _count(self, view: View, seer: Seer) -> int:
        if seer.closed:
            return len(self._seen(view, seer))
        return sum(len(each.rows) for each in self._lists(view, seer))

    def _of(self, view: View, seer: Seer) -> list[Listed]:
        match self._lists(view, seer):
            case [only]:
                return only.rows
            case several:
                return list(merge(*(each.rows for each in several), key=lambda one: self._places[one.conversation]))

    def _lists(self, view: View, seer: Seer) -> list[Ordered]:
        """What makes up a view; no row is in two of them."""
        match view:
            case View.MINE:
                return [self._by_agent[seer.name]]
            case View.TEAM:
                return [self._by_team[team] for team in seer.teams]
            case View.RISK:
                self._see_who_waits_too_long()
            case _:
                pass
        return [self._alike[view]]

    def _see_who_waits_too_long(self) -> None:
        """Nothing but time puts one at risk that stays as it is."""
        now = self._now()
        while self._soon and self._soon[0][0] <= now:
            since, conversation = heappop(self._soon)
            if self._risks.get(conversation) == since and conversation not in self._at_risk:
                self._at_risk.add(conversation)
                self._alike[View.RISK].put(self._rows[conversation], self._places[conversation])

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
            look = self._glance if len(looking) <= FEW else self._look
            found = await look(lambda transaction: people_have(transaction, sorted(looking)))
        except BaseException:
            self._touched |= looking
            raise
        seen = {one.conversation for one in found}
        self._rest_changed = self._rest_changed or len(seen) < len(looking)
        self._put(found, gone=[conversation for conversation in looking - seen if conversation in self._rows])

    def _put(self, found: Sequence[Listed], gone: Sequence[int]) -> None:
        for conversation in gone:
            self._take_out(conversation)
            self._at_risk.discard(conversation)
            del self._versions[conversation], self._risks[conversation]
        for one in found:
            still = replace(one, waiting_seconds=None)
            if self._rows.get(one.conversation) != still:
                if one.conversation in self._rows:
                    self._take_out(one.conversation)
                self._put_in(still)
                self._version += 1
                self._versions[one.conversation] = self._version
        if gone:
            self._version += 1

    def _put_in(self, one: Listed) -> None:
        conversation, place, risk = one.conversation, one.place, at_risk_from(one.situation)
        self._rows[conversation], self._places[conversation] = one, place
        for each in self._shown_in(one):
            each.put(one, place)
        # Whoever waits and writes again waits since the same moment as before.
        if risk is not None and (self._risks.get(conversation) != risk or conversation in self._at_risk):
            heappush(self._soon, (risk, conversation))
        self._risks[conversation] = risk
        self._at_risk.discard(conversation)

    def _take_out(self, conversation: int) -> None:
        one, place = self._rows.pop(conversation), self._places.pop(conversation)
        for each in self._shown_in(one):
            each.drop(place)
        if conversation in self._at_risk:
            self._alike[View.RISK].drop(place)

    def _shown_in(self, one: Listed) -> Iterator[Ordered]:
        """Every list that it is in for itself, whatever the time."""
        yield self._alike[View.ALL]
        for view in (View.UNASSIGNED, View.WAITING):
            if lists.shows(view, one, NOBODY, self._now()):
                yield self._alike[view]
        if one.agent is not None and one.owner is Owner.AGENT:
            yield self._by_agent[one.agent]
        if one.team is not None:
            yield self._by_team[one.team]

    def _tell_of_the_rest(self) -> bool:
        if self._rest_changed and time.monotonic() - self._rest_at >= THE_REST_EVERY:
            self._rest_changed, self._rest_at = False, time.monotonic()
            self._rest += 1
        return self._rest_changed or bool(self._touched) or self._everything
