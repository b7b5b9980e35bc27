"""The guard: before a call is carried out, who asks is known, may ask this, does not ask too often, and asks for what
there is.

There are no cookies here, so that no page of somebody else's can make a browser ask in anybody's name.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.playbook import Playbook
from desk import calls, listings, looks, programs
from desk.logins import Present
from desk.looks import Look
from desk.programs import Program
from desk.refusals import Refused
from desk.rights import Right
from desk.sight import sight_of
from storage import audit
from storage.commits import Transaction, Unavailable
from storage.sight import ALL, Sight
from web.api.answers import answer, as_table, hidden, mistakes, problem, refusal
from web.api.call import Call
from web.api.rates import Rates
from web.console.house import House, seen_by

LARGEST: Final = 256 * 1024
"""Bytes of a request."""
LONGEST_KEY: Final = 255
LONGEST_TOKEN: Final = 200
_KEY = re.compile(r"[\x21-\x7e]+")
_TAG = re.compile(r'"(\d{1,18})\.(\d{1,18})\.(\d{1,18})"')

_LOOKED_AT: Final = ("conversation", "contact", "case", "message")
"""What is a look at somebody, when it is read."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Moved(Refused):
    """Something has happened to it since it was read; read it again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramPresent(Present):
    """A program where a verb wants to know who is present: with its own name and rights, and its maker's number."""

    scopes: frozenset[Right]

    @property
    def rights(self) -> frozenset[Right]:
        return self.scopes


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A call with all that it needs."""

    call: Call
    program: Program
    playbook: Playbook
    client: str
    arguments: Mapping[str, Any]
    places: Mapping[str, Any]
    key: str | None
    """The idempotency key."""
    fingerprint: bytes
    """Of method, path and body."""
    tag: tuple[int, int, int] | None
    """What the program has seen of the conversation: number, epoch, newest interaction."""

    @property
    def private(self) -> bool:
        return Right.SEE_PRIVATE in self.program.scopes


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a call is answered with."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Refusal(Exception):
    """The request is answered with this, and nothing is done."""

    def __init__(self, response: web.Response) -> None:
        super().__init__()
        self.response = response


def guarded(of_path: Sequence[Call], house: House, rates: Rates) -> Callable[[web.Request], Awaitable[web.Response]]:
    """All methods of one path, as aiohttp serves it."""
    by_method = {call.method: call for call in of_path}

    async def serve(request: web.Request) -> web.Response:
        allowed: Mapping[str, str] = {}
        try:
            program, sight = await _program(request, house)
            allowance = rates.ask(f"token:{program.token}")
            allowed = allowance.headers
            if not allowance.granted:
                raise Refusal(problem(429, "TooMany", f"too many requests; go on in {allowance.wait} s"))
            asked = await _asked(request, _call(request, by_method), program, house)
            response = await _carry_out(asked, seen_by(house, sight), request)
        except Refusal as refused:
            response = refused.response
        except Refused as refused:
            response = refusal(refused) if not isinstance(refused, Moved) else problem(412, "Moved", str(refused))
        except Unavailable:
            response = problem(503, "Unavailable", "the database cannot be reached now", headers={"Retry-After": "5"})
        response.headers.update(allowed)
        return response

    return serve


async def _program(request: web.Request, house: House) -> tuple[Program, Sight]:
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    shown = shown.strip()
    if scheme.lower() == "bearer" and shown and len(shown) <= LONGEST_TOKEN:
        program, sight = await house.glance(lambda transaction: _recognised(transaction, shown))
        if program is not None:
            if program.used_at is None or house.now() - program.used_at > programs.USED_EVERY:
                await house.do(lambda transaction: programs.used(transaction, token=program.token))
            return program, sight
    words = "show a token of this house that is in force, as Authorization: Bearer rapport_…"
    raise Refusal(problem(401, "NoToken", words, headers={"WWW-Authenticate": 'Bearer realm="rapport"'}))


def _recognised(transaction: Transaction, token: str) -> tuple[Program | None, Sight]:
    """A program is in no team: what members alone see is open to it only with the right to direct them."""
    program = programs.whose(transaction, token=token)
    if program is None:
        return None, ALL
    return program, sight_of(transaction, staff=None, name=program.name, rights=program.scopes)


def _call(request: web.Request, by_method: Mapping[str, Call]) -> Call:
    call = by_method.get("GET" if request.method == "HEAD" else request.method)
    if call is None:
        allowed = {"Allow": ", ".join(sorted(by_method))}
        raise Refusal(problem(405, "Method", f"{request.method} is nothing that can be done here", headers=allowed))
    return call


async def _asked(request: web.Request, call: Call, program: Program, house: House) -> Asked:
    _may(program, call.right)
    if program.read_only and not call.reads:
        raise Refusal(problem(403, "ReadOnly", "this token may read, and change nothing"))
    places = _checked(call.place_model, dict(request.match_info), "path")
    body = b"" if call.reads else await _body(request)
    given = (
        _checked(call.given_model, _query(request), "query")
        if call.reads
        else _checked(call.given_model, body or b"{}", "body")
    )
    for name, right in call.needs.items():
        if given.get(name):
            _may(program, right)
    fingerprint = sha256(b"\0".join((request.method.encode(), request.raw_path.encode(), body))).digest()
    return Asked(
        call=call,
        program=program,
        playbook=house.playbook(),
        client=house.client(request),
        arguments={**places, **given},
        places=places,
        key=None if call.reads else _key(request),
        fingerprint=fingerprint,
        tag=None if call.reads else _tag(request, call),
    )


def _may(program: Program, right: Right) -> None:
    if right not in program.scopes:
        raise Refusal(problem(403, "NoScope", f"this token lacks the scope {right}", scope=str(right)))


def _checked(model: type[BaseModel], given: bytes | dict[str, str], where: str) -> dict[str, Any]:
    """Raises Refusal. What is left out stays out, so that the verb's own default holds."""
    try:
        read = model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate_strings(given)
    except ValidationError as error:
        if error.errors(include_input=False, include_url=False, include_context=False)[0]["type"] == "json_invalid":
            raise Refusal(problem(400, "NoJson", "the body is not JSON")) from error
        raise Refusal(mistakes(error, where)) from error
    return {name: getattr(read, name) for name in read.model_fields_set}


