"""The business's own login: whom it lets in, and that nothing but its own true word does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from joserfc.jwk import RSAKey
from pyotp.totp import TOTP
from sqlalchemy import update

from desk import second_factor, staff
from gateway.settings import Settings
from storage.audit import AuditEntry
from storage.staff import Session, Staff
from tests.clock import FrozenClock
from tests.gateway import desk_house
from tests.web.console.people import ADA, PASSWORD, Console, Person, Seen, open_console
from tests.web.console.provider import CLIENT, SECRET, OpenIdProvider, open_provider
from tests.web.console.provider import Person as Known

ANN = {"email": "ann@shop.test", "email_verified": True, "name": "Ann Li"}


@dataclass
class Company:
    """The console of a business with a login of its own."""

    console: Console
    provider: OpenIdProvider

    async def come(self, *, person: Person | None = None, start: str = "/console/openid") -> tuple[Person, Seen]:
        """Somebody logs in by the provider."""
        person = person or self.console.somebody()
        out = await person.get(start)
        assert out.status == 303, out.words
        return person, await person.get(self.provider.log_in(out.where))

    async def invite(self, name: str = "Ann", email: str = "ann@shop.test") -> staff.Invited:
        do = self.console.house.do
        return await do(staff.invite, by=ADA, name=name, email=email, roles=["agent"], language="en")

    def staff(self) -> list[dict[str, Any]]:
        return self.console.house.rows(Staff)

    def noted(self) -> list[str]:
        return [row["action"] for row in self.console.house.rows(AuditEntry)]


Opens = Callable[..., Any]


@pytest.fixture
async def opens(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Opens]:
    """Opens it, with settings of one's own."""
    async with AsyncExitStack() as stack:

        async def open_company(*, admin: bool = True, **openid: Any) -> Company:
            provider = await stack.enter_async_context(open_provider(clock))
            given = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "name": "Acme", **openid}
            port = unused_port()

            def settings_for(url: str, folder: Path) -> Settings:
                server = {"public_url": f"http://127.0.0.1:{port}"}
                database = {"database": {"url": url}, "data_dir": folder / "data"}
                return Settings.model_validate({**database, "server": server, "console": {"openid": given}})

            monkeypatch.setattr(desk_house, "settings_for", settings_for)
            console = await stack.enter_async_context(open_console(migrated_url, tmp_path, clock, monkeypatch))
            if admin:
                await console.staff("Ada")
            return Company(console=console, provider=provider)

        yield open_company


@pytest.fixture
async def company(opens: Opens) -> Company:
    opened: Company = await opens()
    opened.provider.person = Known("ann-1", dict(ANN))
    return opened


async def test_whom_an_admin_invited_comes_in_by_a_verified_address_and_is_known_by_subject(company: Company) -> None:
    await company.invite()
    page = await company.console.somebody().get("/console/login", **{"Accept-Language": "zh-CN"})
    assert "使用 Acme 登录" in page.words
    ann, seen = await company.come(start="/console/openid?next=/console/inbox%3Fview%3Dmine")
    assert (seen.status, seen.where) == (303, "/console/inbox?view=mine"), seen.words
    assert (await ann.get("/console/inbox")).status == 200
    assert company.staff()[-1]["subject"] == f"{company.provider.issuer} ann-1"
    assert company.noted()[-2:] == ["staff.openid", "login"]
    company.provider.person.claims = {"email": "another@shop.test", "email_verified": False}
    _, again = await company.come()
    assert again.where == "/console", "the address may change: who somebody is does not"
    asked = company.provider.asked[0]
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert asked["scope"].split() == ["openid", "profile", "email"]


async def test_an_address_that_nobody_verified_finds_no_account(company: Company) -> None:
    await company.invite()
    for verified in (False, None, "yes", 1):
        company.provider.person.claims = ANN | {"email_verified": verified}
        _, seen = await company.come()
        assert seen.status == 403
        assert "nobody has let you in" in seen.words
    assert company.staff()[-1]["subject"] is None
    assert company.noted()[-1] == "login.refused"


async def test_an_account_with_a_password_is_connected_from_inside_alone(company: Company) -> None:
    ann = await company.console.staff("Ann", "agent")
    _, seen = await company.come()
    assert seen.status == 403
    assert "connect the two" in seen.words
    assert "Connect with Acme" in (await ann.get("/console/account")).words
    onward = await ann.post("/console/account/openid")
    assert onward.status == 200
    address = onward.html.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    back = company.provider.log_in(address)
    stranger = await company.console.somebody().get(back)
    assert stranger.status == 403, "only the browser that began it ends it"
    assert (await ann.get(back)).where == "/console/account"
    _, seen = await company.come()
    assert seen.where == "/console"
    assert (await ann.post("/console/account/openid/end")).status == 303
    _, seen = await company.come()
    assert seen.status == 403


