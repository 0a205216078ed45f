"""What the evidence says to each claim: the verdicts over the data sets of one task."""

from __future__ import annotations

from study.comparison.across_data_sets import ClaimAcrossDataSets, judge_across
from study.comparison.claims import CLAIMS, Claim
from study.comparison.evidence import Evidence
from study.comparison.set_estimates import SetEstimates
from study.tasks import Task


def claims_about(task: Task) -> tuple[Claim, ...]:
    """All claims, about the first metric of a task."""
    return tuple(claim.about(task.metrics[0]) for claim in CLAIMS)


def verdicts_of(evidence: Evidence, task: Task) -> tuple[ClaimAcrossDataSets, ...]:
    """The verdicts over the data sets of a task, by Holm's procedure over all claims that the evidence has.

    Args:
        evidence: The evidence.
        task: What was learned.
    """
    return judge_across(evidence.counted(task.name), claims_about(task))


def rows_of(evidence: Evidence, task: Task) -> dict[str, int]:
    """Rows of the data sets of a task, by the names under which they count; of those that count as one, the mean."""
    rows = {each.name: each.rows for each in evidence.sets}
    names: dict[str, SetEstimates] = {**evidence.counted(task.name)}
    return {name: round(sum(rows[each] for each in name.split(" + ")) / len(name.split(" + "))) for name in names}