def _query(request: web.Request) -> dict[str, str]:
    names = [name for name, _ in request.query.items()]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Refusal(problem(422, "Invalid", f"{twice}: is given more than once", mistakes=[]))
    return dict(request.query)


async def _body(request: web.Request) -> bytes:
    try:
        body = await request.clone(client_max_size=LARGEST).read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Refusal(problem(413, "TooLarge", f"a request has {LARGEST} bytes at most")) from error
    if body and request.content_type != "application/json":
        raise Refusal(problem(415, "NoJson", "the body is JSON, and its Content-Type application/json"))
    return body


def _key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and (len(key) > LONGEST_KEY or _KEY.fullmatch(key) is None):
        words = f"an Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII characters"
        raise Refusal(problem(400, "WrongKey", words))
    return key


def _tag(request: web.Request, call: Call) -> tuple[int, int, int] | None:
    shown = request.headers.get("If-Match")
    if shown is None or shown == "*" or call.about != "conversation":
        return None
    found = _TAG.fullmatch(shown.strip())
    if found is None:
        raise Refusal(problem(412, "Moved", "this If-Match is none that a conversation was read with"))
    conversation, epoch, newest = found.groups()
    return int(conversation), int(epoch), int(newest)


async def _carry_out(asked: Asked, house: House, request: web.Request) -> web.Response:
    if not asked.call.reads:
        said = await house.do(lambda transaction: _write(transaction, asked))
    elif asked.call.private and asked.private:
        said = await house.do(lambda transaction: _read_private(transaction, asked))
    else:
        said = await house.look(lambda transaction: _read(transaction, asked))
        await _note_look(asked, house)
    if asked.call.reads and said.headers.get("ETag") in _tags(request.headers.get("If-None-Match", "")):
        return answer(b"", status=304, headers=said.headers)
    return answer(said.body, status=said.status, headers=said.headers, media=asked.call.media)


