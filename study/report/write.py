"""The report of a study as a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from study.config import ConfigError
from study.problem import Comparison, Problem, Search
from study.records.open_study import OpenStudy
from study.report.page import Page, render

_SUFFIXES = (".html", ".htm")


class ReportError(ConfigError):
    """A report that cannot be written as asked."""


def check_report(output: str) -> Path:
    """Refuses a file that cannot be written, before any work is done.

    Raises:
        ReportError: It is a folder, its folder does not exist, or its name does not end as an HTML file's.
    """
    path = Path(output).expanduser()
    if path.is_dir():
        raise ReportError(
            f"--output is {output!r}, a folder; it needs the name of a file, as in {path / 'report.html'}"
        )
    if path.suffix.lower() not in _SUFFIXES:
        raise ReportError(f"--output is {output!r}; a report is HTML: its name needs to end in .html")
    if not path.parent.is_dir():
        raise ReportError(f"there is no folder {path.parent}; create it, or choose another --output")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ReportError(f"{output} cannot be written to; choose another --output")
    return path


def write_report(study: OpenStudy, output: str, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Writes the report of a study, whole or not at all.

    Args:
        study: A search or a comparison.
        output: The file.
        stop: Asked at every step of training, because trials without test results are trained once more.

    Raises:
        ReportError: The file cannot be written.
        NoResultsError: The study has nothing to report yet.
        Interrupted: `stop` said so.
    """
    path = check_report(output)
    text = render(_PAGES[type(study.problem)](study, stop))
    try:
        number, work = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            # A path that is no UTF-8 is shown with escapes.
            with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(work, 0o666 & ~mask)
            os.replace(work, path)
        except BaseException:
            Path(work).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ReportError(f"cannot write {output}: {error.strerror or error}; choose another --output") from None


def _search_page(study: OpenStudy, stop: Callable[[], bool]) -> Page:
    from study.report.search_page import search_page

    return search_page(study, stop=stop)


def _comparison_page(study: OpenStudy, stop: Callable[[], bool]) -> Page:
    from study.report.comparison_page import comparison_page

    return comparison_page(study)


_PAGES: dict[type[Problem], Callable[[OpenStudy, Callable[[], bool]], Page]] = {
    Search: _search_page,
    Comparison: _comparison_page,
}
