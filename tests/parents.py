"""Programs that tests start end with the tests."""

from __future__ import annotations

import shutil


def dying_with_parent() -> list[str]:
    """What to put before a command: tests are killed at times (`timeout`, CI), and a server must not stay behind. Linux
    alone can promise it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT", "--"] if setpriv else []
