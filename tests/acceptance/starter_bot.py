"""Conversations with Rasa's starter bot, which are led with a stand-in for it and with the real one alike."""

from __future__ import annotations

from typing import Any

from desk import conversations
from nlu.understanding import Language
from storage.conversations import Conversation, Owner
from tests.acceptance.tea_house import TeaHouse, Visitor, wording
from tests.acceptance.test_sms import Phone
from tests.waiting import until

GREETING = "Hey! How are you?"
GREAT, SAD = "great", "super sad"
"""The buttons under it."""
CHEERING, QUESTION = "Here is something to cheer you up:", "Did that help you?"


def behind(url: str, **more: object) -> dict[str, Any]:
    """The settings of a house whose assistant is there."""
    return {"engine": "rasa", "rasa_url": url, **more}


async def cheered_up(visitor: Visitor, hello: str, cat: str) -> list[dict[str, Any]]:
    """Says hello by web chat, presses the second button and gets a picture; the frames of it all."""
    await visitor.write(hello)
    (greeting,) = await visitor.replies()
    assert greeting["text"] == GREETING
    assert [button["label"] for button in greeting["buttons"]] == [GREAT, SAD]
    cheering, picture, question = await press(visitor, greeting["buttons"][1]["value"])
    assert [cheering["text"], question["text"]] == [CHEERING, QUESTION]
    assert [(each["kind"], each["url"]) for each in picture["attachments"]] == [("image", cat)]
    assert picture["text"] == ""
    return [greeting, cheering, picture, question]


async def cheered_up_by_text_message(phone: Phone, cat: str) -> None:
    """The same by text message: the number chooses, and the picture is a link."""
    assert (await answer(phone, "hello")).startswith(f"{GREETING}\n\n1. {GREAT}\n2. {SAD}\n")
    assert await answer(phone, "2") == f"{CHEERING}\n\n{cat}\n\n{QUESTION}"


async def handed_over_and_back(house: TeaHouse, visitor: Visitor, ask: str, *, said: str, reason: str) -> None:
    """The bot hands over: people have the conversation, and it says nothing until they give it back."""
    handed = await visitor.ask(ask)
    assert handed.startswith(f"{said}\n")
    assert wording("handoff.assistant", Language.EN).search(handed)
    conversation = house.rows(Conversation)[-1]
    assert (conversation["owner"], conversation["handoff_reason"]) == (Owner.QUEUE, "assistant")
    assert reason in conversation["handoff_summary"]
    assert await visitor.ask("hi?") == ""
    commits, number = house.gateway.commits, conversation["id"]
    await commits.run(lambda transaction: conversations.take(transaction, conversation=number, by="Mei"))
    assert await visitor.ask("hi?") == "", "an agent has it"
    await commits.run(lambda transaction: conversations.handback(transaction, conversation=number, by="Mei"))


async def press(visitor: Visitor, value: str) -> list[dict[str, Any]]:
    visitor.count += 1
    status, answers = await visitor.send({"type": "press", "id": f"m{visitor.count}", "value": value})
    assert status == 200, answers
    await visitor.house.gateway.settle()
    return await visitor.replies()


async def answer(phone: Phone, text: str) -> str:
    """What comes back to a text message."""
    count = len(phone.heard())
    await phone.say(text)
    await until(lambda: len(phone.heard()) > count, within=60)
    return phone.heard()[-1]
