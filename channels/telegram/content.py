"""What a Telegram message says and carries: its words and its attachments, whatever kind of message it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

from channels.cleaning import clean
from channels.envelope import Attachment, AttachmentKind
from channels.telegram.json import Json, maybe_number, maybe_object, maybe_text, need_object, need_text, objects, texts

_FILES: Final[Mapping[str, AttachmentKind]] = {
    "animation": AttachmentKind.VIDEO,  # a silent MP4; it comes with a `document` of the same file
    "document": AttachmentKind.FILE,
    "sticker": AttachmentKind.STICKER,
    "voice": AttachmentKind.AUDIO,
    "audio": AttachmentKind.AUDIO,
    "video": AttachmentKind.VIDEO,
    "video_note": AttachmentKind.VIDEO,
}
# fmt: off
_SERVICE: Final = frozenset(
    {
        "boost_added", "channel_chat_created", "chat_background_set", "chat_owner_changed", "chat_owner_left",
        "chat_shared", "checklist_tasks_added", "checklist_tasks_done", "community_chat_added", "community_chat_joined",
        "community_chat_removed", "connected_website", "delete_chat_photo", "direct_message_price_changed",
        "forum_topic_closed", "forum_topic_created", "forum_topic_edited", "forum_topic_reopened",
        "general_forum_topic_hidden", "general_forum_topic_unhidden", "gift", "gift_upgrade_sent", "giveaway_completed",
        "giveaway_created", "group_chat_created", "left_chat_member", "managed_bot_created",
        "message_auto_delete_timer_changed", "migrate_from_chat_id", "migrate_to_chat_id", "new_chat_members",
        "new_chat_photo", "new_chat_title", "paid_message_price_changed", "passport_data", "pinned_message",
        "poll_option_added", "poll_option_deleted", "proximity_alert_triggered", "refunded_payment",
        "successful_payment", "suggested_post_approval_failed", "suggested_post_approved", "suggested_post_declined",
        "suggested_post_paid", "suggested_post_refunded", "supergroup_chat_created", "unique_gift", "user_shared",
        "users_shared", "video_chat_ended", "video_chat_participants_invited", "video_chat_scheduled",
        "video_chat_started", "write_access_allowed",
    }
)
"""Messages that nobody wrote: the chat's own news."""
_BESIDES: Final = frozenset(
    {
        "message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "sender_boost_count",
        "sender_business_bot", "sender_tag", "date", "business_connection_id", "chat", "forward_origin", "forward_from",
        "forward_from_chat", "forward_from_message_id", "forward_sender_name", "forward_signature", "forward_date",
        "is_topic_message", "is_automatic_forward", "is_from_offline", "is_paid_post", "reply_to_message",
        "external_reply", "quote", "reply_to_story", "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot",
        "edit_date", "has_protected_content", "has_media_spoiler", "media_group_id", "author_signature",
        "paid_star_count", "entities", "caption_entities", "link_preview_options", "suggested_post_info", "effect_id",
        "show_caption_above_media", "reply_markup", "guest_bot_caller_user", "guest_bot_caller_chat", "guest_query_id",
        "ephemeral_message_id", "receiver_user",
    }
)
"""What a message has besides its content."""
# fmt: on


def missing_content(message: Json) -> str | None:
    """Why nobody wrote this: the name of its service message, or `empty`; None where there is something to take.

    Content of a kind that we do not know is something: it arrives with an empty text, and the raw payload keeps it.
    """
    contents = [key for key, value in message.items() if key not in _BESIDES and value is not None]
    return next((key for key in contents if key in _SERVICE), None) if contents else "empty"


def text_of(message: Json) -> str:
    for key, read in _TEXTS.items():
        if message.get(key) is not None:
            return clean(read(message, key))
    return ""


def _venue(message: Json, key: str) -> str:
    venue = need_object(message, key)
    return ", ".join(texts(venue, "title", "address"))


def _coordinates(message: Json, key: str) -> str:
    """Six decimals: a tenth of a metre."""
    place = _place(need_object(message, key))
    return "" if place is None else f"{place[0]:.6f},{place[1]:.6f}"


def _contact(message: Json, key: str) -> str:
    contact = need_object(message, key)
    name, phone = " ".join(texts(contact, "first_name", "last_name")), maybe_text(contact, "phone_number")
    return f"{name} ({phone})" if name and phone else name or phone or ""


