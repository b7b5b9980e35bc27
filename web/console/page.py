"""A route: one thing that can be asked of the console, and the right that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from desk.rights import Right
from web.console.visit import Visit

LARGEST_FORM: Final = 256 * 1024
"""Bytes."""

Page = Callable[[Visit], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One thing that can be asked of the console."""

    method: str
    path: str
    right: Right | None
    """What it takes; None: the door, open to everybody."""
    page: Page
    largest: int = LARGEST_FORM
    """Bytes of what is sent to it."""


def get(path: str, right: Right | None, page: Page) -> Route:
    return Route(method="GET", path=path, right=right, page=page)


def post(path: str, right: Right | None, page: Page, *, largest: int = LARGEST_FORM) -> Route:
    return Route(method="POST", path=path, right=right, page=page, largest=largest)
