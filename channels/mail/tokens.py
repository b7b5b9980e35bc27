"""Secrets of a mailbox at this moment: its password, or an access token that is fetched before the old one expires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

import aiohttp

from channels.envelope import SendError, SendErrorCode
from channels.mail.settings import Login, TokenSettings

SPARE: Final = timedelta(minutes=5)
"""A token that expires so soon is not used any more."""
LIFETIME: Final = timedelta(minutes=55)
"""Of a token whose provider does not say; an hour is usual."""
WITHIN: Final = 20.0
"""Seconds that a program or an endpoint may take."""


class Secrets:
    """Of one Login, for IMAP and SMTP alike."""

    def __init__(self, login: Login, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._login = login
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._until = datetime.min.replace(tzinfo=UTC)

    async def __call__(self) -> str:
        """The password, or a token that holds for some minutes more. Raises SendError."""
        settings = self._login.token
        if settings is None:
            return self._login.password or ""
        async with self._lock:
            if self._token is None or self._clock() >= self._until - SPARE:
                self._token, self._until = await self._fetch(settings)
            return self._token

    def forget(self) -> None:
        """The server refused it: the next is a new one, whatever the old one's time."""
        self._token = None

    async def _fetch(self, settings: TokenSettings) -> tuple[str, datetime]:
        if settings.file is not None:
            return await _read(settings.file), self._clock()
        if settings.command:
            return await _ask(settings.command), self._clock() + LIFETIME
        return await self._refresh(settings)

    async def _refresh(self, settings: TokenSettings) -> tuple[str, datetime]:
        """RFC 6749, 6, as Google and Microsoft do it. A new refresh token is not kept: both let the old one live."""
        form = {
            "grant_type": "refresh_token",
            "client_id": settings.client_id,
            "refresh_token": settings.refresh_token or "",
            **({"client_secret": settings.client_secret} if settings.client_secret else {}),
            **({"scope": settings.scope} if settings.scope else {}),
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN)) as http,
                http.post(settings.url or "", data=form) as answer,
            ):
                status, told = answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as problem:
            raise SendError(
                SendErrorCode.UNREACHABLE, f"the token's endpoint: {type(problem).__name__}", whole_channel=True
            ) from None
        except ValueError:
            status, told = 0, None
        token, lasts = _token_in(told)
        if status != 200 or token is None:
            raise _refused(f"the token's endpoint gives none (status {status})")
        return token, self._clock() + (timedelta(seconds=lasts) if lasts else LIFETIME)


def _token_in(told: object) -> tuple[str | None, float | None]:
    if not isinstance(told, dict):
        return None, None
    answer = cast("Mapping[str, object]", told)
    token, lasts = answer.get("access_token"), answer.get("expires_in")
    seconds = float(lasts) if isinstance(lasts, int | float) or (isinstance(lasts, str) and lasts.isdigit()) else None
    return (token if isinstance(token, str) and token else None), seconds


async def _read(path: str) -> str:
    try:
        token = (await asyncio.to_thread(Path(path).read_text, "utf-8")).strip()
    except (OSError, UnicodeDecodeError):
        raise _refused("the token's file cannot be read") from None
    if not token:
        raise _refused("the token's file is empty")
    return token


async def _ask(command: tuple[str, ...]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        raise _refused("the token's command cannot be run") from None
    try:
        async with asyncio.timeout(WITHIN):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise _refused("the token's command takes too long") from None
    token = said.decode("utf-8", "replace").strip()
    if process.returncode or not token:
        raise _refused(f"the token's command gives none (exit {process.returncode})")
    return token


def _refused(detail: str) -> SendError:
    return SendError(SendErrorCode.UNAUTHORIZED, detail, whole_channel=True)
