"""What a report says, without a browser: its numbers, its sentences, and that nothing of a user's file is code."""

from __future__ import annotations

import json
import math
import re
import shutil
import statistics
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from command import run_here

from search_spaces import ACTIVATIONS
from storage import open_storage
from study.report import search_figures
from study.report.page import in_script
from study.report.search_data import SearchData
from study.search.from_database import StoredSearch

EVIL = "<script>alert(1)</script>"
LABELS = [EVIL, "</script><img src=x onerror=alert(2)>", "{{ 7 * 7 }} & 'quotes'\""]


class Outside(HTMLParser):
    """Collects tags, and whatever a page would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attributes if name in ("src", "href", "action")]


def figures(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', text, flags=re.DOTALL)
    return dict(json.loads(found))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search over iris, and one over a table whose names and labels are code."""
    folder = tmp_path_factory.mktemp("report")
    options = ("--trials", 20, "--epochs", 15, "--hidden", 16, "--learning-rate", 0.01)
    run_here("run", "iris", *options, "--seeds", 3, "--name", "iris", "--quiet", cwd=folder, check=True)
    rows = [f'{i % 7 + i % 3},{i % 5},"{LABELS[i % 3].replace(chr(34), chr(34) * 2)}"' for i in range(90)]
    (folder / "evil.csv").write_text(f"{EVIL},b,y\n" + "\n".join(rows) + "\n")
    evil = ("evil.csv", "--target", "y", "--seeds", 1, "--name", EVIL, "--min-accuracy", 0)
    run_here("run", *evil, *options, "--quiet", cwd=folder, check=True)
    for name in ("iris", EVIL):
        run_here("report", name, "-o", "evil.html" if name == EVIL else "iris.html", cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "iris.html").read_text(encoding="utf-8")


def test_it_holds_all_that_it_needs(text: str) -> None:
    page = Outside(text)
    assert page.addresses == []
    assert page.tags.count("script") == 3
    assert "default-src 'none'" in text


def test_every_figure_has_a_place_and_a_sentence(text: str) -> None:
    drawn = figures(text)
    assert sorted(re.findall(r'<figure class="figure" id="([^"]+)"', text)) == sorted(drawn)
    assert set(drawn) >= {
        "front-figure",
        "activations-figure",
        "slope-accuracy",
        "initializations-figure",
        "dropout-sparsity",
        "layers-clamped-zeros",
        "layers-dead",
        "layers-gradient-norm-end",
        "importance-figure",
        "curves-validation-accuracy",
    }
    for section in re.findall(r"<section id.*?</section>", text, flags=re.DOTALL):
        (sentence,) = re.findall(r'<p class="soft">(.*?)</p>', section, flags=re.DOTALL)
        assert len(sentence) > 60
    assert all(figure["data"] for figure in drawn.values())


def test_the_front_shows_every_trial_the_recommended_one_and_the_baseline(folder: Path, text: str) -> None:
    trials = json.loads(run_here("export", "iris", "--format", "json", cwd=folder, check=True).stdout)
    rows = json.loads(run_here("front", "iris", "--format", "json", cwd=folder, check=True).stdout)
    traces = {trace["name"]: trace for trace in figures(text)["front-figure"]["data"]}
    for activation in {trial["param_activation"] for trial in trials}:
        own = [trial for trial in trials if trial["param_activation"] == activation and not trial.get("diverged")]
        assert traces[activation]["x"] == pytest.approx([100 * trial["clamped_zeros"] for trial in own], rel=1e-5)
        assert traces[activation]["y"] == pytest.approx([100 * trial["clamped_accuracy"] for trial in own], rel=1e-5)
    by_role = {row["role"]: row for row in rows}
    for role in ("recommended", "baseline"):
        assert traces[role]["y"] == pytest.approx([100 * by_role[role]["clamped_accuracy"]], rel=1e-5)
    best = by_role["recommended"]
    assert f"Use {best['activation']}" in text
    assert f"(trial {best['trial']})" in text
    assert f"{100 * best['test_clamped_accuracy']:.2f} % on the test part" in text
    assert f"As trained, small activations kept, accuracy is {100 * best['accuracy']:.2f} %" in text


