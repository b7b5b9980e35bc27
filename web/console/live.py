"""Live: pages learn within a moment that what they show has changed, and fetch that piece anew.

A page says what it looks at in the address of its events, which `frame.html` builds with its block `looks_at`:

    {% block looks_at %}&conversation={{ thread.conversation }}{% endblock %}

and its pieces listen with `hx-trigger="sse:<event>"`:

    conversation   something in that Conversation: a message, its owner, a Delivery's state, a case, a note
    viewers        who else looks at it, or writes in it
    typing         the customer is writing, or has stopped
    inbox          what the list asked for with `&inbox=<its query>` shows (urlencoded; empty: anything in any list)
    alert          something for whoever is logged in, and nobody else (`touch(connection, [for_staff(3)])`)
    <topic>        of TOPICS, asked for with `&topic=board` (`touch(connection, ["board"])`)
    over           the session has ended

Verbs say what they change with `storage.touched.touch`; most do so by what they call (an Interaction, a Delivery, a
change by `desk.locked`). An event carries no content, so that what is fetched after it goes through the guard. It
carries the mark of what was told until then: a page that comes back with it (or with its own, from when it was
rendered) hears at once of all that it has missed, and of nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from desk import logins
from desk.logins import Present
from desk.rights import Right
from desk.sight import Kind, sees
from storage.touched import EVERYTHING, SESSIONS, What, for_staff
from web.console.visit import Visit

log = structlog.get_logger(__name__)

TOPICS: Final = frozenset({"board", "cases", "search", "campaigns"})
"""What pages may look at that is no conversation."""
AT_MOST_EVERY: Final = 0.2
"""Seconds between two events to one page, however much happens."""
TOGETHER: Final = 0.05
"""Seconds that news waits for what belongs to it: a message, and what was understood in it, are two commits."""
GIVING_WAY: Final = 20
"""A page hears later by this many times what the loop is late: customers' words come before the looking at them."""
LOOK: Final = 0.1
"""Seconds between two looks at how late the loop is."""
USUALLY: Final = 0.1
"""What one look counts: a moment's delay is no lateness."""
AT_LEAST_EVERY: Final = 5.0
"""Seconds after which a page hears of news, however late the loop is."""
LISTS_EVERY: Final = 0.15
"""Seconds between two looks at the lists."""
HEARTBEAT: Final = 15.0
"""Seconds after which a silent connection says that it lives, and whoever may no longer listen hears no more."""
REMEMBERED: Final = 20_000
"""Of how many things we know when they changed last; what is older counts as changed for whoever comes back."""
ALIVE: Final = b": alive\n\n"
OVER: Final = b"event: over\ndata: {}\n\n"


class Lists(Protocol):
    """The lists of conversations, as this process last saw them."""

    def touched(self, what: Iterable[What]) -> None:
        """These have changed, or everything has."""
        ...

    async def renew(self) -> bool:
        """Look at what has changed; whether there is more to look at."""
        ...

    def shown(self, present: Present, query: Mapping[str, str]) -> object:
        """What somebody sees of a list, as a value that changes with it."""
        ...


class Company(Protocol):
    """Who looks at a Conversation."""

    def come(self, conversation: int, present: Present) -> None: ...
    def go(self, conversation: int, present: Present) -> None: ...


@dataclass(eq=False, kw_only=True, slots=True)
class Page:
    """One open page."""

    present: Present
    conversation: int | None
    inbox: Mapping[str, str] | None
    listens: Mapping[What, str]
    """What to tell it of, and by which event."""
    due: set[str] = field(default_factory=set[str])
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    doubtful: bool = False
    """Whether it may still listen has to be looked up."""
    shown: object = None
    """What its list showed when it was told last."""

    def tell(self, event: str) -> None:
        self.due.add(event)
        self.wake.set()


