"""From a message that was not understood to one that is: through the terminal, beside the running house."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from gateway.cli import app
from gateway.lock import DataLock
from gateway.relearning import Relearning
from gateway.training_folder import OURS
from nlu import training
from tests.acceptance.tea_house import PLAYBOOK, TeaHouse, Visitor, open_tea_house

TOKEN = "only the lock file tells it"
LOST = "qwrtz plmk vbnx dfghj"
"""Letters that nobody has taught."""
TAUGHT = ("greet", "thank", "refund_request", "order_status", "out_of_scope")


@dataclass
class Shop:
    """A tea house with a customer in it and a terminal beside it."""

    house: TeaHouse
    visitor: Visitor
    training: Path

    async def run(self, *arguments: str, typed: str = "") -> tuple[int, str]:
        """A command as an agent types it; its exit status and what it prints."""
        environment = {
            "RAPPORT_PLAYBOOK": str(PLAYBOOK),
            "RAPPORT_NLU__TRAINING_DATA": str(self.training),
            "RAPPORT_SETTINGS": "",
            "COLUMNS": "200",
        }
        folder = str(self.house.settings.data_dir)
        result = await asyncio.to_thread(
            CliRunner(env=environment).invoke, app, ["--data-dir", folder, *arguments], input=typed
        )
        return result.exit_code, result.output

    async def json(self, *arguments: str) -> Any:
        status, said = await self.run(*arguments, "--json")
        assert status == 0, said
        return json.loads(said)

    def learnt(self) -> list[tuple[str, str]]:
        examples = training.read(self.training).examples
        return [(one.intent, one.text) for one in examples if one.file.endswith("reviewed.yml")]


async def open_shop(folder: Path, models: Path, stack: AsyncExitStack) -> Shop:
    own = folder / "training"
    house = await stack.enter_async_context(open_tea_house(folder, models, nlu={"training_data": own}))
    server = TestServer(house.gateway.application(internal_token=TOKEN))
    await server.start_server()
    stack.push_async_callback(server.close)
    lock = stack.enter_context(DataLock(house.settings.data_dir))
    lock.tell(url=str(server.make_url("")).rstrip("/"), token=TOKEN)
    http = await stack.enter_async_context(ClientSession())
    return Shop(house, await Visitor(house, http).visit(), own)


@pytest.fixture
async def shop(tmp_path: Path, trained_models: Path) -> AsyncGenerator[Shop]:
    async with AsyncExitStack() as stack:
        yield await open_shop(tmp_path, trained_models, stack)


async def test_what_was_not_understood_is_listed_taught_and_gone_from_the_list(shop: Shop) -> None:
    await shop.visitor.ask(LOST)
    (waiting,) = (await shop.json("nlu", "review", "--list"))["reviews"]
    assert (waiting["text"], waiting["why"], waiting["channel"]) == (LOST, "fell_through", "webchat")
    number = str(waiting["interaction"])
    status, listed = await shop.run("nlu", "review", "--list")
    assert (status, LOST in listed, "not understood" in listed) == (0, True, True)

    accepted = await shop.json(
        "nlu", "review", "--accept", number, "--intent", "refund_request", "--entity", "plmk=product", "--as", "mei"
    )
    assert (accepted["state"], accepted["decided_by"]) == ("accepted", "mei")
    assert accepted["example"] == "qwrtz [plmk](product) vbnx dfghj"
    assert shop.learnt() == [("refund_request", LOST)]
    assert OURS not in shop.training.parents, "ours is not written to"
    assert (await shop.json("nlu", "review", "--list"))["reviews"] == []
    status, said = await shop.run("nlu", "review")
    assert (status, said) == (0, "Nothing waits for a review.\n")
    status, said = await shop.run("nlu", "review", "--accept", number, "--intent", "greet")
    assert status == 1
    assert "mei accepted message" in said


async def test_an_agent_corrects_what_was_surely_understood_wrongly(shop: Shop) -> None:
    await shop.visitor.ask("hello")
    thread = await shop.json("show", "1")
    number = str(thread["lines"][0]["id"])
    status, said = await shop.run("correct", number, "complain")
    assert status == 2
    assert "complain is none of" in said
    corrected = await shop.json("correct", number, "bot_identity", "--as", "mei")
    assert (corrected["why"], corrected["suggested"], corrected["suggested_by"]) == ("corrected", "bot_identity", "mei")
    assert corrected["understood"]["intents"][0][0] == "greet"

    status, said = await shop.run("nlu", "review", "--accept", number, "--intent", "bot_identity")
    assert status == 1
    assert "the same words are taught as greet: “hello”" in said
    status, said = await shop.run("nlu", "review", "--discard", number)
    assert (status, said) == (0, f"Message {number} is discarded.\n")


async def test_one_after_the_other_in_the_terminal(shop: Shop) -> None:
    for text in (LOST, "zxcvk wqrt pljh gfd"):
        await shop.visitor.ask(text)
    numbers = [one["interaction"] for one in (await shop.json("nlu", "review", "--list"))["reviews"]]
    assert numbers
    await shop.json("correct", str(numbers[0]), "anger", "--as", "bob")

    status, said = await shop.run("nlu", "review", "--as", "mei", typed="q\n")
    assert status == 0
    assert LOST in said
    assert "1  anger  (bob says so)" in said
    typed = ["i", "nonsense", "m nothing", "m moon=colour", "1", "m vbnx=product", "t plmk vbnx", "1", "y"]
    status, said = await shop.run("nlu", "review", "--as", "mei", typed="\n".join([*typed, *["d"] * 9]) + "\n")
    assert status == 0, said
    assert "refund_request" in said, "the intents are listed"
    assert "nonsense is no intent of the training data" in said
    assert "is not of the form words=kind" in said
    assert "is no entity" in said
    assert "It would be kept as anger: plmk [vbnx](product)" in said
    assert shop.learnt() == [("anger", "plmk vbnx")]
    assert (await shop.json("nlu", "review", "--list"))["waiting"] == 0


async def test_a_customers_words_do_not_steer_the_terminal(shop: Shop) -> None:
    await shop.visitor.ask(f"{LOST} \x1b[2J[bold]x[/bold]")
    for arguments in (["--list"], []):
        status, said = await shop.run("nlu", "review", *arguments, typed="q\n")
        assert (status, "\x1b[2J" in said, "[bold]x[/bold]" in said) == (0, False, True)


async def test_a_report_can_be_had_at_any_time(shop: Shop) -> None:
    await shop.visitor.ask(LOST)
    drawn = shop.house.settings.data_dir / "report.svg"
    report = await shop.json("nlu", "report", "--quick", "--since", "2026-03-01", "--output", str(drawn))
    week = report["weeks"][0]
    assert (week["messages"], week["fell_through"], week["not_understood"]["share"]) == (1, 1, None)
    assert (report["reviewed"]["waiting"], report["cross_checked"]) == (1, None)
    assert drawn.read_text("utf-8").startswith("<svg")
    status, said = await shop.run("nlu", "report", "--quick", "--since", "2026-03-01")
    assert status == 0
    assert "Nothing to measure yet." in said
    status, said = await shop.run("nlu", "report", "--output", "report.png")
    assert status == 2
    assert "must end in .svg" in said


@pytest.mark.slow
async def test_what_was_taught_is_understood_without_a_restart(tmp_path: Path) -> None:
    own = tmp_path / "training"
    own.mkdir()
    examples = [one for one in training.read(OURS).examples if one.intent in TAUGHT and "[" not in one.text][::3]
    entries = "".join(f"- intent: {one.intent}\n  examples: |\n    - {one.text}\n" for one in examples)
    (own / "few.yml").write_text(f'version: "3.1"\nnlu:\n{entries}', "utf-8")
    (tmp_path / "models").mkdir()
    async with AsyncExitStack() as stack:
        shop = await open_shop(tmp_path, tmp_path / "models", stack)
        for text in (LOST, f"please {LOST}", f"now {LOST}!"):
            interaction = await _say(shop, text)
            done = await shop.json("correct", str(interaction), "order_status")
            number = str(done["interaction"])
            await shop.json("nlu", "review", "--accept", number, "--intent", "order_status", "--anyway")
        engine = shop.house.gateway.engine
        assert isinstance(engine, Relearning)
        (before,) = await engine.understand([LOST])
        await engine.look_again()
        await engine.look_again()
        (after,) = await engine.understand([LOST])
        assert before.model != after.model
        assert before.intent is None or before.intent.name != "order_status" or before.intent.confidence < 0.5
        assert after.intent is not None
        assert (after.intent.name, after.intent.confidence > 0.5) == ("order_status", True)


async def _say(shop: Shop, text: str) -> int:
    await shop.visitor.ask(text)
    conversation = (await shop.json("contact", shop.visitor.address))["timeline"]
    return max(line["id"] for line in conversation if line["author"] == "customer")
