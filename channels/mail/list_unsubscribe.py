"""The way out that somebody else's mail offers: List-Unsubscribe (RFC 2369) and List-Unsubscribe-Post (RFC 8058)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from channels.mail.fields import path

_LINKS: Final = re.compile(r"<([^<>]*)>")
_HTTP: Final = ("http", "https")
_ONE_CLICK: Final = "list-unsubscribe=one-click"


@dataclass(frozen=True, kw_only=True, slots=True)
class OneClick:
    """POST `List-Unsubscribe=One-Click` there (RFC 8058)."""

    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpLink:
    """A page for a person to open."""

    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailto:
    """A mail to write (RFC 6068)."""

    address: str
    subject: str | None


def parse_list_unsubscribe(header: str, post: str | None = None) -> OneClick | HttpLink | Mailto | None:
    """The way out that a mail offers by its List-Unsubscribe and List-Unsubscribe-Post; None: none that works.

    One-click wins where it is offered over https. Else the leftmost that can be used: the list's own order of
    preference (RFC 2369, 2).
    """
    ways = [way for link in _LINKS.findall(header) if (way := _way(re.sub(r"\s+", "", link)))]
    if post is not None and "=".join(part.strip() for part in post.split("=")).strip().lower() == _ONE_CLICK:
        for way in ways:
            if isinstance(way, HttpLink) and way.url.startswith("https:"):
                return OneClick(url=way.url)
    return ways[0] if ways else None


def _way(link: str) -> HttpLink | Mailto | None:
    try:
        parts = urlsplit(link)
        if parts.scheme in _HTTP:
            return HttpLink(url=parts.geturl()) if parts.hostname else None
    except ValueError:
        return None
    address = path(unquote(parts.path)) if parts.scheme == "mailto" else None
    if address is None:
        return None
    # Not parse_qsl: in a mailto a plus sign is a plus sign (RFC 6068, 2).
    said = dict(
        reversed([(name.lower(), value) for name, _, value in (p.partition("=") for p in parts.query.split("&"))])
    )
    return Mailto(address=address.text, subject=unquote(said["subject"]) if "subject" in said else None)
