"""Hook of mkdocs: adds the page of all claims, made from their registry, so that it cannot fall behind it."""

from __future__ import annotations

import inspect
import math

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from study.comparison.claim import Claim, ClaimContrast
from study.comparison.claims import CLAIMS

_INTRODUCTION = """# The claims

`reluctant compare DATA` tests claims 1 to 12, `--claims 13,25` those two, and `--claims all` all of them. Networks
that claims share are trained once, and verdicts are judged over the claims that were asked for. A claim that the
networks or the data do not allow, by width, epochs, kind or columns, is skipped and named.

A claim is supported where the interval of its contrast lies beyond the region of practical equivalence (ROPE) on the
claim's side, and refuted where it lies on the other; inside there is no practical difference. What would change a
verdict, in seeds, rows or another region, is computed from the data and printed with it. [How a verdict comes
about](answers.md#how-a-verdict-comes-about) says how contrasts choose and read; the doses and levels stand in
`search_spaces/claim_cells.py`."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page."""
    files.append(File.generated(config, "claims.md", content=claims_page()))
    return files


def claims_page() -> str:
    """Every claim with its contrasts, their regions of practical equivalence, its source and what it assumes."""
    return "\n\n".join([_INTRODUCTION, *map(_section, CLAIMS)]) + "\n"


def _section(claim: Claim) -> str:
    rows = [
        f"| {part.name} | {(inspect.getdoc(part.compute) or '').splitlines()[0]} | {_region(part)} | {_role(part)} |"
        for part in claim.contrasts
    ]
    notes = [f"Read on: {claim.read_on}. Source: {claim.source}."]
    notes += ["It is an association: no design varies the one without the other."] if claim.association else []
    notes += [f"It assumes {claim.assumption}."] if claim.assumption else []
    table = "\n".join(["| contrast | what it is | ROPE | role |", "|---|---|---|---|", *rows])
    return f"## {claim.id}. {claim.statement}\n\n{table}\n\n{' '.join(notes)}"


def _region(part: ClaimContrast) -> str:
    least, most = part.region.rope
    bounds = f"±{most:g}" if least == -most and most else f"{least:g} … {most:g}" if least != most else f"{least:g}"
    return f"{bounds} {part.unit}"


def _role(part: ClaimContrast) -> str:
    if part.checks:
        return "checks that the intervention took; else the claim stays undecided"
    if not part.decides:
        return "beside, decides nothing"
    side = "above" if part.region.above else "below"
    if math.isfinite(part.region.limit):
        side += f", below {part.region.limit:g}"
    return f"supports {side}{', or inside' if part.equal_suffices else ''}"
