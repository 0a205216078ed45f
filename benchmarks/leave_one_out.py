"""Whether intervals with the evidence hold on real data sets, each left out of the evidence in turn.

    python -m benchmarks.leave_one_out FOLDER

Of every classification data set of the protocol that has far more, 500 rows are drawn, and a user's comparison is run
on them. Its intervals with the evidence of the other data sets (it and all that share samples with it left out) are
held against the estimates on all rows that the evidence has. Those have errors too: what is counted first is whether
such an estimate lies in the 95 % interval for it, which is that of the effect widened by its own error, as if both
errors were independent; and beside it whether it lies in the interval of the effect itself, as if it were the truth.
The 500 rows are among all rows, so that the gate's share lies between the two. The error of the estimate on all rows
is the one that its seeds show, and, as a third count, the larger one that its own interval would have. The most
outlying fifth are, of each contrast, the data sets whose estimates on all rows lie furthest from the mean of the
others.

The first half of the result needs no training: 500 rows are there imitated by the estimate on all rows with noise, by
which its error grows as the root of the rows. FOLDER is as `benchmarks.evidence` reads it. The command may be killed
and started again; `--without-training` stops after the first half.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.evidence import trained
from benchmarks.evidence_file import SHIPPED
from benchmarks.hardware import taken
from benchmarks.protocol_data import Source, sources
from reluctant.errors import ReluctantWarning
from storage import open_storage
from study.comparison.across_data_sets import distribution_of_new
from study.comparison.claims import CLAIMS, ClaimContrast
from study.comparison.correlation import variance_ratio
from study.comparison.evidence import Evidence, EvidenceSet, load_evidence
from study.comparison.heterogeneity import Predictive
from study.comparison.posterior import FEWEST_OTHERS, EffectDistribution, distribution_of_effect
from study.comparison.protocol import Protocol, protocol
from study.comparison.set_estimates import SetEstimate
from study.comparison.summary import summarize
from study.intervals import Array
from study.tasks import CLASSIFICATION
from study.workers.stop import Stop

FAR_MORE = 1.3
"""Times the drawn rows that a data set must have at least."""
GATE = {"overall": [0.93, 0.97], "most_outlying_fifth": 0.85}
_OUTLYING, _TAIL = 0.2, 0.025


@dataclass(frozen=True)
class Case:
    """One contrast on one data set that was left out.

    Attributes:
        claim: The claim's number.
        contrast: What is estimated.
        data: The data set.
        full: The estimate on all rows.
        own: The estimate on few of them.
        interval: The 95 % interval of the effect by the few rows and the other data sets.
        as_truth: Whether it holds the estimate on all rows.
        held: Whether the estimate on all rows lies in the interval for it.
        held_by_larger_errors: The same with the error that the estimate's own interval has.
        width: The width of the interval over that by the few rows alone.
        distance: How far the estimate on all rows lies from the mean of the other data sets.
    """

    claim: int
    contrast: str
    data: str
    full: float
    own: float
    interval: tuple[float, float]
    as_truth: bool
    held: bool
    held_by_larger_errors: bool
    width: float
    distance: float


@dataclass(frozen=True)
class LeftOut:
    """A contrast on a data set that is left out of the evidence.

    Attributes:
        claim: The claim's number.
        contrast: The contrast.
        data: The data set.
        full: Its estimate on all rows.
        freedom: Degrees of freedom of the error of that.
        prior: What the other data sets say of the effect on a new one.
    """

    claim: int
    contrast: ClaimContrast
    data: str
    full: SetEstimate
    freedom: int
    prior: Predictive

    def case(self, own: SetEstimate, freedom: int, *, nested: float = 0.0) -> Case:
        """How the interval by few rows and the other data sets fares.

        Args:
            own: The estimate on few rows, with an error.
            freedom: Degrees of freedom of that.
            nested: Standard deviation of the noise by which `own` differs from the estimate on all rows, where it was
                made of that; 0: their errors are independent.
        """
        found = distribution_of_effect(own, freedom, self.prior, self.contrast.region)
        low, high = found.interval
        error = float(self.full.standard_error or 0.0)
        ratio = variance_ratio(self.contrast.kind, "measured", 0.0)
        held = self._holds(found, own, nested, error)
        larger = error * math.sqrt(1.0 + (self.freedom + 1) * ratio)
        alone = 2.0 * float(stats.t.ppf(1.0 - _TAIL, freedom)) * float(own.standard_error or math.nan)
        return Case(
            claim=self.claim,
            contrast=self.contrast.name,
            data=self.data,
            full=self.full.value,
            own=own.value,
            interval=(low, high),
            as_truth=low <= self.full.value <= high,
            held=held,
            held_by_larger_errors=held if larger == error else self._holds(found, own, nested, larger),
            width=(high - low) / alone,
            distance=abs(self.full.value - self.prior.centre),
        )

    def _holds(self, found: EffectDistribution, own: SetEstimate, nested: float, error: float) -> bool:
        """Whether the estimate on all rows, with some error, lies in the interval for it."""
        return _TAIL <= self._share_below(found, own, nested, error) <= 1.0 - _TAIL

    def _share_below(self, found: EffectDistribution, own: SetEstimate, nested: float, error: float) -> float:
        """The probability of an estimate on all rows below the one that there is."""
        if nested == 0.0:
            below: Array = stats.t(self.freedom, found.x, error).cdf(self.full.value)
            return found.mean_of(below)
        variance, noise = error**2, nested**2
        centre = (found.x * noise + own.value * variance) / (variance + noise)
        return found.mean_of(stats.norm(centre, error * nested / math.hypot(error, nested)).cdf(self.full.value))


def left_out(evidence: Evidence, data: EvidenceSet, seeds: int) -> Iterator[tuple[int, int, LeftOut]]:
    """The contrasts of a data set that can be judged without it, with the number of each claim and its place there.

    Args:
        evidence: The evidence of all data sets.
        data: One of them.
        seeds: Its seeds.
    """
    others = evidence.without_groups({data.group})[0].counted(data.task)
    for claim in CLAIMS:
        for place, contrast in enumerate(claim.contrasts if claim.statement in data.estimates else ()):
            full = data.estimates[claim.statement][place]
            there = [each[claim.statement][place] for each in others.values() if claim.statement in each]
            known = [each for each in there if each is not None]
            if contrast.kind != "time" and full is not None and full.standard_error and len(known) >= FEWEST_OTHERS:
                prior = distribution_of_new(known)
                yield claim.id, place, LeftOut(claim.id, contrast, data.name, full, seeds - 1, prior)


def imitated(evidence: Evidence, plan: Protocol, *, rows: int, draws: int, seed: int) -> list[Case]:
    """Cases whose few rows are imitated: the estimates on all rows with noise, many times."""
    generator, freedom, cases = np.random.default_rng(seed), plan.seeds_of(rows) - 1, []
    for data in _eligible(evidence, rows):
        for _, _, each in left_out(evidence, data, plan.seeds_of(data.rows)):
            error = float(each.full.standard_error or math.nan)
            larger = error * math.sqrt(data.rows / rows)
            noise = math.sqrt(larger**2 - error**2)
            for _ in range(draws):
                value = each.full.value + noise * generator.standard_normal()
                seen = larger * math.sqrt(generator.chisquare(freedom) / freedom)
                cases.append(each.case(SetEstimate(value, seen), freedom, nested=noise))
    return cases


def _eligible(evidence: Evidence, rows: int) -> list[EvidenceSet]:
    return [each for each in evidence.sets if each.task == CLASSIFICATION.name and each.rows >= FAR_MORE * rows]


def cases_of(source: Source, study: Any, evidence: Evidence, plan: Protocol) -> list[Case]:
    """The cases of one data set whose comparison on few rows is finished."""
    (data,) = (each for each in evidence.sets if each.name == source.planned.name)
    verdicts, cases = {verdict.id: verdict for verdict in summarize(study).verdicts}, []
    for claim, place, each in left_out(evidence, data, plan.seeds_of(data.rows)):
        found = verdicts[claim].estimates[place] if claim in verdicts else None
        if found is not None and found.estimate is not None and found.standard_error:
            cases.append(each.case(SetEstimate(found.estimate, found.standard_error), len(found.values) - 1))
    return cases


def summary(cases: Sequence[Case]) -> dict[str, Any]:
    """The shares of the gate, overall and of each contrast."""
    contrasts: dict[tuple[int, str], list[Case]] = {}
    for case in sorted(cases, key=lambda each: each.claim):
        contrasts.setdefault((case.claim, case.contrast), []).append(case)
    outlying = [case for members in contrasts.values() for case in _most_outlying(members)]
    return {
        **_shares(cases, outlying),
        "contrasts": [
            {"claim": claim, "name": name, **_shares(members, _most_outlying(members))}
            for (claim, name), members in contrasts.items()
        ],
    }


def _most_outlying(cases: Sequence[Case]) -> list[Case]:
    """The cases of the fifth of a contrast's data sets that lie furthest from the mean of the others."""
    distances = {case.data: case.distance for case in cases}
    furthest = sorted(distances, key=lambda name: -distances[name])[: math.ceil(_OUTLYING * len(distances))]
    return [case for case in cases if case.data in furthest]


