"""What a search says before it starts."""

from __future__ import annotations

import pytest

from study.cli.run_search import unlearned
from study.config import StudyConfig


@pytest.mark.parametrize(
    ("trials", "cohort", "sampler", "said"),
    [
        (20, 32, "tpe", 64),
        (64, 32, "tpe", 64),
        (65, 32, "tpe", None),
        (16, 4, "tpe", 16),
        (17, 4, "tpe", None),
        (20, 32, "random", None),
    ],
)
def test_a_study_that_ends_before_it_learns_is_told_so(
    trials: int, cohort: int, sampler: str, said: int | None
) -> None:
    text = unlearned(StudyConfig(trials=trials, cohort=cohort, sampler=sampler))
    if said is None:
        assert text is None
    else:
        assert text is not None
        assert f"learns nothing in {trials} trials: the first {said} are spread over the space" in text
