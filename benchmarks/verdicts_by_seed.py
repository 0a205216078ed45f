"""Whether verdicts on one data set depend on the seed of the comparison, which divides, initializes and orders anew.

    python -m benchmarks.verdicts_by_seed FOLDER

Each of some data sets of the evidence's protocol is compared by that protocol under several seeds, and judged by its
own data and with the evidence of the others. A claim flips where two seeds decide it, and not the same. FOLDER is as
`benchmarks.evidence` reads it; the command may be killed and started again.
"""

from __future__ import annotations

import argparse
import json
import warnings
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.evidence import trained
from benchmarks.hardware import taken
from benchmarks.protocol_data import sources
from reluctant.errors import ReluctantWarning
from storage import open_storage
from study.comparison.protocol import protocol
from study.comparison.robustness import contradicted
from study.comparison.with_evidence import summarize_with_evidence
from study.intervals import Verdict
from study.workers.stop import Stop

DATA = "vehicle,tic_tac_toe,vowel,credit_g,car"
"""Of 846 to 1,728 rows: on smaller ones hardly a claim is decided, so that none could flip."""

Verdicts = dict[int, Verdict]
"""By the number of the claim."""


def main() -> None:
    """Prints what flips on each data set, and writes all verdicts to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", default=DATA, help="names of data sets, separated by commas")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--part", default="usual", help="part of the protocol")
    parser.add_argument("--storage", default="verdicts_by_seed.db", help="SQLite file of the comparisons")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/verdicts_by_seed.json"))
    options = parser.parse_args()
    warnings.simplefilter("ignore", ReluctantWarning)
    plan = protocol()
    found = [*sources(options.folder, Path(f"{options.storage}.data"), plan, options.data.split(","))]
    alone: dict[str, dict[int, Verdicts]] = {source.planned.name: {} for source in found}
    together: dict[str, dict[int, Verdicts]] = {source.planned.name: {} for source in found}
    with Stop() as stop:
        database = open_storage(options.storage)
        for seed in options.seeds:
            part = f"{options.part}-by-seed-{seed}", dict(plan.parts)[options.part]
            todo = [(part, source) for source in found]
            for source, study in trained(todo, database, plan, stop, seed=seed, workers=options.workers):
                summary, name = summarize_with_evidence(study), source.planned.name
                alone[name][seed] = {each.id: each.verdict for each in summary.verdicts}
                if summary.with_evidence is not None:
                    together[name][seed] = {
                        number: each.verdict for number, each in summary.with_evidence.claims.items()
                    }
        database.close()
    document: dict[str, Any] = {
        "taken": taken("python -m benchmarks.verdicts_by_seed")
        | {"command": "python -m benchmarks.verdicts_by_seed FOLDER"},
        "protocol": plan.hash,
        "seeds": options.seeds,
        "alone": {name: _found(by_seed) for name, by_seed in alone.items()},
        "with_evidence": {name: _found(by_seed) for name, by_seed in together.items()},
    }
    for way in ("alone", "with_evidence"):
        for name, each in document[way].items():
            print(
                f"{name}, {way}: claims that flip: {each['flips'] or 'none'}; decided by each seed: {each['decided']}"
            )
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _found(by_seed: dict[int, Verdicts]) -> dict[str, Any]:
    """The claims that flip, how many each seed decides, and all verdicts."""
    return {
        "flips": _flips(by_seed),
        "decided": [sum(verdict != "undecided" for verdict in of_seed.values()) for of_seed in by_seed.values()],
        "verdicts": by_seed,
    }


def _flips(by_seed: dict[int, Verdicts]) -> list[int]:
    return sorted({claim for pair in combinations(by_seed.values(), 2) for claim in contradicted(*pair)})


if __name__ == "__main__":
    main()
