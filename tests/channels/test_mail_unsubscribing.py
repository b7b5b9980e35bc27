"""The way out of marketing mail: a POST is obeyed at once, a GET does nothing, and nobody leaves for somebody else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession, FormData, web
from hypothesis import given as for_all
from hypothesis import strategies as st

from channels.envelope import ConsentUpdate
from channels.mail.unsubscribing import (
    LARGEST_BODY,
    SAME_CLICK,
    InsecureLink,
    Unsubscribing,
    one_click,
)
from tests.channels.telegram_port import RecordingPort
from tests.clock import FrozenClock

ADDRESS = "mailto:li@example.org"
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


class House:
    """A server with the routes, and somebody who follows links."""

    def __init__(self, port: RecordingPort, clock: FrozenClock, session: ClientSession, base: str) -> None:
        self.port, self.clock, self.session = port, clock, session
        self.unsubscribing = Unsubscribing(channel="mail", secret=b"s" * 32, base_url=base, clock=clock, insecure=True)

    @property
    def consents(self) -> list[ConsentUpdate]:
        return [arrival for arrival in self.port.arrivals if isinstance(arrival, ConsentUpdate)]

    def link(self, language: str = "en", key: str = "d1") -> str:
        return self.unsubscribing.link(ADDRESS, language, key)


@pytest.fixture
async def house(clock: FrozenClock) -> AsyncGenerator[House]:
    app = web.Application()
    runner = web.AppRunner(app, access_log=None)
    port = RecordingPort()
    async with ClientSession() as session:
        # The routes carry no host, so they may be made before the port is known.
        routes = Unsubscribing(channel="mail", secret=b"s" * 32, base_url="https://x", clock=clock)
        app.add_routes(routes.routes())
        routes.start(port)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, number = runner.addresses[0][:2]
        yield House(port, clock, session, f"http://{host}:{number}")
        await runner.cleanup()


async def _post(house: House, link: str, body: str | bytes = ONE_CLICK, kind: str = FORM) -> tuple[int, str]:
    async with house.session.post(link, data=body, headers={"Content-Type": kind}, allow_redirects=False) as answer:
        assert not answer.cookies
        return answer.status, await answer.text()


async def test_one_click_withdraws_consent_without_cookie_or_redirect(house: House) -> None:
    status, page = await _post(house, house.link())
    assert status == 200
    assert "You are unsubscribed" in page
    [update] = house.consents
    assert (update.channel, update.address, update.granted) == ("mail", ADDRESS, False)
    assert (update.source, update.at, update.raw) == ("one-click", house.clock.now(), ONE_CLICK.encode())


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
async def test_link_scanners_and_previews_do_no_harm(house: House, method: str) -> None:
    async with house.session.request(method, house.link(), allow_redirects=False) as answer:
        assert answer.status == (200 if method in ("GET", "HEAD") else 405)
        assert not answer.cookies
    assert not house.port.batches


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Unsubscribe?"), ("zh-Hans", "确认退订？"), ("zh-Hant", "確認取消訂閱？")]
)
async def test_who_opens_the_link_is_asked_in_their_language_and_the_button_does_it(
    house: House, language: str, words: str
) -> None:
    async with house.session.get(house.link(language)) as answer:
        page = await answer.text()
        headers = answer.headers
    assert words in page
    assert f'lang="{language}"' in page
    assert "li@example.org" in page
    assert '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">' in page
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    async with house.session.post(house.link(language), data={"List-Unsubscribe": "One-Click"}) as answer:
        assert answer.status == 200
    assert len(house.consents) == 1


async def test_the_form_may_come_in_parts(house: House) -> None:
    """RFC 8058, 3.2: multipart/form-data as well."""
    form = FormData(quote_fields=False)
    form.add_field("List-Unsubscribe", "One-Click", content_type="text/plain")
    async with house.session.post(house.link(), data=form()) as answer:
        assert answer.status == 200
    assert len(house.consents) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", FORM),
        ("List-Unsubscribe", FORM),
        ("List-Unsubscribe=No", FORM),
        ("x=List-Unsubscribe%3DOne-Click", FORM),
        ("{}", "application/json"),
        ("--b\r\n\r\nOne-Click\r\n--b--", "multipart/form-data; boundary=b"),
        ("--b", "multipart/form-data"),
    ],
)
async def test_a_post_that_does_not_say_it_does_nothing(house: House, body: str, kind: str) -> None:
    assert (await _post(house, house.link(), body, kind))[0] == 400
    assert not house.port.batches


async def test_a_huge_post_is_refused(house: House) -> None:
    assert (await _post(house, house.link(), b"x" * (LARGEST_BODY + 1)))[0] == 413
    assert not house.port.batches


async def test_a_forged_or_broken_link_leads_nowhere(house: House) -> None:
    base, _, token = house.link().rpartition("/")
    forger = Unsubscribing(channel="mail", secret=b"f" * 32, base_url="https://x", clock=house.clock)
    other = Unsubscribing(channel="other", secret=b"s" * 32, base_url="https://x", clock=house.clock)
    for forged in (token[:-1], f"{token}A", "x", "%00", forger.link(ADDRESS, "en", "d1").rpartition("/")[2],
                   other.link(ADDRESS, "en", "d1").rpartition("/")[2]):  # fmt: skip
        status, page = await _post(house, f"{base}/{forged}")
        assert status == 404
        assert "incomplete" in page
    assert not house.port.batches


async def test_a_link_shows_the_address_to_nobody(house: House) -> None:
    token = house.link().rpartition("/")[2]
    assert b"example" not in urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert "example" not in token


async def test_the_same_click_twice_is_one_word_and_a_later_click_a_new_one(house: House) -> None:
    """Who came back, and leaves again by an old mail, must be obeyed; a repeated request changes nothing."""
    for _ in range(2):
        await _post(house, house.link())
    house.clock.advance(SAME_CLICK)
    await _post(house, house.link())
    await _post(house, house.link(key="d2"))
    ids = [update.external_id for update in house.consents]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_when_it_cannot_be_stored_the_person_is_told_so(house: House) -> None:
    house.port.unavailable = 1
    status, page = await _post(house, house.link())
    assert status == 503
    assert "not unsubscribed yet" in page
    assert (await _post(house, house.link()))[0] == 200
    assert len(house.consents) == 1


def test_links_are_https_only(clock: FrozenClock) -> None:
    with pytest.raises(InsecureLink):
        Unsubscribing(channel="mail", secret=b"s", base_url="http://shop.example", clock=clock)


@for_all(address=st.text(), language=st.sampled_from(["en", "zh-Hans", "zh-Hant"]), key=st.text())
def test_a_link_says_what_was_put_into_it(address: str, language: str, key: str) -> None:
    ours = Unsubscribing(channel="mail", secret=b"s" * 32, base_url="https://shop.example", clock=FrozenClock())
    leaving = ours.leaving(ours.link(address, language, key).rpartition("/")[2])
    assert leaving is not None
    assert leaving.address == address.encode("utf-8", "replace").decode()
    assert leaving.language == language


@for_all(st.text(), st.text(), st.binary())
def test_whatever_is_asked_reading_it_never_fails(token: str, content_type: str, body: bytes) -> None:
    ours = Unsubscribing(channel="mail", secret=b"s" * 32, base_url="https://shop.example", clock=FrozenClock())
    assert ours.leaving(token) is None
    one_click(content_type, body)
    one_click(f"multipart/form-data; boundary={content_type}", body)


async def test_the_given_requests_are_obeyed(house: House, given: Callable[[str], Path]) -> None:
    examples = json.loads(given("rules/list_unsubscribe/one_click_http_examples.json").read_text())
    body = examples[0]["incoming_request"].partition("\r\n\r\n")[2]
    assert (await _post(house, house.link(), body))[0] == 200
    assert examples[0]["outgoing_headers"]["List-Unsubscribe-Post"] == ONE_CLICK
