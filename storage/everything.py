"""All entities in one import, for migrations and whoever needs the whole metadata."""

from storage import (
    address_news,
    blobs,
    cases,
    channel_states,
    consents,
    contacts,
    conversations,
    deliveries,
    follow_ups,
    interactions,
    keys,
    lanes,
    link_codes,
    media,
    message_parts,
    orders,
    reviews,
)
from storage.schema import Entity

__all__ = [
    "Entity",
    "address_news",
    "blobs",
    "cases",
    "channel_states",
    "consents",
    "contacts",
    "conversations",
    "deliveries",
    "follow_ups",
    "interactions",
    "keys",
    "lanes",
    "link_codes",
    "media",
    "message_parts",
    "orders",
    "reviews",
]
