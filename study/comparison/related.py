"""Comparisons of one database that differ in their data alone, and so can be seen together."""

from __future__ import annotations

from study.comparison.summary import Comparison, stored_answers
from study.records.attributes import IDENTITY
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError

_OF_DATA = ("data", "target")


def siblings(study: OpenStudy) -> list[Comparison]:
    """The finished comparisons of the same options on other data, by name.

    Args:
        study: An open comparison.
    """
    problem = study.comparison
    ours = _options(study.storage.get_study_system_attrs(study.study_id)[IDENTITY])
    found = {problem.dataset.fingerprint: study.name}
    comparisons = []
    for other in sorted(study.storage.get_all_studies(), key=lambda each: each.study_name):
        theirs = study.storage.get_study_system_attrs(other._study_id).get(IDENTITY)
        if theirs is None or _options(theirs) != ours or theirs["data"] in found:
            continue
        try:
            comparisons.append(stored_answers(study.storage, other._study_id))
        except NoResultsError:
            continue
        found[theirs["data"]] = other.study_name
    return comparisons


def _options(identity: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in identity.items() if key not in _OF_DATA}
