"""SMS: one number at one provider as a channel. What is the provider's own is in `providers/`; here is the rest.

A webhook's request is read in `webhook` and understood by the provider; calls are built by the provider and made in
`calling`. Texts are counted in `segments` and parted in `parting`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

import phonenumbers
import structlog
from aiohttp import web

from channels.cleaning import clean
from channels.envelope import Arrival, ConsentUpdate, OutboundMessage, Receipt, Refusal, SendError, SendErrorCode
from channels.protocol import Inspection, Port, StorageUnavailable, Weight
from channels.request import Request
from channels.sms.arrivals import raw_of
from channels.sms.calling import Caller
from channels.sms.parting import parted
from channels.sms.provider import Probing, Provider, Reply, Stopped, Text, bare, inspect, proves
from channels.sms.segments import Segments, capacity, count, is_gsm, segments
from channels.sms.settings import SmsSettings
from channels.sms.transliteration import transliterated
from channels.sms.webhook import Oversize, kept_headers, read_body, request_of
from channels.unproven import Unproven

__all__ = ["IncompleteSms", "Sms", "SmsSettings"]

PATH: Final = "/sms"
FORGED: Final = "forged: nothing proves the provider, or it is too old"
_LINK: Final = ("http://", "https://")
_PHONE: Final = re.compile(r"tel:\+\d+")

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class IncompleteSms(ValueError):
    """A number needs all that its provider asks for, and a way to know the provider by."""


class Sms:
    """One number as a channel: Channel, Schemed, Measures, Weighs and Probes of `channels.protocol`."""

    scheme = "tel"

    def __init__(
        self, settings: SmsSettings, provider: Provider, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.name = settings.name
        self.limits = settings.limits
        self._settings = settings
        self._provider = provider
        self._clock = clock
        self._caller = Caller(timeout=settings.timeout, connections=settings.limits.concurrency)
        self._unproven = Unproven(settings.name, clock=clock, per_hour=settings.forged_per_hour)
        self._port: Port | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        """For messages and for reports, with our secret as part of the path where the provider signs nothing."""
        paths = [f"{PATH}/{self.name}/{leaf}" for leaf in ("inbound", "status")]
        paths += [f"{PATH}/{self.name}/{{secret}}/{leaf}" for leaf in ("inbound", "status")]
        return [web.route(method, path, self._webhook) for path in paths for method in ("GET", "POST")]

    async def start(self, port: Port) -> None:
        """Raises IncompleteSms."""
        if missing := self._provider.missing():
            raise IncompleteSms(f"{self.name} ({self._settings.provider}) lacks {', '.join(missing)}")
        self._port = port

    async def stop(self) -> None:
        await self._caller.close()

    # To inbound

    def inspect(self, request: Request) -> Inspection:
        """What a request is to us: what `rapport inspect sms` shows, and what is received."""
        return inspect(self._provider, request, self._clock())

    async def _webhook(self, request: web.Request) -> web.Response:
        body = await read_body(request, self._settings.body_limit)
        if isinstance(body, Oversize):
            log.warning("sms_webhook_too_large", channel=self.name, size=body.size)
            return await self._refused("too large: max_body_bytes", body.sha256, body.size, request, status=413)
        call = request_of(
            request, body, public_url=self._settings.public_url, trusted_proxies=self._settings.trusted_proxies
        )
        if not proves(self._provider, call, self._clock()):
            log.warning("sms_webhook_forged", channel=self.name, provider=self._settings.provider, size=len(body))
            return await self._refused(FORGED, _digest(call), len(body), request, status=401)
        return await self._take(self.inspect(call), call, kept_headers(request))

    async def _take(self, inspection: Inspection, call: Request, headers: Mapping[str, str]) -> web.Response:
        if inspection.error is not None:
            log.warning("sms_webhook_unreadable", channel=self.name, reason=inspection.error)
            refusal = Refusal(
                channel=self.name,
                reason=inspection.error,
                size=len(call.body),
                sha256=_digest(call),
                at=self._clock(),
                headers=headers,
            )
            return await self._stored((refusal,), Reply(body=inspection.error, status=400))
        if inspection.ignored is not None:
            log.info("sms_webhook_ignored", channel=self.name, reason=inspection.ignored)
        return await self._stored(inspection.arrivals, self._provider.response(inspection))

    async def _refused(self, reason: str, digest: str, size: int, request: web.Request, *, status: int) -> web.Response:
        """Whoever it was has proven nothing."""
        if self._port is not None:
            await self._unproven.note_hash(self._port, reason, digest, size=size, headers=kept_headers(request))
        return web.Response(status=status)

    async def _stored(self, arrivals: Sequence[Arrival], reply: Reply) -> web.Response:
        """Answer once it is committed: what is not stored yet, the provider shall bring again."""
        if arrivals:
            if self._port is None:
                return web.Response(status=503)
            try:
                await self._port.accept(arrivals)
            except StorageUnavailable:
                return web.Response(status=503)
        return web.Response(status=reply.status, text=reply.body, content_type=reply.content_type)

    # Send

    def units(self, message: OutboundMessage) -> int:
        """Segments, as operators will count them."""
        return sum(units for _, units in self._texts(message))

    def weigh(self, text: str, address: str) -> Weight:
        """A text as it would leave, with what it would cost."""
        said = transliterated(text) if self._settings.transliterate else text
        texts = _texts(text, self._settings.transliterate, self._settings.segment_limit)
        counted, billed = count(clean(said).strip()), sum(units for _, units in texts)
        cost = None if _PHONE.fullmatch(address) is None else self._cost(address.partition(":")[2], billed)
        return Weight(
            encoding=counted.encoding,
            characters=counted.characters,
            units=billed,
            room=_room(counted),
            forced_by=counted.forced_by,
            cost=cost,
            currency=self._settings.prices.currency if cost is not None and self._settings.prices else None,
        )

    async def send(self, message: OutboundMessage) -> Receipt:
        """Hand a text to the provider, whole, or in parts where it is longer than anybody reads. Raises SendError."""
        to, texts = _recipient(message.address), self._texts(message)
        media = tuple(each.id for each in message.attachments if each.id.startswith(_LINK))
        if len(media) < len(message.attachments):
            raise SendError(SendErrorCode.UNSUPPORTED, "a text message carries no files")
        if not texts:
            raise SendError(SendErrorCode.UNSUPPORTED, "there is nothing to say in a text message")
        ids: list[str] = []
        for number, (text, _) in enumerate(texts):
            if number < len(message.sent):
                continue
            try:
                ids.append(await self._send_one(to, text, message, number, media if number == 0 else ()))
            except Stopped as stopped:
                await self._record_stop(message, stopped)
                raise
            except SendError as error:
                raise _with_sent(error, ids) from None
        units = sum(units for _, units in texts[len(message.sent) :])
        cost = self._cost(to, units)
        currency = self._settings.prices.currency if cost is not None and self._settings.prices else None
        return Receipt(external_ids=tuple(ids), units=units, cost=cost, currency=currency)

    async def _send_one(self, to: str, text: str, message: OutboundMessage, number: int, media: tuple[str, ...]) -> str:
        one = Text(
            to=to,
            text=text,
            unicode=not is_gsm(text),
            key=message.key if number == 0 else f"{message.key}.{number}",
            status_url=self._status_url(),
            media=media,
            at=self._clock(),
        )
        answer = await self._caller.ask(self._provider.call(one))
        return self._provider.receipt(one, answer)

    def _texts(self, message: OutboundMessage) -> Sequence[tuple[str, int]]:
        return _texts(message.text, self._settings.transliterate, self._settings.segment_limit)

    def _status_url(self) -> str | None:
        """Where reports come to; None: nobody can reach us."""
        settings = self._settings
        if not settings.public_url:
            return None
        secret = f"/{settings.webhook_secret}" if settings.webhook_secret else ""
        return f"{settings.public_url.rstrip('/')}{PATH}/{settings.name}{secret}/status"

    def _cost(self, to: str, units: int) -> Decimal | None:
        price = self._settings.prices.of(_region(to)) if self._settings.prices else None
        return None if price is None else price * units

    async def _record_stop(self, message: OutboundMessage, stopped: Stopped) -> None:
        """The carrier has a STOP that never reached us: it is the person's word all the same."""
        if self._port is None:
            return
        update = ConsentUpdate(
            channel=self.name,
            address=message.address,
            granted=False,
            source="carrier",
            at=self._clock(),
            raw=stopped.detail.encode(),
            external_id=f"{message.key}:stopped",
        )
        try:
            await self._port.accept((update,))
        except StorageUnavailable:
            # The next send to this number fails the same way, and is recorded then.
            log.warning("sms_stop_not_recorded", channel=self.name)

    async def probe(self) -> str:
        """Who we are there. Raises SendError."""
        settings = self._settings
        who = f"{settings.sender} at {settings.provider}"
        if not isinstance(self._provider, Probing):
            return who
        answer = await self._caller.ask(self._provider.probe())
        if not answer.ok:
            raise bare(answer)
        return who