async def _note_look(asked: Asked, house: House) -> None:
    """Who saw it; once an hour, so that a program which asks every second does not fill the log."""
    about, program = asked.call.about, asked.program
    if about not in _LOOKED_AT:
        return
    look = Look(
        action="case.seen" if about == "case" else f"{about}.opened", subject=f"{about}:{asked.places[about]}"[:300]
    )
    if not await house.glance(lambda transaction: looks.noted(transaction, look=look, who=program.name)):
        await house.do(lambda transaction: looks.note(transaction, look=look, who=program.name, client=asked.client))


def _tags(shown: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in shown.split(",") if tag.strip()]


def _read(transaction: Transaction, asked: Asked) -> Said:
    body = _rendered(asked, _done(transaction, asked))
    tag = _standing(transaction, asked) or f'"{sha256(body).hexdigest()[:32]}"'
    return Said(status=200, body=body, headers={"ETag": tag})


def _read_private(transaction: Transaction, asked: Asked) -> Said:
    said = _read(transaction, asked)
    _note(transaction, asked)
    return said


def _write(transaction: Transaction, asked: Asked) -> Said:
    """The verb, the line in the audit log, and the answer for whoever asks again: all of it, or nothing."""
    token, key = asked.program.token, asked.key
    if key is not None:
        before = programs.answered(transaction, token=token, key=key, request=asked.fingerprint)
        if before is not None:
            return Said(status=before[0], body=before[1], headers={"Idempotent-Replayed": "true"})
    body = _rendered(asked, _done(transaction, _as_seen(transaction, asked)))
    _note(transaction, asked)
    if key is not None:
        programs.keep_answer(transaction, token=token, key=key, request=asked.fingerprint, status=200, body=body)
    tag = _standing(transaction, asked)
    return Said(status=200, body=body, headers={"ETag": tag} if tag else {})


def _as_seen(transaction: Transaction, asked: Asked) -> Asked:
    """If-Match (RFC 9110, 13.1.1): a verb that knows what to do with `seen` says what is new; others are not done."""
    if asked.tag is None:
        return asked
    conversation, epoch, newest = asked.tag
    if "seen" in calls.wanted(asked.call.verb) and conversation == asked.places["conversation"]:
        return replace(asked, arguments={"seen": newest, **asked.arguments})
    if (conversation, epoch, newest) != (
        asked.places["conversation"],
        *listings.standing(transaction, conversation=asked.places["conversation"]),
    ):
        raise Moved("something has happened in it since it was read; read it again")
    return asked


def _done(transaction: Transaction, asked: Asked) -> object:
    return asked.call.verb(transaction, **_who(asked), **asked.arguments)


def _who(asked: Asked) -> dict[str, Any]:
    """Who acts, as this verb wants to know it."""
    program = asked.program
    present = ProgramPresent(
        staff=program.made_by,
        name=program.name,
        email="",
        roles=(),
        language="en",
        session=b"",
        seen_at=program.used_at or _LONG_AGO,
        scopes=program.scopes,
    )
    return calls.acting(
        asked.call.verb, name=program.name, present=present, rights=program.scopes, playbook=asked.playbook
    )


def _rendered(asked: Asked, result: object) -> bytes:
    if asked.call.table is not None:
        return as_table(asked.call.table(result))
    adapter = calls.answers(asked.call.verb)
    if asked.private:
        return adapter.dump_json(result)
    return orjson.dumps(hidden(adapter.dump_python(result, mode="json")))


def _standing(transaction: Transaction, asked: Asked) -> str | None:
    """The ETag of a conversation."""
    if asked.call.about != "conversation":
        return None
    number = asked.places["conversation"]
    epoch, newest = listings.standing(transaction, conversation=number)
    return f'"{number}.{epoch}.{newest}"'


def _note(transaction: Transaction, asked: Asked) -> None:
    about = asked.call.about
    audit.note(
        transaction.connection,
        at=transaction.now,
        who=asked.program.name,
        action=f"api.{asked.call.name}",
        subject=None if about is None else f"{about}:{asked.places[about]}"[:300],
        client=asked.client,
        details={"token": asked.program.token},
    )
