"""Requests that providers of SMS made, with what another gateway (nyaruka/courier) expects of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from channels.envelope import DeliveryStatus, DeliveryUpdate, InboundMessage
from channels.protocol import Inspection
from channels.request import Request
from channels.sms.provider import inspect
from channels.sms.providers import PROVIDERS
from channels.sms.settings import SmsSettings
from tests.given import given

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

STATUSES: Mapping[str, Sequence[DeliveryStatus]] = {
    "models.MsgStatusWired": (DeliveryStatus.SENT,),
    "models.MsgStatusSent": (DeliveryStatus.SENT,),
    "models.MsgStatusDelivered": (DeliveryStatus.DELIVERED,),
    "models.MsgStatusRead": (DeliveryStatus.READ,),
    "models.MsgStatusFailed": (DeliveryStatus.FAILED,),
    "models.MsgStatusErrored": (DeliveryStatus.FAILED, DeliveryStatus.RETRYING),
}


def incoming(name: str) -> list[dict[str, Any]]:
    return json.loads(given(f"channels/courier/incoming/{name}.json").read_bytes())


def outgoing(name: str) -> list[dict[str, Any]]:
    return json.loads(given(f"channels/courier/outgoing/{name}.json").read_bytes())


def label(case: dict[str, Any]) -> str:
    return f"{case['_group']}: {case['Label']}"


def request_of(case: dict[str, Any]) -> Request:
    data = case.get("Data") or ""
    return Request.of(
        method="POST" if data else "GET", url=case["URL"], headers=case.get("Headers") or {}, body=data.encode()
    )


def read(provider: str, case: dict[str, Any], *, region: str | None = None) -> Inspection:
    adapter = PROVIDERS[provider](SmsSettings(provider=provider, region=region))
    return inspect(adapter, request_of(case), AT)


def check(inspection: Inspection, case: dict[str, Any]) -> None:
    """That the request was understood as expected."""
    if case["ExpectedRespStatus"] >= 400:
        assert inspection.error is not None, inspection
        return
    assert inspection.error is None
    messages = [each for each in inspection.arrivals if isinstance(each, InboundMessage)]
    updates = [each for each in inspection.arrivals if isinstance(each, DeliveryUpdate)]
    assert len(messages) == (1 if "ExpectedURN" in case else 0), inspection
    for message in messages:
        _check_message(message, case)
    expected: list[dict[str, str]] = case.get("ExpectedStatuses") or []
    assert len(updates) == len(expected), inspection
    for update, status in zip(updates, expected, strict=True):
        assert update.status in STATUSES[status["Status"]]
        if "ExternalID" in status:
            assert update.external_id == status["ExternalID"]
    assert inspection.arrivals or inspection.ignored


def _check_message(message: InboundMessage, case: dict[str, Any]) -> None:
    assert message.address == case["ExpectedURN"]
    if isinstance(text := case.get("ExpectedMsgText"), str):
        assert message.text == text
    if case.get("ExpectedExternalID"):
        assert message.external_id == case["ExpectedExternalID"]
    if case.get("ExpectedDate"):
        assert message.sent_at == datetime.fromisoformat(case["ExpectedDate"])
    if case.get("ExpectedContactName"):
        assert message.name == case["ExpectedContactName"]
    expected: list[str] = case.get("ExpectedAttachments") or []
    assert [attachment.id for attachment in message.attachments] == [_without_type(each) for each in expected]


def _without_type(attachment: str) -> str:
    """`image/jpeg:https://…` names the type before the address."""
    kind, _, address = attachment.partition(":")
    return address if "/" in kind else attachment