def _room(counted: Segments) -> int:
    """Units that still fit the last segment, or the first, while there is only one."""
    alone = capacity(counted.encoding, joined=False)
    if counted.units <= alone:
        return alone - counted.units
    return max(0, counted.segments * capacity(counted.encoding, joined=True) - counted.units)


def _digest(call: Request) -> str:
    return hashlib.sha256(raw_of(call)).hexdigest()


@lru_cache(maxsize=256)
def _texts(text: str, plainly: bool, segment_limit: int) -> Sequence[tuple[str, int]]:
    """What leaves, each with its segments. Asked when a message is claimed, and again when it is sent."""
    parts = parted(transliterated(text) if plainly else text, segment_limit)
    return tuple((part, segments(part)) for part in parts)


def _recipient(address: str) -> str:
    """What a provider wants to see: `+8613800138000`, or `whatsapp:+…`."""
    scheme, _, path = address.partition(":")
    if scheme == "tel" and path.startswith("+"):
        return path
    if scheme == "whatsapp" and path:
        return f"whatsapp:+{path}" if path.isdigit() else address
    if scheme == "sms":
        raise SendError(SendErrorCode.BAD_ADDRESS, "nobody reads what is sent to a short code or a name")
    raise SendError(SendErrorCode.BAD_ADDRESS, f"a {scheme[:20]} address is no phone number")


def _region(to: str) -> str | None:
    """Most country codes belong to one country, which spares parsing the number."""
    digits = to.removeprefix("whatsapp:").removeprefix("+")
    for length in (1, 2, 3):
        code = digits[:length]
        if code.isdecimal() and (regions := phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code))):
            return regions[0] if len(regions) == 1 else _region_within(f"+{digits}")
    return None


def _region_within(number: str) -> str | None:
    """Of the countries that share a code, as the United States and Canada do."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return None


def _with_sent(error: SendError, ids: Sequence[str]) -> SendError:
    return SendError(
        error.code, error.detail, retry_after=error.retry_after, whole_channel=error.whole_channel, sent=tuple(ids)
    )
