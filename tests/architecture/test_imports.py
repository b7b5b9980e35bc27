"""Who may import whom: the layers of pyproject.toml, and what import-linter cannot say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, Source, product_sources
from tests.given import CHECKOUT

ENGINE = [source for source in product_sources() if source.package == "bot"]
CLOCKS = re.compile(r"\.(now|utcnow|today|monotonic|perf_counter|time_ns)$")
OUTSIDE = frozenset({"open", "print", "input", "exec", "eval", "__import__"})


def test_imports_run_one_way() -> None:
    """In a process of its own: import-linter switches off every logger that it finds."""
    linter = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run(
        [linter, "--no-cache"], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_aiogram_is_known_to_the_telegram_adapter_alone() -> None:
    strangers = [
        source.name
        for source in product_sources()
        if "aiogram" in {name.split(".")[0] for name in imports(source)}
        and not source.name.startswith("channels/telegram/")
    ]
    assert strangers == []


def test_aiogram_and_scikit_learn_are_not_imported_before_they_are_needed() -> None:
    """130 MB and seconds, 80 MB and seconds: where there is no Telegram and nothing to train, nobody pays."""
    early = [
        f"{source.name}: {name}"
        for source in product_sources()
        if source.name not in ("channels/telegram/methods.py", "nlu/learning.py")
        for name in imports(source, top_level=True)
        if name.split(".")[0] in ("aiogram", "sklearn")
    ]
    assert early == []


@pytest.mark.parametrize("source", ENGINE, ids=lambda source: source.name)
def test_the_engine_sees_only_values_of_channels_and_understanding(source: Source) -> None:
    foreign = {name for name in imports(source) if name.split(".")[0] in PACKAGES and not name.startswith("bot")}
    assert {".".join(name.split(".")[:2]) for name in foreign} <= {"channels.envelope", "nlu.understanding"}


@pytest.mark.parametrize("source", ENGINE, ids=lambda source: source.name)
def test_the_engine_asks_no_clock_and_touches_nothing(source: Source) -> None:
    """`datetime.now()` needs no import that a rule could forbid, `open` none at all."""
    calls = [ast.unparse(node.func) for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    assert [call for call in calls if CLOCKS.search(call) or call in OUTSIDE] == []


def test_there_are_no_relative_imports() -> None:
    """Every import names its package, so that one can see where a line points."""
    relative = [
        f"{source.name}:{node.lineno}"
        for source in product_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def imports(source: Source, *, top_level: bool = False) -> Iterator[str]:
    """Modules that a file imports, with the names taken from them (`channels.envelope.Event`)."""
    for node in _statements(source.tree) if top_level else ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when the module is imported: `if TYPE_CHECKING:` does not."""
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node


def test_the_layers_are_those_of_the_design() -> None:
    settings = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    assert 'layers = ["gateway", "web", "desk", "campaigns | bot", "insight", "channels | nlu | storage"]' in settings
