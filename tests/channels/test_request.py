"""A provider's request: read alike on every channel, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given as property_of
from hypothesis import strategies as st

from channels.request import FIELDS_LIMIT, Fields, Request, Unreadable
from channels.sms.provider import proves
from channels.sms.providers import PROVIDERS
from channels.sms.settings import SmsSettings
from tests.channels.courier import AT


def posted(body: bytes, content_type: str = "application/x-www-form-urlencoded", url: str = "/hook?a=query") -> Request:
    return Request.of(method="post", url=url, headers={"Content-Type": content_type}, body=body)


def test_what_the_body_says_counts_more_than_what_the_address_says() -> None:
    fields = posted(b"a=body&b=2").fields()
    assert (fields.first("a"), fields.last("a"), fields.need("c", "b")) == ("query", "body", "2")


def test_a_form_may_come_in_parts_as_well() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="From"\r\n\r\n+15550100\r\n--x--\r\n'
    assert posted(body, "multipart/form-data; boundary=x").fields().last("From") == "+15550100"


def test_bytes_that_are_no_utf_8_are_read_as_what_they_were_before_it() -> None:
    assert posted(b"text=caf%E9").form().last("text") == "café"


def test_what_is_signed_is_what_came_and_what_is_kept_can_be_stored() -> None:
    fields = posted(b"text=a%00b").form()
    assert (fields.texts(), fields.last("text")) == ([("text", "a\0b")], "ab")


def test_a_form_of_too_many_fields_is_not_read_and_proves_nothing() -> None:
    flood = posted(b"a=1&" * FIELDS_LIMIT)
    with pytest.raises(Unreadable):
        flood.form()
    for name, provider in PROVIDERS.items():
        settings = SmsSettings(provider=name, token="t", signing_secret="s")
        assert not proves(provider(settings), flood, AT)


@property_of(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_every_field_comes_out_as_it_went_in(pairs: list[tuple[str, str]]) -> None:
    written = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in pairs)
    assert Fields.of(written).texts() == pairs


def escaped(text: str) -> str:
    return "".join(f"%{each:02x}" for each in text.encode())
