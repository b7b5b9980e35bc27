"""Company: who else looks at a conversation, who of them writes, and whether the customer is writing just now.

Nothing of it is stored: it is known for as long as the pages are open. Where several processes serve pages, each tells
the others of its own, and what it told is forgotten when it falls silent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from desk import typing
from desk.logins import Present
from desk.refusals import NotFound, Refused
from desk.rights import Right
from storage.touched import What
from web.console.live import typing_in, viewers_of
from web.console.page import get, post
from web.console.visit import Visit

WRITING: Final = 6.0
"""Seconds for which one keystroke counts as writing."""
HELD: Final = 45.0
"""Seconds for which we believe another process what it told us."""
A_MESSAGE: Final = 40
"""Conversations that one word to the other processes speaks of: it must stay small."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Viewer:
    """A colleague at the same conversation."""

    staff: int
    name: str
    writes: bool


@dataclass(kw_only=True, slots=True)
class _Here:
    """Somebody at a conversation."""

    name: str
    pages: int = 0
    writes_until: float = 0.0


@dataclass(kw_only=True, slots=True)
class _Elsewhere:
    """What another process told of its pages."""

    until: float
    at: dict[int, dict[int, _Here]] = field(default_factory=dict[int, dict[int, _Here]])


class Company:
    """Who is where, in this process and, as they tell us, in the others."""

    def __init__(
        self,
        *,
        tell: Callable[[Sequence[What]], None],
        later: Callable[[float, Callable[[], None]], None],
        now: Callable[[], float],
        share: Callable[[Mapping[str, Any]], None] = lambda said: None,
        looked_at: Callable[[], bool] = lambda: True,
    ) -> None:
        """`tell`: pages here; `share`: what the other processes should hear; `later`: calls after so many seconds;
        `now`: seconds of a clock that nobody sets; `looked_at`: pages are open here."""
        self._looked_at = looked_at
        self._tell = tell
        self._share = share
        self._later = later
        self._now = now
        self._here: dict[int, dict[int, _Here]] = {}
        self._elsewhere: dict[str, _Elsewhere] = {}
        self._customers: dict[int, float] = {}

    @property
    def others_look(self) -> bool:
        """Pages are open in other processes."""
        now = self._now()
        return any(process.until > now for process in self._elsewhere.values())

    def come(self, conversation: int, present: Present) -> None:
        here = self._here.setdefault(conversation, {}).setdefault(present.staff, _Here(name=present.name))
        here.pages += 1
        if here.pages == 1:
            self._changed(conversation)

    def go(self, conversation: int, present: Present) -> None:
        at = self._here.get(conversation, {})
        here = at.get(present.staff)
        if here is None:
            return
        here.pages -= 1
        if here.pages <= 0:
            del at[present.staff]
            if not at:
                del self._here[conversation]
            self._changed(conversation)

    def writes(self, conversation: int, present: Present) -> None:
        """One of us presses keys in a page that is open here."""
        here = self._here.get(conversation, {}).get(present.staff)
        if here is not None:
            began = here.writes_until <= self._now()
            here.writes_until = self._now() + WRITING
            self._share(self._said([conversation]))
            self._fade(viewers_of(conversation))
            if began:
                self._tell([viewers_of(conversation)])

    def customer_writes(self, conversation: int, *, share: bool = True) -> None:
        """The customer presses keys, in whichever process that was noticed."""
        began = not self.customer_is_writing(conversation)
        self._customers[conversation] = self._now() + WRITING
        if share:
            self._share({"writing": [conversation]})
        self._fade(typing_in(conversation))
        if began:
            self._tell([typing_in(conversation)])

    def wrote(self, what: frozenset[What]) -> None:
        """Something has come in these: whoever was writing there is not writing it any more."""
        for conversation in [each for each in self._customers if each in what]:
            del self._customers[conversation]
            self._tell([typing_in(conversation)])

    def customer_is_writing(self, conversation: int) -> bool:
        return self._customers.get(conversation, 0.0) > self._now()

    def others(self, conversation: int, *, but: int) -> list[Viewer]:
        """Colleagues at it, by name."""
        now, found = self._now(), dict[int, Viewer]()
        told = [process.at for process in self._elsewhere.values() if process.until > now]
        for at in (self._here, *told):
            for staff, here in at.get(conversation, {}).items():
                if staff != but:
                    writes = here.writes_until > now or (staff in found and found[staff].writes)
                    found[staff] = Viewer(staff=staff, name=here.name, writes=writes)
        return sorted(found.values(), key=lambda viewer: viewer.name)

    def announce(self) -> None:
        """To the other processes: we are here, and these are at our pages. From time to time, and when asked."""
        conversations = list(self._here)
        for first in range(0, len(conversations) or 1, A_MESSAGE):
            self._share(self._said(conversations[first : first + A_MESSAGE]))

    def hear(self, process: str, said: Mapping[str, Any]) -> None:
        """What another process said: its viewers of some conversations, or that a customer writes."""
        self._forget()
        for conversation in said.get("writing", ()):
            self.customer_writes(int(conversation), share=False)
        if "viewers" not in said:
            return
        if process not in self._elsewhere:
            self._elsewhere[process] = _Elsewhere(until=0.0)
            if self._looked_at():
                self.announce()  # it is new, and has not heard of us
        theirs = self._elsewhere[process]
        theirs.until = self._now() + HELD
        for key, viewers in said["viewers"].items():
            conversation = int(key)
            theirs.at[conversation] = {
                int(staff): _Here(name=str(name), writes_until=self._now() + float(seconds))
                for staff, name, seconds in viewers
            }
            if not theirs.at[conversation]:
                del theirs.at[conversation]
            self._tell([viewers_of(conversation)])
            if any(seconds for _, _, seconds in viewers):
                self._fade(viewers_of(conversation))

    def _changed(self, conversation: int) -> None:
        self._tell([viewers_of(conversation)])
        self._share(self._said([conversation]))

    def _said(self, conversations: Sequence[int]) -> dict[str, Any]:
        now = self._now()
        return {
            "viewers": {
                str(conversation): [
                    [staff, here.name, round(max(here.writes_until - now, 0.0), 1)]
                    for staff, here in self._here.get(conversation, {}).items()
                ]
                for conversation in conversations
            }
        }

    def _fade(self, topic: str) -> None:
        """Nobody says that they have stopped: the pages look again when it must have faded."""
        self._later(WRITING + 0.1, lambda: self._tell([topic]))

    def _forget(self) -> None:
        now = self._now()
        for process in [name for name, each in self._elsewhere.items() if each.until <= now]:
            for conversation in self._elsewhere.pop(process).at:
                self._tell([viewers_of(conversation)])


async def show(visit: Visit) -> web.Response:
    """Who else is here: a piece of the conversation's head."""
    conversation = _number(visit)
    return visit.page(
        "conversation/viewers_now.html",
        others=visit.house.company.others(conversation, but=visit.who.staff),
        customer_writes=visit.house.company.customer_is_writing(conversation),
    )


async def write(visit: Visit) -> web.Response:
    """Keys are pressed in the reply: colleagues see it, and, where the channel can show it, the customer."""
    conversation, who = _number(visit), visit.who
    visit.house.company.writes(conversation, who)
    try:
        shown = await visit.house.glance(
            lambda transaction: typing.shown_to(transaction, conversation=conversation, by=who.name)
        )
    except (NotFound, Refused):
        shown = None
    if shown is not None:
        visit.house.show_typing(shown.channel, shown.uri)
    return web.Response(status=204)


def _number(visit: Visit) -> int:
    return int(visit.request.match_info["id"][:18])


AT: Final = "/console/conversations/{id:[0-9]+}"

ROUTES = (
    get(f"{AT}/company", Right.CONVERSE, show),
    post(f"{AT}/writing", Right.CONVERSE, write),
)
