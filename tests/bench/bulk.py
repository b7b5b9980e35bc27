"""Bulk: thousands of texts and mails that wait in the outbox of a real gateway, beside bare clients.

`python -m tests.bench.bulk URL TEXTS` is the bare client for text messages; it prints how many it were a second.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
import uvloop
from sqlalchemy import Connection, Table, event, insert

from channels.sms.settings import LIMITS
from storage.contacts import Address, Contact
from storage.conversations import Conversation, ConversationState, Owner
from storage.database import sqlite_engine
from storage.deliveries import Delivery
from storage.interactions import Direction, Interaction, InteractionKind
from storage.lanes import Lane
from storage.migrations import migrate
from storage.outbox import PATIENT, PRIORITY
from storage.schema import Entity
from tests.bench import houses, mail_out, report
from tests.bench.generator import ROOT
from tests.bench.old import hurry
from tests.bench.processes import NotReady, Running, cpu, forget_peak, memory, printed, running
from tests.bench.report import Aim, Findings

if TYPE_CHECKING:
    from tests.bench.sections import Workshop

AT_ONCE: Final = LIMITS.concurrency
"""Texts on the wire: the gateway's, and so the bare client's."""
AT_A_TIME: Final = 1000
"""Contacts written with one statement a table."""
HOLD: Final = timedelta(seconds=20)
"""From when the outbox is filled until it is due: the gateway has started by then, and is calm."""
PATIENCE: Final = 300.0
"""Seconds until everything must have left."""
FROM: Final = "+15017122661"
SETTINGS: Final = """
[[mail]]
address = "support@shop.example"
from_name = "好店客服"
[mail.smtp]
host = "127.0.0.1"
port = {port}
security = "plain"
no_login = true
connections = {connections}
per_second = 10000

