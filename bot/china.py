"""China's statutory holidays and make-up workdays (调休)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import cast


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """The State Council's, as the chinese-calendar library has it."""

    holidays: frozenset[date]
    make_up_workdays: frozenset[date]
    years: range


@lru_cache(maxsize=1)
def calendar() -> Calendar:
    # Imported here because it takes some 40 ms, and only businesses that name "cn" need it.
    from chinese_calendar import constants

    holidays = frozenset(cast("Mapping[date, str]", constants.holidays))
    workdays = frozenset(cast("Mapping[date, str]", constants.workdays))
    return Calendar(
        holidays=holidays, make_up_workdays=workdays, years=range(min(holidays).year, max(holidays).year + 1)
    )
