"""`kill -9` while thousands of waiting mails are being stored: none is lost, none is stored twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from tests.acceptance.tea_house import PLAYBOOK, settings_of
from tests.channels.dovecot import PASSWORD, Dovecot
from tests.given import CHECKOUT
from tests.parents import dying_with_parent
from tests.waiting import until

MAILS = int(os.environ.get("RAPPORT_MAILS", "3000"))
KILLS = 4


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    server = Dovecot.create()
    yield server
    server.remove()


def waiting(number: int) -> bytes:
    """One of a list's mails: it is stored, and nobody answers it."""
    return (
        f"From: Reader {number} <reader{number % 50}@example.org>\nTo: support@shop.example\nSubject: No. {number}\n"
        f"Message-ID: <{number}@example.org>\nDate: Mon, 02 Mar 2026 10:00:00 +0800\nPrecedence: bulk\n\nNo. {number}\n"
    ).encode()


@pytest.mark.slow
async def test_killed_in_the_middle_of_a_full_mailbox_nothing_is_lost_and_nothing_twice(
    tmp_path: Path, trained_models: Path, dovecot: Dovecot
) -> None:
    dovecot.pour("full", (waiting(number) for number in range(MAILS)))
    settings_of(tmp_path, trained_models)
    database = tmp_path / "data" / "rapport.sqlite3"
    kills = 0
    while True:
        process = await start(tmp_path, dovecot)
        goal = MAILS if kills == KILLS else MAILS * (kills + 1) // (KILLS + 2)
        await until(lambda goal=goal: stored(database) >= goal, within=120)
        if kills == KILLS:
            break
        process.send_signal(signal.SIGKILL)
        await process.wait()
        assert stored(database) < MAILS, "killed in the middle"
        kills += 1
    await until(lambda: sum("Seen" in flags for flags in dovecot.flags("full")) == MAILS, within=60)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT external_id, message_id FROM interactions").fetchall()
    assert len(rows) == MAILS
    assert len({external for external, _ in rows}) == MAILS
    assert {message for _, message in rows} == {f"{number}@example.org" for number in range(MAILS)}


async def start(folder: Path, dovecot: Dovecot) -> asyncio.subprocess.Process:
    settings = folder / "rapport.toml"
    settings.write_text(
        f"""
data_dir = "{folder}/data"
playbook = "{PLAYBOOK}"
[server]
port = {unused_port()}
[[mail]]
address = "support@shop.example"
[mail.login]
user = "full"
password = "{PASSWORD}"
[mail.imap]
host = "127.0.0.1"
port = {dovecot.port}
security = "plain"
existing = "all"
"""
    )
    with (folder / "log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *dying_with_parent(),
            *(sys.executable, "-c", "from gateway.cli import main; main()", "run"),
            cwd=CHECKOUT,
            env={**os.environ, "RAPPORT_SETTINGS": str(settings)},
            stdout=log,
            stderr=log,
        )


def stored(database: Path) -> int:
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM interactions").fetchone()[0]
        except sqlite3.OperationalError:  # no tables yet
            return 0