def _shares(cases: Sequence[Case], outlying: Sequence[Case]) -> dict[str, Any]:
    by_data = {name: fmean(c.held for c in cases if c.data == name) for name in {case.data for case in cases}}
    error = float(np.std([*by_data.values()], ddof=1)) / math.sqrt(len(by_data)) if len(by_data) > 1 else None
    return {
        "data_sets": len(by_data),
        "cases": len(cases),
        "held": round(fmean(case.held for case in cases), 4),
        "standard_error_over_data_sets": None if error is None else round(error, 4),
        "held_by_larger_errors": round(fmean(case.held_by_larger_errors for case in cases), 4),
        "as_truth": round(fmean(case.as_truth for case in cases), 4),
        "most_outlying": len(outlying),
        "held_most_outlying_fifth": round(fmean(case.held for case in outlying), 4),
        "held_by_larger_errors_most_outlying_fifth": round(fmean(case.held_by_larger_errors for case in outlying), 4),
        "as_truth_most_outlying_fifth": round(fmean(case.as_truth for case in outlying), 4),
        "width_over_own_data_alone": round(fmean(case.width for case in cases), 3),
    }


def line(name: str, found: dict[str, Any]) -> str:
    """The shares as a person reads them."""
    texts = [
        f"{100 * found[share]:.1f} and {100 * found[f'{share}_most_outlying_fifth']:.1f} %"
        for share in ("held", "held_by_larger_errors", "as_truth")
    ]
    return (
        f"{name}: {found['data_sets']} data sets, {found['cases']} cases, all and the most outlying fifth: {texts[0]} "
        f"held; by larger errors of the estimates on all rows {texts[1]}; as if these were the truth {texts[2]}; width "
        f"{found['width_over_own_data_alone']:.2f} of that by the few rows alone"
    )


