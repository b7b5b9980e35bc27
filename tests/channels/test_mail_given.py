"""Real mails and what others read in them: every given case runs, and each deliberate difference has its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest

from channels.mail.headers import Headers
from channels.mail.message import ParsedMail, parse
from channels.mail.structure import Limits, take_apart
from tests.given import given

MAIL = given("mail")
ZAMMAD: Final[Mapping[str, Mapping[str, Any]]] = json.loads((MAIL / "zammad/expected.json").read_text())
STALWART = MAIL / "stalwart_mail_parser"

ZAMMAD_DIFFERS: Final = {
    (
        "mail046.box",
        "name",
    ): "the sender's name is GB 2312 without a declaration, as the subject is; read so, it is a name",
    ("mail087.box", "address"): "`Test test@example.com` without brackets has an address in it, and a name",
    ("mail087.box", "name"): "as above",
    ("mail087.box", "body"): "a text part behind a file is still the text",
    ("mail054.box", "body"): "the text is there once the folded header above it is read to its end",
}
NO_TEXT: Final = "no visible content"
"""What Zammad writes where there is no text: we leave it empty."""
STALWART_DIFFERS: Final = {
    "legacy/033": "declares ASCII and is Windows-1252: umlauts instead of replacement characters",
    "malformed/002": "an inner part has the outer boundary and its text is read; stalwart gives the part as a file",
    "malformed/004": "no part bears the boundary that is declared: the whole body is the text, so that nothing is lost",
    "malformed/016": "a boundary longer than RFC 2046 allows and cut in the body: the rest stays in the text",
    "rfc/001": "a word without a domain is who it is from",
    "rfc/004": "as above",
}
ADDRESSES_DIFFER: Final = {
    "Pete(A nice": "comments are no part of a name that is there",
    "A Group(Some people)": "likewise; and a comment alone is nobody",
    "Mary Smith <@node.test": "a source route (RFC 5321, appendix C) is not part of the address",
    "John Doe <jdoe@machine(comment)": "spaces and comments within an address are dropped",
    "Nathaniel Borenstein <nsb@thumper": "comments are no part of a name that is there",
    '"  James Smythe"': "spaces around a name are dropped",
    "(Use this command": "`mailto:` is how an address is linked, not part of it",
    "<ftp://ftp.host.com": "as above",
    "<http://www.host.com/list/>, ": "as above",
}


def mails() -> Iterator[Path]:
    for file in sorted(MAIL.rglob("*")):
        if file.suffix in {".eml", ".box"} or (file.suffix == ".txt" and file.parent.name == "cpython_test_email"):
            yield file


def bare(text: str | None) -> str:
    """White space aside."""
    return re.sub(r"\s+", "", text or "")


@pytest.mark.parametrize("file", list(mails()), ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_given_mail_is_read_and_can_be_stored(file: Path) -> None:
    mail = parse(file.read_bytes())
    for text in (mail.text, mail.subject, str(mail.from_), mail.external_id, mail.html or "", mail.calendar or ""):
        assert "\0" not in text
        text.encode()
    assert all(each.name and "/" not in each.name for each in mail.attachments)
    for part in mail.root.walk():
        part.get_payload(decode=True)


@pytest.mark.parametrize("file", list(ZAMMAD))
def test_zammads_mails_are_from_whom_and_about_what_zammad_says(file: str) -> None:
    mail, expected = parse((MAIL / "zammad" / file).read_bytes()), ZAMMAD[file]
    found = {"subject": mail.subject, "address": mail.from_.address, "name": mail.from_.name}
    names = {"subject": "subject", "from_email": "address", "from_display_name": "name"}
    wrong = {
        ours for theirs, ours in names.items() if theirs in expected and bare(found[ours]) != bare(expected[theirs])
    }
    assert wrong == {what for each, what in ZAMMAD_DIFFERS if each == file} - {"body"}


def plain_bodies() -> Iterator[str]:
    for file, expected in ZAMMAD.items():
        is_html = expected.get("content_type") == "text/html" or re.search(r"<[a-z]+[ >]", expected.get("body", ""))
        if "body" in expected and not is_html:
            yield file


@pytest.mark.parametrize("file", list(plain_bodies()))
def test_zammads_plain_mails_say_what_zammad_says(file: str) -> None:
    mail, expected = parse((MAIL / "zammad" / file).read_bytes()), ZAMMAD[file]["body"]
    agrees = bare(mail.text) == ("" if expected == NO_TEXT else bare(expected))
    assert agrees is ((file, "body") not in ZAMMAD_DIFFERS)


def read_by_stalwart() -> Iterator[str]:
    for file in sorted((STALWART / "eml").rglob("*.json")):
        yield f"{file.parent.name}/{file.stem}"


def people_of(value: Any) -> list[tuple[str, str]]:
    match value:
        case {"List": people}:
            return [(person["name"] or "", person["address"] or "") for person in people]
        case {"Group": groups}:
            return [(p["name"] or "", p["address"] or "") for group in groups for p in group["addresses"]]
        case _:
            return []


@pytest.mark.parametrize("name", list(read_by_stalwart()))
def test_stalwarts_mails_say_what_stalwart_says(name: str) -> None:
    expected = json.loads((STALWART / "eml" / f"{name}.json").read_text())
    mail = parse((STALWART / "eml" / f"{name}.eml").read_bytes())
    stated: dict[str, Any] = {}
    for header in expected["parts"][0]["headers"]:
        stated.setdefault(str(header["name"]).lower(), header["value"])
    agrees = True
    if isinstance(stated.get("subject"), dict):
        agrees = bare(mail.subject) == bare(stated["subject"].get("Text"))
    if isinstance(stated.get("from"), dict):
        agrees = agrees and (mail.from_.name, mail.from_.address) == people_of(stated["from"].get("Address"))[0]
    said = [expected["parts"][number]["body"] for number in expected["text_body"]]
    if all("Text" in body for body in said):
        agrees = agrees and bare(mail.text) == bare("".join(body["Text"] for body in said))
    assert agrees is (name not in STALWART_DIFFERS)


def header(value: str) -> Headers:
    """One header as it stands in a mail: the next line without indentation is no part of it."""
    return take_apart(f"x: {value.rstrip()}\n\n".encode(), Limits()).headers


def cases(kind: str) -> list[Mapping[str, Any]]:
    return json.loads((STALWART / f"{kind}.json").read_text())


@pytest.mark.parametrize("case", cases("address"), ids=lambda case: case["header"].strip()[:30])
def test_addresses_are_whom_stalwart_names(case: Mapping[str, Any]) -> None:
    differs = any(case["header"].strip().startswith(start) for start in ADDRESSES_DIFFER)
    found = [(person.name, person.address) for person in header(case["header"]).people("x")]
    assert (found != people_of(case["expected"])) is differs


@pytest.mark.parametrize("case", cases("date"), ids=lambda case: case["header"].strip()[:30])
def test_dates_are_the_instants_that_stalwart_reads(case: Mapping[str, Any]) -> None:
    stated = case["expected"]
    if "EST5EDT" in case["header"] or case["header"].startswith("by "):
        return  # no zone of RFC 5322; and a Received line, whose date is read behind its semicolon
    if stated is None or not stated["month"]:
        assert header(case["header"]).date("x") is None
        return
    offset = timedelta(hours=stated["tz_hour"], minutes=stated["tz_minute"]) * (-1 if stated["tz_before_gmt"] else 1)
    fields = [stated[each] for each in ("year", "month", "day", "hour", "minute", "second")]
    assert header(case["header"]).date("x") == datetime(*fields, tzinfo=timezone(offset)).astimezone(UTC)


@pytest.mark.parametrize("case", cases("unstructured"), ids=lambda case: case["header"].strip()[:30])
def test_subjects_are_what_stalwart_reads(case: Mapping[str, Any]) -> None:
    first = re.split(r"\n(?=\S)", case["header"])[0]
    assert bare(header(first).get("x")) == bare(case["expected"])


def read(path: str) -> ParsedMail:
    return parse(given(f"mail/{path}").read_bytes())


def test_chinese_that_declares_another_set_is_read() -> None:
    mail = read("discourse_emails/chinese_reply.eml")
    expected = json.loads(given("mail/discourse_emails/expected.json").read_text())["chinese_reply.eml"]["text"]
    assert bare(expected) in bare(mail.text)
    assert mail.charset_repaired


def test_chatwoots_mails_have_the_files_and_texts_that_chatwoot_finds() -> None:
    for file, expected in json.loads((MAIL / "chatwoot/expected.json").read_text()).items():
        if not (MAIL / "chatwoot" / file).exists():
            continue
        mail = read(f"chatwoot/{file}")
        if "attachments" in expected:
            assert len([each for each in mail.attachments if not each.inline]) == expected["attachments"], file
        if "content" in expected:
            assert bare(mail.text).startswith(bare(expected["content"])), file
        if "content_contains" in expected:
            assert expected["content_contains"] in mail.text, file
        for forbidden in expected.get("html_must_not_contain", ()):
            assert forbidden not in mail.text, file
