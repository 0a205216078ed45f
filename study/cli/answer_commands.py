"""The commands that read: status, front, advise, export, predict, report."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from study.cli.app import app, interruptible, opened, reopened
from study.cli.error_lines import ending
from study.cli.options import DataPath, Debug, FileFormat, Format, Name, Output, with_options
from study.config import read_config


@app.command()
@with_options("storage")
def status(
    *,
    options: dict[str, Any],
    watch: Annotated[
        bool, typer.Option("--watch", help="go on, with the workers: what they train, their rates")
    ] = False,
    form: Format = "table",
    debug: Debug = False,
) -> None:
    """Lists the studies of a database: totals, states, last activity; with --watch their workers too."""
    with ending(debug) as messages:
        from study.cli.console import check_format, print_rows

        check_format(form)
        with opened(read_config({"storage": options["storage"]}).storage, create=False) as database:
            from study.cli.live_status import status_rows

            if watch:
                from study.cli.live_status import follow
                from study.workers.stop import Stop

                with Stop() as stop:
                    follow(database, messages, form, stop=stop)
                return
            rows = status_rows(database)
            if not rows:
                messages.info(f"{database.place} holds no study yet; start one with `reluctant run`")
            if rows or form != "table":
                print_rows(rows, form)


@app.command()
@with_options("storage", "device", "threads", "tolerance")
def front(
    name: Name = None,
    *,
    data: DataPath = None,
    options: dict[str, Any],
    reference: Annotated[
        bool, typer.Option("--reference", help="train models of scikit-learn on the same split, to compare with")
    ] = False,
    form: Format = "table",
    debug: Debug = False,
) -> None:
    """Prints the feasible front, the recommended trial, and the baseline, with test results."""
    with ending(debug) as messages:
        from study.cli.console import check_format

        check_format(form)
        storage = options.pop("storage")
        if {data, *options.values()} == {None}:
            with opened(read_config({"storage": storage}).storage, create=False) as database:
                from study.search.from_database import stored_front

                known = stored_front(database, name)
                if known is not None and (known[0].reference() or not reference):
                    from study.cli.search_answers import show_front

                    show_front(*known, messages, form)
                    return
        with reopened(name, options, storage=storage, data=data) as study:
            from study.cli.search_answers import find_and_print_front

            with interruptible(messages, "nothing is lost, ask again") as stop:
                find_and_print_front(study, messages, form, stop=stop, with_reference=reference)


@app.command()
@with_options("storage", "device", "threads", "tolerance")
def advise(
    name: Name = None,
    *,
    data: DataPath = None,
    options: dict[str, Any],
    form: Format = "table",
    debug: Debug = False,
) -> None:
    """Says in a few lines what to use, after training the front once more on fresh seeds."""
    with ending(debug) as messages:
        from study.cli.console import check_format

        check_format(form)
        with reopened(name, options, storage=options.pop("storage"), data=data) as study:
            from study.cli.search_answers import print_advice

            with interruptible(messages, "nothing is lost, ask again") as stop:
                print_advice(study, messages, form, stop=stop)


@app.command()
@with_options("storage", "device", "threads")
def export(
    name: Name = None,
    *,
    output: Output = None,
    form: FileFormat = None,
    trial: Annotated[
        str | None, typer.Option("--trial", help="with --model: best (what `front` recommends), or a number")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="a new folder for the trained network of one trial")
    ] = None,
    clamp: Annotated[
        bool, typer.Option("--clamp", help="with --model: set activations near zero to 0, so that they can be skipped")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="tensorboard:FOLDER|mlflow:URI",
            help="write each trial as a run of a tracker, with its curves; again: those that ended since",
        ),
    ] = None,
    data: DataPath = None,
    options: dict[str, Any],
    debug: Debug = False,
) -> None:
    """Writes every trial with its parameters, values and measures; or, with --model, one trained network."""
    with ending(debug) as messages:
        from study.cli.table_files import check_model_options, check_target, export_study

        storage = options.pop("storage")
        if to is not None:
            from study.cli.table_files import check_alone
            from study.trackers import destination, track

            others = {"output": output, "format": form, "model": model, "trial": trial, "clamp": clamp or None}
            check_alone("--to", others | {"data": data, **options})
            where = destination(to)
            with opened(read_config({"storage": storage}).storage, create=False) as database:
                written, present = track(database, name, where)
            there = f"; {present} were there already" if present else ""
            messages.info(f"{written} runs written to {where}{there}")
            return
        check_model_options(
            model, output=output, form=form, others={"trial": trial, "clamp": clamp or None, "data": data, **options}
        )
        if model is None:
            check_target(output, form)
            with opened(read_config({"storage": storage}).storage, create=False) as database:
                count = export_study(database, name, output=output, form=form)
            if output is not None:
                messages.info(f"{count} trials in {output}")
            return
        from study.model import check_folder

        check_folder(model)
        with reopened(name, options, storage=storage, data=data) as study:
            from study.cli.search_answers import export_model_and_print

            with interruptible(messages, "nothing was written") as stop:
                export_model_and_print(study, messages, trial or "best", model, clamp=clamp, stop=stop)


@app.command()
def predict(
    folder: Annotated[str, typer.Argument(help="a model's folder, as `export --model` wrote it")],
    data: Annotated[
        str, typer.Argument(help="file of a table with the columns that the model was trained on, or images")
    ],
    output: Output = None,
    form: FileFormat = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="run the Python code of a user's network in the folder")
    ] = False,
    debug: Debug = False,
) -> None:
    """Predicts the rows of a file: the label and the probability of every class, or a number and its interval."""
    with ending(debug) as messages:
        from study.cli.table_files import check_target, write_rows

        check_target(output, form)
        from study.model import load_model, predict

        found = predict(load_model(folder, trust=trust), data)
        for note in found.notes:
            messages.warn(note)
        write_rows(found.rows(), output=output, form=form)
        if found.accuracy is not None:
            messages.info(f"{found.accuracy:.2%} of the labels in {data} were found")
        if found.errors:
            values = ", ".join(f"{name} {value:.4g}" for name, value in found.errors.items())
            messages.info(f"against the true values in {data}: {values}")


@app.command()
@with_options("storage", "device", "threads")
def report(
    name: Name = None,
    *,
    output: Annotated[str, typer.Option("--output", "-o", help="HTML file")] = "report.html",
    data: DataPath = None,
    options: dict[str, Any],
    debug: Debug = False,
) -> None:
    """Writes the report of a search or a comparison: one HTML file that opens without a network."""
    with ending(debug) as messages:
        from study.report import check_report

        check_report(output)
        with reopened(name, options, storage=options.pop("storage"), data=data) as study:
            from study.report import write_report

            with interruptible(messages, "nothing was written") as stop:
                write_report(study, output, stop=stop)
            messages.info(f"the report of {study.name} is in {output}")
