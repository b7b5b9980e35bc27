"""`[console]`: how the staff come in, beside their passwords."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from gateway.sections import Section
from gateway.settings_sources import Mistake
from gateway.settings_values import mistake
from storage.staff import Role

BACK = "/console/openid/back"
"""Where the provider leads back to."""
AFTER_LOGOUT = "/console/login"


def _issuer(value: str) -> str:
    """As it stands: Auth0 and others end theirs with a slash, and it counts."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise mistake("is no issuer", "write it as the provider does, such as https://login.example.com/realms/shop")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise mistake("is no https address", "who can read the way to the provider can log in as anybody; use https")
    return value


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _words(value: object) -> object:
    """The environment has no lists: `a b` and `a, b` there are what `["a", "b"]` is in the file."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


def _with_openid(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise mistake("lacks openid", 'without that scope a provider tells nobody apart; begin it with "openid"')
    return value


def _roles(value: object) -> object:
    """`{"support": "agent"}` for one role, `["agent", "supervisor"]` for several; JSON in the environment."""
    right = 'write each group with our roles for it, such as { "support" = "agent", "leads" = ["agent", "supervisor"] }'
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise mistake("cannot be read", f"{right}; in the environment, as JSON") from None
    if not isinstance(value, dict):
        raise mistake("is no table", right)
    known, found = {role.value for role in Role}, dict[str, tuple[str, ...]]()
    for group, given in cast("dict[str, object]", value).items():
        named = _words(given)
        roles = [str(role) for role in cast("list[object]", named)] if isinstance(named, list | tuple) else []
        if not roles:
            raise mistake(f"gives {group!r} no role", right)
        if strange := next((role for role in roles if role not in known), None):
            raise mistake(f"gives {group!r} the role {strange!r}", f"our roles are {', '.join(Role)}")
        found[group] = tuple(roles)
    return found


class OpenId(Section):
    """`[console.openid]`: the business's own login (OpenID Connect); without an issuer there is none."""

    issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        default=None, description="the provider, as it writes itself, such as https://login.example.com/realms/shop"
    )
    client_id: str = Field(default="", max_length=500, description="what the provider calls us")
    client_secret: SecretStr | None = Field(
        default=None, min_length=1, description="what we show the provider; left out for a public client"
    )
    client_secret_file: Path | None = Field(default=None, description="a file with the client secret in it")
    name: str = Field(
        default="OpenID", min_length=1, max_length=40, description="what the staff call it; stands on the button"
    )
    scopes: Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_with_openid)] = Field(
        default=("openid", "profile", "email"), description="what we ask it for; openid is one of them"
    )
    roles_claim: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="where it tells groups or roles, such as groups or realm_access.roles; none: given in the console",
    )
    roles: Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(_roles)] = Field(
        default={}, description='our roles for each group of its, such as { "support" = "agent" }'
    )
    newcomers: Literal["invited", "created"] = Field(
        default="invited",
        description="invited: whom no admin invited is turned away; created: whoever it gives a role has an account",
    )
    second_factor: Literal["here", "provider"] = Field(
        default="here", description="provider: who showed a second factor there (amr mfa) is not asked again here"
    )

    @property
    def secret(self) -> str | None:
        """The client secret, from wherever it is."""
        if self.client_secret is not None:
            return self.client_secret.get_secret_value()
        return self.client_secret_file.read_text("utf-8").strip() if self.client_secret_file is not None else None


class Console(Section):
    """`[console]`: the agents' console."""

    openid: OpenId = OpenId()


def contradictions(console: Console, public_url: str | None) -> Iterable[Mistake]:
    """Values that are right each by itself and wrong together."""
    openid = console.openid
    if openid.issuer is None:
        if openid.client_id or openid.client_secret or openid.client_secret_file:
            yield Mistake(
                key="console.openid.issuer", what="is missing", right="name the provider, or leave console.openid out"
            )
        return
    if not openid.client_id:
        yield Mistake(
            key="console.openid.client_id", what="is missing", right="set what the provider calls us, its client ID"
        )
    if public_url is None:
        yield Mistake(
            key="server.public_url",
            what="is missing, and the provider must know where to lead people back to",
            right=f"set the address that the staff see, such as https://chat.example.com; {BACK} follows it",
        )
    elif urlsplit(public_url).scheme != "https" and not _is_here(urlsplit(public_url).hostname or ""):
        yield Mistake(
            key="server.public_url",
            what="is no https address, and codes of the provider would travel in the open",
            right="set the https address that the staff see, or leave console.openid out",
        )
    if openid.client_secret is not None and openid.client_secret_file is not None:
        yield Mistake(
            key="console.openid.client_secret_file",
            what="says again what console.openid.client_secret says",
            right="keep one of them",
        )
    elif openid.client_secret_file is not None:
        yield from _readable(openid.client_secret_file)
    if bool(openid.roles) is not (openid.roles_claim is not None):
        yield Mistake(
            key="console.openid.roles" if openid.roles_claim else "console.openid.roles_claim",
            what="is missing beside its counterpart",
            right="set roles_claim and roles both, or neither: then roles are given in the console",
        )
    if openid.newcomers == "created" and not openid.roles:
        yield Mistake(
            key="console.openid.newcomers",
            what="is created, and nothing says which role somebody new has",
            right="set console.openid.roles_claim and console.openid.roles, or newcomers = invited",
        )


def _readable(path: Path) -> Iterable[Mistake]:
    try:
        empty = not path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        yield Mistake(
            key="console.openid.client_secret_file",
            what=f"names {path}, which cannot be read",
            right="name a readable file",
        )
        return
    if empty:
        yield Mistake(
            key="console.openid.client_secret_file",
            what=f"names {path}, which is empty",
            right="write the secret in it",
        )
