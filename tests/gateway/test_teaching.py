"""A reviewed message becomes an example, once, without what is personal, and not against what is taught."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest

from desk import reviewing
from desk.refusals import Ended, NotFound, Unusable
from gateway import reach
from gateway.teaching import Decision, Teaching
from nlu import training
from nlu.entities import Entities
from storage.commits import Transaction
from storage.reviews import ReviewState
from tests.clock import FrozenClock
from tests.gateway.desk_house import House, open_house
from tests.nlu.shop import CATALOGUE

P = ParamSpec("P")
R = TypeVar("R")

DATA = """version: "3.1"
nlu:
- intent: refund_request
  examples: |
    - I want my money back
- intent: exchange_request
  examples: |
    - please exchange my order today
"""


class Reached(reach.House):
    """The house of the tests, as a terminal reaches it."""

    running = True

    def __init__(self, house: House) -> None:
        self.house = house

    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        return await self.house.do(verb, *args, **arguments)


class Loses(Reached):
    """A connection that is lost when the review is to be closed."""

    async def do(self, verb: Callable[Concatenate[Transaction, P], R], *args: P.args, **arguments: P.kwargs) -> R:
        if verb is reviewing.accept:
            raise reach.NotReached("the running gateway does not answer")
        return await super().do(verb, *args, **arguments)


@pytest.fixture
async def house(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[House]:
    async with open_house(migrated_url, tmp_path, clock, monkeypatch) as running:
        running.hears.intent = ""
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "training"
    folder.mkdir()
    (folder / "a.yml").write_text(DATA)
    return folder


@pytest.fixture
def teaching(folder: Path, tmp_path: Path) -> Teaching:
    return Teaching(folder, lock=tmp_path / "data" / "reviewing.lock", entities=Entities(catalogue=CATALOGUE))


async def doubted(house: House, text: str) -> int:
    """A customer writes, and an agent says that it was not understood rightly."""
    message = await house.write(text)
    await house.do(reviewing.correct, interaction=message, intent="refund_request", by="bob")
    return message


def decision(interaction: int, intent: str = "refund_request", **more: Any) -> Decision:
    return Decision(interaction=interaction, intent=intent, by="mei", **more)


def learnt(folder: Path) -> list[tuple[str, str, str]]:
    examples = training.read(folder).examples
    return [(one.file, one.intent, one.text) for one in examples if one.file != "a.yml"]


async def test_a_message_is_taught_with_its_source_and_its_review_is_closed(
    house: House, teaching: Teaching, folder: Path
) -> None:
    message = await doubted(house, "the Longjing came mouldy, give me a refund")
    done = await teaching.teach(Reached(house), decision(message))
    assert (done.state, done.intent, done.place) == (ReviewState.ACCEPTED, "refund_request", "en/reviewed.yml:11")
    assert done.example == "the [Longjing](product) came mouldy, give me a refund"
    (example,) = [one for one in training.read(folder).examples if one.file != "a.yml"]
    assert (example.source["interaction"], example.source["by"]) == (str(message), "mei")


async def test_what_is_personal_is_not_kept(house: House, teaching: Teaching, folder: Path) -> None:
    message = await doubted(house, "refund SL20260012, call 13912345678 or anna@corp.cn")
    done = await teaching.teach(Reached(house), decision(message))
    content = (folder / "en" / "reviewed.yml").read_text("utf-8")
    for secret in ("SL20260012", "13912345678", "anna@corp.cn"):
        assert secret not in content
        assert secret not in (done.example or "")
    assert [kind in content for kind in ("(order_number)", "(phone)", "(email)")] == [True] * 3


async def test_the_reviewers_own_words_and_marks_are_kept(house: House, teaching: Teaching, folder: Path) -> None:
    message = await doubted(house, "Hi, Anna Schmidt here, long story, my rosy tea leaked and I want it paid back")
    done = await teaching.teach(
        Reached(house),
        decision(message, text="my rosy tea leaked\nand I want it paid back", marks=(("rosy tea", "product"),)),
    )
    assert done.example == "my [rosy tea](product) leaked and I want it paid back"
    assert "Anna" not in (folder / "en" / "reviewed.yml").read_text("utf-8")


async def test_words_that_are_known_already_are_not_written_again(
    house: House, teaching: Teaching, folder: Path
) -> None:
    message = await doubted(house, "I WANT MY MONEY BACK!!")
    done = await teaching.teach(Reached(house), decision(message))
    assert (done.state, done.place) == (ReviewState.ACCEPTED, "a.yml:5")
    assert learnt(folder) == []


async def test_what_contradicts_the_training_data_is_not_taught(house: House, teaching: Teaching, folder: Path) -> None:
    message = await doubted(house, "I want my money back!")
    with pytest.raises(
        Unusable, match=r"taught as refund_request: “I want my money back” \(a\.yml:5\); change it there"
    ):
        await teaching.teach(Reached(house), decision(message, "exchange_request", anyway=True))
    assert (learnt(folder), (await house.do(reviewing.waiting)).waiting) == ([], 1)


async def test_what_nearly_contradicts_it_is_taught_only_on_purpose(
    house: House, teaching: Teaching, folder: Path
) -> None:
    message = await doubted(house, "please change my order today")
    with pytest.raises(Unusable, match="--anyway"):
        await teaching.teach(Reached(house), decision(message))
    await teaching.teach(Reached(house), decision(message, anyway=True))
    assert learnt(folder) == [("en/reviewed.yml", "refund_request", "please change my order today")]


async def test_a_crash_between_file_and_database_is_made_good_by_accepting_again(
    house: House, teaching: Teaching, folder: Path
) -> None:
    message = await doubted(house, "the pot broke so pay me back")
    with pytest.raises(reach.NotReached):
        await teaching.teach(Loses(house), decision(message))
    assert (len(learnt(folder)), (await house.do(reviewing.waiting)).waiting) == (1, 1)
    done = await teaching.teach(Reached(house), decision(message))
    assert (done.place, len(learnt(folder))) == ("en/reviewed.yml:11", 1)


async def test_a_folder_that_cannot_be_written_to_is_named_with_what_helps(
    house: House, teaching: Teaching, folder: Path
) -> None:
    message = await doubted(house, "the pot broke so pay me back")
    (folder / "en").write_text("not a folder")
    with pytest.raises(Unusable, match=r"training cannot be written to .* as nlu\.training_data"):
        await teaching.teach(Reached(house), decision(message))
    assert (await house.do(reviewing.waiting)).waiting == 1


async def test_a_message_is_taught_once(house: House, teaching: Teaching, folder: Path) -> None:
    message = await doubted(house, "the pot broke so pay me back")
    await teaching.teach(Reached(house), decision(message))
    with pytest.raises(Ended, match="mei accepted message"):
        await teaching.teach(Reached(house), decision(message, "exchange_request"))
    with pytest.raises(NotFound):
        await teaching.teach(Reached(house), decision(99))
    assert len(learnt(folder)) == 1


async def test_what_cannot_be_taught_is_refused_in_a_sentence(house: House, teaching: Teaching, folder: Path) -> None:
    cases: dict[str, dict[str, Any]] = {
        "did you mean refund_request": {"intent": "refund"},
        "there are exchange_request, refund_request": {"intent": "sing"},
        "600 characters, and an example at most 500": {"text": "pay" * 200},
        "no words to learn from": {"text": "!!!"},
        "does not stand in the message": {"marks": (("coffee", "product"),)},
    }
    message = await doubted(house, "pay me back")
    for sentence, more in cases.items():
        with pytest.raises(Unusable, match=sentence):
            await teaching.teach(Reached(house), decision(message, **more))
    assert learnt(folder) == []


async def test_whoever_reviews_is_told_of_the_customers_name(house: House, teaching: Teaching) -> None:
    message = await doubted(house, "Anna Schmidt wants to be paid back")
    review = (await house.do(reviewing.look, interaction=message)).review

    proposal = teaching.propose(replace(review, name="Anna Schmidt"), decision(message))
    assert proposal.remarks == ("the customer's name, Anna Schmidt, stands in it; --text keeps other words instead",)
    assert teaching.propose(review, decision(message)).remarks == ()


async def test_chinese_goes_with_the_chinese_files(house: House, teaching: Teaching, folder: Path) -> None:
    message = await doubted(house, "把錢還給我啦，謝謝")
    done = await teaching.teach(Reached(house), decision(message))
    assert (done.place or "").startswith("zh/reviewed.yml:")


async def test_broken_training_data_is_told_with_file_and_line(house: House, teaching: Teaching, folder: Path) -> None:
    message = await doubted(house, "pay me back")
    (folder / "a.yml").write_text("nlu: 3\n")
    with pytest.raises(training.TrainingDataMistakes, match=r"a\.yml:1"):
        await teaching.teach(Reached(house), decision(message))
