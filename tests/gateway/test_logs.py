"""Logs tell operators what happened, and nobody what was written."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from channels.envelope import DeliveryStatus, SendError, SendErrorCode
from gateway import logs
from gateway.settings import Logs

WORDS = "我要投诉，茶杯碎了"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Log lines as in production, in JSON."""
    stream = io.StringIO()
    logs.configure(Logs(format="json"), stream=stream)
    yield stream
    logs.configure(Logs(level="debug"), strict=True)


def only(lines: io.StringIO) -> dict[str, Any]:
    (line,) = lines.getvalue().splitlines()
    return json.loads(line)


def test_a_line_holds_the_event_its_facts_level_and_time(lines: io.StringIO) -> None:
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    structlog.get_logger().info(
        "delivery_sent",
        channel="telegram",
        delivery=7,
        seconds=0.25,
        status=DeliveryStatus.SENT,
        due=at,
        path=Path("a/b"),
    )
    line = only(lines)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "delivery_sent",
        "level": "info",
        "channel": "telegram",
        "delivery": 7,
        "seconds": 0.25,
        "status": "sent",
        "due": "2026-03-01T08:00:00+00:00",
        "path": "a/b",
    }


@pytest.mark.parametrize(
    "name",
    ["text", "body", "token", "secret", "authorization", "password", "raw", "reply_text", "webhook_secret", "api_key"],
)
def test_words_and_secrets_are_masked_by_the_name_of_the_fact(lines: io.StringIO, name: str) -> None:
    structlog.get_logger().warning("something", **{name: WORDS})
    assert only(lines)[name] == "***"


def test_names_are_masked_at_any_depth(lines: io.StringIO) -> None:
    structlog.get_logger().warning(
        "something", headers={"Authorization_token": "geheim", "size": 3}, rows=[{"text": WORDS}]
    )
    line = only(lines)
    assert line["headers"] == {"Authorization_token": "***", "size": 3}
    assert line["rows"] == [{"text": "***"}]


def test_in_tests_a_refused_fact_is_an_error() -> None:
    with pytest.raises(logs.WordsInLog, match="'text' does not belong in a log"):
        structlog.get_logger().info("something", text=WORDS)


def test_an_object_shows_its_type_alone(lines: io.StringIO) -> None:
    @dataclass
    class Message:
        words: str

    structlog.get_logger().info("something", message=Message(WORDS))
    assert only(lines)["message"] == "<Message>"


def test_a_long_value_is_cut(lines: io.StringIO) -> None:
    structlog.get_logger().info("something", reason="x" * 100_000)
    assert len(only(lines)["reason"]) < 400


def test_an_exception_tells_types_and_places_but_quotes_nobody(lines: io.StringIO) -> None:
    def parse(text: str) -> None:
        raise ValueError(f"cannot parse {text}")

    try:
        try:
            parse(WORDS)
        except ValueError as exc:
            raise KeyError(WORDS) from exc
    except KeyError:
        structlog.get_logger().exception("turn_failed", turn=1)
    told = only(lines)["exception"]
    assert told.startswith("KeyError\n  gateway/test_logs.py:")
    assert "caused by ValueError\n" in told
    assert "in parse" in told
    assert WORDS not in lines.getvalue()


def test_our_own_exceptions_and_the_machine_s_speak(lines: io.StringIO) -> None:
    structlog.get_logger().warning("send_failed", exc_info=SendError(SendErrorCode.BLOCKED, "403 bot was blocked"))
    structlog.get_logger().warning("disk", exc_info=OSError(28, "No space left on device"))
    first, second = (json.loads(line)["exception"] for line in lines.getvalue().splitlines())
    assert first == "channels.envelope.SendError: blocked: 403 bot was blocked"
    assert second == "OSError: [Errno 28] No space left on device"


def test_warnings_of_libraries_join_our_lines_and_their_chatter_does_not(lines: io.StringIO) -> None:
    logging.getLogger("aiogram.dispatcher").info("Update id=1 is handled")
    logging.getLogger("aiogram.dispatcher").warning("cannot reach %s", "the provider")
    line = only(lines)
    assert (line["event"], line["level"], line["logger"]) == (
        "cannot reach the provider",
        "warning",
        "aiogram.dispatcher",
    )


def test_a_tick_that_is_left_out_because_the_last_is_still_at_work_is_not_worth_a_line(lines: io.StringIO) -> None:
    scheduler = logging.getLogger("apscheduler.scheduler")
    scheduler.warning("Execution of job %s skipped: maximum number of running instances reached (1)", "tick")
    scheduler.error("a job raised")
    assert only(lines)["event"] == "a job raised"


def test_tokens_inside_of_sentences_are_masked(lines: io.StringIO) -> None:
    logging.getLogger("aiohttp").error(
        "POST https://api.telegram.org/bot123456789:AAE-abcdefghijklmnopqrstuvwxyz12345/getMe failed for "
        "postgresql://rapport:geheim@db/x with Bearer abc.def"
    )
    shown = lines.getvalue()
    assert "AAE-abc" not in shown
    assert "geheim" not in shown
    assert "abc.def" not in shown
    assert "api.telegram.org" in shown


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    logs.configure(Logs(format="json", level="warning"), stream=stream)
    structlog.get_logger().info("turn_done")
    structlog.get_logger().warning("turn_slow")
    logs.configure(Logs(level="debug"), strict=True)
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["turn_slow"]


def test_the_console_shows_the_same_facts_for_people() -> None:
    stream = io.StringIO()
    logs.configure(Logs(format="console"), stream=stream)
    structlog.get_logger().info("gateway_ready", port=8080)
    logs.configure(Logs(level="debug"), strict=True)
    assert "gateway_ready" in stream.getvalue()
    assert "port=8080" in stream.getvalue()


def test_configuring_again_does_not_double_the_lines_of_libraries(lines: io.StringIO) -> None:
    logs.configure(Logs(format="json"), stream=lines)
    logging.getLogger("asyncio").warning("slow callback")
    assert len(lines.getvalue().splitlines()) == 1
