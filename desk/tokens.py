"""Tokens: random words that open something; only their hash is stored."""

from __future__ import annotations

import secrets
from hashlib import sha256


def new() -> str:
    """256 bits, safe in an address and in a cookie."""
    return secrets.token_urlsafe(32)


def stored(token: str) -> bytes:
    """What the database knows it by. A random token needs no salt and no slow hash."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
