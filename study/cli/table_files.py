"""Trials as files: CSV, Parquet, JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reluctant.errors import unknown
from study.cli.console import print_rows
from study.cli.machine_text import cell, json_text, write_csv
from study.config import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from storage import CohortStorage

FILE_FORMATS = ("csv", "json", "parquet")
FORMATS = (*FILE_FORMATS, "table")


class ExportError(ConfigError):
    """A file that cannot be written as asked."""


def check_target(output: str | None, form: str | None) -> None:
    """Refuses an unknown format or an output that cannot be written, before any work is done.

    Args:
        output: File, or None for stdout.
        form: Format, or None for the file's suffix.
    """
    if form is not None and form not in FORMATS:
        raise ExportError(unknown("format", form, FORMATS))
    if output is not None and Path(output).expanduser().is_dir():
        example = Path(output) / "trials.csv"
        raise ExportError(f"--output is {output!r}, a folder; it needs the name of a file, as in {example}")
    chosen = _format(output, form)
    if output is None:
        if chosen == "parquet":
            raise ExportError("parquet is no text for a terminal; name a file with -o trials.parquet")
        return
    folder = Path(output).expanduser().parent
    if not folder.is_dir():
        raise ExportError(f"{folder} is no folder; create it, or choose another --output")
    if chosen == "table":
        raise ExportError(f"a table is for the eye; write {output} as one of: {', '.join(FILE_FORMATS)}")


def check_model_options(
    model: str | None, *, output: str | None, form: str | None, others: Mapping[str, str | bool | None]
) -> None:
    """Refuses options of a model's export beside those of a table's, and the reverse.

    Args:
        model: Folder of `--model`.
        output: File of `--output`.
        form: Format of `--format`.
        others: Options that a model's export alone has, by name; None means not given.
    """
    given = [f"--{name}" for name, value in others.items() if value is not None]
    if model is None and given:
        raise ExportError(f"{given[0]} is given without --model; a table of all trials has no use for it; add --model")
    if model is not None and (output is not None or form is not None):
        raise ExportError("--model writes a folder, and --output or --format a table; ask for one of the two")


def check_alone(option: str, others: Mapping[str, str | bool | None]) -> None:
    """Refuses options beside one that has no use for them.

    Args:
        option: The one, with its hyphens.
        others: The others by name, without; None means not given.
    """
    given = [f"--{name}" for name, value in others.items() if value is not None]
    if given:
        raise ExportError(f"{given[0]} is given beside {option}, which has no use for it; leave one of the two out")


def export_study(storage: CohortStorage, name: str | None, *, output: str | None, form: str | None) -> int:
    """Writes every trial of a study, one row a trial.

    Args:
        storage: Where the study lives.
        name: The study's name; None: the only one there is.
        output: File, or None for stdout.
        form: Format, or None for the file's suffix, and CSV on stdout.

    Returns:
        How many trials were written.

    Raises:
        StudyNotFoundError: There is none of that name, or not one alone.
        ExportError: The file cannot be written.
    """
    if output is not None and Path(output).expanduser().resolve() == Path(storage.place):
        raise ExportError(f"{output} is the database itself, and would be overwritten; choose another --output")
    from study.records.attributes import resolve_name
    from study.records.trial_rows import trial_rows

    name = resolve_name(storage, name)
    study_id = storage.study_id(name)
    metric_names = storage.get_study_system_attrs(study_id).get("study:metric_names")
    objectives = len(storage.get_study_directions(study_id))
    rows = trial_rows(storage.read_trials(study_id), metric_names or [str(index) for index in range(objectives)])
    write_rows(rows, output=output, form=form)
    return len(rows)


def write_rows(rows: Sequence[Mapping[str, Any]], *, output: str | None, form: str | None) -> None:
    """Writes rows as a file, or prints them.

    Args:
        rows: Values by column.
        output: File, or None for stdout.
        form: Format, or None for the file's suffix, and CSV on stdout.

    Raises:
        ExportError: The file cannot be written.
    """
    chosen = _format(output, form)
    if output is None:
        print_rows(rows, chosen)
        return
    path = Path(output).expanduser()
    try:
        if chosen == "parquet":
            with path.open("wb") as stream:  # pyarrow takes no paths that are not UTF-8
                _frame(rows).to_parquet(stream, index=False)
            return
        with path.open("w", encoding="utf-8", newline="") as text:
            if chosen == "csv":
                write_csv(rows, text)
            else:
                text.write(json_text(rows) + "\n")
    except OSError as error:
        raise ExportError(f"cannot write {output}: {error.strerror}; choose another --output") from None


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table whose columns have one type each; values of several types in one column become text."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    for name in [name for name, kind in frame.dtypes.items() if kind == "object"]:
        column = frame[name]
        kinds = {bool if isinstance(value, bool) else type(value) for value in column[column.notna()]}
        if kinds - {bool} and kinds - {str}:
            texts = [
                None if is_missing else _cell_text(value)
                for value, is_missing in zip(column, column.isna(), strict=True)
            ]
            frame[name] = pd.Series(texts, dtype="str")
    return frame


def _cell_text(value: Any) -> str:
    return value if isinstance(value, str) else str(cell(value))


def _format(output: str | None, form: str | None) -> str:
    if form is not None:
        return form
    if output is None:
        return "csv"
    suffix = Path(output).suffix.removeprefix(".").lower()
    if suffix not in FILE_FORMATS:
        raise ExportError(unknown("file format", suffix, FILE_FORMATS, where=output) + "; or say it with --format")
    return suffix
