"""What searches and comparisons have in common as objects, and how both begin."""

from __future__ import annotations

import html
import os
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from reluctant.errors import UnknownNameError, unknown
from reluctant.interface.database import named, opened
from reluctant.interface.options import configuration
from reluctant.interface.training import check_workers, interruptible, train
from study.config import Scope, StudyConfig
from study.problem import Problem
from study.records.open_study import OpenStudy, create_or_open
from study.records.trial_rows import trial_rows
from study.report.plot import Section
from study.sampling.proposer import Proposer

if TYPE_CHECKING:
    import optuna
    import plotly.graph_objects as go

_FIGURE = "-figure"  # ends the id of a figure in the report's page where it is the section's only one


class AnyStudy(ABC):
    """What searches and comparisons have in common. It holds its database open; `close` ends that."""

    def __init__(self, opened: OpenStudy, *, progress: bool = True) -> None:
        self._opened, self._progress = opened, progress

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database; the study stays there, and `load` opens it again."""
        self._opened.storage.close()

    @property
    def name(self) -> str:
        """The study's name."""
        return self._opened.name

    @property
    def storage(self) -> str:
        """Where the study lives: an SQLite file, or a URL without its password."""
        return self._opened.storage.place

    @property
    def options(self) -> dict[str, Any]:
        """The options that the study was begun with; `storage` without its password."""
        return self._opened.problem.config.model_dump() | {"storage": self.storage}

    @cached_property
    def optuna(self) -> optuna.Study:
        """The study as Optuna's own class, on the same database: for its plots, importances, or `ask` and `tell`."""
        import optuna

        return optuna.load_study(study_name=self.name, storage=self._opened.storage)

    def trials(self) -> pd.DataFrame:
        """All trials of the study, one row each, as `reluctant export` writes them; the index is their number."""
        storage, study_id = self._opened.storage, self._opened.study_id
        rows = trial_rows(storage.read_trials(study_id), self._opened.problem.judge.metric_names)
        return pd.DataFrame(rows).set_index("number") if rows else pd.DataFrame()

    def export(self, to: str) -> None:
        """Writes the trials that have ended as runs of a tracker, with their curves; again: those that ended since.

        Args:
            to: `tensorboard:FOLDER` or `mlflow:URI`.

        Raises:
            TrackerError: There is no such tracker, its package is not installed, or it cannot be written.
        """
        from study.trackers import destination, track

        track(self._opened.storage, self.name, destination(to))

    def resume(self, **options: Any) -> Self:
        """Trains until the study has its total of trials.

        Args:
            options: Options of this run, as `reluctant resume` has them: `trials`, `workers`, `timeout`, …

        Raises:
            UnknownOptionError: There is no such option of a run.
            ConfigError: A value makes no sense, or the study has more trials already.
        """
        config = configuration(options, of=StudyConfig.options(Scope.RUN))
        overrides = config.model_dump(include=set(options), exclude_unset=True)
        continued = self._opened.continued(overrides)
        check_workers(continued.problem)
        self._opened = continued
        self._train()
        return self

    def report(self, path: str | os.PathLike[str] = "report.html") -> None:
        """Writes the report: one HTML file that opens without a network.

        Raises:
            ReportError: The file cannot be written.
            NoResultsError: The study has nothing to report yet.
        """
        from study.report import write_report

        interruptible(lambda stop: write_report(self._opened, str(path), stop=stop))

    def figure(self, name: str) -> go.Figure:
        """One of the report's figures, as Plotly's own class.

        Args:
            name: One of `figures`, such as `front`.

        Raises:
            UnknownNameError: There is none of that name; the text lists them.
        """
        panels = self._panels()
        short = name.removesuffix(_FIGURE)
        if short not in panels:
            raise UnknownNameError(unknown("figure", name, panels))
        return panels[short]

    @property
    def figures(self) -> tuple[str, ...]:
        """The names of the figures that the study has."""
        return tuple(self._panels())

    def _panels(self) -> dict[str, go.Figure]:
        panels = (panel for section in self._sections() for panel in section.panels)
        return {panel.id.removesuffix(_FIGURE): panel.figure for panel in panels}

    def __repr__(self) -> str:
        done = len(self._opened.storage.read_trials(self._opened.study_id, attributes=()))
        kind = self._opened.problem.kind
        return f"<{kind} {self.name!r} in {self.storage}: {done} of {self._opened.total} trials>"

    def _repr_html_(self) -> str:
        table = self._table()
        if table is None:
            return f"<p>{html.escape(repr(self))}</p>"
        filled = table.dropna(axis="columns", how="all").astype(object).fillna("")
        shown = filled.to_html(border=0, float_format="{:.4g}".format)
        return f"<p>{html.escape(repr(self))}</p>{shown}"

    def _train(self) -> bool:
        return train(self._opened, progress=self._progress)

    @abstractmethod
    def _sections(self) -> list[Section]:
        """The sections of the study's report that need nothing but the database."""

    @abstractmethod
    def _table(self) -> pd.DataFrame | None:
        """What a notebook shows of the study; None where there is nothing yet."""


def begin(kind: type[Problem], config: StudyConfig, data: Any, y: Any) -> OpenStudy:
    """Creates a study, or opens it where it exists; nothing is written before all is known to fit.

    Args:
        kind: A search or a comparison.
        config: Its configuration.
        data: As for `run`.
        y: As for `run`.

    Raises:
        ConfigError: Something does not fit.
        DataError: The data cannot be used.
        StorageError: The database cannot be used.
    """
    with named(data, y) as source:
        problem = kind.of(config.model_copy(update={"data": source}))
        Proposer.of(problem)  # refuses a sampler that does not fit
        check_workers(problem)
        return opened(config.storage, lambda storage: create_or_open(problem, storage))
