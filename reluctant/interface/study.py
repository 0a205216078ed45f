"""Searches as objects: `run` and `load` return them, and what the commands answer are their methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from reluctant.interface.any_study import AnyStudy, begin
from reluctant.interface.options import configuration, documents_options
from reluctant.interface.training import interruptible
from reluctant.interface.trial import Trial
from study.config import SEARCH_OPTIONS
from study.problem import Search
from study.report.plot import Section
from study.search.from_database import StoredSearch
from study.search.rows import front_rows

if TYPE_CHECKING:
    from reluctant.interface.model import TrainedModel
    from study.search.advice import Advice


class Study(AnyStudy):
    """A search: trials of a space, their front, and the one to use."""

    def front(self) -> pd.DataFrame:
        """The feasible front, the recommended trial and the baseline, with test results; the index is their number.

        Scores, sparsity and dead units are fractions; differences are to the recommended trial. Trials without test
        results are trained once more for them.

        Raises:
            NoResultsError: No trial has finished, or none is feasible.
        """
        front, problem = self._front(), self._opened.search
        return pd.DataFrame(front_rows(front, problem.config, problem.space)).set_index("trial")

    @property
    def recommended(self) -> Trial:
        """The trial to use.

        Raises:
            NoResultsError: No trial has finished, or none is feasible.
        """
        front = self._front()
        return Trial.of(front.recommended, basis=front.basis)

    def advise(self, *, show: bool = True) -> Advice:
        """Says in a few lines what to use, after training the front once more on fresh seeds.

        Args:
            show: Whether the lines are printed.

        Returns:
            The lines, and the front on fresh seeds with its numbers.

        Raises:
            NoResultsError: No trial has finished, or none is feasible.
        """
        from study.comparison.elsewhere import elsewhere
        from study.search.advice import advise
        from study.search.fresh_seeds import train_fresh

        problem = self._opened.problem
        front = interruptible(lambda stop: train_fresh(self._opened, stop=stop))
        chosen = front.recommended.searched.hyperparameters
        advice = advise(front, problem.config, elsewhere(problem, chosen))
        if show:
            print("\n".join(advice.lines))
        return advice

    def reference(self) -> pd.DataFrame:
        """What models of scikit-learn reach on the study's own split and inputs; the index is their name.

        They are trained once for a study: logistic regression and gradient boosting. The columns are the study's metric
        on the validation and on the test part. Where the data have no test part there are none.
        """
        from study.search.reference import reference_scores

        scores = interruptible(lambda stop: reference_scores(self._opened, stop=stop))
        metric = self._opened.problem.config.metric
        rows = [{"model": s.model.name, metric: s.validation, f"test_{metric}": s.test} for s in scores]
        return pd.DataFrame(rows, columns=["model", metric, f"test_{metric}"]).set_index("model")

    def model(self, trial: int | str = "best", *, clamp: bool = False) -> TrainedModel:
        """The trained network of a trial: it is trained once more, exactly, and its best replicate is taken.

        Args:
            trial: `best`, the recommended one, or a trial's number.
            clamp: Whether activations near zero are set to 0, so that they can be skipped.

        Raises:
            ModelError: There is no such trial, it diverged, or its activation is no layer of torch.
            NoResultsError: No trial is feasible.
        """
        from reluctant.interface.model import TrainedModel
        from study.model.export import train_model

        return TrainedModel(interruptible(lambda stop: train_model(self._opened, str(trial), clamp=clamp, stop=stop)))

    def _front(self) -> Any:
        from study.search.held_out_scores import front_with_test

        search = StoredSearch.of(self._opened)
        front = search.front(search.contenders())
        return interruptible(lambda stop: front_with_test(self._opened, front, stop=stop))

    def _sections(self) -> list[Section]:
        from study.report.search_data import SearchData
        from study.report.search_page import search_sections

        search = StoredSearch.of(self._opened)
        trials = search.storage.read_trials(search.study_id)
        own = search.own(trials)
        data = SearchData(search.config, search.front(own), own)
        return search_sections(data, search.storage, search.study_id, trials)

    def _table(self) -> pd.DataFrame | None:
        from study.records.own_trials import NoResultsError

        search = StoredSearch.of(self._opened)
        try:
            front = search.front(search.contenders())
        except NoResultsError:
            return None
        return pd.DataFrame(front_rows(front, search.config, search.space)).set_index("trial")


_OF_A_SEARCH = tuple(name for name in SEARCH_OPTIONS if name != "data")


@documents_options(_OF_A_SEARCH, {})
def run(data: Any = "digits", y: Any = None, *, progress: bool = True, **options: Any) -> Study:
    """Starts a search, or continues it where it exists, and trains until it has its trials.

    An interrupt (Ctrl-C, or a notebook's stop button) is no exception: what is being trained is given back, a warning
    says so, and the study that is returned can be resumed.

    Args:
        data: A built-in name, a file, a folder, `openml:ID`; or a DataFrame, an array `[N, F]`, a tensor.
        y: `[N]` values to predict, where the data are arrays or a DataFrame without them.
        progress: Whether progress is shown.
        options: Those of `reluctant run`, by the same names.

    Raises:
        UnknownOptionError: There is no such option.
        ConfigError: A value makes no sense.
        DataError: The data cannot be used.
        StorageError: The database cannot be used.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     options = {"trials": 8, "cohort": 4, "seeds": 1, "epochs": 5, "storage": f"{folder}/studies.db"}
        ...     with run("iris", progress=False, **options) as study:
        ...         study.recommended.number in study.front().index
        True
    """
    config = configuration(options, of=_OF_A_SEARCH)
    study = Study(begin(Search, config, data, y), progress=progress)
    study._train()
    return study
