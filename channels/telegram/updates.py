"""Telegram's updates, read: raw JSON to arrivals.

Without aiogram on purpose: its types take 74 µs for a small update where orjson takes 2, refuse a whole batch for one
field of a kind they do not know yet, and cost 134 MB to import. What we read, we check ourselves.
Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from channels.cleaning import clean
from channels.envelope import AddressUpdate, Event, InboundMessage
from channels.protocol import Inspection
from channels.telegram.content import attachments_of, missing_content, text_of
from channels.telegram.json import (
    Json,
    Unreadable,
    as_object,
    maybe_number,
    maybe_object,
    maybe_text,
    need_integer,
    need_object,
    need_text,
    need_time,
    parse,
    texts,
)

ALLOWED_UPDATES: Final = (
    "message",
    "edited_message",
    "business_message",
    "edited_business_message",
    "callback_query",
    "my_chat_member",
)
"""What we ask Telegram for; what arrives all the same is ignored with its type as the reason."""

_GROUPS: Final = ("group", "supergroup")
_COMMAND: Final = re.compile(r"(/\w{1,32})(?:@\w{3,32})?(?=\s|$)")
_START: Final = re.compile(r"/start\s+([A-Za-z0-9_-]{1,64})\s*")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9-]{2,35}")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Update:
    """One update, and what every Arrival made from it carries."""

    channel: str
    id: str
    kind: str
    content: object
    raw: bytes
    at: datetime | None
    """When we received it: stands in where Telegram gives no time."""


def inspect(raw: bytes, *, channel: str = "telegram", at: datetime | None = None) -> Inspection:
    """What one raw update is to us. Never raises; `notes` hold `update_id` and `callback_query_id` where known.

    A button press has no time of its own: it gets `at`, and without it the time of the message that has the button.
    """
    notes: dict[str, str] = {}
    try:
        update = _update(parse(raw), channel, raw, at)
        if update is None:
            return Inspection(ignored="empty")
        notes["update_id"] = update.id
        return _READERS.get(update.kind, _ignore)(update, notes)
    except Unreadable as mistake:
        return Inspection(error=str(mistake), notes=notes)


def _update(parsed: object, channel: str, raw: bytes, at: datetime | None) -> _Update | None:
    update = as_object(parsed, "the update")
    identity = need_integer(update, "update_id")
    kinds = [key for key, value in update.items() if key != "update_id" and value is not None]
    if not kinds:
        return None
    kind = next((key for key in kinds if key in _READERS), kinds[0])
    return _Update(channel=channel, id=str(identity), kind=kind, content=update[kind], raw=raw, at=at)


def _ignore(update: _Update, notes: dict[str, str]) -> Inspection:
    return Inspection(ignored=clean(update.kind)[:64], notes=notes)


def _message(update: _Update, notes: dict[str, str]) -> Inspection:
    message = as_object(update.content, update.kind)
    chat = need_object(message, "chat")
    sender = maybe_object(message, "from") or chat
    business = "business" in update.kind
    if reason := _not_a_customer(chat, sender, business=business) or missing_content(message):
        return Inspection(ignored=reason, notes=notes)
    edited = update.kind.startswith("edited")
    number = str(need_integer(message, "message_id"))
    text, start_parameter = _command(text_of(message))
    replied = maybe_object(message, "reply_to_message")
    arrival = InboundMessage(
        channel=update.channel,
        event=Event.EDIT if edited else Event.MESSAGE,
        external_id=update.id,
        address=f"telegram:{need_integer(chat, 'id')}",
        sent_at=need_time(message, "edit_date" if edited and "edit_date" in message else "date"),
        raw=update.raw,
        text=text,
        name=_name(sender),
        language=_language(sender),
        message_id=number,
        reply_to=None if replied is None else maybe_number(replied, "message_id"),
        edits=number if edited else None,
        attachments=tuple(attachments_of(message)),
        start_parameter=start_parameter,
        thread=maybe_text(message, "business_connection_id") if business else None,
    )
    return Inspection(arrivals=(arrival,), notes=notes)


def _callback(update: _Update, notes: dict[str, str]) -> Inspection:
    query = as_object(update.content, update.kind)
    notes["callback_query_id"] = need_text(query, "id")
    sender = need_object(query, "from")
    message = maybe_object(query, "message")
    data = maybe_text(query, "data")
    if message is None or data is None:  # from an inline message or a game, neither of which we send
        return Inspection(ignored="callback_query", notes=notes)
    if reason := _not_private(need_object(message, "chat")):
        return Inspection(ignored=reason, notes=notes)
    arrival = InboundMessage(
        channel=update.channel,
        event=Event.CALLBACK,
        external_id=update.id,
        address=f"telegram:{need_integer(sender, 'id')}",
        sent_at=update.at or need_time(message, "date"),
        raw=update.raw,
        text=clean(data),
        name=_name(sender),
        language=_language(sender),
        reply_to=maybe_number(message, "message_id"),
        thread=maybe_text(message, "business_connection_id"),
    )
    return Inspection(arrivals=(arrival,), notes=notes)


def _membership(update: _Update, notes: dict[str, str]) -> Inspection:
    """In a private chat this says that the person blocked us, or let us in again."""
    change = as_object(update.content, update.kind)
    chat = need_object(change, "chat")
    status = need_text(need_object(change, "new_chat_member"), "status")
    if reason := _not_private(chat):
        return Inspection(ignored=reason, notes=notes)
    if status not in ("kicked", "member"):
        return _ignore(update, notes)
    arrival = AddressUpdate(
        channel=update.channel,
        address=f"telegram:{need_integer(chat, 'id')}",
        reachable=status == "member",
        reason="unblocked" if status == "member" else "blocked",
        at=need_time(change, "date"),
        raw=update.raw,
        external_id=update.id,
    )
    return Inspection(arrivals=(arrival,), notes=notes)


_READERS: Final[Mapping[str, Callable[[_Update, dict[str, str]], Inspection]]] = {
    "message": _message,
    "edited_message": _message,
    "business_message": _message,
    "edited_business_message": _message,
    "callback_query": _callback,
    "my_chat_member": _membership,
}


def _not_a_customer(chat: Json, sender: Json, *, business: bool) -> str | None:
    if reason := _not_private(chat):
        return reason
    if business and sender.get("id") != chat.get("id"):
        return "business_owner"  # we see both sides of a business account's chats; this is our own side
    return "bot" if sender.get("is_bot") is True else None


def _not_private(chat: Json) -> str | None:
    kind = need_text(chat, "type")
    if kind == "private":
        return None
    return "group" if kind in _GROUPS else clean(kind)[:64]


def _command(text: str) -> tuple[str, str | None]:
    """`/start abc` is a deep link and its parameter; `/help@OurBot` is what a group's habit makes of `/help`."""
    if not text.startswith("/"):
        return text, None
    text = _COMMAND.sub(r"\1", text, count=1)
    found = _START.fullmatch(text)
    return ("/start", found[1]) if found else (text, None)


def _name(person: Json) -> str | None:
    return " ".join(texts(person, "first_name", "last_name")).strip() or None


def _language(person: Json) -> str | None:
    code = maybe_text(person, "language_code")
    return code if code and _LANGUAGE.fullmatch(code) else None
