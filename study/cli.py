"""The command line: thin commands over what can be imported."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from reluctant import __version__
from study.config import OF_ONE_RUN, StudyConfig, read_config
from study.exits import ending, usage_line
from study.statuses import DONE, FAILED, INTERRUPTED, WRONG_USAGE

if TYPE_CHECKING:
    from storage import CohortStorage

app = typer.Typer(
    name="reluctant",
    help="Finds out, by measurement on your data, which activation, slope, initialization and dropout to use.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _option(name: str, *flags: str, **settings: Any) -> Any:
    """A command line option for a field of the configuration, with its text and default.

    Every one is taken as text: `StudyConfig` alone judges what is a value.
    """
    field = StudyConfig.model_fields[name]
    default = field.default
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    text = f"{field.description}" + ("" if shown is None else f"  [default: {shown}]")
    kind = next((kind for kind in (int, float) if kind in (field.annotation, *get_args(field.annotation))), str)
    return typer.Option(
        *(flags or (f"--{name.replace('_', '-')}",)),
        help=text,
        metavar=f"<{kind.__name__}>",
        show_default=False,
        show_envvar=False,
        **settings,
    )


Storage = Annotated[str | None, _option("storage", envvar="RELUCTANT_STORAGE")]
Threads = Annotated[str | None, _option("threads")]
Device = Annotated[str | None, _option("device")]
Timeout = Annotated[str | None, _option("timeout")]
Workers = Annotated[str | None, _option("workers")]
Checkpoints = Annotated[str | None, _option("checkpoints")]
CheckpointEvery = Annotated[str | None, _option("checkpoint_every")]
Ray = Annotated[str | None, _option("ray")]
CpusPerWorker = Annotated[str | None, _option("cpus_per_worker")]
GpusPerWorker = Annotated[str | None, _option("gpus_per_worker")]
Lease = Annotated[float | None, typer.Option("--lease", hidden=True, min=0.1)]
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, results only")]
Debug = Annotated[bool, typer.Option("--debug", help="show tracebacks")]
Format = Annotated[str, typer.Option("--format", help="table, json, or csv")]
Name = Annotated[str | None, typer.Argument(help="study's name; default: the only one there is", show_default=False)]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", help="file.csv, .parquet or .json; default: stdout", show_default=False),
]
FileFormat = Annotated[
    str | None,
    typer.Option("--format", help="csv, json, parquet or table; default: by the file's name, else csv"),
]
DataPath = Annotated[str | None, typer.Option("--data", help="where the study's data lie now", show_default=False)]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="show the version")] = False
) -> None:
    if version:
        print(f"reluctant {__version__}")
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)


@app.command()
def run(
    data: Annotated[
        str | None, typer.Argument(help="built-in name, file, folder, or openml:ID  [default: digits]")
    ] = None,
    target: Annotated[str | None, _option("target")] = None,
    rows: Annotated[str | None, _option("rows")] = None,
    space: Annotated[str | None, _option("space")] = None,
    trials: Annotated[str | None, _option("trials")] = None,
    seeds: Annotated[str | None, _option("seeds")] = None,
    epochs: Annotated[str | None, _option("epochs")] = None,
    hidden: Annotated[str | None, _option("hidden")] = None,
    batch_size: Annotated[str | None, _option("batch_size")] = None,
    learning_rate: Annotated[str | None, _option("learning_rate")] = None,
    optimizer: Annotated[str | None, _option("optimizer")] = None,
    objective: Annotated[str | None, _option("objective")] = None,
    sparsity_weight: Annotated[str | None, _option("sparsity_weight")] = None,
    metric: Annotated[str | None, _option("metric")] = None,
    sparsity: Annotated[str | None, _option("sparsity")] = None,
    min_accuracy: Annotated[str | None, _option("min_accuracy")] = None,
    sampler: Annotated[str | None, _option("sampler")] = None,
    cohort: Annotated[str | None, _option("cohort")] = None,
    seed: Annotated[str | None, _option("seed")] = None,
    storage: Storage = None,
    name: Annotated[str | None, _option("name")] = None,
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
        from study.opening import create_or_open
        from study.problem import Problem
        from study.runner import print_plan, work_and_print

        problem = Problem.of(resolved)
        judge = problem.judge
        if dry_run:
            from study.estimate import estimate

            print_plan(problem.name, resolved, estimate(problem))
            return
        with _opened(resolved.storage) as database:
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
            work_and_print(study, messages, quiet=quiet, lease=lease)


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
    rows: Annotated[str | None, _option("rows")] = None,
    epochs: Annotated[str | None, _option("epochs")] = None,
    hidden: Annotated[
        str | None,
        typer.Option("--hidden", help="units of every hidden layer  [default: 64]", metavar="<int>"),
    ] = None,
    batch_size: Annotated[str | None, _option("batch_size")] = None,
    learning_rate: Annotated[str | None, _option("learning_rate")] = None,
    optimizer: Annotated[str | None, _option("optimizer")] = None,
    seed: Annotated[str | None, _option("seed")] = None,
    storage: Storage = None,
    name: Annotated[str | None, _option("name")] = None,
    device: Device = None,
    threads: Threads = None,
    workers: Workers = None,
    timeout: Timeout = None,
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
        from study.comparing import DEFAULTS, print_plans, problems, studies_of, work_and_print
        from study.console import check_format

        check_format(form)
        columns = identity.pop("target")
        asked = data or columns or any(value is not None for value in identity.values())
        config = read_config({**given, **DEFAULTS, **{k: v for k, v in identity.items() if v is not None}})
        wanted = problems(data or ["digits"], columns or [], config)
        if dry_run:
            print_plans(wanted)
            return
        with _opened(config.storage) as database:
            studies = studies_of(wanted, database, saved=None if asked else name)
            work_and_print(studies, messages, form, quiet=quiet)


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
    with ending(debug, quiet) as messages:
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            from study import comparing
            from study.opening import reopen
            from study.runner import work_and_print

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            if study.problem.design is not None:
                comparing.work_and_print([study], messages, "table", quiet=quiet)
                return
            messages.info(f"study {study.name} in {database.place}: {study.total} trials in all")
            work_and_print(study, messages, quiet=quiet, lease=lease)


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
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False, patience=60.0 if tied else 0.0) as database:
            from study.opening import reopen
            from study.runner import work_beside_others

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides, keep=False)
            work_beside_others(study, messages, quiet=quiet, tied=tied, lease=lease, sharing=sharing)


@app.command()
def status(
    storage: Storage = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="go on, with the workers: what they train, their rates")
    ] = False,
    form: Format = "table",
    debug: Debug = False,
) -> None:
    """Lists the studies of a database: totals, states, last activity; with --watch their workers too."""
    with ending(debug) as messages:
        from study.console import check_format, print_rows

        check_format(form)
        with _opened(read_config({"storage": storage}).storage, create=False) as database:
            from study.listing import status_rows

            if watch:
                from study.signals import Stop
                from study.status import follow

                with Stop() as stop:
                    follow(database, messages, form, stop=stop)
                return
            rows = status_rows(database)
            if not rows:
                messages.info(f"{database.place} holds no study yet; start one with `reluctant run`")
            if rows or form != "table":
                print_rows(rows, form)


@app.command()
def front(
    name: Name = None,
    data: DataPath = None,
    storage: Storage = None,
    form: Format = "table",
    device: Device = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Prints the feasible front, the recommended trial, and the baseline, with test results."""
    with ending(debug) as messages:
        from study.console import check_format

        check_format(form)
        options = {"device": device, "threads": threads}
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            from study.opening import reopen
            from study.runner import print_front
            from study.signals import Stop
            from study.training import Interrupted

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            with Stop() as stop:
                try:
                    print_front(study, messages, form, stop=stop)
                except Interrupted:
                    messages.warn("interrupted; nothing is lost, ask again")
                    raise typer.Exit(INTERRUPTED) from None


