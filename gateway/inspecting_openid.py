"""Looks at the business's own login for `rapport check`: whether the provider is who it should be, and knows us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.findings import Finding, fine, mistake, note
from gateway.settings import Settings

NO_CODE = "rapport-check"
"""No provider gave it to anybody: one that knows us says that the code is wrong, and not that we are."""


async def check_openid(settings: Settings) -> Sequence[Finding]:
    """Whether the business's own login is who it should be, and knows us. Nobody is logged in."""
    openid = settings.console.openid
    if openid.issuer is None:
        return []
    # Only where there is one.
    from gateway.console import provider_of
    from web.console.provider import ProviderProblem, Secrets, session

    provider = provider_of(openid, settings.server.public_url, lambda: datetime.now(UTC))
    assert provider is not None  # without a public address these settings are mistaken
    key, name = "console.openid.issuer", openid.issuer
    try:
        itself = await provider.itself()
        async with session() as http:
            await provider.keys(http, itself)
            secrets = Secrets.of(NO_CODE)
            status, said = await provider.exchange(http, itself, NO_CODE, secrets.verifier)
    except ProviderProblem as problem:
        return [mistake(key, f"The provider {name} cannot be used: {problem}.")]
    if said.get("error") in ("invalid_client", "unauthorized_client") or status in (401, 403):
        which = "client_id" if openid.secret is None else "client_secret"
        sentence = f"{name} does not know us by console.openid.client_id and this secret ({said.get('error', status)})."
        return [mistake(f"console.openid.{which}", sentence)]
    settings_used = provider.settings
    found = [
        fine(
            "console.openid",
            f"{name} answers, its keys can be read, and it knows {openid.client_id}; it must lead back to"
            f" {settings_used.returns_to}, and after a logout to {settings_used.after_logout}.",
        )
    ]
    if not itself.proves_keys:
        words = f"{name} does not say that it knows PKCE (S256); we use it all the same, which does no harm."
        found.append(note(key, words))
    if itself.end_session is None:
        words = f"{name} offers no logout: who logs out here stays logged in there."
        found.append(note(key, words))
    return found
