"""The verdict of fresh seeds: stored with the study, its recommendation, and stale where the front has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from storage import CohortStorage
from study.records.open_study import OpenStudy, reopen
from study.report.dashboard_figures import dashboard_content
from study.report.search_page import search_page
from study.search import fresh_seeds, retraining
from study.search.confirmation import CONFIRMED
from study.search.fresh_seeds import train_fresh
from study.search.from_database import StoredSearch, stored_front
from study.search.front import Front
from study.search.held_out_scores import front_with_test
from study.workers.worker import work


@pytest.fixture(autouse=True)
def few_fresh_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_seeds, "FRESH_SEEDS", 3)


def front_of(study: OpenStudy) -> Front:
    search = StoredSearch.of(study)
    return search.front(search.own_trials())


def test_what_fresh_seeds_say_is_the_recommendation_everywhere(
    storage: CohortStorage, trained: Callable[..., OpenStudy]
) -> None:
    study = trained(trials=16, epochs=15)
    assert front_of(study).basis.startswith("chosen on the search's own seeds")
    advised = train_fresh(study).recommended.searched.number
    front = front_of(study)
    assert front.recommended.number == advised
    assert front.basis == "confirmed on 3 fresh seeds"
    front_with_test(study, front)
    known = stored_front(storage, study.name)
    assert known is not None
    assert known[1].recommended.number == advised
    answer = " ".join(search_page(study).answer)
    assert f"(trial {advised})" in answer
    assert "confirmed on 3 fresh seeds" in answer
    note = dashboard_content(storage, study.study_id, storage.read_trials(study.study_id))[1]
    assert f"**Use trial {advised}**" in note
    assert "confirmed on 3 fresh seeds" in note


def test_a_choice_by_fresh_seeds_stands_where_the_search_would_choose_another(
    storage: CohortStorage, trained: Callable[..., OpenStudy]
) -> None:
    study = trained(trials=16, epochs=15)
    train_fresh(study)
    front = front_of(study)
    worst = min(front.trials, key=lambda trial: trial.score)
    # As if fresh seeds had shown that trial to be the best by far.
    better = [
        retraining.TestMeasures(worst.trial_id, row["replicate"], {**_measures(row), "validation": 2.0})
        for row in storage.test_results(study.study_id, numbers=[worst.number])
    ]
    storage.save_test_results(study.study_id, better)
    assert front_of(study).recommended.number == worst.number


def test_new_trials_on_the_front_make_it_stale_and_only_they_are_trained(
    storage: CohortStorage, trained: Callable[..., OpenStudy], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = trained(trials=4, epochs=15)
    train_fresh(study)
    before = {trial.number for trial in front_of(study).trials}
    study = reopen(storage, study.name, overrides={"trials": 40})
    assert work(study)
    front = front_of(study)
    new = {trial.number for trial in front.trials} - before
    assert new
    assert front.basis.startswith(f"confirmed at 4 trials; {len(new)} on the front ")
    search = StoredSearch.of(study)
    assert front.recommended == search.searched_front(search.own_trials()).recommended
    counted: list[int] = []

    def counting(trials: list[object], *args: object, **options: object) -> object:
        counted.append(len(trials))
        return retraining_fit(trials, *args, **options)  # type: ignore[arg-type]

    retraining_fit = retraining.fit
    monkeypatch.setattr(retraining, "fit", counting)
    train_fresh(study)
    assert counted == [len(new), len(new)]
    assert front_of(study).basis == "confirmed on 3 fresh seeds"
    assert storage.get_study_system_attrs(study.study_id)[CONFIRMED]["trials"] == 40


def test_another_tolerance_applies_to_what_fresh_seeds_said(trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=16, epochs=15)
    train_fresh(study)
    search = StoredSearch.of(study)
    everything = replace(search, config=search.config.model_copy(update={"tolerance": 100.0}))
    front = everything.front(search.own_trials())
    assert front.basis == "confirmed on 3 fresh seeds"


def test_what_is_reported_had_no_part_in_the_choice(storage: CohortStorage, trained: Callable[..., OpenStudy]) -> None:
    study = trained(trials=4, epochs=15)
    found = train_fresh(study).recommended
    rows = {row["replicate"]: row for row in storage.test_results(study.study_id, numbers=[found.searched.number])}
    assert found.validation.scores == tuple(rows[seed]["validation"] for seed in (2, 3, 4))
    assert found.scores == tuple(rows[seed]["test_accuracy"] for seed in (5, 6, 7))


def _measures(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("number", "replicate")}
