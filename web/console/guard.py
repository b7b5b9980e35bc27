"""The guard: before any page of the console runs, who asks is known, may ask this, and asks it from the console itself.

Rights are looked at here and nowhere else, for every route of `web.console.routes` alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final
from urllib.parse import quote, urlsplit

from aiohttp import web

from desk import logins, looks
from desk.logins import Present
from desk.looks import Look
from desk.rights import Right
from desk.sight import sees, sight_of
from storage.commits import Transaction
from storage.sight import ALL, Sight
from web.console.house import House, seen_by
from web.console.page import Route
from web.console.subjects import Subject, subject_of
from web.console.visit import COOKIE, HOME, Visit, csrf_of

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " media-src 'self'; frame-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)
"""Nothing runs or looks but what we serve, no page frames ours, and no form of ours leads elsewhere."""
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
CSRF_HEADER: Final = "X-CSRF-Token"


def guarded(route: Route, house: House) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The route as aiohttp serves it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        mark = house.mark()  # before anything is looked at
        token = request.cookies.get(COOKIE, "")
        subject = subject_of(route.path, request)
        came = await _came(house, token, subject)
        if request.method not in ("GET", "HEAD"):
            request = request.clone(client_max_size=route.largest)
        visit = Visit(
            request=request,
            house=seen_by(house, came.sight),
            present=came.present,
            token=token,
            mark=mark,
            sight=came.sight,
        )
        refused = await _refused(route, visit)
        if refused is None and not came.sees:
            refused = visit.page("refused.html", status=404, reason=visit.say("conversation.not_there"))
        response = refused if refused is not None else await route.page(visit)
        if came.looks is not None and response.status == 200:
            await _note(visit, came.looks)
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    return answer


@dataclass(frozen=True, kw_only=True, slots=True)
class _Came:
    """Who asks, and what they may see of what they ask about."""

    present: Present | None
    sight: Sight = ALL
    sees: bool = True
    looks: Look | None = None
    """What the log does not know yet, if it is shown."""


async def _came(house: House, token: str, subject: Subject | None) -> _Came:
    if not token:
        return _Came(present=None)
    came = await house.glance(lambda transaction: _recognised(transaction, token, subject))
    present = came.present
    if present is not None and house.now() - present.seen_at > logins.SEEN_EVERY:
        await house.do(lambda transaction: logins.seen(transaction, session=present.session))
    return came


def _recognised(transaction: Transaction, token: str, subject: Subject | None) -> _Came:
    present = logins.who(transaction, token=token)
    if present is None or Right.CONVERSE not in present.rights:
        return _Came(present=present)
    sight = sight_of(transaction, staff=present.staff, name=present.name, rights=present.rights)
    if subject is None:
        return _Came(present=present, sight=sight)
    look = subject.look
    return _Came(
        present=present,
        sight=sight,
        sees=subject.kind is None or sees(transaction.seen_by(sight), subject.kind, subject.named),
        looks=None if look is None or looks.noted(transaction, look=look, who=present.name) else look,
    )


async def _note(visit: Visit, look: Look) -> None:
    who, client = visit.who, visit.client
    await visit.house.do(
        lambda transaction: looks.note(transaction, look=look, who=who.name, staff=who.staff, client=client)
    )


async def _refused(route: Route, visit: Visit) -> web.StreamResponse | None:
    request = visit.request
    if request.method not in ("GET", "HEAD") and not await _from_ourselves(route, visit):
        return visit.page("refused.html", status=403, reason=visit.say("door.forged"))
    if route.right is None:
        return None
    if visit.present is None:
        return _to_the_door(request)
    if route.right not in visit.present.rights:
        return visit.page("refused.html", status=403, reason=visit.say("door.not_allowed"))
    return None


def _to_the_door(request: web.Request) -> web.Response:
    here = quote(request.path_qs if request.method == "GET" and "HX-Request" not in request.headers else HOME, safe="")
    door = f"{HOME}/login?next={here}"
    if "HX-Request" in request.headers:  # a piece of a page: the whole page has to go there
        return web.Response(status=401, headers={"HX-Redirect": door})
    return web.Response(status=303, headers={"Location": door})


async def _from_ourselves(route: Route, visit: Visit) -> bool:
    """Whether a form or call comes from a page of ours: by its Origin, which browsers send with every POST, and, of who
    is logged in, by a token that only our pages know."""
    request = visit.request
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != visit.house.host(request).lower():
        return False
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    if route.right is None:
        return origin is not None  # nobody is logged in yet, so that there is nothing to know
    shown = request.headers.get(CSRF_HEADER) or (await visit.form()).get("csrf", "")
    return compare_digest(shown.encode("utf-8", "surrogatepass"), csrf_of(visit.token).encode())
