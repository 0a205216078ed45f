"""A comparison in at most five sentences: what to use, what beats it, what sparsity and dropout did, how sure it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from search_spaces.design import LINEAR
from study.comparison.correlation import variance_ratio
from study.comparison.summary import ComparisonSummary
from study.comparison.verdicts import PLAIN_LEVEL, ClaimVerdict, ContrastEstimate, shows_spread
from study.intervals import Region, corrected_interval
from study.wording import signed

# The claims by their numbers, which never change.
_LEAKY, _ASSOCIATION, _DROPOUT, _START, _RELU_FIRST = 2, 5, 6, 10, 12

_WORDS = {
    "supported": "better",
    "refuted": "worse",
    "no practical difference": "no different in practice",
}

MATTERS = {
    "supported": "matters",
    "refuted": "hurts",
    "no practical difference": "does not matter",
    "undecided": "may matter or not",
}
"""The verdict on a gain in words."""

Interval = tuple[float, float]


def in_short(summary: ComparisonSummary) -> list[str]:
    """The answer of a comparison, a sentence an entry.

    Intervals are of 95 %, each for its contrast alone; words such as "no practical difference" are by them.

    Args:
        summary: The comparison.
    """
    if summary.seeds == 1:
        return [
            f"One seed gives no interval, so nothing about {summary.metric.name} is decided: compare with --seeds 10."
        ]
    claims = {verdict.id: verdict for verdict in summary.verdicts}
    sentences = (
        _what_to_use(claims, summary),
        _against_relu(claims, summary),
        _start(claims),
        _sparsity_and_dropout(claims, summary),
    )
    said = [sentence for sentence in sentences if sentence]
    return [*said, _how_sure(claims, summary, has_intervals=bool(said))]


def _what_to_use(claims: Mapping[int, ClaimVerdict], summary: ComparisonSummary) -> str:
    """Whether to take ReLU, by what the best of all activations gains over it."""
    estimate = _deciding(claims, _RELU_FIRST)
    if estimate is None:
        return ""
    least, most = _bounds(estimate)
    gain, rope = _with_interval(estimate.estimate, estimate.plain_interval), f"{estimate.rope[1]:g} points"
    what = f"the activation that validation chooses gains {gain} of test {summary.metric.name} over it"
    if most <= estimate.rope[1]:
        return f"Use ReLU: {what}, which is less than the {rope} that would matter."
    if least > estimate.rope[1]:
        return f"ReLU is not enough here: {what}, so let `reluctant run` choose."
    return f"Start with ReLU: {what}, and these data do not tell whether that is more than {rope}."


def _against_relu(claims: Mapping[int, ClaimVerdict], summary: ComparisonSummary) -> str:
    """What leaky ReLU with its slope chosen, tanh, and no activation at all are against ReLU."""
    leaky = _deciding(claims, _LEAKY)
    if leaky is None or leaky.plain_interval is None:
        return ""
    found = {"leaky ReLU, its slope chosen,": (leaky.estimate, leaky.plain_interval)}
    accuracies = {cell.activation: np.array(cell.accuracies) for cell in summary.accuracy_by_activation}
    ratio = variance_ratio("score", summary.variance, summary.ratio)
    for activation, name in (("tanh", "tanh"), (LINEAR, "a network without activations")):
        if {activation, "relu"} <= accuracies.keys():
            differences = 100.0 * (accuracies[activation] - accuracies["relu"])
            if not shows_spread("score", differences):
                continue
            mean, low, high = corrected_interval(differences, ratio, PLAIN_LEVEL)
            found[name] = float(mean), (float(low), float(high))
    texts = [
        f"{name} is {_against(Region(leaky.rope), interval)} ({_points(mean, interval)})"
        for name, (mean, interval) in found.items()
    ]
    return f"Against ReLU, {', '.join(texts[:-1])}{' and ' if texts[:-1] else ''}{texts[-1]}."


def _against(region: Region, interval: Interval) -> str:
    """What an interval leaves possible of a difference, in words."""
    possible = sorted(region.possible(interval), key=list(_WORDS).index)
    return "not told apart" if len(possible) == len(_WORDS) else " or ".join(_WORDS[each] for each in possible)


def _start(claims: Mapping[int, ClaimVerdict]) -> str:
    """What it gains to give each activation the initialization that suits it best."""
    estimate = _deciding(claims, _START)
    if estimate is None or estimate.plain_interval is None:
        return ""
    word = MATTERS[Region(estimate.rope).verdict(estimate.plain_interval)]
    gain = _points(estimate.estimate, estimate.plain_interval)
    return f"An initialization of its own for each activation, in place of one for all, {word} ({gain})."


def _sparsity_and_dropout(claims: Mapping[int, ClaimVerdict], summary: ComparisonSummary) -> str:
    """What went with sparsity, and what dropout did to ReLU."""
    clauses = []
    sparsity = _deciding(claims, _ASSOCIATION)
    if sparsity is not None and sparsity.plain_interval is not None:
        clauses.append(
            f"ten points more outputs near zero went with {_with_interval(sparsity.estimate, sparsity.plain_interval)} "
            f"of {summary.metric.name}, an association"
        )
    if _DROPOUT in claims:
        *_, dropout = claims[_DROPOUT].estimates
        if dropout.estimate is not None and dropout.plain_interval is not None:
            clauses.append(f"dropout gained ReLU {_with_interval(dropout.estimate, dropout.plain_interval)}")
    return f"Sparsity and dropout: {'; '.join(clauses)}." if clauses else ""


def _how_sure(claims: Mapping[int, ClaimVerdict], summary: ComparisonSummary, *, has_intervals: bool) -> str:
    """Which claims are decided, and how small a difference between two activations can be seen."""
    alone = "each interval above is of 95 % by itself; " if has_intervals else ""
    decided = [claim for claim in claims.values() if claim.verdict != "undecided"]
    by_verdict = {each.verdict: [claim.id for claim in decided if claim.verdict == each.verdict] for each in decided}
    named = "; ".join(f"{verdict}: {', '.join(map(str, sorted(ids)))}" for verdict, ids in by_verdict.items())
    leaky = _deciding(claims, _LEAKY)
    text = (
        f"How sure: {alone}judged together, with an error of 5 % over all of them, "
        f"{len(decided)} of {len(claims)} claims {'is' if len(decided) == 1 else 'are'} decided"
        f"{f' ({named})' if named else ''}"
    )
    if leaky is not None and leaky.plain_interval is not None:
        low, high = leaky.plain_interval
        text += f"; {summary.seeds} seeds tell leaky ReLU from ReLU to within ±{(high - low) / 2:.2f} points"
    return f"{text}."


def _deciding(claims: Mapping[int, ClaimVerdict], number: int) -> ContrastEstimate | None:
    """The estimate that decides a claim; None where the claim was not asked for, or has no value."""
    estimate = claims[number].deciding if number in claims else None
    return None if estimate is None or estimate.estimate is None else estimate


def _bounds(estimate: ContrastEstimate) -> Interval:
    return (-np.inf, np.inf) if estimate.plain_interval is None else estimate.plain_interval


def _points(estimate: float | None, interval: Interval) -> str:
    """A difference with its interval, to stand in brackets."""
    return f"{_number(estimate)} points, {_number(interval[0])} to {_number(interval[1])}"


def _with_interval(estimate: float | None, interval: Interval | None) -> str:
    if interval is None:
        return f"{_number(estimate)} points"
    return f"{_number(estimate)} points ({_number(interval[0])} to {_number(interval[1])})"


def _number(value: float | None) -> str:
    """A difference with its sign."""
    return "–" if value is None else signed(value)
