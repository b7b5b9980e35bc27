"""An embedded engine, trained once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlu.embedded import Embedded, ensure_trained
from nlu.entities import Entities
from tests.nlu.shop import CATALOGUE, TRAINING_DATA


@pytest.fixture(scope="session")
def model_file(trained_models: Path) -> Path:
    return ensure_trained(TRAINING_DATA, trained_models)


@pytest.fixture(scope="session")
def embedded(model_file: Path) -> Embedded:
    return Embedded.load(model_file, Entities(catalogue=CATALOGUE))
