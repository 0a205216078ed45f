"""What a study would cost, before it is started."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import fmean

from study.data.split import Part
from study.machine import available_memory
from study.problem import Problem
from study.problem.rung_options import trained_share
from study.training import Trainer
from study.training.rungs import phases

SAMPLE_ROWS = 1024


@dataclass(frozen=True)
class Estimate:
    """What a study would cost.

    Attributes:
        slots: Networks whose training begins, in all.
        slots_a_cohort: Networks that are trained side by side, in blocks; where trials are stopped early, up to the
            first rung.
        blocks_a_cohort: Blocks of these.
        memory: Bytes at the peak of training, data included.
        seconds: Wall-clock of training, from a few measured epochs on part of the data.
        slot_epochs: Epochs of all networks together.
        share: Which part that is of all epochs of all trials and replicates: 1 where no trial is stopped early.
    """

    slots: int
    slots_a_cohort: int
    blocks_a_cohort: int
    memory: int
    seconds: float
    slot_epochs: int
    share: float = 1.0


def estimate(problem: Problem) -> Estimate:
    """Trains one cohort for a few epochs on part of the data and extrapolates; writes nothing."""
    problem.check_memory()
    config, split, budget = problem.config, problem.split, problem.budget
    threads = problem.threads
    count = min(config.cohort, config.trials)
    cohort = problem.sample(count)
    rows = min(SAMPLE_ROWS, len(split.training))

    def head(part: Part) -> Part:
        return Part(part.x[:rows], part.y[:rows], None if part.weights is None else part.weights[:rows])

    part = replace(split, training=head(split.training), validation=head(split.validation))
    one = replace(budget, seeds=min(budget.seeds, threads))

    def measured(epochs: int) -> float:
        with Trainer(
            part,
            replace(one, epochs=epochs),
            problem.streams,
            architecture=problem.architecture,
            task=problem.task,
            threads=threads,
            device=config.device,
            clamp=config.clamps,
        ) as trainer:
            started = time.perf_counter()
            trainer.fit(cohort, memory=available_memory() // 2)
            return time.perf_counter() - started

    measured(1)
    short, long = measured(1), measured(3)
    epoch = max(0.0, long - short) / 2
    once = max(0.0, short - epoch)
    cohorts = config.trials / count * budget.seeds / one.seeds
    splits = [prepared.split for prepared in problem.prepared]
    training = fmean(len(each.training) for each in splits)
    work = _work(problem)
    share = trained_share(config)
    of_measuring = work.measured / (config.trials * budget.seeds)
    seconds = cohorts * (once * of_measuring + epoch * budget.epochs * share) * training / rows
    whole = Trainer(
        split,
        budget,
        problem.streams,
        architecture=problem.architecture,
        task=problem.task,
        threads=threads,
        device=config.device,
    )
    blocks = whole.plan(cohort, whole.room(available_memory() // 2))
    first = budget.seeds if problem.halving is None else problem.halving.first_replicates
    data = sum(part.x.numel() * 4 for each in splits for part in (each.training, each.validation, each.test))
    return Estimate(
        slots=work.slots,
        slots_a_cohort=count * first,
        blocks_a_cohort=sum(block.replicate < first for block in blocks),
        memory=2 * data + whole.peak_bytes(cohort, blocks),
        seconds=seconds,
        slot_epochs=work.slot_epochs,
        share=share,
    )


@dataclass(frozen=True)
class _Work:
    """What a study trains: networks begun, networks measured (again at each rung), and epochs of them all."""

    slots: int
    measured: int
    slot_epochs: int


def _work(problem: Problem) -> _Work:
    config, budget, halving = problem.config, problem.budget, problem.halving
    if halving is None:
        slots = config.trials * budget.seeds
        return _Work(slots, slots, slots * budget.epochs)
    parts = phases(halving, epochs=budget.epochs, replicates=budget.seeds)
    brackets = config.trials / halving.bracket
    return _Work(
        round(brackets * (parts[0].slots + parts[-1].slots)),
        round(brackets * sum(part.slots for part in parts)),
        round(trained_share(config) * config.trials * budget.seeds * budget.epochs),
    )
