"""The OpenAPI document (3.1.1), made from the calls themselves: what it says is what the guard checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

import orjson
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from desk import calls
from desk.events import EventBody
from desk.telling import PING
from storage.events import EventKind
from web.api.call import ROOT, Call
from web.api.offered import CALLS

REF: Final = "#/components/schemas/{model}"
PARAMETERS: Final[Mapping[str, str]] = {
    "conversation": "Number of a conversation.",
    "contact": "A contact: its number, customer:<your own number of them>, or an address such as mailto:ann@x.example.",
    "case": "Number of a case, such as C-1042.",
    "message": "Number of a message.",
    "link": "Number of a link.",
    "cursor": "`next` of the page before.",
    "limit": "How many at most.",
    "seen": "Newest message that you have seen (`seen` of the conversation); If-Match says the same.",
    "text": "The words.",
    "from_colleague": "Although a colleague has it. Takes the scope `direct`.",
    "survey_hours": "Ask the customer after so many hours how it was.",
    "updated_since": "Only where something has happened since this instant (RFC 3339, with its offset).",
    "agent": "Name of whoever has it.",
    "evidence": "Why both are one person, in words that a colleague can check.",
    "other": "The contact that turns out to be the same person.",
    "at": "When it was; now where it is left out.",
    "timeline": "The contact's lines over all channels, not this conversation's alone.",
    "tier": "Of the customer.",
    "channel": "Name of the channel.",
}
PROBLEMS: Final[Mapping[str, str]] = {
    "400": "The request cannot be read.",
    "401": "There is no token, or it opens nothing.",
    "403": "The token lacks a scope.",
    "404": "There is no such thing.",
    "409": "It stands otherwise than you think: read it again. `unseen` says what came in meanwhile.",
    "412": "Something has happened to it since it was read.",
    "413": "The request is too large.",
    "415": "The body is not JSON.",
    "422": "Something is missing, or cannot be used. `mistakes` says what.",
    "429": "Too many requests; Retry-After says when to go on.",
    "503": "The database cannot be reached now.",
}
_PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "kind"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "kind": {"type": "string", "description": "A word for programs."},
        "scope": {"type": "string"},
        "mistakes": {"type": "array", "items": {"type": "object"}},
        "unseen": {"type": "array", "items": {"type": "object"}},
    },
}


class _Schemas(GenerateJsonSchema):
    """Titles that only repeat a name are left out."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def document() -> bytes:
    """The document, as it is served."""
    return orjson.dumps(described(CALLS))


def described(offered: Sequence[Call]) -> dict[str, Any]:
    schemas, shapes = _schemas(offered)
    paths: dict[str, dict[str, Any]] = {}
    for call in offered:
        paths.setdefault(call.template, {})[call.method.lower()] = _operation(call, schemas)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Rapport",
            "version": "1",
            "description": "What people do in the console, for programs.",
        },
        "servers": [{"url": ROOT}],
        "security": [{"token": []}],
        "tags": [{"name": group} for group in dict.fromkeys(call.group for call in offered)],
        "paths": paths,
        "webhooks": {kind: {"post": _told(kind)} for kind in (*(each.value for each in EventKind), PING)},
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by an admin in the console."}
            },
            "schemas": {**shapes, "Problem": _PROBLEM},
            "responses": {
                status: {
                    "description": words,
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for status, words in PROBLEMS.items()
            },
        },
    }


def _told(kind: str) -> dict[str, Any]:
    """A request to a webhook."""
    headers = {
        "webhook-id": "The same where an event is sent again.",
        "webhook-timestamp": "Seconds since 1970, of this request.",
        "webhook-signature": "`v1,` and HMAC-SHA256 in Base64 over `id.timestamp.body`; several, with a space between.",
    }
    return {
        "operationId": kind.replace(".", "_"),
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": words}
            for name, words in headers.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/EventBody"}}},
        },
        "responses": {"2XX": {"description": "It was taken. Anything else, and it is sent again."}},
    }


