"""The designs of comparisons: their arms, and those that version 0.1 began."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from search_spaces import Hyperparameters
from search_spaces.claim_cells import ARMS, USUAL_CLAIMS
from search_spaces.design import Design

LEVELS_OF_0_1: dict[str, Any] = {
    "activations": ["relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "tanh", "sigmoid", "identity"],
    "learning_rates": [0.0003, 0.001, 0.003, 0.01],
    "slopes": [0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.9],
    "initializations": ["kaiming_normal", "xavier_normal", "lecun_normal", "orthogonal", "torch_default"],
    "dropouts": [0.0, 0.1, 0.2, 0.3, 0.5],
    "depths": [2, 5, 10],
    "learning_rate": 0.001,
    "width": 64,
}


def test_the_cells_of_version_0_1_keep_their_order() -> None:
    """A trial's number says which cell it trained: a comparison that was begun then goes on with the same."""
    design = Design.restored(LEVELS_OF_0_1)
    assert (design.streams, design.tuned, len(design.cells)) == (1, False, 158)
    assert design.levels == LEVELS_OF_0_1  # part of the study's identity
    params = json.dumps([design.params(number) for number in range(158)], sort_keys=True)
    assert hashlib.sha256(params.encode()).hexdigest().startswith("58cbebd439c149dd")
    assert hashlib.sha256(design.space.text.encode()).hexdigest().startswith("39af45c268d6cde9")


def test_the_cells_of_the_usual_claims_keep_their_order() -> None:
    """Whatever claims are added: a comparison that was begun goes on with the same, under the same identity."""

    def begins(text: str, digest: str) -> bool:
        return hashlib.sha256(text.encode()).hexdigest().startswith(digest)

    design = Design(learning_rates=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1))
    params = [design.params(number) for number in range(256)]
    assert (len(design.cells), "claims" in design.levels) == (256, False)
    assert begins(json.dumps(params, sort_keys=True), "3b99b0b236b5bd69")
    assert begins(design.space.text, "fe0b2bb73e33e700")
    assert begins(json.dumps(design.levels, sort_keys=True), "9325631090072f56")


@pytest.mark.parametrize("claims", [*((number,) for number in ARMS), tuple(ARMS)], ids=str)
def test_the_cells_of_claims_are_points_of_their_space(claims: tuple[int, ...]) -> None:
    design = Design(claims=claims)
    assert design.cells[0] == design.cell("relu")
    assert len(set(design.cells)) == len(design.cells)
    defaults = Hyperparameters(learning_rate=design.learning_rate, hidden=(design.width,) * 2)
    for number, cell in enumerate(design.cells):
        assert design.space.hyperparameters(design.params(number), defaults) == cell
    needed = {cell for claim in claims for arm in ARMS[claim](design) for cell in arm}
    assert needed <= set(design.cells)
    if not set(USUAL_CLAIMS) <= set(claims):
        assert set(design.cells) == needed | {design.cells[0]}


def test_claims_that_are_asked_for_beside_the_usual_ones_move_none_of_their_cells() -> None:
    shallow = [cell for cell in Design().cells if len(cell.hidden) == 2]
    assert list(Design(claims=tuple(ARMS)).cells[: len(shallow)]) == shallow


def test_the_reduced_design_answers_every_usual_claim_with_few_cells() -> None:
    """Depth is the number of blocks; each factor keeps two levels, as every contrast needs."""
    design = Design.reduced((4, 8), width=16, learning_rate=0.01)
    assert len(design.cells) == 59 < len(Design().cells) / 4
    assert design.cells[0].channels == (4, 8)
    assert {cell.channels for cell in design.cells} == {(4, 8), (4, 8, 8, 8, 8)}
    assert {cell.hidden for cell in design.cells} == {(16,)}
    defaults = Hyperparameters(hidden=(16,), channels=(4, 8), learning_rate=0.01)
    for number, cell in enumerate(design.cells):
        assert design.space.hyperparameters(design.params(number), defaults) == cell
    levels = ("learning_rates", "slopes", "initializations", "dropouts", "depths", "initialized", "dropped")
    assert all(len(getattr(design, name)) >= 2 for name in levels)
    assert Design.reduced((4,)).depths == (1, 4)


@pytest.mark.parametrize(
    "design",
    [
        Design(),
        Design(width=8, learning_rate=0.02),
        Design(claims=(2, 7)),
        Design.reduced((4, 8), claims=(2, 7)),
        Design.restored(LEVELS_OF_0_1),
    ],
)
def test_levels_restore_the_design(design: Design) -> None:
    assert Design.restored(json.loads(json.dumps(design.levels))) == design


def test_every_arm_is_tuned_among_the_same_rates() -> None:
    design = Design()
    arms = [design.arm(name) for name in design.activations] + list(design.over_slopes())
    arms += [arm for name in design.initialized for arm in design.over_initializations(name)]
    arms += [arm for name in design.dropped for arm in design.over_dropouts(name)]
    for arm in arms:
        assert tuple(cell.learning_rate for cell in arm) == design.learning_rates
        assert set(arm) <= set(design.cells)


def test_the_usual_network_is_trained_once_and_first() -> None:
    design = Design()
    assert design.cells[0] == design.cell("relu") in design.arm("relu")
    assert len(set(design.cells)) == len(design.cells)
    assert design.over_slopes()[0] == design.arm("relu")
