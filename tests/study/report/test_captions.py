"""Each figure's data beside its sentence, on a search with diverged, infeasible and weighted trials and a test part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from trials import CONFIG, own_trial

from storage import open_storage
from study.config import read_config
from study.problem import Search
from study.records.measure_keys import key_on_test
from study.records.open_study import OpenStudy, create_or_open, reopen
from study.records.own_trials import OwnTrial
from study.report import captions, search_figures, training_figures
from study.report.dashboard_figures import advice_note
from study.report.plot import Section
from study.report.search_data import SearchData
from study.report.search_page import search_page
from study.search.from_database import StoredSearch
from study.search.front import find_front
from study.workers.worker import work

SPACE = """
[activation]
choices = ["relu", "leaky_relu", "prelu", "tanh"]
[negative_slope]
when.activation = ["leaky_relu", "prelu"]
choices = [0.0, 0.01, 0.1]
[initialization]
choices = ["kaiming_normal", "xavier_normal"]
[dropout]
choices = [0.0, 0.3]
[learning_rate]
choices = [1e-6, 0.05, 10.0]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStudy]:
    """A weighted search over data with an official test part, of which many trials diverge, and many learn nothing."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = tmp_path_factory.mktemp("captions")
    random = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 60)
    x = random.normal(size=(180, 4)) + 2 * np.eye(3, 4)[y]
    np.savez(folder / "d.npz", x_train=x[:, :], y_train=y, x_test=x[::2], y_test=y[::2])
    (folder / "space.toml").write_text(SPACE)
    options = {"data": str(folder / "d.npz"), "space": str(folder / "space.toml"), "objective": "weighted"}
    budget = {"trials": 40, "seeds": 2, "epochs": 4, "hidden": "8,8", "optimizer": "sgd", "sampler": "random"}
    storage = open_storage(folder / "reluctant.db")
    opened = create_or_open(Search.of(read_config(options | budget | {"name": "s"})), storage)
    assert work(opened)
    yield opened
    storage.close()


@pytest.fixture(scope="module")
def own(study: OpenStudy) -> list[OwnTrial]:
    """Its trials: some diverged, some infeasible, some with slope 0."""
    trials = StoredSearch.of(study).own_trials()
    assert sum(trial.diverged for trial in trials) > 4
    assert sum(not trial.feasible and not trial.diverged for trial in trials) > 4
    assert any(trial.params.get("negative_slope") == 0 for trial in trials if not trial.diverged)
    return trials


@pytest.fixture(scope="module")
def sections(study: OpenStudy, own: list[OwnTrial]) -> dict[str, Section]:
    page = search_page(study)
    diverged = sum(trial.diverged for trial in own)
    infeasible = sum(not trial.feasible for trial in own) - diverged
    assert f"40 trials ({diverged} diverged, {infeasible} infeasible)" in page.subtitle
    return {section.id: section for section in page.sections}


def points(section: Section, panel: str, *, without: tuple[str, ...] = ()) -> list[tuple[Any, float]]:
    """The points of a figure's activations."""
    (chart,) = [each.figure for each in section.panels if each.id == panel]
    return [point for trace in chart.data if trace.name not in without for point in zip(trace.x, trace.y, strict=True)]


def number(pattern: str, sentence: str) -> tuple[int, ...]:
    """The numbers that a sentence says."""
    found = re.search(pattern, sentence)
    assert found, (pattern, sentence)
    return tuple(int(each) for each in found.groups())


SPECIAL = ("front", "baseline", "recommended")


