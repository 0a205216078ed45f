"""Comparisons as objects: claims about activations, tested by paired designs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reluctant.errors import UnknownNameError
from reluctant.interface.any_study import AnyStudy, begin
from reluctant.interface.options import configuration, documents_options
from search_spaces.claim_cells import claims_text
from study.comparison.layer_timing import store_layer_times
from study.comparison.summary import ComparisonSummary
from study.comparison.verdicts import ClaimVerdict
from study.comparison.with_evidence import summarize_with_evidence
from study.config import COMPARISON_DEFAULTS, COMPARISON_OPTIONS, comparison_defaults
from study.problem import Comparison
from study.records.own_trials import NoResultsError
from study.report.plot import Section


class ComparisonStudy(AnyStudy):
    """A comparison: paired designs, and a verdict for each claim."""

    @property
    def summary(self) -> ComparisonSummary:
        """The verdicts, and the cells behind each figure.

        Raises:
            NoResultsError: Cells are still to be trained.
        """
        return summarize_with_evidence(self._opened)

    def claims(self) -> pd.DataFrame:
        """One row a claim: statement, estimate, interval, unit, verdict, what would change it; `claim` has the details.

        `with_evidence` is the verdict with the evidence of other data sets, None where there is none.

        Raises:
            NoResultsError: Cells are still to be trained.
        """
        summary = self.summary
        together = {} if summary.with_evidence is None else summary.with_evidence.claims
        rows = [
            verdict.as_dict() | {"with_evidence": together[verdict.id].verdict if verdict.id in together else None}
            for verdict in summary.verdicts
        ]
        return pd.DataFrame(rows).drop(columns="evidence").set_index("id")

    def claim(self, number: int) -> ClaimVerdict:
        """One claim with all its estimates.

        Raises:
            UnknownNameError: There is none of that number.
            NoResultsError: Cells are still to be trained.
        """
        verdicts = {verdict.id: verdict for verdict in self.summary.verdicts}
        if number not in verdicts:
            raise UnknownNameError(f"there is no claim {number!r}; this comparison has {claims_text([*verdicts])}")
        return verdicts[number]

    def _train(self) -> bool:
        complete = super()._train()
        if complete:
            store_layer_times(self._opened)
        return complete

    def _sections(self) -> list[Section]:
        from study.report.comparison_page import comparison_sections

        return comparison_sections(self.summary)

    def _table(self) -> pd.DataFrame | None:
        try:
            return self.claims()[["statement", "estimate", "unit", "verdict"]]
        except NoResultsError:
            return None


@documents_options(COMPARISON_OPTIONS, COMPARISON_DEFAULTS)
def compare(data: Any = "digits", y: Any = None, *, progress: bool = True, **options: Any) -> ComparisonStudy:
    """Tests claims about activations on one data set, or continues where that was begun.

    An interrupt is no exception, as for `run`.

    Args:
        data: As for `run`.
        y: As for `run`.
        progress: Whether progress is shown.
        options: Those of `reluctant compare`, by the same names.

    Raises:
        UnknownOptionError: There is no such option.
        ConfigError: A value makes no sense.
        DataError: The data cannot be used.
        StorageError: The database cannot be used.
    """
    config = configuration({**comparison_defaults(options.get("network")), **options}, of=COMPARISON_OPTIONS)
    comparison = ComparisonStudy(begin(Comparison, config, data, y), progress=progress)
    comparison._train()
    return comparison