class Live:
    """The pages that listen to this process."""

    def __init__(self) -> None:
        self.lists: Lists | None = None
        self.company: Company | None = None
        self.on_first: Callable[[], None] = lambda: None
        """Called when somebody begins to look where nobody did."""
        self._process = secrets.token_hex(4)
        self._told = 0
        self._forgotten = 0
        """What was told up to here is no longer known one by one."""
        self._changed: dict[What, int] = {}
        self._pages: set[Page] = set()
        self._listening: dict[What, set[Page]] = {}
        self._inboxes: set[Page] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._renew = False
        """Something was told that the lists may not show yet."""
        self._looking: asyncio.Task[None] | None = None
        self._late = 0.0
        """Seconds by which the loop is late, usually."""
        self._closing = False

    @property
    def looked_at(self) -> bool:
        """Somebody listens here."""
        return bool(self._pages)

    @property
    def conversations(self) -> list[int]:
        """That somebody here looks at."""
        return [what for what in self._listening if isinstance(what, int)]

    @property
    def mark(self) -> str:
        """All that was told until now."""
        return f"{self._process}-{self._told}"

    def tell(self, what: Iterable[What]) -> None:
        """These Conversations and topics have changed."""
        self._told += 1
        told = frozenset(what)
        if EVERYTHING in told:
            self._forgotten = self._told
            self._changed.clear()
            for page in self._pages:
                for event in page.listens.values():
                    page.tell(event)
        else:
            for each in told:
                self._changed.pop(each, None)
                self._changed[each] = self._told
                for page in self._listening.get(each, ()):
                    page.tell(page.listens[each])
            self._forget()
        if not told.isdisjoint((SESSIONS, EVERYTHING)):
            self._doubt_all()
        self._tell_lists(told)

    def close(self) -> None:
        """The process ends: pages come back by themselves, to this one or to another."""
        self._closing = True
        for page in self._pages:
            page.wake.set()
        for task in (self._renewing, self._looking):
            if task is not None:
                task.cancel()

    async def events(self, visit: Visit) -> web.StreamResponse:
        """Server-sent events (HTML standard, 9.2), until the page is left or its session ends."""
        page = _page(visit, await _looks_at(visit))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        response.headers["Cache-Control"] = "no-store"
        await response.prepare(visit.request)
        self._open(page)
        try:
            for event in self._missed(page, visit.request):
                page.tell(event)
            await response.write(b"retry: 1000\n\n")
            await self._tell_forever(visit, page, response)
        except ConnectionError:
            pass  # the page was left
        finally:
            self._leave(page)
        return response

    async def _tell_forever(self, visit: Visit, page: Page, response: web.StreamResponse) -> None:
        while not self._closing:
            if page.doubtful and not await self._may_listen(visit, page):
                await response.write(OVER)
                return
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await page.wake.wait()
            except TimeoutError:
                page.doubtful = True
                await response.write(ALIVE)
                continue
            await asyncio.sleep(TOGETHER)
            page.wake.clear()
            if page.due:
                due, page.due = sorted(page.due), set()
                await response.write(b"".join(_event(event, self.mark) for event in due))
                await asyncio.sleep(min(AT_MOST_EVERY + GIVING_WAY * self._late, AT_LEAST_EVERY))

    async def _look_at_the_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pages and not self._closing:
            due = loop.time() + LOOK
            await asyncio.sleep(LOOK)
            self._late += USUALLY * (loop.time() - due - self._late)

    async def _may_listen(self, visit: Visit, page: Page) -> bool:
        token = visit.token
        page.doubtful = False
        present = await visit.house.glance(lambda transaction: logins.who(transaction, token=token))
        # With other rights there is other news: the page asks again.
        return present is not None and present.rights == page.present.rights

    def _open(self, page: Page) -> None:
        if not self._pages:
            self.on_first()
        self._pages.add(page)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look_at_the_loop(), name="lateness")
        for what in page.listens:
            self._listening.setdefault(what, set()).add(page)
        if page.inbox is not None:
            self._inboxes.add(page)
            if self.lists is not None:
                page.shown = self.lists.shown(page.present, page.inbox)
        if page.conversation is not None and self.company is not None:
            self.company.come(page.conversation, page.present)

    def _leave(self, page: Page) -> None:
        self._pages.discard(page)
        self._inboxes.discard(page)
        for what in page.listens:
            self._listening[what].discard(page)
            if not self._listening[what]:
                del self._listening[what]
        if page.conversation is not None and self.company is not None:
            self.company.go(page.conversation, page.present)

    def _missed(self, page: Page, request: web.Request) -> set[str]:
        """What has changed since the page was rendered, or last heard from us."""
        heard = request.headers.get("Last-Event-ID") or request.query.get("mark", "")
        process, _, told = heard.partition("-")
        if process != self._process or not told.isdigit() or int(told) < self._forgotten:
            missed = set(page.listens.values())
            return missed if page.inbox is None else missed | {"inbox"}
        missed = {event for what, event in page.listens.items() if self._changed.get(what, 0) > int(told)}
        # A list is cheap to fetch, and what it showed then nobody remembers.
        return missed | {"inbox"} if page.inbox is not None and self._told > int(told) else missed

    def _forget(self) -> None:
        while len(self._changed) > REMEMBERED:
            oldest = next(iter(self._changed))
            self._forgotten = self._changed.pop(oldest)

    def _doubt_all(self) -> None:
        for page in self._pages:
            page.doubtful = True
            page.wake.set()

    def _tell_lists(self, told: frozenset[What]) -> None:
        if self.lists is None:
            return
        self.lists.touched(told)
        self._renew = True
        if self._inboxes and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.get_running_loop().create_task(self._renew_lists(self.lists), name="lists")

    async def _renew_lists(self, lists: Lists) -> None:
        """Until nothing is new: look, and tell the pages that show something else now."""
        while self._renew and self._inboxes and not self._closing:
            self._renew = False  # what is told from here on is looked at in the next round
            try:
                self._renew = await lists.renew() or self._renew
            except Exception as error:
                self._renew = True
                log.warning("lists_not_read", reason=type(error).__name__)
            for page in self._inboxes:
                shown = lists.shown(page.present, page.inbox or {})
                if shown != page.shown:
                    page.shown = shown
                    page.tell("inbox")
            await asyncio.sleep(LISTS_EVERY)


