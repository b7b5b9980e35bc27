"""Inspecting: what an adapter makes of a raw payload, one JSON object each, without storing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from channels.envelope import AddressUpdate, Arrival, ConsentUpdate, DeliveryUpdate, InboundMessage, Refusal
from channels.protocol import Inspection

Inspect = Callable[[bytes], Inspection]


def _telegram(raw: bytes) -> Inspection:
    from channels.telegram.updates import inspect

    return inspect(raw)


INSPECTORS: Mapping[str, Inspect] = {"telegram": _telegram}
"""Channels whose payloads can be inspected, by name."""


def inspect(channel: str, raw: bytes) -> list[dict[str, Any]]:
    """Every object that `rapport inspect` prints for one file. A getUpdates answer holds many payloads."""
    return [line for payload in _payloads(channel, raw) for line in lines(INSPECTORS[channel](payload))]


def _payloads(channel: str, raw: bytes) -> Iterable[bytes]:
    if channel == "telegram":
        try:
            answer = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return [raw]
        match answer:
            case {"ok": True, "result": [*updates]}:
                return [orjson.dumps(update) for update in updates]
            case _:
                return [raw]
    return [raw]


def lines(inspection: Inspection) -> list[dict[str, Any]]:
    """What an Inspection says, an object each."""
    if inspection.error is not None:
        return [{"error": inspection.error}]
    if inspection.ignored is not None:
        return [{"ignored": inspection.ignored}]
    return [_line(arrival) for arrival in inspection.arrivals]


def _line(arrival: Arrival) -> dict[str, Any]:
    match arrival:
        case InboundMessage():
            return _message(arrival)
        case DeliveryUpdate():
            status = {"external_id": arrival.external_id, "status": arrival.status, "reason": arrival.reason}
            return _receipt(arrival.channel, arrival.external_id, arrival.address, arrival.at, status)
        case AddressUpdate():
            status = {
                "external_id": arrival.external_id,
                "status": "reachable" if arrival.reachable else "unreachable",
                "reason": arrival.reason,
            }
            return _receipt(arrival.channel, arrival.external_id, arrival.address, arrival.at, status)
        case ConsentUpdate():
            return _consent(arrival)
        case Refusal():
            return {"error": arrival.reason}


def _consent(update: ConsentUpdate) -> dict[str, Any]:
    return {
        "channel": update.channel,
        "event": "consent",
        "external_id": update.external_id,
        "address": update.address,
        "consent": "granted" if update.granted else "withdrawn",
        "source": update.source,
        "date": _instant(update.at),
        "statuses": [],
    }


def _message(message: InboundMessage) -> dict[str, Any]:
    return {
        "channel": message.channel,
        "event": message.event,
        "external_id": message.external_id,
        "address": message.address,
        "name": message.name,
        "text": message.text,
        "attachments": [_attachment(attachment) for attachment in message.attachments],
        "reply_to": message.reply_to,
        "date": _instant(message.sent_at),
        "statuses": [],
        **{
            key: value
            for key, value in {
                "message_id": message.message_id,
                "edits": message.edits,
                "language": message.language,
                "start_parameter": message.start_parameter,
                "thread": message.thread,
                "automatic": message.automatic,
            }.items()
            if value is not None
        },
    }


def _attachment(attachment: Any) -> dict[str, Any]:
    optional = {
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "data": dict(attachment.data) or None,
    }
    return {
        "kind": attachment.kind,
        "id": attachment.id,
        **{key: value for key, value in optional.items() if value is not None},
    }


def _receipt(
    channel: str, external_id: str, address: str | None, at: datetime, status: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "channel": channel,
        "event": "receipt",
        "external_id": external_id,
        "address": address,
        "name": None,
        "text": "",
        "attachments": [],
        "reply_to": None,
        "date": _instant(at),
        "statuses": [status],
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
