"""The way out of marketing mail: the link that each one carries, what a POST to it does, and what a GET never does.

RFC 8058: the mail program POSTs `List-Unsubscribe=One-Click` to the link, without cookies, and gets no redirect. Link
scanners and previews GET and HEAD every link of a mail, so these only show a page with a button.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from channels.envelope import ConsentUpdate
from channels.mail.layout import spoken
from channels.protocol import Port, StorageUnavailable

LARGEST_BODY: Final = 4096
"""Bytes that a POST to the link may have; the field itself takes 26."""
SAME_CLICK: Final = 60
"""Seconds in which the same link counts once. Later it is a new word of the same person: they may have come back
meanwhile, and leave again by the mail that they find first."""

_FIELD: Final = ("list-unsubscribe", "one-click")


class InsecureLink(ValueError):
    """The address to unsubscribe at must begin with https:// (RFC 8058, 3.1)."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """What a link says."""

    address: str
    language: str
    key: str
    """Of the message that it came with."""


class Unsubscribing:
    """Makes the links of one channel, and answers those who follow them."""

    def __init__(
        self, *, channel: str, secret: bytes, base_url: str, clock: Callable[[], datetime], insecure: bool = False
    ) -> None:
        """`base_url`: where the public reaches our server. `insecure` allows plain http. Raises InsecureLink."""
        if not base_url.startswith("https://") and not insecure:
            raise InsecureLink
        self._channel = channel
        self._path = f"/mail/{channel}/unsubscribe/"
        self._base = f"{base_url.rstrip('/')}{self._path}"
        self._clock = clock
        self._sealed = AESSIV(sha256(b"mail unsubscribe\0" + secret).digest())
        self._for = [b"unsubscribe", channel.encode()]
        self._port: Port | None = None

    def link(self, address: str, language: str, key: str) -> str:
        """Out of marketing to this address. It names nobody to those who see it pass, and cannot be made by others."""
        said = "\0".join((spoken(language), key.replace("\0", ""), address)).encode("utf-8", "replace")
        return f"{self._base}{urlsafe_b64encode(self._sealed.encrypt(said, self._for)).decode().rstrip('=')}"

    def leaving(self, token: str) -> Leaving | None:
        """Who a link is for; None: it is not ours."""
        try:
            sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
            language, key, address = self._sealed.decrypt(sealed, self._for).decode().split("\0", 2)
        except (Error, ValueError, InvalidTag):
            return None
        return Leaving(address=address, language=language, key=key)

    def routes(self) -> list[web.RouteDef]:
        """A GET (and HEAD) that asks, and a POST that does."""
        return [web.get(f"{self._path}{{token}}", self._ask), web.post(f"{self._path}{{token}}", self._obey)]

    def start(self, port: Port) -> None:
        self._port = port

    async def _ask(self, request: web.Request) -> web.Response:
        leaving = self.leaving(request.match_info["token"])
        if leaving is None:
            return _page(404, _UNKNOWN, _preferred(request))
        return _page(200, _ASK, leaving.language, address=leaving.address, button=True)

    async def _obey(self, request: web.Request) -> web.Response:
        leaving = self.leaving(request.match_info["token"])
        if leaving is None:
            return _page(404, _UNKNOWN, _preferred(request))
        body = await _body(request)
        if body is None:
            return web.Response(status=413)
        if not one_click(request.headers.get("Content-Type", ""), body):
            return _page(400, _ASK, leaving.language, address=leaving.address, button=True)
        try:
            await self._withdraw(leaving, request.match_info["token"], body)
        except StorageUnavailable:
            return _page(503, _LATER, leaving.language, address=leaving.address, button=True)
        return _page(200, _DONE, leaving.language, address=leaving.address)

    async def _withdraw(self, leaving: Leaving, token: str, body: bytes) -> None:
        if self._port is None:
            raise StorageUnavailable
        now = self._clock()
        click = int(now.timestamp()) // SAME_CLICK
        update = ConsentUpdate(
            channel=self._channel,
            address=leaving.address,
            granted=False,
            source="one-click",
            at=now,
            raw=body,
            external_id=f"one-click:{sha256(token.encode()).hexdigest()[:32]}:{click}",
        )
        await self._port.accept([update])


