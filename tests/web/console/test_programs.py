"""The page for programs: an admin makes tokens and webhooks, sees how they do, and takes them back."""

from __future__ import annotations

import re

from storage.api_tokens import ApiToken
from storage.audit import AuditEntry
from storage.webhooks import WebhookEndpoint
from tests.web.console.people import Console

NASTY = """<script>alert(1)</script>"' {{ 7*7 }}"""
TOKEN = {"name": "CRM", "scopes": "converse", "days": "90"}
HOOK = {"name": "Shop", "url": "https://shop.example/events", "kinds": "message.received", "scopes": "converse"}


async def test_a_token_is_shown_once_and_opens_until_it_is_taken_back(console: Console) -> None:
    ada = await console.staff("Ada")
    made = await ada.post("/console/programs/tokens", TOKEN)
    found = re.search(r"rapport_[\w-]{40,}", made.html)
    assert found is not None
    token = found.group(0)
    page = await ada.get("/console/programs")
    assert token not in page.html
    assert f"…{token[-4:]}" in page.words
    asked = console.somebody().client
    address, shown = "/api/v1/conversations", {"Authorization": f"Bearer {token}"}
    assert (await asked.get(address, headers=shown)).status == 200
    assert (await ada.post("/console/programs/tokens/1/end")).status == 303
    assert (await asked.get(address, headers=shown)).status == 401
    assert "taken back" in (await ada.get("/console/programs")).words
    assert [row["action"] for row in console.house.rows(AuditEntry)][-2:] == ["token.made", "token.ended"]


async def test_a_token_that_cannot_be_is_explained_and_what_was_typed_is_kept(console: Console) -> None:
    ada = await console.staff("Ada", language="zh-Hans")
    refused = await ada.post("/console/programs/tokens", {"name": "CRM"})
    assert refused.status == 422
    assert 'value="CRM"' in refused.html
    ben = await ada.post("/console/programs/tokens", {**TOKEN, "name": "Ada"})
    assert ben.status == 422
    assert console.house.rows(ApiToken) == []


async def test_a_webhook_is_made_changed_paused_and_removed(console: Console) -> None:
    ada = await console.staff("Ada")
    made = await ada.post("/console/programs/webhooks", HOOK)
    secret = re.search(r"whsec_[\w+/=]+", made.html)
    assert secret is not None
    one = "/console/programs/webhooks/1"
    assert secret.group(0) not in (await ada.get(one)).html
    assert (await ada.post(one, {**HOOK, "name": NASTY, "url": "https://other.example/"})).status == 303
    page = await ada.get(one)
    assert "<script>alert" not in page.html
    assert "49" not in page.words
    assert "https://other.example/" in page.words
    assert (await ada.post(f"{one}/pause")).status == 303
    assert "paused" in (await ada.get(f"{one}/attempts")).words
    assert (await ada.post(f"{one}/skip")).status == 422
    assert (await ada.post(f"{one}/resume")).status == 303
    assert (await ada.post(f"{one}/remove")).status == 303
    assert console.house.rows(WebhookEndpoint) == []
    assert (await ada.get(one)).status == 404


async def test_an_address_that_would_tell_everybody_is_refused(console: Console) -> None:
    ada = await console.staff("Ada")
    for url in (
        "http://shop.example/",
        "ftp://shop.example/",
        "https://user:word@shop.example/",
        "https://",
        "https://shop.example/#x",
        "javascript:alert(1)",
        "https://[::1",
    ):
        refused = await ada.post("/console/programs/webhooks", {**HOOK, "url": url})
        assert (refused.status, "begins with https://" in refused.words) == (422, True), url
    assert console.house.rows(WebhookEndpoint) == []


async def test_what_programs_can_ask_for_is_explained_in_the_readers_language(console: Console) -> None:
    ada = await console.staff("Ada")
    assert "Write to the customer" in (await ada.get("/console/programs/reference")).words
    await ada.post("/console/account/language", {"language": "zh-Hant"})
    page = await ada.get("/console/programs/reference")
    assert "回覆客戶" in page.words
    assert "Takes" not in page.words
