"""What a search says before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import run_here

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


def test_every_way_to_start_says_it_and_it_is_silent_once_the_sampler_learns(tmp_path: Path) -> None:
    small = ("--seeds", 1, "--epochs", 1, "--cohort", 2, "--hidden", 4)
    said = "--sampler tpe learns nothing in 3 trials"
    for form in ("table", "json", "csv"):
        planned = run_here(
            "run", "iris", *small, "--trials", 3, "--dry-run", "--format", form, cwd=tmp_path, check=True
        )
        assert said in planned.stdout
        if form == "json":
            assert len(json.loads(planned.stdout)["remarks"]) == 1
    assert said in run_here("run", "iris", *small, "--trials", 3, cwd=tmp_path, check=True).stderr
    assert said in run_here("resume", cwd=tmp_path, check=True).stderr
    assert "learns nothing" not in run_here("resume", "--trials", 13, cwd=tmp_path, check=True).stderr
