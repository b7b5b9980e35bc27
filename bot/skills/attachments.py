"""Attachments and addresses without words: acknowledged for what they are."""

from __future__ import annotations

from bot.effects import LearnAboutContact
from bot.heard import Heard
from bot.skill import Skill
from bot.skills import handoff
from bot.talk import Talk
from channels.envelope import Attachment, AttachmentKind


def answer(talk: Talk) -> None:
    attachments = [attachment for message in talk.turn.messages for attachment in message.attachments]
    if not attachments:
        if talk.heard.text:
            handoff.offer_person(talk, "attachment.address")  # the engine has kept it already
        else:
            talk.say("attachment.nothing")
        return
    last = attachments[-1]
    match last.kind:
        case AttachmentKind.IMAGE | AttachmentKind.VIDEO:
            handoff.offer_person(talk, "attachment.picture")
        case AttachmentKind.AUDIO:
            handoff.offer_person(talk, "attachment.voice")
        case AttachmentKind.FILE:
            handoff.offer_person(talk, "attachment.file")
        case AttachmentKind.LOCATION:
            talk.say("attachment.location")
        case AttachmentKind.CONTACT:
            _learn_phone(talk, last)
            talk.say("attachment.contact")
        case AttachmentKind.STICKER:
            talk.say("attachment.sticker")


def _learn_phone(talk: Talk, card: Attachment) -> None:
    phone = "".join(character for character in str(card.data.get("phone_number", "")) if character in "+0123456789")
    if phone.startswith("+") and 8 <= len(phone) <= 16:
        talk.act(LearnAboutContact(addresses=(f"tel:{phone}",)))


def is_only_an_address(heard: Heard) -> bool:
    """A phone number or a mail address, and nothing said with it."""
    rest = heard.text
    for entity in heard.entities:
        if entity.kind in {"phone", "email"}:
            rest = rest.replace(entity.text, "")
    return len(rest) < len(heard.text) and not any(character.isalnum() for character in rest)


SKILL = Skill(name="attachments", answer=answer)
