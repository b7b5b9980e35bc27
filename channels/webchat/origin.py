"""Which pages may talk to the chat, and from where they call."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from channels.proxies import Proxies
from channels.webchat.frames import ErrorCode, Refused
from channels.webchat.settings import WebChatSettings

PREFLIGHT_SECONDS = "7200"


class Door:
    """Checks a request before anything else looks at it."""

    def __init__(self, settings: WebChatSettings) -> None:
        self._origins = frozenset(origin.lower() for origin in settings.allowed_origins)
        self._proxies = Proxies(settings.proxies())

    def origin(self, request: web.Request) -> str | None:
        """The page's origin when it is another site's, None for our own and for what is no browser.

        Raises Refused(bad_origin). A visitor's token is never in a cookie, so this is not what keeps strangers out
        of a conversation: it keeps other sites from offering this business's chat as theirs.
        """
        origin = request.headers.get("Origin")
        if origin is None or urlsplit(origin).netloc.lower() == self._proxies.host(request).lower() != "":
            return None
        if origin.lower() not in self._origins:
            raise Refused(ErrorCode.BAD_ORIGIN)
        return origin

    def client(self, request: web.Request) -> str:
        """The client address that rates count."""
        return self._proxies.client(request)


def cors_headers(origin: str) -> dict[str, str]:
    """What lets a page of that origin read our answer (Fetch standard, CORS protocol); no credentials: no cookies."""
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": "Retry-After"}


def preflight_headers(origin: str) -> dict[str, str]:
    """The answer to a preflight."""
    return {
        **cors_headers(origin),
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    }
