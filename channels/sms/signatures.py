"""Signatures that several providers share, or that deserve a file of their own: each by its published rule."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


def twilio_valid(*, token: str, url: str, params: Iterable[tuple[str, str]], body: bytes, signature: str) -> bool:
    """Whether `X-Twilio-Signature` was made with our auth token.

    Over the URL and then, for a form, each field's name and value in order of name; a body that is no form is signed by
    its SHA-256 in the query (`bodySHA256`). Twilio leaves a standard port out at times and at times not, so either is
    taken. Source: https://www.twilio.com/docs/usage/security#validating-requests
    """
    if not token or not signature:
        return False
    stated = _body_hash(url)
    if stated is not None and not hmac.compare_digest(stated.lower(), hashlib.sha256(body).hexdigest()):
        return False
    written = "" if stated is not None else _written(params)
    expected = [twilio_signature(token, each, written) for each in _spellings(url)]
    return any(hmac.compare_digest(each.encode(), signature.encode("utf-8", "replace")) for each in expected)


def twilio_signature(token: str, url: str, written: str) -> str:
    """HMAC-SHA1 over the URL and the fields, in base64."""
    return b64encode(hmac.digest(token.encode(), (url + written).encode("utf-8", "replace"), "sha1")).decode()


def _written(params: Iterable[tuple[str, str]]) -> str:
    """A field that comes twice counts with each of its different values, in order."""
    return "".join(name + value for name, value in sorted(set(params)))


def _body_hash(url: str) -> str | None:
    try:
        return next(iter(parse_qs(urlsplit(url).query).get("bodySHA256", [])), None)
    except ValueError:
        return None


def _spellings(url: str) -> Sequence[str]:
    """With and without the port that the scheme has by itself; any other port stays."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [url]
    standard = _PORTS.get(parts.scheme)
    if standard is None or port not in (None, standard):
        # Behind a proxy on an unusual port, Twilio has been seen to sign without it.
        return [url] if port is None else [url, urlunsplit(parts._replace(netloc=_without_port(parts.netloc)))]
    host = _without_port(parts.netloc)
    return [
        url,
        urlunsplit(parts._replace(netloc=host)),
        urlunsplit(parts._replace(netloc=f"{host}:{standard}")),
    ]


def _without_port(netloc: str) -> str:
    host, colon, port = netloc.rpartition(":")
    return host if colon and port.isdigit() else netloc
