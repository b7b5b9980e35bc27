"""The frames of the web chat protocol, both ways: docs/webchat-protocol.md is their written form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import orjson

from channels.cleaning import LONE_SURROGATE, clean
from channels.envelope import Attachment
from channels.markup import Run, runs
from channels.protocol import HistoryEntry

CLIENT_ID = re.compile(r"[A-Za-z0-9_.:\-]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ACKNOWLEDGED_AT_ONCE = 100
POSITION_LIMIT = 1 << 62
VALUE_LIMIT = 512
"""Characters of a button's value or of a `start` parameter."""


class ErrorCode(StrEnum):
    """Why something was not taken. `webchat_sentences` says it to people."""

    BAD_JSON = "bad_json"  # not JSON at all
    BAD_FRAME = "bad_frame"  # JSON, but a field is missing or of the wrong kind
    UNKNOWN_TYPE = "unknown_type"  # a frame type that we do not know
    BINARY = "binary"  # a binary frame: the protocol has none
    HELLO_FIRST = "hello_first"  # something else came before `hello`, or nothing came in time
    EMPTY = "empty"  # a message without words and attachments
    TOO_LONG = "too_long"  # more characters than a message may have
    TOO_LARGE = "too_large"  # more bytes than a frame, a body or an upload may have
    TOO_MANY = "too_many"  # too often; `retry_after` says when again
    TOO_MANY_SOCKETS = "too_many_sockets"  # this visitor has too many connections open
    UNAUTHORIZED = "unauthorized"  # token forged, foreign or expired: ask for a new visit
    BAD_ORIGIN = "bad_origin"  # a page of another site, not on the allow-list
    BAD_ATTACHMENT = "bad_attachment"  # not an upload of this visitor, or too many of them
    BAD_TYPE = "bad_type"  # an upload of a kind that is not taken
    BAD_LINK = "bad_link"  # a link to a file that is forged or has expired
    UNAVAILABLE = "unavailable"  # nothing was stored: send it again


class Refused(Exception):
    """Something was not taken, for the reason in `code`."""

    def __init__(self, code: ErrorCode, *, client_id: str | None = None, retry_after: float | None = None) -> None:
        """`client_id` is the client's id of what was refused; `retry_after` is in seconds."""
        super().__init__(code.value)
        self.code = code
        self.client_id = client_id
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True, slots=True)
class Hello:
    """The first frame of a socket: who it is and how far it has read."""

    token: str
    after: int | None = None
    """The highest position the client has; None: it has nothing and wants the newest page."""
    language: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """The customer wrote."""

    id: str
    """The client's own: repeating it changes nothing."""
    text: str = ""
    attachments: tuple[str, ...] = ()
    """References from uploads."""
    reply_to: int | None = None
    """Position of the message this answers."""
    start: str | None = None
    """What the page or link that led here carries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """The customer pressed a quick reply."""

    id: str
    value: str
    position: int | None = None
    """Of the message that carried the button."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """These messages arrived in the client."""

    positions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """The customer scrolls back: the page before a position."""

    before: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Typing:
    """The customer is typing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ping:
    """Are you there? Answered by `pong`."""


ClientFrame = Hello | Write | Press | Delivered | Earlier | Typing | Ping
Fields = Mapping[str, object]


def parse(raw: bytes) -> ClientFrame:
    """One frame from its bytes. Raises Refused."""
    return understand(decode(raw))


def decode(raw: bytes) -> object:
    """JSON, forgiving lone surrogates (they become U+FFFD), which browsers can produce. Raises Refused(bad_json)."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        if b"\\u" not in raw:
            raise Refused(ErrorCode.BAD_JSON) from exc
    try:
        return orjson.loads(LONE_SURROGATE.sub("\ufffd", json.dumps(json.loads(raw), ensure_ascii=False)))
    except (ValueError, RecursionError) as exc:
        raise Refused(ErrorCode.BAD_JSON) from exc


def understand(value: object) -> ClientFrame:
    """One frame from decoded JSON. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused(ErrorCode.BAD_FRAME)
    fields = cast(Fields, value)
    kind = fields.get("type")
    reader = READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise Refused(ErrorCode.UNKNOWN_TYPE, client_id=_readable_id(fields))
    return reader(fields)


def _hello(fields: Fields) -> Hello:
    token, language = fields.get("token"), fields.get("language")
    if not isinstance(token, str):
        raise Refused(ErrorCode.UNAUTHORIZED)
    return Hello(
        token=token,
        after=_position(fields, "after"),
        language=language[:35] if isinstance(language, str) else None,
    )


def _write(fields: Fields) -> Write:
    client_id = _id(fields)
    text, references, start = fields.get("text"), fields.get("attachments"), fields.get("start")
    if not isinstance(text, str | None) or not isinstance(references, list | None) or not isinstance(start, str | None):
        raise Refused(ErrorCode.BAD_FRAME, client_id=client_id)
    text = clean(text or "")
    if not references:
        if not text or text.isspace():
            raise Refused(ErrorCode.EMPTY, client_id=client_id)
        attachments: tuple[str, ...] = ()
    else:
        attachments = tuple(item for item in cast(list[object], references) if isinstance(item, str))
        if len(attachments) != len(cast(list[object], references)):
            raise Refused(ErrorCode.BAD_FRAME, client_id=client_id)
    return Write(
        id=client_id,
        text=text,
        attachments=attachments,
        reply_to=_position(fields, "reply_to"),
        start=clean(start)[:VALUE_LIMIT] if start else None,
    )


