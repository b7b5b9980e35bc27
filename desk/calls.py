"""Calls: what a verb takes and gives, as programs see it. One shape for the terminal, the console and the API.

A verb says by its signature what it wants. Here that becomes a model that arguments in JSON are checked against, all of
them, and a schema that others can read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from functools import cache
from inspect import Parameter, signature
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, create_model

Verb = Callable[..., Any]

GIVEN: Final = frozenset({"transaction", "by", "present", "rights", "who", "staff", "playbook"})
"""Parameters that nobody outside fills in: they say who acts, and may, and by which rules."""
EXACT: Final = 2**53 - 1
"""The greatest whole number that every reader of JSON knows exactly (RFC 8259, 6)."""
MOST_AT_ONCE: Final = 200
LONGEST: Final = 20_000


Moment = TypeVar("Moment", datetime, date)


def _in_our_time(value: Moment) -> Moment:
    if not 1900 <= value.year < 2200:
        raise ValueError("must be a year from 1900 to 2199")
    return value


def _without_nul(value: Any) -> Any:
    if _holds_nul(asdict(value)):
        raise ValueError("must hold no NUL")
    return value


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(each) for each in cast("dict[str, object]", value).values())
        case list() | tuple():
            return any(_holds_nul(each) for each in cast("Sequence[object]", value))
        case _:
            return False


Text = Annotated[str, Field(max_length=LONGEST, pattern=r"^[^\x00]*$")]
"""No database of ours stores NUL."""
Number = Annotated[int, Field(ge=0, le=EXACT)]
Instant = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
Day = Annotated[date, AfterValidator(_in_our_time)]
Limit = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]


@cache
def arguments(verb: Verb, names: tuple[str, ...], *, title: str, strict: bool) -> type[BaseModel]:
    """A model of some of a verb's parameters; what it does not know, it refuses. `strict`: the values are JSON's own;
    otherwise they were text, in an address."""
    hints, parameters = get_type_hints(verb, include_extras=True), wanted(verb)
    fields: dict[str, Any] = {
        name: (
            Limit if name == "limit" else outside(hints[name]),
            ... if parameters[name].default is Parameter.empty else parameters[name].default,
        )
        for name in names
    }
    return create_model(title, __config__=ConfigDict(extra="forbid", strict=strict), **fields)


def wanted(verb: Verb) -> Mapping[str, Parameter]:
    """The parameters that whoever calls fills in."""
    return {name: each for name, each in signature(verb).parameters.items() if name not in GIVEN}


def acting(verb: Verb, **known: Any) -> dict[str, Any]:
    """Who acts, in the words that this verb has for it. `known`: name, present, rights, playbook."""
    hints = get_type_hints(verb)
    given: dict[str, Any] = {}
    for name in GIVEN & set(signature(verb).parameters) - {"transaction"}:
        match hints[name]:
            case _ if name == "staff":
                given[name] = known["present"].staff
            case _ if name == "playbook":
                given[name] = known["playbook"]
            case kind if kind is str:
                given[name] = known["name"]
            case kind if get_origin(kind) is frozenset or get_origin(kind) is AbstractSet:
                given[name] = known["rights"]
            case _:
                given[name] = known["present"]
    return given


@cache
def answers(verb: Verb) -> TypeAdapter[Any]:
    """What the verb gives."""
    return TypeAdapter(get_type_hints(verb)["return"])


def sentence(verb: Verb) -> str:
    """What the verb says of itself, in one paragraph, without what it raises."""
    said = " ".join((verb.__doc__ or "").partition("\n\n")[0].split())
    return re.sub(r"\s*Raises [^.]*\.(\s|$)", " ", said).strip()


def outside(annotation: Any) -> Any:
    """The type as it may come from outside: bounded, where a database is."""
    bounded: Mapping[Any, Any] = {int: Number, str: Text, datetime: Instant, date: Day}
    if annotation in bounded:
        return bounded[annotation]
    inner = get_args(annotation)
    origin = get_origin(annotation)
    if is_dataclass(annotation):
        return Annotated[cast(Any, annotation), AfterValidator(_without_nul)]
    if origin in (Union, UnionType):
        return Union[tuple(outside(each) for each in inner)]  # noqa: UP007 - of a tuple made here
    if origin is not None and origin is not Annotated and inner:
        return origin[tuple(outside(each) for each in inner)]
    return annotation
