"""Hook of mkdocs: puts what the shipped evidence says into the page of answers, as tables and forest plots.

The page has a comment for each: `<!-- evidence: verdicts -->`, `<!-- evidence: forests -->` and
`<!-- evidence: objections -->`. A version without evidence says so in their place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from evidence_objections import objections  # mkdocs puts the folder of a hook on the path
from forest_svg import forest
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page
from quoted_numbers import SHIPPED, signed

from study.comparison.across_data_sets import ClaimAcrossDataSets, ContrastAcrossDataSets
from study.comparison.evidence import COMMAND, Evidence, load_evidence
from study.comparison.evidence_verdicts import claims_about, verdicts_of
from study.comparison.protocol import protocol
from study.intervals import FAMILY_ERROR
from study.tasks import TASKS, Task

NONE = f"*This version ships no evidence. `{COMMAND}` gathers it, and this page then shows it here.*"
Judged = Mapping[str, Sequence[ClaimAcrossDataSets]]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page of answers, with what the evidence says."""
    return filled(markdown, SHIPPED) if page.file.src_uri == "answers.md" else markdown


def filled(markdown: str, path: Path) -> str:
    """Markdown with the evidence of a file in the place of its comments, or with the word that there is none.

    Args:
        markdown: The page.
        path: Where evidence may be.
    """
    made = {"verdicts": verdicts, "forests": forests, "objections": objections_of}
    for name, section in made.items():
        comment = f"<!-- evidence: {name} -->"
        if comment in markdown:
            markdown = markdown.replace(comment, section(path) if path.is_file() else NONE)
    return markdown


def verdicts(path: Path) -> str:
    """A table of all claims for each task, and what they rest on."""
    evidence, judged = _read(path)
    parts = []
    for task in _tasks(judged):
        counted, done = evidence.counted(task.name), sum(each.task == task.name for each in evidence.sets)
        planned = sum(each.task == task.name for each in protocol().data)
        related = f" ({len(counted)} count, since related ones count once)" if len(counted) < done else ""
        parts.append(
            f"**{task.name.capitalize()}**: {done} of {planned} data sets{related}, by {task.metrics[0].name}."
        )
        parts += [_decided(judged[task.name]), _table(judged[task.name])]
    return "\n\n".join([*parts, f"Protocol `{evidence.protocol}`."])


def _decided(claims: Sequence[ClaimAcrossDataSets]) -> str:
    """How many claims are decided, and which of them so few data sets can hardly decide."""
    decided = [claim.id for claim in claims if claim.verdict != "undecided"]
    new = [claim.id for claim in claims if claim.verdict_on_new != "undecided"]
    text = f"Decided of {len(claims)} claims: on average {_counted(decided)}, on a new data set {_counted(new)}."
    granted = FAMILY_ERROR / len(claims)
    smallest_errors = {
        claim.id: 2.0 * 0.5 ** len(claim.judged.data)
        for claim in claims
        if all(each.average == "median" for each in claim.contrasts if each.decides)
    }
    too_few = {number: error for number, error in smallest_errors.items() if error > granted}
    if too_few:
        numbers, smallest = ", ".join(map(str, too_few)), min(too_few.values())
        text += (
            f" Claims {numbers} are judged by medians, and can hardly be decided here, whatever the data: the sign "
            f"test of so few data sets has an error of {smallest:.4f} at the least, where Holm's procedure begins with "
            f"{granted:.4f}."
        )
    return text


def _counted(numbers: Sequence[int]) -> str:
    """How many claims, and which."""
    return f"{len(numbers)} ({', '.join(map(str, numbers))})" if numbers else "none"


def forests(path: Path) -> str:
    """A section for each claim, with a forest plot of each contrast that decides it, for each task."""
    _, judged = _read(path)
    numbers = sorted({claim.id for claims in judged.values() for claim in claims})
    return "\n\n".join(_section(number, judged) for number in numbers)


