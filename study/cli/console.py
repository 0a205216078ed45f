"""What a person sees: tables on stdout, progress and messages on stderr."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from reluctant.errors import unknown
from storage import without_password
from study.cli.machine_text import json_text, write_csv
from study.config import ConfigError, StudyConfig
from study.wording import value_text

if TYPE_CHECKING:
    from study.search.reference import ReferenceScore
    from study.workers.worker import StudyProgress

FORMATS = ("table", "json", "csv")


class FormatError(ConfigError):
    """A format that is not known."""


def check_format(name: str) -> None:
    """Refuses an unknown format before any work is done."""
    if name not in FORMATS:
        raise FormatError(unknown("format", name, FORMATS))


def print_rows(
    rows: Sequence[Mapping[str, Any]], form: str, *, table: Sequence[Mapping[str, str]] | None = None
) -> None:
    """Prints rows on stdout.

    Args:
        rows: Full values, for JSON and CSV.
        form: `table`, `json` or `csv`.
        table: Cells as text, for `table`; None: the values as they are.
    """
    if form == "json":
        print(json_text(rows))
    elif form == "csv":
        text = io.StringIO()
        write_csv(rows, text)
        print(text.getvalue(), end="")
    else:
        _print_table(table if table is not None else cells_of(rows))


def cells_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Values as text."""
    return [{name: value_text(value) for name, value in row.items()} for row in rows]


def table_of(cells: Sequence[Mapping[str, str]]) -> Table:
    """Cells as a table, numbers to the right."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    columns = list(cells[0]) if cells else []
    for column in columns:
        texts = [row[column] for row in cells]
        numeric = all(text[:1] in "-+0123456789–—·" or not text for text in texts)
        grid.add_column(escape(column), justify="right" if numeric else "left", no_wrap=True)
    for row in cells:
        grid.add_row(*(escape(row[column]) for column in columns))
    return grid


def _print_table(cells: Sequence[Mapping[str, str]]) -> None:
    console = Console(file=sys.stdout, highlight=False)
    # Nothing is cut: a terminal that is too narrow wraps its lines.
    console.width = max(console.width, table_width(cells))
    console.print(table_of(cells), soft_wrap=True)


def table_width(cells: Sequence[Mapping[str, str]]) -> int:
    """Characters of a line of `table_of`; a console that is narrower cuts headers and cells."""
    columns = list(cells[0]) if cells else []
    return sum(max(len(column), *(len(row[column]) for row in cells)) + 2 for column in columns)


def print_front(
    rows: Sequence[Mapping[str, Any]],
    config: StudyConfig,
    form: str,
    messages: Messages,
    *,
    reference: Sequence[ReferenceScore] = (),
) -> None:
    """Prints the rows of a front and what reference models reach on stdout, and on stderr how to read them."""
    from study.search.recommendation import regret_text, rule_text
    from study.search.reference import reference_line, reference_rows
    from study.search.rows import front_cells

    chosen = next(row for row in rows if row["role"] == "recommended")
    below = reference_rows(reference, list(rows[0]), config.metric)
    print_rows([*rows, *below], form, table=front_cells(rows, config))
    value = chosen[f"test_{config.score}"]
    test_score = None if value is None else config.judged_by.score(value)
    line = reference_line(reference, chosen["trial"], test_score, config.judged_by)
    if form == "table" and line is not None:
        print(line)
    errors = (
        f"± is the standard error over {config.replicates_text}"
        if config.replicates > 1
        else "one seed gives no standard error"
    )
    if config.clamps:
        messages.info(
            f"{config.score} and {config.sparsity} are those of the network whose activations of at most 1 % of their "
            f"layer's root mean square are set to 0; {config.metric} is that of the network as it was trained, and "
            "clamping the difference"
        )
    regret = regret_text(chosen["expected_regret"], config.judged_by)
    messages.info(
        "; ".join([f"trial {chosen['trial']} is recommended: {chosen['basis']}", *([regret] if regret else [])])
    )
    messages.info(
        f"{rule_text(config)}; {errors}; differences are paired, to the recommended trial; "
        "the front was chosen on these seeds, so expect slightly worse on new ones"
    )


class Messages:
    """Lines on stderr, coloured where stderr is a terminal that wants it; passwords are hidden in all of them."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet

    def info(self, line: str) -> None:
        """Something that is good to know; not said where the user wants quiet."""
        if not self._quiet:
            self.console.print(escape(without_password(line)))

    def warn(self, line: str) -> None:
        """Something that the user should know."""
        self.console.print(f"[yellow]warning:[/] {escape(_one_line(line))}")

    def error(self, line: str) -> None:
        """Why nothing more happens, in one line whatever the user's names hold."""
        self.console.print(f"[red]error:[/] {escape(_one_line(line))}")


def _one_line(text: str) -> str:
    return without_password(" ".join(text.splitlines()))


class ProgressView:
    """A study's progress on stderr: a bar in a terminal, else a line a cohort; a context manager."""

    def __init__(
        self,
        messages: Messages,
        *,
        shown: Callable[[Sequence[float]], list[str]],
        reference: Sequence[float],
        quiet: bool,
    ) -> None:
        self._messages, self._quiet = messages, quiet
        self._shown, self._reference = shown, reference
        self._started, self._before = time.monotonic(), -1
        self._bar: Progress | None = None
        if messages.console.is_terminal and not quiet:
            self._bar = Progress(
                BarColumn(bar_width=16),
                MofNCompleteColumn(),
                TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True)),
                console=messages.console,
            )
            self._task = self._bar.add_task("", total=None, figures="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: StudyProgress) -> None:
        """Shows where the study stands."""
        if self._quiet:
            return
        if self._before < 0:
            self._before = progress.done
        figures = self._figures(progress)
        if self._bar is not None:
            self._bar.update(self._task, completed=progress.done, total=progress.total, figures=figures)
        else:
            self._messages.info(f"{progress.done} of {progress.total} trials · {figures}" if figures else "starting")

    def _figures(self, progress: StudyProgress) -> str:
        from study.pareto import hypervolume

        parts = []
        # Others may work on the study too: what is left is divided by the rate of all of them.
        seconds, gained = time.monotonic() - self._started, progress.done - self._before
        if progress.trained:
            others = f" of {gained / seconds:.1f} with all workers" if gained > progress.trained else ""
            parts.append(f"{progress.trained / seconds:.1f} trials/s{others}")
        if progress.best:
            if len(self._reference) == 2:
                parts.append(f"hypervolume {hypervolume(progress.best, self._reference):.4f}")
            parts.append(f"best {self._shown(progress.best[0])[0]}")
        if gained > 0 and progress.total > progress.done:
            parts.append(f"{(progress.total - progress.done) * seconds / gained:.0f} s left")
        return " · ".join(parts)
