"""A search as its database knows it, and a front as rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from search_spaces import SearchSpace
from search_spaces.space import parse_space
from storage import CohortStorage
from study.config import StudyConfig, digest
from study.problem import Search, kind_of
from study.records.attributes import IDENTITY, resolve_name, saved_config
from study.search.front import Front, find_front, kept_test_results, read_contenders, with_test


class Searched(Protocol):
    """What a search is about, with its data or without."""

    @property
    def config(self) -> StudyConfig:
        """Its configuration."""

    @property
    def space(self) -> SearchSpace:
        """What is searched."""


@dataclass(frozen=True)
class StoredSearch:
    """A search as its database knows it.

    Attributes:
        name: Its name.
        config: Its configuration.
        space: What is searched.
        identity: Digest of its identity.
    """

    name: str
    config: StudyConfig
    space: SearchSpace
    identity: str

    @classmethod
    def read(cls, storage: CohortStorage, study_id: int) -> StoredSearch | None:
        """Reads a study; None where it is a comparison, or none of ours."""
        identity, config = storage.get_study_system_attrs(study_id).get(IDENTITY), saved_config(storage, study_id)
        if identity is None or config is None or kind_of(identity) is not Search:
            return None
        space = parse_space(identity["space"], name=config.space, where="the study's space")
        return cls(storage.get_study_name_from_id(study_id), config, space, digest(identity))


def stored_front(storage: CohortStorage, name: str | None) -> tuple[StoredSearch, Front] | None:
    """The front of a search by what the database holds.

    Args:
        storage: Where the search lives.
        name: Its name; None: the only study there is.

    Returns:
        The search and its front with test results; None where some of them are still to be measured, or the study is
        no search of ours.

    Raises:
        StudyNotFoundError: There is none of that name, or not one alone.
        NoResultsError: No trial has finished, or none is feasible.
    """
    study_id = storage.study_id(resolve_name(storage, name))
    search = StoredSearch.read(storage, study_id)
    if search is None:
        return None
    config = search.config
    trials = read_contenders(storage, study_id, config, search.identity)
    front = find_front(trials, config, search.name, search.identity)
    known = kept_test_results(storage, study_id, front, config)
    if any(candidate.number not in known for candidate in front.candidates):
        return None
    return search, with_test(front, known, config)
