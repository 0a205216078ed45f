"""Comparisons of one database that differ in their data alone, so that their verdicts can be combined."""

from __future__ import annotations

from study.comparison.summary import ComparisonSummary, summarize_stored
from study.records.attributes import IDENTITY
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError

_OF_DATA = ("data", "target")
"""Entries of a study's identity that say which data it is about."""


def related_comparisons(study: OpenStudy) -> list[ComparisonSummary]:
    """The finished comparisons of the same options on other data, by name; one for each data set.

    Args:
        study: A comparison.

    Raises:
        KindError: The study is a search.
    """
    problem = study.comparison
    ours = _options(study.storage.get_study_system_attrs(study.study_id)[IDENTITY])
    seen = {problem.dataset.fingerprint}
    comparisons = []
    for other in sorted(study.storage.get_all_studies(), key=lambda each: each.study_name):
        theirs = study.storage.get_study_system_attrs(other._study_id).get(IDENTITY)
        if theirs is None or _options(theirs) != ours or theirs["data"] in seen:
            continue
        try:
            comparisons.append(summarize_stored(study.storage, other._study_id, variance=problem.config.variance))
        except NoResultsError:
            continue
        seen.add(theirs["data"])
    return comparisons


def _options(identity: dict[str, object]) -> dict[str, object]:
    """The entries of an identity that do not describe the data."""
    return {key: value for key, value in identity.items() if key not in _OF_DATA}
