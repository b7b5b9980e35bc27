"""The playbook's files on disk; what they mean is `bot.playbook`'s affair."""

from __future__ import annotations

from pathlib import Path

from bot.located import Mistake
from bot.playbook import Playbook, PlaybookMistakes, load

KINDS = frozenset({".yml", ".yaml", ".md"})


def load_playbook(folder: Path) -> Playbook:
    """Read and check a folder. Raises PlaybookMistakes, for a file that cannot be read as well."""
    return load(read_files(folder))


def read_files(folder: Path) -> dict[str, str]:
    """Relative path, with `/`, to content, in order of path. Raises PlaybookMistakes."""
    files: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix not in KINDS or not path.is_file() or any(part.startswith(".") for part in name.split("/")):
            continue
        try:
            files[name] = path.read_text("utf-8-sig")
        except UnicodeDecodeError as exc:
            line = path.read_bytes()[: exc.start].count(b"\n") + 1
            mistakes.append(Mistake(file=name, line=line, sentence="this line is not UTF-8 text."))
        except OSError as exc:
            mistakes.append(Mistake(file=name, line=1, sentence=f"the file cannot be read ({exc.strerror})."))
    if mistakes:
        raise PlaybookMistakes(mistakes)
    return files
