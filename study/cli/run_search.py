"""A search in front of a person: trained, then its front; or what it would cost."""

from __future__ import annotations

from dataclasses import asdict

from storage import without_password
from study.cli.console import Messages, print_rows
from study.cli.machine_text import json_text
from study.cli.search_answers import find_and_print_front
from study.cli.train import end_early, resume_command, train
from study.config import StudyConfig
from study.estimate import Estimate
from study.problem import Search
from study.problem.rung_options import rungs_text
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError
from study.sampling.registry import sampler_class
from study.search.fresh_seeds import confirm_where_asked, largest_cheap_front
from study.training import Interrupted
from study.workers.stop import Stop


def resume(study: OpenStudy, messages: Messages, *, quiet: bool, lease: float | None = None) -> None:
    """Trains what is missing of a search that exists, then prints its front."""
    for line in study.problem.data_summary.lines():
        messages.info(line)
    messages.info(f"study {study.name} in {study.storage.place}: {study.total} trials in all")
    say_how_searched(study, messages)
    train_and_print_front(study, messages, quiet=quiet, lease=lease)


def train_and_print_front(
    study: OpenStudy, messages: Messages, form: str = "table", *, quiet: bool, lease: float | None = None
) -> None:
    """Trains what is missing of a search, then prints its front; or says how to continue."""
    with Stop(seconds=study.problem.config.timeout) as stop:
        complete = train(study, messages, stop=stop, quiet=quiet, lease=lease)
        try:
            if complete:
                confirm_where_asked(study, stop=stop, log=messages.info)
                find_and_print_front(study, messages, form, stop=stop)
                return
        except NoResultsError as error:
            messages.warn(str(error))
            return
        except Interrupted:
            pass
        end_early(stop, messages, f"continue with: {resume_command(study)}")


def say_how_searched(study: OpenStudy, messages: Messages) -> None:
    """Prints on stderr who is stopped early, and that a study will end before its sampler has learned anything."""
    if (text := rungs_text(study.problem.config)) is not None:
        messages.info(text)
    if (text := unlearned(study.problem.config.model_copy(update={"trials": study.total}))) is not None:
        messages.info(text)


def unlearned(config: StudyConfig) -> str | None:
    """One line where a study ends before its sampler has learned anything from outcomes; else None."""
    uninformed = sampler_class(config.sampler).uninformed_trials(config.cohort, config.sampler_options)
    if uninformed is None or config.trials > uninformed:
        return None
    return (
        f"--sampler {config.sampler} learns nothing in {config.trials} trials: the first {uninformed} are spread over "
        f"the space before it sees an outcome; more --trials or a smaller --cohort than {config.cohort} let it learn"
    )


def print_plan(plan: Estimate, problem: Search, form: str) -> None:
    """Prints a configuration, what it would cost, and what becomes of the data."""
    name, config, data = problem.name, problem.config, problem.data_summary
    shown_config = config.model_copy(update={"name": name, "storage": without_password(config.storage)})
    options = shown_config.model_dump(mode="json")
    remarks = [text for text in [*problem.network_lines, rungs_text(config), unlearned(config)] if text is not None]
    if form == "json":
        plan_and_data = {"plan": asdict(plan), "summary": data.values, "remarks": remarks}
        print(json_text({**options, **plan_and_data}))
        return
    lines = {key: ",".join(map(str, value)) if isinstance(value, list) else value for key, value in options.items()}
    lines |= {
        "slots": f"{plan.slots} ({plan.slots_a_cohort} a cohort, in {plan.blocks_a_cohort} blocks)",
        "epochs_of_all": f"{plan.slot_epochs}{'' if plan.share == 1 else f' ({plan.share:.1%} of all, as some stop)'}",
        "memory": f"{plan.memory / 2**20:.0f} MiB",
        "seconds": f"{'about' if config.patience is None else 'at most'} {plan.seconds:.0f}",
    }
    most = largest_cheap_front(config)
    if config.confirm is None:
        lines["confirm"] = f"where the front has at most {most} {'trial' if most == 1 else 'trials'}" if most else False
    cells = {key: "–" if value in (None, "") else str(value) for key, value in lines.items()}
    if form == "csv":
        print_rows([cells | {"remarks": "; ".join(remarks)}], form)
        return
    for key, value in cells.items():
        print(f"{key:<16} {value}")
    for line in [*data.lines(), *remarks]:
        print(line)
