"""A visit: one request to the console, by whom, and how it is answered."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from desk.logins import Present
from desk.refusals import Refused
from desk.rights import Right
from storage.sight import ALL, Sight
from web.console import texts
from web.console.house import House
from web.console.navigation import sections

COOKIE: Final = "rapport_session"
HOME: Final = "/console"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What a page has in hand."""

    request: web.Request
    house: House
    present: Present | None
    """Who is logged in."""
    token: str
    """What their cookie holds; empty where there is none."""
    mark: str = ""
    """Up to where changes were told when it began."""
    sight: Sight = ALL
    """Through whose eyes the house is looked at."""

    @property
    def who(self) -> Present:
        """On pages that want somebody to be logged in."""
        assert self.present is not None
        return self.present

    @property
    def language(self) -> str:
        if self.present is not None:
            return self.present.language
        return texts.best_language(self.request.headers.get("Accept-Language", ""))

    @property
    def client(self) -> str:
        return self.house.client(self.request)

    @property
    def browser(self) -> str:
        return self.request.headers.get("User-Agent", "")

    @property
    def csrf(self) -> str:
        """What a form of this session carries, and no other site can know."""
        return csrf_of(self.token)

    def say(self, key: str, **values: object) -> str:
        """One of the console's texts."""
        return texts.words(self.language)[key].format_map(values)

    def refusal(self, refused: Refused) -> str:
        """Why something was not done, in the visitor's language where we have the words."""
        return texts.words(self.language).get(f"refused.{type(refused).__name__}", str(refused))

    async def form(self) -> Mapping[str, str]:
        """The fields of a form; files are none of them."""
        given = await self.request.post()
        return {name: value for name, value in given.items() if isinstance(value, str)}

    def page(self, template: str, *, status: int = 200, **facts: Any) -> web.Response:
        """A page, or a piece of one."""
        html = (
            pages()
            .get_template(template)
            .render(
                t=self.say,
                language=self.language,
                languages=texts.LANGUAGES,
                business=self.house.business(self.language),
                present=self.present,
                rights=self.present.rights if self.present is not None else frozenset[Right](),
                Right=Right,
                csrf=self.csrf,
                mark=self.mark,
                home=HOME,
                path=self.request.path,
                sections=sections(self.present.rights) if self.present is not None else (),
                **facts,
            )
        )
        return web.Response(text=html, content_type="text/html", status=status)


def csrf_of(token: str) -> str:
    return hmac.new(token.encode("utf-8", "surrogatepass"), b"csrf", sha256).hexdigest()


def masked(address: str) -> str:
    """An address that tells apart without telling: `tel:+86138…00`, `mailto:an…@shop.example`."""
    scheme, _, path = address.partition(":")
    name, at, host = path.partition("@")
    if at:
        return f"{scheme}:{name[:2]}…@{host}"
    return f"{scheme}:{path[:6]}…{path[-2:]}" if scheme == "tel" and len(path) > 8 else address


def speaker(author: str) -> str:
    """`agent:Mei` is Mei."""
    return author.removeprefix("agent:")


@cache
def pages() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        auto_reload=False,  # a file is not looked at again for each piece of a page
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"masked": masked, "speaker": speaker}
    return environment
