"""The command line: thin commands over what can be imported."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from reluctant import ReluctantError, ReluctantWarning, __version__
from study.config import ConfigError, StudyConfig, read_config

if TYPE_CHECKING:
    from storage import CohortStorage
    from study.console import Messages
    from study.opening import OpenStudy

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

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
Quiet = Annotated[bool, typer.Option("--quiet", help="no progress, results only")]
Debug = Annotated[bool, typer.Option("--debug", help="show tracebacks")]
Format = Annotated[str, typer.Option("--format", help="table, json, or csv")]
Name = Annotated[str | None, typer.Argument(help="study's name; default: the only one there is", show_default=False)]
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
    config: Annotated[str | None, typer.Option("--config", help="TOML file with these options")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be done, and write nothing")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Starts a study, or continues it where it exists, and prints its front."""
    options = {key: value for key, value in locals().items() if key in StudyConfig.model_fields}
    with _errors(debug, quiet) as messages:
        resolved = read_config(options, file=config)
        from study.opening import Problem, create_or_open

        problem = Problem.of(resolved)
        judge = problem.judge
        if dry_run:
            from study.estimate import estimate

            _print_plan(problem.name, resolved, estimate(problem))
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
            _work_and_print(study, messages, quiet=quiet)


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
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Continues a study until it has its total of trials, and prints its front."""
    options = {"trials": trials, "device": device, "threads": threads, "timeout": timeout}
    with _errors(debug, quiet) as messages:
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            from study.opening import reopen

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            messages.info(f"study {study.name} in {database.place}: {study.total} trials in all")
            _work_and_print(study, messages, quiet=quiet)


@app.command()
def status(storage: Storage = None, form: Format = "table", debug: Debug = False) -> None:
    """Lists the studies of a database: totals, states, last activity."""
    with _errors(debug) as messages:
        from study.console import check_format, print_rows

        check_format(form)
        with _opened(read_config({"storage": storage}).storage, create=False) as database:
            from study.analysis.tables import status_rows

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
    with _errors(debug) as messages:
        from study.console import check_format

        check_format(form)
        options = {"device": device, "threads": threads}
        checked = read_config(options | {"storage": storage})
        with _opened(checked.storage, create=False) as database:
            from study.opening import reopen

            overrides = checked.model_dump(include=set(options), exclude_unset=True)
            study = reopen(database, name, data=data, overrides=overrides)
            _print_front(study, messages, form)


@app.command()
def export(
    name: Name = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="file.csv, .parquet or .json; default: stdout")
    ] = None,
    storage: Storage = None,
    form: Annotated[
        str | None, typer.Option("--format", help="csv, json, parquet or table; default: by the file's name, else csv")
    ] = None,
    debug: Debug = False,
) -> None:
    """Writes every trial with its parameters, values and measures."""
    with _errors(debug) as messages:
        from study.export import check_target, export_study

        check_target(output, form)
        with _opened(read_config({"storage": storage}).storage, create=False) as database:
            count = export_study(database, name, output=output, form=form)
            if output is not None:
                messages.info(f"{count} trials in {output}")


@app.command()
def dashboard(
    storage: Storage = None,
    port: Annotated[int, typer.Option("--port", help="port on 127.0.0.1; 0: any free one", min=0, max=65535)] = 8080,
    debug: Debug = False,
) -> None:
    """Shows the database in optuna-dashboard, on this machine only."""
    with _errors(debug) as messages:
        from study.dashboard import serve
        from study.signals import Stop

        place = read_config({"storage": storage}).storage
        with _opened(place, create=False) as database, Stop() as stop:

            def ready(url: str) -> None:
                messages.info(f"{database.place} at {url} (Ctrl-C ends it)")

            serve(database, port=port, ready=ready, stop=stop)


@app.command()
def doctor(storage: Storage = None, debug: Debug = False) -> None:
    """Shows versions, threads, devices, and whether the database is sound."""
    with _errors(debug):
        from study.doctor import examine

        sound = examine(read_config({"storage": storage}).storage)
        if not sound:
            raise typer.Exit(FAILED)


def main() -> None:
    """Runs the command line; every mistake of a user is one line."""
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        print(f"error: {_usage(error)}", file=sys.stderr)
        sys.exit(WRONG_USAGE)


def _usage(error: typer.TyperException) -> str:
    """One line for a command or option that the parser does not understand."""
    context = getattr(error, "ctx", None)
    seen = " ".join(error.format_message().split()).rstrip(".")
    end = "" if seen.endswith("?") else "."
    return f"{seen[:1].lower()}{seen[1:]}{end} See `{context.command_path if context else 'reluctant'} --help`"


@contextmanager
def _errors(debug: bool, quiet: bool = False) -> Iterator[Messages]:
    """Turns errors into a line and an exit status, and warnings of ours into lines."""
    from study.console import Messages

    messages = Messages(quiet=quiet)
    with warnings.catch_warnings():
        if not debug:
            warnings.simplefilter("ignore")
        warnings.simplefilter("always", ReluctantWarning)
        show = warnings.showwarning

        def show_ours(message: Any, category: Any, *rest: Any, **named: Any) -> None:
            if issubclass(category, ReluctantWarning):
                messages.warn(str(message))
            else:
                show(message, category, *rest, **named)

        warnings.showwarning = show_ours
        try:
            yield messages
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough.
            sys.stderr.close()
            raise typer.Exit(FAILED) from None
        except ReluctantError as error:
            if debug:
                traceback.print_exc()
            messages.error(str(error))
            raise typer.Exit(_status(error)) from None


def _status(error: ReluctantError) -> int:
    """What a user can mend in the command is wrong usage; the rest is a failure."""
    if isinstance(error, ConfigError):  # before anything heavy is loaded
        return WRONG_USAGE
    from storage import StorageError, StorageRefusedError, StudyNotFoundError

    if isinstance(error, StorageError):
        return WRONG_USAGE if isinstance(error, StorageRefusedError | StudyNotFoundError) else FAILED
    from study.analysis.front import NoResultsError

    return FAILED if isinstance(error, NoResultsError) else WRONG_USAGE


@contextmanager
def _opened(place: str, *, create: bool = True) -> Iterator[CohortStorage]:
    import optuna

    from storage import open_storage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    database = open_storage(place, create=create)
    try:
        yield database
    finally:
        database.close()


def _work_and_print(study: OpenStudy, messages: Messages, *, quiet: bool) -> None:
    """Trains what is missing, then prints the front; or says how to go on."""
    from study.analysis.front import NoResultsError
    from study.console import ProgressView
    from study.signals import Stop
    from study.worker import work

    judge = study.problem.judge
    view = ProgressView(messages, metric_names=judge.metric_names, reference=judge.reference_point, quiet=quiet)
    with Stop(seconds=study.problem.config.timeout) as stop:
        with view:
            complete = work(study, stop=stop, report=view, log=messages.info)
        if not complete:
            reason = "interrupted" if stop.signalled else "time is up"
            messages.warn(f"{reason}; everything finished is kept; continue with: {_resume_line(study)}")
            raise typer.Exit(INTERRUPTED if stop.signalled else DONE)
    try:
        _print_front(study, messages, "table")
    except NoResultsError as error:
        messages.warn(str(error))


def _resume_line(study: OpenStudy) -> str:
    import shlex

    return f"reluctant resume {shlex.quote(study.name)} --storage {shlex.quote(study.storage.place)}"


def _print_front(study: OpenStudy, messages: Messages, form: str) -> None:
    from study.analysis import tested_front
    from study.analysis.tables import front_rows
    from study.console import front_cells, print_rows

    config = study.problem.config
    found = tested_front(study, study.storage.read_trials(study.study_id))
    rows = front_rows(found, config)
    print_rows(rows, form, table=front_cells(rows, config.metric, config.sparsity))
    errors = (
        f"± is the standard error over {config.seeds} seeds" if config.seeds > 1 else "one seed gives no standard error"
    )
    messages.info(
        f"{errors}; differences are paired, to the recommended trial; "
        "these trials were chosen on these seeds, so expect a little less on new ones"
    )


def _print_plan(name: str, config: StudyConfig, plan: Any) -> None:
    from storage import without_password

    shown_config = config.model_copy(update={"name": name, "storage": without_password(config.storage)})
    for key, value in shown_config.model_dump(mode="json").items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        print(f"{key:<16} {'–' if shown is None else shown}")
    print(f"{'slots':<16} {plan.slots} ({plan.slots_a_cohort} a cohort, in {plan.blocks_a_cohort} blocks)")
    print(f"{'memory':<16} {plan.memory / 2**20:.0f} MiB")
    print(f"{'seconds':<16} about {plan.seconds:.0f}")
