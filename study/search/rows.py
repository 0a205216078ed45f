"""The front of a search as rows, for JSON and CSV, and as cells of text, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces import ACTIVATIONS
from study.search.from_database import Searched
from study.search.front import Candidate, Front
from study.wording import percent, plus_minus, value_text


def front_rows(front: Front, search: Searched) -> list[dict[str, Any]]:
    """One row a member of the front, the most accurate first, then the baseline's.

    Accuracies, sparsity and dead units are fractions; differences are to the recommended trial.
    """
    config = search.config
    shown = ("activation", "negative_slope", "initialization", "dropout")
    searched = [parameter.name for parameter in search.space.parameters if parameter.name not in shown]

    def row(candidate: Candidate, role: str) -> dict[str, Any]:
        used = search.space.hyperparameters(candidate.params, search.config.defaults)
        difference, difference_error = candidate.difference(front.recommended)
        return {
            "trial": candidate.number,
            "role": role,
            "activation": used.activation,
            "negative_slope": None if ACTIVATIONS[used.activation].slope == "none" else used.negative_slope,
            "initialization": used.initialization,
            "dropout": used.dropout,
            **{name: candidate.params.get(name) for name in searched},
            config.metric: candidate.accuracy,
            "standard_error": candidate.standard_error,
            "difference": difference,
            "difference_standard_error": difference_error,
            f"test_{config.metric}": candidate.test,
            config.sparsity: candidate.sparsity,
            "dead": candidate.dead,
        }

    rows = [row(member, "recommended" if member == front.recommended else "front") for member in front.members]
    if front.baseline is not None:
        rows.append(row(front.baseline, "baseline"))
    return rows


def front_cells(rows: Sequence[Mapping[str, Any]], metric: str, sparsity: str) -> list[dict[str, str]]:
    """`front_rows` as a person reads them: fractions in per cent, errors beside their values."""
    special = {"standard_error", "difference_standard_error"}
    cells = []
    for row in rows:
        cell: dict[str, str] = {}
        for name, value in row.items():
            if name in special:
                continue
            if name == metric:
                cell[f"{metric} %"] = percent(value) + plus_minus(row["standard_error"])
            elif name == "difference":
                same = row["role"] == "recommended"
                text = f"{100 * value:+.2f}" + plus_minus(row["difference_standard_error"])
                cell["difference pp"] = "–" if same else text
            elif name == f"test_{metric}":
                cell["test %"] = percent(value)
            elif name in (sparsity, "dead"):
                cell[f"{name} %"] = percent(value, digits=1)
            elif name == "role":
                continue
            else:
                cell[{"negative_slope": "slope"}.get(name, name)] = value_text(value)
        cell["role"] = {"recommended": "← recommended", "baseline": "baseline"}.get(row["role"], "")
        cells.append(cell)
    return cells
