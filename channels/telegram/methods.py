"""An OutboundMessage as Telegram's methods. The only place that imports aiogram (134 MB, a second or more): whoever
needs it imports this module when the channel starts, and not before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    EditMessageText,
    GetFile,
    GetMe,
    GetUpdates,
    SendAudio,
    SendChatAction,
    SendContact,
    SendDocument,
    SendLocation,
    SendMessage,
    SendPhoto,
    SendSticker,
    SendVenue,
    SendVideo,
    SendVoice,
    SetWebhook,
    TelegramMethod,
)
from aiogram.types import FSInputFile, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, ReplyParameters

from channels.cleaning import clean
from channels.envelope import Attachment, AttachmentKind, Button, OutboundMessage, SendError, SendErrorCode
from channels.protocol import Blob
from channels.telegram.entities import Said
from channels.telegram.text import CAPTION_LIMIT, TEXT_LIMIT, units

Method = TelegramMethod[Any]
Fields = dict[str, Any]

UPLOAD_LIMIT: Final = 50 * 1024 * 1024
PHOTO_LIMIT: Final = 10 * 1024 * 1024
"""Bytes. Source: https://core.telegram.org/bots/api#sending-files"""
BUTTON_LIMIT: Final = 64
"""Bytes of a button's value. Source: https://core.telegram.org/bots/api#inlinekeyboardbutton"""

_ROW: Final = 28
"""Columns of label that fit beside each other on a phone; a Chinese character takes two."""
_LINK: Final = ("https://", "http://")
_PHOTOS: Final = ("image/jpeg", "image/png", "image/webp")
_MUSIC: Final = ("audio/mpeg", "audio/mp4", "audio/m4a", "audio/x-m4a")
_VOICES: Final = ("audio/ogg", "audio/opus")


def parts(message: OutboundMessage, blobs: Mapping[str, Blob]) -> tuple[Method, ...]:
    """The calls that carry a message, in order; the same message always gives the same. Raises SendError.

    Text goes as the caption where one attachment can carry it. The first part answers `reply_to`, the last one has
    the buttons. `blobs`: content that we hold, by attachment id; other ids are Telegram's own `file_id`.
    """
    said = Said.of(message)
    captioned = (
        len(message.attachments) == 1 and units(said.text) <= CAPTION_LIMIT and _carries_words(message.attachments[0])
    )
    contents: list[_Content] = [] if captioned else [(SendMessage, _words("text", part)) for part in said.parts()]
    for attachment in message.attachments:
        kind, fields = _attachment(attachment, blobs.get(attachment.id))
        contents.append((kind, fields | _words("caption", said) if captioned and said.text else fields))
    if not contents:
        raise SendError(SendErrorCode.REJECTED, "nothing to send")
    return tuple(_addressed(message, contents))


def _words(field: str, said: Said) -> Fields:
    """Words under the name that a method has for them, with what is emphasised in them, if anything is."""
    marked = "entities" if field == "text" else f"{field}_entities"
    entities = [MessageEntity.model_validate(entity) for entity in said.entities()]
    return {field: said.text, marked: entities} if entities else {field: said.text}


def by_link(call: Method) -> Method | None:
    """The same as words, for a picture that Telegram could not get from its web address; None for any other call."""
    if not isinstance(call, SendPhoto) or not isinstance(call.photo, str) or not call.photo.startswith(_LINK):
        return None
    return SendMessage(
        chat_id=call.chat_id,
        business_connection_id=call.business_connection_id,
        reply_parameters=call.reply_parameters,
        reply_markup=call.reply_markup,
        text="\n".join(part for part in (call.caption, call.photo) if part),
    )


def edited(external_id: str, message: OutboundMessage) -> Method:
    """The call that replaces a sent message's text and buttons. Raises SendError."""
    text = clean(message.text).strip()
    if units(text) > TEXT_LIMIT:
        raise SendError(SendErrorCode.TOO_LARGE, f"an edited text has at most {TEXT_LIMIT} characters")
    if not external_id.isdecimal():
        raise SendError(SendErrorCode.REJECTED, "not the id of a message")
    return EditMessageText(
        chat_id=chat_of(message.address),
        message_id=int(external_id),
        text=text,
        reply_markup=_keyboard(message.buttons),
        business_connection_id=message.thread,
    )


def chat_of(address: str) -> int:
    """`telegram:4242` to 4242. Raises SendError."""
    scheme, _, path = address.partition(":")
    if scheme != "telegram" or not path.isascii() or not path.isdecimal() or len(path) > 18:
        raise SendError(SendErrorCode.BAD_ADDRESS, "not the address of a person on Telegram")
    return int(path)


_Content = tuple[Callable[..., Method], Fields]


