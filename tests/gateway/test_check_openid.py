"""`rapport check` says what is wrong with the business's own login, before anybody stands at the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway import check as checks
from gateway.check import Level
from gateway.settings import SettingsMistakes, load
from tests.clock import FrozenClock
from tests.gateway.settings_file import elsewhere
from tests.web.console.provider import CLIENT, SECRET, OpenIdProvider, open_provider

__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    async with open_provider(FrozenClock()) as opened:
        yield opened


def given(issuer: str, **more: Any) -> dict[str, Any]:
    keys = {"issuer": issuer, "client_id": CLIENT, "client_secret": SECRET} | more
    return {"server.public_url": "https://chat.example"} | {f"console.openid.{key}": keys[key] for key in keys}


async def test_a_provider_that_knows_us_is_fine_and_told_what_to_register(provider: OpenIdProvider) -> None:
    (found,) = await checks.check_openid(load(overrides=given(provider.issuer)))
    assert found.level is Level.FINE
    assert "https://chat.example/console/openid/back" in found.sentence


async def test_a_wrong_secret_is_found_without_anybody_logging_in(provider: OpenIdProvider) -> None:
    (found,) = await checks.check_openid(load(overrides=given(provider.issuer, client_secret="another")))
    assert (found.level, found.subject) == (Level.MISTAKE, "console.openid.client_secret")
    assert "another" not in found.sentence


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"issuer": "https://login.example/"}, "calls itself 'https://login.example/'"),
        ({"response_types_supported": ["id_token"]}, "authorization code"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs with none of"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"jwks_uri": "ftp://login.example/keys"}, "jwks_uri"),
    ],
)
async def test_what_is_wrong_with_a_provider_is_said(
    provider: OpenIdProvider, says: dict[str, Any], words: str
) -> None:
    provider.says = says
    (found,) = await checks.check_openid(load(overrides=given(provider.issuer)))
    assert found.level is Level.MISTAKE
    assert words in found.sentence


async def test_what_a_provider_lacks_and_we_can_do_without_is_worth_knowing(provider: OpenIdProvider) -> None:
    provider.says = {"code_challenge_methods_supported": None, "end_session_endpoint": None}
    found = await checks.check_openid(load(overrides=given(provider.issuer)))
    assert [one.level for one in found] == [Level.FINE, Level.NOTE, Level.NOTE]


async def test_without_one_nothing_is_asked() -> None:
    assert await checks.check_openid(load()) == []


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"client_id": "x"}, "console.openid.issuer is missing"),
        ({"issuer": "http://login.example", "client_id": "x"}, "is no https address"),
        ({"issuer": "login.example", "client_id": "x"}, "is no issuer"),
        ({"issuer": "https://login.example"}, "console.openid.client_id is missing"),
        ({"issuer": "https://login.example", "client_id": "x", "scopes": "email"}, "lacks openid"),
        ({"issuer": "https://login.example", "client_id": "x", "roles": '{"a": "king"}'}, "the role 'king'"),
        ({"issuer": "https://login.example", "client_id": "x", "roles": '{"a": "agent"}'}, "roles_claim"),
        ({"issuer": "https://login.example", "client_id": "x", "newcomers": "created"}, "which role somebody new has"),
        ({"issuer": "https://login.example", "client_id": "x", "client_secret_file": "/none"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work_are_explained(overrides: dict[str, Any], sentence: str) -> None:
    keys = {"server.public_url": "https://chat.example"} | {f"console.openid.{k}": v for k, v in overrides.items()}
    with pytest.raises(SettingsMistakes) as told:
        load(overrides=keys)
    assert sentence in str(told.value)


def test_a_public_address_is_wanted_and_over_tls() -> None:
    keys = {"console.openid.issuer": "https://login.example", "console.openid.client_id": "x"}
    for public in ({}, {"server.public_url": "http://chat.example"}):
        with pytest.raises(SettingsMistakes, match=r"server\.public_url"):
            load(overrides=keys | public)


def test_the_secret_comes_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("word\n")
    keys = given("https://login.example")
    del keys["console.openid.client_secret"]
    monkeypatch.setenv("RAPPORT_CONSOLE__OPENID__CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert load(overrides=keys).console.openid.secret == "word"
    monkeypatch.delenv("RAPPORT_CONSOLE__OPENID__CLIENT_SECRET_FILE")
    monkeypatch.setenv("RAPPORT_CONSOLE__OPENID__CLIENT_SECRET", "another")
    settings = load(overrides=keys)
    assert settings.console.openid.secret == "another"
    assert "another" not in repr(settings)


def test_roles_may_stand_in_the_file_as_one_word_or_several() -> None:
    Path("rapport.toml").write_text(
        """
        [server]
        public_url = "https://chat.example"
        [console.openid]
        issuer = "https://login.example/"
        client_id = "x"
        roles_claim = "groups"
        roles = { support = "agent", "our leads" = ["agent", "supervisor"] }
        """
    )
    openid = load().console.openid
    assert openid.roles == {"support": ("agent",), "our leads": ("agent", "supervisor")}
    assert openid.issuer == "https://login.example/", "to the last slash"
