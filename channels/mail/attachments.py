"""What travels with a mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, kw_only=True, slots=True)
class Attached:
    """One thing that came with a mail."""

    name: str
    """Safe to show and to store under: no path, no control characters, never empty."""
    content_type: str
    content: bytes = field(repr=False)
    inline: bool = False
    """The mail shows it within its text."""
    content_id: str | None = None
    """What `cid:` refers to."""

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()