def _addressed(message: OutboundMessage, contents: Sequence[_Content]) -> Iterator[Method]:
    chat, keyboard = chat_of(message.address), _keyboard(message.buttons)
    for place, (method, fields) in enumerate(contents):
        yield method(
            chat_id=chat,
            business_connection_id=message.thread,
            reply_parameters=_reply(message.reply_to) if place == 0 else None,
            reply_markup=keyboard if place == len(contents) - 1 else None,
            **fields,
        )


def _reply(message_id: str | None) -> ReplyParameters | None:
    """Answering a message that is gone is still worth sending."""
    if message_id is None or not message_id.isdecimal():
        return None
    return ReplyParameters(message_id=int(message_id), allow_sending_without_reply=True)


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for button in buttons:
        width = 2 + sum(2 if ord(character) > 0x1100 else 1 for character in button.label)
        if width > room:
            rows.append([])
            room = _ROW
        rows[-1].append(_button(button))
        room -= width
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _button(button: Button) -> InlineKeyboardButton:
    if button.url is not None:
        return InlineKeyboardButton(text=button.label, url=button.url)
    if not 1 <= len(button.value.encode("utf-8", "surrogatepass")) <= BUTTON_LIMIT:
        raise SendError(SendErrorCode.UNSUPPORTED, f"a button's value has 1 to {BUTTON_LIMIT} bytes")
    return InlineKeyboardButton(text=clean(button.label), callback_data=button.value)


def _carries_words(attachment: Attachment) -> bool:
    return attachment.kind not in (AttachmentKind.STICKER, AttachmentKind.LOCATION, AttachmentKind.CONTACT)


def _attachment(attachment: Attachment, blob: Blob | None) -> _Content:
    match attachment.kind:
        case AttachmentKind.LOCATION:
            return _place(attachment)
        case AttachmentKind.CONTACT:
            phone = str(attachment.data.get("phone_number", attachment.id))
            name = str(attachment.data.get("first_name", "")) or phone
            return SendContact, {
                "phone_number": phone,
                "first_name": name,
                "last_name": str(attachment.data.get("last_name", "")),
            }
        case (
            AttachmentKind.IMAGE
            | AttachmentKind.VIDEO
            | AttachmentKind.AUDIO
            | AttachmentKind.STICKER
            | AttachmentKind.FILE
        ):
            return _media(attachment, blob)


def _place(attachment: Attachment) -> _Content:
    spot = {key: attachment.data.get(key) for key in ("latitude", "longitude")}
    if not all(isinstance(value, int | float) for value in spot.values()):
        raise SendError(SendErrorCode.REJECTED, "a location without coordinates")
    title, address = attachment.data.get("title"), attachment.data.get("address")
    if title and address:
        return SendVenue, {**spot, "title": str(title), "address": str(address)}
    return SendLocation, dict(spot)


def _media(attachment: Attachment, blob: Blob | None) -> _Content:
    """Content of ours is sent as what it is; a `file_id` only as the kind it came as."""
    method, field = _METHODS[attachment.kind]
    if attachment.kind is AttachmentKind.AUDIO and (blob or attachment).content_type in _MUSIC:
        method, field = SendAudio, "audio"
    if blob is None:
        return method, {field: attachment.id}
    if blob.size > UPLOAD_LIMIT:
        raise SendError(SendErrorCode.TOO_LARGE, f"a file has at most {UPLOAD_LIMIT} bytes")
    if not blob.path.is_file():
        raise SendError(SendErrorCode.REJECTED, "the file is gone")
    if not _shown(attachment.kind, blob):
        method, field = SendDocument, "document"
    return method, {field: FSInputFile(blob.path, filename=attachment.name or blob.path.name)}


def _shown(kind: AttachmentKind, blob: Blob) -> bool:
    """Whether Telegram shows this content inline; if not, it travels as a file."""
    if kind is AttachmentKind.IMAGE:
        return blob.content_type in _PHOTOS and blob.size <= PHOTO_LIMIT
    if kind is AttachmentKind.AUDIO:
        return blob.content_type in (*_VOICES, *_MUSIC)
    return kind is not AttachmentKind.VIDEO or blob.content_type == "video/mp4"


_METHODS: Final[Mapping[AttachmentKind, tuple[Callable[..., Method], str]]] = {
    AttachmentKind.IMAGE: (SendPhoto, "photo"),
    AttachmentKind.VIDEO: (SendVideo, "video"),
    AttachmentKind.AUDIO: (SendVoice, "voice"),
    AttachmentKind.STICKER: (SendSticker, "sticker"),
    AttachmentKind.FILE: (SendDocument, "document"),
}

__all__ = [
    "AnswerCallbackQuery",
    "DeleteWebhook",
    "GetFile",
    "GetMe",
    "GetUpdates",
    "Method",
    "SendChatAction",
    "SetWebhook",
    "by_link",
    "chat_of",
    "edited",
    "parts",
]
