"""Who of the trials that a worker claimed competes with whom, and who of them goes on at each rung.

A decision is a function of what the members of a bracket have at a rung, and of what brackets of cohorts up to j − 2
had there. So it is the same whichever worker takes it, and however often workers were killed. A member that another
worker finished counts by what is stored of it. Members beyond the study's total are trained beside the others up to the
rungs that they reach, and nothing of them is stored: a total that is raised later changes no decision.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from storage import Claimed, Proposal
from study.objectives import Judge
from study.pareto import pareto
from study.records.attributes import BRACKET, RUNGS
from study.records.open_study import OpenStudy
from study.records.rung_results import rung_results
from study.records.trial_feed import TrialFeed
from study.sampling.proposer import Proposer
from study.training import Outcome
from study.training.rungs import Halving, RungResult, keep

Values = Sequence[float]


class RungHistory:
    """The fronts that the brackets of each cohort had at each rung, of trials that have ended.

    Args:
        cohort: Trials of a cohort.
    """

    def __init__(self, cohort: int) -> None:
        self._cohort = cohort
        self._fronts: dict[int, dict[int, list[Values]]] = defaultdict(lambda: defaultdict(list))

    def record(self, trial: FrozenTrial) -> None:
        """Records what a trial had at the rungs, once it has ended."""
        for epoch, result in rung_results(trial).items() if trial.state.is_finished() else ():
            if result.violation <= 0:
                fronts = self._fronts[epoch]
                of_cohort = trial.number // self._cohort
                fronts[of_cohort] = pareto([*fronts[of_cohort], result.values], lambda values: values)

    def visible_to(self, number: int, epoch: int) -> list[Values]:
        """What brackets of cohorts up to j − 2 had at a rung, for a trial of cohort j."""
        until = number // self._cohort - 1
        return [values for cohort, front in self._fronts[epoch].items() if cohort < until for values in front]


@dataclass
class Competition:
    """The brackets of the trials that are trained together.

    Attributes:
        halving: The study's rungs.
        judge: Turns outcomes into values.
        history: What earlier brackets had.
        numbers: The trials that are trained, in the order of training.
        brackets: The members of each bracket, by its first number; trials that are no members do not compete.
        stored: What members had at rungs that are not trained now, by number and epoch.
        beyond: Members beyond the study's total, of which nothing is stored, by number.
        alone: Whether a suspect is trained alone, through all epochs: its bracket is decided later.
        reached: What the trained trials have at the rungs, by number and epoch.
    """

    halving: Halving
    judge: Judge
    history: RungHistory
    numbers: Sequence[int]
    brackets: Mapping[int, frozenset[int]]
    stored: Mapping[int, Mapping[int, RungResult]] = field(default_factory=dict)
    beyond: Mapping[int, Proposal] = field(default_factory=dict)
    alone: bool = False
    reached: dict[int, dict[int, RungResult]] = field(default_factory=lambda: defaultdict(dict))

    def __post_init__(self) -> None:
        """All members are there at the first rung."""
        self._going = dict(self.brackets)

    @property
    def of_training(self) -> dict[str, Any]:
        """What `Trainer.fit` is told of the rungs."""
        halving = self.halving
        return {"rungs": halving.rungs, "decide": self.decide, "first_replicates": halving.first_replicates}

    def of_one(self, number: int) -> Competition:
        """The same where one member is trained alone, through all epochs."""
        first = next(first for first, members in self.brackets.items() if number in members)
        return replace(self, numbers=[number], brackets={first: frozenset([number])}, beyond={}, alone=True)

    def is_decided_later(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether what was trained is a suspect whose bracket is decided when all of its members have values."""
        return self.alone and bool(self.brackets) and outcomes[0].failure is None

    def decide(self, epoch: int, outcomes: Mapping[int, Outcome]) -> set[int]:
        """Who goes on at a rung; see `study.training.rung_progress.Decide`."""
        indices = {self.numbers[index]: index for index in outcomes}
        for number, index in indices.items():
            if outcomes[index].failure is None:
                values = tuple(self.judge.values(outcomes[index]))
                self.reached[number][epoch] = RungResult(values, self.judge.constraint(outcomes[index]))
        going = set(indices)
        if not self.alone:
            for first, members in self._going.items():
                self._going[first] = self._kept(first, members, epoch)
                going -= members - self._going[first]
            if epoch == self.halving.rungs[-1]:
                going -= self.beyond.keys()
        return {indices[number] for number in going}

    def _kept(self, first: int, members: frozenset[int], epoch: int) -> frozenset[int]:
        reached = {number: self.rungs_of(number).get(epoch) for number in members}
        factor, earlier = self.halving.reduction_factor, self.history.visible_to(first, epoch)
        return frozenset(keep(reached, factor, reference=self.judge.reference_point, earlier=earlier))

    def rungs_of(self, number: int) -> Mapping[int, RungResult]:
        """What a member has at the rungs that it reached, by epoch; nothing of a trial that does not compete."""
        if not any(number in members for members in self.brackets.values()):
            return {}
        return self.stored.get(number) or self.reached.get(number, {})


