"""A table of the settings' file."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Unknown keys are mistakes, and nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)
