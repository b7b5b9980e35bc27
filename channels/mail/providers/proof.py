"""How providers prove themselves: HMACs, public keys, passwords in a URL; always compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import load_pem_x509_certificate

from channels.mail.providers.seam import Credentials, Forged
from channels.request import Request, instant

REPLAY_WINDOW: Final = timedelta(minutes=5)
"""Of signatures that are made anew for each try (svix: https://docs.svix.com/receiving/verifying-payloads/how-manual)."""
RETRY_WINDOW: Final = timedelta(days=1)
"""Of signatures that stay the same while the provider tries again: Mailgun 8 hours, SendGrid 24, SNS less."""


def basic(request: Request, credentials: Credentials) -> None:
    """User and password of the URL that we gave the provider (RFC 7617). Raises Forged."""
    if not credentials.password:
        raise Forged("no password is set")
    scheme, _, encoded = request.header("authorization").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except (binascii.Error, ValueError):
        given = b""
    same(given, f"{credentials.user}:{credentials.password}".encode(), "wrong user or password")


def hmac_hex(key: str, signed: bytes, given: str, *, digest: str = "sha256") -> None:
    """Raises Forged."""
    same(given.lower().encode("utf-8", "replace"), _mac(key, signed, digest).hex().encode())


def hmac_base64(key: str, signed: bytes, given: str, *, digest: str = "sha256") -> None:
    """Raises Forged."""
    same(given.encode("utf-8", "replace"), base64.b64encode(_mac(key, signed, digest)))


def rsa_signed(key: str, signed: bytes, given: str) -> None:
    """RSA with PKCS#1 v1.5 and SHA-1, the key as base64 of its DER or in PEM (Postal). Raises Forged."""
    public = _public_key(key)
    if not isinstance(public, rsa.RSAPublicKey):
        raise Forged("the key set is not of this kind")
    _check_rsa(public, signed, given, hashes.SHA1())  # noqa: S303 (what Postal signs with)


def certified(certificate: bytes, signed: bytes, given: str, *, sha1: bool) -> None:
    """RSA with PKCS#1 v1.5 under an X.509 certificate (Amazon SNS). Raises Forged."""
    try:
        public = load_pem_x509_certificate(certificate).public_key()
    except ValueError:
        raise Forged("not a certificate") from None
    if not isinstance(public, rsa.RSAPublicKey):
        raise Forged("the certificate is not of this kind")
    _check_rsa(public, signed, given, hashes.SHA1() if sha1 else hashes.SHA256())  # noqa: S303 (version 1)


def ecdsa_signed(key: str, signed: bytes, given: str) -> None:
    """ECDSA with SHA-256 (SendGrid). Raises Forged."""
    public = _public_key(key)
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise Forged("the key set is not of this kind")
    try:
        public.verify(_decoded(given), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Forged("wrong signature") from None


def fresh(at: datetime | None, now: datetime, window: timedelta) -> None:
    """A signed time is within a window around now. Raises Forged."""
    if at is None or abs(now - at) > window:
        raise Forged("too old, or from the future")


def fresh_seconds(text: str, now: datetime, window: timedelta) -> None:
    """The same for a Unix time. Raises Forged."""
    try:
        fresh(instant(float(text)), now, window)
    except (ValueError, OverflowError):
        raise Forged("not a time") from None


def same(given: bytes, expected: bytes, wrong: str = "wrong signature") -> None:
    """Raises Forged."""
    if not hmac.compare_digest(given, expected):
        raise Forged(wrong)


def _mac(key: str, signed: bytes, digest: str) -> bytes:
    if not key:
        raise Forged("no key is set")
    return hmac.new(key.encode(), signed, digest).digest()


def md5(signed: bytes) -> str:
    """What Unisender Go calls a signature."""
    return hashlib.md5(signed, usedforsecurity=False).hexdigest()


def _check_rsa(public: rsa.RSAPublicKey, signed: bytes, given: str, algorithm: hashes.HashAlgorithm) -> None:
    try:
        public.verify(_decoded(given), signed, padding.PKCS1v15(), algorithm)
    except (InvalidSignature, UnsupportedAlgorithm):
        raise Forged("wrong signature") from None


def _public_key(key: str) -> object:
    body = "".join(line for line in key.splitlines() if "-----" not in line)
    try:
        return load_der_public_key(base64.b64decode(body))
    except (ValueError, UnsupportedAlgorithm):
        raise Forged("no key is set, or it is not a key") from None


def _decoded(given: str) -> bytes:
    try:
        return base64.b64decode(given)
    except (binascii.Error, ValueError):
        raise Forged("not a signature") from None