def test_intervals_are_those_of_the_best_trials_seeds(folder: Path, text: str) -> None:
    trials = json.loads(run_here("export", "iris", "--format", "json", cwd=folder, check=True).stdout)
    for trace in figures(text)["activations-figure"]["data"]:
        (number,) = re.findall(r"trial (\d+):", trace["text"][0])
        seeds = [trials[int(number)][f"clamped_accuracy_seed{seed}"] for seed in range(3)]
        assert trace["y"][0] == pytest.approx(100 * statistics.fmean(seeds), rel=1e-5)
        # t(0.975, 2 degrees of freedom) = 4.3027
        expected = 430.27 * statistics.stdev(seeds) / math.sqrt(3)
        assert trace["error_y"]["array"][0] == pytest.approx(expected, rel=1e-4, abs=1e-9)


def test_what_a_cloud_leaves_out_is_said_under_it(folder: Path) -> None:
    storage = open_storage(folder / "reluctant.db")
    search = StoredSearch.read(storage, storage.study_id("iris"))
    assert search is not None
    own = search.own_trials()
    storage.close()
    data = SearchData(search.config, search.front(own), own)
    few = replace(data, most_points=7)
    sections = [search_figures.front, search_figures.slopes, search_figures.dropout]
    for make in sections:
        whole, part = make(data), make(few)
        assert whole is not None
        assert part is not None
        assert "Drawn are" not in whole.sentence
        drawn = sum(len(trace.x) for trace in part.panels[0].figure.data if trace.name in ACTIVATIONS)
        every = sum(len(trace.x) for trace in whole.panels[0].figure.data if trace.name in ACTIVATIONS)
        assert part.sentence.endswith(f" Drawn are {drawn} of {every} trials.")


def test_nothing_of_a_users_file_is_code(folder: Path) -> None:
    text = (folder / "evil.html").read_text(encoding="utf-8")
    page = Outside(text)
    assert page.tags.count("script") == 3
    assert "img" not in page.tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7 * 7 }}" in text
    body = text[text.index("</head>") :]
    assert "<script>alert" not in body
    assert "<img" not in body


def test_one_seed_has_no_interval_and_that_is_said(folder: Path) -> None:
    text = (folder / "evil.html").read_text(encoding="utf-8")
    assert "one seed gives no interval" in text
    assert all(trace.get("error_y") is None for trace in figures(text)["activations-figure"]["data"])


@pytest.mark.parametrize("value", ["</script>", "<!--", "a & b", "\u2028\u2029", "ß"])
def test_json_in_a_page_reads_back(value: str) -> None:
    written = in_script(json.dumps([value]))
    assert json.loads(written) == [value]
    assert not set("<>&\u2028\u2029") & set(written)


def test_how_it_was_run_gives_the_same_study_again(folder: Path, tmp_path: Path, text: str) -> None:
    (command,) = re.findall(r"<th>command</th><td>reluctant (.*?)</td>", text)
    shutil.copy(folder / "reluctant.db", tmp_path)
    result = run_here(*command.split(), "--quiet", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    studies = json.loads(run_here("status", "--format", "json", cwd=tmp_path, check=True).stdout)
    assert [study["complete"] for study in studies] == [20, 20]


class TestRefusals:
    @pytest.mark.parametrize(
        ("args", "text"),
        [
            ("report iris -o .", r"'\.', a folder; it needs the name of a file"),
            ("report iris -o reluctant.db", "a report is HTML: its name needs to end in .html"),
            ("report iris -o no/where.html", "there is no folder no; create it"),
            ("report irs", "no study 'irs' in .*did you mean 'iris'"),
        ],
    )
    def test_what_cannot_be(self, args: str, text: str, folder: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in folder.glob("*.html")}
        result = run_here(*args.split(), cwd=folder)
        assert result.returncode == 2
        assert re.fullmatch(f"error: [^\n]*{text}[^\n]*\n", result.stderr), result.stderr
        assert {path: path.stat().st_mtime_ns for path in folder.glob("*.html")} == before

    def test_a_study_without_finished_trials(self, tmp_path: Path) -> None:
        run_here(
            "run", "iris", "--epochs", 100000, "--timeout", 1, "--trials", 2, "--name", "s", cwd=tmp_path, check=True
        )
        result = run_here("report", cwd=tmp_path)
        assert result.returncode == 1
        assert "no finished trial yet; continue it with `reluctant resume s`" in result.stderr
        assert not (tmp_path / "report.html").exists()
