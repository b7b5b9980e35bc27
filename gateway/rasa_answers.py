"""What a Rasa assistant says on its REST channel, as Replies.

Source: rasa.com/docs/rasa/connectors/your-own-website, and `rasa/core/channels/channel.py`: a list of objects with
`recipient_id` and any of `text`, `image`, `buttons`, `attachment`, `custom`. What of it is malformed or too much is
left out and noted; an answer that is no such list at all, or another person's, is nonsense.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import orjson

from bot.assistant import Reply
from bot.plain import Json
from channels.cleaning import LONE_SURROGATE, clean
from channels.envelope import Attachment, AttachmentKind, Button

MOST_PAYLOAD = 2000
"""Characters that a button may send back."""
MOST_LABEL = 200
MOST_REASON = 500
DEEPEST = 32
"""Levels of a custom payload."""

KINDS: Mapping[str, AttachmentKind] = {
    "image": AttachmentKind.IMAGE,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.AUDIO,
}
"""What Rasa's users call attachments; whatever else they say is a file."""


class Nonsense(Exception):
    """The assistant answered with something that is no answer."""


class _Unfit(Exception):
    """A value that cannot be kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How much of an answer is taken."""

    messages: int
    characters: int
    """Of each message."""
    buttons: int
    """Of each message."""
    custom_bytes: int


def read(body: bytes, recipient: str, bounds: Bounds) -> tuple[list[Reply], list[str]]:
    """The Replies in an answer to `recipient`, and notes on what was left out. Raises Nonsense."""
    answer = _decode(body)
    if not isinstance(answer, list):
        raise Nonsense("no list of messages")
    messages = cast("list[object]", answer)
    notes: list[str] = []
    replies: list[Reply] = []
    for number, message in enumerate(messages[: bounds.messages], start=1):
        if not isinstance(message, dict):
            notes.append(f"message {number} is no object")
            continue
        reading = _Reading(cast("dict[str, object]", message), f"message {number}", bounds, notes)
        if reading.is_for_another(recipient):
            raise Nonsense("it is for another recipient")
        if (reply := reading.reply()) is not None:
            replies.append(reply)
    if len(messages) > bounds.messages:
        notes.append(f"{len(messages) - bounds.messages} more messages than most_messages")
    if messages and not replies and len(notes) >= len(messages):
        raise Nonsense(notes[0])
    return replies, notes


