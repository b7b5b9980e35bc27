"""Rules of the house that a tool can hold: names, folders, words; the repository speaks of the product alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, product_sources, written_files
from tests.given import CHECKOUT

FORBIDDEN_NAMES = re.compile(r"(^|_)(util|utils|helper|helpers|manager|managers|service|services|misc|common)(_|$)")
MACHINE_PATHS = re.compile(r"(?<![\w.~{$-])/(root|home/[a-z]\w*|work|farm|Users/\w+)/[\w.]")
PROVIDERS = ("aiogram", "telegram", "twilio")
TOP_LEVEL = {
    *PACKAGES,
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "Makefile",
    "README.md",
    "deploy",
    "docs",
    "playbook",
    "pyproject.toml",
    "rapport.example.toml",
    "tests",
    "uv.lock",
}
GROWN_AT_TOP = re.compile(
    r"^(\.venv|\.tools|\.\w+_cache|\.hypothesis|\.dockerignore|\.gitattributes|\.idea|\.vscode|\.env|__pycache__"
    r"|data|rapport\.toml|secrets)$"
)


def test_the_top_of_the_checkout_reads_as_a_table_of_contents() -> None:
    present = {path.name for path in CHECKOUT.iterdir() if not GROWN_AT_TOP.match(path.name)}
    assert present == TOP_LEVEL


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        source.name
        for source in product_sources()
        if ast.get_docstring(source.tree) is None and (source.tree.body or not source.name.endswith("__init__.py"))
    ]
    assert silent == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        source.name
        for source in product_sources()
        if source.name in {f"{package}/__init__.py" for package in PACKAGES} and ast.get_docstring(source.tree) is None
    ]
    assert silent == []


def test_no_module_or_class_is_a_drawer_for_odds_and_ends() -> None:
    drawers = [source.name for source in product_sources() if FORBIDDEN_NAMES.search(Path(source.name).stem)]
    drawers += [
        f"{source.name}: {node.name}"
        for source in product_sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and re.search(r"(Util|Helper|Manager|Misc|Base)s?$", node.name)
    ]
    assert drawers == []


def test_the_engine_knows_no_provider() -> None:
    """What is written against one provider's types or names never reaches the others."""
    named = [
        f"{source.name}:{node.lineno}: {node.id}"
        for source in product_sources()
        if source.package == "bot"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name) and any(provider in node.id.lower() for provider in PROVIDERS)
    ]
    assert named == []


def test_nothing_is_left_open_in_the_product() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    left = [
        f"{path.relative_to(CHECKOUT)}:{number}"
        for path in written_files()
        if path.suffix == ".py" and "tests" not in path.relative_to(CHECKOUT).parts
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert left == []


def test_no_file_names_a_path_of_somebody_s_machine() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {match.group()}"
        for path in written_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if path != Path(__file__) and (match := MACHINE_PATHS.search(line))
    ]
    assert found == []


def test_tests_do_not_sleep() -> None:
    """A test that sleeps is slow on a good day and wrong on a bad one. Zero yields to the loop and is no sleep."""
    sleepers = [
        f"{path.relative_to(CHECKOUT)}:{node.lineno}"
        for path in sorted((CHECKOUT / "tests").rglob("*.py"))
        if path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("time.sleep", "asyncio.sleep", "sleep")
        and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]
    assert sleepers == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_differ_by_a_plural(package: str) -> None:
    """`case.py` beside `cases.py` is a question that every reader asks anew."""
    names = {Path(source.name).with_suffix("").as_posix() for source in product_sources() if source.package == package}
    assert [name for name in names if f"{name}s" in names] == []


def test_the_locks_name_only_the_public_index() -> None:
    for lock in [CHECKOUT / "uv.lock", *CHECKOUT.glob("nlu/rasa/uv.lock")]:
        hosts = set(re.findall(r'https?://([^/"]+)', lock.read_text("utf-8")))
        assert hosts <= {"pypi.org", "files.pythonhosted.org"}, lock.name
