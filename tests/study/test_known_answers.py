"""What is known from elsewhere comes out here: born-dead networks, and Xavier against He thirty layers deep."""

from __future__ import annotations

import math

import pytest
import torch

from search_spaces import Hyperparameters
from search_spaces.perceptron import layer_sizes
from study.data import load_dataset, make_split
from study.tasks import METRICS
from study.training import Budget, Streams, fit
from study.training.start import draws, initial_parameters


@pytest.mark.parametrize(
    ("width", "layers", "bound", "simulated"),
    [(2, 3, 0.4375, 0.162), (2, 10, 0.925, 0.887), (3, 20, 0.921, 0.885), (4, 10, 0.441, 0.286), (4, 50, 0.958, 0.954)],
)
def test_narrow_deep_relu_networks_are_born_dead(width: int, layers: int, bound: float, simulated: float) -> None:
    """Lu et al. 2019 (Dying ReLU and initialization, theorem 3.4): He, zero biases, one input, L - 1 hidden layers.

    Such a network is positively homogeneous, so that 1 and -1 stand for all inputs.
    """
    count = 1000
    network = Hyperparameters(hidden=(width,) * (layers - 1))
    sizes = layer_sizes(network.hidden, 1, 1)[:-1]
    inputs = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    dead = 0
    for replicate in range(count):
        a = inputs
        for weight, bias in initial_parameters(network, draws(sizes, Streams(0), replicate), inputs):
            a = torch.relu(a @ weight + bias)
        dead += bool((a == 0).all())
    assert dead / count == pytest.approx(simulated, abs=3 * math.sqrt(simulated * (1 - simulated) / count))
    assert dead / count < bound


def test_xavier_stalls_at_thirty_layers_where_he_trains() -> None:
    """He et al. 2015, section 2.2 and figure 3: with gain 1, the signal of 30 ReLU layers is lost."""
    split = make_split(load_dataset("digits"), seed=0)
    he, xavier = fit(
        [
            Hyperparameters(initialization=name, hidden=(64,) * 30, learning_rate=0.003)
            for name in ("kaiming_normal", "xavier_normal")
        ],
        split,
        Budget(epochs=10, seeds=2, optimizer="sgd"),
        Streams(0),
    )
    guess = METRICS["accuracy"].constant_guess(split.training, split.validation, 10)
    for trained, stalled in zip(he.replicates, xavier.replicates, strict=True):
        assert trained.scores["accuracy"] > 0.5
        assert stalled.scores["accuracy"] == pytest.approx(guess, abs=0.02)
        # The loss of a guess: ln 10.
        assert stalled.curves["training_loss"][-1] == pytest.approx(math.log(10), abs=0.01)
        assert trained.scores["gradient_ratio_start"] > 0.01