async def test_one_login_opens_one_account(company: Company) -> None:
    await company.invite()
    await company.come()
    ben = await company.console.staff("Ben", "agent")
    onward = await ben.post("/console/account/openid")
    address = onward.html.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    seen = await ben.get(company.provider.log_in(address))
    assert "connected to another one already" in seen.words


async def test_an_invitation_brings_somebody_in_whose_address_is_not_told(company: Company) -> None:
    invited = await company.invite()
    company.provider.person.claims = {}
    assert "Log in with Acme" in (await company.console.somebody().get(f"/console/come-in/{invited.token}")).words
    _, seen = await company.come(start=f"/console/openid?link={invited.token}")
    assert seen.where == "/console"
    assert (await company.console.somebody().get(f"/console/come-in/{invited.token}")).status == 404
    company.provider.person = Known("eve-1", {})
    _, seen = await company.come(start=f"/console/openid?link={invited.token}")
    assert seen.status == 403


async def test_who_has_left_comes_in_no_more(company: Company) -> None:
    await company.invite()
    await company.come()
    ann = company.staff()[-1]["id"]
    await company.console.house.do(staff.let_go, by=ADA, staff=ann)
    _, seen = await company.come()
    assert seen.status == 403


async def test_the_provider_decides_about_the_roles_that_its_groups_are_given(opens: Opens) -> None:
    company: Company = await opens(
        newcomers="created",
        roles_claim="realm_access.roles",
        roles={"support": "agent", "leads": ["agent", "supervisor"]},
    )
    company.provider.person = Known("ann-1", ANN | {"name": "Ada", "realm_access": {"roles": ["leads", "others"]}})
    await company.come()
    ann = company.staff()[-1]
    assert (ann["name"], ann["roles"]) == ("Ada 2", ["agent", "supervisor"]), "names go to nobody else"
    do = company.console.house.do
    await do(staff.change_roles, by=ADA, staff=ann["id"], roles=["agent", "supervisor", "marketer"])
    company.provider.person.claims["realm_access"] = {"roles": ["support"]}
    await company.come()
    assert company.staff()[-1]["roles"] == ["agent", "marketer"], "what it says nothing of is given here"
    company.provider.person = Known("bob-1", ANN | {"email": "bob@shop.test", "groups": ["leads"]})
    _, seen = await company.come()
    assert "no role that lets you in" in seen.words
    company.provider.person = Known("eve-1", {"email": "ada@shop.test", "realm_access": {"roles": ["leads"]}})
    _, seen = await company.come()
    assert seen.status == 403, "nobody is made of an address that is not verified"


async def test_before_the_first_admin_nobody_is_made(opens: Opens) -> None:
    company: Company = await opens(newcomers="created", roles_claim="groups", roles={"all": "agent"}, admin=False)
    company.provider.person = Known("ann-1", ANN | {"groups": ["all"]})
    _, seen = await company.come()
    assert seen.status == 403
    assert await company.console.house.do(staff.first_link) is not None, "the link still makes the first admin"


async def test_what_an_id_token_leaves_out_is_asked_for_and_of_nobody_else(company: Company) -> None:
    await company.invite()
    company.provider.userinfo = {"sub": "mallory"}
    _, seen = await company.come()
    assert seen.status == 403
    company.provider.userinfo = {}
    _, seen = await company.come()
    assert seen.where == "/console"


@pytest.mark.parametrize("setting", ["here", "provider"])
async def test_a_second_factor_is_asked_for_unless_the_one_shown_there_counts(opens: Opens, setting: str) -> None:
    company: Company = await opens(second_factor=setting)
    company.provider.person = Known("ann-1", dict(ANN))
    await company.invite()
    await company.come()
    secret = second_factor.new_secret()
    await company.console.house.do(
        lambda transaction: transaction.connection.execute(
            update(Staff).where(Staff.name == "Ann").values(totp_secret=secret)
        )
    )
    company.provider.token = {"amr": ["pwd"]}
    ann, seen = await company.come()
    assert (seen.status, "rapport_session" in seen.cookies) == (200, False), "a password there is one factor"
    seen = await ann.post("/console/code", {"code": TOTP(secret).at(company.console.house.clock.now())})
    assert seen.status == 303
    company.provider.token = {"amr": ["pwd", "mfa"]}
    _, seen = await company.come()
    assert seen.status == (303 if setting == "provider" else 200)


