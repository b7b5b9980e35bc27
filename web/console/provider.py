"""The OpenID provider: who the business's own login says that somebody is (OpenID Connect Core 1.0).

Authorization code with PKCE (RFC 7636). Nothing that it says is believed before its ID token is verified: signature,
issuer, audience, time and nonce. It is asked outside of any transaction.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import orjson

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

DISCOVERY: Final = "/.well-known/openid-configuration"
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA")
"""None that needs no key (`none`), and none whose key we share (HS256)."""
PATIENCE: Final = aiohttp.ClientTimeout(total=8)
KNOWN_FOR: Final = timedelta(hours=1)
"""How long what it says of itself, and its keys, hold."""
KEYS_AGAIN: Final = timedelta(seconds=30)
"""How soon its keys are fetched again where a token names one that we do not know."""
DRIFT: Final = 60
"""Seconds that its clock may be off."""
LARGEST: Final = 1_000_000
"""Bytes of an answer of its."""
LONGEST_SUBJECT: Final = 255
SECOND_FACTOR: Final = "mfa"
"""Of `amr` (RFC 8176): more than one factor was shown."""


class Wrong(StrEnum):
    """Why somebody does not come in by the provider, where it is not our own refusal."""

    ABSENT = "absent"  # there is none
    UNREACHABLE = "unreachable"  # it does not answer, or not with what was asked for
    MISCONFIGURED = "misconfigured"  # it is another issuer, or lacks what we need
    REFUSED = "refused"  # it did not let them in, or they turned back
    CODE = "code"  # it does not take our code or our secret
    TOKEN = "token"  # the ID token is not what it should be
    STATE = "state"  # this is not the answer to what was asked from here


class ProviderProblem(Exception):
    """The provider cannot be used, or what came from it is not to be believed. The message is for the log, and holds
    nothing that is secret."""

    def __init__(self, wrong: Wrong, sentence: str) -> None:
        super().__init__(sentence)
        self.wrong = wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenId:
    """How the business's provider is used."""

    issuer: str
    """As it writes itself, letter by letter."""
    client_id: str
    client_secret: str | None = field(repr=False)
    """None: a public client."""
    name: str
    """As staff know it."""
    scopes: Sequence[str]
    returns_to: str
    """The address of ours that it leads back to."""
    after_logout: str
    roles_claim: str | None
    """Where it tells roles or groups; dots lead into objects. None: roles are given here."""
    roles: Mapping[str, Sequence[str]]
    """What it calls them, and our roles for it."""
    creates: bool
    """Whom nobody invited has an account made; else they are turned away."""
    trusts_second_factor: bool
    """Whoever showed one there is not asked again here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Itself:
    """What the provider says of itself (OpenID Connect Discovery 1.0)."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    end_session: str | None
    algorithms: Sequence[str]
    """Of ours, those that it signs with."""
    basic: bool
    """The secret goes in the header (RFC 6749, 2.3.1), not in the body."""
    names_itself: bool
    """Its answers say who it is (RFC 9207)."""
    proves_keys: bool
    """It says that it knows PKCE with S256."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vouched:
    """Who the provider says somebody is; verified."""

    subject: str
    """Issuer and subject: nobody else, ever."""
    name: str
    email: str
    email_verified: bool
    groups: Sequence[str]
    """As the roles claim has them."""
    second_factor: bool
    id_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Secrets:
    """What one login goes by. All of it comes from one random word that only this browser's cookie holds."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def of(cls, word: str) -> Secrets:
        def made(purpose: str) -> str:
            return urlsafe_b64encode(sha256(f"{purpose}:{word}".encode()).digest()).rstrip(b"=").decode()

        return cls(state=made("state"), nonce=made("nonce"), verifier=made("verifier"))

    @property
    def challenge(self) -> str:
        return urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(slots=True)
class _Kept:
    itself: Itself | None = None
    itself_at: datetime | None = None
    keys: KeySet | None = None
    keys_at: datetime | None = None