def one_click(content_type: str, body: bytes) -> bool:
    """Whether a POST's body says what RFC 8058, 3.2 wants it to say, in either of the forms that a form may have."""
    if content_type.split(";", maxsplit=1)[0].strip().lower() == "multipart/form-data":
        said = _fields_of_multipart(content_type, body)
    else:
        said = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=None)
    return any((name.strip().lower(), value.strip().lower()) == _FIELD for name, value in said)


def _fields_of_multipart(content_type: str, body: bytes) -> list[tuple[str, str]]:
    head = content_type.encode("utf-8", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    parts = message_from_bytes(b"Content-Type: " + head + b"\r\n\r\n" + body).walk()
    return [
        (str(part.get_param("name", "", "content-disposition")), str(part.get_payload()))
        for part in parts
        if not part.is_multipart()
    ]


async def _body(request: web.Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.content.iter_chunked(LARGEST_BODY):
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


# What the person sees

_Sentences = Mapping[str, tuple[str, str]]
"""A heading and a sentence, by language."""

_ASK: Final[_Sentences] = {
    "en": (
        "Unsubscribe?",
        "We will no longer send news and offers to {address}. Answers to your own messages still come.",
    ),
    "zh-Hans": (
        "确认退订？",
        "退订后，我们不会再向 {address} 发送资讯和优惠信息。您主动联系我们时，仍会收到回复。",
    ),
    "zh-Hant": (
        "確認取消訂閱？",
        "取消訂閱後，我們不會再向 {address} 寄送最新消息與優惠資訊。您主動聯絡我們時，仍會收到回覆。",
    ),
}
_DONE: Final[_Sentences] = {
    "en": ("You are unsubscribed", "We will send no more news and offers to {address}."),
    "zh-Hans": ("已退订", "我们不会再向 {address} 发送资讯和优惠信息。"),
    "zh-Hant": ("已取消訂閱", "我們不會再向 {address} 寄送最新消息與優惠資訊。"),
}
_LATER: Final[_Sentences] = {
    "en": (
        "That did not work just now",
        "Please press the button again in a minute: {address} is not unsubscribed yet.",
    ),
    "zh-Hans": ("暂时没有成功", "请一分钟后再点一次按钮：{address} 还没有退订。"),
    "zh-Hant": ("暫時沒有成功", "請一分鐘後再按一次按鈕：{address} 尚未取消訂閱。"),
}
_UNKNOWN: Final[_Sentences] = {
    "en": (
        "This link is incomplete",
        "Please open it from the mail again, or answer that mail with the word “unsubscribe”.",
    ),
    "zh-Hans": ("链接不完整", "请从邮件中重新打开链接，或直接回复邮件，写上“退订”。"),
    "zh-Hant": ("連結不完整", "請從郵件中重新開啟連結，或直接回覆郵件，寫上「取消訂閱」。"),
}
_BUTTON: Final[Mapping[str, str]] = {"en": "Unsubscribe", "zh-Hans": "退订", "zh-Hant": "取消訂閱"}
_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def _page(
    status: int, sentences: _Sentences, language: str, *, address: str = "", button: bool = False
) -> web.Response:
    heading, sentence = sentences[language]
    shown = f"<b>{escape(address.removeprefix('mailto:'))}</b>"
    form = (
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        f"<button>{_BUTTON[language]}</button></form>"
    )
    page = (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{heading}</title><style>'
        "body{font:17px/1.6 system-ui,sans-serif;max-width:32em;margin:15vh auto;padding:0 1em;color:#222}"
        "button{font:inherit;padding:.5em 1.5em;border:0;border-radius:6px;background:#2f6f6a;color:#fff}"
        f"</style></head><body><h1>{heading}</h1><p>{sentence.format(address=shown)}</p>{form if button else ''}"
        "</body></html>\n"
    )
    headers = {**_HEADERS, "Retry-After": str(SAME_CLICK)} if status == 503 else _HEADERS
    return web.Response(status=status, text=page, content_type="text/html", headers=headers)


def _preferred(request: web.Request) -> str:
    return spoken(request.headers.get("Accept-Language", "en").split(",")[0].split(";")[0].strip())
