"""Moments in the customer's words, and the customer's words for days as dates."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nlu.understanding import Language

# Calendar words are the language's and not the business's, so they stand here and not in the playbook.
_WEEKDAYS = {
    Language.ZH_HANS: ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    Language.ZH_HANT: ("週一", "週二", "週三", "週四", "週五", "週六", "週日"),
    Language.EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_NEAR = {
    Language.ZH_HANS: ("今天", "明天"),
    Language.ZH_HANT: ("今天", "明天"),
    Language.EN: ("today", "tomorrow"),
}
_WEEKDAY_CODES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def moment(instant: datetime, now: datetime, zone: ZoneInfo, language: Language) -> str:
    """`tomorrow at 09:00`, `11月27日（周五）09:00`: as a person there would say it."""
    local = instant.astimezone(zone)
    clock = f"{local:%H:%M}"
    joint = " at " if language is Language.EN else " "
    ahead = (local.date() - now.astimezone(zone).date()).days
    if 0 <= ahead <= 1:
        return f"{_NEAR[language][ahead]}{joint}{clock}"
    return f"{day(local.date(), language)}{joint if language is Language.EN else ''}{clock}"


def day(value: date, language: Language) -> str:
    """`Friday 27 November`, `11月27日（周五）`."""
    weekday = _WEEKDAYS[language][value.weekday()]
    if language is Language.EN:
        return f"{weekday} {value.day} {_MONTHS[value.month - 1]}"
    return f"{value.month}月{value.day}日（{weekday}）"


def resolve(value: str, now: datetime, zone: ZoneInfo) -> date | None:
    """The day that an entity means: ISO, `relative:-1d`, `weekday:-1:fri`, `--11-05`, `---05`; None: none of these.

    `weekday:0:fri` is this week's Friday, `weekday:-1:fri` last week's; weeks begin on Monday.
    """
    today = now.astimezone(zone).date()
    try:
        match value.split(":"):
            case ["relative", amount] if amount and amount[-1] in _UNIT_DAYS:
                return today + timedelta(days=int(amount[:-1]) * _UNIT_DAYS[amount[-1]])
            case [said] if partial := _PARTIAL.fullmatch(said):
                return _latest(today, int(partial[1]) if partial[1] else None, int(partial[2]))
            case ["weekday", week, name] if name in _WEEKDAY_CODES:
                monday = today - timedelta(days=today.weekday())
                return monday + timedelta(weeks=int(week), days=_WEEKDAY_CODES.index(name))
            case _:
                return date.fromisoformat(value[:10])
    except (ValueError, OverflowError):
        return None


def _latest(today: date, month: int | None, of_month: int) -> date | None:
    """The last such day up to today: what people tell of has happened."""
    for back in range(24):
        months = today.year * 12 + today.month - 1 - back
        if month is None or months % 12 + 1 == month:
            try:
                found = date(months // 12, months % 12 + 1, of_month)
            except ValueError:
                continue
            if found <= today:
                return found
    return None


_PARTIAL = re.compile(r"--(?:(\d\d)|-)-?(\d\d)")
_UNIT_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


@lru_cache(maxsize=512)
def zone_named(name: str | None) -> ZoneInfo | None:
    """None where the name is no time zone."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
