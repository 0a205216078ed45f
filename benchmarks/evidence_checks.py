"""What the evidence says to each claim, and how far that depends on which data sets it has.

    python -m benchmarks.evidence_checks

Prints the verdicts by each task's data sets, and what would change them. Then the data sets are divided: into every
other one by name and the rest, and 1,000 times at random. A claim is contradicted where both halves decide it, each
judged as if there were no more, and differently. Beside that stands how each effect depends on the rows of a data set.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.evidence_file import SHIPPED
from benchmarks.hardware import taken
from study.cli.print_comparisons import claim_across_lines
from study.comparison.across_data_sets import ClaimAcrossDataSets
from study.comparison.evidence import Evidence, load_evidence
from study.comparison.evidence_verdicts import claims_about, rows_of, verdicts_of
from study.comparison.robustness import alternate_halves, random_halves, slope_on_rows
from study.tasks import TASKS, Task


def checks(evidence: Evidence, task: Task, splits: int) -> dict[str, Any]:
    """The verdicts of one task's data sets, of halves of them, and the effects by rows."""
    sets, claims, rows = evidence.counted(task.name), claims_about(task), rows_of(evidence, task)
    alternate = alternate_halves(sets, claims)
    drawn = [each.contradicted for each in random_halves(sets, splits, claims)]
    contradicted = Counter(number for each in drawn for number in each)
    return {
        "data_sets": len(sets),
        "splits": splits,
        "alternate_halves_contradict": list(alternate.contradicted),
        "random_halves_without_contradiction": sum(not each for each in drawn) / splits,
        "claims": [
            {
                "id": claim.id,
                "statement": claim.statement,
                "verdict": claim.verdict,
                "verdict_on_new": claim.verdict_on_new,
                "estimate": claim.judged.estimate,
                "interval": claim.judged.interval,
                "prediction_interval": claim.judged.prediction_interval,
                "unit": claim.judged.unit,
                "change": claim.judged.change,
                "halves": [alternate.first.get(claim.id), alternate.second.get(claim.id)],
                "random_halves_contradict": contradicted[claim.id] / splits,
                "for_ten_times_the_rows": _by_rows(claim, rows),
            }
            for claim in verdicts_of(evidence, task)
        ],
    }


def _by_rows(claim: ClaimAcrossDataSets, rows: dict[str, int]) -> list[float] | None:
    """Change of the deciding effect where a data set has ten times the rows, and its 95 % interval."""
    found = slope_on_rows(claim.judged.estimates, [rows[name] for name in claim.judged.data])
    return None if found is None else [found.estimate, *found.interval]


def main() -> None:
    """Prints the checks, and writes them to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evidence", type=Path, default=SHIPPED, help="a file that benchmarks.evidence has written")
    parser.add_argument("--splits", type=int, default=1_000)
    parser.add_argument("--output", default="benchmarks/evidence_checks.json")
    options = parser.parse_args()
    evidence = load_evidence(options.evidence)
    tasks = [task for task in TASKS.values() if len(evidence.counted(task.name)) > 1]
    found = {}
    for task in tasks:
        print(f"{task.name}: {len(evidence.counted(task.name))} data sets")
        for claim in verdicts_of(evidence, task):
            print("\n".join(claim_across_lines(claim)))
        found[task.name] = each = checks(evidence, task, options.splits)
        print(
            f"\nhalves by name contradict each other on {each['alternate_halves_contradict'] or 'no claim'}; of "
            f"{options.splits} at random {100 * each['random_halves_without_contradiction']:.1f} % on none\n",
            flush=True,
        )
    content = {"taken": taken("python -m benchmarks.evidence_checks"), "protocol": evidence.protocol} | found
    Path(options.output).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
