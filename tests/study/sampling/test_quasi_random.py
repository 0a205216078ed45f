"""The Sobol sequence: even cover of every parameter, and one sequence for all cohort sizes."""

from __future__ import annotations

import math
from collections import Counter

from proposing import carry_on, make_proposer, params_of, propose

from search_spaces import load_space

SPACE = load_space("core")


def test_qmc_covers_every_parameter_evenly() -> None:
    proposer = make_proposer(sampler="qmc", cohort=64)
    block = propose(proposer, carry_on([], 64, lambda: proposer), 128)
    assert block is not None
    for parameter in ("activation", "initialization"):
        counts = Counter(proposal.params[parameter] for proposal in block.proposals)
        choices = next(p.distribution.choices for p in SPACE.parameters if p.name == parameter)
        # A share of an axis, [i/k, (i + 1)/k), covers at least ⌊64/k⌋ − 1 of its 64 cells, and each holds one point.
        assert set(counts) == set(choices)
        assert max(counts.values()) <= math.ceil(64 / len(choices)) + 1
        assert min(counts.values()) >= math.floor(64 / len(choices)) - 1
    cells = Counter(int(proposal.params["dropout"] / 0.6 * 64) for proposal in block.proposals)
    assert cells == Counter(range(64))


def test_qmc_of_another_cohort_size_is_the_same_sequence() -> None:
    one, other_size = make_proposer(sampler="qmc"), make_proposer(sampler="qmc", cohort=5)
    assert params_of(carry_on([], 24, lambda: one)) == params_of(carry_on([], 24, lambda: other_size))
