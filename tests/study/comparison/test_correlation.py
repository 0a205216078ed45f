"""Measured correlations of replicates, and the benchmarks that measure them and the placebos."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import correlation, placebos
from search_spaces.claim_cells import read_claims
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures, training_loss_key
from study.comparison.correlation import CORRELATIONS, variance_ratio
from study.data import load_dataset
from study.intervals import Array

DESIGN = Design(learning_rates=(0.001, 0.01), slopes=(0.0, 0.1, 0.9), dropouts=(0.0, 0.5), depths=(2,))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_a_planted_correlation_is_found_and_its_interval_holds_it(rho: float) -> None:
    generator = np.random.default_rng(1)
    found, held = [], 0
    for _ in range(400):
        values = np.sqrt(rho) * generator.standard_normal((6, 1)) + np.sqrt(1 - rho) * generator.standard_normal((6, 3))
        estimate, (low, high), _ = correlation.intraclass(values)
        assert low <= estimate <= high
        found.append(estimate)
        held += low <= rho <= high
    assert np.median(found) == pytest.approx(rho, abs=0.05)
    assert 0.92 < held / 400 < 0.98


def test_subsets_share_no_row_and_have_every_class_they_keep() -> None:
    digits = load_dataset("digits")
    parts = correlation.subsets(digits, count=4, rows=100, seed=0)
    rows = [tuple(row) for part in parts for row in np.asarray(part.x).reshape(len(part), -1).tolist()]
    whole = {tuple(row) for row in np.asarray(digits.x).reshape(len(digits), -1).tolist()}
    assert len(set(rows)) == len(rows)
    assert set(rows) <= whole
    assert all(len(part.targets.classes) == 10 for part in parts)


def test_the_ratio_is_that_of_nadeau_and_bengio_or_the_measured_one() -> None:
    assert variance_ratio("score", "nadeau-bengio", 1 / 3) == 1 / 3
    for kind, rho in CORRELATIONS.items():
        assert 0.0 <= rho < 1.0
        assert variance_ratio(kind, "measured", 9.0) == pytest.approx(rho / (1.0 - rho))
        assert variance_ratio(kind, "measured", 9.0) <= 9.0


def test_placebos_find_what_choosing_by_luck_gains_and_nothing_where_streams_differ() -> None:
    generator = np.random.default_rng(2)
    count = DESIGN.streams * placebos.places_of(DESIGN)

    def network(worth: float) -> dict[str, Array]:
        luck = worth + 0.02 * generator.standard_normal(count)
        accuracy = luck + 0.005 * generator.standard_normal(count)
        shares = dict.fromkeys(("test_near_zero", "test_saturation", "test_removable"), np.abs(luck))
        return {"accuracy": accuracy, "log_loss": 1.0 - accuracy, "test_accuracy": luck, **shares}

    networks = {0.001: network(0.8), 0.01: network(0.81)}
    measured = placebos.dealt(DESIGN, networks, deals=30, generator=generator)
    once = CellMeasures(measured.streams[:1])
    for _, part in placebos.contrasts(DESIGN):
        if part.kind == "score":
            assert abs(part.compute(DESIGN, measured).mean()) < 0.25, part.name
    chosen = {part.name for claim, part in placebos.contrasts(DESIGN)}
    assert {name for _, name in placebos.left_out(DESIGN)}.isdisjoint(chosen)
    best = next(part for claim, part in placebos.contrasts(DESIGN) if claim == 12)
    assert best.compute(DESIGN, once).mean() > 1.0


def test_every_claim_s_contrasts_of_arms_are_put_to_placebos() -> None:
    """All have a value on networks that are alike, but those that ask for zeros which these do not have."""
    design = Design(learning_rates=(0.001, 0.01), claims=read_claims("all"))
    generator = np.random.default_rng(3)
    count = design.streams * placebos.places_of(design)

    def network() -> dict[str, Array]:
        score = 0.8 + 0.02 * generator.standard_normal(count)
        shares = {f"test_{name}": 0.5 + 0.05 * generator.standard_normal(count) for name in placebos.SHARES}
        losses = {training_loss_key(epoch): np.exp(-epoch) + 0.0 * score for epoch in range(3)}
        return {"accuracy": score, "log_loss": 1.0 - score, "test_accuracy": score} | shares | losses

    networks = {0.001: network(), 0.01: network()}
    measured = placebos.dealt(design, networks, deals=2, generator=generator)
    for claim, part in placebos.contrasts(design):
        values = part.compute(design, measured)
        if claim == 23:
            continue
        assert abs(np.nanmean(values)) < 1.0, part.name
    assert {claim for claim, _ in placebos.left_out(design)} == {1, 4, 9, 11, 15}
