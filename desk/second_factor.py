"""The second factor: time-based one-time passwords (RFC 6238), from any authenticator app."""

from __future__ import annotations

from datetime import datetime
from hmac import compare_digest

from pyotp import random_base32  # pyright: ignore[reportPrivateImportUsage]
from pyotp.totp import TOTP

STEP = 30
"""Seconds that a code is shown."""
DRIFT = 1
"""Steps that a phone's clock may be off."""


def new_secret() -> str:
    return random_base32()


def is_secret(words: str) -> bool:
    """Whether an app can read it."""
    try:
        TOTP(words, interval=STEP).at(0)
    except ValueError:
        return False
    return True


def address(secret: str, *, email: str, business: str) -> str:
    """The `otpauth://` address that an app reads from a picture."""
    return TOTP(secret, interval=STEP).provisioning_uri(name=email, issuer_name=business)


def step_of(secret: str, code: str, *, now: datetime, after: int) -> int | None:
    """The time step whose code this is, if it lies after the last one used; None: it is not right, or no longer."""
    totp, current = TOTP(secret, interval=STEP), int(now.timestamp()) // STEP
    digits = "".join(code.split())
    for step in range(current - DRIFT, current + DRIFT + 1):
        if step > after and compare_digest(digits.encode("utf-8", "replace"), totp.at(step * STEP).encode()):
            return step
    return None