def _press(fields: Fields) -> Press:
    client_id, value = _id(fields), fields.get("value")
    if not isinstance(value, str) or not value or len(value) > VALUE_LIMIT:
        raise Refused(ErrorCode.BAD_FRAME, client_id=client_id)
    return Press(id=client_id, value=clean(value), position=_position(fields, "position"))


def _delivered(fields: Fields) -> Delivered:
    positions = fields.get("positions")
    if not isinstance(positions, list) or not 0 < len(cast(list[object], positions)) <= ACKNOWLEDGED_AT_ONCE:
        raise Refused(ErrorCode.BAD_FRAME)
    return Delivered(positions=tuple(_as_position(position) for position in cast(list[object], positions)))


def _earlier(fields: Fields) -> Earlier:
    before = _position(fields, "before")
    if before is None:
        raise Refused(ErrorCode.BAD_FRAME)
    return Earlier(before=before)


READERS: Mapping[str, Callable[[Fields], ClientFrame]] = {
    "hello": _hello,
    "message": _write,
    "press": _press,
    "delivered": _delivered,
    "earlier": _earlier,
    "typing": lambda _: Typing(),
    "ping": lambda _: Ping(),
}


def _id(fields: Fields) -> str:
    client_id = _readable_id(fields)
    if client_id is None:
        raise Refused(ErrorCode.BAD_FRAME)
    return client_id


def _readable_id(fields: Fields) -> str | None:
    client_id = fields.get("id")
    return client_id if isinstance(client_id, str) and CLIENT_ID.fullmatch(client_id) else None


def _position(fields: Fields, key: str) -> int | None:
    value = fields.get(key)
    return None if value is None else _as_position(value)


def _as_position(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < POSITION_LIMIT:
        raise Refused(ErrorCode.BAD_FRAME)
    return value


def welcome(
    *,
    visitor: str,
    token: str | None,
    earlier: bool | None,
    text_limit: int,
    upload_limit: int,
    types: Sequence[str],
    links: Sequence[str],
) -> bytes:
    """The answer to `hello`; `token` is set when the client shall keep a fresh one, `earlier` with a first page, and
    `links` are the channels that `/link` leads to."""
    return orjson.dumps(
        {
            "type": "welcome",
            "visitor": visitor,
            "token": token,
            "earlier": earlier,
            "limits": {"text": text_limit, "upload": upload_limit, "types": list(types)},
            "links": list(links),
        }
    )


def message(entry: HistoryEntry, link: Callable[[Attachment], str]) -> bytes:
    """One entry of the visitor's stream; encoded once for all of their tabs."""
    return orjson.dumps(_entry(entry, link), option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)


def history(entries: Sequence[HistoryEntry], *, earlier: bool, link: Callable[[Attachment], str]) -> bytes:
    """The answer to `earlier`: a page, oldest first, and whether there is more before it."""
    return orjson.dumps(
        {"type": "history", "messages": [_entry(entry, link) for entry in entries], "earlier": earlier},
        option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC,
    )


def accepted(client_id: str, position: int | None) -> bytes:
    """The message is stored."""
    return orjson.dumps({"type": "accepted", "id": client_id, "position": position})


def error(refused: Refused, sentence: str) -> bytes:
    """Something was not taken; `sentence` is in the visitor's language."""
    fields: dict[str, object] = {"type": "error", "code": refused.code.value, "sentence": sentence}
    if refused.client_id is not None:
        fields["id"] = refused.client_id
    if refused.retry_after is not None:
        fields["retry_after"] = round(refused.retry_after, 3)
    return orjson.dumps(fields)


PONG = b'{"type":"pong"}'
TYPING = b'{"type":"typing"}'


def _entry(entry: HistoryEntry, link: Callable[[Attachment], str]) -> dict[str, object]:
    fields: dict[str, object] = {
        "type": "message",
        "position": entry.id,
        "author": entry.author,
        "text": entry.text,
        "at": entry.at,
    }
    if entry.author_name:
        fields["name"] = entry.author_name
    if entry.inbound:
        fields["id"] = own_id(entry.external_id)
    if entry.buttons:
        fields["buttons"] = [
            {"label": button.label, "value": button.value, "url": button.url} for button in entry.buttons
        ]
    if entry.attachments:
        fields["attachments"] = [_attachment(attachment, link) for attachment in entry.attachments]
    if entry.custom is not None:
        fields["custom"] = entry.custom
    if entry.markup is not None:
        fields["rich"] = [_run(run) for run in runs(entry.markup)]
    return fields


def _run(run: Run) -> dict[str, object]:
    fields: dict[str, object] = {"text": run.text}
    if run.styles:
        fields["styles"] = run.styles
    if run.url is not None:
        fields["url"] = run.url
    return fields


def _attachment(attachment: Attachment, link: Callable[[Attachment], str]) -> dict[str, object]:
    return {
        "kind": attachment.kind.value,
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "url": link(attachment) if SHA256.fullmatch(attachment.id) else _elsewhere(attachment),
        "data": dict(attachment.data),
    }


def _elsewhere(attachment: Attachment) -> str | None:
    """A picture that a web page of the business's shows."""
    return attachment.id if attachment.id.startswith(("https://", "http://")) else None


def external_id(visitor: str, client_id: str) -> str:
    """A client's id is unique within its visitor only: nobody may occupy the ids of others."""
    return f"{visitor}/{client_id}"


def own_id(external_id: str | None) -> str | None:
    """The client's id again."""
    return external_id.partition("/")[2] if external_id else None
