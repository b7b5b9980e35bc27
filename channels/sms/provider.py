"""The seam for providers: what one small file must say about how it calls us, and how we call it.

A provider is pure: it reads a Request into arrivals, and a Text into a Call; the channel listens, calls and keeps time.
Each file has the same parts in the same order: constants with their sources, settings, verify, to_inbound, to_update,
response, call and receipt. Register it in `channels/sms/providers/__init__.py`.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol, runtime_checkable
from urllib.parse import quote, quote_plus, urlencode

import orjson

from channels.envelope import Arrival, InboundMessage, SendError, SendErrorCode
from channels.protocol import Inspection
from channels.request import Node, Request, Unreadable, parse_json
from channels.sms.settings import SmsSettings

_STATUS_PATHS: Final = frozenset({"status", "delivered", "delivery", "dlr", "report", "reports"})
"""Last segments of the path that a delivery report comes to."""


class Provider(Protocol):
    """One provider's interface, with one account's settings."""

    settings: SmsSettings

    def missing(self) -> Sequence[str]:
        """Names of settings without which it cannot work; empty: it has all it needs."""
        ...

    def verify(self, request: Request, at: datetime) -> bool:
        """Whether the provider made this request: by its signature, or else by `knows_secret`. In constant time.
        Raises Unreadable."""
        ...

    def read(self, request: Request, at: datetime) -> Inspection:
        """Its arrivals, or why there are none. Raises Unreadable; `at` is the time of receipt."""
        ...

    def response(self, inspection: Inspection) -> Reply:
        """What the provider wants to hear once all is stored, or was understood and left."""
        ...

    def call(self, text: Text) -> Call:
        """The request that sends a text. Raises SendError where it can carry no such text."""
        ...

    def receipt(self, text: Text, answer: Answer) -> str:
        """The provider's id of the text it took. Raises SendError for every other answer."""
        ...


