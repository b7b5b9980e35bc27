"""Writing in a conversation: five seconds to think better of it, drafts that stay, files, what a channel carries."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import FormData

from storage.conversations import Conversation, ConversationState
from storage.deliveries import Delivery
from storage.drafts import Draft
from storage.interactions import Interaction
from storage.mentions import Mention
from tests.clock import FrozenClock
from tests.web.console.people import Console, Person, Seen
from tests.web.console.talkers import channel, open_talks, talk_with

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
PIECE = {"HX-Request": "true"}


@pytest.fixture
async def talks(
    migrated_url: str, tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Console]:
    async with open_talks(migrated_url, tmp_path, clock, monkeypatch) as opened:
        yield opened


def newest(talks: Console) -> int:
    return max(row["id"] for row in talks.house.rows(Interaction))


async def say(talks: Console, person: Person, talk: int, text: str, **more: str) -> Seen:
    return await person.post(
        f"/console/conversations/{talk}/reply", {"text": text, "seen": str(newest(talks)), **more}, PIECE
    )


async def attach(person: Person, talk: int, name: str, content: bytes, stated: str = "image/png") -> int:
    form = FormData(quote_fields=False)
    form.add_field("file", content, filename=name, content_type=stated)
    answer = await person.client.post(
        f"/console/conversations/{talk}/files",
        data=form,
        headers={"Origin": person.origin, "X-CSRF-Token": person.csrf},
    )
    return answer.status


async def test_what_was_sent_can_be_taken_back_for_five_seconds_and_is_a_draft_again(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    assert (await say(talks, ben, talk, "It is **lost**.")).status == 200
    sent = newest(talks)
    thread = await ben.get(f"/console/conversations/{talk}/lines")
    assert 'data-seconds="5"' in thread.html
    talks.house.clock.advance(4.9)
    await talks.house.gateway.settle()
    back = await ben.post(f"/console/conversations/{talk}/undo", {"interaction": str(sent)}, PIECE)
    assert "It is **lost**." in back.html, "as it was written, to be mended"
    await talks.house.later(60)
    assert all("lost" not in message.text for message in channel(talks, "webchat").sent)
    (delivery,) = [row for row in talks.house.rows(Delivery) if row["interaction_id"] == sent]
    assert (delivery["status"], delivery["attempts"]) == ("skipped", 0)
    assert "taken back" in (await ben.get(f"/console/conversations/{talk}/lines")).words


async def test_what_has_left_is_not_taken_back_and_it_says_so(talks: Console) -> None:
    ben, eve = await talks.staff("Ben", "agent"), await talks.staff("Eve", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    await say(talks, ben, talk, "It comes on Friday.")
    sent = newest(talks)
    others = await eve.post(f"/console/conversations/{talk}/undo", {"interaction": str(sent)})
    assert others.status == 404, "nobody takes a colleague's word back"
    await talks.house.later(5)
    assert channel(talks, "webchat").sent[-1].text == "It comes on Friday."
    late = await ben.post(f"/console/conversations/{talk}/undo", {"interaction": str(sent)}, PIECE)
    assert late.status == 409
    assert "It has left already" in late.words


async def test_a_draft_is_there_again_for_its_writer_alone_until_it_is_sent(talks: Console) -> None:
    ben, eve = await talks.staff("Ben", "agent"), await talks.staff("Eve", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    kept = await ben.post(f"/console/conversations/{talk}/draft", {"text": "half a sen", "seen": str(newest(talks))})
    assert "Draft kept" in kept.words
    elsewhere = talks.somebody()
    await elsewhere.log_in("ben@shop.test")
    assert "half a sen</textarea>" in (await elsewhere.get(f"/console/conversations/{talk}")).html
    assert "half a sen" not in (await eve.get(f"/console/conversations/{talk}")).html
    await say(talks, ben, talk, "half a sentence")
    assert talks.house.rows(Draft) == []


async def test_a_draft_knows_what_had_been_said_when_it_was_begun(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    place = f"/console/conversations/{talk}"
    await ben.post(f"{place}/draft", {"text": "We look", "seen": str(newest(talks))})
    await channel(talks, "webchat").bring("it has come", sender="ann", clock=talks.house.clock)
    await talks.house.gateway.settle()
    again = await ben.get(place)  # after a break, in a new tab
    seen = re.search(r'name="seen" value="(\d+)"', again.html)
    assert seen is not None
    refused = await ben.post(f"{place}/reply", {"text": "We look into it", "seen": seen.group(1)}, PIECE)
    assert refused.status == 409
    assert "New since you began" in refused.words
    assert "We look into it</textarea>" in refused.html
    seen = re.search(r'name="seen" value="(\d+)"', refused.html)
    assert seen is not None
    assert (await ben.post(f"{place}/reply", {"text": "Good!", "seen": seen.group(1)}, PIECE)).status == 200


async def test_what_was_refused_is_a_draft_though_nothing_kept_it_before(talks: Console) -> None:
    ben, eve = await talks.staff("Ben", "agent"), await talks.staff("Eve", "supervisor")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    place, seen = f"/console/conversations/{talk}", str(newest(talks))
    await channel(talks, "webchat").bring("it has come", sender="ann", clock=talks.house.clock)
    await talks.house.gateway.settle()
    assert (await ben.post(f"{place}/reply", {"text": "We look", "seen": seen}, PIECE)).status == 409
    again = await ben.get(place)
    assert "We look</textarea>" in again.html
    assert "it has come" in again.words
    assert f'name="seen" value="{newest(talks)}"' in again.html, "its writer was shown what is new"
    seen = str(newest(talks))
    await eve.post(f"{place}/take", {"from_colleague": "1"})
    assert (await ben.post(f"{place}/reply", {"text": "We look!", "seen": seen}, PIECE)).status == 409
    assert "We look!</textarea>" in (await ben.get(place)).html
    assert len(talks.house.rows(Draft)) == 1


async def test_a_reply_whose_answer_was_lost_is_not_said_twice(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    seen = str(newest(talks))
    for _ in range(2):
        assert (await say(talks, ben, talk, "It *left* today.", seen=seen)).status == 200
    assert (await say(talks, ben, talk, "It *left* today.")).status == 200, "whoever has read it may say it again"
    await talks.house.later(60)
    await talks.house.later(60)
    assert [each.text for each in channel(talks, "webchat").sent][-2:] == ["It left today."] * 2
    assert len(channel(talks, "webchat").sent) == 3


async def test_files_go_along_where_the_channel_carries_them(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "how does it look?", by="Ben")
    assert await attach(ben, talk, "../../tea <b>.png", PNG) == 200
    assert (await say(talks, ben, talk, "")).status == 200, "a picture needs no words"
    await talks.house.later(5)
    (file,) = channel(talks, "webchat").sent[-1].attachments
    assert (file.kind, file.name, file.content_type) == ("image", "tea <b>.png", "image/png")
    assert "<b>.png" not in (await ben.get(f"/console/conversations/{talk}")).html


async def test_files_that_a_channel_does_not_carry_are_refused_before_they_are_sent(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    texts = await talk_with(talks, "sms", "how does it look?", by="Ben")
    assert 'type="file"' not in (await ben.get(f"/console/conversations/{texts}")).html
    await attach(ben, texts, "tea.png", PNG)
    refused = await say(talks, ben, texts, "Like this")
    assert refused.status == 409
    assert "carries no files" in refused.words
    chat = await talk_with(talks, "webchat", "and here?", by="Ben", sender="bob")
    await attach(ben, chat, "large.bin", b"x" * 1_000_001, "application/zip")
    assert "larger than this channel carries" in (await ben.get(f"/console/conversations/{chat}/reply")).words
    assert (await say(talks, ben, chat, "Here")).status == 409


async def test_a_mail_of_a_person_is_a_letter_in_its_thread(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    more = {"name": "Ann Berg", "message_id": "a1@example.org", "subject": "My order", "thread": "t1"}
    talk = await talk_with(talks, "mail", "where is it?", by="Ben", **more)
    said = await ben.post(f"/console/conversations/{talk}/draft", {"text": "It *left* today.", "seen": "1"})
    assert "Hello Ann Berg," in said.words
    await say(talks, ben, talk, "It *left* today.")
    await talks.house.later(5)
    mail = channel(talks, "mail").sent[-1]
    assert mail.text == "Hello Ann Berg,\n\nIt left today.\n\nKind regards,\nBen\nShanlan Tea"
    assert mail.markup == "Hello Ann Berg,\n\nIt *left* today.\n\nKind regards,\nBen\nShanlan Tea"
    assert (mail.subject, mail.reply_to, mail.thread) == ("Re: My order", "a1@example.org", "t1")
    await say(talks, ben, talk, "Dear Ann,\n\nit has come.\n\nBest wishes\nBen")
    await talks.house.later(5)
    assert channel(talks, "mail").sent[-1].text == "Dear Ann,\n\nit has come.\n\nBest wishes\nBen"


async def test_what_a_text_message_costs_is_said_while_it_is_typed(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "sms", "where is it?", by="Ben")
    typed = await ben.post(f"/console/conversations/{talk}/draft", {"text": "It’s **lost** 😀" + "a" * 70, "seen": "1"})
    assert "UCS-2, 81 characters, 2 segments" in typed.words
    assert "costs 0.10 CNY" in typed.words
    assert "because of: ’ 😀" in typed.words
    assert "bold" in typed.words, "no text message shows it"


async def test_whoever_a_note_names_is_told_until_they_look(talks: Console) -> None:
    ben, eve = await talks.staff("Ben", "agent"), await talks.staff("Eve", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    noted = await ben.post(f"/console/conversations/{talk}/note", {"text": "@eve 你知道吗? not eve@shop.test"}, PIECE)
    assert noted.status == 200
    (mention,) = talks.house.rows(Mention)
    assert (mention["by"], mention["conversation_id"], mention["seen_at"]) == ("Ben", talk, None)
    await eve.get(f"/console/conversations/{talk}")
    assert talks.house.rows(Mention)[0]["seen_at"] == talks.house.clock.now()
    assert all("你知道吗" not in message.text for message in channel(talks, "webchat").sent)


async def test_what_became_a_note_is_no_draft_however_much_of_it_was_kept_while_it_was_typed(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    place = f"/console/conversations/{talk}"
    await ben.post(f"{place}/draft", {"text": "@e", "kind": "note", "seen": str(newest(talks))})
    await ben.post(f"{place}/note", {"text": "@eve look"}, PIECE)
    assert talks.house.rows(Draft) == []
    await ben.post(f"{place}/draft", {"text": "She wants", "seen": str(newest(talks))})
    back = await ben.post(f"{place}/handback", {"text": "She wants it on Friday"}, PIECE)
    assert "She wants it on Friday" in (await ben.get(f"{place}/lines")).words
    assert "She wants" not in back.html
    assert talks.house.rows(Draft) == []


async def test_a_conversation_that_was_over_goes_on_with_whoever_opens_it_again(talks: Console) -> None:
    ben = await talks.staff("Ben", "agent")
    talk = await talk_with(talks, "webchat", "where is it?", by="Ben")
    await ben.post(f"/console/conversations/{talk}/resolve")
    talks.house.clock.advance(timedelta(minutes=5).total_seconds())
    assert (await ben.post(f"/console/conversations/{talk}/reopen")).status == 303
    row = next(row for row in talks.house.rows(Conversation) if row["id"] == talk)
    assert (row["state"], row["agent"]) == (ConversationState.OPEN, "Ben")
    await ben.post(f"/console/conversations/{talk}/resolve")
    await talk_with(talks, "webchat", "hello again")
    refused = await ben.post(f"/console/conversations/{talk}/reopen")
    assert refused.status == 409
    assert "newer conversation" in refused.words
