"""Opening a study: totals, identities and kinds, and what is refused before anything is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from storage import CohortStorage, open_storage
from study.config import ConfigError, read_config
from study.machine import MachineError
from study.problem import Comparison, Search
from study.records.open_study import IdentityError, KindError, OpenStudy, create_or_open, reopen
from study.workers.worker import work

OPTIONS: dict[str, Any] = {"data": "iris", "seeds": 2, "epochs": 3, "cohort": 4, "hidden": "16", "name": "s"}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[CohortStorage]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_storage(tmp_path / "studies.db")
    yield storage
    storage.close()


def opened(storage: CohortStorage, **options: Any) -> OpenStudy:
    return create_or_open(Search.of(read_config(OPTIONS | options)), storage)


def test_a_total_can_be_raised_and_not_lowered(storage: CohortStorage) -> None:
    work(opened(storage, trials=4))
    with pytest.raises(ConfigError, match="has 4 already"):
        reopen(storage, "s", overrides={"trials": 3})
    assert reopen(storage, None, overrides={"trials": 6}).total == 6
    assert reopen(storage, "s").total == 6


def test_a_total_stays_where_none_is_asked_for(storage: CohortStorage) -> None:
    assert opened(storage, trials=5).total == 5
    assert opened(storage).total == 5


def test_another_identity_is_refused_with_what_differs(storage: CohortStorage) -> None:
    opened(storage, trials=4)
    with pytest.raises(IdentityError, match=r"epochs \(3 there, 9 here\), seed \(0 there, 7 here\)"):
        opened(storage, trials=4, epochs=9, seed=7)


def test_a_network_that_cannot_fit_is_refused_before_anything_is_written(storage: CohortStorage) -> None:
    with pytest.raises(MachineError, match="GiB are free; choose smaller layers"):
        opened(storage, trials=1, hidden=",".join(["8192"] * 60))
    assert storage.get_all_studies() == []


def test_a_searched_width_counts_for_memory(storage: CohortStorage, tmp_path: Path) -> None:
    space = tmp_path / "huge.toml"
    space.write_text("[width]\nchoices = [16, 8192]\n[depth]\nlow = 1\nhigh = 90\n")
    with pytest.raises(MachineError, match="GiB are free"):
        opened(storage, trials=1, space=str(space))


def test_a_study_is_opened_as_the_kind_that_it_is(storage: CohortStorage) -> None:
    opened(storage, trials=4)
    config = read_config({"data": "iris", "seeds": 2, "epochs": 3, "hidden": "8", "name": "c"})
    begun = create_or_open(Comparison.of(config), storage)
    search, comparison = reopen(storage, "s"), reopen(storage, "c")
    assert isinstance(search.search, Search)
    assert comparison.comparison.design == begun.comparison.design
    assert comparison.total == len(comparison.comparison.design.cells)
    with pytest.raises(KindError, match="'s' is a search, and a comparison is needed"):
        _ = search.comparison
    with pytest.raises(KindError, match=r"'c' is a comparison, and a search is needed; .*`reluctant compare --name c`"):
        _ = comparison.search
    with pytest.raises(IdentityError, match="taken by a comparison, and this is a search"):
        opened(storage, name="c")
    with pytest.raises(ConfigError, match="a comparison of 158 cells, no more and no less"):
        reopen(storage, "c", overrides={"trials": 160})
