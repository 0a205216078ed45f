"""Reports in a real browser without a network: every figure drawn, nothing overflows, nothing runs that is not ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from command import run_here

from storage import open_storage
from study.config import StudyConfig
from study.problem import Comparison
from study.records.open_study import create_or_open
from study.report import write_report
from study.report.palette import DARK, LIGHT
from study.workers.worker import work

EVIL = "<script>alert(1)</script>"
SMALL = ("--trials", 20, "--epochs", 10, "--hidden", 16, "--learning-rate", 0.01, "--quiet")
Opened = Callable[..., Any]


def search(folder: Path) -> Path:
    run_here("run", "iris", *SMALL, "--seeds", 2, "--name", "search", cwd=folder, check=True)
    run_here("report", "search", "-o", "search.html", cwd=folder, check=True)
    return folder / "search.html"


def comparison(folder: Path) -> Path:
    storage = open_storage(folder / "reluctant.db")
    config = StudyConfig(**{"data": "iris", "seeds": 2, "epochs": 2, "hidden": (8,), "name": "comparison"})
    study = create_or_open(Comparison.of(config), storage)
    assert work(study)
    write_report(study, str(folder / "comparison.html"))
    storage.close()
    return folder / "comparison.html"


def evil(folder: Path) -> Path:
    """A report whose study, columns and labels are all code."""
    labels = [EVIL, "</script><img src=x onerror=alert(2)>", "<svg/onload=alert(3)>"]
    rows = [f'{i % 7 + i % 3},{i % 5},"{labels[i % 3]}"' for i in range(90)]
    (folder / "evil.csv").write_text(f'{EVIL},"<img src=x onerror=alert(4)>",y\n' + "\n".join(rows) + "\n")
    options = ("--target", "y", "--seeds", 1, "--name", EVIL, "--min-accuracy", 0)
    run_here("run", "evil.csv", *SMALL, *options, cwd=folder, check=True)
    run_here("report", EVIL, "-o", "evil.html", cwd=folder, check=True)
    return folder / "evil.html"


@pytest.fixture(scope="module", params=[search, comparison, evil], ids=lambda make: make.__name__)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = request.param(tmp_path_factory.mktemp("browser"))
    return made


@pytest.fixture
def opened(browser: Any) -> Opened:
    """Opens a file without a network; complaints are collected in the page's `complaints`."""

    @contextmanager
    def open_file(path: Path, *, width: int, scheme: str) -> Iterator[tuple[Any, list[str]]]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        page, complaints = context.new_page(), list[str]()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("requestfailed", lambda request: complaints.append(f"asked for {request.url}"))
        page.goto(path.as_uri())
        page.wait_for_function(
            "[...document.querySelectorAll('.figure')].every(each => each.querySelector('.main-svg'))", timeout=20000
        )
        yield page, complaints
        context.close()

    return open_file


OVERFLOWING = """
[...document.querySelectorAll('body *')].filter(each => {
  if (each.closest('svg')) return false;
  for (let outer = each.parentElement; outer; outer = outer.parentElement)
    if (getComputedStyle(outer).overflowX !== 'visible') return false;
  return each.getBoundingClientRect().right > innerWidth + 1;
}).map(each => each.outerHTML.slice(0, 80))
"""
CUT = """
[...document.querySelectorAll('.main-svg text')].filter(each => {
  const text = each.getBoundingClientRect(), figure = each.closest('.figure').getBoundingClientRect();
  return text.width > 0 && (text.left < figure.left - 2 || text.right > figure.right + 2);
}).map(each => each.textContent)
"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_figure_is_drawn_and_nothing_overflows(report: Path, opened: Opened, width: int, scheme: str) -> None:
    expected = len(re.findall(r'<figure class="figure"', report.read_text(encoding="utf-8")))
    with opened(report, width=width, scheme=scheme) as (page, complaints):
        figures = page.query_selector_all(".figure")
        assert len(figures) == expected >= 9
        for figure in figures:
            # Points, bars, or a heat map's image.
            assert figure.query_selector(".points path, .errorbar, .hm image, .js-line") is not None
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []
        assert page.evaluate(CUT) == []
        claims = page.query_selector_all(".table:has(.cards)")
        assert bool(claims) == report.name.startswith("comparison")
        if width == 390:  # readable without scrolling sideways
            assert all(table.evaluate("each => each.scrollWidth <= each.clientWidth") for table in claims)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        colour = LIGHT if scheme == "light" else DARK
        assert background == f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"
        assert complaints == []


def test_a_study_whose_names_are_code_does_nothing(tmp_path: Path, opened: Opened) -> None:
    with opened(evil(tmp_path), width=1280, scheme="light") as (page, complaints):
        assert page.query_selector_all("script") != []
        assert len(page.query_selector_all("script")) == 3
        assert page.query_selector_all("img, svg[onload]") == []
        assert EVIL in page.inner_text("body")
        page.wait_for_timeout(300)
        assert complaints == []
    # What would happen to an injected script, were one to get past the escaping: the page's own policy refuses it.
    broken = (tmp_path / "evil.html").read_text(encoding="utf-8").replace("</main>", f"{EVIL}</main>")
    (tmp_path / "broken.html").write_text(broken, encoding="utf-8")
    with opened(tmp_path / "broken.html", width=1280, scheme="light") as (_, complaints):
        assert not any(complaint.startswith("dialog") for complaint in complaints)
        assert any("Content Security Policy" in complaint for complaint in complaints)


def test_it_prints(report: Path, opened: Opened) -> None:
    with opened(report, width=1000, scheme="dark") as (page, complaints):
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.pdf(format="A4").startswith(b"%PDF")
        assert complaints == []
