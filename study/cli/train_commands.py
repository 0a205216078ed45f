"""The commands that train: run, compare, resume, worker."""

from __future__ import annotations

from typing import Annotated

import typer

from study.cli.app import app, opened, reopened
from study.cli.error_lines import ending
from study.cli.options import (
    CheckpointEvery,
    Checkpoints,
    CpusPerWorker,
    DataPath,
    Debug,
    Device,
    Format,
    GpusPerWorker,
    Lease,
    Name,
    Quiet,
    Ray,
    Storage,
    Threads,
    Timeout,
    Workers,
    option,
)
from study.config import OF_ONE_RUN, StudyConfig, read_config


@app.command()
def run(
    data: Annotated[
        str | None, typer.Argument(help="built-in name, file, folder, or openml:ID  [default: digits]")
    ] = None,
    target: Annotated[str | None, option("target")] = None,
    rows: Annotated[str | None, option("rows")] = None,
    space: Annotated[str | None, option("space")] = None,
    trials: Annotated[str | None, option("trials")] = None,
    seeds: Annotated[str | None, option("seeds")] = None,
    epochs: Annotated[str | None, option("epochs")] = None,
    hidden: Annotated[str | None, option("hidden")] = None,
    batch_size: Annotated[str | None, option("batch_size")] = None,
    learning_rate: Annotated[str | None, option("learning_rate")] = None,
    optimizer: Annotated[str | None, option("optimizer")] = None,
    objective: Annotated[str | None, option("objective")] = None,
    sparsity_weight: Annotated[str | None, option("sparsity_weight")] = None,
    metric: Annotated[str | None, option("metric")] = None,
    sparsity: Annotated[str | None, option("sparsity")] = None,
    min_accuracy: Annotated[str | None, option("min_accuracy")] = None,
    sampler: Annotated[str | None, option("sampler")] = None,
    cohort: Annotated[str | None, option("cohort")] = None,
    seed: Annotated[str | None, option("seed")] = None,
    storage: Storage = None,
    name: Annotated[str | None, option("name")] = None,
    device: Device = None,
    threads: Threads = None,
    timeout: Timeout = None,
    workers: Workers = None,
    ray: Ray = None,
    cpus_per_worker: CpusPerWorker = None,
    gpus_per_worker: GpusPerWorker = None,
    checkpoints: Checkpoints = None,
    checkpoint_every: CheckpointEvery = None,
    lease: Lease = None,
    config: Annotated[str | None, typer.Option("--config", help="TOML file with these options")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and write nothing")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Starts a study, or continues it where it exists, and prints its front."""
    options = {key: value for key, value in locals().items() if key in StudyConfig.model_fields}
    with ending(debug, quiet) as messages:
        resolved = read_config(options, file=config)
        from study.cli.run_search import print_plan, train_and_print_front
        from study.problem import Search
        from study.records.open_study import create_or_open

        problem = Search.of(resolved)
        judge = problem.judge
        if dry_run:
            from study.estimate import estimate

            print_plan(problem.name, resolved, estimate(problem))
            return
        with opened(resolved.storage) as database:
            study = create_or_open(problem, database)
            baseline = problem.space.baseline(problem.defaults)
            wanted = {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.0}
            missing = {key: value for key, value in wanted.items() if baseline.get(key, value) != value}
            if missing:
                messages.warn(
                    f"the space lacks the baseline's {', '.join(f'{k} {v}' for k, v in missing.items())}; "
                    f"trial 0 uses {', '.join(f'{k} {baseline[k]}' for k in missing)} instead"
                )
            messages.info(
                f"study {study.name} in {database.place}: {study.total} trials x {resolved.seeds} seeds, "
                f"floor {judge.floor:.4f}"
            )
            train_and_print_front(study, messages, quiet=quiet, lease=lease)


@app.command()
def compare(
    data: Annotated[
        list[str] | None, typer.Argument(help="data sets, as for `run`  [default: digits]", show_default=False)
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", help="column to predict: one for all tables, or one for each", show_default=False),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            help="replicates, each with a split of its own  [default: 10]",
            metavar="<int>",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[str | None, option("rows")] = None,
    epochs: Annotated[str | None, option("epochs")] = None,
    hidden: Annotated[
        str | None,
        typer.Option("--hidden", help="units of every hidden layer  [default: 64]", metavar="<int>"),
    ] = None,
    batch_size: Annotated[str | None, option("batch_size")] = None,
    learning_rate: Annotated[str | None, option("learning_rate")] = None,
    optimizer: Annotated[str | None, option("optimizer")] = None,
    seed: Annotated[str | None, option("seed")] = None,
    storage: Storage = None,
    name: Annotated[str | None, option("name")] = None,
    device: Device = None,
    threads: Threads = None,
    workers: Workers = None,
    ray: Ray = None,
    cpus_per_worker: CpusPerWorker = None,
    gpus_per_worker: GpusPerWorker = None,
    checkpoints: Checkpoints = None,
    checkpoint_every: CheckpointEvery = None,
    timeout: Timeout = None,
    lease: Lease = None,
    form: Format = "table",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and write nothing")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Tests twelve claims about activations by paired designs, and prints a verdict for each."""
    given = {key: value for key, value in locals().items() if key in StudyConfig.model_fields and key != "data"}
    identity = {key: given.pop(key) for key in ("target", "rows", "seeds", "epochs", "batch_size", "learning_rate")}
    identity |= {key: given.pop(key) for key in ("optimizer", "seed", "hidden")}
    with ending(debug, quiet) as messages:
        from study.cli.console import check_format
        from study.cli.run_comparison import (
            DEFAULTS,
            comparisons,
            open_comparisons,
            print_plans,
            train_and_print_verdicts,
        )

        check_format(form)
        columns = identity.pop("target")
        asked = data or columns or any(value is not None for value in identity.values())
        config = read_config({**given, **DEFAULTS, **{k: v for k, v in identity.items() if v is not None}})
        wanted = comparisons(data or ["digits"], columns or [], config)
        if dry_run:
            print_plans(wanted)
            return
        with opened(config.storage) as database:
            overrides = config.model_dump(include={name for name in OF_ONE_RUN if given.get(name) is not None})
            studies = open_comparisons(wanted, database, stored=None if asked else name, overrides=overrides)
            train_and_print_verdicts(studies, messages, form, quiet=quiet, lease=lease)


@app.command()
def resume(
    name: Name = None,
    trials: Annotated[
        str | None,
        typer.Option("--trials", help="trials of the study in all", metavar="<int>", show_default=False),
    ] = None,
    data: DataPath = None,
    storage: Storage = None,
    device: Device = None,
    threads: Threads = None,
    timeout: Timeout = None,
    workers: Workers = None,
    ray: Ray = None,
    cpus_per_worker: CpusPerWorker = None,
    gpus_per_worker: GpusPerWorker = None,
    checkpoints: Checkpoints = None,
    checkpoint_every: CheckpointEvery = None,
    lease: Lease = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Continues a study until it has its total of trials, and prints its front."""
    options = {key: value for key, value in locals().items() if key in OF_ONE_RUN}
    with ending(debug, quiet) as messages, reopened(name, options, storage=storage, data=data) as study:
        from study.cli import run_comparison, run_search
        from study.problem import Comparison

        run = run_comparison if isinstance(study.problem, Comparison) else run_search
        run.resume(study, messages, quiet=quiet, lease=lease)


@app.command()
def worker(
    name: Annotated[str, typer.Argument(help="study's name")],
    data: DataPath = None,
    storage: Storage = None,
    device: Device = None,
    threads: Threads = None,
    timeout: Timeout = None,
    checkpoints: Checkpoints = None,
    checkpoint_every: CheckpointEvery = None,
    lease: Lease = None,
    sharing: Annotated[int, typer.Option("--sharing", hidden=True, min=1)] = 1,
    tied: Annotated[bool, typer.Option("--tied", hidden=True)] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Works on a study that exists, beside any number of others, on any machine that reaches its database."""
    options = {key: value for key, value in locals().items() if key in OF_ONE_RUN}
    with ending(debug, quiet) as messages:
        patience = 60.0 if tied else 0.0
        with reopened(name, options, storage=storage, data=data, keep=False, patience=patience) as study:
            from study.cli.train import train_as_one_worker

            train_as_one_worker(study, messages, quiet=quiet, tied=tied, lease=lease, sharing=sharing)
