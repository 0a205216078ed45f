"""The claims of a comparison with the evidence that is shipped: what other data sets add to what the own one says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

from study.comparison.claim_verdicts import deciding_index, manipulated
from study.comparison.claims import CLAIMS, Claim
from study.comparison.evidence import Evidence, load_evidence
from study.comparison.posterior import FEWEST_OTHERS, Posterior, posterior
from study.comparison.protocol import protocol
from study.comparison.set_estimates import SetEstimate, SetEstimates
from study.comparison.summary import ComparisonSummary, summarize
from study.comparison.verdicts import ClaimVerdict
from study.data import Dataset
from study.intervals import Verdict
from study.problem import Comparison
from study.records.open_study import OpenStudy
from study.tasks import Task
from study.wording import signed, signed_range


@dataclass(frozen=True)
class ClaimWithEvidence:
    """A claim by the own data and the evidence.

    Attributes:
        verdict: The verdict of the claim.
        deciding: What decides it.
        unit: Unit of the estimate.
        rope: Its region of practical equivalence.
    """

    verdict: Verdict
    deciding: Posterior
    unit: str
    rope: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """In a form that JSON holds."""
        found = self.deciding
        return {
            "estimate": found.estimate,
            "interval": list(found.interval),
            "verdict": self.verdict,
            "probabilities": {"below": found.below, "inside": found.inside, "above": found.above},
            "conflict_p": found.conflict,
            "data_sets": found.data_sets,
        }

    @property
    def line(self) -> str:
        """The verdict with its numbers."""
        found = self.deciding
        conflict = (
            f"; these data contradict the others (p = {found.conflict:.2g}), which count for less"
            if found.contradicts
            else ""
        )
        return (
            f"with {found.data_sets} other data sets: {self.verdict}, {signed(found.estimate)} {self.unit} "
            f"({signed_range(found.interval)}); {self.words}{conflict}"
        )

    @property
    def words(self) -> str:
        """The probabilities in words, in whole per cent that add to 100.

        Example:
            >>> found = Posterior(0.1, (-0.2, 0.4), "no practical difference", 0.004, 0.951, 0.045, 0.6, 30)
            >>> ClaimWithEvidence("no practical difference", found, "pp", (-0.5, 0.5)).words
            'above +0.5 pp: 5 %; no practical difference: 95 %; below -0.5 pp: 0 %'
        """
        found, (least, most) = self.deciding, self.rope
        parts = [(f"above {_bound(most)} {self.unit}", found.above)]
        if least < most:
            parts.append(("no practical difference", found.inside))
        parts.append((f"below {_bound(least)} {self.unit}", found.below))
        percent = whole_percent([share for _, share in parts])
        return "; ".join(f"{name}: {share} %" for (name, _), share in zip(parts, percent, strict=True))


def _bound(value: float) -> str:
    """A bound of a region with its sign; 0 has none."""
    return f"{value:+g}" if value else "0"


@dataclass(frozen=True)
class WithEvidence:
    """What the shipped evidence adds to a comparison.

    Attributes:
        note: What is used, or why nothing is; empty where no evidence is shipped.
        claims: The claims, by number.
    """

    note: str = ""
    claims: dict[int, ClaimWithEvidence] = field(default_factory=dict)


@dataclass(frozen=True)
class OtherDataSets:
    """What the evidence has of data sets other than the user's.

    Attributes:
        note: What is used, or why nothing is.
        own: Names of those that are left out, for the user's data are or share samples with them.
        estimates: Their estimates, by name; empty where they are not used.
    """

    note: str
    own: tuple[str, ...] = ()
    estimates: Mapping[str, SetEstimates] = field(default_factory=dict)


def summarize_with_evidence(study: OpenStudy) -> ComparisonSummary:
    """Summarizes a finished comparison, and judges its claims with the shipped evidence too.

    Raises:
        KindError: The study is a search.
        NoResultsError: Cells are still to be trained.
        EvidenceError: The shipped evidence is of another version's protocol.
    """
    summary = summarize(study)
    return replace(summary, with_evidence=with_evidence(study.comparison, summary.verdicts))


def with_evidence(
    comparison: Comparison, verdicts: tuple[ClaimVerdict, ...], evidence: Evidence | None = None
) -> WithEvidence:
    """Judges the claims of a comparison with the evidence.

    The own data set, and all that share samples with it, are no part of the prior.

    Args:
        comparison: The comparison.
        verdicts: Its verdicts by its own data.
        evidence: The evidence; None: what is shipped.
    """
    evidence = shipped() if evidence is None else evidence
    if evidence is None:
        return WithEvidence()
    differences = protocol().differences(comparison.config)
    if comparison.design.channels:
        differences.insert(0, "another network (the evidence is of perceptrons)")
    others = other_data_sets(evidence, comparison.dataset, comparison.task, differences)
    claims = {claim.id: claim for claim in CLAIMS}
    found = {
        verdict.id: together
        for verdict in (verdicts if others.estimates else ())
        if (together := _judged(claims[verdict.id].about(comparison.task.metrics[0]), verdict, others.estimates))
    }
    return WithEvidence(others.note, found)


def other_data_sets(evidence: Evidence, dataset: Dataset, task: Task, differences: Sequence[str]) -> OtherDataSets:
    """What evidence has of data sets that share no samples with a user's.

    Args:
        evidence: The evidence.
        dataset: The user's data.
        task: What is learned.
        differences: By what the user's networks differ from those of the evidence, which is not used where they do.
    """
    if differences:
        return OtherDataSets(f"without the evidence of other data sets, which is of other options: {differences[0]}")
    left, own = evidence.without(dataset)
    others = left.counted(task.name)
    if len(others) < FEWEST_OTHERS:
        return OtherDataSets(f"without evidence: there is none of {FEWEST_OTHERS} data sets of {task.name}")
    without = f"; without {', '.join(own)}, which these data are or share samples with" if own else ""
    return OtherDataSets(f"the evidence is of {len(others)} other data sets{without}", own, others)


@cache
def shipped() -> Evidence | None:
    """The evidence that is shipped with this version; None where none is.

    Raises:
        EvidenceError: It is of another version's protocol.
    """
    file = resources.files("study.comparison").joinpath("evidence.json")
    return load_evidence(str(file)) if file.is_file() else None


def whole_percent(shares: list[float]) -> list[int]:
    """Shares in whole per cent that add to 100: the largest remainders are rounded up.

    Example:
        >>> whole_percent([0.335, 0.335, 0.33])
        [34, 33, 33]
    """
    exact = [100.0 * share for share in shares]
    floors = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda place: floors[place] - exact[place])
    for place in order[: 100 - sum(floors)]:
        floors[place] += 1
    return floors


def _judged(claim: Claim, verdict: ClaimVerdict, others: Mapping[str, SetEstimates]) -> ClaimWithEvidence | None:
    """A claim with the evidence; None where the evidence or the own data have too little of it."""
    found = [_posterior(claim, place, verdict, others) for place in range(len(claim.contrasts))]
    if any(found[place] is None for place in claim.deciding):
        return None
    place = deciding_index(claim, ["undecided" if each is None else each.verdict for each in found])
    deciding, region = found[place], claim.contrasts[place].region
    assert deciding is not None
    took = manipulated(claim, [None if each is None else each.interval for each in found])
    together: Verdict = deciding.verdict if took else "undecided"
    return ClaimWithEvidence(together, deciding, claim.contrasts[place].unit, region.rope)


def _posterior(claim: Claim, place: int, verdict: ClaimVerdict, others: Mapping[str, SetEstimates]) -> Posterior | None:
    own = verdict.estimates[place]
    if own.estimate is None or own.standard_error is None or claim.contrasts[place].kind == "time":
        return None
    there = [each[claim.statement][place] for each in others.values() if claim.statement in each]
    known = [each for each in there if each is not None]
    return posterior(
        SetEstimate(own.estimate, own.standard_error), len(own.values) - 1, known, claim.contrasts[place].region
    )
