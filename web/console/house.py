"""The house, as far as the console needs it: what the gateway gives it at the start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from aiohttp import web

from bot.playbook import Playbook
from channels.protocol import Blob, Channel
from desk.logins import Present
from storage.alerts import Way
from storage.commits import Transaction
from storage.sight import Sight
from web.console.provider import Provider
from web.console.rendered import Rendered
from web.console.waiting import Waiting

R = TypeVar("R")

LINES: Final = 20_000
"""Some tens of megabytes of them."""


class Viewer(Protocol):
    """A colleague at a conversation."""

    @property
    def name(self) -> str: ...
    @property
    def writes(self) -> bool: ...


class Company(Protocol):
    """Who looks at which conversation (`web.console.company`)."""

    def writes(self, conversation: int, present: Present) -> None: ...
    def others(self, conversation: int, *, but: int) -> Sequence[Viewer]: ...
    def customer_is_writing(self, conversation: int) -> bool: ...


class StaffWays(Protocol):
    """How the staff can be told something away from the console (`gateway.staff_alerts`)."""

    @property
    def ways(self) -> Collection[Way]: ...
    async def telegram_page(self, code: str) -> str | None:
        """Where a code is shown to the house's bot; None: there is none, or it does not answer."""
        ...


class Teaches(Protocol):
    """Brings what people say was meant into the training data (`gateway.learning`)."""

    async def intents(self) -> Sequence[str]:
        """What can be meant."""
        ...

    async def teach(self, *, interaction: int, intent: str, by: str, text: str | None, anyway: bool) -> None:
        """Raises Refused."""
        ...


class Runs(Protocol):
    """Runs a verb."""

    def __call__(self, verb: Callable[[Transaction], R], /) -> Awaitable[R]:
        """Raises storage.commits.Unavailable, and what the verb raises."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """What the console works with."""

    do: Runs
    """In the next shared commit."""
    look: Runs
    """On committed data; what it would change is lost."""
    glance: Runs
    """The same for a row or two by their keys, without the way that longer work takes beside the conversations."""
    now: Callable[[], datetime]
    client: Callable[[web.Request], str]
    """The address that somebody calls from, as logs and throttles know it."""
    host: Callable[[web.Request], str]
    """The name and port by which they know us."""
    business: Callable[[str], str]
    """Its name in a language."""
    playbook: Callable[[], Playbook]
    """The one in force: the business's rules, texts and opening hours."""
    mark: Callable[[], str]
    """Up to where changes were told to pages: what is shown now knows of all of them."""
    company: Company
    """Who looks at which conversation."""
    waiting: Waiting
    """What people have."""
    channel: Callable[[str], Channel | None]
    """What a Channel's name stands for; None: it is not configured any more."""
    keep: Callable[[bytes, str], Awaitable[Blob]]
    """Keep content of a type as a blob. Raises channels.protocol.StorageUnavailable."""
    blob: Callable[[str], Awaitable[Blob | None]]
    """A kept blob by its hash. Raises channels.protocol.StorageUnavailable."""
    show_typing: Callable[[str, str], None]
    """Show somebody, by channel and address, that we are writing."""
    channels: Sequence[str]
    """Names of those that are configured."""
    staff_ways: StaffWays
    """Mail and Telegram to the staff."""
    teaching: Teaches
    secure: bool
    """The world reaches us over TLS: cookies travel over nothing else."""
    openid: Provider | None = None
    """The business's own login; None: there is none."""
    lines: Rendered = field(default_factory=lambda: Rendered(most=LINES))
    """Of conversations, as they were shown last."""


def seen_by(house: House, sight: Sight) -> House:
    """The same house, as far as somebody sees it: whatever verb they run looks through their eyes."""
    if not sight.closed:
        return house

    def through(runs: Runs) -> Runs:
        def run(verb: Callable[[Transaction], R], /) -> Awaitable[R]:
            return runs(lambda transaction: verb(transaction.seen_by(sight)))

        return run

    return replace(house, do=through(house.do), look=through(house.look), glance=through(house.glance))
