"""Mail providers' webhooks as they came to another library (django-anymail): what they say, in our words."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from gateway.inspecting_mailhook import inspect_mailhook
from tests.given import given

FOLDER = "channels/email_provider_webhooks"
FIELDS = (
    "event_type",
    "event_id",
    "message_id",
    "recipient",
    "reject_reason",
    "mta_response",
    "description",
    "click_url",
    "user_agent",
    "metadata",
)

DIFFERENT: dict[tuple[str, str], str] = {
    ("brevo", "timestamp"): "seconds where milliseconds are documented are read as seconds, and give no date in 1970",
    ("mailtrap", "description"): "the provider's own word for the reason is kept",
    ("postal", "message_id"): "an id is a text, also where it is a number",
    ("postal", "event_id"): "the same",
    ("postal", "tags"): "no tag is none, not one without a name",
    ("sendgrid", "message_id"): "`anymail_id` is that library's own; ours comes back as `rapport_message_id`",
    ("sendgrid", "metadata"): "the same",
    ("sendgrid", "description"): "the provider's own word for the reason is kept",
    ("mailgun", "attachments"): "files are kept also under names that are no names",
    ("ses", "message"): "it is in a bucket, from which `fetch` gets it",
    ("resend", "message"): "the webhook holds no text and no copies; `fetch` gets them",
    ("mailjet", "attachments"): "a mail in a mail gets a name, and an end of line more or less",
    ("postal", "attachments"): "the same",
    ("postal", "text"): "what is in an attached mail is no text of this one",
}
"""By provider and field: where we decide otherwise, and why."""


def cases(name: str) -> list[Any]:
    data: list[dict[str, Any]] = json.loads(given(f"{FOLDER}/{name}.json").read_bytes())
    return [pytest.param(provider(case), case, id=f"{number}: {case['test']}") for number, case in enumerate(data)]


def provider(case: dict[str, Any]) -> str:
    name = case["path"].partition("/anymail/")[2].partition("/")[0]
    return "ses" if name == "amazon_ses" else name


def told(name: str, case: dict[str, Any]) -> list[dict[str, Any]]:
    events = inspect_mailhook(name, json.dumps(case).encode())["events"]
    assert len(events) == len(case["events"])
    return events


def differs(name: str, field: str) -> bool:
    return (name, field) in DIFFERENT


@pytest.mark.parametrize(("name", "case"), cases("tracking"))
def test_every_given_event_says_what_happened_to_whom_when_and_why(name: str, case: dict[str, Any]) -> None:
    for event, expected in zip(told(name, case), case["events"], strict=True):
        for field in FIELDS:
            if not differs(name, field):
                assert (event[field] or None) == (expected[field] or None), field
        if not differs(name, "tags"):
            assert list(event["tags"]) == (expected["tags"] or [])
        if not differs(name, "timestamp"):
            assert instant(event["timestamp"]) == instant(expected["timestamp"])


@pytest.mark.parametrize(("name", "case"), cases("inbound"))
def test_every_given_mail_says_what_was_written(name: str, case: dict[str, Any]) -> None:
    for event, expected in zip(told(name, case), case["events"], strict=True):
        assert event["event_type"] == "inbound"
        if not differs(name, "event_id"):
            assert event["event_id"] == expected["event_id"]
        assert instant(event["timestamp"]) == instant(expected["timestamp"])
        mail = expected["message"]
        for ours in ("envelope_sender", "envelope_recipient", "stripped_text", "spam_detected", "spam_score"):
            assert event[ours] == mail[ours], ours
        if differs(name, "message"):
            assert not event["complete"] or not case["body"].count('"id": "att')
            continue
        check_mail(name, event["message"], mail)


def check_mail(name: str, read: dict[str, Any], expected: dict[str, Any]) -> None:
    for ours, theirs in (("from", "from_email"), ("from_name", "from_display"), ("subject", "subject")):
        assert (read[ours] or None) == (expected[theirs] or None), ours
    for ours in ("to", "cc"):
        assert read[ours] == expected[ours]
    assert instant(read["date"]) == instant(expected["date"])
    if not differs(name, "text"):
        assert plain(read["text"]) == plain(expected["text"])
    assert plain(read["html"]) == plain(expected["html"])
    files = [*expected["attachments"], *expected["content_id_map"].values()]
    if not differs(name, "attachments"):
        assert sorted((each["name"], each["size"]) for each in read["attachments"]) == sorted(
            (each["name"], each["size"]) for each in files
        )
    assert len(read["attachments"]) >= len(files)


def plain(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").strip()


def instant(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
