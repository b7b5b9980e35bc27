"""The benchmarks measure something: that they run, not how fast anything is."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from channels.webchat.identity import Signer
from channels.webchat.settings import WebChatSettings
from tests.bench.contest import Result, Sample, ratio
from tests.bench.generator import ROOT
from tests.bench.old import Archive, Exchange
from tests.bench.report import Aim, Point, curve

EXCHANGE = Exchange(
    asked={"text": "where is my order?", "content": "{}", "raw": b'{"text":"where is my order?"}'},
    answered={"text": "On its way.", "content": '{"skill": "orders"}'},
    delivery={"purpose": "service", "priority": 0, "message": '{"text": "On its way."}'},
    turn={
        "facts": b"{}",
        "effects": b"[]",
        "playbook": "1",
        "intent": "order_status",
        "confidence": 0.9,
        "engine": "embedded",
    },
)


def _result(*speeds: float) -> Result:
    return Result(
        name="somebody",
        clients=64,
        samples=[
            Sample(per_second=speed, p50=1.0, p99=2.0, cpu=3.0, cpu_beside=0.0, load=0.1, peak=100.0)
            for speed in speeds
        ],
    )


def test_a_slow_minute_of_the_machine_does_not_change_who_is_faster() -> None:
    assert ratio(_result(2000, 400, 2200), _result(1000, 200, 1000)) == 2


def test_an_aim_is_met_on_its_line_from_below_or_not_at_all() -> None:
    assert Aim.at_least("turns/s", 2000, 2000).met
    assert not Aim.below("p99 (ms)", 80, 80).met


def test_the_tallest_bar_fills_the_picture_and_the_others_their_share() -> None:
    picture = curve(
        [
            Point(label="10,000", per_second=2000, p99=40, megabytes=10),
            Point(label="1,000,000", per_second=1000, p99=80, megabytes=1000),
        ]
    )
    assert 'height="200" fill' in picture
    assert 'height="100" fill' in picture


def test_old_interactions_hang_together_and_their_customers_can_come_back(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive", [EXCHANGE])
    archive.grow(3_000)
    (tmp_path / "shop").mkdir()
    archive.copy(tmp_path / "shop")
    tokens = archive.returning(64)
    with closing(sqlite3.connect(tmp_path / "shop" / "rapport.sqlite3")) as connection:
        ask = connection.execute
        assert ask("PRAGMA foreign_key_check").fetchall() == []
        assert ask("SELECT count(*) FROM interactions").fetchone() == (3_000,)
        assert ask("SELECT count(*) FROM turns JOIN interactions ON id = interaction_id").fetchone() == (1_500,)
        signer = Signer(WebChatSettings(secret=ask("SELECT value FROM keys WHERE name = 'webchat'").fetchone()[0]))
        addresses = {signer.visitor(token, time.time()).address for token in tokens}
        known = {uri for (uri,) in ask("SELECT uri FROM addresses").fetchall()}
        assert len(addresses) == 64
        assert addresses <= known


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures through /proc")
def test_every_section_runs_and_every_aim_of_the_product_has_its_row(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", "--offline", "--output", document],
        cwd=ROOT,
        check=False,
        timeout=600,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    written = document.read_text("utf-8")
    for row in (
        "Durable turns/s, 64 clients",
        "p99, 64 clients (ms)",
        "p50, 1 client (ms)",
        "Start to first answer (s)",
        "Idle memory, web chat alone (MB)",
        "Idle memory with Telegram (MB)",
        "Writing a mail, times the standard library",
        "sms through the outbox, times the bare aiohttp client",
        "opsdroid 0.31.0",
        "bare aiohttp handler",
    ):
        assert row in written
    assert (tmp_path / "benchmarks-curve.svg").exists()
