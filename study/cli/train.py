"""Training in front of a person: progress while it goes on, and how to continue where it ended early."""

from __future__ import annotations

import shlex
from functools import partial
from typing import NoReturn

import typer

from reluctant.exit_codes import DONE, INTERRUPTED, WRONG_USAGE
from storage import LeasesLostError, StorageUnreachableError
from study.cli.console import Messages, ProgressView
from study.objectives import shown_values
from study.records.open_study import OpenStudy
from study.training import NetworkFailedError
from study.workers.launch import launch
from study.workers.stop import Stop
from study.workers.worker import work


def train(study: OpenStudy, messages: Messages, *, stop: Stop, quiet: bool, lease: float | None = None) -> bool:
    """Trains what is missing of a study, by as many workers as were asked for, and shows progress.

    Args:
        study: A search or a comparison.
        messages: Prints lines on stderr.
        stop: Ends training early.
        quiet: Whether progress is not shown.
        lease: As for `work`.

    Returns:
        Whether the study has its total.
    """
    with progress_view(study, messages, quiet=quiet) as view:
        return launch(study, stop=stop, report=view, log=messages.info, lease=lease)


def train_as_one_worker(
    study: OpenStudy, messages: Messages, *, quiet: bool, tied: bool, lease: float | None, sharing: int
) -> None:
    """Trains as one of any number of workers until the study has its total; prints progress, and no results.

    Args:
        study: The study.
        messages: Prints lines on stderr.
        quiet: Whether progress is not shown.
        tied: Whether the worker ends with the process that started it.
        lease: As for `work`.
        sharing: As for `work`.
    """
    how_to_continue = f"continue with: {_command('worker', study)}"
    with (
        Stop(seconds=study.problem.config.timeout, starter=tied) as stop,
        progress_view(study, messages, quiet=quiet or tied) as view,
    ):
        try:
            complete = work(study, stop=stop, report=view, log=messages.info, lease=lease, sharing=sharing)
        except (LeasesLostError, StorageUnreachableError) as error:
            raise LeasesLostError(f"{error}; {how_to_continue}") from None
        except NetworkFailedError as error:
            if not tied:
                raise
            messages.error(str(error))
            raise typer.Exit(WRONG_USAGE) from None  # whoever started it is not to start it again
    if complete:
        return
    if tied:
        raise typer.Exit(_status(stop))
    end_early(stop, messages, how_to_continue)


def end_early(stop: Stop, messages: Messages, how_to_continue: str) -> NoReturn:
    """Ends a command whose training was interrupted, or ran out of time.

    Args:
        stop: What ended training.
        messages: Prints lines on stderr.
        how_to_continue: The end of the line that is printed.
    """
    reason = "interrupted" if stop.signalled else "time is up"
    messages.warn(f"{reason}; everything finished is kept; {how_to_continue}")
    raise typer.Exit(_status(stop))


def resume_command(study: OpenStudy) -> str:
    """The command that continues a study."""
    return _command("resume", study)


def progress_view(study: OpenStudy, messages: Messages, *, quiet: bool) -> ProgressView:
    """The progress of a study on stderr."""
    problem = study.problem
    shown = partial(shown_values, problem.config)
    return ProgressView(messages, shown=shown, reference=problem.progress_reference, quiet=quiet)


def _command(name: str, study: OpenStudy) -> str:
    return f"reluctant {name} {shlex.quote(study.name)} --storage {shlex.quote(study.storage.place)}"


def _status(stop: Stop) -> int:
    return INTERRUPTED if stop.signalled else DONE