def _decode(body: bytes) -> object:
    """JSON, forgiving halves of characters (they become U+FFFD)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"\\u" not in body:
            raise Nonsense("no JSON") from None
    try:
        return orjson.loads(LONE_SURROGATE.sub("\ufffd", json.dumps(json.loads(body), ensure_ascii=False)))
    except (ValueError, RecursionError):
        raise Nonsense("no JSON") from None


class _Reading:
    """One message of an answer, and where to note what of it is left out."""

    def __init__(self, message: Mapping[str, object], place: str, bounds: Bounds, notes: list[str]) -> None:
        self._message = message
        self._place = place
        self._bounds = bounds
        self._notes = notes

    def is_for_another(self, recipient: str) -> bool:
        named = self._message.get("recipient_id")
        return named is not None and named != recipient

    def reply(self) -> Reply | None:
        """None: it says nothing that can be shown."""
        custom = self._custom()
        hands_over = custom is not None and custom.get("handoff") is True
        reason = custom.get("reason") if hands_over and custom is not None else ""
        reply = Reply(
            text=self._text(),
            buttons=tuple(self._buttons()),
            attachments=tuple(self._attachments()),
            custom=custom,
            hands_over=hands_over,
            reason=reason[:MOST_REASON] if isinstance(reason, str) else "",
        )
        return None if reply == Reply() else reply

    def _note(self, what: str) -> None:
        self._notes.append(f"{self._place}: {what}")

    def _text(self) -> str:
        text = self._message.get("text")
        if text is None:
            return ""
        if not isinstance(text, str):
            self._note("its text is no text")
            return ""
        text = clean(text).strip()
        if len(text) > self._bounds.characters:
            self._note("its text is longer than most_characters")
            text = f"{text[: self._bounds.characters - 1]}…"
        return text

    def _buttons(self) -> Sequence[Button]:
        given = [*self._list("buttons"), *self._list("quick_replies")]
        buttons = [button for each in given if (button := self._button(each)) is not None]
        if len(buttons) > self._bounds.buttons:
            self._note("more buttons than most_buttons")
        return buttons[: self._bounds.buttons]

    def _button(self, given: object) -> Button | None:
        fields = cast("dict[str, object]", given) if isinstance(given, dict) else {}
        title, payload, url = fields.get("title"), fields.get("payload"), fields.get("url")
        if not isinstance(title, str) or not title.strip():
            self._note("a button has no title")
            return None
        label = " ".join(clean(title).split())[:MOST_LABEL]
        if isinstance(url, str) and _is_web_address(url):
            return Button(label=label, value="", url=url)
        if payload is None or payload == "":
            payload = title
        if not isinstance(payload, str) or len(payload) > MOST_PAYLOAD:
            self._note("the payload of a button is no text, or too long")
            return None
        return Button(label=label, value=clean(payload) or label)

    def _attachments(self) -> Sequence[Attachment]:
        found = [self._attachment("image", self._message.get("image"), AttachmentKind.IMAGE)]
        attachment = self._message.get("attachment")
        if isinstance(attachment, dict):
            # As Facebook's templates have it, which Rasa's users send on: {"type": …, "payload": {"src" or "url": …}}.
            fields = cast("dict[str, object]", attachment)
            payload = fields.get("payload")
            inner = cast("dict[str, object]", payload) if isinstance(payload, dict) else fields
            kind = KINDS.get(str(fields.get("type")), AttachmentKind.FILE)
            found.append(self._attachment("attachment", inner.get("src") or inner.get("url") or "", kind))
        else:
            found.append(self._attachment("attachment", attachment, AttachmentKind.FILE))
        return [each for each in found if each is not None]

    def _attachment(self, name: str, address: object, kind: AttachmentKind) -> Attachment | None:
        if address is None:
            return None
        if not isinstance(address, str) or not _is_web_address(address):
            self._note(f"its {name} is no web address")
            return None
        return Attachment(kind=kind, id=address)

    def _custom(self) -> Mapping[str, Json] | None:
        custom = self._message.get("custom")
        if custom is None:
            return None
        if not isinstance(custom, dict):
            self._note("its custom payload is no object")
            return None
        try:
            plain = _plain(cast("dict[str, object]", custom), 1)
            if len(orjson.dumps(plain)) > self._bounds.custom_bytes:
                raise _Unfit("larger than most_custom_bytes")
        except _Unfit as unfit:
            self._note(f"its custom payload is {unfit}")
            return None
        return cast("dict[str, Json]", plain)

    def _list(self, name: str) -> list[object]:
        given = self._message.get(name)
        if given is None:
            return []
        if not isinstance(given, list):
            self._note(f"its {name} are no list")
            return []
        return cast("list[object]", given)


def _plain(value: object, level: int) -> Json:
    """A value that the database and every reader can hold. Raises _Unfit."""
    if level > DEEPEST:
        raise _Unfit("too deep")
    match value:
        case str():
            return clean(value)
        case float() if not math.isfinite(value):
            raise _Unfit("no finite number somewhere")
        case None | bool() | int() | float():
            return value
        case list():
            return [_plain(each, level + 1) for each in cast("list[object]", value)]
        case dict():
            fields = cast("dict[str, object]", value)
            return {clean(key): _plain(each, level + 1) for key, each in fields.items()}
        case _:
            raise _Unfit("of an unknown kind")


def _is_web_address(text: str) -> bool:
    if len(text) > MOST_PAYLOAD or any(character.isspace() or not character.isprintable() for character in text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
