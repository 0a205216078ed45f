"""A cohort from rung to rung: which slots train up to where, what is known of them, and which trials go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, product

from study.training.budget import Budget, BudgetError
from study.training.engines.base import BlockResult
from study.training.outcome import Outcome, Replicate
from study.training.progress import Keeper, SlotState, Snapshot

Slot = tuple[int, int]
"""A trial's index in its cohort, and a replicate."""

Decide = Callable[[int, Mapping[int, Outcome]], Collection[int]]
"""Says which trials go on at a rung, from its epoch and the outcome there of each trial that reached it, by the trial's
index in its cohort. A trial whose network raised in training has an outcome that says so, and does not go on."""


class RungProgress:
    """How far the slots of a cohort are.

    Up to the last rung only the first replicates of a trial are trained; the others follow, from their beginning to
    their end, for the trials that went on there.

    Args:
        trials: Number of trials in the cohort.
        budget: Their epochs and replicates.
        keeper: Knows what was trained before.
        rungs: Epochs of the rungs, in ascending order.
        first_replicates: Replicates that go through the rungs, the first ones; None: all of them.

    Raises:
        BudgetError: Rungs or replicates do not fit the budget.

    Attributes:
        phases: Epochs up to which the cohort is trained, one after the other: the rungs, and the end.
    """

    def __init__(
        self, trials: int, budget: Budget, keeper: Keeper | None, rungs: Sequence[int], first_replicates: int | None
    ) -> None:
        self._trials, self._seeds = trials, budget.seeds
        self._first_replicates = budget.seeds if first_replicates is None else first_replicates
        self.phases = (*rungs, budget.epochs)
        if any(later <= earlier for earlier, later in pairwise((0, *self.phases))):
            raise BudgetError(
                f"the rungs of {budget.epochs} epochs are {', '.join(map(str, rungs))}; they need to ascend, from 1 "
                "on, and to lie before the last epoch"
            )
        if not 1 <= self._first_replicates <= budget.seeds:
            raise BudgetError(
                f"{self._first_replicates} of {budget.seeds} replicates are to go through the rungs; it needs at "
                "least 1, and no more than there are"
            )
        self._going = list(range(trials))
        self._stopped_at: dict[int, int] = {}
        self._results: dict[Slot, Replicate] = {}
        self._states: dict[Slot, SlotState] = {}
        if keeper is not None:
            self._add_known(keeper)

    def _add_known(self, keeper: Keeper) -> None:
        for slot in product(range(self._trials), range(self._seeds)):
            known = keeper.known(*slot)
            if isinstance(known, Replicate):
                self._results[slot] = known
            elif known is not None and self._rungs_of(slot, known.epoch) <= known.rungs.keys():
                self._states[slot] = known

    def _rungs_of(self, slot: Slot, epoch: int) -> set[int]:
        """The rungs that a slot has gone through by an epoch."""
        return {rung for rung in self.phases[:-1] if rung <= epoch and slot[1] < self._first_replicates}

    def completed(self, until: int) -> dict[Slot, int]:
        """Epochs that slots have completed, as `Engine.plan` reads them; `until` of all that are not trained now."""
        at_end = until == self.phases[-1]
        seeds = range(self._seeds if at_end else self._first_replicates)
        wanted = {slot for slot in product(self._going, seeds) if slot not in self._results}
        # A slot that ended before a rung has an outcome there as soon as it was measured for it.
        measured = {slot for slot in wanted if until in self._at_rungs(slot)}
        return {
            slot: self._states[slot].epoch if slot in wanted - measured else until
            for slot in product(range(self._trials), range(self._seeds))
            if slot not in wanted or slot in self._states
        }

    def states(self, slots: Sequence[Slot]) -> list[SlotState]:
        """The states from which the slots of a block are trained further."""
        return [self._states[slot] for slot in slots]

    def with_rungs(self, slots: Sequence[Slot], states: Snapshot) -> Snapshot:
        """States of an engine together with what the slots gave at the rungs that they have reached."""
        return lambda: [replace(state, rungs=self._at_rungs(slot)) for slot, state in zip(slots, states(), strict=True)]

    def add(self, slots: Sequence[Slot], until: int, result: BlockResult) -> list[Replicate]:
        """Adds what training the slots of a block up to an epoch gave; returns their replicates, with their rungs."""
        replicates = [
            replace(replicate, rungs=self._at_rungs(slot))
            for slot, replicate in zip(slots, result.replicates, strict=True)
        ]
        if until == self.phases[-1] or not result.states:
            self._results.update(zip(slots, replicates, strict=True))
            for slot in slots:
                self._states.pop(slot, None)
        else:
            for slot, state, replicate in zip(slots, result.states, replicates, strict=True):
                at_rung = replace(replicate, rungs={})
                self._states[slot] = replace(state, rungs={**replicate.rungs, until: at_rung})
        return replicates

    def _at_rungs(self, slot: Slot) -> Mapping[int, Replicate]:
        known = self._results.get(slot) or self._states.get(slot)
        return {} if known is None else known.rungs

    def decide(self, epoch: int, decide: Decide) -> None:
        """Stops the trials that do not go on at a rung.

        Raises:
            ValueError: A trial was to go on that did not reach the rung.
        """
        going = set(decide(epoch, {trial: self._outcome(trial, epoch) for trial in self._going}))
        if not going <= set(self._going):
            raise ValueError(
                f"trials {sorted(going - set(self._going))} cannot go on at epoch {epoch}: they are not there"
            )
        failed = {trial for trial in self._going if self._failure(trial) is not None}
        self._stopped_at |= dict.fromkeys((trial for trial in self._going if trial not in going | failed), epoch)
        self._going = [trial for trial in self._going if trial in going - failed]

    def _failure(self, trial: int) -> Replicate | None:
        """The replicate of a trial whose network raised."""
        known = (self._results.get((trial, replicate)) for replicate in range(self._seeds))
        return next((each for each in known if each is not None and each.failure is not None), None)

    def _outcome(self, trial: int, epoch: int) -> Outcome:
        failed = self._failure(trial)
        if failed is not None:
            return Outcome((failed,))
        return Outcome(tuple(self._at_rungs((trial, replicate))[epoch] for replicate in range(self._first_replicates)))

    def outcomes(self) -> list[Outcome]:
        """The outcome of every trial, once all are stopped or trained to the end."""
        return [self._last_outcome(trial) for trial in range(self._trials)]

    def _last_outcome(self, trial: int) -> Outcome:
        if trial in self._stopped_at:
            epoch = self._stopped_at[trial]
            slots = [(trial, replicate) for replicate in range(self._first_replicates)]
            reached = [{rung: at for rung, at in self._at_rungs(slot).items() if rung <= epoch} for slot in slots]
            return Outcome(tuple(replace(rungs[epoch], rungs=rungs) for rungs in reached), stopped_at=epoch)
        trained = (self._results.get((trial, replicate)) for replicate in range(self._seeds))
        return Outcome(tuple(replicate for replicate in trained if replicate is not None))
