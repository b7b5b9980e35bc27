"""Who a visitor is: signed tokens, a business's signed identities, and signed references to files."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from channels.envelope import Attachment, AttachmentKind
from channels.webchat.frames import ErrorCode, Refused
from channels.webchat.settings import WebChatSettings

SCHEME = "webchat"
CLOCK_SKEW = 300
"""Seconds by which a business's clock may be ahead of ours."""
E164 = re.compile(r"\+[1-9]\d{6,14}")
MAIL = re.compile(r"[^\s@<>,;:]{1,64}@[^\s@<>,;:]{1,255}")
DAY = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """A browser, or a customer of the business on any of their browsers."""

    id: str
    """32 hexadecimal digits."""
    issued_at: int
    """Unix seconds."""
    name: str | None = None
    proven: tuple[str, ...] = ()
    """Addresses that the business vouches for: `mailto:…`, `tel:+…`, `customer:<its own number>`."""

    @property
    def address(self) -> str:
        return f"{SCHEME}:{self.id}"


class Signer:
    """Signs and checks everything that web chat lets out of its hands and later believes.

    Each purpose has a key of its own, derived from the secret, so that a token for one is worthless for another.
    """

    def __init__(self, settings: WebChatSettings) -> None:
        self._visitor_key = _derive(settings.secret, b"visitor")
        self._person_key = _derive(settings.secret, b"person")
        self._upload_key = _derive(settings.secret, b"upload")
        self._file_key = _derive(settings.secret, b"file")
        self._identity_key = settings.identity_key
        self._visitor_seconds = settings.visitor_days * DAY
        self._identity_seconds = settings.identity_seconds
        self._file_seconds = settings.file_seconds

    def issue(self, visitor: Visitor) -> str:
        """A token by which this visitor is known again."""
        claims: dict[str, object] = {"v": visitor.id, "t": visitor.issued_at}
        if visitor.name:
            claims["n"] = visitor.name
        if visitor.proven:
            claims["p"] = list(visitor.proven)
        return _seal(self._visitor_key, claims)

    def visitor(self, token: str, now: float) -> Visitor:
        """Whom a token belongs to. Raises Refused(unauthorized) for a forged, foreign or expired one."""
        claims = _unseal(self._visitor_key, token)
        proven = tuple(str(address) for address in _list(claims.get("p")))
        issued_at = claims.get("t")
        life = self._identity_seconds if proven else self._visitor_seconds
        if not isinstance(issued_at, int) or issued_at + life < now:
            raise Refused(ErrorCode.UNAUTHORIZED)
        return Visitor(id=str(claims["v"]), issued_at=issued_at, name=_text(claims.get("n")), proven=proven)

    def is_ageing(self, visitor: Visitor, now: float) -> bool:
        """Half of the token's life is over: hand out a fresh one (never for a business's identity, which it renews)."""
        return not visitor.proven and visitor.issued_at + self._visitor_seconds / 2 < now

    def identify(self, token: str, now: float) -> Visitor:
        """The customer whom the business's backend signed: a JSON Web Token (RFC 7519), HS256, with `sub` and `iat`.

        The same `sub` is the same visitor in every browser. Raises Refused(unauthorized).
        """
        claims = self._identity_claims(token)
        issued_at, expires, subject = claims.get("iat"), claims.get("exp"), claims.get("sub")
        if not isinstance(subject, str) or not subject or not isinstance(issued_at, int | float):
            raise Refused(ErrorCode.UNAUTHORIZED)
        if not now - self._identity_seconds <= issued_at <= now + CLOCK_SKEW:
            raise Refused(ErrorCode.UNAUTHORIZED)
        if expires is not None and (not isinstance(expires, int | float) or expires < now):
            raise Refused(ErrorCode.UNAUTHORIZED)
        person = hmac.digest(self._person_key, subject.encode(), "sha256").hex()[:32]
        return Visitor(id=person, issued_at=int(now), name=_text(claims.get("name")), proven=_proven(claims, subject))

    def _identity_claims(self, token: str) -> dict[str, object]:
        try:
            signed, _, signature = token.rpartition(".")
            header, _, payload = signed.partition(".")
            if self._identity_key is None or orjson.loads(_decode(header)).get("alg") != "HS256":
                raise Refused(ErrorCode.UNAUTHORIZED)
            expected = hmac.digest(self._identity_key, signed.encode(), "sha256")
            if not hmac.compare_digest(expected, _decode(signature)):
                raise Refused(ErrorCode.UNAUTHORIZED)
            return _mapping(orjson.loads(_decode(payload)))
        except (ValueError, AttributeError) as exc:
            raise Refused(ErrorCode.UNAUTHORIZED) from exc

    def reference(self, visitor: Visitor, attachment: Attachment) -> str:
        """What the client puts into a message to attach a file that this visitor uploaded."""
        claims = {
            "v": visitor.id,
            "k": attachment.kind.value,
            "h": attachment.id,
            "n": attachment.name,
            "c": attachment.content_type,
            "s": attachment.size,
        }
        return _seal(self._upload_key, claims)

    def attachment(self, visitor: Visitor, reference: str) -> Attachment:
        """The upload behind a reference. Raises Refused(bad_attachment), also for another visitor's."""
        try:
            claims = _unseal(self._upload_key, reference)
        except Refused as exc:
            raise Refused(ErrorCode.BAD_ATTACHMENT) from exc
        size = claims["s"]
        if claims["v"] != visitor.id or not isinstance(size, int):
            raise Refused(ErrorCode.BAD_ATTACHMENT)
        return Attachment(
            kind=AttachmentKind(str(claims["k"])),
            id=str(claims["h"]),
            name=_text(claims["n"]),
            content_type=_text(claims["c"]),
            size=size,
        )

    def file_query(self, attachment: Attachment, now: float) -> str:
        """The query string that opens an attachment for a while. Whole hours, so that a browser's cache can work."""
        expires = str(int(now) // 3600 * 3600 + 3600 + self._file_seconds)
        name = attachment.name or ""
        return urlencode({"expires": expires, "name": name, "signature": self._file_mark(attachment.id, expires, name)})

    def check_file(self, sha256: str, expires: str, name: str, signature: str, now: float) -> None:
        """Raises Refused(bad_link) unless the link was made by us and still holds."""
        try:
            genuine = hmac.compare_digest(self._file_mark(sha256, expires, name).encode(), signature.encode())
        except UnicodeEncodeError as exc:
            raise Refused(ErrorCode.BAD_LINK) from exc
        if not genuine or int(expires) < now:
            raise Refused(ErrorCode.BAD_LINK)

    def _file_mark(self, sha256: str, expires: str, name: str) -> str:
        return _encode(hmac.digest(self._file_key, f"{sha256}\n{expires}\n{name}".encode(), "sha256"))


def _proven(claims: dict[str, object], subject: str) -> tuple[str, ...]:
    """`email`, `phone_number` (OpenID Connect Core 1.0, section 5.1), and the business's own customer number."""
    found: list[str] = []
    mail, phone = claims.get("email"), claims.get("phone_number")
    if isinstance(mail, str) and MAIL.fullmatch(mail) and claims.get("email_verified") is not False:
        found.append(f"mailto:{mail.lower()}")
    if isinstance(phone, str) and E164.fullmatch(phone) and claims.get("phone_number_verified") is not False:
        found.append(f"tel:{phone}")
    return (*found, f"customer:{subject}")


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"rapport webchat " + purpose, "sha256")


def _seal(key: bytes, claims: object) -> str:
    body = _encode(orjson.dumps(claims))
    return f"{body}.{_encode(hmac.digest(key, body.encode(), 'sha256'))}"


def _unseal(key: bytes, token: str) -> dict[str, object]:
    body, _, mark = token.partition(".")
    try:
        expected = _encode(hmac.digest(key, body.encode(), "sha256"))
        if not hmac.compare_digest(expected.encode(), mark.encode()):
            raise Refused(ErrorCode.UNAUTHORIZED)
        return _mapping(orjson.loads(_decode(body)))
    except ValueError as exc:
        raise Refused(ErrorCode.UNAUTHORIZED) from exc


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Refused(ErrorCode.UNAUTHORIZED)
    return {str(key): item for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []  # pyright: ignore[reportUnknownArgumentType]


def _text(value: object) -> str | None:
    return value.replace("\0", "")[:200] or None if isinstance(value, str) else None
