"""The commands, typed as an operator types them: what they print, and the status they end with."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.reasons import in_words
from gateway import cli, logs
from gateway.lock import DataLock
from gateway.settings import Logs
from tests.acceptance.tea_house import CONTACTS, ORDERS, PLAYBOOK, settings_of
from tests.given import CHECKOUT

COMMANDS = (
    *("run", "check", "migrate", "chat", "inspect", "import", "queue", "show", "take", "reply", "note", "handback"),
    *("resolve", "keep", "notspam", "contact", "record", "link", "unlink", "linkcode"),
    *("backup", "restore", "replay", "demo"),
)


class Terminal:
    """The command line in an empty folder, with a data folder whose engine is trained."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str | Path, text: str = "") -> Result:
        words = ("--data-dir", self.folder / "data", *words)
        return CliRunner().invoke(cli.app, [str(word) for word in words], input=text)

    def says(self, *words: str | Path, text: str = "", status: int = 0) -> str:
        """What it prints, where it ends as it should."""
        done = self(*words, text=text)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status, done.output[-2000:]
        return done.stdout if status == 0 else done.output

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@pytest.fixture
def rapport(tmp_path: Path, trained_models: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Terminal]:
    settings_of(tmp_path, trained_models)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("RAPPORT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAPPORT_PLAYBOOK", str(PLAYBOOK))
    monkeypatch.setenv("COLUMNS", "200")
    yield Terminal(tmp_path)
    logs.configure(Logs(level="debug"), strict=True)  # as all tests have it; commands set it as they need it


def typed(folder: Path, *words: str | Path, well: bool = True) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, where every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", "from gateway.cli import main; main()", *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=well,
    )


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_help_names_every_command(rapport: Terminal) -> None:
    printed = typed(rapport.folder, "--help").stdout
    for command in COMMANDS:
        assert re.search(rf"[│|]\s+{command}\s+\S", printed), command


def test_a_script_is_answered_by_one_json_line_a_message(rapport: Terminal) -> None:
    script = rapport.write("script.txt", "\ufeffHello\n\nHow long does delivery take?\n茶壶裂了\n")
    printed = typed(rapport.folder, "--data-dir", rapport.folder / "data", "chat", "--script", script).stdout
    told = lines(printed)
    assert [line["text"] for line in told] == ["Hello", "How long does delivery take?", "茶壶裂了"]
    for line in told:
        assert {"text", "understanding", "effects", "replies"} <= set(line)
        assert line["understanding"]["intents"]
        assert line["effects"]
        assert line["replies"]
    assert told[2]["cases"][0]["kind"] == "complaint"


def test_a_script_that_cannot_be_read_is_a_mistake(rapport: Terminal) -> None:
    assert "cannot be read" in rapport.says("chat", "--script", rapport.folder / "none.txt", status=1)
    assert "cannot be read" in rapport.says("chat", "--script", rapport.write("x.txt", b"\xff\xfe\0"), status=1)


def test_a_conversation_at_the_terminal_ends_with_an_empty_line(rapport: Terminal) -> None:
    assert "Shanlan Tea" in rapport.says("chat", text="Hello\n\n")


def test_raw_updates_become_json_lines_in_the_order_given(rapport: Terminal) -> None:
    chat = {"id": 7, "type": "private", "first_name": "Wang"}
    message = {"message_id": 1, "date": 1_770_000_000, "chat": chat, "from": {**chat, "is_bot": False}, "text": "你好"}
    whole = rapport.write("whole.json", json.dumps({"update_id": 1, "message": message}))
    broken = rapport.write("broken.json", b"{")
    unknown = rapport.write("unknown.json", '{"update_id": 2, "telepathy": {}}')
    told = lines(rapport.says("inspect", "telegram", whole, broken, rapport.folder / "none.json", unknown))
    assert [next(iter(line)) for line in told] == ["channel", "error", "error", "ignored"]
    assert told[0]["text"] == "你好"
    assert lines(rapport.says("inspect", "telegram", "-", text=whole.read_text()))[0] == told[0]


def test_imports_tell_what_became_of_the_rows_and_a_second_time_changes_nothing(rapport: Terminal) -> None:
    contacts = rapport.write("contacts.csv", CONTACTS)
    orders = rapport.write("orders.csv", ORDERS + "SL2,K1,someday,1,CNY,paid,x,1\n")
    assert json.loads(rapport.says("import", "contacts", contacts, "--json"))["created"] == 1
    told = rapport("import", "orders", orders)
    assert (told.exit_code, "line 3" in told.stderr) == (1, True)
    again = json.loads(rapport.says("import", "contacts", contacts, "--json"))
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 1)
    assert "Lin Yue" in rapport.says("contact", "customer:K1")
    given = json.loads(rapport.says("linkcode", "customer:K1", "--json"))
    assert re.fullmatch(r"[A-Za-z0-9_-]{20,64}", given["code"])
    assert f"/start {given['code']}" not in rapport.says("linkcode", "customer:K1"), "a code is given once"
    assert "there is no contact" in rapport.says("linkcode", "customer:K9", status=1)


