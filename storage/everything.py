"""All entities in one import, for migrations and whoever needs the whole metadata."""

from storage import (
    cases,
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
    orders,
)
from storage.schema import Entity

__all__ = [
    "Entity",
    "cases",
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
    "orders",
]
