"""`rapport check` tries what it can and says in one sentence what is wrong."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from gateway import check as checks
from gateway.check import Finding, Level, check
from gateway.settings import SettingsMistakes, load
from nlu import encoder
from tests.gateway.settings_file import elsewhere
from tests.given import CHECKOUT, missing
from tests.ports import free_port

TOKEN = "123456789:AAE-abcdefghijklmnopqrstuvwxyz12345"
__all__ = ["elsewhere"]

pytestmark = pytest.mark.usefixtures("elsewhere")

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Answer], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Put a server on loopback that gives this answer to everything; its address."""
    runners: list[web.AppRunner] = []

    async def start(answer: Answer) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def finding(subject: str, look: checks.Look, **overrides: object) -> Finding:
    """What one look finds about its subject."""
    settings = load(overrides={key.replace("__", "."): value for key, value in overrides.items()})
    (found,) = await look(settings)
    assert found.subject == subject
    return found


def nowhere() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


async def test_a_fresh_checkout_is_fine() -> None:
    settings = load(overrides={"playbook": CHECKOUT / "playbook", "server.port": 0})
    findings = await check(settings)
    told = [each.sentence for each in findings if each.level is not Level.FINE]
    assert [sentence for sentence in told if not sentence.startswith("China's holidays")] == []  # what day is it?
    assert {each.subject for each in findings} == {"data_dir", "database", "playbook", "server.port"}
    assert list(Path().iterdir()) == [], "looking makes nothing"


def test_settings_that_cannot_be_loaded_are_findings_too() -> None:
    with pytest.raises(SettingsMistakes) as caught:
        load(overrides={"server.port": "many"})
    (found,) = checks.of_mistakes(caught.value)
    assert (found.level, found.subject) == (Level.MISTAKE, "server.port")
    assert found.sentence.startswith("server.port (command line) is 'many'; ")


async def test_a_data_folder_in_place_of_a_file_is_a_mistake() -> None:
    Path("taken").write_text("")
    found = await finding("data_dir", checks.check_data_dir, data_dir="taken/data")
    assert found.level is Level.MISTAKE
    assert found.sentence.endswith("/taken is not a folder; name another.")


