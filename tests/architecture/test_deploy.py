"""What we ship to run Rapport elsewhere names settings that exist, and holds no secret."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings, is_secret, keys, load
from gateway.settings_sources import NESTED, NOT_SETTINGS, PREFIX
from tests.architecture.sources import PACKAGES
from tests.given import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")


def unit(name: str = "rapport.service") -> dict[str, list[str]]:
    """The `[Service]` part of the systemd unit; keys may repeat there."""
    values: dict[str, list[str]] = {}
    section = (DEPLOY / name).read_text("utf-8").split("[Service]")[1].split("[Install]")[0]
    for name, value in re.findall(r"^(\w+)=(.*)$", section, flags=re.MULTILINE):
        values.setdefault(name, []).append(value)
    return values


def names_in(text: str) -> set[str]:
    return set(re.findall(rf"{PREFIX}[A-Z_]+", text)) - NOT_SETTINGS


def known_names() -> set[str]:
    names = {f"{PREFIX}{key.replace('.', NESTED).upper()}" for key in keys()}
    return names | {f"{PREFIX}{key.replace('.', NESTED).upper()}_FILE" for key in keys() if is_secret(key)}


@pytest.mark.parametrize(
    "path",
    [
        "deploy/compose.yml",
        "deploy/Dockerfile",
        "deploy/rapport.service",
        "deploy/rapport-rasa.service",
        "README.md",
        "docs/installing.md",
        "rapport.example.toml",
    ],
)
def test_every_variable_that_we_write_down_is_a_setting(path: str) -> None:
    assert names_in((CHECKOUT / path).read_text("utf-8")) - known_names() == set()


def started_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str]) -> Settings:
    """Settings as the container would load them, its secrets in files of `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        if filled.startswith("/run/secrets/"):
            secret = tmp_path / Path(filled).name
            secret.write_text("0123456789abcdef\n")
            filled = str(secret)
        monkeypatch.setenv(name, filled)
    return load()


def test_the_gateway_of_the_compose_file_starts_with_its_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = started_with(monkeypatch, tmp_path, COMPOSE["services"]["gateway"]["environment"])
    assert settings.database_url.host == "database"
    assert settings.database_url.password == "0123456789abcdef"
    assert settings.nlu.engine == "embedded"
    assert settings.telegram.token is None


def test_with_rasa_the_compose_file_asks_the_rasa_that_it_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = COMPOSE["services"]["gateway"]["environment"] | {"RAPPORT_NLU__ENGINE": "rasa"}
    settings = started_with(monkeypatch, tmp_path, environment)
    assert settings.nlu.rasa_url == "http://rasa:5005"
    assert COMPOSE["services"]["rasa"]["build"]["target"] == "rasa"
    assert re.search(r'^CMD \["nlu", "serve", .*"--port", "5005"\]$', DOCKERFILE, flags=re.MULTILINE)
    served = started_with(monkeypatch, tmp_path, COMPOSE["services"]["rasa"]["environment"])
    assert served.nlu.rasa_token == settings.nlu.rasa_token


def test_secrets_of_the_compose_file_come_from_files_that_the_checkout_ignores() -> None:
    used = {name for service in COMPOSE["services"].values() for name in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    assert all(secret["file"].startswith("../secrets/") for secret in COMPOSE["secrets"].values())
    assert "/secrets/" in (CHECKOUT / ".gitignore").read_text("utf-8").splitlines()


def test_images_have_versions() -> None:
    images = [service["image"] for service in COMPOSE["services"].values() if "image" in service]
    images += re.findall(r"^COPY --from=(\S+:\S+)", DOCKERFILE, flags=re.MULTILINE)
    images += re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert len(images) == 3
    assert [image for image in images if "latest" in image or not re.search(r"\d", image)] == []


def test_the_image_has_every_package_and_runs_as_nobody_in_particular() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, flags=re.MULTILINE))
    assert copied == {*PACKAGES, "playbook"}
    ignored = (CHECKOUT / ".dockerignore").read_text("utf-8").splitlines()
    assert copied <= {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, flags=re.MULTILINE)
    assert "/healthz" in DOCKERFILE


def test_the_image_can_run_whatever_engine_the_settings_name() -> None:
    asked = re.findall(r"uv sync ([^&\n]*)", DOCKERFILE)
    assert len(asked) == 2
    assert all("${EXTRAS}" in options for options in asked), "else the second would take away what the first brought"
    (extras,) = re.findall(r'^ARG EXTRAS="(.*)"$', DOCKERFILE, flags=re.MULTILINE)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    assert set(extras.split()) == {"--extra", *project["project"]["optional-dependencies"]}


def test_rasa_s_service_is_as_closed_as_the_gateway_s_and_keeps_its_models_where_it_may_write() -> None:
    ours, rasa = unit(), unit("rapport-rasa.service")
    assert rasa["StateDirectory"] == ["rapport-rasa"]
    assert "RAPPORT_DATA_DIR=/var/lib/rapport-rasa" in rasa["Environment"]
    assert ours.keys() - rasa.keys() == {"ProcSubset"}, "TensorFlow asks the machine what its processors can do"


def test_the_service_keeps_its_data_where_systemd_lets_it_write() -> None:
    service = unit()
    assert service["StateDirectory"] == ["rapport"]
    assert "RAPPORT_DATA_DIR=/var/lib/rapport" in service["Environment"]
    assert service["DynamicUser"] == ["yes"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["Restart"] == ["always"]
    assert service["KillSignal"] == ["SIGTERM"]


def test_the_service_file_is_well_formed() -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(DEPLOY / "rapport.service", "utf-8")
    assert parser.sections() == ["Unit", "Service", "Install"]
