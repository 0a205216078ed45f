"""How a comparison chose, tuned, read and judged, in a few sentences."""

from __future__ import annotations

from study.comparison.summary import ComparisonSummary

_MOST_AT_AN_EDGE = 0.05
"""Share of the tuned learning rates at an edge of their grid from which on the best ones may lie beyond it."""


def method(comparison: ComparisonSummary) -> list[str]:
    """What a reader needs to know of how the verdicts came about, in a sentence each."""
    reduced = [comparison.reduced] if comparison.reduced else []
    others = comparison.with_evidence
    note = [others.note] if others is not None and others.note else []
    return [*reduced, *_choices(comparison), _rates(comparison), _errors(comparison), *note]


def _choices(comparison: ComparisonSummary) -> list[str]:
    if comparison.streams > 1:
        return [
            f"on each split every cell is trained under {comparison.streams} random streams, which take turns: one "
            "chooses, one tunes the learning rate, one is read"
        ]
    return [
        "begun with the designs of version 0.1, and continued with them: what is chosen is read on the networks that "
        "it was chosen by, so that contrasts that choose are not 0 where nothing differs, and initializations and "
        "dropout rates are compared at one learning rate; a comparison of another --name has today's designs"
    ]


def _rates(comparison: ComparisonSummary) -> str:
    lowest, highest = comparison.at_edges
    text = (
        f"learning rates are tuned out of {min(comparison.rates):g} … {max(comparison.rates):g}: "
        f"{100 * lowest:.1f} % of the choices are the lowest, {100 * highest:.1f} % the highest"
    )
    beyond = max(lowest, highest) >= _MOST_AT_AN_EDGE
    return f"{text}; better ones may lie beyond" if beyond else text


def _errors(comparison: ComparisonSummary) -> str:
    if comparison.seeds == 1:
        return "no intervals, so nothing is decided: one seed gives none"
    variance = (
        f"replicates correlate as measured{' on perceptrons' if comparison.reduced else ''}"
        if comparison.variance == "measured"
        else "replicates correlate as Nadeau and Bengio assume"
    )
    return (
        f"verdicts: Holm's procedure over {_number(len(comparison.verdicts))} at 5 %; two intervals: 95 % for the "
        f"contrast alone, and {100 * comparison.level:.2f} %, by which all claims share 5 %; {variance} (--variance)"
    )


def _number(claims: int) -> str:
    return "1 claim" if claims == 1 else f"{claims} claims"
