"""Confidences that mean what they say: DIET's ranking at the temperature that `rapport nlu train` found for the model.

Runs in Rasa's own Python, for config.yml. Source of the method: Guo et al., On Calibration of Modern Neural Networks,
2017; of the interface: rasa.com/docs/rasa/custom-graph-components.
"""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUntypedClassDecorator=false, reportUnknownArgumentType=false
# pyright: reportUntypedBaseClass=false

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY
from rasa.shared.nlu.training_data.message import Message

LEAST = 1e-38
"""Confidences are 32-bit numbers: less is told as 0."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Temperature(GraphComponent):
    """Above 1 it makes a model less sure of itself, below 1 surer; 1 leaves it as it is. The ranking stays."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"temperature": 1.0}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Temperature:
        return cls(float(config["temperature"]))

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature

    def process(self, messages: list[Message]) -> list[Message]:
        for message in messages:
            ranking = message.get(INTENT_RANKING_KEY)
            if ranking and self._temperature != 1.0:
                self._scale(message, ranking)
        return messages

    def _scale(self, message: Message, ranking: list[dict[str, Any]]) -> None:
        weights = [max(intent["confidence"], LEAST) ** (1 / self._temperature) for intent in ranking]
        scaled = [
            {**intent, "confidence": weight / sum(weights)} for intent, weight in zip(ranking, weights, strict=True)
        ]
        message.set(INTENT_RANKING_KEY, scaled, add_to_output=True)
        message.set(INTENT, dict(scaled[0]), add_to_output=True)
