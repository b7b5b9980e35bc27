"""Passwords: Argon2id (RFC 9106), some 50 ms of calculation: never inside a transaction, nor on the event loop."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from desk.refusals import Unusable


class Weak(Unusable):
    """The password is too short, too long or too easy to guess."""


class NotTheSame(Unusable):
    """A password was mistyped where it is asked for twice."""


SHORTEST, LONGEST = 12, 256
"""Characters. Length is what helps; rules about digits and marks do not (NIST SP 800-63B, 5.1.1)."""


def hashed(password: str, *, known: tuple[str, ...] = ()) -> str:
    """As it is stored. `known`: what everybody knows of its owner. Raises Weak."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Weak(f"a password has {SHORTEST} to {LONGEST} characters")
    folded = password.casefold()
    if len(set(folded)) < 5 or any(len(word) > 3 and folded == word.casefold() for word in known):
        raise Weak("this password is too easy to guess")
    return _hasher().hash(password)


def is_right(stored: str | None, password: str) -> bool:
    """Whether it is the password. It takes as long where there is none: nobody learns which accounts exist."""
    try:
        return _hasher().verify(stored or _nobody_s(), password[:LONGEST]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobody_s() -> str:
    return _hasher().hash("a password that nobody has")
