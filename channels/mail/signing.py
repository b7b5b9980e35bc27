"""DKIM: our domain vouches for what we wrote (RFC 6376, relaxed/relaxed; RFC 8301 and 8463 for the algorithms)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

SIGNED: Final = (
    *("from", "to", "subject", "date", "message-id", "reply-to", "in-reply-to", "references"),
    *("mime-version", "content-type", "auto-submitted"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "precedence"),
)
"""Fields that are signed where a mail has them; RFC 8058, 4 asks for the two that let a person out."""
ONCE: Final = ("from", "to", "subject", "date", "message-id", "reply-to", "list-unsubscribe", "list-unsubscribe-post")
"""Signed once more than the mail has them, so that nobody adds a second one (RFC 6376, 5.4.2)."""
SMALLEST_RSA: Final = 1024
"""Bits: RFC 8301, 3.2."""

_SPACES: Final = re.compile(rb"[ \t]+")
_BEFORE_LINE_END: Final = re.compile(rb"[ \t]+\r\n")
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:(.*?\r\n)(?![ \t])", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")


class BadKey(ValueError):
    """A DKIM key is an RSA key of at least 1024 bits or an Ed25519 key, as unencrypted PEM, with the selector and the
    domain under which its public half stands in the DNS."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, kw_only=True, slots=True)
class DkimKey:
    """One key of one domain."""

    domain: str
    selector: str
    """The public half is the TXT record `<selector>._domainkey.<domain>`."""
    private_key: str = field(repr=False)
    """PEM."""


class Signer:
    """Signs whole mails with one key."""

    def __init__(self, key: DkimKey) -> None:
        """Raises BadKey."""
        if not _NAME.fullmatch(key.domain) or not _NAME.fullmatch(key.selector):
            raise BadKey
        self._key = _load(key.private_key)
        self._algorithm = "rsa-sha256" if isinstance(self._key, RSAPrivateKey) else "ed25519-sha256"
        self._head = (
            f"DKIM-Signature: v=1; a={self._algorithm}; c=relaxed/relaxed; d={key.domain};\r\n s={key.selector}; t="
        )

    def sign(self, content: bytes, *, at: int) -> bytes:
        """The mail with its signature on top. Its lines end in CRLF; `at` in Unix seconds."""
        headers, _, body = content.partition(b"\r\n\r\n")
        fields = _fields(headers + b"\r\n")
        names = [name for name in SIGNED for _ in fields.get(name, ())]
        signed = [line for name in SIGNED for line in reversed(fields.get(name, ()))]
        names += [name for name in ONCE if name in fields]
        bh = b64encode(sha256(relaxed_body(body)).digest()).decode()
        unsigned = f"{self._head}{at}; h={_list(names)};\r\n bh={bh};\r\n b="
        canonical = _relaxed(unsigned.encode()).removesuffix(b"\r\n")
        signature = b64encode(self._sign(b"".join(signed) + canonical)).decode()
        lines = "\r\n ".join(signature[start : start + 72] for start in range(0, len(signature), 72))
        return f"{unsigned}{lines}\r\n".encode() + content

    def record(self) -> str:
        """What the DNS must say at `<selector>._domainkey.<domain>` (RFC 6376, 3.6.1; RFC 8463, 4)."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return f"v=DKIM1; k=rsa; p={b64encode(der).decode()}"
        return f"v=DKIM1; k=ed25519; p={b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()}"

    def _sign(self, data: bytes) -> bytes:
        digest = sha256(data).digest()
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(digest, PKCS1v15(), Prehashed(SHA256()))
        return self._key.sign(digest)


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376, 3.4.4."""
    if b" " in body or b"\t" in body:
        if b" \r\n" in body or b"\t\r\n" in body:
            body = _BEFORE_LINE_END.sub(b"\r\n", body)
        if b"  " in body or b"\t" in body:
            body = _SPACES.sub(b" ", body)
    body = body.rstrip(b"\r\n")
    return body + b"\r\n" if body else b""


def _relaxed(line: bytes) -> bytes:
    """One field, RFC 6376, 3.4.2."""
    name, _, value = line.partition(b":")
    return name.strip().lower() + b":" + b" ".join(value.split()) + b"\r\n"


def _fields(headers: bytes) -> dict[str, list[bytes]]:
    """Canonical fields by name, in their order."""
    fields: dict[str, list[bytes]] = {}
    for found in _FIELD.finditer(headers):
        name = found[1].lower()
        fields.setdefault(name.decode(), []).append(name + b":" + b" ".join(found[2].split()) + b"\r\n")
    return fields


def _list(names: list[str]) -> str:
    """Names, four a line: no line of a header should be long."""
    return ":\r\n ".join(":".join(names[start : start + 4]) for start in range(0, len(names), 4))


def _load(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKey from None
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= SMALLEST_RSA):
        return key
    raise BadKey