[[sms]]
provider = "twilio"
account = "ACbench"
token = "0123456789abcdef0123456789abcdef"
sender = "{sender}"
api_base = "{api}"
segments_per_second = 10000
"""


class NotAllSent(Exception):
    """The books do not say what they should: then no figure is worth anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One outbox emptied."""

    per_second: float
    cpu: float
    """Microseconds of the gateway for one message."""
    before: float
    """Megabytes, when nothing had left yet."""
    first: float
    """Megabytes, the most in the first half of the time."""
    peak: float
    """Megabytes, the most at all."""


def bulk(shop: Workshop) -> Findings:
    """Texts, then mails, contestants in turns."""
    count = 500 if shop.quick else 20_000
    title = f"Bulk: {count:,} texts and {count:,} mails through the outbox (SQLite)"
    tables: list[report.Table] = []
    aims: list[Aim] = []
    notes = [
        "Everything lay in the outbox of a `rapport run` (contacts, addresses, conversations, interactions, "
        "deliveries), due some seconds after its start. Speed is that of the books, from the first message recorded "
        "as sent to the last; afterwards all of them were, none twice. The provider of texts is a process on the same "
        "machine that answers as Twilio does; the bare client posts the same forms, as many at once, and keeps nothing."
    ]
    with ExitStack() as stack:
        provider = stack.enter_context(_provider(shop.folder))
        smtp = stack.enter_context(mail_out.sink(shop)) if os.access(mail_out.SINK, os.X_OK) else None
        if smtp is None:
            notes.append("Mails: not measured, smtp-sink is not installed (apt install postfix).")
        settings = SETTINGS.format(port=smtp or 1, connections=mail_out.CONNECTIONS, sender=FROM, api=provider.url)
        contests: list[tuple[str, str, float, Callable[[], float]]] = [
            ("sms", "bare aiohttp client", 0.7, lambda: printed("tests.bench.bulk", provider.url, count)),
        ]
        if smtp is not None:
            contests.append(
                ("mail", "aiosmtplib pool, standard library", 2, lambda: mail_out.handed_over("bare", smtp, count // 5))
            )
        for channel, name, wanted, bare in contests:
            ours: list[Sent] = []
            theirs: list[float] = []
            for number in range(shop.pace.rounds):
                ours.append(_emptied(shop, f"bulk-{channel}-{number}", channel, settings, count))
                if channel == "sms":
                    _expect_taken(provider.url, count)
                theirs.append(bare())
                shop.tell(f"{channel}, round {number + 1}: {ours[-1].per_second:,.0f}/s, bare {theirs[-1]:,.0f}/s")
                if channel == "sms":
                    _expect_taken(provider.url, count)
            tables.append(_table(channel, name, ours, theirs))
            times = median(a.per_second / b for a, b in zip(ours, theirs, strict=True))
            aims.append(Aim.at_least(f"{channel} through the outbox, times the {name}", wanted, times))
            grown = median(each.peak - each.first for each in ours)
            aims.append(Aim.below(f"{channel}: megabytes more in the second half than in the first", 10, grown))
    return Findings(title=title, tables=tables, aims=aims, notes=notes)


def _table(channel: str, name: str, ours: Sequence[Sent], theirs: Sequence[float]) -> report.Table:
    def middle(of: Callable[[Sent], float]) -> str:
        return f"{median(of(each) for each in ours):,.0f}"

    memories = [middle(lambda each: each.before), middle(lambda each: each.first), middle(lambda each: each.peak)]
    return report.Table(
        columns=[channel, "a second (all rounds)", "CPU µs each", "MB before", "first half", "peak"],
        rows=[
            ["Rapport", mail_out.spread([each.per_second for each in ours]), middle(lambda each: each.cpu), *memories],
            [name, mail_out.spread(theirs), "", "", "", ""],
        ],
    )


def _provider(folder: Path) -> AbstractContextManager[Running]:
    return running(
        [sys.executable, "-m", "tests.bench.twilio"],
        log=folder / "twilio.log",
        ready=lambda log: log.split()[1] if log.endswith("\n") and log.startswith("ready ") else None,
        environment=os.environ,
        folder=ROOT,
    )


def _expect_taken(url: str, count: int) -> None:
    with urllib.request.urlopen(url) as answer:
        messages, numbers = map(int, answer.read().split())
    if (messages, numbers) != (count, count):
        raise NotAllSent(f"the provider saw {messages} texts to {numbers} numbers, not {count}")


def _emptied(shop: Workshop, name: str, channel: str, settings: str, count: int) -> Sent:
    folder = shop.new(name)
    toml = folder / "bench.toml"
    toml.write_text(settings, "utf-8")
    due = _filled(folder, channel, count)
    with houses.gateway(folder, settings={"RAPPORT_SETTINGS": str(toml)}) as process:
        calm = (due - datetime.now(UTC)).total_seconds() - 0.5
        if calm < 0:
            raise NotReady(f"the gateway took {process.took:.1f} s to start")
        time.sleep(calm)
        forget_peak([process.pid])
        before, spent = memory([process.pid], "VmRSS"), cpu([process.pid])[process.pid]
        resident = list(_watched(process, folder / "rapport.sqlite3"))
        spent = cpu([process.pid])[process.pid] - spent
        peak = memory([process.pid], "VmHWM")
    return Sent(
        per_second=_per_second(folder / "rapport.sqlite3", count),
        cpu=spent / count * 1e6,
        before=before,
        first=max(resident[: len(resident) // 2 + 1]),
        peak=peak,
    )


def _watched(process: Running, database: Path) -> Iterator[float]:
    """Megabytes, again and again from the first message until nothing waits or is on the wire."""
    began = time.perf_counter()
    active = "SELECT count(*) FROM deliveries WHERE status IN ('queued', 'retrying', 'sending')"
    whole = houses.ask(f"sqlite:///{database}", active)
    while left := houses.ask(f"sqlite:///{database}", active):
        if time.perf_counter() - began > PATIENCE:
            raise NotAllSent(f"{left} wait after {PATIENCE:.0f} s")
        if left < whole:
            yield memory([process.pid], "VmRSS")
        time.sleep(0.1)
    yield memory([process.pid], "VmRSS")


def _per_second(database: Path, count: int) -> float:
    """By the books: those recorded after the first, in the time since it."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        books = dict(connection.execute("SELECT status, count(*) FROM deliveries GROUP BY status").fetchall())
        if books != {"sent": count}:
            raise NotAllSent(f"{count} were to be sent, the books say {books}")
        first, last = connection.execute("SELECT min(sent_at), max(sent_at) FROM deliveries").fetchone()
        later = connection.execute("SELECT count(*) FROM deliveries WHERE sent_at > ?", [first]).fetchone()[0]
    finally:
        connection.close()
    seconds = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()
    return later / seconds


# The outbox


def _filled(folder: Path, channel: str, count: int) -> datetime:
    """Write everything beforehand; returns when it is due."""
    path = folder / "rapport.sqlite3"
    migrate(f"sqlite:///{path}")
    engine = sqlite_engine(path)
    event.listen(engine, "connect", hurry)
    due = datetime.now(UTC) + HOLD
    with engine.connect() as connection:
        for first in range(1, count + 1, AT_A_TIME):
            with connection.begin():
                _write(connection, range(first, min(first + AT_A_TIME, count + 1)), channel, due)
    engine.dispose()
    # Else the gateway's first fsync would wait for what it never wrote.
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return due


