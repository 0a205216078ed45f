"""A search as its database has it, read without its data and without training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from search_spaces import SearchSpace
from search_spaces.space_files import parse_space
from storage import CohortStorage
from study.config import StudyConfig, digest
from study.pareto import pareto
from study.problem import Search, kind_of
from study.records.attributes import IDENTITY, IDENTITY_DIGEST, resolve_name, saved_config
from study.records.open_study import OpenStudy
from study.records.own_trials import OwnTrial, is_feasible, is_own, own_trials
from study.search.confirmation import confirmed
from study.search.front import Front, find_front
from study.search.held_out_scores import scored_front
from study.search.reference import ReferenceScore, stored_reference
from study.search.retraining import stored_results
from study.search.rising_curves import rising_text

_IMBALANCED = 0.7
"""Share of the most frequent class from which data count as imbalanced."""


@dataclass(frozen=True)
class StoredSearch:
    """A search as its database has it.

    Attributes:
        storage: Where it lives.
        study_id: Its id there.
        name: Its name.
        config: Its configuration.
        space: What it searches.
        identity: Digest of its identity.
    """

    storage: CohortStorage
    study_id: int
    name: str
    config: StudyConfig
    space: SearchSpace
    identity: str

    @classmethod
    def of(cls, study: OpenStudy) -> StoredSearch:
        """The search of an open study.

        Raises:
            KindError: The study is a comparison.
        """
        problem = study.search
        return cls(study.storage, study.study_id, study.name, problem.config, problem.space, digest(problem.identity))

    @classmethod
    def read(cls, storage: CohortStorage, study_id: int) -> StoredSearch | None:
        """Reads a study; None where it is a comparison, or was not started by reluctant."""
        identity, config = storage.get_study_system_attrs(study_id).get(IDENTITY), saved_config(storage, study_id)
        if identity is None or config is None or kind_of(identity) is not Search:
            return None
        space = parse_space(identity["space"], name=config.space, where="the study's space")
        name = storage.get_study_name_from_id(study_id)
        return cls(storage, study_id, name, config, space, digest(identity))

    def own(self, trials: Iterable[FrozenTrial]) -> list[OwnTrial]:
        """Those of some trials that are finished and that the study trained itself."""
        return own_trials(trials, config=self.config, space=self.space, identity=self.identity)

    def own_trials(self) -> list[OwnTrial]:
        """All finished trials that the study trained itself, in number order."""
        return self.own(self.storage.read_trials(self.study_id))

    def contenders(self) -> list[OwnTrial]:
        """The trials that decide `find_front`: those that no feasible one beats by its means, and the baseline.

        Few attributes are read of all other trials. Where no trial is feasible, all are returned.
        """
        config = self.config
        attributes = (config.score, config.sparsity, "diverged", IDENTITY_DIGEST)
        trials = self.storage.read_trials(self.study_id, attributes=attributes)

        def means(trial: FrozenTrial) -> tuple[float, float]:
            measures = trial.user_attrs
            score = config.judged_by.score(measures[config.score])
            return score, 0.0 if "diverged" in measures else measures[config.sparsity]

        best = pareto([trial for trial in trials if is_own(trial, self.identity) and is_feasible(trial)], means)
        if not best:
            return self.own_trials()
        wanted = {trial._trial_id for trial in (*trials[:1], *best)}
        return self.own(self.storage.read_trials(self.study_id, from_number=len(trials), trial_ids=wanted))

    def searched_front(self, trials: Sequence[OwnTrial]) -> Front:
        """The front with the recommendation of the search's own seeds.

        Args:
            trials: All own trials, or those that decide the front.

        Raises:
            NoResultsError: No trial has finished, or none is feasible.
        """
        return find_front(trials, self.name, self.config, self._remedy)

    @property
    def _remedy(self) -> str | None:
        """What may help where no trial is feasible, if the data call for more than more epochs."""
        floor = self.storage.get_study_user_attrs(self.study_id).get("floor", 0.0)
        if self.config.metric != "accuracy" or self.config.min_accuracy is not None or floor < _IMBALANCED:
            return None
        return (
            f"the most frequent class alone has {100 * floor:.1f} % of the samples, so that little is left above it; "
            "--metric balanced_accuracy, as another study, judges all classes alike"
        )

    def front(self, trials: Sequence[OwnTrial]) -> Front:
        """The front with the study's recommendation, which is that of fresh seeds where they were trained.

        Args:
            trials: All own trials, or those that decide the front.

        Raises:
            NoResultsError: No trial has finished, or none is feasible.
        """
        return confirmed(self.storage, self.study_id, self.searched_front(trials), self.config)

    def reference(self) -> tuple[ReferenceScore, ...]:
        """What the reference models reach; empty where they were not trained yet."""
        return stored_reference(self.storage, self.study_id, self.config)

    def rising_text(self, front: Front) -> str | None:
        """One line where the validation curves of a front still rise at the last epoch; else None."""
        return rising_text(self.storage, self.study_id, front, self.config)


def stored_front(storage: CohortStorage, name: str | None) -> tuple[StoredSearch, Front] | None:
    """The front of a search by what the database holds.

    Args:
        storage: Where the search lives.
        name: Its name; None: the only study in the database.

    Returns:
        The search and its front with test results; None where some of them are still to be measured, or the study is
        no search of ours.

    Raises:
        StudyNotFoundError: There is none of that name, or not one alone.
        NoResultsError: No trial has finished, or none is feasible.
    """
    search = StoredSearch.read(storage, storage.study_id(resolve_name(storage, name)))
    if search is None:
        return None
    front = search.front(search.contenders())
    results = stored_results(storage, search.study_id, front.trials, range(search.config.replicates))
    if any(trial.number not in results for trial in front.trials):
        return None
    return search, scored_front(front, results, search.config)
