"""Admins let people in and out; everybody looks after their own account."""

from __future__ import annotations

import re

from pyotp.totp import TOTP

from tests.web.console.people import PASSWORD, Console


async def test_an_invited_colleague_comes_in_by_the_link_that_is_shown_once(console: Console) -> None:
    ada = await console.staff("Ada")
    page = await ada.post("/console/staff", {"name": "Ben", "email": "ben@shop.test", "roles": "agent"})
    found = re.search(r"http://[^<]*(/console/come-in/[\w-]+)", page.html)
    assert found is not None
    assert found.group(1) not in (await ada.get("/console/staff")).html
    ben = console.somebody()
    came = await ben.post(found.group(1), {"password": PASSWORD, "again": PASSWORD, "language": "en"})
    assert came.status == 303
    assert (await ben.get("/console/inbox")).status == 200
    assert (await ben.get("/console/staff")).status == 403


async def test_what_cannot_be_is_said_in_the_admins_language(console: Console) -> None:
    ada = await console.staff("Ada")
    await ada.post("/console/account/language", {"language": "zh-Hans"})
    taken = await ada.post("/console/staff", {"name": "Ada", "email": "x@shop.test", "roles": "agent"})
    assert taken.status == 422
    assert "已经有人使用" in taken.words
    last = await ada.post("/console/staff/1/let-go")
    assert "至少要保留一位管理员" in last.words
    assert (await ada.post("/console/staff/999/let-go")).status == 422


async def test_who_is_let_go_is_out_at_once(console: Console) -> None:
    ada, ben = await console.staff("Ada"), await console.staff("Ben", "agent")
    assert (await ada.post("/console/staff/2/let-go")).status == 303
    assert (await ben.get("/console/inbox")).status == 303
    assert (await ben.log_in("ben@shop.test")).status == 401
    assert "/console/come-in/" in (await ada.post("/console/staff/2/take-back")).html


async def test_a_role_taken_away_counts_from_the_next_page_on(console: Console) -> None:
    ada, ben = await console.staff("Ada"), await console.staff("Ben", "agent")
    await ada.post("/console/staff/2/roles", {"roles": "marketer"})
    assert (await ben.get("/console/inbox")).status == 403


async def test_a_password_is_changed_by_who_knows_the_old_one(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    new = {"password": "another horse battery", "again": "another horse battery"}
    assert (await ben.post("/console/account/password", {"current": "wrong", **new})).status == 422
    assert (await ben.post("/console/account/password", {"current": PASSWORD, **new})).status == 200
    assert (await ben.get("/console/inbox")).status == 200, "this browser goes on"
    assert (await console.somebody().log_in("ben@shop.test")).status == 401
    assert (await console.somebody().log_in("ben@shop.test", "another horse battery")).status == 303


async def test_a_second_factor_counts_when_its_first_code_was_shown(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    offered = await ben.post("/console/account/second-factor/new")
    found = re.search(r"<code>(\w+)</code>", offered.html)
    assert found is not None
    secret = found.group(1)
    assert "data:image/svg+xml" in offered.html
    wrong = await ben.post("/console/account/second-factor", {"secret": secret, "code": "000000", "current": PASSWORD})
    assert wrong.status == 422
    assert secret in wrong.html, "the app need not read another picture"
    assert (await console.somebody().log_in("ben@shop.test")).status == 303
    code = TOTP(secret).at(console.house.clock.now())
    await ben.post("/console/account/second-factor", {"secret": secret, "code": code, "current": PASSWORD})
    assert (await console.somebody().log_in("ben@shop.test")).status == 200
    assert (await ben.post("/console/account/second-factor/end", {"current": "wrong"})).status == 422
    assert (await ben.post("/console/account/second-factor/end", {"current": PASSWORD})).status == 200
    assert (await console.somebody().log_in("ben@shop.test")).status == 303


async def test_forgotten_browsers_can_be_logged_out(console: Console) -> None:
    ben = await console.staff("Ben", "agent")
    elsewhere = console.somebody()
    await elsewhere.log_in("ben@shop.test")
    assert "1 other browsers" in (await ben.get("/console/account")).words
    await ben.post("/console/account/sessions")
    assert (await elsewhere.get("/console/inbox")).status == 303
    assert (await ben.get("/console/inbox")).status == 200


async def test_the_audit_log_tells_who_did_what_page_by_page(console: Console) -> None:
    ada = await console.staff("Ada")
    for _ in range(60):
        await ada.post("/console/account/sessions")
        await ada.post("/console/account/sessions")
    page = await ada.get("/console/audit")
    assert page.html.count("<tr>") == 101
    assert "Times are those of Asia/Shanghai." in page.words
    earlier = re.search(r"/console/audit\?before=\d+", page.html)
    assert earlier is not None
    assert "Came in as the first admin" in (await ada.get(earlier.group(0))).words
    assert (await ada.get("/console/audit?before=" + "9" * 50)).status == 200
