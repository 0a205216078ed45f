"""The dashboard in a real browser: the way in, the study's pages with our figures, and nothing to change."""

from __future__ import annotations

import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from command import COMMAND, run_here

FIGURES = ("front-figure", "activations-figure", "slope-accuracy", "initializations-figure", "dropout-sparsity")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dashboard")
    options = ("--trials", 20, "--seeds", 2, "--epochs", 5, "--hidden", 16, "--name", "flowers", "--quiet")
    run_here("run", "iris", *options, cwd=folder, check=True)
    options = ("--seeds", 2, "--epochs", 1, "--hidden", 8, "--name", "folklore", "--quiet")
    run_here("compare", "iris", *options, cwd=folder, check=True)
    options = ("--seeds", 1, "--epochs", 4, "--hidden", 8, "--cohort", 8, "--pruner", "halving", "--name", "early")
    run_here("run", "iris", "--trials", 8, *options, "--min-accuracy", 0, "--quiet", cwd=folder, check=True)
    server = subprocess.Popen([COMMAND, "dashboard", "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    yield next(word for word in server.stderr.readline().split() if word.startswith("http://"))
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    server.stderr.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def test_without_the_token_there_is_no_way_in(url: str, page: Any) -> None:
    address = url.partition("/?")[0]
    assert page.goto(f"{address}/dashboard").status == 401
    assert "the token is needed" in page.inner_text("body")


def test_the_address_that_was_printed_leads_to_the_studies_and_their_pages_with_our_figures(
    url: str, page: Any
) -> None:
    failures: list[str] = []
    page.on("response", lambda answer: failures.append(f"{answer.status} {answer.url}") if answer.status >= 400 else 0)
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(url)
    assert "token" not in page.url
    page.get_by_text("flowers").first.click()
    page.wait_for_url("**/studies/1**")
    for identifier in FIGURES:
        page.wait_for_selector(f'[id="user-defined-plot:{identifier}"] .main-svg', timeout=30000, state="attached")
    page.goto(f"{url.partition('/?')[0]}/dashboard/studies/1/note")
    page.get_by_text("Use trial").wait_for(timeout=30000)
    assert failures == []
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"


def test_a_comparison_has_its_verdicts_and_the_cells_behind_them(url: str, page: Any) -> None:
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(url)
    page.get_by_text("folklore").first.click()
    page.wait_for_url("**/studies/2**")
    for identifier in ("verdicts-0", "activations-figure", "slope-accuracy"):
        page.wait_for_selector(f'[id="user-defined-plot:{identifier}"] .main-svg', timeout=30000, state="attached")
    page.goto(f"{url.partition('/?')[0]}/dashboard/studies/2/note")
    page.get_by_text("How sure: ").wait_for(timeout=30000)
    assert failures == []


def test_trials_that_were_stopped_early_are_shown_without_an_error(url: str, page: Any) -> None:
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda line: failures.append(line.text) if line.type == "error" else None)
    page.goto(url)
    page.goto(f"{url.partition('/?')[0]}/dashboard/studies/3")
    page.wait_for_selector('[id="user-defined-plot:stopping-1"] .main-svg', timeout=30000, state="attached")
    page.goto(f"{url.partition('/?')[0]}/dashboard/studies/3/trials?numbers=1")
    page.get_by_text("Pruned").first.wait_for(timeout=30000)
    page.get_by_text("stopped_at_epoch").first.wait_for(timeout=30000)
    assert failures == []


def test_a_page_cannot_change_anything(url: str, page: Any) -> None:
    page.goto(url)
    status = page.evaluate("fetch('/api/studies/1', {method: 'DELETE'}).then(answer => answer.status)")
    assert status == 403
    page.goto(url.partition("/?")[0] + "/api/studies")
    assert "flowers" in page.inner_text("body")


def test_a_foreign_host_name_is_refused(url: str) -> None:
    address, token = url.split("/?token=")
    headers = {"Host": "evil.example", "Authorization": f"Bearer {token}"}
    with pytest.raises(urllib.error.HTTPError, match="421") as refused:
        urllib.request.urlopen(urllib.request.Request(f"{address}/api/studies", headers=headers), timeout=20)
    refused.value.close()
