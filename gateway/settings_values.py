"""Values of settings: what an address, an origin, a token and the like must look like, and the sentence where one does
not."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from channels.webchat.settings import UPLOAD_TYPES


def mistake(what: str, right: str) -> PydanticCustomError:
    """A validator's verdict, both halves of a sentence: what is wrong, and what would be right."""
    return PydanticCustomError("mistake", "{what}", {"what": what, "right": right})


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise mistake("is not a web address", "write it in full, such as https://chat.example.com")
    if parts.username or parts.password:
        raise mistake("holds a user name or password", "leave them out of the address and use the token setting")
    return value.rstrip("/")


def _origin(value: str) -> str:
    """As browsers write it in `Origin`: lower case, no default port, no path (RFC 6454)."""
    wrong = mistake(
        f"holds {value!r}, which is not an origin", "write scheme and host, such as https://www.example.com"
    )
    parts = urlsplit(value.lower())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise wrong
    try:
        default = parts.port in (None, 443 if parts.scheme == "https" else 80)
    except ValueError as exc:
        raise wrong from exc
    return f"{parts.scheme}://{parts.hostname}" if default else f"{parts.scheme}://{parts.hostname}:{parts.port}"


def _upload_type(value: str) -> str:
    if value not in UPLOAD_TYPES:
        raise mistake(f"holds {value!r}, which we cannot recognise", f"choose from {', '.join(UPLOAD_TYPES)}")
    return value


def _comma_separated(value: object) -> object:
    """The environment has no lists: `a, b` there is what `["a", "b"]` is in the file."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _bot_token(value: SecretStr) -> SecretStr:
    token = value.get_secret_value()
    if not re.fullmatch(r"\d{3,20}:[A-Za-z0-9_-]{20,100}", token):
        raise mistake(
            f"is {len(token)} characters long and no bot token",
            "a bot token looks like 123456:ABC-DEF…; take it from @BotFather",
        )
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    # https://core.telegram.org/bots/api#setwebhook: 1-256 characters A-Z, a-z, 0-9, _ and -
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", value.get_secret_value()):
        raise mistake(
            "cannot serve as a webhook secret",
            "use 16 to 256 letters, digits, - and _; `openssl rand -hex 32` makes a good one",
        )
    return value


def _database_url(value: SecretStr) -> SecretStr:
    right = "use sqlite:///data/rapport.sqlite3 or postgresql+psycopg://rapport@localhost/rapport"
    try:
        url = make_url(value.get_secret_value())
    except ArgumentError as exc:
        raise mistake("is not a database address", right) from exc
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise mistake(f"names {url.drivername}, which Rapport does not run on", right)
    if url.drivername == "sqlite" and not url.database:
        raise mistake("names no file", right)
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]
BotToken = Annotated[SecretStr, AfterValidator(_bot_token)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_comma_separated)]
UploadTypes = Annotated[tuple[Annotated[str, AfterValidator(_upload_type)], ...], BeforeValidator(_comma_separated)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_comma_separated)]
