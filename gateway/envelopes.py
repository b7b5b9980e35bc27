"""Envelopes: how what a channel carries is kept in our rows, and how it is read back from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from channels.envelope import (
    Attachment,
    AttachmentKind,
    Button,
    Event,
    InboundMessage,
    OutboundMessage,
    Quoted,
)
from storage.interactions import InteractionKind
from storage.outbox import Due

KINDS: Mapping[Event, InteractionKind] = {
    Event.MESSAGE: InteractionKind.MESSAGE,
    Event.EDIT: InteractionKind.EDIT,
    Event.CALLBACK: InteractionKind.CALLBACK,
}
EVENTS: Mapping[InteractionKind, Event] = {kind: event for event, kind in KINDS.items()}


def inbound_content(message: InboundMessage) -> dict[str, Any]:
    """What is not text, as it is kept with the Interaction."""
    content: dict[str, Any] = {}
    if message.attachments:
        content["attachments"] = [attachment_as_json(attachment) for attachment in message.attachments]
    if message.start_parameter is not None:
        content["start_parameter"] = message.start_parameter
    if message.language is not None:
        content["language"] = message.language
    if message.subject is not None:
        content["subject"] = message.subject
    if message.automatic is not None:
        content["automatic"] = message.automatic
    if message.whole_text is not None:
        content["whole_text"] = message.whole_text
    if message.matter is not None:
        content["matter"] = message.matter
    if message.raw_blob is not None:
        content["raw_blob"] = message.raw_blob
    return content


def matter(text: str, content: Mapping[str, Any]) -> str:
    """The words of an Interaction that are to be understood."""
    return content.get("matter", text)


def attachment_as_json(attachment: Attachment) -> dict[str, Any]:
    """An attachment without its absent fields."""
    fields = {
        "kind": attachment.kind,
        "id": attachment.id,
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "data": dict(attachment.data) or None,
    }
    return {key: value for key, value in fields.items() if value is not None}


def button_as_json(button: Button) -> dict[str, str]:
    """A button without its absent fields."""
    fields = {"label": button.label, "value": button.value}
    return fields if button.url is None else {**fields, "url": button.url}


def outbound(row: Due, channel: str) -> OutboundMessage:
    """The envelope of a Delivery."""
    message = row.message
    return OutboundMessage(
        channel=channel,
        address=row.uri,
        text=message["text"],
        key=f"d{row.id}",
        buttons=buttons_from_json(message),
        attachments=attachments_from_json(message),
        reply_to=message.get("reply_to"),
        language=message.get("language", "en"),
        thread=row.thread or None,
        sent=tuple(row.parts or ()),
        subject=message.get("subject"),
        references=tuple(message.get("references", ())),
        quoted=_quoted(message.get("quoted")),
        marketing=message.get("marketing", False),
        automatic=message.get("automatic", True),
        custom=message.get("custom"),
        markup=message.get("markup"),
    )


def _quoted(quoted: Mapping[str, Any] | None) -> Quoted | None:
    """As `storage.threads.answering` wrote it."""
    if quoted is None:
        return None
    return Quoted(author=quoted["author"], at=datetime.fromisoformat(quoted["at"]), text=quoted["text"])


def buttons_from_json(content: Mapping[str, Any]) -> tuple[Button, ...]:
    """Buttons as `button_as_json` wrote them."""
    return tuple(Button(**button) for button in content.get("buttons", ()))


def attachments_from_json(content: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Attachments as `attachment_as_json` wrote them."""
    return tuple(
        replace(Attachment(**attachment), kind=AttachmentKind(attachment["kind"]))
        for attachment in content.get("attachments", ())
    )
