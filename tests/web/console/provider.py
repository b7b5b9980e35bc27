"""An OpenID provider on loopback, with real keys; and whatever a bad one would do."""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.clock import FrozenClock

CLIENT, SECRET = "rapport", "a secret of both: with %/? in it"


@dataclass
class Person:
    """Somebody with an account there."""

    sub: str
    claims: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class OpenIdProvider:
    """Answers as OpenID Connect Core 1.0 has it, unless told otherwise."""

    clock: FrozenClock
    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}))
    strange: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    """A key of the same name that it never told of."""
    person: Person = field(default_factory=lambda: Person("ann-1"))
    says: dict[str, Any] = field(default_factory=dict[str, Any])
    """What it says of itself otherwise."""
    token: dict[str, Any] = field(default_factory=dict[str, Any])
    """What an ID token holds otherwise; None: lacks."""
    userinfo: dict[str, Any] | None = None
    answers: dict[str, str] = field(default_factory=dict[str, str])
    """What its answer holds otherwise."""
    algorithm: str = "RS256"
    signs_with: Any = None
    takes_codes_twice: bool = False
    down: bool = False
    asked: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    fetched: list[str] = field(default_factory=list[str])
    codes: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._itself)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        app.router.add_get("/userinfo", self._userinfo)
        return app

    def log_in(self, address: str) -> str:
        """Somebody follows the address and logs in there: where they are led back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.asked.append(asked)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer} | self.answers
        path = urlsplit(asked["redirect_uri"])
        return f"{path.path}?{urlencode({name: value for name, value in answer.items() if value})}"

    def id_token(self, asked: Mapping[str, str]) -> str:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": self.person.sub,
            "aud": asked["client_id"],
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            **({} if self.userinfo is not None else self.person.claims),
            **self.token,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        signing: Any = self.signs_with or self.key
        if self.algorithm in ("none", "HS256"):
            return self._by_hand(told)
        header = {"alg": self.algorithm, "kid": signing.kid or "first"}
        return jwt.encode(header, told, signing, algorithms=[self.algorithm])

    def _by_hand(self, told: Mapping[str, Any]) -> str:
        """What no library signs: nothing at all, or with the public key taken for a secret (CVE-2015-9235)."""
        header = orjson.dumps({"alg": self.algorithm, "kid": "first"})
        signed = ".".join(_base64(each) for each in (header, orjson.dumps(told)))
        made = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{_base64(made) if self.algorithm == 'HS256' else ''}"

    async def _itself(self, _request: web.Request) -> web.Response:
        self.fetched.append("itself")
        if self.down:
            return web.Response(status=503)
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.says
        return web.json_response({name: value for name, value in told.items() if value is not None})

    async def _keys(self, _request: web.Request) -> web.Response:
        self.fetched.append("keys")
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: web.Request) -> web.Response:
        given = {name: str(value) for name, value in (await request.post()).items()}
        if not _is_client(request, given):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self.codes.get(given["code"]) if self.takes_codes_twice else self.codes.pop(given["code"], None)
        if asked is None or asked["redirect_uri"] != given["redirect_uri"] or not _is_proof(asked, given):
            return web.json_response({"error": "invalid_grant"}, status=400)
        tokens = {"access_token": "seen", "token_type": "Bearer", "id_token": self.id_token(asked)}
        return web.json_response(tokens, headers={"Cache-Control": "no-store"})

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer seen"
        return web.json_response({"sub": self.person.sub, **self.person.claims, **(self.userinfo or {})})


def _is_client(request: web.Request, given: Mapping[str, str]) -> bool:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return (given.get("client_id"), given.get("client_secret")) == (CLIENT, SECRET)
    name, _, secret = b64decode(shown).decode().partition(":")
    return (unquote(name), unquote(secret)) == (CLIENT, SECRET)


def _is_proof(asked: Mapping[str, str], given: Mapping[str, str]) -> bool:
    made = urlsafe_b64encode(sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    return asked["code_challenge_method"] == "S256" and asked["code_challenge"] == made


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


@asynccontextmanager
async def open_provider(clock: FrozenClock) -> AsyncGenerator[OpenIdProvider]:
    provider = OpenIdProvider(clock=clock)
    server = TestServer(provider.application())
    await server.start_server()
    provider.issuer = str(server.make_url("")).rstrip("/")
    yield provider
    await server.close()
