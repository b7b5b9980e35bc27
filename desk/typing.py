"""Typing: whom an agent's writing may be shown to."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from storage.commits import Transaction
from storage.contacts import Address
from storage.conversations import Conversation, ConversationState, Owner
from storage.deliveries import Delivery


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Who waits for the words that are being written."""

    channel: str
    uri: str


def shown_to(transaction: Transaction, *, conversation: int, by: str) -> Reader | None:
    """The customer, where `by` speaks with them; a colleague who only looks, or drafts a note, is not seen."""
    row = transaction.connection.execute(
        select(Conversation.channel, Address.uri)
        .join(Address, Address.id == Conversation.address_id)
        .where(
            Conversation.id == conversation,
            Conversation.state == ConversationState.OPEN,
            Conversation.owner == Owner.AGENT,
            Conversation.agent == by,
        )
    ).one_or_none()
    return None if row is None else Reader(channel=row.channel, uri=row.uri)


def conversation_at(transaction: Transaction, *, channel: str, uri: str) -> int | None:
    """The open Conversation of whoever writes at this address: the newest, where there are several threads."""
    return transaction.connection.scalar(
        select(Conversation.id)
        .join(Address, Address.contact_id == Conversation.contact_id)
        .where(Address.uri == uri, Conversation.channel == channel, Conversation.state == ConversationState.OPEN)
        .order_by(Conversation.id.desc())
        .limit(1)
    )


def touched_by(transaction: Transaction, *, channel: str, external_ids: list[str]) -> set[int]:
    """The Conversations of Deliveries, by the provider's ids for them."""
    found = transaction.connection.scalars(
        select(Delivery.conversation_id).where(Delivery.channel == channel, Delivery.external_id.in_(external_ids))
    )
    return {conversation for conversation in found if conversation is not None}
