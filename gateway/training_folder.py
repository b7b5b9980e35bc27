"""The folder of training files: the product's own, or the business's, which reviewed messages are added to."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.settings import Settings

OURS = Path(__file__).parent.parent / "nlu" / "rasa" / "data"
"""What the product comes with."""


def training_folder(settings: Settings) -> Path:
    """The folder of `nlu.training_data`, begun as a copy of ours where it holds nothing yet; else ours.

    An installation cannot be written to and is replaced by the next version: a business that teaches needs its own.
    Raises OSError.
    """
    folder = settings.nlu.training_data
    if folder is None:
        return OURS
    if not any(folder.rglob("*.yml")):
        shutil.copytree(OURS, folder, dirs_exist_ok=True)
    return folder
