"""Fixtures of the proofs."""

from __future__ import annotations

from tests.acceptance.house import small_house

__all__ = ["small_house"]