async def test_an_empty_database_is_told(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    engine.dispose()
    found = await finding("database", checks.check_database, database__url=database_url)
    assert (found.level, "is empty" in found.sentence) == (Level.NOTE, True)


async def test_a_database_of_today_is_fine_and_one_of_tomorrow_is_not(migrated_url: str) -> None:
    found = await finding("database", checks.check_database, database__url=migrated_url)
    assert (found.level, "up to date" in found.sentence) == (Level.FINE, True)

    engine = create_engine(migrated_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    engine.dispose()
    newer = await finding("database", checks.check_database, database__url=migrated_url)
    assert (newer.level, "newer version of Rapport" in newer.sentence) == (Level.MISTAKE, True)


async def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    address = nowhere().replace("http://", "postgresql://rapport:geheim@")
    found = await finding("database", checks.check_database, database__url=f"{address}/rapport")
    assert found.level is Level.MISTAKE
    assert "rapport:***@127.0.0.1" in found.sentence
    assert "geheim" not in found.sentence


async def test_a_file_that_is_no_database_is_a_mistake() -> None:
    Path("data").mkdir()
    Path("data/rapport.sqlite3").write_text("certainly not a database, however long one looks at it" * 20)
    found = await finding("database", checks.check_database)
    assert (found.level, found.sentence.endswith("file is not a database")) == (Level.MISTAKE, True)


async def test_every_mistake_of_a_playbook_comes_with_file_and_line() -> None:
    shutil.copytree(CHECKOUT / "playbook", "shop")
    hours = Path("shop/hours.yml")
    hours.write_text(hours.read_text("utf-8").replace("Asia/Shanghai", "Asia/Nowhere"), "utf-8")
    Path("shop/texts/en.yml").unlink()
    findings = await checks.check_playbook(load(overrides={"playbook": "shop"}))
    assert {each.level for each in findings} == {Level.MISTAKE}
    assert any(re.match(r"shop/hours\.yml:\d+: .*Asia/Nowhere", each.sentence) for each in findings)
    assert any(each.sentence.startswith("shop/texts/en.yml:1: ") for each in findings)


@pytest.mark.parametrize(
    ("today", "years"),
    [
        (date(2026, 6, 1), []),
        (date(2026, 11, 16), []),
        (date(2039, 11, 16), ["2039"]),
        (date(2039, 11, 17), ["2039", "2040"]),
    ],
)
async def test_holidays_that_nobody_has_published_to_us_are_told_in_time(today: date, years: list[str]) -> None:
    _, *told = await checks.check_playbook(load(overrides={"playbook": CHECKOUT / "playbook"}), lambda: today)
    assert {each.level for each in told} <= {Level.NOTE}
    assert [re.findall(r"\d{4}", each.sentence)[0] for each in told] == years


async def test_a_business_without_china_s_holidays_hears_nothing_of_them(tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "playbook", tmp_path / "playbook")
    hours = tmp_path / "playbook" / "hours.yml"
    hours.write_text(hours.read_text("utf-8").replace("[cn]", "[2039-12-24]"), "utf-8")
    found = await checks.check_playbook(load(overrides={"playbook": "playbook"}), lambda: date(2039, 12, 1))
    assert [each.level for each in found] == [Level.FINE]


async def test_a_playbook_that_is_not_there_is_a_mistake() -> None:
    found = await finding("playbook", checks.check_playbook, playbook="shop")
    assert (found.level, "playbook is shop, which is no folder" in found.sentence) == (Level.MISTAKE, True)


async def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = await finding("server.port", checks.check_port, server__port=taken.getsockname()[1])
    assert found.level is Level.NOTE
    assert "is taken" in found.sentence


async def test_an_address_of_another_machine_is_a_mistake() -> None:
    found = await finding("server.host", checks.check_port, server__host="192.0.2.1", server__port=0)
    assert found.level is Level.MISTAKE


async def test_without_telegram_and_rasa_nobody_asks_them() -> None:
    settings = load()
    assert await checks.check_telegram(settings) == []
    assert await checks.check_rasa(settings) == []


async def test_a_bot_that_telegram_knows_is_greeted_by_name(serve: Serve) -> None:
    async def me(request: web.Request) -> web.StreamResponse:
        assert request.path == f"/bot{TOKEN}/getMe"
        return web.json_response(
            {"ok": True, "result": {"id": 1, "is_bot": True, "first_name": "S", "username": "shop_bot"}}
        )

    found = await finding("telegram", checks.check_telegram, telegram__token=TOKEN, telegram__api_base=await serve(me))
    assert (found.level, found.sentence) == (Level.FINE, "Telegram knows our bot as @shop_bot.")


async def test_a_token_that_telegram_does_not_know_is_a_mistake(serve: Serve) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)

    base = await serve(refuse)
    found = await finding("telegram.token", checks.check_telegram, telegram__token=TOKEN, telegram__api_base=base)
    assert found.level is Level.MISTAKE
    assert TOKEN not in found.sentence


async def test_a_telegram_that_cannot_be_reached_is_a_mistake() -> None:
    found = await finding("telegram", checks.check_telegram, telegram__token=TOKEN, telegram__api_base=nowhere())
    assert found.level is Level.MISTAKE
    assert TOKEN not in found.sentence


@pytest.mark.parametrize(
    ("status", "body", "subject", "level", "words"),
    [
        (401, '{"status": "failure", "code": 401}', "nlu.rasa_token", "mistake", "refuses nlu.rasa_token"),
        (409, '{"status": "failure", "reason": "Conflict"}', "nlu.rasa_url", "mistake", "has no model loaded"),
        (200, "<html>It works!</html>", "nlu.rasa_url", "mistake", "not as a Rasa server does"),
        (200, "[1]", "nlu.rasa_url", "mistake", "not as a Rasa server does"),
        (502, "", "nlu.rasa_url", "mistake", "not as a Rasa server does (status 502)"),
    ],
)
async def test_what_rasa_says_of_itself(
    serve: Serve, status: int, body: str, subject: str, level: str, words: str
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.path_qs == "/status?token=geheim"
        return web.Response(status=status, text=body)

    found = await finding(
        subject, checks.check_rasa, nlu__engine="rasa", nlu__rasa_url=await serve(answer), nlu__rasa_token="geheim"
    )
    assert found.level == level
    assert words in found.sentence
    assert "geheim" not in found.sentence


STRANGERS = ["mood_great", {"mood_unhappy": {"use_entities": []}}, "bot_challenge", "greet", "restart", "nlu_fallback"]


@pytest.mark.parametrize(
    ("intents", "subject", "level", "words"),
    [
        (["greet", {"refund_request": {"use_entities": []}}, "back"], "nlu", "fine", "answers."),
        (
            STRANGERS,
            "nlu.rasa_url",
            "mistake",
            "it knows mood_great, mood_unhappy, bot_challenge, which are no intents",
        ),
        (["greet", "refund_request", "old_a"], "nlu.rasa_url", "note", "an old one: there is no old_a any more"),
        (["greet"], "nlu.rasa_url", "note", "does not know refund_request"),
        (None, "nlu.rasa_url", "note", "cannot be seen"),
        ({"intents": 7}, "nlu.rasa_url", "note", "cannot be seen"),
    ],
    ids=["ours", "another's", "an old one", "an older one", "no domain", "no list"],
)
async def test_whose_model_rasa_has_is_told_by_its_intents(
    serve: Serve, intents: object, subject: str, level: str, words: str
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["token"] == "geheim"
        if request.path == "/status":
            return web.json_response({"model_file": "m.tar.gz", "num_active_training_jobs": 0})
        assert (request.path, request.headers["Accept"]) == ("/domain", "application/json")
        return web.json_response({"intents": intents})

    Path("training").mkdir()
    Path("training/nlu.yml").write_text(
        'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hello\n'
        "- intent: refund_request\n  examples: |\n    - my money back\n"
        "- intent: out_of_scope\n  examples: |\n    - rain\n"
    )
    asked = {"nlu__rasa_url": await serve(answer), "nlu__rasa_token": "geheim", "nlu__training_data": "training"}
    found = await finding(subject, checks.check_rasa, nlu__engine="rasa", **asked)
    assert (found.level, words in found.sentence) == (level, True), found.sentence
    assert "geheim" not in found.sentence


async def test_a_rasa_that_is_not_there_is_a_mistake() -> None:
    found = await finding("nlu.rasa_url", checks.check_rasa, nlu__engine="rasa", nlu__rasa_url=nowhere())
    assert (found.level, "cannot be reached" in found.sentence) == (Level.MISTAKE, True)


async def test_a_wanted_encoder_that_is_not_installed_is_a_mistake_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder.Encoder.shared.cache_clear()
    monkeypatch.setattr(encoder, "PACKAGE", "an_encoder_that_nobody_installed")
    found = await finding("nlu.engine", checks.check_encoder, nlu__engine="semantic")
    assert found.level is Level.MISTAKE
    assert "`make semantic` installs it" in found.sentence
    assert await checks.check_encoder(load()) == []


async def test_an_encoder_that_runs_is_fine() -> None:
    if not encoder.installed():
        missing(encoder.MISSING)
    found = await finding("nlu", checks.check_encoder, nlu__engine="semantic")
    assert found.level is Level.FINE


async def test_what_never_answers_is_given_up(serve: Serve) -> None:
    never = asyncio.Event()

    async def sleep(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    settings = load(
        overrides={
            "nlu.engine": "rasa",
            "nlu.rasa_url": await serve(sleep),
            "playbook": CHECKOUT / "playbook",
            "server.port": 0,
        }
    )
    findings = {each.subject: each for each in await check(settings, patience=0.5)}
    assert findings["rasa"].sentence == "rasa did not answer within 0.5 seconds."


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"/webhooks/rest/": (200, '{"status": "ok"}'), "/status": (200, '{"model_file": "x.tar.gz"}')},
            ["assistant fine: listens on its channel rest", "assistant fine: has a model"],
        ),
        (
            {"/webhooks/rest/": (200, '{"status": "ok"}'), "/status": (401, "{}")},
            ["assistant fine: listens", "assistant.rasa_token note: refuses assistant.rasa_token"],
        ),
        (
            {"/webhooks/rest/": (200, '{"status": "ok"}'), "/status": (404, "")},
            ["assistant fine: listens", "assistant.rasa_token note: started without --enable-api"],
        ),
        (
            {"/webhooks/rest/": (200, '{"status": "ok"}'), "/status": (409, "{}")},
            ["assistant fine: listens", "assistant.rasa_url mistake: has no model loaded"],
        ),
        ({"/webhooks/rest/": (404, "")}, ["assistant.rasa_channel mistake: has no channel rest; write `rest:`"]),
        ({"/webhooks/rest/": (403, "")}, ["assistant.webhook_token mistake: does not let us in"]),
        ({"/webhooks/rest/": (200, "<html>")}, ["assistant.rasa_url mistake: not as a channel of Rasa does"]),
        ({"/webhooks/rest/": (502, "")}, ["assistant.rasa_url mistake: (status 502)"]),
    ],
    ids=["well", "another token", "no api", "no model", "no channel", "forbidden", "a page", "a proxy alone"],
)
async def test_what_the_business_s_own_assistant_says_of_itself(
    serve: Serve, answers: dict[str, tuple[int, str]], expected: list[str]
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        status, body = answers[request.path]
        return web.Response(status=status, text=body)

    secrets = {"assistant.rasa_token": "geheim", "assistant.webhook_token": "auch geheim"}
    settings = load(overrides={"assistant.engine": "rasa", "assistant.rasa_url": await serve(answer)} | secrets)
    found = await checks.check_assistant(settings)
    assert len(found) == len(expected)
    for each, sentence in zip(found, expected, strict=True):
        about, _, words = sentence.partition(": ")
        assert f"{each.subject} {each.level}" == about
        assert words in each.sentence
        assert "geheim" not in each.sentence
    assert set(asked) == {"GET"}, "it is told nothing"


async def test_an_assistant_that_is_not_there_is_a_mistake_and_without_one_nobody_asks() -> None:
    overrides = {"assistant.engine": "rasa", "assistant.rasa_url": nowhere(), "assistant.rasa_token": "geheim"}
    (found,) = await checks.check_assistant(load(overrides=overrides))
    assert (found.level, found.subject) == (Level.MISTAKE, "assistant.rasa_url")
    assert "geheim" not in found.sentence
    assert await checks.check_assistant(load()) == []


TRAINING = 'version: "3.1"\nnlu:\n- intent: greet\n  metadata:\n    interaction: 7\n  examples: |\n    - hello\n'


@pytest.mark.parametrize(
    ("content", "level", "words"),
    [
        (None, Level.NOTE, "it will begin as a copy of ours"),
        (TRAINING, Level.FINE, "1 examples of 1 intents, 1 of them reviewed messages"),
        ("nlu: 3\n", Level.MISTAKE, "a.yml:1"),
    ],
    ids=["none", "well", "broken"],
)
async def test_the_business_s_own_training_files_are_looked_at(
    tmp_path: Path, content: str | None, level: Level, words: str
) -> None:
    folder = tmp_path / "training"
    if content is not None:
        folder.mkdir()
        (folder / "a.yml").write_text(content)
    found = (await checks.check_training(load(overrides={"nlu.training_data": folder})))[0]
    assert (found.level, found.subject) == (level, "nlu.training_data")
    assert words in found.sentence
    assert folder.exists() == (content is not None), "looking changes nothing"
