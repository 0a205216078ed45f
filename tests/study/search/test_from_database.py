"""What the database alone says of a search is what the open study says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete

from storage import CohortStorage
from storage.tables import TEST_RESULTS
from study.records.open_study import OpenStudy
from study.records.own_trials import NoResultsError
from study.search.from_database import StoredSearch, stored_front
from study.search.front import Front
from study.search.held_out_scores import front_with_test
from study.search.rows import front_rows


def front_of(study: OpenStudy) -> Front:
    search = StoredSearch.of(study)
    return search.front(search.own_trials())


def test_the_front_is_found_without_every_trials_measures(trained: Callable[..., OpenStudy]) -> None:
    search = StoredSearch.of(trained(trials=24))
    few, everything = search.contenders(), search.own_trials()
    found = search.front(everything)
    assert search.front(few) == found
    assert {trial.number for trial in few} == {member.number for member in found.members} | {0}
    assert len(few) < len(everything)


def test_without_a_feasible_trial_all_are_contenders(trained: Callable[..., OpenStudy]) -> None:
    assert len(StoredSearch.of(trained(trials=4, epochs=1, min_accuracy=0.95)).contenders()) == 4


def test_the_database_alone_tells_the_same_front(storage: CohortStorage, trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=24)
    assert stored_front(storage, study.name) is None
    found = front_with_test(study, front_of(study))
    known = stored_front(storage, study.name)
    assert known is not None
    search, stored = known
    assert stored == found
    assert search == StoredSearch.of(study)
    problem = study.problem
    assert front_rows(stored, search.config, search.space) == front_rows(found, problem.config, problem.space)


def test_test_results_of_some_seeds_are_not_enough(storage: CohortStorage, trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=24)
    found = front_with_test(study, front_of(study))
    with storage.engine.begin() as connection:
        connection.execute(delete(TEST_RESULTS).where(TEST_RESULTS.c.replicate == 1))
    assert stored_front(storage, study.name) is None
    assert front_with_test(study, front_of(study)) == found


@pytest.mark.parametrize(
    ("options", "named"), [({}, "--metric balanced_accuracy"), ({"min_accuracy": 0.97}, "--epochs")]
)
def test_the_remedy_for_imbalanced_data_is_another_metric(
    trained: Callable[..., OpenStudy], options: dict[str, float], named: str, tmp_path: Path
) -> None:
    rows = [f"{index % 7},{index * 37 % 11},{'rare' if index % 12 == 0 else 'often'}" for index in range(240)]
    file = tmp_path / "rare.csv"
    file.write_text("\n".join(["a,b,kind", *rows]))
    search = StoredSearch.of(trained(data=str(file), target="kind", trials=4, epochs=1, **options))
    with pytest.raises(NoResultsError, match=named):
        search.front(search.own_trials())