@runtime_checkable
class Probing(Protocol):
    """A provider that can be asked who we are, which costs nothing: what `rapport check` does."""

    def probe(self) -> Call:
        """A request that succeeds with the right credentials, and only with them."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One text on its way to one number."""

    to: str
    """`+8613800138000`, a short code, or another channel of the provider's such as `whatsapp:+…`."""
    text: str
    unicode: bool
    """It goes as UCS-2, not in the GSM alphabet."""
    key: str
    """Ours, the same for every try: for providers that take one, or that report under it."""
    status_url: str | None = None
    """Where we want to hear what became of it."""
    media: tuple[str, ...] = ()
    """Addresses of pictures, where the provider can send them."""
    at: datetime | None = None
    """Now: part of some providers' signatures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """An HTTP request to the provider."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes | None = field(default=None, repr=False)

    @classmethod
    def form(
        cls, url: str, fields: Sequence[tuple[str, str]] | Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Call:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return cls(url=url, headers=kind | dict(headers or {}), body=_encoded(fields))

    @classmethod
    def json(cls, url: str, value: object, headers: Mapping[str, str] | None = None) -> Call:
        kind = {"Content-Type": "application/json", "Accept": "application/json"}
        return cls(url=url, headers=kind | dict(headers or {}), body=orjson.dumps(value))

    @classmethod
    def get(
        cls,
        url: str,
        fields: Sequence[tuple[str, str | bytes]] | Mapping[str, str | bytes],
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        query = urlencode(fields, quote_via=quote)
        return cls(method="GET", url=f"{url}?{query}", headers=dict(headers or {}))


_QUOTED: Final = tuple(quote_plus(bytes([each])).encode() for each in range(256))


def _encoded(fields: Sequence[tuple[str, str]] | Mapping[str, str]) -> bytes:
    """What `urlencode` writes, at a quarter of its price: it was a tenth of all that sending a text costs."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    return b"&".join([b"%b=%b" % (_quoted(name), _quoted(value)) for name, value in pairs])


def _quoted(text: str) -> bytes:
    written = text.encode()
    return written if written.isalnum() else b"".join([_QUOTED[each] for each in written])


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The provider's HTTP answer, whatever it says."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in lower case, or in any where the mapping does not mind."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def stated(self) -> Node:
        """The JSON object it holds; empty: it holds none, and is hardly the provider's own word."""
        try:
            return Node(parse_json(self.body))
        except Unreadable:
            return Node(None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """Our answer to a provider's request."""

    body: str = ""
    content_type: str = "text/plain"
    status: int = HTTPStatus.OK


class Stopped(SendError):
    """The carrier or the provider knows that the person took their consent back: to be recorded as that."""

    def __init__(self, detail: str) -> None:
        super().__init__(SendErrorCode.BLOCKED, detail)


def with_links(text: Text) -> str:
    """The text with its pictures' addresses below, for providers that carry only words."""
    return "\n".join((text.text, *text.media)).strip()


def inspect(provider: Provider, request: Request, at: datetime) -> Inspection:
    """What a request is to us: arrivals, ignored or error. Raises nothing, whatever comes."""
    try:
        inspection = provider.read(request, at)
    except Unreadable as wrong:
        return Inspection(error=str(wrong))
    return replace(inspection, arrivals=tuple(_by_a_person(arrival) for arrival in inspection.arrivals))


def _by_a_person(arrival: Arrival) -> Arrival:
    """A short code is a machine: it is kept, and never answered."""
    if isinstance(arrival, InboundMessage) and arrival.address.startswith("sms:") and arrival.automatic is None:
        return replace(arrival, automatic="short_code")
    return arrival


def proves(provider: Provider, request: Request, at: datetime) -> bool:
    """Whether the provider made this request; what nobody can read proves nothing."""
    try:
        return provider.verify(request, at)
    except Unreadable:
        return False


def is_status(request: Request) -> bool:
    """Whether it came to where reports about our own messages come."""
    return request.path.rstrip("/").rpartition("/")[2].lower() in _STATUS_PATHS


def knows_secret(request: Request, settings: SmsSettings) -> bool:
    """Whether the caller knows our webhook secret, from the address or as a password (RFC 7617); without one configured
    nobody does."""
    secret = settings.webhook_secret
    if not secret:
        return False
    given = [*request.path.split("/"), _password(request.header("authorization"))]
    return any(same(each, secret) for each in given)


def same(given: str, expected: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def basic(user: str, password: str) -> Mapping[str, str]:
    """The header of HTTP's basic authentication (RFC 7617)."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def bare(answer: Answer, detail: str = "") -> SendError:
    """What an answer means by its status alone, which may come from something in between: no more is taken from it than
    it surely means. `detail` in the provider's own words makes a 5xx its own, stated failure."""
    said = f"{answer.status} {detail[:200]}".strip()
    match answer.status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return SendError(SendErrorCode.RATE_LIMITED, said, retry_after=retry_after(answer), whole_channel=True)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.NOT_FOUND:
            return SendError(SendErrorCode.UNAUTHORIZED, said, whole_channel=True)
        case HTTPStatus.PAYMENT_REQUIRED:
            return SendError(SendErrorCode.UNAUTHORIZED, said, whole_channel=True)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return SendError(SendErrorCode.TOO_LARGE, said)
        case status if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return SendError(SendErrorCode.REJECTED, said)
        case _ if detail and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return SendError(SendErrorCode.PROVIDER_ERROR, said)
        case _:
            return SendError(SendErrorCode.NO_ANSWER, said)


def retry_after(answer: Answer) -> float | None:
    """Seconds, as the header of that name says."""
    stated = answer.headers.get("retry-after", "")
    return float(stated) if stated.isascii() and stated.isdigit() and len(stated) < 7 else None


def _password(authorization: str) -> str:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (NotBase64, UnicodeDecodeError, ValueError):
        return ""
