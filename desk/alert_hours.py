"""Somebody's own hours: when they may be told something away from the console, and where on Telegram."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select, update

from desk import tokens
from desk.deeds import noted
from desk.logins import Present
from desk.refusals import Unusable
from storage import audit
from storage.alerts import AlertHabits
from storage.commits import Transaction
from storage.staff import Staff
from storage.upsert import upsert

CODE_LASTS = timedelta(minutes=30)
CODE_PREFIX = "staff-"
"""Tells a colleague's code from a customer's."""
WORKDAYS = (0, 1, 2, 3, 4)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class NoSuchHours(Unusable):
    """These hours cannot be kept: no day, an end that is the beginning, an unknown zone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnHours:
    """Somebody's hours. An end before the beginning means the next day: a night shift."""

    quiet: bool = False
    """Outside of them, letters wait."""
    time_zone: str = "UTC"
    begins: int = 9 * 60
    """Minutes after midnight."""
    ends: int = 18 * 60
    days: tuple[int, ...] = WORKDAYS
    """On which they begin; 0 is Monday."""
    telegram: str | None = None

    def next(self, at: datetime) -> datetime:
        """`at`, where that is within the hours or they do not matter; else when the next ones begin."""
        if not self.quiet:
            return at
        zone = ZoneInfo(self.time_zone)
        local = at.astimezone(zone)
        lasts = timedelta(minutes=(self.ends - self.begins) % (24 * 60))
        for days in range(-1, 9):
            day = local.date() + timedelta(days=days)
            if day.weekday() not in self.days:
                continue
            begins = datetime.combine(day, time(self.begins // 60, self.begins % 60), zone)
            # Added on the wall: a shift ends at six, whatever the clocks did meanwhile.
            if at < begins + lasts:
                return max(at, begins.astimezone(at.tzinfo))
        return at

    def clock(self, minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"


def hours_of(row: Any) -> OwnHours:
    return OwnHours(
        quiet=row.quiet,
        time_zone=row.time_zone,
        begins=row.begins,
        ends=row.ends,
        days=tuple(row.days),
        telegram=row.telegram,
    )


def own_hours(transaction: Transaction, *, staff: int, zone: str) -> OwnHours:
    """As they have set them; `zone`: the business's, where they have not."""
    row = transaction.connection.execute(
        select(*AlertHabits.__table__.columns).where(AlertHabits.staff_id == staff)
    ).one_or_none()
    return OwnHours(time_zone=zone) if row is None else hours_of(row)


def set_hours(
    transaction: Transaction,
    *,
    present: Present,
    quiet: bool,
    time_zone: str,
    begins: str,
    ends: str,
    days: Sequence[int],
) -> None:
    """Their own. Raises NoSuchHours."""
    first, last = _minutes(begins), _minutes(ends)
    kept = sorted({day for day in days if 0 <= day <= 6})
    if first == last or not kept or time_zone not in available_timezones():
        raise NoSuchHours("hours have a day, a beginning and another end, in a zone such as Asia/Shanghai")
    _save(
        transaction,
        present.staff,
        {"quiet": quiet, "time_zone": time_zone, "begins": first, "ends": last, "days": kept},
    )


def begin_telegram(transaction: Transaction, *, present: Present, zone: str) -> str:
    """A code that links the Telegram account that shows it to our bot."""
    code = CODE_PREFIX + tokens.new()
    changes = {"code": tokens.stored(code).hex(), "code_ends_at": transaction.now + CODE_LASTS}
    _save(transaction, present.staff, changes, zone=zone)
    return code


def show_code(transaction: Transaction, *, code: str, address: str) -> tuple[str, str] | None:
    """A code was shown at an address: it is that colleague's from now on. Returns their name and language; None: the
    code was used, is over, or never was."""
    connection = transaction.connection
    row = connection.execute(
        select(Staff.id, Staff.name, Staff.language)
        .join(AlertHabits, AlertHabits.staff_id == Staff.id)
        .where(
            AlertHabits.code == tokens.stored(code).hex(),
            AlertHabits.code_ends_at > transaction.now,
            Staff.left_at.is_(None),
        )
        .with_for_update(of=AlertHabits)
    ).one_or_none()
    if row is None:
        return None
    connection.execute(update(AlertHabits).where(AlertHabits.telegram == address).values(telegram=None))
    connection.execute(
        update(AlertHabits).where(AlertHabits.staff_id == row.id).values(telegram=address, code=None, code_ends_at=None)
    )
    audit.note(
        connection,
        at=transaction.now,
        who=row.name,
        staff=row.id,
        action="staff.telegram.linked",
        subject=f"staff:{row.id}",
    )
    return row.name, row.language


def end_telegram(transaction: Transaction, *, present: Present) -> None:
    """Nothing is told there any more."""
    transaction.connection.execute(
        update(AlertHabits)
        .where(AlertHabits.staff_id == present.staff)
        .values(telegram=None, code=None, code_ends_at=None)
    )
    noted(transaction, present, "staff.telegram.unlinked", f"staff:{present.staff}")


def _minutes(clock: str) -> int:
    match = _CLOCK.fullmatch(clock.strip())
    if match is None:
        raise NoSuchHours("a time looks like 09:00")
    return int(match[1]) * 60 + int(match[2])


def _save(transaction: Transaction, staff: int, changes: dict[str, Any], *, zone: str = "UTC") -> None:
    usual = OwnHours(time_zone=zone)
    first = {
        "staff_id": staff,
        "quiet": usual.quiet,
        "time_zone": usual.time_zone,
        "begins": usual.begins,
        "ends": usual.ends,
        "days": list(usual.days),
    }
    transaction.connection.execute(
        upsert(transaction.connection, AlertHabits)
        .values(**(first | changes))
        .on_conflict_do_update(index_elements=[AlertHabits.staff_id], set_=changes)
    )
