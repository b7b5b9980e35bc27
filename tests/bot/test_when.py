"""Moments in the customer's words, and the customer's words as days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.when import moment, resolve, zone_named
from nlu.understanding import Language

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)
"""Half past two in the night of Thursday the 26th in Shanghai."""


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("relative:-1d", date(2026, 11, 25)),
        ("relative:0d", date(2026, 11, 26)),
        ("relative:+2w", date(2026, 12, 10)),
        ("weekday:0:fri", date(2026, 11, 27)),
        ("weekday:-1:fri", date(2026, 11, 20)),
        ("2026-11-03", date(2026, 11, 3)),
        ("--11-05", date(2026, 11, 5)),
        ("--12-24", date(2025, 12, 24)),
        ("---05", date(2026, 11, 5)),
        ("---31", date(2026, 10, 31)),
        ("--02-30", None),
        ("2026-11-03T10:00:00", date(2026, 11, 3)),
        ("last friday", None),
        ("relative:", None),
        ("relative:xd", None),
        ("relative:99999999999d", None),
        ("weekday:0:someday", None),
        ("2026-02-30", None),
        ("", None),
    ],
)
def test_a_date_is_resolved_in_the_shops_day(value: str, day: date | None) -> None:
    assert resolve(value, NOW, SHANGHAI) == day


@pytest.mark.parametrize(
    ("hour", "language", "words"),
    [
        (1, Language.EN, "today at 09:00"),
        (25, Language.EN, "tomorrow at 09:00"),
        (49, Language.EN, "Saturday 28 November at 09:00"),
        (1, Language.ZH_HANS, "今天 09:00"),
        (25, Language.ZH_HANT, "明天 09:00"),
        (49, Language.ZH_HANS, "11月28日（周六）09:00"),
        (49, Language.ZH_HANT, "11月28日（週六）09:00"),
    ],
)
def test_a_moment_is_told_as_a_person_would(hour: int, language: Language, words: str) -> None:
    instant = datetime(2026, 11, 26 + (hour // 24), hour % 24, tzinfo=UTC)
    assert moment(instant, NOW, SHANGHAI, language) == words


@pytest.mark.parametrize("name", [None, "", "Nowhere/Never", "../../etc/passwd", "Asia", "\x00"])
def test_a_time_zone_that_is_none_is_none(name: str | None) -> None:
    assert zone_named(name) is None
