"""A search and a comparison behind one interface."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution
from torch import nn

from reluctant.errors import ReluctantError, ReluctantWarning
from search_spaces import ARCHITECTURES, Architecture
from search_spaces.design import Design
from study.config import ConfigError, StudyConfig, read_config
from study.machine import MachineError
from study.problem import Comparison, Problem, Search, kind_of, stored_design
from study.problem.rung_options import completed_rungs, halving_of
from study.sampling import SAMPLERS

CONFIG = read_config({"data": "iris", "seeds": 3, "hidden": "8"})

every_kind = pytest.mark.parametrize("kind", [Search, Comparison])


@every_kind
def test_a_stored_identity_gives_the_same_problem_back(kind: type[Problem]) -> None:
    problem = kind.of(CONFIG)
    stored: dict[str, Any] = json.loads(json.dumps(problem.identity))
    assert kind_of(stored) is kind
    again = kind_of(stored).stored(problem.config, problem.dataset, problem.space, stored)
    assert (again.identity, again.name) == (problem.identity, problem.name)
    assert again.cells == problem.cells


@every_kind
def test_another_configuration_of_the_same_data_has_splits_of_its_own(kind: type[Problem]) -> None:
    """What is computed once for a problem is not carried over to a copy."""
    problem = kind.of(CONFIG)
    other = replace(problem, config=problem.config.model_copy(update={"seed": 1}))
    assert problem.split.test.y.tolist() != other.split.test.y.tolist()
    assert problem.identity != other.identity


@every_kind
def test_what_follows_from_the_kind_is_no_field_that_a_user_gives(kind: type[Problem]) -> None:
    problem = kind.of(CONFIG)
    assert problem.derived_fields <= StudyConfig.model_fields.keys()
    changed = {name for name in StudyConfig.model_fields if getattr(problem.config, name) != getattr(CONFIG, name)}
    completed = completed_rungs(CONFIG).keys() if kind is Search else set()
    assert changed == problem.derived_fields | completed
    assert problem.sampler in SAMPLERS


def test_the_network_reaches_identity_inputs_and_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def linear(hyperparameters: Any, shape: tuple[int, ...], outputs: int, activation: Any, dropout: Any) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), 3), activation(), nn.Linear(3, outputs))

    architecture = Architecture(name="narrow", engine="modules", build=linear, inputs="images")
    monkeypatch.setitem(ARCHITECTURES, "narrow", architecture)
    usual = Search.of(read_config({"data": "digits", "hidden": "8"}))
    problem = Search.of(read_config({"data": "digits", "hidden": "8", "network": "narrow"}))
    assert problem.split.training.x.shape[1:] == problem.sizes.input_shape == (1, 8, 8)
    assert (usual.split.training.x.shape[1:], usual.sizes.input_shape) == ((64,), (64,))
    different = {"network": "narrow", "image": [1, 8, 8, False]}
    assert problem.identity == usual.identity | different
    shapes = problem.engine.slot_shapes(problem.defaults, problem.budget, problem.sizes)
    assert shapes["network.1.weight"] == (3, 64)
    with pytest.raises(ConfigError, match="--network is narrow, which reads images, and iris is a table of 4 columns"):
        _ = Search.of(read_config({"data": "iris", "hidden": "8", "network": "narrow"})).prepared


NETWORKS = [
    ({"network": "cnm"}, "unknown network 'cnm'; did you mean 'cnn'?"),
    (
        {"network": "cnn", "data": "iris"},
        "--network is cnn, which reads images, and iris is a table of 4 columns",
    ),
    ({"data": "digits", "network": "cnn", "channels": []}, "--channels is empty, and --network cnn needs a block"),
    ({"channels": "8,16"}, "--channels is 8,16, and --network mlp has no use for it: it has --hidden, --norm"),
    ({"network": "cnn", "residual": True}, "--residual is given, and --network cnn has no use for it: it has --chan"),
    ({"residual": True, "hidden": "8,16"}, "--residual is given, and --hidden is 8,16: no two hidden layers in a row"),
]


@pytest.mark.parametrize(("options", "seen"), NETWORKS)
def test_networks_that_cannot_be_are_refused(options: dict[str, Any], seen: str) -> None:
    with pytest.raises(ReluctantError, match=re.escape(seen)):
        _ = Search.of(read_config({"data": "digits"} | options)).prepared


def test_a_network_has_the_defaults_of_its_architecture_and_asking_for_them_changes_nothing() -> None:
    cnn = Search.of(read_config({"data": "digits", "network": "cnn"}))
    assert (cnn.config.channels, cnn.config.hidden, cnn.config.normalization) == ((16, 32), (64,), "batch")
    same = {"channels": "16,32", "hidden": "64", "normalization": "batch", "head": "flatten"}
    assert Search.of(read_config({"data": "digits", "network": "cnn"} | same)).identity == cnn.identity
    plain = read_config({"data": "digits", "network": "cnn", "normalization": "none"})
    assert Search.of(plain).identity != cnn.identity
    mlp = Search.of(read_config({"data": "digits"}))
    asked = Search.of(read_config({"data": "digits", "network": "mlp", "hidden": "64,64", "normalization": "none"}))
    assert asked.identity == mlp.identity
    assert not {"network", "normalization", "residual", "channels", "head", "image"} & mlp.identity.keys()


@pytest.mark.parametrize(
    ("options", "engine"),
    [({}, "stacked_mlp"), ({"normalization": "layer"}, "modules"), ({"residual": True}, "modules")],
)
def test_perceptrons_are_stacked_where_they_are_plain(options: dict[str, Any], engine: str) -> None:
    assert Search.of(read_config({"data": "iris"} | options)).architecture.engine == engine


def test_a_space_may_search_the_normalization_of_perceptrons(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[normalization]\nchoices = ["none", "batch", "layer"]\n')
    search = Search.of(read_config({"data": "iris", "space": str(tmp_path / "own.toml")}))
    assert search.architecture.engine == "modules"
    assert {each.normalization for each in search.sample(20)} == {"none", "batch", "layer"}


@pytest.mark.parametrize(("given", "start"), [(False, False), (True, True)])
def test_a_space_may_search_residual_connections_of_perceptrons(tmp_path: Path, given: bool, start: bool) -> None:
    (tmp_path / "own.toml").write_text("[residual]\nchoices = [false, true]\n")
    own = {"data": "digits", "space": str(tmp_path / "own.toml"), "residual": given}
    search = Search.of(read_config(own))
    assert search.architecture.engine == "modules"
    assert {each.residual for each in search.sample(20)} == {False, True}
    assert search.space.baseline(search.defaults) == {"residual": start}
    assert search.space.suggest(Never(), {"residual": not start}) == {"residual": not start}
    with pytest.raises(ReluctantError, match="residual = 1 is not in the space; it needs one of: False, True"):
        search.space.suggest(Never(), {"residual": 1})
    with pytest.raises(ConfigError, match="the space own searches residual, and --hidden is 8,9: no two hidden layers"):
        _ = Search.of(read_config(own | {"residual": False, "hidden": "8,9"})).prepared
    with pytest.raises(ConfigError, match="the space own searches residual, and --network cnn has no use for it; choo"):
        _ = Search.of(read_config(own | {"residual": False, "network": "cnn"})).prepared


class Never:
    """A suggester that is not asked."""

    def suggest(self, name: str, distribution: BaseDistribution) -> Any:
        raise AssertionError(name)


def test_perceptrons_of_a_regression_have_a_learning_rate_of_their_own_where_none_is_asked_for(
    tmp_path: Path,
) -> None:
    """With that of classification, 30 epochs end while they still get better; docs/tasks.md has the figures."""

    lines = [f"{number * 37 % 80 / 3},{number * number / 7}" for number in range(80)]
    (tmp_path / "squares.csv").write_text("\n".join(["x,area", *lines]))
    squares = {"data": str(tmp_path / "squares.csv"), "target": "area"}

    def rate(**options: Any) -> Any:
        search = Search.of(read_config(squares | options))
        assert search.defaults.learning_rate == search.space.baseline(search.defaults).get(
            "learning_rate", search.identity["learning_rate"]
        )
        return search.identity["learning_rate"]

    assert (rate(), rate(space="wide")) == (0.003, 0.003)
    assert (rate(learning_rate=0.001), rate(optimizer="sgd"), rate(data="iris", target=None)) == (0.001, 0.001, 0.001)
    assert Comparison.of(read_config(squares)).identity["learning_rate"] == 0.001


def test_a_search_samples_its_space_and_reads_no_test_part() -> None:
    search = Search.of(CONFIG)
    assert (len(search.splits), search.reads_test_part, search.splits_each_seed) == (1, False, False)
    sampled = search.sample(20)
    assert len({each.activation for each in sampled}) > 2
    assert sampled == Search.of(CONFIG).sample(20)
    assert search.sampler == "tpe"
    assert search.cells == ()
    assert len(search.progress_reference) == 2


def test_a_comparison_has_a_trial_for_each_cell_and_a_split_for_each_seed() -> None:
    comparison = Comparison.of(CONFIG)
    cells = comparison.design.cells
    assert comparison.design == stored_design(comparison.identity) == Design(width=8)
    assert (len(comparison.prepared), comparison.reads_test_part, comparison.splits_each_seed) == (3, True, True)
    assert comparison.replicates == comparison.budget.seeds == len(comparison.splits) == 3 * comparison.design.streams
    assert all(split is comparison.splits[place % 3] for place, split in enumerate(comparison.splits))
    assert comparison.config.trials == len(comparison.cells) == len(cells)
    read = [comparison.space.hyperparameters(params, comparison.defaults) for params in comparison.cells]
    assert [each.activation for each in read] == [cell.activation for cell in cells]
    assert [each.hidden for each in read] == [cell.hidden for cell in cells]
    assert comparison.sample(4) == [cells[place * len(cells) // 4] for place in range(4)]
    assert len(comparison.progress_reference) == 1


def test_folds_are_replicates_of_every_seed() -> None:
    search = Search.of(read_config({"data": "iris", "hidden": "8", "seeds": 2, "cv": 3}))
    assert (search.replicates, search.budget.seeds, len(search.prepared), len(search.splits)) == (6, 6, 3, 6)
    assert all(search.splits[place] is search.prepared[place % 3].split for place in range(6))
    assert [search.prepared_for(place) for place in (6, 8)] == [search.prepared[0], search.prepared[2]]
    assert search.splits_of(range(4, 6)) == search.splits[1:3]
    plain = Search.of(read_config({"data": "iris", "hidden": "8", "seeds": 2}))
    assert search.identity == {**plain.identity, "cv": 3}
    assert len(plain.splits) == 1
    assert search.split.test.y.tolist() == plain.split.test.y.tolist()


@pytest.mark.parametrize("name", ["cv", "groups", "time"])
def test_a_comparison_divides_its_rows_itself(name: str) -> None:
    """A TOML file can name any option."""
    with pytest.raises(ConfigError, match=f"--{name} is 3, and a comparison has no use for it"):
        Comparison.of(StudyConfig.model_validate({"data": "iris", name: 3 if name == "cv" else "3"}))


def test_splits_that_cannot_all_be_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Comparison.of(read_config({"data": "iris", "seeds": 10, "hidden": "8"}))
    monkeypatch.setattr("study.problem.base.available_memory", lambda: 10 * 150 * 4 * 4 - 1)
    with pytest.raises(MachineError, match=r"10 splits \(one for each seed of a comparison\) of iris need about"):
        _ = problem.splits
    monkeypatch.setattr("study.problem.base.available_memory", lambda: 10 * 150 * 4 * 4)
    assert len(problem.prepared) == 10
    assert len({tuple(split.test.y.tolist()) for split in problem.splits}) == 10


def test_folds_that_cannot_all_be_kept_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Search.of(read_config({"data": "iris", "cv": 5, "hidden": "8"}))
    monkeypatch.setattr("study.problem.base.available_memory", lambda: 5 * 150 * 4 * 4 - 1)
    with pytest.raises(MachineError, match=r"5 folds of iris need about .* take fewer --cv, or a part of the data"):
        _ = problem.splits
    monkeypatch.setattr("study.problem.base.available_memory", lambda: 5 * 150 * 4 * 4)
    assert len(problem.prepared) == 5


def test_an_option_of_comparisons_alone_is_refused_by_a_search() -> None:
    """A TOML file can name any option."""
    with pytest.raises(ConfigError, match="variance is given, and a search has no use for it"):
        Search.of(StudyConfig(data="iris", variance="nadeau-bengio"))


@pytest.mark.parametrize(
    ("changes", "possible", "said"),
    [
        (
            {"hidden": "2"},
            (2, 14),
            "skipped: claim 22: it needs layers of a fourth of the units and of four times as many",
        ),
        (
            {"epochs": 1},
            (2, 22),
            "skipped: claim 14: it reads the course of learning, and there is 1 epoch; give --epoch",
        ),
        (
            {"claims": "2,24", "epochs": 9},
            (2,),
            "skipped: claim 24: it needs an epoch for each of 10 orders of the inputs, and there are 9; give --ep",
        ),
        (
            {"claims": "2,24", "epochs": 10, "patience": 3},
            (2,),
            "skipped: claim 24: each order of the inputs has its share of the epochs, and --patience is 3",
        ),
        ({"hidden": "8"}, (2, 14, 22), None),
        ({"claims": "24", "epochs": 10}, (24,), None),
    ],
)
def test_claims_that_need_more_than_there_is_are_skipped_and_named(
    changes: dict[str, Any], possible: tuple[int, ...], said: str | None
) -> None:
    config = read_config({"data": "iris", "seeds": 2, "claims": "2,14,22", **changes})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        problem = Comparison.of(config)
    assert problem.design.claims == problem.config.claims == possible
    assert [str(each.message)[: len(said)] for each in caught] == [said] if said else not caught


def test_claims_about_perceptrons_are_skipped_for_other_networks_and_refused_where_none_is_left() -> None:
    config = read_config({"data": "digits", "seeds": 2, "claims": "13,16-19,24-25", "network": "cnn"})
    with pytest.warns(ReluctantWarning) as caught:
        assert Comparison.of(config).design.claims == (13,)
    assert [str(each.message).partition(": it")[0] for each in caught] == [
        "skipped: claims 16,18-19",
        "skipped: claim 17",
        "skipped: claim 24",
        "skipped: claim 25",
    ]
    config = read_config({"data": "iris", "seeds": 2, "claims": "18", "normalization": "batch"})
    with pytest.raises(
        ConfigError, match=r"none of them can be tested. claim 18: it is about networks without normaliz"
    ):
        Comparison.of(config)
    with pytest.raises(ConfigError, match=r"claim 17: it varies normalization itself, and --normalization is batch"):
        Comparison.of(config.model_copy(update={"claims": (17,)}))


def test_inputs_of_one_column_have_no_other_order(tmp_path: Path) -> None:
    table = tmp_path / "one.csv"
    table.write_text("a,y\n" + "".join(f"{number},{number % 2}\n" for number in range(40)), encoding="utf-8")
    config = read_config({"data": str(table), "target": "y", "seeds": 2, "claims": "2,24"})
    with pytest.warns(ReluctantWarning, match=r"skipped: claim 24: .* and the data have 1 column; give data with more"):
        assert Comparison.of(config).design.claims == (2,)


def test_only_cells_that_are_normalized_take_the_slow_engine() -> None:
    def engine(**changes: Any) -> str:
        return Comparison.of(read_config({"data": "iris", "seeds": 2, **changes})).architecture.engine

    assert engine(claims="2,17") == "by_trial"
    assert engine(claims="2") == engine() == "stacked_mlp"
    assert engine(claims="2", normalization="batch") == "modules"


@pytest.mark.parametrize(("epochs", "first_rung"), [(2, 1), (5, 1), (9, 2), (20, 4), (30, 6), (101, 21)])
def test_the_only_rung_is_after_a_fifth_of_the_epochs(epochs: int, first_rung: int) -> None:
    config = Search.of(read_config({"data": "iris", "pruner": "halving", "epochs": epochs})).config
    assert config.min_epochs == first_rung < epochs
    halving = halving_of(config)
    assert halving is not None
    assert halving.rungs == (first_rung,)
    assert not {"cohort", "min_epochs", "bracket"} & config.model_fields_set


@pytest.mark.parametrize(
    ("options", "pruner"),
    [
        ({}, "halving"),
        ({"trials": 192}, "halving"),
        ({"trials": 191}, "none"),
        ({"trials": 96, "cohort": 32}, "halving"),
        ({"cohort": 26}, "none"),
        ({"epochs": 5}, "halving"),
        ({"epochs": 4}, "none"),
        ({"sampler": "nsga2"}, "none"),
        ({"trials": 20, "min_epochs": 3}, "halving"),
        ({"trials": 20, "pruner": "halving"}, "halving"),
        ({"pruner": "none"}, "none"),
    ],
)
def test_where_none_is_asked_for_large_studies_under_tpe_stop_trials_early(
    options: dict[str, Any], pruner: str
) -> None:
    config = Search.of(read_config({"data": "iris", **options})).config
    assert config.pruner == pruner
    assert (config.min_epochs is None) is (pruner == "none")
    assert ("pruner" in config.model_fields_set) is ("pruner" in options)


@pytest.mark.parametrize(
    ("options", "cohort", "bracket"),
    [
        ({}, 64, 32),
        ({"cohort": 20}, 20, 20),
        ({"cohort": 32}, 32, 32),
        ({"bracket": 24}, 72, 24),
        ({"bracket": 100}, 100, 100),
        ({"pruner": "none"}, 32, None),
    ],
)
def test_a_cohort_has_several_brackets_where_none_is_asked_for(
    options: dict[str, Any], cohort: int, bracket: int | None
) -> None:
    config = Search.of(read_config({"data": "iris", "pruner": "halving", **options})).config
    assert (config.cohort, config.bracket) == (cohort, bracket)
