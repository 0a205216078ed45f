"""What other data sets say of the activation and the dropout rate that a search recommends."""

from __future__ import annotations

from search_spaces import Hyperparameters
from search_spaces.claim_cells import SMOOTH
from search_spaces.design import Design
from study.comparison.across_data_sets import ContrastAcrossDataSets, judge_across
from study.comparison.claims import CLAIMS
from study.comparison.evidence import Evidence
from study.comparison.in_short import MATTERS
from study.comparison.protocol import protocol
from study.comparison.with_evidence import OtherDataSets, other_data_sets, shipped
from study.intervals import Region
from study.problem import Problem
from study.tasks import Metric
from study.wording import signed, signed_range

_LEAKY, _SMOOTH, _ANY, _DROPOUT = 2, 13, 12, 6
"""The claims whose contrasts are looked up, by their numbers, which never change."""
_DROPOUT_OF_RELU = 1
"""The place of the contrast of claim 6 that is about ReLU alone."""


def elsewhere(problem: Problem, chosen: Hyperparameters, evidence: Evidence | None = None) -> str:
    """What the evidence says of a recommended configuration, in a line; empty where no evidence is shipped.

    It is about the activation alone, learning rates being tuned on both sides, and stands beside what the search found:
    that compares two configurations, which may differ in more.

    Args:
        problem: The search.
        chosen: What is recommended.
        evidence: The evidence; None: what is shipped.

    Raises:
        EvidenceError: The shipped evidence is of another version's protocol.
    """
    evidence = shipped() if evidence is None else evidence
    if evidence is None:
        return ""
    others = other_data_sets(evidence, problem.dataset, problem.task, _differences(problem, chosen))
    if not others.estimates:
        return others.note
    metric = problem.task.metrics[0]
    sentences = [*_of_activation(chosen.activation, others, metric), *_of_dropout(chosen, others, metric)]
    if not sentences:
        return "without evidence: no other data set has the claims that are asked"
    left_out = f"; without {', '.join(others.own)}, which these data are or share samples with" if others.own else ""
    return "; ".join(sentences) + left_out


def _differences(problem: Problem, chosen: Hyperparameters) -> list[str]:
    """By what a recommended network differs from the usual one of the evidence, as text."""
    plan = protocol()
    usual = Design(width=plan.hidden).cell("relu")
    same_options = problem.config.model_copy(update={"hidden": (plan.hidden,)})
    if problem.architecture.name != "mlp" or chosen.hidden != usual.hidden:
        size = " × ".join(map(str, usual.hidden))
        return [f"another network (the evidence is of perceptrons of {size} units)"]
    if chosen.normalization != usual.normalization:
        return [f"{chosen.normalization} normalization (the evidence has {usual.normalization})"]
    if chosen.residual:
        return ["residual connections (the evidence has none)"]
    return plan.differences(same_options)


def _of_activation(activation: str, others: OtherDataSets, metric: Metric) -> list[str]:
    """What the activation gains over ReLU, or where it has no claim of its own, the one that validation chooses."""
    leaky, smooth = (_LEAKY, "leaky ReLU, its slope chosen,"), (_SMOOTH, "the best of GELU, SiLU and Mish")
    any_of_all = (_ANY, "the activation that validation chooses")
    asked = [leaky] if activation == "leaky_relu" else [smooth] if activation in SMOOTH else []
    for number, name in [*asked, any_of_all]:
        found = _contrast(number, 0, others, metric)
        if found is not None:
            return [f"on {len(found.data)} other data sets {name} {_gain(found, metric)} over ReLU{_verdict(found)}"]
    return []


def _of_dropout(chosen: Hyperparameters, others: OtherDataSets, metric: Metric) -> list[str]:
    found = _contrast(_DROPOUT, _DROPOUT_OF_RELU, others, metric) if chosen.dropout > 0 else None
    return [] if found is None else [f"there dropout {_gain(found, metric)} for ReLU{_verdict(found)}"]


def _contrast(number: int, place: int, others: OtherDataSets, metric: Metric) -> ContrastAcrossDataSets | None:
    """A contrast over the other data sets; None where they are too few to say anything."""
    claim = next(claim for claim in CLAIMS if claim.id == number).about(metric)
    across = judge_across(others.estimates, [claim])
    found = across[0].contrasts[place] if across else None
    return None if found is None or found.interval is None or found.prediction_interval is None else found


def _gain(found: ContrastAcrossDataSets, metric: Metric) -> str:
    assert found.estimate is not None
    assert found.interval is not None
    return f"gained {signed(found.estimate)} {found.unit} of test {metric.name} ({signed_range(found.interval)})"


def _verdict(found: ContrastAcrossDataSets) -> str:
    """What is to be expected of a data set that is not among them."""
    assert found.prediction_interval is not None
    word = MATTERS[Region(found.rope).verdict(found.prediction_interval)]
    return f" on average, and on a new one {signed_range(found.prediction_interval)} is to be expected, which {word}"
