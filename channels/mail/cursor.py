"""How far a mailbox was read, as it is stored with the mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """`UIDVALIDITY:UID`, and what else must be known after a crash."""

    validity: int
    """The folder's UIDVALIDITY: when it changes, all UIDs are others."""
    uid: int = 0
    """Mails up to this one are stored, or not ours to take."""
    acknowledged: int = 0
    """The mailbox knows of those up to this one; of the rest it may not."""
    newest: datetime
    """When the newest of them arrived there."""
    unseen_until: int = 0
    """Up to this UID, only what nobody had read is taken."""
    recent_until: int = 0
    """Up to this UID, only what did not arrive before `newest` is taken; so long, `newest` stands still."""

    def __str__(self) -> str:
        newest = int(self.newest.timestamp())
        return f"{self.validity}:{self.uid}:{self.acknowledged}:{newest}:{self.unseen_until}:{self.recent_until}"

    @classmethod
    def read(cls, text: str | None) -> Cursor | None:
        """What `str` wrote; None where nothing was written yet."""
        if text is None:
            return None
        validity, uid, acknowledged, newest, unseen_until, recent_until = map(int, text.split(":"))
        return cls(
            validity=validity,
            uid=uid,
            acknowledged=acknowledged,
            newest=datetime.fromtimestamp(newest, UTC),
            unseen_until=unseen_until,
            recent_until=recent_until,
        )
