"""Points of the unit cube as points of a space."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from search_spaces import load_space
from search_spaces.points import random_params

SPACE = load_space("core")


def test_random_points_are_uniform() -> None:
    generator = np.random.default_rng(3)
    drawn = [random_params(SPACE, generator) for _ in range(3000)]
    counts = Counter(params["activation"] for params in drawn)
    # Five standard deviations of a binomial count.
    assert all(abs(count - 500) < 5 * math.sqrt(3000 / 6 * 5 / 6) for count in counts.values())
    assert len(counts) == 6