def _emoji(message: Json, key: str) -> str:
    return maybe_text(need_object(message, key), "emoji") or ""


def _dice(message: Json, key: str) -> str:
    dice = need_object(message, key)
    return " ".join((*texts(dice, "emoji"), maybe_number(dice, "value") or ""))


def _poll(message: Json, key: str) -> str:
    poll = need_object(message, key)
    return _listed("".join(texts(poll, "question")), poll.get("options"))


def _checklist(message: Json, key: str) -> str:
    checklist = need_object(message, key)
    return _listed("".join(texts(checklist, "title")), checklist.get("tasks"))


def _listed(head: str, items: object) -> str:
    return "\n".join((head, *(f"- {text}" for item in objects(items) for text in texts(item, "text"))))


def _web_app_data(message: Json, key: str) -> str:
    return need_text(need_object(message, key), "data")


def _rich_text(message: Json, key: str) -> str:
    """The words of a formatted message, one block a line."""
    return "\n".join("".join(_words(block)) for block in objects(need_object(message, key).get("blocks")))


def _words(block: Json) -> Iterator[str]:
    waiting: list[object] = [block]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            yield piece
        elif isinstance(piece, list):
            waiting.extend(reversed(cast(list[object], piece)))
        elif isinstance(piece, dict):
            holder = cast(Json, piece)
            waiting.extend(holder[key] for key in ("cells", "items", "blocks", "text") if key in holder)


_TEXTS: Final[Mapping[str, Callable[[Json, str], str]]] = {
    "text": need_text,
    "caption": need_text,
    "rich_message": _rich_text,
    "venue": _venue,  # before `location`, which it comes with
    "location": _coordinates,
    "contact": _contact,
    "sticker": _emoji,
    "dice": _dice,
    "poll": _poll,
    "checklist": _checklist,
    "web_app_data": _web_app_data,
    "photo": lambda message, key: "",
}
"""Where the words of a message are, in the order of asking."""


def attachments_of(message: Json) -> Iterator[Attachment]:
    """A broken attachment does not cost the message its words: it is left out here and kept in the raw payload."""
    if photo := _largest(objects(message.get("photo"))):
        yield from _file(AttachmentKind.IMAGE, photo)
    for key, kind in _FILES.items():
        if key in message and not (key == "document" and "animation" in message):
            yield from _file(kind, maybe_object(message, key) or {})
    if "location" in message or "venue" in message:
        yield from _location(message)
    if "contact" in message:
        yield from _shared_contact(maybe_object(message, "contact") or {})


def _largest(sizes: Sequence[Json]) -> Json | None:
    def area(size: Json) -> float:
        width, height = size.get("width"), size.get("height")
        return width * height if isinstance(width, int) and isinstance(height, int) else 0

    return max(sizes, key=area, default=None)


def _file(kind: AttachmentKind, file: Json) -> Iterator[Attachment]:
    if not (identity := maybe_text(file, "file_id")):
        return
    size = file.get("file_size")
    yield Attachment(
        kind=kind,
        id=identity,
        name=maybe_text(file, "file_name"),
        content_type=maybe_text(file, "mime_type"),
        size=size if isinstance(size, int) and 0 <= size < 2**63 else None,
    )


def _location(message: Json) -> Iterator[Attachment]:
    venue = maybe_object(message, "venue") or {}
    spot = maybe_object(message, "location") or maybe_object(venue, "location")
    if spot is None or (place := _place(spot)) is None:
        return
    names = {key: value for key in ("title", "address") if (value := maybe_text(venue, key))}
    yield Attachment(
        kind=AttachmentKind.LOCATION,
        id=f"geo:{place[0]:.6f},{place[1]:.6f}",
        data={"latitude": place[0], "longitude": place[1], **names},
    )


def _place(spot: Json) -> tuple[float, float] | None:
    latitude, longitude = spot.get("latitude"), spot.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    in_range = math.isfinite(latitude) and abs(latitude) <= 90 and math.isfinite(longitude) and abs(longitude) <= 180
    return (float(latitude), float(longitude)) if in_range else None


def _shared_contact(contact: Json) -> Iterator[Attachment]:
    if phone := maybe_text(contact, "phone_number"):
        names = {key: value for key in ("first_name", "last_name") if (value := maybe_text(contact, key))}
        yield Attachment(kind=AttachmentKind.CONTACT, id=phone, data={"phone_number": phone, **names})
