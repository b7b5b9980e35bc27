"""Settings: who wins, what is refused, and what a person is told about it."""

from __future__ import annotations

import pickle
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import Role, Settings, SettingsMistakes, is_secret, keys, load
from tests.gateway.settings_file import elsewhere
from tests.given import CHECKOUT

__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")

TOKEN = "123456789:AAE-abcdefghijklmnopqrstuvwxyz12345"


def write(text: str) -> Path:
    path = Path("rapport.toml")
    path.write_text(text, "utf-8")
    return path


def sentences(**overrides: object) -> list[str]:
    """What a person is told, with the file of the test and these overrides (`server__port` for `server.port`)."""
    with pytest.raises(SettingsMistakes) as caught:
        load(overrides={key.replace("__", "."): value for key, value in overrides.items()})
    return str(caught.value).splitlines()


def test_without_any_settings_it_is_a_private_web_chat_on_sqlite() -> None:
    settings = load()
    assert (settings.server.host, settings.server.port, settings.server.role) == ("127.0.0.1", 8080, Role.ALL)
    assert settings.embedded
    assert str(settings.database_url) == "sqlite:///data/rapport.sqlite3"
    assert settings.webchat.enabled
    assert settings.telegram.token is None


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    write('data_dir = "of-file"\n[server]\nhost = "10.0.0.1"\nport = 1\n[logs]\nlevel = "error"')
    monkeypatch.setenv("RAPPORT_SERVER__PORT", "2")
    monkeypatch.setenv("RAPPORT_LOGS__LEVEL", "warning")
    settings = load(overrides={"logs.level": "debug", "server.host": None})
    assert settings.data_dir == Path("of-file")
    assert (settings.server.host, settings.server.port, settings.logs.level) == ("10.0.0.1", 2, "debug")


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_TELEGRAM__TOKEN", "")
    assert load().telegram.token is None


def test_a_list_in_the_environment_is_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_WEBCHAT__ALLOWED_ORIGINS", "https://shop.example, http://Shop.Example:80/")
    assert load().webchat.allowed_origins == ("https://shop.example", "http://shop.example")


def test_a_secret_may_stand_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("RAPPORT_TELEGRAM__TOKEN_FILE", "token")
    token = load().telegram.token
    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_a_file_of_a_secret_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_TELEGRAM__TOKEN_FILE", "/nowhere/token")
    assert sentences() == [
        "RAPPORT_TELEGRAM__TOKEN_FILE names /nowhere/token, which cannot be read; name a readable text file."
    ]


def test_only_secrets_stand_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_SERVER__PORT_FILE", "port")
    assert sentences() == ["RAPPORT_SERVER__PORT_FILE is not a setting; did you mean RAPPORT_SERVER__PORT?"]


def test_a_secret_given_twice_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text(TOKEN)
    monkeypatch.setenv("RAPPORT_TELEGRAM__TOKEN_FILE", "token")
    monkeypatch.setenv("RAPPORT_TELEGRAM__TOKEN", TOKEN)
    assert sentences() == ["RAPPORT_TELEGRAM__TOKEN_FILE says again what another variable says; keep one of them."]


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    write("""
        [server]
        port = "abc"
        prot = 8080
        [telegram]
        token = "123456789012"
        [webchat]
        allowed_origins = ["https://shop.example/chat"]
        [nul]
        engine = "rasa"
    """)
    assert sentences() == [
        "server.port (rapport.toml) is 'abc'; it should be a port from 1 to 65535, or 0 for any that is free.",
        "server.prot (rapport.toml) is not a setting; did you mean server.port?",
        "webchat.allowed_origins (rapport.toml) holds 'https://shop.example/chat', which is not an origin;"
        " write scheme and host, such as https://www.example.com.",
        "telegram.token (rapport.toml) is 12 characters long and no bot token;"
        " a bot token looks like 123456:ABC-DEF…; take it from @BotFather.",
        "nul (rapport.toml) is not a setting; see rapport.example.toml for all there are.",
    ]


def test_a_variable_that_means_nothing_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_TELEGRM__TOKEN", TOKEN)
    assert sentences() == ["RAPPORT_TELEGRM__TOKEN is not a setting; did you mean RAPPORT_TELEGRAM__TOKEN?"]


def test_a_mistake_names_the_variable_that_made_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPPORT_SERVER__PORT", "70000")
    assert sentences() == [
        "server.port (RAPPORT_SERVER__PORT) is '70000'; it should be a port from 1 to 65535, or 0 for any that is free."
    ]


def test_a_file_that_is_no_toml_is_named_with_the_place() -> None:
    write("[server\nport = 1")
    (sentence,) = sentences()
    assert sentence.startswith("rapport.toml cannot be read (")
    assert "line 1" in sentence


def test_a_file_asked_for_by_name_must_exist() -> None:
    with pytest.raises(SettingsMistakes, match=r"other\.toml cannot be opened \(No such file or directory\)"):
        load(Path("other.toml"))


def test_the_environment_may_name_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.toml").write_text("[server]\nport = 9000")
    monkeypatch.setenv("RAPPORT_SETTINGS", "mine.toml")
    assert load().server.port == 9000
    monkeypatch.setenv("RAPPORT_SETTINGS", "other.toml")
    assert sentences()[0].startswith("other.toml cannot be opened (No such file or directory)")


