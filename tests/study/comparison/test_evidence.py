"""The protocol and files of evidence: what is refused, what leaves the prior, and how related data sets count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.evidence_file import begun, has_part, joined
from study.comparison.claims import CLAIMS
from study.comparison.evidence import FORMAT, EvidenceError, load_evidence
from study.comparison.protocol import definition, protocol
from study.comparison.set_estimates import SetEstimate
from study.data import load_dataset
from study.data.row_sketch import row_sketch

LEAKY = CLAIMS[1]


def entry(name: str, value: float, *, group: str | None = None, task: str = "classification") -> dict[str, Any]:
    return {
        "name": name,
        "task": task,
        "group": group or name,
        "rows": 100,
        "fingerprints": [f"print of {name}", f"raw {name}"],
        "estimates": {LEAKY.statement: [[value, 0.1]], "a claim that is gone": [[1.0, None]]},
    }


def written(path: Path, **changes: Any) -> Path:
    document = {
        "format": FORMAT,
        "protocol": protocol().hash,
        "claims": {LEAKY.statement: definition(LEAKY), "a claim that is gone": "0"},
        "data_sets": [
            entry("a", 0.2),
            entry("b", 0.4, group="g"),
            entry("c", 0.8, group="g"),
            entry("d", 5.0, task="regression"),
        ],
    }
    path.write_text(json.dumps(document | changes), encoding="utf-8")
    return path


def test_data_sets_that_share_samples_count_once(tmp_path: Path) -> None:
    counted = load_evidence(written(tmp_path / "e.json")).counted("classification")
    assert {name: each[LEAKY.statement] for name, each in counted.items()} == {
        "a": [SetEstimate(0.2, 0.1)],
        "b + c": [SetEstimate(pytest.approx(0.6), pytest.approx(0.1))],  # type: ignore[arg-type]
    }


def test_a_users_own_data_set_leaves_with_all_that_share_its_samples(tmp_path: Path) -> None:
    evidence, iris = load_evidence(written(tmp_path / "e.json")), load_dataset("iris")
    left, gone = evidence.without(replace(iris, fingerprint="raw b"))
    assert ([each.name for each in left.sets], gone) == (["a", "d"], ("b", "c"))
    assert evidence.without(replace(iris, whole="print of a"))[1] == ("a",)
    assert evidence.without(iris) == (evidence, ())


def test_rows_in_another_order_are_known_by_their_sketch(tmp_path: Path) -> None:
    iris = load_dataset("iris")
    known = entry("iris", 0.3) | {"sketch": list(row_sketch(iris))}
    evidence = load_evidence(written(tmp_path / "e.json", data_sets=[entry("a", 0.2), known]))
    order = np.random.default_rng(0).permutation(len(iris))[:100]
    part = replace(iris, x=np.asarray(iris.x)[order], targets=iris.targets.take(order), fingerprint="of nobody")
    assert evidence.without(part)[1] == ("iris",)
    assert evidence.without(load_dataset("wine"))[1] == ()


def test_claims_that_say_something_else_by_now_are_left_out(tmp_path: Path) -> None:
    evidence = load_evidence(written(tmp_path / "e.json"))
    assert [*evidence.sets[0].estimates] == [LEAKY.statement]
    changed = load_evidence(written(tmp_path / "f.json", claims={LEAKY.statement: "another"}))
    assert [*changed.sets[0].estimates] == []


def test_evidence_of_another_protocol_is_refused_with_the_command_that_remakes_it(tmp_path: Path) -> None:
    path = written(tmp_path / "e.json", protocol="0123456789ab")
    with pytest.raises(EvidenceError, match=r"by protocol 0123456789ab.*python -m benchmarks.evidence FOLDER"):
        load_evidence(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}'])
def test_what_is_no_evidence_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "e.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match="is no evidence"):
        load_evidence(path)
    with pytest.raises(EvidenceError, match="cannot be read"):
        load_evidence(tmp_path / "none.json")


def test_the_protocol_says_where_a_comparison_differs() -> None:
    plan = protocol()
    assert plan.differences(plan.config(500, seeds=3, seed=7)) == []
    (difference,) = plan.differences(plan.config(500).model_copy(update={"epochs": 5}))
    assert difference == "--epochs 5 (the evidence has 30)"


def test_every_data_set_has_a_name_and_a_source_of_its_own() -> None:
    data = protocol().data
    assert len({each.name for each in data}) == len(data)
    assert all(bool(each.file) != bool(each.built_in) for each in data)
    groups = {each.group or each.name for each in data if each.task == "classification"}
    assert len(groups) >= 26


def test_evidence_goes_on_from_its_file_without_the_database(tmp_path: Path) -> None:
    plan, counts = protocol(), {"networks": 30, "diverged": 1, "failed_cells": 0}
    path = written(tmp_path / "e.json", data_sets=[entry("a", 0.2) | counts])
    before = begun(path, plan)["a"]
    assert [*before["estimates"]] == [LEAKY.statement]
    assert has_part(before, ("leaky", (LEAKY.id,)))
    assert not has_part(before, ("usual", (1, LEAKY.id)))
    assert not has_part(None, ("leaky", (LEAKY.id,)))
    further = entry("a", 0.3) | {
        "networks": 5,
        "diverged": 2,
        "failed_cells": 3,
        "estimates": {"another": [[1.0, 0.1]]},
    }
    both = joined(before, further)
    assert both == before | {
        "networks": 35,
        "diverged": 3,
        "failed_cells": 3,
        "estimates": {LEAKY.statement: [[0.2, 0.1]], "another": [[1.0, 0.1]]},
    }
    assert (joined(before, None), joined(None, further)) == (before, further)


def test_evidence_of_another_protocol_is_not_gone_on_from(tmp_path: Path) -> None:
    plan = protocol()
    assert begun(written(tmp_path / "e.json", protocol="0123456789ab"), plan) == {}
    assert begun(tmp_path / "none.json", plan) == {}