def _schemas(offered: Sequence[Call]) -> tuple[Mapping[tuple[str, str], Any], Mapping[str, Any]]:
    """Of each call its answer, body and parameters; and what they share, by name."""
    wanted: list[tuple[tuple[str, str], Any, TypeAdapter[Any]]] = []
    for call in offered:
        wanted.append(((call.name, "answer"), "serialization", calls.answers(call.verb)))
        for name, model in (("place", call.place_model), ("given", call.given_model)):
            wanted.append(((call.name, name), "validation", TypeAdapter(model)))
    wanted.append((("", "event"), "serialization", TypeAdapter(EventBody)))
    made, shared = TypeAdapter.json_schemas(wanted, ref_template=REF, schema_generator=_Schemas)
    shapes: dict[str, Any] = shared.get("$defs", {})
    # Parameters stand by themselves: what they were gathered in is nobody's shape.
    parameters = {call.place_model.__name__ for call in offered}
    parameters |= {call.given_model.__name__ for call in offered if call.reads or not call.elsewhere}
    schemas = {
        key: shapes[schema["$ref"].rpartition("/")[2]] if _of_parameters(schema, parameters) else schema
        for (key, _), schema in made.items()
    }
    return schemas, {name: shape for name, shape in shapes.items() if name not in parameters}


def _of_parameters(schema: Mapping[str, Any], parameters: Collection[str]) -> bool:
    return schema.get("$ref", "").rpartition("/")[2] in parameters


def _operation(call: Call, schemas: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    answered = {"description": "Done.", "content": {call.media: {"schema": _answered(call, schemas)}}}
    headers = {"ETag": {"schema": {"type": "string"}}}
    if call.reads or call.about == "conversation":
        answered["headers"] = headers
    said: dict[str, Any] = {
        "operationId": call.name,
        "tags": [call.group],
        "summary": call.summary,
        "description": _rights(call),
        "x-scope": str(call.right),
        "parameters": _parameters(call, schemas),
        "responses": {
            "200": answered,
            **{status: {"$ref": f"#/components/responses/{status}"} for status in _may(call)},
        },
    }
    if call.reads:
        said["responses"]["304"] = {"description": "It is as it was."}
    elif call.elsewhere:
        said["requestBody"] = {
            "required": _is_wanted(call.given_model),
            "content": {"application/json": {"schema": schemas[call.name, "given"]}},
        }
    return said


def _answered(call: Call, schemas: Mapping[tuple[str, str], Any]) -> Any:
    return schemas[call.name, "answer"] if call.media == "application/json" else {"type": "string"}


def _rights(call: Call) -> str:
    words = f"Takes the scope `{call.right}`."
    return words if call.reads else f"{words} Not for tokens that may only read."


def _may(call: Call) -> Sequence[str]:
    """Which problems there can be."""
    read_only = ("400", "401", "403", "404", "422", "429", "503")
    return read_only if call.reads else (*read_only, "409", "412", "413", "415")


def _is_wanted(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _parameters(call: Call, schemas: Mapping[tuple[str, str], Any]) -> list[dict[str, Any]]:
    found = [
        _parameter(name, "path", required=True, schema=schema)
        for name, schema in _fields(schemas[call.name, "place"]).items()
    ]
    if call.reads:
        given = schemas[call.name, "given"]
        required = _required(given)
        found += [
            _parameter(name, "query", required=name in required, schema=schema)
            for name, schema in _fields(given).items()
        ]
        return [*found, _header("If-None-Match", "The ETag of what you have: 304 where it is still so.")]
    words = "The same key with the same request is done once, within 24 hours."
    found.append(_header("Idempotency-Key", words, pattern=r"^[\x21-\x7e]+$", minLength=1, maxLength=255))
    if call.about == "conversation":
        found.append(_header("If-Match", "The ETag of the conversation as you read it."))
    return found


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return schema.get("properties", {})


def _required(schema: Mapping[str, Any]) -> Sequence[str]:
    return schema.get("required", ())


def _parameter(name: str, where: str, *, required: bool, schema: Any) -> dict[str, Any]:
    said = {"name": name, "in": where, "required": required, "schema": schema}
    return {**said, "description": PARAMETERS[name]} if name in PARAMETERS else said


def _header(name: str, words: str, **limits: Any) -> dict[str, Any]:
    schema = {"type": "string", **limits}
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": words}