def _event(event: str, mark: str) -> bytes:
    return f"id: {mark}\nevent: {event}\ndata: {{}}\n\n".encode()


async def _looks_at(visit: Visit) -> int | None:
    """The Conversation that is asked for, where whoever looks may see it."""
    asked = visit.request.query.get("conversation", "")[:18]
    if Right.CONVERSE not in visit.who.rights or not (asked.isascii() and asked.isdigit()):
        return None
    number = int(asked)
    if not visit.sight.closed:
        return number
    seen = await visit.house.glance(lambda transaction: sees(transaction, Kind.CONVERSATION, number))
    return number if seen else None


def _page(visit: Visit, conversation: int | None) -> Page:
    """What a page listens to, as far as whoever looks at it may."""
    query, who = visit.request.query, visit.who
    listens: dict[What, str] = {for_staff(who.staff): "alert"}
    listens |= {topic: topic for topic in query.getall("topic", []) if topic in TOPICS}
    converses = Right.CONVERSE in who.rights
    if conversation is not None:
        listens |= {
            conversation: "conversation",
            viewers_of(conversation): "viewers",
            typing_in(conversation): "typing",
        }
    inbox = dict(parse_qsl(query["inbox"])) if converses and "inbox" in query else None
    return Page(present=who, conversation=conversation, inbox=inbox, listens=listens)


def viewers_of(conversation: int) -> str:
    """The topic of who looks at a Conversation."""
    return f"viewers:{conversation}"


def typing_in(conversation: int) -> str:
    """The topic of its customer's writing."""
    return f"typing:{conversation}"
