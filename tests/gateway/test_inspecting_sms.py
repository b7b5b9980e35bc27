"""Looking closer at text messages: what the commands print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app


def printed(*words: str, given: str = "") -> list[str]:
    result = CliRunner().invoke(app, ["inspect", *words], input=given)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_a_request_is_shown_as_what_it_is_to_us(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    body = "MessageSid=SM1&From=%2B12065551234&Body=Where+is+it%3F&OptOutType=STOP"
    status = {"url": "/status", "body": {"MessageSid": "SM2"}, "headers": {"Content-Type": "application/json"}}
    file.write_text(json.dumps([{"method": "POST", "url": "/x/inbound", "body": body}, status, 7]))
    message, ignored, error = (json.loads(line) for line in printed("sms", "twilio", str(file)))
    assert (message["event"], message["external_id"], message["address"]) == ("message", "SM1", "tel:+12065551234")
    assert (message["text"], message["statuses"], message["attachments"]) == ("Where is it?", [], [])
    assert (message["consent"], message["source"]) == ("withdrawn", "carrier")
    assert ignored == {"ignored": "no message status"}
    assert set(error) == {"error"}


def test_a_report_shows_its_status(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps({"method": "POST", "url": "/x/status", "body": "MessageSid=SM1&MessageStatus=failed"}))
    (report,) = (json.loads(line) for line in printed("sms", "twilio", str(file)))
    assert report["event"] == "receipt"
    assert report["statuses"] == [{"external_id": "SM1", "status": "failed", "reason": None}]


def test_all_news_of_one_request_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    body = "MessageSid=SM1&MessageStatus=failed&ErrorCode=21610&To=%2B12065551234"
    file.write_text(json.dumps({"method": "POST", "url": "/x/status", "body": body}))
    (stopped,) = (json.loads(line) for line in printed("sms", "twilio", str(file)))
    assert [status["status"] for status in stopped["statuses"]] == ["failed"]
    assert (stopped["event"], stopped["consent"], stopped["source"]) == ("receipt", "withdrawn", "carrier")
    report = {"messageId": "m", "to": "12065551234", "status": {"groupName": "DELIVERED"}}
    both = {"results": [report, report | {"messageId": "n"}]}
    file.write_text(json.dumps({"method": "POST", "url": "/x/delivered", "body": both}))
    (line,) = (json.loads(line) for line in printed("sms", "infobip", str(file)))
    assert [status["external_id"] for status in line["statuses"]] == ["m", "n"]


@pytest.mark.parametrize("raw", ["", "not json", "[]", "{}", "7", '{"url": "http://["}'])
def test_what_is_no_request_is_told_and_nothing_breaks(raw: str) -> None:
    for line in printed("sms", "kannel", "-", given=raw):
        assert "error" in json.loads(line)


def test_segments_say_what_forced_them() -> None:
    assert printed("segments", "It\u2019s") == ["UCS-2, 4 units, 1 segments, forced by \u2019 (U+2019)"]
    told = json.loads(printed("segments", "--json", "a" * 161)[0])
    assert (told["encoding"], told["units"], told["segments"], told["forced_by"]) == ("GSM-7", 161, 2, [])


def test_numbers_and_words_are_told_one_a_line() -> None:
    number, none = (json.loads(line) for line in printed("phone", "138 0013 8000", "nobody", "--region", "CN"))
    assert (number["e164"], number["valid"], number["type"]) == ("+8613800138000", True, "MOBILE")
    assert number["time_zones"] == ["Asia/Shanghai"]
    assert (none["e164"], none["valid"]) == (None, False)
    assert printed("optout", "回T退订", "START", "HELP", "stop by the shop") == ["withdraw", "grant", "help", "none"]


def test_a_signature_is_judged(tmp_path: Path) -> None:
    file = tmp_path / "signed.json"
    signed = {
        "auth_token": "12345",
        "url": "https://mycompany.example/myapp?foo=1",
        "params": {"a": "1", "b": ["2", "3"]},
        "signature": "wrong",
    }
    file.write_text(json.dumps(signed))
    assert printed("signature", "twilio", str(file)) == ['{"valid":false}']
