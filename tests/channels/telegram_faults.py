"""What can go wrong with a call to Telegram, on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Not handled: this is the answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Drop:
    """The connection is cut, before the request is handled or after it, when only its answer is lost."""

    after: bool


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Handled, and the answer comes when `until` is set."""

    until: asyncio.Event


Fault = Reply | Drop | Hold


def stated(status: int, description: str, **parameters: object) -> Reply:
    """An error in Telegram's own words."""
    body: dict[str, object] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return Reply(status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def too_many(seconds: int) -> Reply:
    return stated(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def bare(status: int) -> Reply:
    """A page of something between us and Telegram."""
    return Reply(status=status, body=f"<html><h1>{status}</h1></html>".encode(), headers={"Content-Type": "text/html"})


class ApiError(Exception):
    """An error that the server itself finds."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.reply = stated(status, description)
