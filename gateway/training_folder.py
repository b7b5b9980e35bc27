"""The folder of training files: the product's own, or the business's, which reviewed messages are added to."""

from __future__ import annotations

import shutil
import tempfile
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
        _begin(folder)
    return folder


def _begin(folder: Path) -> None:
    """All at once, so that a process that starts beside us does not learn from half of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    try:
        shutil.copytree(OURS, copy, dirs_exist_ok=True)
        copy.chmod(0o755)
        copy.rename(folder)
    except OSError:
        if any(folder.rglob("*.yml")):
            return  # another process was faster
        shutil.copytree(OURS, folder, dirs_exist_ok=True)  # a volume that is mounted there cannot be replaced
    finally:
        shutil.rmtree(copy, ignore_errors=True)