@pytest.mark.parametrize(("named", "uri"), [((), "tel:+12025550123"), (("--region", "GB"), "tel:+442079460123")])
def test_phones_in_an_import_are_of_the_businesss_country_where_none_is_named(
    rapport: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...], uri: str
) -> None:
    playbook = shutil.copytree(PLAYBOOK, tmp_path / "playbook")
    policy = playbook / "policy.yml"
    policy.write_text(policy.read_text("utf-8").replace("region: CN", "region: US"), "utf-8")
    monkeypatch.setenv("RAPPORT_PLAYBOOK", str(playbook))
    phone = "020 7946 0123" if named else "(202) 555-0123"
    contacts = rapport.write("contacts.csv", f"contact_id,name,phone\nK1,Lin Yue,{phone}\n")
    rapport.says("import", "contacts", contacts, *named)
    assert uri in rapport.says("contact", "customer:K1")


def test_the_demonstration_fills_and_can_be_worked_with_backed_up_and_replayed(rapport: Terminal) -> None:
    assert "6 contacts" in rapport.says("demo")
    assert "already" in rapport.says("demo", status=1)
    (first, *_) = json.loads(rapport.says("queue", "--json"))
    number = str(first["conversation"])
    assert first["name"] in rapport.says("queue")
    assert f"Handed over: {in_words(first['reason'])}\n" in rapport.says("show", number)
    assert "You have" in rapport.says("take", number, "--as", "mei")
    rapport.says("note", number, "called back", "--as", "mei")
    rapport.says("reply", number, "你好，我是小美。", "--as", "mei")
    assert "mei has conversation" in rapport.says("take", number, "--as", "tom", status=1)
    assert "called back" in rapport.says("show", number)
    assert "is not in the spam folder; it is open" in rapport.says("notspam", number, status=1)
    assert rapport.says("queue", "--spam") == "The spam folder is empty.\n"
    rapport.says("handback", number, "--as", "mei")
    assert "of" in rapport.says("replay", "1")
    assert {line["differs"] for line in lines(rapport.says("replay", "1", "--json"))} == {False}
    assert "no recorded turns" in rapport.says("replay", "4711", status=1)

    archive = rapport.folder / "rapport.tar.gz"
    assert "6 contacts" in rapport.says("backup", archive)
    assert "exists" in rapport.says("restore", archive, status=1)
    (rapport.folder / "data" / "rapport.sqlite3").rename(rapport.folder / "moved.sqlite3")
    assert "6 contacts" in rapport.says("restore", archive)
    assert "called back" in rapport.says("show", number)


def test_mistakes_in_settings_end_every_command_with_a_sentence_each(rapport: Terminal) -> None:
    rapport.write("rapport.toml", "[server]\nport = 99999\n[telegramm]\ntoken = 1\n")
    for command in (["run"], ["migrate"], ["queue"]):
        told = rapport.says(*command, status=2)
        assert "server.port" in told
        assert "telegramm" in told
    assert "server.port" in rapport.says("check", status=1)


def test_what_is_wrong_outside_is_said_in_a_sentence_and_without_a_trace(
    rapport: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*words: str) -> str:
        done = typed(rapport.folder, "--data-dir", rapport.folder / "data", *words, well=False)
        assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (1, "", False), done.stderr[-2000:]
        return done.stderr

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "choose another --port" in fails("run", "--port", str(taken.getsockname()[1]))
    playbook, script = rapport.folder / "playbook", str(rapport.write("script.txt", "Hello"))
    shutil.copytree(PLAYBOOK, playbook)
    with (playbook / "hours.yml").open("a", encoding="utf-8") as hours:
        hours.write("nonsense: 1\n")
    with monkeypatch.context() as patch:
        patch.setenv("RAPPORT_PLAYBOOK", str(playbook))
        assert re.fullmatch(r"playbook: hours\.yml:\d+: nonsense is not a key .*\n", fails("chat", "--script", script))
    monkeypatch.setenv("RAPPORT_DATABASE__URL", "postgresql://rapport:geheim@127.0.0.1:1/rapport")
    told = fails("migrate")
    assert "The database does not answer: connection failed" in told
    assert "geheim" not in told


def test_nobody_changes_the_tables_of_a_gateway_that_runs_on_them(rapport: Terminal) -> None:
    with DataLock(rapport.folder / "data"):
        assert "stop it first" in rapport.says("migrate", status=1)


def test_checking_a_fresh_place_finds_no_mistake(rapport: Terminal) -> None:
    assert "✗" not in rapport.says("check")
    assert "revision" in rapport.says("migrate")
