"""Fixtures of the proofs."""

from __future__ import annotations

from tests.acceptance.house import small_house
from tests.acceptance.open_doors import both, house, http

__all__ = ["both", "house", "http", "small_house"]
