"""Whether our own mail server vouches for a mail's sender (Authentication-Results, RFC 8601).

Only what is signed with the name of a server of ours is read: everybody can write such a header.
"""

from __future__ import annotations

import re
from typing import Final

from channels.mail.headers import Headers

_COMMENT: Final = re.compile(r"\([^()]*\)")
_RESULT: Final = re.compile(r"\s*(dmarc|dkim|spf)\s*=\s*([a-z]+)\b", re.IGNORECASE)
_PROPERTY: Final = re.compile(
    r"\b(header\.from|header\.d|header\.i|smtp\.mailfrom)\s*=\s*\"?([^\s\";]+)", re.IGNORECASE
)
_DOMAIN: Final = {"dmarc": ("header.from",), "dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom",)}
"""Which property of a result names the domain that it is about."""


def vouched_for(headers: Headers, address: str, *, trusted: str | None) -> bool:
    """Whether the server that calls itself `trusted` found that this From address's domain did send the mail."""
    domain = address.rpartition("@")[2].lower()
    if trusted is None or not domain:
        return False
    for value in headers.all("authentication-results"):
        server, _, results = _COMMENT.sub(" ", value).partition(";")
        if server.split()[:1] and server.split()[0].lower() == trusted.lower():
            # The last server's is on top; one below it may have come with the mail.
            return any(_passes(result, domain) for result in results.split(";"))
    return False


def _passes(result: str, domain: str) -> bool:
    found = _RESULT.match(result)
    if found is None or found[2].lower() != "pass":
        return False
    stated = {name.lower(): value.rpartition("@")[2].lower() for name, value in _PROPERTY.findall(result)}
    return any(_aligned(stated[name], domain) for name in _DOMAIN[found[1].lower()] if name in stated)


def _aligned(stated: str, domain: str) -> bool:
    """RFC 7489, 3.1: the same domain, or one above the other; a top level above all of them is none."""
    return "." in stated and (stated == domain or domain.endswith(f".{stated}") or stated.endswith(f".{domain}"))