def _write(connection: Connection, numbers: Iterable[int], channel: str, due: datetime) -> None:
    rows: dict[type[Entity], list[dict[str, Any]]] = {}
    for number in numbers:
        for entity, row in _rows(number, channel, due):
            rows.setdefault(entity, []).append(row)
    for entity, of_entity in rows.items():
        table = entity.__table__
        assert isinstance(table, Table)
        connection.execute(insert(table), of_entity)


def _rows(number: int, channel: str, due: datetime) -> Iterator[tuple[type[Entity], dict[str, Any]]]:
    at = due - HOLD
    uri, message = _mail(number) if channel == "mail" else _text(number)
    place = {"contact_id": number, "address_id": number, "conversation_id": number, "channel": channel}
    yield (
        Contact,
        {
            "id": number,
            "name": f"Customer {number}",
            "language": message["language"],
            "time_zone": "Asia/Shanghai",
            "tier": "ordinary",
            "created_at": at,
        },
    )
    yield Address, {"id": number, "contact_id": number, "uri": uri, "created_at": at}
    yield Lane, {"contact_id": number, "fence": 0, "newest": 0, "handled": 0}
    yield (
        Conversation,
        {
            "id": number,
            "contact_id": number,
            "address_id": number,
            "channel": channel,
            "thread": f"t{number}" if channel == "mail" else "",
            "state": ConversationState.OPEN,
            "owner": Owner.BOT,
            "epoch": 0,
            "memory": {},
            "opened_at": at,
            "last_at": at,
            "priority": 3,
        },
    )
    yield (
        Interaction,
        {
            "id": number,
            **place,
            "direction": Direction.OUT,
            "kind": InteractionKind.MESSAGE,
            "author": "bot",
            "text": message["text"],
            "content": {},
            "at": at,
            "stored_at": at,
        },
    )
    yield (
        Delivery,
        {
            "id": number,
            **place,
            "interaction_id": number,
            "purpose": "transactional",
            "priority": PRIORITY["transactional"],
            "message": message,
            "status": "queued",
            "epoch": 0,
            "due_at": due,
            "deadline": due + PATIENT,
            "attempts": 0,
            "queued_at": at,
            "updated_at": at,
        },
    )


def _text(number: int) -> tuple[str, dict[str, Any]]:
    return f"tel:{_phone(number)}", {"text": _words(number), "language": ("zh-Hans", "en")[number % 2]}


def _phone(number: int) -> str:
    return f"+1555{number:07}"


def _words(number: int) -> str:
    """One segment each, half of them in the alphabet of Chinese."""
    if number % 2:
        return f"Your order A-10{number} has left our warehouse and should be with you tomorrow. https://shop.example/t/{number}"
    return f"您的订单 A-10{number} 已发货，预计明天送达。https://shop.example/t/{number}"


def _mail(number: int) -> tuple[str, dict[str, Any]]:
    """The mail that the bare pool writes."""
    message = mail_out.message_of(number)
    quoted = message.quoted
    assert quoted is not None
    return message.address, {
        "text": message.text,
        "language": message.language,
        "subject": message.subject,
        "reply_to": message.reply_to,
        "references": list(message.references),
        "quoted": {"author": quoted.author, "at": quoted.at.isoformat(), "text": quoted.text},
    }


# The bare client


async def _post(url: str, count: int) -> float:
    numbers = iter(range(1, count + 1))
    url = f"{url}/2010-04-01/Accounts/ACbench/Messages.json"
    headers = {"Authorization": aiohttp.encode_basic_auth("ACbench", "0123456789abcdef0123456789abcdef")}

    async def some(http: aiohttp.ClientSession) -> None:
        for number in numbers:
            form = {"To": _phone(number), "Body": _words(number), "From": FROM}
            async with http.post(url, data=form) as answer:
                assert answer.status == 201
                assert orjson.loads(await answer.read())["sid"]

    async with aiohttp.ClientSession(headers=headers) as http:
        began = time.perf_counter()
        await asyncio.gather(*(some(http) for _ in range(AT_ONCE)))
        return count / (time.perf_counter() - began)


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        print(loop.run(_post(sys.argv[1], int(sys.argv[2]))))


if __name__ == "__main__":
    main()
