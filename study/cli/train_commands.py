"""The commands that train: run, compare, resume, worker."""

from __future__ import annotations

import functools
from typing import Annotated, Any

import typer

from study.cli.app import app, opened, reopened
from study.cli.error_lines import ending
from study.cli.options import (
    OF_A_RUN,
    OF_A_WORKER,
    DataPath,
    Debug,
    DryRun,
    Format,
    Lease,
    Name,
    Quiet,
    option,
    with_options,
)
from study.config import (
    COMPARISON_DEFAULTS,
    COMPARISON_OPTIONS,
    SEARCH_OPTIONS,
    Scope,
    StudyConfig,
    comparison_defaults,
    read_config,
)


@app.command()
@with_options(*(name for name in SEARCH_OPTIONS if name != "data"))
def run(
    data: Annotated[
        str | None, typer.Argument(help="built-in name, file, folder, or openml:ID  [default: digits]")
    ] = None,
    *,
    options: dict[str, Any],
    lease: Lease = None,
    config: Annotated[str | None, typer.Option("--config", help="TOML file with these options")] = None,
    form: Format = "table",
    dry_run: DryRun = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Starts a study, or continues it where it exists, and prints its front."""
    with ending(debug, quiet) as messages:
        from study.cli.console import check_format

        check_format(form)
        resolved = read_config({"data": data, **options}, file=config)
        from study.cli.run_search import print_plan, say_how_searched, train_and_print_front
        from study.problem import Search
        from study.records.open_study import create_or_open
        from study.sampling.proposer import Proposer

        problem = Search.of(resolved)
        Proposer.of(problem)  # refuses a sampler that does not fit, before anything is written
        judge = problem.judge
        if dry_run:
            from study.estimate import estimate

            print_plan(estimate(problem), problem, form)
            return
        with opened(resolved.storage) as database:
            study = create_or_open(problem, database)
            for line in [*study.problem.data_summary.lines(), *study.problem.network_lines]:
                messages.info(line)
            baseline = problem.space.baseline(problem.defaults)
            wanted = {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0}
            missing = {key: value for key, value in wanted.items() if baseline.get(key, value) != value}
            if missing:
                messages.warn(
                    f"the space lacks the baseline's {', '.join(f'{k} {v}' for k, v in missing.items())}; "
                    f"trial 0 uses {', '.join(f'{k} {baseline[k]}' for k in missing)} instead"
                )
            seeds = f"{resolved.seeds} seeds" if resolved.cv is None else resolved.replicates_text
            if study.problem.halving is not None and resolved.replicates > 1:
                seeds = f"up to {seeds}"
            messages.info(
                f"study {study.name} in {database.place}: {study.total} trials x {seeds}, floor {judge.floor:.4f}"
            )
            say_how_searched(study, messages)
            train_and_print_front(study, messages, form, quiet=quiet, lease=lease)


def _of_a_comparison(name: str, description: str) -> Any:
    return option(name, default=COMPARISON_DEFAULTS[name], description=description)


@app.command()
@with_options(
    *COMPARISON_OPTIONS,
    target=Annotated[
        list[str] | None,
        typer.Option("--target", help="column to predict: one for all tables, or one for each", show_default=False),
    ],
    claims=Annotated[str | None, option("claims", default="1-12")],
    seeds=Annotated[str | None, _of_a_comparison("seeds", "splits, each with random streams of its own; of a cnn 3")],
    epochs=Annotated[str | None, option("epochs", description="passes over the training part; of a cnn 10")],
    learning_rate=Annotated[str | None, option("learning_rate", description="step size of all that do not tune it")],
    hidden=Annotated[str | None, _of_a_comparison("hidden", "units of every hidden layer")],
    channels=Annotated[str | None, option("channels", description="channels of each block of a cnn; default: 8,16")],
)
def compare(
    data: Annotated[
        list[str] | None, typer.Argument(help="data sets, as for `run`  [default: digits]", show_default=False)
    ] = None,
    *,
    options: dict[str, Any],
    lease: Lease = None,
    form: Format = "table",
    dry_run: DryRun = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tests claims about activations by paired designs, and prints a verdict for each."""
    with ending(debug, quiet) as messages:
        from study.cli.console import check_format
        from study.cli.run_comparison import (
            comparisons,
            open_comparisons,
            print_plans,
            train_and_print_verdicts,
        )

        check_format(form)
        columns, name = options.pop("target") or [], options["name"]
        given = {key: value for key, value in options.items() if value is not None}
        decides_what_is_compared = {*StudyConfig.options(Scope.IDENTITY), "test", "rows", "drop", "keep", "image_size"}
        asked = data or columns or given.keys() & decides_what_is_compared
        config = read_config({**comparison_defaults(given.get("network")), **given})
        wanted = comparisons(data or ["digits"], columns, config)
        if dry_run:
            print_plans(wanted, form)
            return
        with opened(config.storage) as database:
            overrides = config.model_dump(include=given.keys() & {*OF_A_RUN})
            studies = open_comparisons(wanted, database, stored=None if asked else name, overrides=overrides)
            train_and_print_verdicts(studies, messages, form, quiet=quiet, lease=lease)


@app.command()
@with_options("storage", *OF_A_RUN, trials=Annotated[str | None, option("trials", default="as before")])
def resume(
    name: Name = None,
    *,
    data: DataPath = None,
    options: dict[str, Any],
    lease: Lease = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Continues a study until it has its total of trials, and prints its front."""
    storage = options.pop("storage")
    with ending(debug, quiet) as messages, reopened(name, options, storage=storage, data=data) as study:
        from study.cli import run_comparison, run_search
        from study.problem import Comparison

        run = run_comparison if isinstance(study.problem, Comparison) else run_search
        run.resume(study, messages, quiet=quiet, lease=lease)


@app.command()
@with_options("storage", *OF_A_WORKER, "timeout")
def worker(
    name: Annotated[str, typer.Argument(help="study's name")],
    *,
    data: DataPath = None,
    options: dict[str, Any],
    lease: Lease = None,
    sharing: Annotated[int, typer.Option("--sharing", hidden=True, min=1)] = 1,
    tied: Annotated[bool, typer.Option("--tied", hidden=True)] = False,
    study_id: Annotated[int | None, typer.Option("--study-id", hidden=True)] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Works on a study that exists, beside any number of others, on any machine that reaches its database."""
    storage = options.pop("storage")
    with ending(debug, quiet) as messages:
        known = functools.partial(reopened, study_id=study_id, keep=False, patience=60.0 if tied else 0.0)
        with known(name, options, storage=storage, data=data) as study:
            from study.cli.train import train_as_one_worker

            train_as_one_worker(study, messages, quiet=quiet, tied=tied, lease=lease, sharing=sharing)
