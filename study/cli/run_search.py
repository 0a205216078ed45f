"""A study in front of a person: trained with its progress shown, then its front; or what it would cost."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import typer

from reluctant.exit_codes import DONE, INTERRUPTED
from storage import LeasesLostError, StorageUnreachableError, without_password
from study.cli.console import Messages, ProgressView, print_front, print_rows
from study.cli.stop import Stop
from study.config import StudyConfig
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError
from study.search.advice import advice_rows, advise
from study.search.fresh_seeds import FRESH_SEEDS, train_fresh
from study.search.from_database import StoredSearch
from study.search.held_out_scores import front_with_test
from study.search.rows import front_rows
from study.training import Interrupted
from study.workers.launch import launch
from study.workers.worker import work


def work_and_print(study: OpenStudy, messages: Messages, *, quiet: bool, lease: float | None = None) -> None:
    """Trains what is missing, then prints the front; or says how to go on."""
    judge = study.problem.judge
    view = ProgressView(messages, metric_names=judge.metric_names, reference=judge.reference_point, quiet=quiet)
    with Stop(seconds=study.problem.config.timeout) as stop:
        with view:
            several = study.problem.config.workers > 1 or study.problem.config.ray is not None
            complete = (launch if several else work)(study, stop=stop, report=view, log=messages.info, lease=lease)
        try:
            if complete:
                find_and_print_front(study, messages, "table", stop=stop)
                return
        except NoResultsError as error:
            messages.warn(str(error))
            return
        except Interrupted:
            pass
        reason = "interrupted" if stop.signalled else "time is up"
        messages.warn(f"{reason}; everything finished is kept; continue with: {_resume_line(study)}")
        raise typer.Exit(INTERRUPTED if stop.signalled else DONE)


def work_beside_others(
    study: OpenStudy, messages: Messages, *, quiet: bool, tied: bool, lease: float | None, sharing: int
) -> None:
    """One worker among any number: trains until the study has its total, and prints nothing but how it went.

    Args:
        study: The study.
        messages: Where lines go.
        quiet: Whether there is no progress to show.
        tied: Whether it ends with whoever started it.
        lease: As for `work`.
        sharing: As for `work`.
    """
    judge = study.problem.judge
    view = ProgressView(messages, metric_names=judge.metric_names, reference=judge.reference_point, quiet=quiet or tied)
    with Stop(seconds=study.problem.config.timeout, starter=tied) as stop, view:
        try:
            complete = work(study, stop=stop, report=view, log=messages.info, lease=lease, sharing=sharing)
        except (LeasesLostError, StorageUnreachableError) as error:
            raise LeasesLostError(f"{error}; continue with: {_worker_line(study)}") from None
    if not complete:
        if not tied:
            reason = "interrupted" if stop.signalled else "time is up"
            messages.warn(f"{reason}; everything finished is kept; continue with: {_worker_line(study)}")
        raise typer.Exit(INTERRUPTED if stop.signalled else DONE)


def _worker_line(study: OpenStudy) -> str:
    return f"reluctant worker {shlex.quote(study.name)} --storage {shlex.quote(study.storage.place)}"


def _resume_line(study: OpenStudy) -> str:
    return f"reluctant resume {shlex.quote(study.name)} --storage {shlex.quote(study.storage.place)}"


def find_and_print_front(study: OpenStudy, messages: Messages, form: str, *, stop: Callable[[], bool]) -> None:
    """Prints the front, with test results; they are measured where they are not kept yet.

    Raises:
        Interrupted: `stop` said so while the front was trained for its test results.
    """
    problem = study.problem
    front = front_with_test(study, StoredSearch.of(study).contenders(), stop=stop)
    print_front(front_rows(front, problem.config, problem.space), problem.config, form, messages)


def print_advice(study: OpenStudy, messages: Messages, form: str, *, stop: Callable[[], bool]) -> None:
    """Prints on stdout what to use, and on stderr how to read it.

    Raises:
        Interrupted: `stop` said so while the front was trained on fresh seeds.
    """
    found = advise(train_fresh(study, stop=stop), study.problem.config)
    if form == "table":
        print("\n".join(found.lines))
    else:
        rows = advice_rows(found, study.problem.config)
        print_rows(rows, form)
    messages.info(
        f"intervals: 95 %, paired over {FRESH_SEEDS} seeds that the search did not use, on the study's test part; "
        "they do not cover other test samples"
    )


def export_and_say(study: OpenStudy, messages: Messages, trial: str, folder: str, *, stop: Callable[[], bool]) -> None:
    """Writes the model of a trial, and says on stderr what it is and how to use it.

    Raises:
        Interrupted: `stop` said so; nothing was written.
    """
    from study.model import export_model

    path, model = export_model(study, trial, folder, stop=stop)
    origin = model.origin
    scores = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in origin["scores"].items())
    messages.info(f"trial {origin['trial']}, replicate {origin['replicate']} in {path}: {scores}")
    if not (path / "model.onnx").exists():
        messages.info("without ONNX; for that, pip install 'reluctant[onnx]'")
    messages.info(f"predict with: reluctant predict {shlex.quote(folder)} DATA.csv")


def print_plan(name: str, config: StudyConfig, plan: Any) -> None:
    """Prints a configuration and what it would cost."""
    shown_config = config.model_copy(update={"name": name, "storage": without_password(config.storage)})
    for key, value in shown_config.model_dump(mode="json").items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key:<16} {'–' if shown is None else shown}")
    print(f"{'slots':<16} {plan.slots} ({plan.slots_a_cohort} a cohort, in {plan.blocks_a_cohort} blocks)")
    print(f"{'memory':<16} {plan.memory / 2**20:.0f} MiB")
    print(f"{'seconds':<16} about {plan.seconds:.0f}")
