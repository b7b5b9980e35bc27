"""What processes leave lying about is removed: after use, or at the next use where they were killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from nlu.scratch import scratch
from tests.given import CHECKOUT

HOLDS_ONE = """
import sys
from pathlib import Path
from nlu.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "left").write_text("behind")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_there_while_it_is_used_and_gone_afterwards(tmp_path: Path) -> None:
    with scratch(tmp_path / "new") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x")
    assert list((tmp_path / "new").iterdir()) == []


def test_what_a_killed_process_left_goes_at_the_next_use_and_what_is_used_stays(tmp_path: Path) -> None:
    (tmp_path / "somebody's own").write_text("stays")
    command = [sys.executable, "-c", HOLDS_ONE, str(tmp_path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        with scratch(tmp_path):
            assert (left / "left").exists(), "it is used"
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert (left / "left").exists()
    with scratch(tmp_path) as folder:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, "somebody's own"])
    assert [path.name for path in tmp_path.iterdir()] == ["somebody's own"]
