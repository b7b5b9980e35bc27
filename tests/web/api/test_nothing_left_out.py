"""What people do in the console, a program can do: whatever verb a page carries out is offered, or has its reason."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Iterator, Mapping
from inspect import isfunction, signature
from pathlib import Path
from types import ModuleType
from typing import Any

from web.api.offered import CALLS
from web.console import routes

CONSOLE = Path(routes.__file__).parent
OTHERWISE: Mapping[str, str] = {
    "alert_hours.own_hours": "readAlertSettings",
    "case_list.counts": "readCases",
    "case_list.listed": "readCases",
    "case_page.beside": "readCaseFile",
    "cards.reveal": "readCard",
    "casework.open_case": "openCase",
    "history.conversations_of": "listConversations",
    "history.history": "readHistory",
    "inbox.people_have": "readInbox",
    "inbox.spam": "listConversations",
    "knowledge.counts": "listKnowledge",
    "knowledge.listing": "listKnowledge",
    "knowledge.versions": "listKnowledgeVersions",
    "lists.rest": "readInbox",
    "lists.team_names": "listTeams",
    "own_data.write_down": "askForOwnData",
    "report.detail": "readFigure",
    "report.report": "readReport",
    "reviewing.told": "readToReview",
    "search.channels": "search",
    "search.search": "search",
    "staff.audit_log": "readAudit",
    "staff.colleagues": "listStaff",
    "summaries.summary": "readConversation",
    "teams.colleagues": "listStaff",
    "teams.set_skills": "setSkills",
    "thread.stretch": "readConversation",
    "writing.hand_back": "handBack",
    "writing.note": "writeNote",
    "writing.send": "reply",
}
"""Offered by a call whose arguments stand in one request."""
_ACCOUNT = "somebody's own account: a program has none"
_DOOR = "how people come in; a program shows its token"
_GUARD = "looked at before every call, not asked for"
_DRAFT = "a draft, and what is on its way into one, is of a browser; a program sends when it has the words"
_PRESENCE = "a program is never present"
_STAFF = "who lets people in gives every right: a token that could would be worth all of them"
_COPY = "a person takes a copy away, or has it sent, and answers for whom it was given to"
_FILE = "attachments of customers are opened one by one, by people, and each of them is noted"
WITHHELD: Mapping[str, str] = {
    "alert_hours.begin_telegram": "the code is shown to the house's bot by the person whose telephone it is",
    "alert_hours.end_telegram": "as beginning it",
    "alerts.bell": _ACCOUNT,
    "canned.offer": _DRAFT,
    "copies.copy_of": _COPY,
    "copies.note_taken": _COPY,
    "drafts.attach": _DRAFT,
    "drafts.detach": _DRAFT,
    "drafts.keep_refused": _DRAFT,
    "drafts.of": _DRAFT,
    "drafts.save": _DRAFT,
    "logins.count_wrong_code": _DOOR,
    "logins.enter": _DOOR,
    "logins.knock": _DOOR,
    "logins.leave": _DOOR,
    "logins.prove": _DOOR,
    "logins.seen": _DOOR,
    "logins.turn_away": _DOOR,
    "logins.waits_for_code": _DOOR,
    "logins.who": _DOOR,
    "looks.note": _GUARD,
    "looks.noted": _GUARD,
    "mentions.colleagues": "names to choose from while somebody types; listStaff has them",
    "mentions.look": "whoever was mentioned has seen it; a program is mentioned nowhere",
    "mentions.waits": "as seeing it",
    "openid.come_in": _DOOR,
    "openid.connect": _DOOR,
    "openid.disconnect": _DOOR,
    "openid.turn_away": _DOOR,
    "own_data.handled": "what was decided stands in the audit log (readAudit)",
    "own_data.send_copy": _COPY,
    "presence.choose": _PRESENCE,
    "presence.heard": _PRESENCE,
    "presence.of": _PRESENCE,
    "presence.worth_noting": _PRESENCE,
    "programs.end_token": "a token that could end or make tokens would be worth all of them",
    "programs.make_token": "a token that could end or make tokens would be worth all of them",
    "programs.tokens_made": "a token that could end or make tokens would be worth all of them",
    "sight.sees": _GUARD,
    "sight.sight_of": _GUARD,
    "spam.blocked": "a contact says of itself whether it is blocked (readCard)",
    "staff.change_roles": _STAFF,
    "staff.come_in": _DOOR,
    "staff.end_other_sessions": _ACCOUNT,
    "staff.invite": _STAFF,
    "staff.let_go": _STAFF,
    "staff.own_account": _ACCOUNT,
    "staff.reset": _STAFF,
    "staff.set_language": _ACCOUNT,
    "staff.set_password": _ACCOUNT,
    "staff.set_second_factor": _ACCOUNT,
    "staff.take_back": _STAFF,
    "staff.way": _DOOR,
    "thread.attachment": _FILE,
    "thread.payload": _FILE,
    "typing.shown_to": _PRESENCE,
    "writing.undo": _DRAFT,
}
"""Why a program cannot ask for it."""

Verb = Callable[..., Any]


def verbs_of_the_console() -> Iterator[Verb]:
    """Every function of the desk that takes a transaction and that a page names."""
    for path in sorted(CONSOLE.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        imported: dict[str, object] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "desk":
                for name in node.names:
                    imported[name.asname or name.name] = _found(node.module or "", name.name)
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id=name)) if isinstance(imported.get(name), ModuleType):
                    found = getattr(imported[name], node.attr, None)
                case ast.Name(id=name):
                    found = imported.get(name)
                case _:
                    continue
            if isfunction(found) and next(iter(signature(found).parameters), "") == "transaction":
                yield found


def _found(module: str, name: str) -> object:
    within = importlib.import_module(module)
    if hasattr(within, name):
        return getattr(within, name)
    return importlib.import_module(f"{module}.{name}")


def named(verb: Verb) -> str:
    return f"{verb.__module__.rpartition('.')[2]}.{verb.__name__}"


def test_whatever_the_console_does_a_program_can_do_or_there_is_a_reason() -> None:
    verbs = set(verbs_of_the_console())
    assert len(verbs) > 120, "the pages were read"
    offered = {named(call.verb) for call in CALLS}
    missing = {named(verb) for verb in verbs} - offered - set(OTHERWISE) - set(WITHHELD)
    assert missing == set()


def test_no_reason_stands_for_what_is_offered_or_is_gone() -> None:
    verbs = {named(verb) for verb in verbs_of_the_console()}
    names, offered = {call.name for call in CALLS}, {named(call.verb) for call in CALLS}
    assert set(OTHERWISE.values()) <= names
    assert not (set(OTHERWISE) | set(WITHHELD)) & offered
    assert (set(OTHERWISE) | set(WITHHELD)) - verbs == set()
    assert not set(OTHERWISE) & set(WITHHELD)
