"""What was set aside is known again, replicate by replicate."""

from __future__ import annotations

from study.training import Outcome, Replicate
from study.workers.set_aside import SetAsideKeeper, outcome_of, text_of

GOOD = Replicate(
    diverged=False, scores={"accuracy": 0.9}, rungs={2: Replicate(diverged=False, scores={"accuracy": 0.7})}
)
RAISED = Replicate(diverged=False, scores={}, failure="ValueError: no")


def test_the_text_of_an_outcome_has_all_of_it() -> None:
    assert outcome_of(text_of(Outcome((GOOD, GOOD)))) == Outcome((GOOD, GOOD))


def test_each_replicate_is_known_for_itself_and_one_that_stands_for_all_for_each() -> None:
    keeper = SetAsideKeeper(None, {0: Outcome((GOOD, RAISED)), 1: Outcome((RAISED,))})
    assert [keeper.known(0, replicate) for replicate in range(3)] == [GOOD, RAISED, RAISED]
    assert [keeper.known(1, replicate) for replicate in range(3)] == [RAISED] * 3
    assert keeper.known(2, 0) is None