def main() -> None:
    """Prints a line for each half, and writes both to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--storage", default="leave_one_out.db", help="SQLite file of the comparisons")
    parser.add_argument("--evidence", type=Path, default=SHIPPED)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument(
        "--seed", type=int, default=1, help="draws and divides the rows otherwise than the evidence's, 0"
    )
    parser.add_argument("--draws", type=int, default=10, help="imitated draws of a data set")
    parser.add_argument("--part", default="usual", help="part of the protocol")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", default="", help="names of data sets, separated by commas")
    parser.add_argument("--without-training", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/leave_one_out.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore", ReluctantWarning)
    plan, evidence = protocol(), load_evidence(options.evidence)
    only = set(filter(None, options.only.split(",")))
    wanted = [each.name for each in _eligible(evidence, options.rows) if not only or each.name in only]
    document: dict[str, Any] = {
        "taken": taken("python -m benchmarks.leave_one_out") | {"command": "python -m benchmarks.leave_one_out FOLDER"},
        "protocol": plan.hash,
        "rows": options.rows,
        "seeds": plan.seeds_of(options.rows),
        "evidence_of": len(evidence.sets),
        "gate": GATE,
        "imitated": summary(imitated(evidence, plan, rows=options.rows, draws=options.draws, seed=options.seed)),
    }
    print(line("imitated", document["imitated"]), flush=True)
    if not options.without_training:
        _train(options, wanted, evidence, plan, document)
    _write(document, options.output)


def _train(
    options: argparse.Namespace, wanted: Sequence[str], evidence: Evidence, plan: Protocol, document: dict[str, Any]
) -> None:
    """Trains on few rows of each data set, and writes the file after each."""
    found = [*sources(options.folder, Path(f"{options.storage}.data"), plan, wanted)]
    name = f"{options.part}-{options.rows}-rows-by-seed-{options.seed}"
    part = name, dict(plan.parts)[options.part]
    drawn = {"rows": options.rows, "seed": options.seed, "seeds": plan.seeds_of(options.rows)}
    cases: list[Case] = []
    with Stop() as stop:
        database = open_storage(options.storage)
        todo = [(part, source) for source in found]
        for source, study in trained(todo, database, plan, stop, **drawn, workers=options.workers):
            cases += cases_of(source, study, evidence, plan)
            document["trained"] = summary(cases) | {"by_data_set": [asdict(case) for case in cases]}
            print(line("trained", document["trained"]), flush=True)
            _write(document, options.output)
        database.close()


def _write(document: dict[str, Any], path: Path) -> None:
    new = path.with_suffix(".part")
    new.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(new, path)


if __name__ == "__main__":
    main()
