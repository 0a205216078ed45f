"""The page of answers and the README say what the evidence has, drawn and written from its file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from evidence_page import NONE, filled
from forest_svg import forest
from quoted_numbers import SHIPPED, TEXTS, UNKNOWN, rewritten

from study.comparison.across_data_sets import ContrastAcrossDataSets
from study.comparison.claims import CLAIMS
from study.comparison.evidence import FORMAT, Evidence, load_evidence
from study.comparison.evidence_verdicts import verdicts_of
from study.comparison.protocol import definition, protocol
from study.tasks import CLASSIFICATION

VALUES = (1.0, 1.4, 0.9, 1.3, 1.1, 1.2, 0.8, 1.3)
LEAKY, TANH = CLAIMS[1], CLAIMS[6]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Eight data sets on which leaky ReLU gains about a point, and tanh saturates forty points more."""
    entries = [
        {
            "name": f"set <{place}>",
            "task": "classification",
            "group": f"set {place}",
            "rows": 100 * 2**place,
            "fingerprints": [f"print {place}"],
            "networks": 10,
            "diverged": 1,
            "failed_cells": 0,
            "chosen_at_edges": [0.0, 0.25],
            "estimates": {LEAKY.statement: [[value, 0.2]], TANH.statement: [[-0.5, 0.1], [40.0 + value, 2.0]]},
        }
        for place, value in enumerate(VALUES)
    ]
    claims = {claim.statement: definition(claim) for claim in (LEAKY, TANH)}
    document = {"format": FORMAT, "protocol": protocol().hash, "claims": claims, "data_sets": entries}
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def contrast_of(evidence: Evidence) -> ContrastAcrossDataSets:
    return next(claim.judged for claim in verdicts_of(evidence, CLASSIFICATION) if claim.id == 2)


def test_the_table_and_the_plots_are_of_the_file(path: Path) -> None:
    page = filled(
        "a\n\n<!-- evidence: verdicts -->\n\n<!-- evidence: forests -->\n\n<!-- evidence: objections -->", path
    )
    assert "<!--" not in page
    assert "Decided of 2 claims: on average 2 (2, 7), on a new data set 2 (2, 7).\n" in page
    assert f'<a href="#claim-2">{LEAKY.statement}</a></td><td><strong>supported</strong><br>+1.12 pp' in page
    assert f"### 2. {LEAKY.statement}" in page
    assert page.count("<svg ") == 3  # one contrast of claim 2, two of claim 7
    assert "mean +1.12 pp" in page
    assert "8 data sets, 0 % of them below the ROPE and 100 % above" in page
    assert "| only the 5 data sets of 500 rows or more |" in page
    assert "2: supported → undecided" in page  # a ROPE of a whole point
    assert "80 trained on all data sets; 8 diverged" in page
    assert "0.0 and 25.0 % over all data sets" in page


def test_claims_that_so_few_data_sets_can_hardly_decide_are_named() -> None:
    page = filled("<!-- evidence: verdicts -->", SHIPPED)
    of_classification, of_regression = page.split("**Regression**")
    assert "judged by medians" not in of_classification
    assert "Claims 1, 4, 7, 8, 14, 15, 16, 21, 22 are judged by medians" in of_regression
    assert "an error of 0.0078 at the least, where Holm's procedure begins with 0.0019" in of_regression


def test_a_version_without_evidence_says_so(tmp_path: Path) -> None:
    page = filled("<!-- evidence: verdicts -->\n\n<!-- evidence: forests -->", tmp_path / "none.json")
    assert page == f"{NONE}\n\n{NONE}"


def test_a_forest_plot_has_a_point_for_each_data_set_where_its_axis_says(path: Path) -> None:
    contrast = contrast_of(load_evidence(path))
    root = ElementTree.fromstring(forest(contrast))
    points = [float(each.attrib["cx"]) for each in root.iter("circle")]
    assert points == sorted(points)
    assert len(points) == len(VALUES)
    ticks = [each for each in root.iter("text") if each.attrib["class"] == "tick"]
    (x0, v0), (x1, v1) = (
        (float(e.attrib["x"]), float((e.text or "").replace("−", "-"))) for e in (ticks[0], ticks[-1])
    )
    read = [v0 + (x - x0) / (x1 - x0) * (v1 - v0) for x in points]
    assert read == pytest.approx(sorted(VALUES), abs=0.02)
    band = root.find("rect[@class='rope']")
    assert band is not None
    edge = float(band.attrib["x"]) + float(band.attrib["width"])
    assert v0 + (edge - x0) / (x1 - x0) * (v1 - v0) == pytest.approx(0.5, abs=0.02)
    assert "set <7>: +1.30" in {each.text for each in root.iter("title")}
    drawn = [float(each.attrib[key]) for each in root.iter() for key in ("x", "cx") if key in each.attrib]
    assert all(0 <= x <= 360 for x in drawn)


def test_quoted_numbers_are_those_of_the_evidence(path: Path) -> None:
    text = (
        "gains <!-- 2 -->old<!-- -->, <!-- 2 verdict --><!-- -->, over <!-- 2 sets -->1<!-- --> sets; <!-- 7.1 -->\n"
        "x<!-- -->; P <!-- 2 above -->9<!-- --> and <!-- 2 below -->9<!-- -->; <!-- 27.1 -->y<!-- -->; "
        "<!-- regression 2 -->z<!-- --> <!-- a comment -->"
    )
    contrast = contrast_of(load_evidence(path))
    assert contrast.interval is not None
    low, high = contrast.interval
    new = rewritten(text, load_evidence(path))
    assert re.sub("<!--.*?-->", "", new).rstrip() == (
        f"gains +1.12 pp (+{low:.2f} … +{high:.2f}), supported, over 8 sets; −0.50 pp (−0.50 … −0.50); "
        f"P 99 % and 0 %; {UNKNOWN}; {UNKNOWN}"
    )
    assert rewritten(new, load_evidence(path)) == new


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_what_is_written_is_what_the_shipped_evidence_has(text: Path) -> None:
    content = text.read_text(encoding="utf-8")
    assert re.search(r"<!-- 2 -->", content)
    # Markdown takes a line that begins with a comment for HTML, and ends the paragraph there.
    assert re.findall(r"^ *<!-- (?!evidence: ).*", content, flags=re.MULTILINE) == []
    if SHIPPED.is_file():
        assert content == rewritten(content, load_evidence(SHIPPED)), "run: python docs/quoted_numbers.py"