class Provider:
    """The provider, and what it said of itself lately."""

    def __init__(self, settings: OpenId, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self._now = now
        self._kept = _Kept()
        self._asking = asyncio.Lock()

    async def address(self, secrets: Secrets) -> str:
        """Where somebody is sent to log in. Raises ProviderProblem."""
        itself, settings = await self.itself(), self.settings
        asked = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.returns_to,
            "scope": " ".join(settings.scopes),
            "state": secrets.state,
            "nonce": secrets.nonce,
            "code_challenge": secrets.challenge,
            "code_challenge_method": "S256",
        }
        return _with(itself.authorization, asked)

    async def who(self, answered: Mapping[str, str], secrets: Secrets) -> Vouched:
        """Who came back, by what the provider's answer says. Raises ProviderProblem."""
        itself = await self.itself()
        self._is_its_answer(answered, secrets, itself)
        async with session() as http:
            tokens = await self._redeem(http, itself, answered["code"], secrets)
            id_token = str(tokens.get("id_token", ""))
            claims = await self._verified(http, itself, id_token, secrets.nonce)
            claims = await self._more(http, itself, claims, str(tokens.get("access_token", "")))
        return self._vouched(claims, id_token)

    async def end(self, id_token: str) -> str | None:
        """Where somebody logs out there, too (OpenID Connect RP-Initiated Logout 1.0); None: nowhere. Raises
        ProviderProblem."""
        itself = await self.itself()
        if itself.end_session is None:
            return None
        asked = {"client_id": self.settings.client_id, "post_logout_redirect_uri": self.settings.after_logout}
        return _with(itself.end_session, asked | ({"id_token_hint": id_token} if id_token else {}))

    async def itself(self) -> Itself:
        """What it says of itself. Raises ProviderProblem."""
        async with self._asking:
            kept, now = self._kept, self._now()
            if kept.itself is None or kept.itself_at is None or now - kept.itself_at > KNOWN_FOR:
                async with session() as http:
                    said = await _json(http, self.settings.issuer.rstrip("/") + DISCOVERY)
                kept.itself, kept.itself_at = _read(said, self.settings.issuer), now
            return kept.itself

    async def keys(self, http: aiohttp.ClientSession, itself: Itself, *, again: bool = False) -> KeySet:
        """The keys it signs with. Raises ProviderProblem."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        async with self._asking:
            kept, now = self._kept, self._now()
            lasts = KEYS_AGAIN if again else KNOWN_FOR
            if kept.keys is None or kept.keys_at is None or now - kept.keys_at > lasts:
                said = await _json(http, itself.keys)
                try:
                    kept.keys, kept.keys_at = KeySet.import_key_set(cast("Any", _for_signing(said))), now
                except (JoseError, ValueError, KeyError, TypeError) as exc:
                    raise ProviderProblem(Wrong.MISCONFIGURED, "its keys cannot be read") from exc
            return kept.keys

    def _is_its_answer(self, answered: Mapping[str, str], secrets: Secrets, itself: Itself) -> None:
        if not compare_digest(answered.get("state", "").encode(), secrets.state.encode()):
            raise ProviderProblem(Wrong.STATE, "the state is none that this browser was given")
        by = answered.get("iss")
        if by != self.settings.issuer and (by is not None or itself.names_itself):
            raise ProviderProblem(Wrong.STATE, "the answer is of another issuer (RFC 9207)")
        if "error" in answered:
            raise ProviderProblem(Wrong.REFUSED, f"the provider says {answered['error'][:60]!r}")
        if not answered.get("code"):
            raise ProviderProblem(Wrong.STATE, "the answer holds no code")

    async def _redeem(
        self, http: aiohttp.ClientSession, itself: Itself, code: str, secrets: Secrets
    ) -> Mapping[str, object]:
        status, said = await self.exchange(http, itself, code, secrets.verifier)
        if status != 200:
            raise ProviderProblem(Wrong.CODE, f"the code was not taken: {str(said.get('error', status))[:60]!r}")
        return said

    async def exchange(
        self, http: aiohttp.ClientSession, itself: Itself, code: str, verifier: str
    ) -> tuple[int, Mapping[str, object]]:
        """A code for tokens (RFC 6749, 4.1.3): the status, and what was said. Raises ProviderProblem."""
        settings, headers = self.settings, {"Accept": "application/json"}
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.returns_to,
            "code_verifier": verifier,
        }
        if settings.client_secret is not None and itself.basic:
            both = f"{quote(settings.client_id, safe='')}", quote(settings.client_secret, safe="")
            headers["Authorization"] = aiohttp.encode_basic_auth(*both)
        else:
            asked["client_id"] = settings.client_id
            if settings.client_secret is not None:
                asked["client_secret"] = settings.client_secret
        return await _answer(http, "POST", itself.token, data=asked, headers=headers)

    async def _verified(
        self, http: aiohttp.ClientSession, itself: Itself, id_token: str, nonce: str
    ) -> Mapping[str, object]:
        """What the ID token says (OpenID Connect Core 1.0, 3.1.3.7)."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        keys = await self.keys(http, itself)
        try:
            try:
                token = jwt.decode(id_token, keys, algorithms=itself.algorithms)
            except InvalidKeyIdError:  # they change keys from time to time
                keys = await self.keys(http, itself, again=True)
                token = jwt.decode(id_token, keys, algorithms=itself.algorithms)
            claims = token.claims
            jwt.JWTClaimsRegistry(
                now=int(self._now().timestamp()),
                leeway=DRIFT,
                iss={"essential": True, "value": self.settings.issuer},
                aud={"essential": True, "value": self.settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as exc:
            raise ProviderProblem(Wrong.TOKEN, f"the ID token is refused: {type(exc).__name__}: {exc}"[:200]) from exc
        shown = claims.get("nonce")
        if not isinstance(shown, str) or not compare_digest(shown.encode(), nonce.encode()):
            raise ProviderProblem(Wrong.TOKEN, "the ID token has another nonce")
        audience, party = claims["aud"], claims.get("azp")
        if party not in (None, self.settings.client_id) or (
            party is None and isinstance(audience, list) and len(cast("list[object]", audience)) > 1
        ):
            raise ProviderProblem(Wrong.TOKEN, "the ID token was made for another program")
        if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT:
            raise ProviderProblem(Wrong.TOKEN, "the ID token's subject has no usable length")
        return claims

    async def _more(
        self, http: aiohttp.ClientSession, itself: Itself, claims: Mapping[str, object], access: str
    ) -> Mapping[str, object]:
        """Some providers keep ID tokens short, and tell the rest where it is asked for. What is signed wins."""
        wants = ["email", "name", *([self.settings.roles_claim.split(".")[0]] if self.settings.roles_claim else [])]
        if itself.userinfo is None or not access or all(name in claims for name in wants):
            return claims
        said = await _json(http, itself.userinfo, headers={"Authorization": f"Bearer {access}"})
        if said.get("sub") != claims["sub"]:  # OpenID Connect Core 1.0, 5.3.2
            raise ProviderProblem(Wrong.TOKEN, "what is told beside the ID token is of somebody else")
        return {**said, **claims}

    def _vouched(self, claims: Mapping[str, object], id_token: str) -> Vouched:
        email, ways = claims.get("email"), claims.get("amr")
        name = next((one for key in ("name", "preferred_username", "email") if (one := claims.get(key))), "")
        return Vouched(
            subject=f"{self.settings.issuer} {claims['sub']}",
            name=str(name),
            email=email.strip().lower() if isinstance(email, str) else "",
            # Amazon's Cognito writes it as a word.
            email_verified=claims.get("email_verified") is True or claims.get("email_verified") == "true",
            groups=_groups(claims, self.settings.roles_claim),
            second_factor=isinstance(ways, list) and SECOND_FACTOR in ways,
            id_token=id_token,
        )


def _read(said: Mapping[str, object], issuer: str) -> Itself:
    if said.get("issuer") != issuer:
        words = f"it calls itself {str(said.get('issuer'))[:200]!r}, and is configured as {issuer!r}"
        raise ProviderProblem(Wrong.MISCONFIGURED, words)
    flows, signed = said.get("response_types_supported"), said.get("id_token_signing_alg_values_supported")
    if isinstance(flows, list) and "code" not in flows:
        raise ProviderProblem(Wrong.MISCONFIGURED, "it does not offer the authorization code flow")
    named = cast("list[object]", signed) if isinstance(signed, list) else ["RS256"]
    algorithms = tuple(name for name in ALGORITHMS if name in named)
    if not algorithms:
        raise ProviderProblem(Wrong.MISCONFIGURED, f"it signs with none of {', '.join(ALGORITHMS)}")
    methods, proofs = said.get("token_endpoint_auth_methods_supported"), said.get("code_challenge_methods_supported")
    return Itself(
        authorization=_endpoint(said, "authorization_endpoint", issuer),
        token=_endpoint(said, "token_endpoint", issuer),
        keys=_endpoint(said, "jwks_uri", issuer),
        userinfo=_endpoint(said, "userinfo_endpoint", issuer) if said.get("userinfo_endpoint") else None,
        end_session=_endpoint(said, "end_session_endpoint", issuer) if said.get("end_session_endpoint") else None,
        algorithms=algorithms,
        basic=not isinstance(methods, list) or "client_secret_basic" in methods,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        proves_keys=isinstance(proofs, list) and "S256" in proofs,
    )


def _endpoint(said: Mapping[str, object], name: str, issuer: str) -> str:
    """Over TLS, unless the provider itself is one of this machine's."""
    found = said.get(name)
    allowed = ("https", urlsplit(issuer).scheme)
    if not isinstance(found, str) or urlsplit(found).scheme not in allowed or not urlsplit(found).hostname:
        raise ProviderProblem(Wrong.MISCONFIGURED, f"its {name} is missing, or is no https address")
    return found


def _for_signing(said: Mapping[str, object]) -> Mapping[str, object]:
    keys = cast("list[dict[str, object]]", said["keys"])
    return {"keys": [key for key in keys if key.get("use", "sig") == "sig" and key.get("kty") != "oct"]}


def _groups(claims: Mapping[str, object], claim: str | None) -> Sequence[str]:
    """What stands at `realm_access.roles`, or under a name that itself has dots; one, or several."""
    if claim is None:
        return ()
    found: object = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = cast("Mapping[str, object]", found).get(part) if isinstance(found, dict) else None
    every = cast("list[object]", found) if isinstance(found, list) else [found]
    return tuple(one for one in every if isinstance(one, str))


def _with(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=PATIENCE, cookie_jar=aiohttp.DummyCookieJar())


async def _json(
    http: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None
) -> Mapping[str, object]:
    status, said = await _answer(http, "GET", url, headers=headers)
    if status != 200:
        raise ProviderProblem(Wrong.UNREACHABLE, f"{url} answers with status {status}")
    return said


async def _answer(http: aiohttp.ClientSession, method: str, url: str, **sent: Any) -> tuple[int, Mapping[str, object]]:
    """Raises ProviderProblem."""
    try:
        async with http.request(method, url, allow_redirects=False, **sent) as answer:
            body = await answer.content.read(LARGEST)
            while (piece := await answer.content.read(LARGEST)) and len(body) <= LARGEST:
                body += piece
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise ProviderProblem(Wrong.UNREACHABLE, f"{url} does not answer ({type(exc).__name__})") from exc
    if len(body) > LARGEST:
        raise ProviderProblem(Wrong.UNREACHABLE, f"{url} answers with more than {LARGEST} bytes")
    try:
        said = orjson.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        if status == 200:
            raise ProviderProblem(Wrong.UNREACHABLE, f"{url} answers with something else than JSON")
        return status, {}
    return status, cast("dict[str, object]", said)