def test_the_front_has_a_point_for_each_trial_but_those_that_it_counts(
    sections: dict[str, Section], own: list[OwnTrial]
) -> None:
    section = sections["front"]
    drawn = points(section, "front-figure", without=SPECIAL)
    diverged, every = number(r"(\d+) of (\d+) trials diverged, and have no point", section.sentence)
    assert (diverged, every) == (sum(trial.diverged for trial in own), 40)
    assert len(drawn) == every - diverged
    assert number(r"(\d+) of (\d+) trials with a point are infeasible", section.sentence) == (
        sum(not trial.feasible and not trial.diverged for trial in own),
        len(drawn),
    )
    low = section.panels[0].figure.layout.yaxis.range[0]
    below = sum(score < low for _, score in drawn)
    said = re.search(r"(\d+) of \d+ points lies? below", section.sentence)
    assert below == (0 if said is None else int(said[1]))
    (star,) = points(
        section, "front-figure", without=tuple({t.hyperparameters.activation for t in own} | {"front", "baseline"})
    )
    best = max((t for t in own if t.feasible), key=lambda t: t.values[0])
    assert star == pytest.approx((100 * best.sparsity, 100 * best.score), rel=1e-5), "it ignores the weight of sparsity"
    assert "The star is the recommended trial, chosen on the search's own seeds" in section.sentence


def test_the_best_of_each_activation_is_out_of_all_that_were_tried(
    sections: dict[str, Section], own: list[OwnTrial]
) -> None:
    section = sections["activations"]
    tried = {name: [t for t in own if t.hyperparameters.activation == name] for name in ("relu", "prelu", "tanh")}
    for label, score in points(section, "activations-figure"):
        name, count = re.fullmatch(r"(\w+) \((\d+)\)", label).groups()  # type: ignore[union-attr]
        if name in tried:
            assert int(count) == len(tried[name])
            assert score == pytest.approx(100 * max(t.score for t in tried[name] if t.feasible), rel=1e-5)
    assert "out of as many as stand in brackets, infeasible and diverged ones included" in section.sentence
    assert "t intervals over its 2 seeds, which take no account of its being picked" in section.sentence


def test_a_cell_is_empty_only_where_nothing_was_tried(sections: dict[str, Section], own: list[OwnTrial]) -> None:
    chart = sections["initializations"].panels[0].figure
    heat = chart.data[0]
    alone = {(note.y, note.x): note.text for note in chart.layout.annotations}
    for row, values, texts in zip(heat.y, heat.z, heat.text, strict=True):
        for column, value, text in zip(heat.x, values, texts, strict=True):
            pair = (row, column)
            tried = [t for t in own if (t.hyperparameters.activation, t.hyperparameters.initialization) == pair]
            assert ("(" in text) == bool(tried)
            if tried:
                assert text.endswith(f"({len(tried)})")
                reached = [t.score for t in tried if not t.diverged]
                assert (value is None) == (not reached)
                assert alone.get(pair) == (None if reached else f"diverged<br>({len(tried)})")


@pytest.mark.parametrize(
    ("identifier", "panel", "parameter"),
    [("slope", "slope-accuracy", "negative_slope"), ("dropout", "dropout-accuracy", "dropout")],
)
def test_a_cloud_over_a_parameter_counts_what_it_cannot_show(
    identifier: str, panel: str, parameter: str, sections: dict[str, Section], own: list[OwnTrial]
) -> None:
    section = sections[identifier]
    concerned = [trial for trial in own if parameter in trial.params]
    diverged = sum(trial.diverged for trial in concerned)
    assert number(r"(\d+) of (\d+) trials diverged", section.sentence) == (diverged, len(concerned))
    off = 0
    if parameter == "negative_slope":
        off, _ = number(r"(\d+) of (\d+) trials ha\w+ slope 0, which a logarithmic axis cannot show", section.sentence)
        assert off == sum(trial.params[parameter] == 0 and not trial.diverged for trial in concerned)
    drawn = points(section, panel)
    assert len(drawn) == len(concerned) - diverged - off
    chart = next(each.figure for each in section.panels if each.id == panel)
    below = sum(score < chart.layout.yaxis.range[0] for _, score in drawn)
    said = re.search(r"(\d+) of (\d+) points lies? below the picture of the scores", section.sentence)
    assert (below, len(drawn)) == ((0, len(drawn)) if said is None else (int(said[1]), int(said[2])))


