"""The business's own pages around the HTML of its mails: `mail/<language>.html` in the playbook, where it has any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.located import Mistake
from bot.playbook import PlaybookMistakes
from channels.mail.layout import LAYOUTS, Layout, Misshapen, with_pages

FOLDER: Final = "mail"
LARGEST: Final = 100_000
"""Bytes: the page goes along with every single mail, and Gmail shows no more of one."""


def layouts(playbook: Path) -> Mapping[str, Layout]:
    """What surrounds the words of a mail, by language. Raises PlaybookMistakes with all that is wrong, at once."""
    pages: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for path in sorted((playbook / FOLDER).glob("[!.]*")):
        name = path.relative_to(playbook).as_posix()
        try:
            pages[path.stem] = _page(path)
            with_pages({path.stem: pages[path.stem]})
        except Misshapen as wrong:
            mistakes.append(Mistake(file=name, line=wrong.line, sentence=str(wrong)))
        except ValueError as wrong:
            mistakes.append(Mistake(file=name, line=1, sentence=str(wrong)))
    if mistakes:
        raise PlaybookMistakes(mistakes)
    return with_pages(pages)


def _page(path: Path) -> str:
    """Raises ValueError with a sentence."""
    if path.suffix != ".html" or path.stem not in LAYOUTS:
        raise ValueError(f"a page for mails is called {', '.join(f'{language}.html' for language in LAYOUTS)}.")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"a page for mails has at most {LARGEST:,} bytes; let it link to its pictures.")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError("this is not UTF-8.") from None
