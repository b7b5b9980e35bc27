"""The gateway: where the packages meet. Built from settings, started, and stopped without losing anything."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from channels.envelope import SendError
from channels.protocol import Channel, HistoryEntry, Invites, Media, Polls, Streams, Threads, Typing
from desk import staff
from gateway.agenda import claim_due, claim_waiting
from gateway.answers import Retrying
from gateway.apply import Application
from gateway.assistants import own_assistant
from gateway.audience import Audience
from gateway.blobs import Blobs
from gateway.channels import channel_facts, configured_channels
from gateway.claims import Claim, TurnClaimed
from gateway.comprehension import Comprehension, Improves
from gateway.console import house_of, parts_of
from gateway.desk_knowledge import DeskKnowledge
from gateway.desk_work import DeskWork
from gateway.inside import measure_queues, ready
from gateway.lookups import Lookups, OrderEndpoint
from gateway.media import Fetcher
from gateway.metrics import Metrics
from gateway.news import (
    Acknowledged,
    Counted,
    FollowUpPlanned,
    LanesWaiting,
    MediaWanted,
    News,
    OutboxFilled,
    Streamed,
    Told,
)
from gateway.playbooks import Playbooks
from gateway.polling import Poller
from gateway.ports import ChannelPort
from gateway.readers import Readers
from gateway.receive import Reception
from gateway.search_upkeep import SearchUpkeep
from gateway.send import Sender, sweep_lost
from gateway.settings import Role, Settings
from gateway.settings_alerts import mailbox_of
from gateway.staff_alerts import TELEGRAM, StaffAlerts
from gateway.ticks import Ticks
from gateway.turns import Turns
from gateway.understanders import understander
from gateway.verbs import answer
from gateway.wakeups import WakeUp, Wakeups
from nlu.understanding import Language
from storage import address_news, channel_states, keys, lanes, outbox
from storage.commits import Commits, Transaction, Unavailable
from storage.conversations import close_idle
from storage.database import Database, open_database
from storage.link_codes import link_shown
from storage.touched import Touched
from web.app import Inside, create_app
from web.console.live import Live
from web.internal import Internal, internal_routes
from web.later import Later

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.retention import Sweeper

log = structlog.get_logger(__name__)

Boundary = Callable[[str], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Gateway:
    """One process of the house."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = utc_now,
        boundary: Boundary = lambda name: None,
        channels: Sequence[Channel] | None = None,
    ) -> None:
        """`boundary` is called around commits and sends, where tests let the house crash; `channels`: instead of those
        that the settings name."""
        self.settings = settings
        self.process = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.metrics = Metrics()
        self._clock = clock
        self._boundary = boundary
        self._given_channels = channels
        self._works = settings.server.role in (Role.ALL, Role.WORKER)
        self._serves = settings.server.role in (Role.ALL, Role.WEB)
        self.live = Live()
        self._timers: set[asyncio.TimerHandle] = set()
        self._background: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Open the database, take up what was left, and start everything that this process's role asks for."""
        settings = self.settings
        self.database: Database = open_database(settings.database_url.render_as_string(hide_password=False))
        self.playbooks = Playbooks(settings.playbook)
        self.wakeups = (
            None
            if settings.embedded
            else Wakeups(
                settings.database_url,
                self.process,
                self._on_wake,
                looked_at=lambda: self.audience.company.others_look,
                on_missed=self._missed,
            )
        )
        self.commits = Commits(
            self.database,
            self._clock,
            on_news=self._on_news,
            before_commit=self.wakeups.tell if self.wakeups else lambda transaction: None,
            observe=lambda items, seconds: self.metrics.committed("shared", items, seconds),
            boundary=self._boundary,
        )
        self.channels: Mapping[str, Channel] = {}
        self.audience = self._make_audience()
        await self.commits.start()
        self.blobs = Blobs(settings.data_dir / "blobs", self.commits, self.database)
        self.channels = {channel.name: channel for channel in await self._make_channels()}
        self.audience.channels = self.channels
        self.staff_alerts = self._make_staff_alerts()
        self.readers = Readers(self.channels, self.database, self._clock)
        self._streams = frozenset(name for name, channel in self.channels.items() if isinstance(channel, Streams))
        self.reception = Reception(
            process=self.process,
            works=self._works,
            idle=timedelta(hours=settings.conversation.idle_hours),
            # A channel shows a customer's own words to the tabs of its process; the others have to be told.
            streams=self._streams if self.wakeups is not None else frozenset(),
            media=frozenset(name for name, channel in self.channels.items() if isinstance(channel, Media)),
            windows={name: channel.window for name, channel in self.channels.items() if isinstance(channel, Threads)},
            patience=timedelta(minutes=settings.conversation.parts_minutes),
        )
        self.ports = {name: self._port(name) for name in self.channels}
        self.desk_knowledge = DeskKnowledge(self.database, self.playbooks)
        await self.desk_knowledge.look_again()
        await self._make_workers()
        await self._take_up_what_was_left()
        for name, channel in self.channels.items():
            await channel.start(self.ports[name])
        if self._works:
            for worker in (*self.senders.values(), *self.pollers):
                await worker.start()
        if self.wakeups is not None:
            await self.wakeups.start()
        self._start_ticks()

    async def stop(self) -> None:
        """Take nothing new in, finish what is in hand, let go."""
        self.ticks.stop()
        await self.desk.stop()
        self.audience.close()
        for timer in self._timers:
            timer.cancel()
        for poller in self.pollers:
            await poller.stop()
        # Before the channels: one that hangs up with a call on the wire will never know what became of it.
        await asyncio.gather(*(sender.stop() for sender in self.senders.values()))
        for channel in self.channels.values():
            await channel.stop()
        await self.turns.settle()
        if self.wakeups is not None:
            await self.wakeups.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.lookups.close()
        await self._stack.aclose()
        await self.commits.stop()
        await self.database.close()

    def application(self, *, internal_token: str | None = None) -> web.Application:
        """The web application of this process. `internal_token`: lets commands on this machine in who show it."""
        routes: list[web.AbstractRouteDef] = []
        parts: list[Later] = []
        if self._serves:
            routes += [route for channel in self.channels.values() for route in channel.routes()]
            house = house_of(
                self.settings,
                self.commits,
                self.database,
                self.playbooks,
                self._clock,
                live=self.live,
                audience=self.audience,
                channels=self.channels,
                blobs=self.blobs,
                staff_alerts=self.staff_alerts,
            )
            parts += parts_of(house, self.live)
        if internal_token is not None:
            internal = Internal(token=internal_token, do=partial(answer, self.commits))
            routes.extend(internal_routes(internal))
        inside = Inside(
            ready=lambda: ready(self.database, self.playbooks), metrics=self.metrics.exposition, demo=self._demo_facts
        )
        application = create_app(inside, routes, parts, demo=self._serves)
        application.on_shutdown.append(self._hush)
        return application

    async def _hush(self, _application: web.Application) -> None:
        # Pages that listen would keep a server open that is told to close.
        self.audience.close()

    async def first_link(self) -> str | None:
        """The token that makes somebody the first admin; None where people work here already."""
        return await self.commits.run(staff.first_link) if self._serves else None

    async def settle(self) -> None:
        """Wait until every claimed Turn is applied and everything due is sent: for tests and for the terminal."""
        # A tick may have claimed something in a commit that is not through yet.
        await self.commits.run(lambda transaction: None)
        await self.turns.settle()
        for sender in self.senders.values():
            await sender.send_due()
            await sender.settle_all()

    async def tick(self) -> None:
        """Take up what is due or was left behind; safe to call at any time, in any process."""
        await self._quietly(
            lambda transaction: claim_waiting(transaction, self.process),
            lambda transaction: claim_due(transaction, self.process),
        )

    async def _make_channels(self) -> Sequence[Channel]:
        if self._given_channels is not None:
            return self._given_channels
        key = await self.commits.run(lambda transaction: keys.find_or_make(transaction.connection, "webchat"))
        mail_key = await self.commits.run(lambda transaction: keys.find_or_make(transaction.connection, "mail"))
        return configured_channels(
            self.settings,
            webchat_key=key,
            mail_key=mail_key,
            zone=self.playbooks.playbook().hours.time_zone,
            clock=self._clock,
        )

    def _port(self, name: str) -> ChannelPort:
        return ChannelPort(
            name,
            commits=self.commits,
            database=self.database,
            reception=self.reception,
            blobs=self.blobs,
            on_typing=partial(self._customer_types, name),
            pages=partial(self._pages, name),
            leads_to=partial(self._leads_to, name),
            codes=self.staff_alerts.take_codes if name == TELEGRAM else None,
        )

    def _make_audience(self) -> Audience:
        return Audience(
            self.live,
            commits=self.commits,
            database=self.database,
            clock=self._clock,
            do=self._do,
            alone=self.settings.embedded,
        )

    def _make_staff_alerts(self) -> StaffAlerts:
        return StaffAlerts(
            self.commits,
            self.channels,
            process=self.process,
            mailbox=mailbox_of(self.settings.alerts, self.settings.mail),
            public_url=self.settings.server.public_url,
            business=lambda language: self.playbooks.playbook().policy.name[Language(language)],
        )

    def _make_desk(self) -> DeskWork:
        settings = self.settings

        def hooks() -> Hooks:
            from gateway.hooks import Hooks

            return Hooks(
                self.commits,
                self.database,
                process=self.process,
                clock=self._clock,
                allowed=settings.webhooks.allowed_networks,
                boundary=self._boundary,
            )

        def sweeper() -> Sweeper:
            from gateway.retention import Sweeper

            return Sweeper(settings.retention.periods, self.commits, self.blobs)

        return DeskWork(
            self._quietly,
            database=self.database,
            playbook=self.playbooks.playbook,
            hooks=hooks,
            sweeper=sweeper,
            tell_staff=self._tell_staff,
            at_once=settings.retention.takes_away,
        )

    def _missed(self) -> None:
        self.audience.missed()

    def _customer_types(self, channel: str, uri: str) -> None:
        self.audience.customer_types(channel, uri)

    def _leads_to(self, name: str) -> Sequence[str]:
        """Channels into which somebody on this one can be invited."""
        return [other for other, channel in self.channels.items() if other != name and isinstance(channel, Invites)]

    async def _pages(self, name: str, code: str) -> Mapping[str, str]:
        """Where somebody on this channel can go on with a code."""
        pages: dict[str, str] = {}
        for other, channel in self.channels.items():
            if other != name and isinstance(channel, Invites):
                try:
                    pages[other] = await channel.invitation(code)
                except SendError as error:
                    log.info("invitation_not_given", channel=other, reason=error.code)
        return pages

    async def _make_workers(self) -> None:
        settings = self.settings
        endpoint = settings.orders
        self.lookups = Lookups(
            self.database,
            OrderEndpoint(
                url=endpoint.endpoint,
                token=endpoint.token.get_secret_value() if endpoint.token else None,
                timeout=endpoint.timeout,
            )
            if endpoint.endpoint
            else None,
        )
        self._stack = AsyncExitStack()
        self.engine = await understander(settings, self.playbooks, self.metrics, self._stack)
        self.turns = Turns(
            self.commits,
            Application(
                process=self.process,
                streams=self._streams,
                deadline=timedelta(minutes=settings.sending.deadline_minutes),
            ),
            Comprehension(self.engine, self.playbooks.knowledge, await self._by_meaning()),
            self.lookups,
            playbook=self.playbooks.playbook,
            channels={name: channel_facts(channel) for name, channel in self.channels.items()},
            keywords=frozenset(name for name, channel in self.channels.items() if channel.limits.keywords),
            clock=self._clock,
            observe=self.metrics.turn,
            on_slow=self._show_typing,
            assistant=await own_assistant(settings.assistant, self.commits, self.metrics, self._stack),
        )
        self.fetcher = Fetcher(self.channels, self.blobs, self.commits)
        self.desk = self._make_desk()
        self.search = SearchUpkeep(self.commits.run)
        self.senders = {name: self._sender(channel) for name, channel in self.channels.items()}
        self.pollers = [
            Poller(name, channel, self.commits, process=self.process)
            for name, channel in self.channels.items()
            if isinstance(channel, Polls)
        ]

    async def _by_meaning(self) -> Improves | None:
        """Who finds knowledge by meaning, where the settings want the sentence encoder and it is there."""
        if self.settings.nlu.engine != "semantic":
            return None
        from gateway.meanings import meanings_of

        meanings = await asyncio.to_thread(meanings_of, self.settings.data_dir / "models", self.playbooks.playbook)
        if meanings is None:
            return None
        self._stack.push_async_callback(meanings.stop)
        return meanings.improve

    def _sender(self, channel: Channel) -> Sender:
        sending = self.settings.sending
        return Sender(
            channel,
            self.commits,
            process=self.process,
            business_zone=lambda: self.playbooks.playbook().hours.time_zone.key,
            retrying=Retrying(
                attempts=sending.attempts,
                backoff=timedelta(seconds=sending.backoff_seconds),
                backoff_max=timedelta(seconds=sending.backoff_max_seconds),
            ),
            boundary=self._boundary,
        )

    async def _take_up_what_was_left(self) -> None:
        """On SQLite nobody else can be alive: what a dead process held is free at once."""
        if self.settings.embedded:
            await self.commits.run(lambda transaction: lanes.forget_holders(transaction.connection))
            await self.commits.run(lambda transaction: channel_states.forget_holders(transaction.connection))
            await self.commits.run(lambda transaction: sweep_lost(transaction, self._idempotent(), everyone=True))
        await self.tick()

    def _idempotent(self) -> Mapping[str, bool]:
        return {name: channel.limits.idempotent for name, channel in self.channels.items()}

    def _start_ticks(self) -> None:
        every: dict[Callable[[], Any], int] = {
            self.tick: 1,
            self._sweep: 10,
            self._link: 1,
            self._close_idle: 60,
            self.playbooks.look_again: 2,
            self._measure: 5,
            self._fetch_media: 5,
            self._index: 1,
            self._look_at_knowledge: 3,
        }
        if self._works:
            every[self.desk.look] = 1
        if self.wakeups is not None:
            every[self.readers.push_missed] = 1
            every[self.audience.announce] = 15
        self.ticks = Ticks(every, on_set_back=self.begin_anew)
        self.ticks.start()

    async def begin_anew(self) -> None:
        """The wall clock was set back: what waits for a moment by the old clock would wait for that much longer."""
        await self._quietly(lambda transaction: outbox.release(transaction.connection, transaction.now))
        for sender in self.senders.values():
            sender.wake()

    async def _sweep(self) -> None:
        await self._quietly(
            lambda transaction: sweep_lost(transaction, self._idempotent(), everyone=False),
            lambda transaction: address_news.settle_missed(transaction.connection, transaction.now),
            self.reception.give_up_parts,
        )

    async def _close_idle(self) -> None:
        idle = timedelta(hours=self.settings.conversation.idle_hours)
        await self._quietly(
            lambda transaction: close_idle(transaction.connection, before=transaction.now - idle, now=transaction.now)
        )

    async def _link(self) -> None:
        await self._quietly(lambda transaction: link_shown(transaction.connection, transaction.now))

    async def _quietly(self, *verbs: Callable[[Transaction], Any]) -> None:
        async def one_after_the_other() -> None:
            for verb in verbs:
                await self.commits.run(verb)

        if self._works:
            await _with_database(one_after_the_other)

    async def _tell_staff(self) -> None:
        await _with_database(self.staff_alerts.send_due)

    async def _look_at_knowledge(self) -> None:
        """What people at the desk wrote and approved becomes part of what the assistant knows, in every process."""
        try:
            await self.desk_knowledge.look_again()
        except (DBAPIError, PoolTimeout) as error:
            log.warning("knowledge_not_looked_at", reason=type(error).__name__)

    async def _index(self) -> None:
        if self._works:
            await _with_database(self.search.keep_up)

    async def _fetch_media(self) -> None:
        if self._works:
            await _with_database(self.fetcher.fetch_due)

    async def _measure(self) -> None:
        try:
            self.metrics.waiting(
                await self.database.read_aside(lambda connection: measure_queues(connection, self._clock()))
            )
        except Exception as error:
            log.warning("queues_not_measured", reason=type(error).__name__)
        for name, number in self.readers.count().items():
            self.metrics.connected(name, number)

    def _on_news(self, news: Sequence[News]) -> None:
        """What a commit of this process means for this process."""
        claims: list[Claim] = []
        streamed: dict[str, dict[str, list[HistoryEntry]]] = {}
        for item in news:
            match item:
                case TurnClaimed():
                    claims.append(item.claim)
                case Streamed() if item.entry.inbound:
                    pass  # for other processes
                case Streamed():
                    streamed.setdefault(item.channel, {}).setdefault(item.uri, []).append(item.entry)
                case OutboxFilled():
                    if item.channel in self.senders:
                        self.senders[item.channel].wake()
                case FollowUpPlanned():
                    self._tick_in(item.seconds)
                case MediaWanted():
                    self._do(self._fetch_media())
                case Touched():
                    self.audience.touched(item.what)
                case Acknowledged():
                    self.audience.acknowledged(item.channel, item.external_ids)
                case Told():
                    pass  # for other processes
                case LanesWaiting():
                    pass  # for the others: this process does not work lanes
                case Counted():
                    self.metrics.add(item.counts)
        self.desk.wake()
        self.readers.publish(streamed)
        self.turns.start(claims)

    def _show_typing(self, channel: str, uri: str) -> None:
        speaker = self.channels.get(channel)
        if isinstance(speaker, Typing):
            self._do(speaker.typing(uri))

    def _tick_in(self, seconds: float) -> None:
        """A Follow-up is due soon: be there on time, not at the next tick."""
        loop = asyncio.get_running_loop()

        def ring() -> None:
            self._timers.discard(timer)
            self._do(self.tick())

        timer = loop.call_later(seconds + 0.002, ring)
        self._timers.add(timer)

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _on_wake(self, wake: WakeUp) -> None:
        """What another process's commit means for this one."""
        if wake.lanes:
            self._do(self.tick())
        for name in wake.outbox:
            if self._works and name in self.senders:
                self.senders[name].wake()
        if wake.streamed and self.readers.anyone():
            self._do(self.readers.push(wake.streamed))
        if wake.touched:
            self.audience.touched(wake.touched)
        for channel, external_ids in wake.acknowledged.items():
            self.audience.acknowledged(channel, external_ids)
        self.audience.hear(wake.process, wake.told)

    def _demo_facts(self) -> Mapping[str, Any]:
        policy = self.playbooks.playbook().policy
        return {"business": {str(language): name for language, name in policy.name.items()}}


async def _with_database(work: Callable[[], Awaitable[Any]]) -> None:
    """What needs it is done at the next tick where it is away."""
    try:
        await work()
    except Unavailable:
        log.warning("tick_without_database")
