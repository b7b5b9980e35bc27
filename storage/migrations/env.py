"""Alembic's entry: runs on the connection that `storage.migrations.migrate` hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from storage.everything import Entity
from storage.schema import Money, Words


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A migration speaks of columns as they are, not of the enums that our code reads into them today."""
    if kind == "type" and isinstance(item, Words):
        return "sa.String(length=32)"
    if kind == "type" and isinstance(item, Money):
        return "sa.BigInteger()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Entity.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
