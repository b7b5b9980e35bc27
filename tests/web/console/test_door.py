"""The door: who gets in, how often one may try, and that no other site can use somebody's session."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from pyotp.totp import TOTP

from desk import second_factor, staff
from desk.logins import Present
from storage.audit import AuditEntry
from tests.web.console.people import PASSWORD, Console


async def test_the_first_admin_comes_in_by_the_link_and_it_works_once(console: Console) -> None:
    token = await console.house.do(staff.first_link)
    person = console.somebody()
    page = await person.get(f"/console/come-in/{token}", **{"Accept-Language": "zh-TW,zh;q=0.9"})
    assert "歡迎" in page.words
    fields = {"name": "李梅", "email": "mei@shop.test", "password": PASSWORD, "again": PASSWORD, "language": "zh-Hant"}
    refused = await person.post(f"/console/come-in/{token}", fields | {"again": "something else"})
    assert refused.status == 422
    assert "李梅" in refused.html, "what was filled in is still there"
    came = await person.post(f"/console/come-in/{token}", fields)
    assert (came.status, came.where) == (303, "/console")
    assert "收件匣" in (await person.get("/console/inbox")).words
    assert (await console.somebody().post(f"/console/come-in/{token}", fields)).status == 404


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaa", "mei@shop.test"])
async def test_a_weak_password_is_refused_in_words(console: Console, weak: str) -> None:
    token = await console.house.do(staff.first_link)
    fields = {"name": "Mei", "email": "mei@shop.test", "password": weak, "again": weak, "language": "en"}
    refused = await console.somebody().post(f"/console/come-in/{token}", fields)
    assert refused.status == 422
    assert "too short or too easy to guess" in refused.words


async def test_a_wrong_password_and_an_unknown_address_read_the_same(console: Console) -> None:
    await console.staff("Ben", "agent")
    person = console.somebody()
    wrong = await person.log_in("ben@shop.test", "wrong horse battery")
    unknown = await person.log_in("nobody@shop.test", PASSWORD)
    assert wrong.status == unknown.status == 401
    assert wrong.words == unknown.words
    assert "rapport_session" not in wrong.cookies


async def test_whoever_guesses_must_wait(console: Console) -> None:
    await console.staff("Ben", "agent")
    person = console.somebody()
    for _ in range(5):
        await person.log_in("ben@shop.test", "wrong horse battery")
    assert (await person.log_in("ben@shop.test")).status == 429
    console.house.clock.advance(3)
    assert (await person.log_in("ben@shop.test")).status == 303


async def test_many_guesses_at_the_same_moment_are_counted_like_one_after_the_other(console: Console) -> None:
    secret = await ben_with_second_factor(console)
    guesses = (console.somebody().log_in("ben@shop.test", f"wrong horse {number}") for number in range(12))
    assert Counter(seen.status for seen in await asyncio.gather(*guesses)) == {401: 5, 429: 7}

    console.house.clock.advance(timedelta(minutes=2))
    waiting = [console.somebody() for _ in range(12)]
    for person in waiting:
        assert "code" in (await person.log_in("ben@shop.test")).html
    codes = (person.post("/console/code", {"code": "000000"}) for person in waiting)
    assert Counter(seen.status for seen in await asyncio.gather(*codes)) == {401: 1, 429: 11}
    console.house.clock.advance(timedelta(minutes=1))
    code = TOTP(secret).at(console.house.clock.now())
    assert (await waiting[0].post("/console/code", {"code": code})).status == 303


async def test_at_an_unattended_desk_the_password_is_guessed_no_faster_than_at_the_door(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    for _ in range(5):
        guess = {"current": "wrong horse battery", "password": "x", "again": "x"}
        assert (await ben.post("/console/account/password", guess)).status == 422
    told = await ben.post("/console/account/second-factor/end", {"current": PASSWORD})
    assert told.status == 422
    assert "Too many attempts" in told.words


@pytest.mark.parametrize("secret", ["", "not base 32!", "AAAAAAA", "秘密"])
async def test_a_secret_that_no_app_can_read_switches_no_second_factor_on(console: Console, secret: str) -> None:
    ben = await console.staff("Ben", "agent")
    fields = {"secret": secret, "code": "000000", "current": PASSWORD}
    offered = await ben.post("/console/account/second-factor", fields)
    assert offered.status == 200
    assert "otpauth" in offered.html or "data:image/svg" in offered.html
    assert not any(one.second_factor for one in await console.house.do(staff.colleagues))


@pytest.mark.parametrize("typed", ["\0", "ben\0@shop.test", f"{'b' * 100_000}@shop.test"])
async def test_whatever_is_typed_as_an_address_is_an_answer(console: Console, typed: str) -> None:
    assert (await console.somebody().log_in(typed)).status == 401


async def test_the_session_is_in_a_cookie_that_scripts_and_other_sites_cannot_use(console: Console) -> None:
    await console.staff("Ben", "agent")
    seen = await console.somebody().log_in("ben@shop.test")
    cookie = seen.cookies["rapport_session"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/console" in cookie


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/",
        "//evil.test/console",
        "/\\evil.test",
        "javascript:alert(1)",
        "/consoleevil",
        "/console\r\nX: y",
    ],
)
async def test_after_the_login_one_is_led_nowhere_else(console: Console, elsewhere: str) -> None:
    await console.staff("Ben", "agent")
    seen = await console.somebody().log_in("ben@shop.test", where=elsewhere)
    assert seen.where == "/console"


async def test_after_the_login_one_is_where_one_wanted_to_be(console: Console) -> None:
    await console.staff("Ben", "agent")
    person = console.somebody()
    turned = await person.get("/console/inbox?view=mine")
    assert turned.where == "/console/login?next=%2Fconsole%2Finbox%3Fview%3Dmine"
    seen = await person.log_in("ben@shop.test", where="/console/inbox?view=mine")
    assert seen.where == "/console/inbox?view=mine"


async def test_with_a_second_factor_the_password_alone_opens_nothing(console: Console) -> None:
    secret = await ben_with_second_factor(console)
    person = console.somebody()
    asked = await person.log_in("ben@shop.test")
    assert (asked.status, "rapport_session" in asked.cookies) == (200, False)
    assert (await person.get("/console/inbox")).status == 303
    assert (await person.post("/console/code", {"code": "000000"})).status == 401
    seen = await person.post("/console/code", {"code": TOTP(secret).at(console.house.clock.now())})
    assert seen.status == 303
    assert (await person.get("/console/inbox")).status == 200


async def test_whoever_logs_out_is_out_and_a_kept_cookie_is_worth_nothing(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    kept = {cookie.key: cookie.value for cookie in ben.client.session.cookie_jar}
    assert (await ben.post("/console/logout")).where == "/console/login"
    ben.client.session.cookie_jar.update_cookies(kept)
    assert (await ben.get("/console/inbox")).status == 303
    assert [row["action"] for row in console.house.rows(AuditEntry)][-1] == "logout"


async def test_a_session_left_idle_is_over_and_a_piece_of_a_page_leads_to_the_door(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    console.house.clock.advance(timedelta(hours=8))
    seen = await ben.get("/console/inbox", **{"HX-Request": "true"})
    assert seen.status == 401
    assert seen.headers["HX-Redirect"] == "/console/login?next=%2Fconsole"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_what_another_site_sends_in_somebodys_name_is_refused(console: Console, headers: dict[str, str]) -> None:
    ben = await console.staff("Ben", "agent")
    assert (await ben.post("/console/logout", headers=headers)).status == 403
    assert (await ben.get("/console/inbox")).status == 200


async def test_a_form_without_the_sessions_own_token_is_refused(console: Console) -> None:
    ben, eve = await console.staff("Ben", "agent"), await console.staff("Eve", "agent")
    for csrf in ("", "x", eve.csrf, "\ud800"):
        assert (await ben.post("/console/logout", {"csrf": csrf.encode("utf-8", "replace").decode()})).status == 403
    assert (await ben.get("/console/inbox")).status == 200


async def test_pages_of_the_console_run_nothing_else_and_stand_in_no_frame(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    for path in ("/console/login", "/console/inbox", "/console/conversations/1"):
        headers = (await ben.get(path)).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"


async def ben_with_second_factor(console: Console) -> str:
    """An agent whose app has this secret."""
    await console.staff("Ben", "agent")
    secret = second_factor.new_secret()
    (ben,) = [one for one in await console.house.do(staff.colleagues) if one.name == "Ben"]
    present = Present(
        staff=ben.id,
        name="Ben",
        email=ben.email,
        roles=(),
        language="en",
        session=b"",
        seen_at=console.house.clock.now(),
    )
    await console.house.do(staff.set_second_factor, present=present, secret=secret)
    return secret
