"""The report of a comparison says what the comparison found."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from search_spaces.claim_cells import USUAL_CLAIMS
from storage import open_storage
from study.comparison.across_data_sets import compare_data_sets
from study.comparison.claims import CLAIMS
from study.comparison.in_short import in_short
from study.comparison.method import method
from study.comparison.related import related_comparisons
from study.comparison.summary import summarize, summarize_stored
from study.comparison.verdicts import ClaimVerdict, ContrastEstimate
from study.config import StudyConfig
from study.model import export_model
from study.problem import Comparison
from study.records.open_study import KindError, OpenStudy, create_or_open
from study.records.own_trials import NoResultsError
from study.report import write_report
from study.report.comparison_figures import designs
from study.report.comparison_page import answer, curves
from study.report.dashboard_figures import dashboard_content
from study.report.verdict_figures import verdicts
from study.wording import markdown
from study.workers.worker import work


@pytest.fixture(scope="module", params=[1, 3])
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenStudy]:
    """A comparison over iris with one seed, and with three."""
    storage = open_storage(tmp_path_factory.mktemp("comparison") / "reluctant.db")
    config = StudyConfig(**{"data": "iris", "seeds": request.param, "epochs": 2, "hidden": (8,), "name": "compared"})
    opened = create_or_open(Comparison.of(config), storage)
    assert work(opened)
    yield opened
    storage.close()


def test_verdicts_intervals_and_cells(study: OpenStudy, tmp_path: Path) -> None:
    write_report(study, str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    found = summarize(study)
    (written,) = re.findall(r'id="figures">(.*?)</script>', text, flags=re.DOTALL)
    figures: dict[str, Any] = json.loads(written)
    drawn = {
        (name, estimate): trace["name"]
        for identifier, figure in figures.items()
        if identifier.startswith("verdicts-")
        for trace in figure["data"]
        for name, estimate in zip(trace["y"], trace["x"], strict=True)
    }
    expected = [e for finding in found.verdicts for e in finding.estimates if e.estimate is not None]
    assert sorted(estimate for _, estimate in drawn) == pytest.approx(sorted(e.estimate for e in expected))
    assert sorted(drawn.values()) == sorted(e.verdict for e in expected)
    for finding in found.verdicts:
        assert finding.statement in text
    assert all(html.escape(sentence, quote=False) in text for sentence in in_short(found))
    assert ("One seed gives no interval" in text) == (found.seeds == 1)
    accuracies = {trace["name"]: trace for trace in figures["activations-figure"]["data"]}
    for cell in found.accuracy_by_activation:
        trace = accuracies[cell.activation]
        assert trace["y"] == pytest.approx([100 * cell.accuracy], rel=1e-5)
        if cell.interval is None:
            assert trace.get("error_y") is None
        else:
            low = trace["y"][0] - trace["error_y"]["arrayminus"][0]
            assert low == pytest.approx(100 * cell.interval[0], abs=1e-3)
    assert {"depth-figure", "slope-sparsity", "dropout-accuracy", "layers-gradient", "curves-training-loss"} <= set(
        figures
    )


def test_the_answer_is_the_comparison_in_short_and_what_is_missing(study: OpenStudy) -> None:
    found = summarize(study)
    assert answer(found) == in_short(found)
    assert answer(replace(found, failed=3))[-1] == "Cells that could not be trained, and that no figure has: 3."


def test_the_verdicts_announce_no_interval_that_one_seed_does_not_give(study: OpenStudy) -> None:
    found = summarize(study)
    section = verdicts(found.verdicts, found.level, method(found))
    assert ("One seed gives no interval" in section.sentence) == (found.seeds == 1)
    assert ("Each interval has" in section.sentence) == (found.seeds > 1)
    drawn = sum(len(trace.x) for panel in section.panels for trace in panel.figure.data)
    every = sum(len(finding.estimates) for finding in found.verdicts)
    assert (f"{every - drawn} of the estimates have no value" in section.sentence) == (drawn < every)


def test_no_bar_is_said_to_be_wider_than_a_paired_interval(study: OpenStudy) -> None:
    """It is not, where the two of a pair vary against each other."""
    sentences = " ".join(section.sentence for section in designs(summarize(study)))
    assert "wider" not in sentences
    assert ("Whether two means differ is not to be read from them" in sentences) == (summarize(study).seeds > 1)


def test_networks_that_diverged_are_counted_where_they_are_drawn(study: OpenStudy) -> None:
    found = summarize(study)
    assert not any("diverged" in section.sentence for section in designs(found))
    first, *others = found.depth_by_activation
    some = replace(found, depth_by_activation=(replace(first, diverged=1, near_zero=math.nan), *others))
    sentences = {section.id: section.sentence for section in designs(some)}
    networks = len(found.depth_by_activation) * found.seeds * found.streams
    assert f"1 of {networks} networks diverged, and counts as a constant guess in accuracy" in sentences["depth"]
    assert "diverged" not in sentences["dropout"]


def test_gradients_of_zero_are_counted_on_a_logarithmic_axis(study: OpenStudy) -> None:
    found = summarize(study)
    deepest = max(found.depth_by_activation, key=lambda cell: cell.depth)
    dead = replace(deepest, layers=tuple(replace(layer, gradient_norm_start=0.0) for layer in deepest.layers))
    cells = tuple(dead if cell is deepest else cell for cell in found.depth_by_activation)
    section = next(each for each in designs(replace(found, depth_by_activation=cells)) if each.id == "layers")
    assert f"{deepest.depth} layers have a gradient of 0, which a logarithmic axis cannot show" in section.sentence
    assert "at most 8,192 samples" in section.sentence


def test_the_loss_curve_is_said_to_be_taken_in_training(study: OpenStudy) -> None:
    assert "while the weights change and with dropout on" in curves(study).sentence


def test_comparisons_of_other_data_are_seen_together(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "reluctant.db")
    options: dict[str, Any] = {"seeds": 2, "epochs": 1, "hidden": (8,)}
    studies = {}
    for name, data, changed in (
        ("a", "iris", {}),
        ("b", "wine", {}),
        ("other options", "wine", {"epochs": 2}),
        ("unfinished", "breast_cancer", {}),
    ):
        config = StudyConfig(**{**options, **changed, "data": data, "name": name})
        studies[name] = create_or_open(Comparison.of(config), storage)
        if name != "unfinished":
            assert work(studies[name])
    assert [other.name for other in related_comparisons(studies["a"])] == ["b"]
    assert related_comparisons(studies["other options"]) == []
    write_report(studies["a"], str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    (written,) = re.findall(r'id="figures">(.*?)</script>', text, flags=re.DOTALL)
    drawn = {trace["name"]: trace for trace in json.loads(written)["ranks-figure"]["data"]}
    ranking = compare_data_sets([summarize(studies["a"]), summarize(studies["b"])]).ranking
    assert ranking is not None
    assert set(drawn) == set(ranking.activations)
    assert len([name for name in json.loads(written) if name.startswith("forest-")]) == sum(
        len(claim.contrasts) for claim in CLAIMS if claim.id != 9 and claim.id in USUAL_CLAIMS
    )
    for name, rank in zip(ranking.activations, ranking.ranks, strict=True):
        assert drawn[name]["x"] == pytest.approx([rank])
        assert drawn[name]["error_x"]["value"] == pytest.approx(ranking.critical_difference / 2)
    storage.close()


def test_a_comparison_leaves_no_model(study: OpenStudy, tmp_path: Path) -> None:
    with pytest.raises(KindError, match="is a comparison, and a search is needed"):
        export_model(study, "best", str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()


def test_the_database_alone_gives_the_dashboard_the_same_figures_and_the_answer(study: OpenStudy) -> None:
    found = summarize(study)
    panels, note = dashboard_content(study.storage, study.study_id, ())
    sections = [verdicts(found.verdicts, found.level, method(found)), *designs(found)]
    expected = [panel for section in sections for panel in section.panels]
    assert [panel.id for panel in panels] == [panel.id for panel in expected]
    for panel, other in zip(panels, expected, strict=True):
        assert panel.figure.to_plotly_json()["data"] == other.figure.to_plotly_json()["data"]
    assert note == "\n\n".join(map(markdown, in_short(found)))


def test_a_copied_comparison_says_that_its_test_results_are_missing(study: OpenStudy, tmp_path: Path) -> None:
    """Optuna copies trials, and none of the tables in which test results are; the best accuracy was `nan %`."""
    url = f"sqlite:///{tmp_path / 'copy.db'}"
    source = f"sqlite:///{study.storage.place}"
    optuna.copy_study(from_study_name="compared", from_storage=source, to_storage=url)
    storage = open_storage(tmp_path / "copy.db")
    with pytest.raises(NoResultsError, match=r"no test results of comparison 'compared'.*reluctant backup"):
        summarize_stored(storage, storage.study_id("compared"))
    storage.close()


def test_a_comparison_that_is_not_finished_says_so_to_the_dashboard(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "reluctant.db")
    config = StudyConfig(**{"data": "iris", "seeds": 1, "epochs": 1, "hidden": (8,), "name": "begun"})
    begun = create_or_open(Comparison.of(config), storage)
    panels, note = dashboard_content(storage, begun.study_id, ())
    assert panels == []
    assert "0 of 324 cells" in note
    storage.close()


def test_what_a_claim_assumes_stands_in_its_row_where_any_claim_does() -> None:
    nothing = ContrastEstimate(
        "difference", -1e-15, (-0.4, 0.4), (-0.3, 0.3), "pp", (-0.5, 0.5), "undecided", 1.0, "", True, ()
    )

    def claim(number: int) -> ClaimVerdict:
        said = CLAIMS[number - 1]
        return ClaimVerdict(number, said.statement, "test", False, 1.0, nothing, (nothing,), assumption=said.assumption)

    assuming = next(said.id for said in CLAIMS if said.assumption)
    rows = verdicts([claim(2), claim(assuming)], 0.99, ()).rows
    assert [row["assumes"] for row in rows] == ["nothing more", CLAIMS[assuming - 1].assumption]
    (row,) = verdicts([claim(2)], 0.99, ()).rows
    assert "assumes" not in row
    assert row["estimate"] == "0.00 pp"
