"""What is known from elsewhere comes out here: born-dead networks, and Xavier against He thirty layers deep."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import reproduce
from benchmarks.papers.answer import Comparison, Tolerance
from benchmarks.papers.he2015 import thirty_layers
from benchmarks.papers.lu2019 import BORN_DEAD, NETWORKS, share_born_dead, three_standard_errors
from study.data import load_dataset, make_split
from study.tasks import METRICS


@pytest.mark.parametrize(("width", "layers"), BORN_DEAD)
def test_narrow_deep_relu_networks_are_born_dead(width: int, layers: int) -> None:
    """Lu et al. 2019 (Dying ReLU and initialization, theorem 3.4): He, zero biases, one input, L - 1 hidden layers."""
    bound, simulated = BORN_DEAD[width, layers]
    share = share_born_dead(width, layers, NETWORKS)
    assert share == pytest.approx(simulated, abs=three_standard_errors(simulated, NETWORKS))
    assert share < bound


def test_xavier_stalls_at_thirty_layers_where_he_trains() -> None:
    """He et al. 2015, section 2.2 and figure 3: with gain 1, the signal of 30 ReLU layers is lost."""
    split = make_split(load_dataset("digits"), seed=0)
    he, xavier = thirty_layers(split, epochs=10, seeds=2)
    guess = METRICS["accuracy"].constant_guess(split.training, split.validation, 10)
    for trained, stalled in zip(he.replicates, xavier.replicates, strict=True):
        assert trained.scores["accuracy"] > 0.5
        assert stalled.scores["accuracy"] == pytest.approx(guess, abs=0.02)
        # The loss of a guess: ln 10.
        assert stalled.curves["training_loss"][-1] == pytest.approx(math.log(10), abs=0.01)
        assert trained.scores["gradient_ratio_start"] > 0.01


def test_answers_pass_by_their_rules_alone() -> None:
    paper = Comparison(paper="A 2000", source="table 1", differences="none")
    half = Tolerance(within=0.5, reason="rounding")
    assert paper.near("error", 1.5, [1.0, 1.8], half).passes
    assert not paper.near("error", 1.5, [2.0, 2.2], half).passes
    assert paper.above("gain", "rises", [0.1, 0.2], 0, "stated").passes
    assert not paper.above("gain", "rises", [0.0, 9.0], 0, "stated").passes
    assert not paper.at_most("share", 0.4, [0.3, 0.5], "a bound").passes
    for values in ([math.nan, 1.5], [1.5, math.nan]):
        assert not paper.above("gain", "rises", values, 0, "a seed that diverged agrees with nothing").passes


def test_an_experiment_replaces_its_earlier_run_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"he2015": {"scale": 1.0}, "lu2019": {"scale": 1.0}}))
    reproduce.main([str(tmp_path), "--only", "lu2019", "--scale", "0.02", "--output", str(path)])
    kept = json.loads(path.read_text())
    assert [*kept] == ["lu2019", "he2015"]
    assert (kept["lu2019"]["scale"], kept["he2015"]) == (0.02, {"scale": 1.0})
    answers = kept["lu2019"]["answers"]
    assert [answer["theirs"] for answer in answers] == [number for pair in BORN_DEAD.values() for number in pair]
