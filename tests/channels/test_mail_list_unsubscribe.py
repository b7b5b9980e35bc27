"""The way out that others' mails offer: the best one, and none that does not work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from channels.mail.list_unsubscribe import HttpLink, Mailto, OneClick, parse_list_unsubscribe

ONE_CLICK = "List-Unsubscribe=One-Click"


def _as_written(found: OneClick | HttpLink | Mailto | None) -> dict[str, str | None]:
    match found:
        case None:
            return {"kind": "None"}
        case Mailto():
            return {"kind": "Mailto", "address": found.address, "subject": found.subject}
        case OneClick() | HttpLink():
            return {"kind": type(found).__name__, "url": found.url}


def test_the_given_headers_are_read_as_they_were_meant(given: Callable[[str], Path]) -> None:
    cases = json.loads(given("rules/list_unsubscribe/conformance.json").read_text())
    for case in cases:
        header, post = case["input"]["list_unsubscribe"], case["input"]["list_unsubscribe_post"]
        assert _as_written(parse_list_unsubscribe(header, post)) == case["expected"], case["name"]


@pytest.mark.parametrize(
    ("header", "post", "found"),
    [
        ("<mailto:a@b.example>, <https://b.example/u>", None, Mailto(address="a@b.example", subject=None)),
        ("<https://b.example/u>, <mailto:a@b.example>", None, HttpLink(url="https://b.example/u")),
        ("<ftp://b.example/u>, <http://b.example/u>", ONE_CLICK, HttpLink(url="http://b.example/u")),
        ("<mailto:a@b.example>, <https://b.example/u>", f" {ONE_CLICK} ", OneClick(url="https://b.example/u")),
        (
            "<mailto:a+b@b.example?Subject=stop+it%20now&body=x>",
            None,
            Mailto(address="a+b@b.example", subject="stop+it now"),
        ),
        ("< https://b.example/\r\n u >", None, HttpLink(url="https://b.example/u")),
        ("https://b.example/u", None, None),
        ("<https://[b/>", ONE_CLICK, None),
        ("<mailto:not an address>", None, None),
        ("<>,<<>>,>", "List-Unsubscribe", None),
    ],
)
def test_the_lists_own_order_counts_unless_one_click_is_offered(
    header: str, post: str | None, found: OneClick | HttpLink | Mailto | None
) -> None:
    """RFC 2369, 2 and RFC 8058, 3.1."""
    assert parse_list_unsubscribe(header, post) == found


@for_all(st.text(), st.text())
def test_whatever_the_headers_say_reading_them_never_fails(header: str, post: str) -> None:
    parse_list_unsubscribe(header, post)
