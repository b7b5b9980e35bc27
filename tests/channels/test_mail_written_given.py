"""What the person wrote now, on mails that nobody on the project wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from channels.mail.html import text_of
from channels.mail.message import parse
from channels.mail.written import written_now
from tests.given import given

DISCOURSE: Final = given("mail/discourse_email_reply_trimmer")
TALON: Final = given("mail/mailgun_talon/inline_plain_cases.json")
MAILS: Final = given("mail/mailgun_talon/expected_replies.json")
LIBRARIES: Final = tuple(
    given(f"mail/{name}")
    for name in ("crisp_email_reply_parser", "zapier_email_reply_parser", "github_email_reply_parser")
)

DECIDED_OTHERWISE: Final = {
    "test_too_many_lines": "its test lowers the number of lines that talon reads to one: we have no such limit",
    "test_dont_parse_quotations_for_forwarded_messages": "a mail passed on is in `forwarded`, as Discourse has it too",
    "crisp_email_reply_parser/email_custom_quote_header.txt": "the Hungarian attribution is split off with its quote",
    "crisp_email_reply_parser/email_thread.txt": "an attribution wrapped over three lines is split off as well",
    "crisp_email_reply_parser/email_with_regards.txt": "closing and name are the person's words, as Discourse has it",
}


def same(left: str, right: str) -> bool:
    """White space aside."""
    return left.split() == right.split() or "".join(left.split()) == "".join(right.split())


@pytest.mark.parametrize("name", sorted(path.name for path in (DISCOURSE / "emails").iterdir()))
def test_discourse_keeps_the_same(name: str) -> None:
    mail = (DISCOURSE / "emails" / name).read_text(encoding="utf-8")

    assert same(written_now(mail).reply, (DISCOURSE / "trimmed" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", json.loads(TALON.read_text(encoding="utf-8")), ids=lambda case: case["test"])
def test_talon_keeps_the_same(case: dict[str, str]) -> None:
    found = same(written_now(case["input"]).reply, case["expected_reply"])

    assert found is (case["test"] not in DECIDED_OTHERWISE), DECIDED_OTHERWISE.get(case["test"])


@pytest.mark.parametrize(("name", "expected"), json.loads(MAILS.read_text(encoding="utf-8")).items())
def test_talon_keeps_the_same_of_whole_mails(name: str, expected: str) -> None:
    path = MAILS.parent / name
    text = text_of(path.read_text(encoding="utf-8")) if path.suffix == ".html" else parse(path.read_bytes()).text

    assert same(written_now(text).reply, expected.partition(" (compare")[0])


def cases() -> list[tuple[str, Path, str]]:
    return [
        (f"{library.name}/{name}", next(library.glob(f"*/{name}")), expected["expected_reply"])
        for library in LIBRARIES
        for name, expected in json.loads((library / "reference_output.json").read_text(encoding="utf-8")).items()
    ]


@pytest.mark.parametrize(("name", "path", "expected"), cases())
def test_the_libraries_keep_the_same(name: str, path: Path, expected: str) -> None:
    found = same(written_now(path.read_text(encoding="utf-8")).reply, expected)

    assert found is (name not in DECIDED_OTHERWISE), DECIDED_OTHERWISE.get(name)
