"""A full mailbox: how fast the waiting mails of a real Dovecot are stored, each with contact, conversation and turn."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench import houses
from tests.bench.report import Findings, Table
from tests.channels.dovecot import PASSWORD, Dovecot, is_installed

if TYPE_CHECKING:
    from tests.bench.sections import Workshop

SENDERS: Final = 500
TEXT: Final = "Hello,\n\nhow long does delivery to Hong Kong take?\n\nBest regards\nReader {number}\n"


def mailbox(shop: Workshop) -> Findings:
    """What is stored a second: mails of customers, whose turns begin at once, and mails that nobody answers."""
    count = 500 if shop.quick else 10_000
    if not is_installed():
        return Findings(title="Mailbox", notes=["Not measured: Dovecot is not installed (apt install dovecot-imapd)."])
    rows: list[list[str]] = []
    for name, header in (("mails of customers", ""), ("mails of a list, not answered", "Precedence: bulk\n")):
        rates = [_drained(shop, f"mailbox-{name[9:12].strip()}-{at}", header, count) for at in range(shop.pace.rounds)]
        rows.append([name, f"{sorted(rates)[len(rates) // 2]:,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}"])
        shop.tell(f"{name}: {rows[-1][1]}/s")
    return Findings(
        title="Mailbox",
        tables=[Table(columns=[f"draining {count:,} waiting mails", "mails/s", "all rounds"], rows=rows)],
        notes=[
            "From Dovecot over IMAP on the same machine, from the first commit to the last; SQLite, synchronous=FULL."
        ],
    )


def _drained(shop: Workshop, name: str, header: str, count: int) -> float:
    folder = shop.new(name)
    database = folder / "rapport.sqlite3"
    server = Dovecot.create()
    try:
        server.pour("full", (_mail(number, header) for number in range(count)))
        with houses.gateway(folder, settings={"RAPPORT_SETTINGS": str(_settings(folder, server))}):
            first, began = 0, time.perf_counter()
            while (stored := _stored(database)) < count:
                if not first and stored:
                    first, began = stored, time.perf_counter()
                time.sleep(0.01)
            return (count - first) / (time.perf_counter() - began)
    finally:
        server.remove()


def _mail(number: int, header: str) -> bytes:
    return (
        f"From: Reader {number} <reader{number % SENDERS}@example.org>\nTo: support@shop.example\n"
        f"Subject: Question {number}\nMessage-ID: <{number}@example.org>\nDate: Mon, 02 Mar 2026 10:00:00 +0800\n"
        f"{header}\n{TEXT.format(number=number)}"
    ).encode()


def _settings(folder: Path, server: Dovecot) -> Path:
    path = folder / "rapport.toml"
    path.write_text(
        '[[mail]]\naddress = "support@shop.example"\n'
        f'[mail.login]\nuser = "full"\npassword = "{PASSWORD}"\n'
        f'[mail.imap]\nhost = "127.0.0.1"\nport = {server.port}\nsecurity = "plain"\nexisting = "all"\n'
    )
    return path


def _stored(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM interactions WHERE author = 'customer'").fetchone()[0]
        except sqlite3.OperationalError:  # not made yet
            return 0
