"""Writes the numbers of the evidence that README.md and docs/answers.md quote: `python docs/quoted_numbers.py [FILE]`.

A number stands between comments, `<!-- 2 -->+0.34 pp (−0.04 … +0.72)<!-- -->`, of which the first says what it is:

| comment | what is written |
|---|---|
| `2` | the average of the contrast that decides claim 2, with its 95 % interval |
| `3.2` | the same of the second contrast of claim 3 |
| `2 new` | the 95 % prediction interval for a new data set |
| `2 above`, `2 below`, `2 inside` | how probable an effect above, below or inside the ROPE is on a new data set |
| `2 verdict` | the verdict on average |
| `2 sets` | how many data sets have an estimate |
| `2 rows` | how the estimate changes where a data set has ten times the rows, with its 95 % interval |
| `regression 2` | any of these, of regression |

A line must not begin with a comment, since Markdown takes such a line for HTML. FILE is the evidence that is shipped,
unless given; a test holds that the texts have its numbers.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from study.comparison.across_data_sets import ClaimAcrossDataSets, ContrastAcrossDataSets, distribution_of_new
from study.comparison.evidence import Evidence, load_evidence
from study.comparison.evidence_verdicts import rows_of, verdicts_of
from study.comparison.robustness import slope_on_rows
from study.comparison.set_estimates import SetEstimate
from study.tasks import CLASSIFICATION, TASKS

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "study" / "comparison" / "evidence.json"
TEXTS = (ROOT / "README.md", ROOT / "docs" / "answers.md")
UNKNOWN = "not measured yet"
_QUOTED = re.compile(
    r"<!-- (?:(?P<task>[a-z]+) )?(?P<claim>\d+)(?:\.(?P<place>\d+))?(?: (?P<what>[a-z]+))? -->.*?<!-- -->", re.S
)


def rewritten(text: str, evidence: Evidence) -> str:
    """A text with the numbers of the evidence between its comments.

    Args:
        text: Markdown.
        evidence: The evidence.
    """
    claims = {name: {claim.id: claim for claim in verdicts_of(evidence, task)} for name, task in TASKS.items()}

    def quoted(match: re.Match[str]) -> str:
        opening = match[0].partition("-->")[0] + "-->"
        task = match["task"] or CLASSIFICATION.name
        claim = claims[task].get(int(match["claim"]))
        found = (
            UNKNOWN if claim is None else _quoted(claim, match["place"], match["what"], rows_of(evidence, TASKS[task]))
        )
        return f"{opening}{found}<!-- -->"

    return _QUOTED.sub(quoted, text)


def _quoted(claim: ClaimAcrossDataSets, place: str | None, what: str | None, rows: dict[str, int]) -> str:
    contrast = claim.judged if place is None else claim.contrasts[int(place) - 1]
    if contrast.estimate is None:
        return UNKNOWN
    if what is None:
        found = f"{signed(contrast.estimate)} {contrast.unit} ({_bounds(contrast.interval)})"
        return found.replace("+", "") if contrast.unit == "%" else found
    if what == "verdict":
        return claim.verdict_text if place is None else contrast.verdict
    if what == "new":
        return _bounds(contrast.prediction_interval)
    if what == "sets":
        return str(len(contrast.data))
    if what == "rows":
        slope = slope_on_rows(contrast.estimates, [rows[name] for name in contrast.data])
        return UNKNOWN if slope is None else f"{signed(slope.estimate)} {contrast.unit} ({_bounds(slope.interval)})"
    return f"{100 * _probability(contrast, what):.0f} %"


def _probability(contrast: ContrastAcrossDataSets, what: str) -> float:
    estimates = [SetEstimate(*each) for each in zip(contrast.estimates, contrast.standard_errors, strict=True)]
    new, (least, most) = distribution_of_new(estimates), contrast.rope
    below, above = new.below(least), 1.0 - new.below(most)
    return {"below": below, "inside": 1.0 - below - above, "above": above}[what]


def _bounds(interval: tuple[float, float] | None) -> str:
    return "no interval" if interval is None else f"{signed(interval[0])} … {signed(interval[1])}"


def signed(value: float) -> str:
    """A number with its sign, to two decimals; large ones to one.

    Example:
        >>> signed(-0.123), signed(36.04)
        ('−0.12', '+36.0')
    """
    return (f"{value:+.1f}" if abs(value) >= 10 else f"{value:+.2f}").replace("-", "−")


if __name__ == "__main__":
    shipped = load_evidence(sys.argv[1] if len(sys.argv) > 1 else SHIPPED)
    for path in TEXTS:
        path.write_text(rewritten(path.read_text(encoding="utf-8"), shipped), encoding="utf-8")
