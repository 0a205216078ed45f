"""All commands name one trial at every time of a study's life, and all but `advise` give one reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.agreement import Phase, phases

SMALL = ("--seeds", "2", "--epochs", "10", "--cohort", "4", "--hidden", "16")
OPTIONS = {"two objectives": (), "one objective": ("--objective", "weighted", "--sparsity-weight", "0.5")}


@pytest.mark.parametrize("objective", OPTIONS)
def test_before_advice_after_it_and_after_a_resume(objective: str, tmp_path: Path) -> None:
    found = phases(tmp_path, ["breast_cancer", *SMALL, *OPTIONS[objective]], trials=8)
    assert [phase.after for phase in found] == ["run", "advise", "resume", "advise"]
    for phase in found:
        assert phase.agree, phase
        assert (phase.advised is not None) == (phase.after == "advise")
    reasons = [phase.answers["front"][1] for phase in found]
    assert reasons[0].startswith("chosen on the search's own seeds")
    assert reasons[1] == reasons[3] == "confirmed on 10 fresh seeds"
    assert reasons[2].startswith(("confirmed at 8 trials; ", "confirmed on 10 fresh seeds"))


def test_advice_on_another_trial_is_no_agreement() -> None:
    answers = {"front": (3, "confirmed on 10 fresh seeds"), "report": (3, "confirmed on 10 fresh seeds")}
    assert Phase("run", answers).agree
    assert Phase("advise", answers, 3).agree
    assert not Phase("advise", answers, 4).agree
    assert not Phase("run", answers | {"export": (3, "chosen on the search's own seeds")}).agree