def objections_of(path: Path) -> str:
    """What can be computed about objections to the evidence on classification."""
    return objections(_read(path)[0], path)


@cache
def _read(path: Path) -> tuple[Evidence, Judged]:
    evidence = load_evidence(path)
    found = {task.name: verdicts_of(evidence, task) for task in TASKS.values()}
    return evidence, {name: claims for name, claims in found.items() if claims}


def _tasks(judged: Judged) -> list[Task]:
    return [task for task in TASKS.values() if task.name in judged]


def _table(claims: Sequence[ClaimAcrossDataSets]) -> str:
    """Claims as a table that fits a narrow screen; verdicts in bold where they are decided."""
    rows = []
    for claim in claims:
        judged = claim.judged
        cells = [
            f'{claim.id}. <a href="#claim-{claim.id}">{escape(claim.statement)}</a>'
            + (" (an association)" if claim.association else ""),
            f"{_bold(claim.verdict_text)}<br>{_estimate(judged)}",
            f"{_bold(claim.verdict_on_new)}<br>{_bounds(judged.prediction_interval)}",
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    names = ("claim", "on average", "on a new data set")
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<table class="docutils claims"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _section(number: int, judged: Judged) -> str:
    there = {name: next((c for c in claims if c.id == number), None) for name, claims in judged.items()}
    found = {name: claim for name, claim in there.items() if claim is not None}
    statement = next(iter(found.values())).statement
    parts = [f'<a id="claim-{number}"></a>\n\n### {number}. {statement}']
    for task in _tasks(judged):
        if task.name in found:
            parts += _of_task(found[task.name], task)
    return "\n\n".join(parts)


def _of_task(claim: ClaimAcrossDataSets, task: Task) -> list[str]:
    regions = next(each for each in claims_about(task) if each.id == claim.id)
    found = f"{task.name.capitalize()}: {claim.verdict_text}"
    parts = [f"**{found}** on average; on a new data set: {claim.verdict_on_new}."]
    for place, contrast in enumerate(claim.contrasts):
        if contrast.estimate is None:
            parts.append(f"*{contrast.name}*: no data set has a value.")
            continue
        role = "" if contrast.decides else " It does not decide the claim."
        parts.append(f"*{contrast.name}*: {_in_words(contrast)}{role}")
        if contrast.decides:
            side = regions.contrasts[place].region
            caption = f"{contrast.name}, {contrast.unit}; the claim says {'above' if side.above else 'below'} the band"
            parts.append(
                f'<figure class="forest">{forest(contrast)}<figcaption>{escape(caption)}</figcaption></figure>'
            )
    return [*parts, f"What would change it on average: {claim.judged.change}."]


def _in_words(contrast: ContrastAcrossDataSets) -> str:
    """All figures of a contrast in one sentence."""
    parts = [f"{contrast.average} {_estimate(contrast)}", f"a new data set {_bounds(contrast.prediction_interval)}"]
    if contrast.shares is not None:
        below, _, above = contrast.shares
        parts.append(
            f"{len(contrast.data)} data sets, {100 * below:.0f} % of them below the ROPE and {100 * above:.0f} % above"
        )
    parts += [f"without any one of them {_bounds(contrast.leave_one_out)}"] if contrast.leave_one_out else []
    if contrast.sensitivity is not None:
        weighted = contrast.sensitivity
        parts.append(f"weighted by variances {signed(weighted.estimate)} ({_bounds(weighted.interval)})")
    return "; ".join(parts) + "."


def _estimate(contrast: ContrastAcrossDataSets) -> str:
    if contrast.estimate is None:
        return "none"
    return f"{signed(contrast.estimate)} {contrast.unit} ({_bounds(contrast.interval)})"


def _bounds(interval: tuple[float, float] | None) -> str:
    return "no interval" if interval is None else f"{signed(interval[0])} … {signed(interval[1])}"


def _bold(verdict: str) -> str:
    return verdict if verdict.startswith("undecided") else f"<strong>{verdict}</strong>"