@app.command()
def advise(
    name: Name = None,
    data: DataPath = None,
    storage: Storage = None,
    form: Format = "table",
    device: Device = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Says in five lines what to use, after training the front once more on fresh seeds."""
    with ending(debug) as messages:
        from study.console import check_format

        check_format(form)
        options = {"device": device, "threads": threads}
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            from study.opening import reopen
            from study.runner import print_advice
            from study.signals import Stop
            from study.training import Interrupted

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            with Stop() as stop:
                try:
                    print_advice(study, messages, form, stop=stop)
                except Interrupted:
                    messages.warn("interrupted; nothing is lost, ask again")
                    raise typer.Exit(INTERRUPTED) from None


@app.command()
def export(
    name: Name = None,
    output: Output = None,
    form: FileFormat = None,
    trial: Annotated[
        str | None, typer.Option("--trial", help="with --model: best (what `front` recommends), or a number")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="a new folder for the trained network of one trial")
    ] = None,
    data: DataPath = None,
    storage: Storage = None,
    device: Device = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Writes every trial with its parameters, values and measures; or, with --model, one trained network."""
    with ending(debug) as messages:
        from study.export import check_model_options, check_target, export_study

        options = {"device": device, "threads": threads}
        check_model_options(model, output=output, form=form, others={"trial": trial, "data": data, **options})
        if model is None:
            check_target(output, form)
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            if model is None:
                count = export_study(database, name, output=output, form=form)
                if output is not None:
                    messages.info(f"{count} trials in {output}")
                return
            from study.model import check_folder
            from study.opening import reopen
            from study.runner import export_and_say
            from study.signals import Stop

            check_folder(model)
            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            with Stop() as stop:
                export_and_say(study, messages, trial or "best", model, stop=stop)


@app.command()
def predict(
    folder: Annotated[str, typer.Argument(help="a model's folder, as `export --model` wrote it")],
    data: Annotated[
        str, typer.Argument(help="CSV, TSV or Parquet file with the columns that the model was trained on")
    ],
    output: Output = None,
    form: FileFormat = None,
    debug: Debug = False,
) -> None:
    """Predicts the rows of a file: the label, and the probability of every class."""
    with ending(debug) as messages:
        from study.export import check_target, write_rows

        check_target(output, form)
        from study.model import load_model, predict

        found = predict(load_model(folder), data)
        for note in found.notes:
            messages.warn(note)
        write_rows(found.rows(), output=output, form=form)
        if found.accuracy is not None:
            messages.info(f"{found.accuracy:.2%} of the labels in {data} were found")


@app.command()
def report(
    name: Name = None,
    output: Annotated[str, typer.Option("--output", "-o", help="HTML file")] = "report.html",
    data: DataPath = None,
    storage: Storage = None,
    device: Device = None,
    threads: Threads = None,
    debug: Debug = False,
) -> None:
    """Writes the report of a search or a comparison: one HTML file that opens without a network."""
    with ending(debug) as messages:
        from study.report import check_report

        check_report(output)
        options = {"device": device, "threads": threads}
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            from study.opening import reopen
            from study.report import write_report
            from study.signals import Stop
            from study.training import Interrupted

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            with Stop() as stop:
                try:
                    write_report(study, output, stop=stop)
                except Interrupted:
                    messages.warn("interrupted; nothing was written")
                    raise typer.Exit(INTERRUPTED) from None
            messages.info(f"the report of {study.name} is in {output}")


@app.command()
def dashboard(
    storage: Storage = None,
    port: Annotated[int, typer.Option("--port", help="port; 0: any free one", min=0, max=65535)] = 8080,
    host: Annotated[str, typer.Option("--host", help="address to listen on; there is no TLS")] = "127.0.0.1",
    allow_edit: Annotated[
        bool, typer.Option("--allow-edit", help="let visitors change and delete studies, not only read them")
    ] = False,
    debug: Debug = False,
) -> None:
    """Shows the database in optuna-dashboard, with our figures: on this machine, behind a token, read only."""
    with ending(debug) as messages:
        from study.dashboard import is_local, serve
        from study.signals import Stop

        place = read_config({"storage": storage}).storage
        with _opened(place, create=False) as database, Stop() as stop:

            def ready(url: str) -> None:
                messages.info(f"{database.place} at {url} (Ctrl-C ends it)")

            if not is_local(host):
                messages.warn(
                    f"--host {host} is reached from other machines and there is no TLS: whoever is in between can read "
                    "the token and the studies; an SSH tunnel to 127.0.0.1 is safer"
                )
            serve(database, host=host, port=port, allow_edit=allow_edit, ready=ready, stop=stop)


@app.command()
def doctor(storage: Storage = None, debug: Debug = False) -> None:
    """Shows versions, threads, devices, and whether the database is sound."""
    with ending(debug):
        from study.doctor import examine

        sound = examine(read_config({"storage": storage}).storage)
        if not sound:
            raise typer.Exit(FAILED)


def main() -> None:
    """Runs the command line; every mistake of a user is one line."""
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        print(f"error: {usage_line(error)}", file=sys.stderr)
        sys.exit(WRONG_USAGE)


@contextmanager
def _opened(place: str, *, create: bool = True, patience: float = 0.0) -> Iterator[CohortStorage]:
    """A database; a server that does not answer is asked again for so many seconds."""
    import optuna

    from storage import StorageAwayError, open_storage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    until = time.monotonic() + patience
    while True:
        try:
            database = open_storage(place, create=create)
            break
        except StorageAwayError:
            if time.monotonic() >= until:
                raise
            time.sleep(1.0)
    try:
        yield database
    finally:
        database.close()