ATTACKS: dict[str, Callable[[OpenIdProvider], object]] = {
    "another nonce": lambda one: one.token.update(nonce="another"),
    "no nonce": lambda one: one.token.update(nonce=None),
    "for another program": lambda one: one.token.update(aud="another"),
    "for several, of another": lambda one: one.token.update(aud=[CLIENT, "another"], azp="another"),
    "for several, of nobody": lambda one: one.token.update(aud=[CLIENT, "another"]),
    "no audience": lambda one: one.token.update(aud=None),
    "over": lambda one: one.token.update(exp=int(one.clock.now().timestamp()) - 61),
    "without an end": lambda one: one.token.update(exp=None),
    "of the future": lambda one: one.token.update(iat=int(one.clock.now().timestamp()) + 3600),
    "of another issuer": lambda one: one.token.update(iss="https://evil.test"),
    "of nobody": lambda one: one.token.update(sub=None),
    "of an empty subject": lambda one: one.token.update(sub=""),
    "unsigned": lambda one: setattr(one, "algorithm", "none"),
    "signed with a key of the same name": lambda one: setattr(one, "signs_with", one.strange),
    "signed with an unknown key": lambda one: setattr(one, "signs_with", RSAKey.generate_key(2048, {"kid": "other"})),
    "signed with the public key as a secret": lambda one: setattr(one, "algorithm", "HS256"),
    "answered by another issuer": lambda one: one.answers.update(iss="https://evil.test"),
    "answered by nobody": lambda one: one.answers.update(iss=""),
    "another state": lambda one: one.answers.update(state="another"),
    "no state": lambda one: one.answers.update(state=""),
    "no code": lambda one: one.answers.update(code=""),
    "a code of somebody else's": lambda one: one.answers.update(code="another"),
    "turned away there": lambda one: one.answers.update(code="", error="access_denied"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_nothing_but_the_providers_own_true_word_lets_in(company: Company, attack: str) -> None:
    await company.invite()
    ATTACKS[attack](company.provider)
    before = len(company.console.house.rows(Session))
    person, seen = await company.come()
    assert seen.status == 403, seen.words
    assert "rapport_session" not in seen.cookies
    assert len(company.console.house.rows(Session)) == before
    assert company.staff()[-1]["subject"] is None
    assert (await person.get("/console/inbox")).status == 303


async def test_an_answer_is_good_once_and_in_the_browser_that_asked(company: Company) -> None:
    await company.invite()
    company.provider.takes_codes_twice = True
    person = company.console.somebody()
    out = await person.get("/console/openid")
    kept = {cookie.key: cookie.value for cookie in person.client.session.cookie_jar}
    back = company.provider.log_in(out.where)
    assert (await company.console.somebody().get(back)).status == 403, "not in another browser"
    assert (await person.get(back)).status == 303
    assert (await person.get(back)).status == 403, "the browser has forgotten it"
    thief = company.console.somebody()
    thief.client.session.cookie_jar.update_cookies(kept)
    seen = await thief.get(back)
    assert (seen.status, "rapport_session" in seen.cookies) == (403, False), "and so has the house"
    assert "done already" in seen.words


@pytest.mark.parametrize("elsewhere", ["https://evil.test/", "//evil.test/console", "/\\evil.test", "/consoleevil"])
async def test_after_it_one_is_led_nowhere_else(company: Company, elsewhere: str) -> None:
    await company.invite()
    person = company.console.somebody()
    out = await person.client.get("/console/openid", params={"next": elsewhere}, allow_redirects=False)
    seen = await person.get(company.provider.log_in(out.headers["Location"]))
    assert seen.where == "/console"


async def test_keys_may_change_and_strangers_cannot_have_them_fetched_all_the_time(company: Company) -> None:
    await company.invite()
    await company.come()
    company.provider.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
    company.console.house.clock.advance(31)
    _, seen = await company.come()
    assert seen.status == 303
    fetched = company.provider.fetched.count("keys")
    company.provider.signs_with = RSAKey.generate_key(2048, {"kid": "third"})
    for _ in range(3):
        assert (await company.come())[1].status == 403
    assert company.provider.fetched.count("keys") == fetched


async def test_a_provider_that_is_down_or_another_one_is_named_and_passwords_go_on(company: Company) -> None:
    company.provider.down = True
    seen = await company.console.somebody().get("/console/openid")
    assert (seen.status, "Acme does not answer" in seen.words) == (502, True)
    company.provider.down = False
    company.provider.says = {"issuer": "https://evil.test"}
    seen = await company.console.somebody().get("/console/openid")
    assert "not set up rightly" in seen.words
    assert (await company.console.somebody().log_in("ada@shop.test", PASSWORD)).status == 303


async def test_whoever_logs_out_is_led_to_log_out_there_too(company: Company) -> None:
    await company.invite()
    ann, seen = await company.come()
    assert "Path=/console/logout" in seen.cookies["rapport_id_token"]
    page = await ann.get("/console/inbox")
    ann.csrf = page.html.partition('name="csrf" value="')[2].partition('"')[0]
    gone = await ann.post("/console/logout")
    assert gone.status == 200
    assert f"{company.provider.issuer}/logout?client_id=rapport" in gone.html
    assert "id_token_hint=ey" in gone.html
    assert (await ann.get("/console/inbox")).status == 303
    ada = await company.console.staff("Ada")
    assert (await ada.post("/console/logout")).where == "/console/login", "who came by a password stays there"


async def test_without_a_provider_there_is_no_such_way(console: Console) -> None:
    await console.staff("Ada")
    assert "openid" not in (await console.somebody().get("/console/login")).html
    assert (await console.somebody().get("/console/openid")).status == 404
