"""Authority: what somebody may grant on their own to customers of one tier."""

from __future__ import annotations

from dataclasses import dataclass

TIERS = ("key", "ordinary", "small", "not_to_win_back")


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """What may be granted to customers of one tier without asking anybody."""

    refund: float = 0
    """Up to this amount, in the business's currency; 0: never."""
    voucher: float = 0
    """Worth of the vouchers that may be given; 0: none."""
    replacement: bool = False
    apology: bool = True
