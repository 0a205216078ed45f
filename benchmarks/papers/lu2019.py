"""Lu et al. 2019, Dying ReLU and initialization: how likely a narrow deep network is born dead."""

from __future__ import annotations

import math

import torch

from benchmarks.papers.answer import Answer, Comparison, Tolerance
from benchmarks.papers.material import Material
from search_spaces import Hyperparameters
from search_spaces.perceptron import layer_sizes
from study.training import Streams
from study.training.start import draws, initial_parameters

BORN_DEAD = {
    (2, 3): (0.4375, 0.162),
    (2, 10): (0.925, 0.887),
    (3, 20): (0.921, 0.885),
    (4, 10): (0.441, 0.286),
    (4, 50): (0.958, 0.954),
}
"""Width N and depth L, which counts the output layer: the bound 1 - Π (1 - 2^-N), and the simulated probability."""
NETWORKS = 1000


def share_born_dead(width: int, layers: int, networks: int) -> float:
    """The share of networks with He's initialization, zero biases and one input that are 0 everywhere.

    Such a network is positively homogeneous, so that 1 and -1 stand for all inputs.

    Args:
        width: Units of each of the hidden layers.
        layers: Hidden layers and the output layer.
        networks: How many are drawn, by the project's own initialization.
    """
    network = Hyperparameters(hidden=(width,) * (layers - 1))
    sizes = layer_sizes(network.hidden, 1, 1)[:-1]
    inputs = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    dead = 0
    for replicate in range(networks):
        a = inputs
        for weight, bias in initial_parameters(network, draws(sizes, Streams(0), replicate), inputs):
            a = torch.relu(a @ weight + bias)
        dead += bool((a == 0).all())
    return dead / networks


def three_standard_errors(probability: float, networks: int) -> float:
    """How far a share of so many networks may lie from a probability by chance."""
    return 3 * math.sqrt(probability * (1 - probability) / networks)


def lu2019(material: Material) -> list[Answer]:
    """Five networks, a bound and a probability each; seconds."""
    networks = material.part(NETWORKS)
    theorem = Comparison(paper="Lu 2019", source="theorem 3.4, the upper bound", differences="none")
    simulation = Comparison(
        paper="Lu 2019",
        source="their set-up, simulated independently of this project; not a number of the paper",
        differences=f"{networks:,} networks drawn by this project's initialization",
    )
    answers = []
    for (width, layers), (bound, simulated) in BORN_DEAD.items():
        share = [share_born_dead(width, layers, networks)]
        quantity = f"share of networks born dead, N = {width}, L = {layers}"
        within = Tolerance(within=round(three_standard_errors(simulated, networks), 4), reason="three standard errors")
        answers += [
            theorem.at_most(f"{quantity}: bound", bound, share, "it holds for the probability"),
            simulation.near(quantity, simulated, share, within),
        ]
    return answers