class Brackets:
    """The brackets of a study.

    Args:
        study: The study.
        halving: Its rungs.
        proposer: Proposes the trials beyond the study's total.
    """

    def __init__(self, study: OpenStudy, halving: Halving, proposer: Proposer) -> None:
        self._study, self._halving, self._proposer = study, halving, proposer
        self._history = RungHistory(study.problem.config.cohort)

    @property
    def size(self) -> int:
        """Trials of a bracket."""
        return self._halving.bracket

    def record(self, trial: FrozenTrial) -> None:
        """Records a trial that is new or has changed."""
        self._history.record(trial)

    def competition(self, claimed: Sequence[Claimed], feed: TrialFeed) -> Competition:
        """The brackets of claimed trials.

        Args:
            claimed: What is to be trained: whole brackets, or one suspect alone.
            feed: The study's trials, read since these were claimed.
        """
        numbers = [trial.number for trial in claimed]
        members = {
            number for number in numbers if number in feed.unfinished and self._competes(feed.unfinished[number])
        }
        firsts = {self._first(number) for number in members}
        alone = any(trial.suspect and trial.set_aside is None for trial in claimed)
        stored: dict[int, Mapping[int, RungResult]] = {}
        unrecorded: dict[int, Proposal] = {}
        if len(members) < len(firsts) * self.size and not alone:
            for trial in self._others(min(firsts)):
                if trial.number not in members and self._first(trial.number) in firsts:
                    if trial.state is TrialState.WAITING:  # another worker raised the total meanwhile
                        unrecorded[trial.number] = Proposal(trial.params, trial.distributions)
                    else:
                        stored[trial.number] = rung_results(trial)
            if self._first(feed.count) in firsts:
                unrecorded |= self._proposer.beyond(feed)
        brackets: dict[int, set[int]] = defaultdict(set)
        for number in (*members, *stored, *unrecorded):
            brackets[self._first(number)].add(number)
        return Competition(
            halving=self._halving,
            judge=self._study.problem.judge,
            history=self._history,
            numbers=[*numbers, *sorted(unrecorded)],
            brackets={first: frozenset(of_bracket) for first, of_bracket in brackets.items()},
            stored=stored,
            beyond=unrecorded,
            alone=alone,
        )

    def _others(self, from_number: int) -> list[FrozenTrial]:
        """The trials from a number on that compete, with what they have at the rungs."""
        trials = self._study.storage.read_trials(
            self._study.study_id, from_number=from_number, attributes=(BRACKET, RUNGS)
        )
        return [trial for trial in trials if self._competes(trial)]

    def _competes(self, trial: FrozenTrial) -> bool:
        """Whether a trial was proposed to compete in the bracket of its number, and is no copy of one that was."""
        return bool(trial.system_attrs.get(BRACKET) == self._first(trial.number))

    def _first(self, number: int) -> int:
        """The first number of the bracket of a number."""
        return number // self.size * self.size


def waits_for_a_worker(feed: TrialFeed, total: int, bracket: int) -> bool:
    """Whether a trial waits in a bracket of which no worker holds a trial.

    Args:
        feed: The study's trials.
        total: Only numbers below it count.
        bracket: Trials of a bracket; 1 where each trial is claimed by itself.
    """
    taken = {trial.number // bracket for trial in feed.unfinished.values() if trial._trial_id in feed.leased}
    return any(
        trial.state is TrialState.WAITING and (bracket == 1 or trial.number // bracket not in taken)
        for trial in feed.unfinished_below(total)
    )