def test_a_share_of_variation_is_of_the_feasible_trials(sections: dict[str, Section], own: list[OwnTrial]) -> None:
    section = sections["importance"]
    assert number(r"fitted to the (\d+) feasible trials", section.sentence) == (sum(t.feasible for t in own),)
    assert [bar.name for bar in section.panels[0].figure.data] == ["clamped_accuracy + 0.1 clamped_zeros"]


def test_the_loss_curve_is_said_to_be_with_dropout(sections: dict[str, Section]) -> None:
    section = sections["curves"]
    loss = next(panel.figure for panel in section.panels if panel.id == "curves-training-loss")
    assert "dropout on" in loss.layout.yaxis.title.text
    assert {trace.mode for trace in loss.data} == {"lines"}
    assert "while the weights change and with dropout on" in section.sentence
    assert all(re.search(r"dropout \d", trace.name) for trace in loss.data if trace.name)


def test_layers_are_those_of_the_best_feasible_trials(
    study: OpenStudy, sections: dict[str, Section], own: list[OwnTrial]
) -> None:
    chart = next(panel.figure for panel in sections["layers"].panels if panel.id == "layers-dead")
    best = {}
    for candidate in sorted((t for t in own if t.feasible), key=lambda t: (-t.score, t.number)):
        best.setdefault(candidate.hyperparameters.activation, candidate.number)
    assert {trace.name for trace in chart.data} == set(best)
    rows = study.storage.layer_measures(study.study_id, numbers=list(best.values()))
    for trace in chart.data:
        for layer, value in zip(trace.x, trace.y, strict=True):
            dead = [
                r["dead"] for r in rows if (r["number"], r["layer"]) == (best[trace.name], layer - 1) and "dead" in r
            ]
            assert len(dead) == 2, "means over 2 seeds"
            assert value == pytest.approx(100 * sum(dead) / 2, rel=1e-5)


def test_the_answer_has_the_score_on_the_official_test_part(study: OpenStudy) -> None:
    front = StoredSearch.of(study).front(StoredSearch.of(study).own_trials())
    page = search_page(study)
    results = study.storage.test_results(study.study_id, numbers=[front.recommended.number])
    name = study.problem.config.score
    score = sum(row[key_on_test(name)] for row in results) / len(results)
    assert len(results) == 2
    assert f"Its {name} is {100 * score:.2f} % on the test part" in page.answer[1]
    assert page.facts["split"].endswith("90 test samples; the test part is the one that comes with the data")


def test_layers_are_measured_on_a_sample_and_that_is_said(sections: dict[str, Section]) -> None:
    assert "at most 8,192" in sections["layers"].sentence
    assert "every validation sample" not in sections["layers"].sentence


def by_hand(*trials: OwnTrial, most_points: int = 3000) -> SearchData:
    return SearchData(CONFIG, find_front(trials, "s", CONFIG), trials, most_points)


def trial(number: int, score: float, sparsity: float = 0.2, **options: Any) -> OwnTrial:
    params = {"activation": "relu", "initialization": "kaiming_normal", "dropout": 0.1}
    return own_trial(number, [score, score], sparsity, **{**params, **options})


def test_nothing_is_said_where_every_trial_has_its_point() -> None:
    data = by_hand(trial(0, 0.9), trial(1, 0.8, 0.5), trial(2, 0.88, 0.4))
    sentence = search_figures.front(data).sentence
    assert not re.search("diverged|infeasible|Drawn are|below the picture", sentence)
    assert captions.without_points(data) == ""


def test_an_activation_without_a_feasible_trial_is_named() -> None:
    lost = [
        trial(1, 0.1, constraint=1.0, activation="prelu", negative_slope=0.1),
        trial(2, 0.1, 0.0, constraint=1.0, diverged=True, activation="prelu", negative_slope=0.1),
    ]
    section = search_figures.by_activation(by_hand(trial(0, 0.9), *lost))
    assert "Without a feasible trial: prelu (2 tried, of which 1 diverged)." in section.sentence


