"""Opening a study: totals, identities and kinds, and what is refused before anything is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import user_files

from reluctant.errors import ReluctantWarning
from search_spaces import load_space, parse_space, preset_names
from search_spaces.design import Design
from search_spaces.space_files import was_preset
from search_spaces.user_networks import NetworkError
from storage import CohortStorage
from study.config import ConfigError, read_config
from study.data import FIRST_READER, READER
from study.machine import MachineError
from study.problem import Comparison, Search
from study.records.attributes import CONFIG, DATA
from study.records.open_study import KindError, OpenStudy, create_or_open, reader_of, reopen
from study.records.same_study import IdentityError
from study.workers.worker import work

OPTIONS: dict[str, Any] = {"data": "iris", "seeds": 2, "epochs": 3, "cohort": 4, "hidden": "16", "name": "s"}


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


def test_an_option_that_a_comparison_has_no_use_for_is_refused(storage: CohortStorage) -> None:
    options = {"data": "iris", "seeds": 1, "epochs": 1, "hidden": "8", "name": "c"}
    create_or_open(Comparison.of(read_config(options)), storage)
    before = storage.get_study_system_attrs(storage.study_id("c"))
    with pytest.raises(ConfigError, match=r"--tolerance is given, and study 'c' is a comparison, .*leave it out"):
        reopen(storage, "c", overrides={"tolerance": 1.0})
    assert storage.get_study_system_attrs(storage.study_id("c")) == before


def test_a_study_goes_on_with_the_conventions_it_was_begun_with(storage: CohortStorage, tmp_path: Path) -> None:
    """An official test part keeps the order of its file, and the floor its step, where an earlier version began it."""
    x, y = np.random.default_rng(0).normal(size=(90, 3)), np.repeat([0, 0, 1], 30)
    arrays = {"x_train": x, "y_train": y, "x_test": x[::3], "y_test": y[::3]}
    np.savez(tmp_path / "d.npz", **arrays)
    options = {"data": str(tmp_path / "d.npz"), "metric": "balanced_accuracy"}
    new = opened(storage, **options)
    sizes = storage.get_study_system_attrs(new.study_id)[DATA]
    assert (sizes["conventions"], new.problem.conventions.version) == (4, 4)
    del sizes["conventions"]
    storage.set_study_attrs(new.study_id, system_attrs={DATA: sizes})
    for earlier in (reopen(storage, "s"), opened(storage, **options)):
        assert earlier.problem.identity == new.problem.identity
        assert earlier.problem.prepared[0].rows.test.tolist() == list(range(90, 120))
        assert earlier.problem.judge.step == 1 / 18
    assert new.problem.judge.step == 1 / 24
    assert sorted(new.problem.prepared[0].rows.test.tolist()) == list(range(90, 120))
    assert new.problem.prepared[0].rows.test.tolist() != list(range(90, 120))


def test_only_searches_that_this_version_began_measure_on_samples(storage: CohortStorage) -> None:
    """A search that an earlier version began goes on with measures of whole parts, and a comparison reads such."""
    new = opened(storage)
    assert new.problem.budget.sampled
    sizes = storage.get_study_system_attrs(new.study_id)[DATA]
    storage.set_study_attrs(new.study_id, system_attrs={DATA: {**sizes, "conventions": 2}})
    for earlier in (reopen(storage, "s"), opened(storage)):
        assert earlier.problem.identity == new.problem.identity
        assert not earlier.problem.budget.sampled
        assert earlier.problem.conventions.draws_test_part
        assert earlier.problem.conventions.weighs_samples
    comparison = Comparison.of(read_config({"data": "iris", "seeds": 1, "epochs": 1, "hidden": "8"}))
    assert not comparison.budget.sampled


def test_rungs_of_a_study_that_an_earlier_version_began_go_on_with_all_measures(storage: CohortStorage) -> None:
    options: dict[str, Any] = {"pruner": "halving", "cohort": 4}
    new = opened(storage, **options)
    assert new.problem.budget.counted_at_rungs
    assert not opened(storage, **options, sparsity="gini", name="by gini").problem.budget.counted_at_rungs
    sizes = storage.get_study_system_attrs(new.study_id)[DATA]
    storage.set_study_attrs(new.study_id, system_attrs={DATA: {**sizes, "conventions": 3}})
    for earlier in (reopen(storage, "s"), opened(storage, **options)):
        assert earlier.problem.identity == new.problem.identity
        assert not earlier.problem.budget.counted_at_rungs
        assert earlier.problem.budget.sampled


@pytest.mark.parametrize(
    ("earlier", "told"), [((64, 2), "--min-epochs 2, where"), ((32, 1), "--cohort 32, --min-epochs 1, where")]
)
def test_a_study_goes_on_with_the_defaults_of_early_stopping_that_it_was_begun_with(
    storage: CohortStorage, earlier: tuple[int, int], told: str
) -> None:
    fewer = {name: value for name, value in OPTIONS.items() if name != "cohort"} | {"pruner": "halving", "epochs": 20}
    cohort, min_epochs = earlier
    then = {"cohort": cohort, "min_epochs": min_epochs, "reduction_factor": 3, "bracket": 32, "min_seeds": 1}
    begun = create_or_open(Search.of(read_config(fewer | then)), storage)
    with pytest.warns(ReluctantWarning, match=f"goes on with {told} new ones of 200 trials have"):
        again = create_or_open(Search.of(read_config(fewer)), storage)
    assert (again.study_id, again.problem.identity) == (begun.study_id, begun.problem.identity)
    with pytest.raises(IdentityError, match="cohort"):
        create_or_open(Search.of(read_config(fewer | {"cohort": 96})), storage)
    with pytest.raises(IdentityError, match="bracket"):
        create_or_open(Search.of(read_config(fewer | {"bracket": 48})), storage)


def test_the_same_command_with_another_total_goes_on_as_the_study_was_begun(storage: CohortStorage) -> None:
    """Though a new study of that size would stop trials early, or would not."""
    options = {name: value for name, value in OPTIONS.items() if name not in ("cohort", "name")} | {"epochs": 5}
    small = create_or_open(Search.of(read_config(options | {"trials": 20})), storage)
    with pytest.warns(
        ReluctantWarning,
        match="goes on with --pruner none, --cohort 32, where new ones of 400 trials have --pruner halving, --cohort",
    ):
        larger = create_or_open(Search.of(read_config(options | {"trials": 400})), storage)
    assert (larger.study_id, larger.problem.identity, larger.total) == (small.study_id, small.problem.identity, 400)
    large = create_or_open(Search.of(read_config(options | {"trials": 400, "seed": 1})), storage)
    assert large.problem.config.pruner == "halving"
    with pytest.warns(ReluctantWarning, match="goes on with --pruner halving.* where new ones of 50 trials have"):
        again = create_or_open(Search.of(read_config(options | {"trials": 50, "seed": 1})), storage)
    assert (again.study_id, again.problem.identity) == (large.study_id, large.problem.identity)


@pytest.mark.parametrize(
    ("asked_for", "then"), [({"pruner": "none"}, 400), ({"pruner": "halving"}, 20), ({"min_epochs": 1}, 20)]
)
def test_a_study_whose_pruner_was_asked_for_is_another_one(
    storage: CohortStorage, asked_for: dict[str, Any], then: int
) -> None:
    options = {name: value for name, value in OPTIONS.items() if name not in ("cohort", "name")} | {"epochs": 5}
    asked = create_or_open(Search.of(read_config(options | asked_for)), storage)
    other = create_or_open(Search.of(read_config(options | {"trials": then})), storage)
    assert other.study_id != asked.study_id
    assert other.problem.config.pruner != asked.problem.config.pruner


def test_a_name_that_is_taken_by_a_study_without_rungs_says_so(storage: CohortStorage) -> None:
    opened(storage, epochs=5, pruner="none", cohort=64)
    with pytest.raises(IdentityError, match=r"pruner \(none there, halving here\)"):
        opened(storage, epochs=5, cohort=64)


def test_a_renamed_study_is_named_also_where_its_total_would_change_its_defaults(storage: CohortStorage) -> None:
    options = {name: value for name, value in OPTIONS.items() if name not in ("cohort", "name")} | {"epochs": 5}
    small = create_or_open(Search.of(read_config(options | {"trials": 20})), storage)
    storage.rename_study(small.study_id, "mine")
    with pytest.warns(ReluctantWarning, match=f"the study that was called '{small.name}' is now 'mine'"):
        create_or_open(Search.of(read_config(options | {"trials": 400})), storage)


def test_a_study_of_a_version_that_stopped_no_trial_goes_on_so(
    storage: CohortStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.records.new_study.PRUNER_BY_DEFAULT", "unknown then")
    options = {name: value for name, value in OPTIONS.items() if name not in ("cohort", "name")} | {"epochs": 5}
    begun = create_or_open(Search.of(read_config(options | {"pruner": "none"})), storage)
    attributes = storage.get_study_system_attrs(begun.study_id)
    config = {name: value for name, value in attributes[CONFIG].items() if name != "pruner"}
    storage.set_study_attrs(begun.study_id, system_attrs={CONFIG: config})
    assert reopen(storage, begun.name).problem.config.pruner == "none"
    with pytest.warns(ReluctantWarning, match="goes on with --pruner none"):
        again = create_or_open(Search.of(read_config(options)), storage)
    assert (again.study_id, again.problem.halving) == (begun.study_id, None)


def test_another_identity_is_refused_with_what_differs(storage: CohortStorage) -> None:
    opened(storage, trials=4)
    with pytest.raises(IdentityError, match=r"epochs \(3 there, 9 here\), seed \(0 there, 7 here\)"):
        opened(storage, trials=4, epochs=9, seed=7)


def test_a_network_that_cannot_fit_is_refused_before_anything_is_written(storage: CohortStorage) -> None:
    with pytest.raises(MachineError, match="GiB are free; choose smaller layers"):
        opened(storage, trials=1, hidden=",".join(["8192"] * 60))
    assert storage.get_all_studies() == []


@pytest.mark.parametrize("loaded", [False, True])
def test_a_study_goes_on_with_the_network_that_it_was_begun_with(
    storage: CohortStorage, tmp_path: Path, loaded: bool
) -> None:
    """A file that is edited between two runs of one object would be another study."""
    options = OPTIONS | {"network": user_files.write(tmp_path, user_files.SHARED), "trials": 1}
    del options["hidden"]
    study = create_or_open(Search.of(read_config(options)), storage)
    if loaded:
        study = reopen(storage, "s")
    before = storage.get_study_system_attrs(study.study_id)
    user_files.write(tmp_path, user_files.SHARED.replace("10", "20"))
    with pytest.raises(NetworkError, match=r"holds another content \(\w{12}\) than the network of study 's'"):
        study.continued({"trials": 2})
    assert storage.get_study_system_attrs(study.study_id) == before
    user_files.write(tmp_path, user_files.SHARED, "former.py")
    continued = study.continued({"trials": 2})
    assert continued.problem.config.network.endswith("former.py:make")
    assert (continued.total, continued.problem.identity) == (2, study.problem.identity)


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
    with pytest.raises(ConfigError, match="a comparison of 324 cells, no more and no less"):
        reopen(storage, "c", overrides={"trials": 160})


def test_a_comparison_goes_on_with_the_levels_that_it_was_begun_with(storage: CohortStorage) -> None:
    config = read_config({"data": "iris", "seeds": 2, "epochs": 3, "hidden": "8", "name": "c"})
    design = Design(width=8, learning_rates=(0.001, 0.01, 0.1))
    today = Comparison.of(config)
    as_then = today.config.model_copy(update={"trials": len(design.cells)})
    create_or_open(replace(today, config=as_then, space=design.space, design=design), storage)
    with pytest.warns(ReluctantWarning, match="goes on with the space .* as it was then"):
        again = create_or_open(today, storage)
    assert again.comparison.design == reopen(storage, "c").comparison.design == design
    with pytest.raises(IdentityError, match=r"hidden \(8 there, 16 here\)"):
        create_or_open(Comparison.of(config.model_copy(update={"hidden": (16,)})), storage)


@pytest.fixture
def codes(tmp_path: Path) -> str:
    """A table that both versions of the reader can read, each in its own way: codes with leading zeros, flags."""
    rows = "".join(f"0{n % 4},{['TRUE', 'FALSE'][n % 2]},{n / 7},{['u', 'v', 'w'][n % 3]}\n" for n in range(60))
    (tmp_path / "codes.csv").write_text("code,flag,x,y\n" + rows)
    return str(tmp_path / "codes.csv")


def begun_by_the_first_reader(storage: CohortStorage, options: dict[str, Any]) -> OpenStudy:
    """A study as an earlier version of reluctant left it: it says nothing of a reader."""
    study = create_or_open(Search.of(read_config(options)).read_by(FIRST_READER), storage)
    saved = storage.get_study_system_attrs(study.study_id)[DATA]
    storage.set_study_attrs(study.study_id, system_attrs={DATA: {k: v for k, v in saved.items() if k != "reader"}})
    return study


@pytest.mark.parametrize("name", ["s", None])
def test_a_study_of_an_earlier_reader_is_read_as_it_was(storage: CohortStorage, codes: str, name: str | None) -> None:
    options = OPTIONS | {"data": codes, "target": "y", "name": name}
    before = begun_by_the_first_reader(storage, options)
    with pytest.warns(ReluctantWarning, match="was begun by an earlier version"):
        again = reopen(storage, before.name)
    with pytest.warns(ReluctantWarning, match="was begun by an earlier version"):
        same_command = create_or_open(Search.of(read_config(options)), storage)
    fingerprints = {each.problem.dataset.fingerprint for each in (before, again, same_command)}
    assert fingerprints == {before.problem.identity["data"]}
    assert len(storage.get_all_studies()) == 1


def test_a_new_study_keeps_the_reader_that_it_was_begun_with(storage: CohortStorage, codes: str) -> None:
    study = opened(storage, data=codes, target="y")
    assert reader_of(storage.get_study_system_attrs(study.study_id)) == READER
    assert list(reopen(storage, "s").problem.dataset.x["code"][:2]) == ["00", "01"]
    earlier = Search.of(read_config(OPTIONS | {"data": codes, "target": "y"})).read_by(FIRST_READER)
    assert earlier.dataset.x["code"][:2].tolist() == [0.0, 1.0]
    assert earlier.identity != study.problem.identity


def test_columns_to_drop_are_those_of_the_study(storage: CohortStorage, codes: str) -> None:
    opened(storage, data=codes, target="4", drop="flag,x")
    again = reopen(storage, "s").problem
    assert list(again.dataset.x.columns) == ["code"]
    assert again.config.target == "y"


def test_the_command_of_an_earlier_version_finds_its_study(storage: CohortStorage) -> None:
    """Judged as networks were then, in the preset as it was then, under its default name or a given one."""
    for name in (None, "mine"):
        asked = Search.of(read_config(OPTIONS | {"name": name}))
        text = asked.space.text.replace("low = 0.01", "low = 0.001")
        assert was_preset("core", text)
        before = replace(
            asked,
            config=asked.config.model_copy(update={"sparsity": "near_zero"}),
            space=parse_space(text, name="core", where="core"),
        )
        study_id = create_or_open(before, storage).study_id
        with pytest.warns(ReluctantWarning, match="goes on with --sparsity near_zero.* and the space core"):
            found = create_or_open(asked, storage)
        assert (found.study_id, found.problem.identity) == (study_id, before.identity)
        assert found.problem.space.text == text
        explicit = Search.of(read_config(OPTIONS | {"name": "other", "sparsity": "clamped_zeros"}))
        assert create_or_open(explicit, storage).study_id != study_id
        with pytest.raises(IdentityError, match="sparsity"):
            create_or_open(
                Search.of(read_config(OPTIONS | {"name": before.name, "sparsity": "clamped_zeros"})), storage
            )


def test_a_space_of_ones_own_is_never_taken_for_an_earlier_preset(storage: CohortStorage, tmp_path: Path) -> None:
    text = load_space("core").text
    file = tmp_path / "core.toml"
    file.write_text(text.replace("low = 0.01", "low = 0.001"))
    options = OPTIONS | {"name": None, "sparsity": "near_zero"}
    first = create_or_open(Search.of(read_config(options | {"space": str(file)})), storage)
    file.write_text(text)
    second = create_or_open(Search.of(read_config(options | {"space": str(file)})), storage)
    assert first.study_id != second.study_id


@pytest.mark.parametrize("preset", preset_names())
def test_the_presets_of_version_0_1_are_known(preset: str) -> None:
    text = load_space(preset).text
    assert was_preset(preset, text.replace("low = 0.01\n", "low = 0.001\n", 1))
    assert not was_preset(preset, text)


def test_a_study_of_many_whole_numbers_as_classes_is_found_by_its_command(
    storage: CohortStorage, tmp_path: Path
) -> None:
    """Version 0.1 took whole numbers for classes, however many they were."""
    rows = "".join(f"{n / 7},{n % 60}\n" for n in range(600))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    options = OPTIONS | {"data": str(tmp_path / "t.csv"), "target": "y", "name": None}
    recognized = Search.of(read_config(options))
    begun = recognized.of_classes()
    assert begun is not None
    assert "task" not in begun.identity
    before = create_or_open(begun, storage)
    same_command = create_or_open(recognized, storage)
    assert same_command.study_id == before.study_id
    assert Search.of(read_config(options | {"task": "regression"})).of_classes() is None