def test_a_value_where_a_table_belongs_is_a_mistake() -> None:
    write("server = 8080")
    assert sentences() == ["server (rapport.toml) is not a table of settings; write its keys under [server]."]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            {"telegram__token": TOKEN, "telegram__webhook": True, "server__public_url": "https://chat.example"},
            "telegram.webhook_secret is missing, and a webhook without one is open to anybody;"
            " set 16 to 256 letters, digits, - and _; `openssl rand -hex 32` makes a good one.",
        ),
        (
            {
                "telegram__webhook": True,
                "telegram__webhook_secret": "s" * 32,
                "server__public_url": "https://chat.example",
            },
            "telegram.webhook (command line) is on without a bot; set telegram.token as well.",
        ),
        (
            {
                "telegram__token": TOKEN,
                "telegram__webhook": True,
                "telegram__webhook_secret": "s" * 32,
                "server__public_url": "http://chat.example",
            },
            "server.public_url (command line) is not an https address, and Telegram calls no other;"
            " set the address that the world sees, or telegram.webhook = false.",
        ),
        (
            {"server__role": "worker"},
            "server.role (command line) is worker on a SQLite file, which one process owns;"
            " use all, or PostgreSQL as database.url.",
        ),
        (
            {"database__password": "long enough"},
            "database.password (command line) is set for a SQLite file, which has none;"
            " leave it out, or set database.url to PostgreSQL.",
        ),
        (
            {"sending__backoff_seconds": 10, "sending__backoff_max_seconds": 5},
            "sending.backoff_max_seconds (command line) is shorter than sending.backoff_seconds;"
            " make it the longest wait between two tries.",
        ),
    ],
)
def test_values_that_are_wrong_only_together(overrides: dict[str, object], sentence: str) -> None:
    assert sentences(**overrides) == [sentence]


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("database.url", "mysql://localhost/rapport", "names mysql, which Rapport does not run on"),
        ("database.url", "rapport.sqlite3", "is not a database address"),
        ("database.url", "sqlite://", "names no file"),
        ("server.public_url", "chat.example.com", "is not a web address"),
        ("orders.endpoint", "https://me:word@shop.example/orders", "holds a user name or password"),
        ("telegram.webhook_secret", "short", "cannot serve as a webhook secret"),
        ("webchat.allowed_origins", "https://shop.example:port", "holds 'https://shop.example:port', which is not"),
        ("webchat.upload_types", "text/html", "holds 'text/html', which we cannot recognise"),
        ("server.trusted_proxies", "everybody", "is 'everybody'"),
        ("nlu.timeout", "nan", "is 'nan'"),
        ("conversation.idle_hours", -1, "is -1"),
        ("server.role", "boss", "is 'boss'"),
        ("logs.format", "xml", "is 'xml'"),
    ],
)
def test_a_value_that_cannot_work_is_refused(key: str, value: object, what: str) -> None:
    (sentence,) = sentences(**{key: value})
    assert sentence.startswith(f"{key} (command line) {what}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("telegram.token", "not-a-token-but-secret"),
        ("telegram.webhook_secret", "geheim!"),
        ("webchat.identity_key", "geheim"),
        ("database.url", "postgres//rapport:geheim@db/rapport"),
        ("orders.token", ["geheim"]),
    ],
)
def test_a_mistake_never_repeats_a_secret(key: str, value: object) -> None:
    (sentence,) = sentences(**{key: value})
    assert sentence.startswith(f"{key} (command line) ")
    assert "geheim" not in sentence
    assert "but-secret" not in sentence


def test_secrets_do_not_show_in_print() -> None:
    settings = load(
        overrides={
            "telegram.token": TOKEN,
            "database.url": "postgresql://rapport:geheim@db/rapport",
            "orders.token": "geheim",
        }
    )
    for shown in (repr(settings), str(settings), str(settings.database_url), repr(settings.database_url)):
        assert "geheim" not in shown
        assert TOKEN not in shown


def test_the_password_of_postgresql_may_come_separately() -> None:
    settings = load(overrides={"database.url": "postgresql://rapport@db:5433/shop", "database.password": "p@ss:/word"})
    assert not settings.embedded
    assert settings.database_url.drivername == "postgresql+psycopg"
    assert settings.database_url.password == "p@ss:/word"
    assert settings.database_url.render_as_string() == "postgresql+psycopg://rapport:***@db:5433/shop"


def test_settings_travel_to_a_child_process() -> None:
    settings = load(overrides={"telegram.token": TOKEN})
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_every_key_says_in_words_what_would_be_right() -> None:
    assert [key for key, field in keys().items() if not field.description] == []


def test_the_example_names_every_key_and_shows_what_holds_without_it() -> None:
    example = (CHECKOUT / "rapport.example.toml").read_text("utf-8")
    assert sorted(flat(tomllib.loads(example))) == [], "everything in it is commented out"
    assert set(tomllib.loads(example)) == {section.split(".")[0] for section in sections()}
    shown = flat(tomllib.loads(re.sub(r"^#(?=[a-z_]+ = )", "", example, flags=re.MULTILINE)))
    assert set(shown) == set(keys())
    default = flat(Settings().model_dump(mode="json"))
    for key, field in keys().items():
        if field.default is not None:
            assert shown[key] == default[key], key
        if is_secret(key) and key != "database.url":
            assert shown[key] == "", f"{key}: the example holds no secret"


def sections() -> list[str]:
    return list(dict.fromkeys(key.rpartition(".")[0] for key in keys() if "." in key))


def flat(table: dict[str, Any], above: str = "") -> dict[str, Any]:
    """By dotted keys."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and key not in keys():
            found |= flat(value, f"{key}.")
        else:
            found[key] = value
    return found