def test_points_below_the_picture_are_counted_in_each_cloud() -> None:
    good = [trial(number, 0.9 - number / 1000) for number in range(19)]
    data = by_hand(*good, trial(19, 0.2))
    section = search_figures.dropout(data)
    assert section is not None
    for sentence in (section.sentence, search_figures.front(data).sentence):
        assert "1 of 20 points lies below the picture of the scores" in sentence


def test_the_dashboards_note_counts_trials_without_a_point() -> None:
    """Its figures have titles alone, and no captions."""
    data = by_hand(trial(0, 0.9), trial(1, 0.1, 0.0, constraint=1.0, diverged=True))
    assert "In our figures: 1 of 2 trials diverged, and has no point." in advice_note(data)
    assert "In our figures" not in advice_note(by_hand(trial(0, 0.9), trial(1, 0.8)))


def test_a_baseline_that_diverged_is_said_to_have() -> None:
    data = by_hand(trial(0, 0.3, 0.0, constraint=1.0, diverged=True), trial(1, 0.8))
    assert "The cross is the baseline, trial 0. It diverged" in search_figures.front(data).sentence


def test_curves_of_fewer_seeds_than_others_say_so() -> None:
    data = by_hand(trial(0, 0.3, 0.0, constraint=1.0, diverged=True), trial(1, 0.8))
    data = replace(data, config=CONFIG.model_copy(update={"seeds": 2}))
    rows = [
        {"number": number, "name": name, "points": [1.0, 2.0]}
        for number, name in [(0, "training_loss"), *[(1, "training_loss")] * 2]
    ]
    section = training_figures.curves(data, rows)
    assert section is not None
    assert "the means are over 1 for baseline (trial 0, dropout 0.1)." in section.sentence


def test_a_copied_study_says_what_its_database_lacks(study: OpenStudy, tmp_path: Path) -> None:
    """Optuna copies trials with their attributes, and none of the tables in which layers and curves are."""
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    optuna.copy_study(
        from_study_name="s", from_storage=f"sqlite:///{study.storage.place}", to_storage=url, to_study_name="s"
    )
    storage = open_storage(tmp_path / "copy.db")
    sections = {section.id: section for section in search_page(reopen(storage, "s")).sections}
    storage.close()
    for identifier, what in (("layers", "layer measures"), ("curves", "learning curves")):
        assert sections[identifier].panels == ()
        assert f"The database has no {what} of trial" in sections[identifier].sentence


def test_one_trial_without_measures_is_named() -> None:
    data = by_hand(trial(0, 0.9), trial(1, 0.8, activation="tanh"))
    rows = [{"number": 0, "layer": 0, "near_zero": 0.2, "dead": 0.0, "gradient_norm_end": 0.1}]
    assert "The database has no layer measures of trial 1:" in training_figures.layers(data, rows).sentence


@pytest.mark.parametrize(("name", "few"), [("gradient_norm_end", False), ("sampled_gradient_norm_end", True)])
def test_gradients_of_zero_are_counted_on_a_logarithmic_axis(name: str, few: bool) -> None:
    rows = [
        {"number": 0, "layer": layer, "near_zero": 0.2, "dead": 0.0, name: norm}
        for layer, norm in enumerate((0.0, 0.1, 0.2))
    ]
    section = training_figures.layers(by_hand(trial(0, 0.9)), rows)
    assert section is not None
    assert "1 layer has a gradient of 0, which a logarithmic axis cannot show" in section.sentence
    assert ("gradients on 512, evenly spaced over the part" in section.sentence) == few
    assert section.panels[-1].id == "layers-gradient-norm-end"
    assert not math.isnan(section.panels[-1].figure.data[0].y[0])
