"""The verbs that can be asked of a house from outside its process, by name, with arguments and answers in JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson
from pydantic import ConfigDict, ValidationError, validate_call

from desk import conversations, inbox, people, promises, reviewing, spam
from desk.refusals import Refused, Stale
from gateway import imported_contacts, imported_orders
from storage.commits import Commits, Unavailable

VERBS: Mapping[str, Callable[..., Any]] = {
    "queue": inbox.queue,
    "show": inbox.show,
    "spam": inbox.spam,
    "notspam": spam.not_spam,
    "take": conversations.take,
    "reply": conversations.reply,
    "note": conversations.note,
    "handback": conversations.handback,
    "resolve": conversations.resolve,
    "keep": promises.keep,
    "contact": people.contact,
    "record": people.record,
    "link": people.link,
    "unlink": people.unlink,
    "linkcode": people.link_code,
    "correct": reviewing.correct,
    "reviews": reviewing.waiting,
    "review": reviewing.look,
    "accept-review": reviewing.accept,
    "discard-review": reviewing.discard,
    "import-contacts": imported_contacts.store,
    "import-orders": imported_orders.store,
}
"""What can be asked of a house from outside its process, by name: `POST /internal/{name}`."""

NAMES: Mapping[Callable[..., Any], str] = {verb: name for name, verb in VERBS.items()}


async def answer(commits: Commits, name: str, arguments: Mapping[str, Any]) -> tuple[int, bytes]:
    """The internal interface's answer to `POST /internal/{name}`: an HTTP status and JSON."""
    verb = VERBS.get(name)
    if verb is None:
        return 404, orjson.dumps({"kind": "NotFound", "sentence": f"there is no verb {name}"})
    try:
        result = await commits.run(lambda transaction: _checked(verb)(transaction, **arguments))
    except Refused as refused:
        unseen = refused.unseen if isinstance(refused, Stale) else ()
        return 409, orjson.dumps({"kind": type(refused).__name__, "sentence": str(refused), "unseen": unseen})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        sentence = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        return 409, orjson.dumps({"kind": "Unusable", "sentence": sentence})
    except Unavailable:
        return 503, orjson.dumps({"kind": "Refused", "sentence": "the database is not reachable"})
    return 200, to_json(result)


def to_json(value: Any) -> bytes:
    """A verb's answer; amounts as text, so that none is rounded on the way."""
    return orjson.dumps(value, default=str)


@cache
def _checked(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb, with arguments from JSON turned into what it takes, or a ValidationError."""
    return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(verb)
