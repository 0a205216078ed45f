"""A search in front of a person: trained, then its front; or what it would cost."""

from __future__ import annotations

from typing import Any

from storage import without_password
from study.cli.console import Messages
from study.cli.search_answers import find_and_print_front
from study.cli.stop import Stop
from study.cli.train import end_early, resume_command, train
from study.config import StudyConfig
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError
from study.sampling.registry import SAMPLERS
from study.training import Interrupted


def resume(study: OpenStudy, messages: Messages, *, quiet: bool, lease: float | None = None) -> None:
    """Trains what is missing of a search that exists, then prints its front."""
    messages.info(f"study {study.name} in {study.storage.place}: {study.total} trials in all")
    train_and_print_front(study, messages, quiet=quiet, lease=lease)


def train_and_print_front(study: OpenStudy, messages: Messages, *, quiet: bool, lease: float | None = None) -> None:
    """Trains what is missing of a search, then prints its front; or says how to continue."""
    with Stop(seconds=study.problem.config.timeout) as stop:
        complete = train(study, messages, stop=stop, quiet=quiet, lease=lease)
        try:
            if complete:
                find_and_print_front(study, messages, "table", stop=stop)
                return
        except NoResultsError as error:
            messages.warn(str(error))
            return
        except Interrupted:
            pass
        end_early(stop, messages, f"continue with: {resume_command(study)}")


def unlearned(config: StudyConfig) -> str | None:
    """One line where a study ends before its sampler has learned anything from outcomes; else None."""
    uninformed = SAMPLERS[config.sampler].load().uninformed_trials(config.cohort)
    if uninformed is None or config.trials > uninformed:
        return None
    return (
        f"--sampler {config.sampler} learns nothing in {config.trials} trials: the first {uninformed} are spread over "
        f"the space before it sees an outcome; more --trials or a smaller --cohort than {config.cohort} let it learn"
    )


def print_plan(name: str, config: StudyConfig, plan: Any) -> None:
    """Prints a configuration and what it would cost."""
    shown_config = config.model_copy(update={"name": name, "storage": without_password(config.storage)})
    for key, value in shown_config.model_dump(mode="json").items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key:<16} {'–' if shown in (None, '') else shown}")
    print(f"{'slots':<16} {plan.slots} ({plan.slots_a_cohort} a cohort, in {plan.blocks_a_cohort} blocks)")
    print(f"{'memory':<16} {plan.memory / 2**20:.0f} MiB")
    print(f"{'seconds':<16} about {plan.seconds:.0f}")
    if (text := unlearned(config)) is not None:
        print(text)
