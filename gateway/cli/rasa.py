"""`rapport nlu train`, `serve` and `status`: Rasa's models, and the server that has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway.cli.app import err, load_settings
from gateway.cli.nlu import nlu_app

if TYPE_CHECKING:
    from gateway.settings import Settings
    from nlu.rasa_models import Card, Score
    from nlu.rasa_project import Environment
    from nlu.rasa_promotion import Comparison

NO_MODEL = "no model is served yet: `rapport nlu train --promote` makes one"


@nlu_app.command()
def train(
    context: typer.Context,
    promote: Annotated[
        bool, typer.Option(help="Serve it from now on, unless it is worse than the one served.")
    ] = False,
    test: Annotated[
        Path | None, typer.Option(help="Messages to compare on, instead of a tenth of the training data.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the examples.")] = None,
) -> None:
    """Train a Rasa model on the training files, and compare it with the one that is served. Takes minutes.

    Exit status 3: it is worse by more than chance, and was not promoted.
    """
    settings = load_settings(context)
    card, comparison = _train(settings, _installed(), test, epochs)
    _print_comparison(card, comparison)
    if not promote:
        return
    if not comparison.promotes:
        err.print("It is worse by more than chance: the model that is served stays.", style="red")
        raise typer.Exit(3)
    _promote(settings, card)


@nlu_app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; whoever reaches it needs the token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 5005,
) -> None:
    """Serve Rasa until told to stop; without a model, train one first. `rapport run --nlu rasa` finds it by itself."""
    import asyncio

    from gateway import logs
    from gateway.rasa_child import models_of

    settings = load_settings(context)
    environment = _installed()
    if models_of(settings).served() is None:
        card, comparison = _train(settings, environment, None, None)
        _print_comparison(card, comparison)
        _promote(settings, card)
    logs.configure(settings.logs)
    asyncio.run(_serve(settings, environment, host, port))


@nlu_app.command()
def install() -> None:
    """Make Rasa's environment: Python 3.10 and some 500 MB of libraries, exactly as nlu/rasa/uv.lock says."""
    from nlu.rasa_project import InstallationFailed, ensure_environment

    try:
        ensure_environment()
    except InstallationFailed as error:
        err.print(f"{error}.", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


@nlu_app.command()
def status(context: typer.Context) -> None:
    """Which engine understands, with which model, how good it is, and how it is."""
    from gateway.rasa_child import models_of
    from nlu.rasa_supervisor import told

    settings = load_settings(context)
    models = models_of(settings)
    now = told(models.folder)
    served = models.served()
    lines = {
        "engine": settings.nlu.engine,
        "circuit": _circuit(settings),
        "rasa": _elsewhere(settings) or f"{now.state} {now.url or ''}".strip(),
        "  failed last": now.reason,
        "  server": f"process {now.server}, started anew {now.restarts} times" if now.server else "",
        "  answers with": now.model if now.url else "",
        "served": NO_MODEL if served is None else served,
        **{f"{'→' if name == served else ' '} {name}": _about(models.card(name)) for name in models.names()},
    }
    say = Console(highlight=False, markup=False, soft_wrap=True).print
    for name, words in lines.items():
        if words:
            say(f"{name:<20} {words}")


def _installed() -> Environment:
    from nlu.rasa_project import RasaMissing, find_environment

    try:
        return find_environment()
    except RasaMissing as missing:
        err.print(f"{missing}.", style="red", highlight=False, markup=False)
        raise typer.Exit(1) from None


def _train(
    settings: Settings, environment: Environment, test: Path | None, epochs: int | None
) -> tuple[Card, Comparison]:
    from datetime import UTC, datetime

    from gateway.rasa_child import models_of
    from gateway.training_folder import training_folder
    from nlu import datasets, rasa_promotion
    from nlu.embedded import TrainingFailed
    from nlu.rasa_server import ServerFailed
    from nlu.training import TrainingDataMistakes

    try:
        asked = None if test is None else (str(test), datasets.read(test).examples)
        with Console(stderr=True).status("") as shown:
            return rasa_promotion.train(
                environment,
                models_of(settings),
                training_folder(settings),
                now=datetime.now(UTC),
                test=asked,
                epochs=epochs,
                say=lambda words: shown.update(f"Rasa: {words} …"),
            )
    except TrainingDataMistakes as error:
        for mistake in error.mistakes:
            err.print(str(mistake), style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except (TrainingFailed, ServerFailed) as error:
        err.print(f"{error}.", style="red", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _print_comparison(card: Card, comparison: Comparison) -> None:
    say = Console(highlight=False, markup=False, soft_wrap=True).print
    say(f"Model {card.name}: {card.examples} examples learnt in {card.seconds:.0f} s ({card.epochs} epochs).")
    say(f"On {comparison.new.tested} messages ({card.tested_on}) it understands {_share(comparison.new)}.")
    if comparison.new.calibration_error is not None:
        off = f"{comparison.new.calibration_error:.1%} off the share of right answers"
        say(f"Its confidences, at the temperature {card.temperature:.2f}, are {off}.")
    if comparison.served is None:
        say("None is served yet.")
        return
    say(f"The one that is served understands {_share(comparison.served)} of the same.")
    say(
        f"{comparison.better} messages are understood by the new one alone, {comparison.worse} by the served one alone;"
        f" two equally good models differ so by chance with probability {comparison.chance:.2f}."
    )
    if comparison.familiar:
        say("The served one may have learnt from these messages: it looks better than it is.")


def _share(score: Score) -> str:
    words = f"{score.right} ({score.accuracy:.1%})"
    return f"{words}, and refuses {score.refused} of {score.out_of_scope} out of scope" if score.out_of_scope else words


def _promote(settings: Settings, card: Card) -> None:
    from datetime import UTC, datetime

    from gateway.rasa_child import models_of

    models_of(settings).serve(card, datetime.now(UTC))
    Console(highlight=False).print(f"{card.name} is served from now on; a running server takes it by itself.")


async def _serve(settings: Settings, environment: Environment, host: str, port: int) -> None:
    import asyncio
    import signal

    from gateway.rasa_child import models_of, token_of_settings
    from nlu.rasa_supervisor import Supervisor

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    models = models_of(settings)
    supervisor = Supervisor(environment, models, token=token_of_settings(settings), host=host, port=port)
    supervisor.start()
    await stop.wait()
    await supervisor.stop()


def _about(card: Card | None) -> str:
    if card is None:
        return "its card is lost"
    tested = (
        f"of {card.score.tested} messages ({card.tested_on}) understands {_share(card.score)}" if card.score else ""
    )
    if card.score and card.score.calibration_error is not None:
        tested += f", with confidences {card.score.calibration_error:.1%} off"
    promoted = f"; promoted {card.promoted_at:%Y-%m-%d %H:%M}" if card.promoted_at else ""
    return f"trained {card.trained_at:%Y-%m-%d %H:%M} on {card.examples} examples; {tested or 'untested'}{promoted}"


def _elsewhere(settings: Settings) -> str:
    """What the server says that the settings name; nothing where they name none."""
    import asyncio

    from gateway.check import PATIENCE, check_rasa

    if settings.nlu.rasa_url is None:
        return ""
    asked = settings.model_copy(update={"nlu": settings.nlu.model_copy(update={"engine": "rasa"})})

    async def ask() -> str:
        async with asyncio.timeout(PATIENCE):
            return " ".join(finding.sentence for finding in await check_rasa(asked))

    try:
        return asyncio.run(ask())
    except TimeoutError:
        return f"Rasa at {settings.nlu.rasa_url} did not answer within {PATIENCE:g} seconds."


def _circuit(settings: Settings) -> str:
    """What the running gateway says of the way to the preferred engine."""
    import re
    from http.client import HTTPException
    from urllib.request import urlopen

    from gateway.lock import running

    process = running(settings.data_dir) if settings.embedded else None
    host = "127.0.0.1" if settings.server.host in ("0.0.0.0", "::") else settings.server.host  # noqa: S104
    url = process.url if process is not None and process.url else f"http://{host}:{settings.server.port}"
    try:
        with urlopen(f"{url}/metrics", timeout=3) as answer:  # noqa: S310 - our own process
            told = answer.read().decode(errors="replace")
    except (OSError, HTTPException):
        return "the gateway does not run"
    state = re.search(r'^rapport_nlu_circuit\{state="(\w+)"\} 1', told, re.MULTILINE)
    return state[1] if state else "there is none: the embedded engine is the only one"
