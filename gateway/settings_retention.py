"""`[retention]`: how long what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from gateway.sections import Section

if TYPE_CHECKING:
    from desk.retention import Periods


class Retention(Section):
    """`[retention]`: how long what is kept, in days; left out, until somebody asks to be forgotten."""

    raw_days: float | None = Field(
        default=None, gt=0, le=36_500, description="days that payloads are kept as providers brought them"
    )
    texts_days: float | None = Field(
        default=None, gt=0, le=36_500, description="days that the words of messages and of closed cases are kept"
    )
    attachments_days: float | None = Field(default=None, gt=0, le=36_500, description="days that attachments are kept")
    audit_days: float | None = Field(
        default=None, ge=30, le=36_500, description="days that the log of who did what is kept, 30 at least"
    )
    sessions_days: float = Field(default=30.0, gt=0, le=3650, description="days that ended logins are remembered")

    @property
    def takes_away(self) -> bool:
        """Something of what customers wrote is to go in time."""
        return any(days is not None for days in (self.raw_days, self.texts_days, self.attachments_days))

    @property
    def periods(self) -> Periods:
        from desk.retention import Periods  # with what it sweeps, which is every table

        return Periods(
            raw=self.raw_days,
            texts=self.texts_days,
            attachments=self.attachments_days,
            audit=self.audit_days,
            sessions=self.sessions_days,
        )
