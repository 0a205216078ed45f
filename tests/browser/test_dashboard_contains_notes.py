"""Whatever a note holds, no script of it runs in a visitor's browser, while the dashboard's own pages work."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import open_storage
from study.dashboard import serve

RUN = "window.top.ran=(window.top.ran||[]).concat(['{}']);fetch('/ran/{}')"
HOSTILE = "\n".join(
    (
        "<p>harmless text</p>",
        f"<script>{RUN.format('script', 'script')}</script>",
        f'<img src="/nowhere" onerror="{RUN.format("error", "error")}">',
        f'<svg onload="{RUN.format("svg", "svg")}"></svg>',
        f'<iframe srcdoc="<script>{RUN.format("srcdoc", "srcdoc").replace(chr(39), "&#39;")}</script>"></iframe>',
        '<iframe srcdoc="<script src=/static/bundle.js></script><script src=/csv/1></script>"></iframe>',
        f'<iframe src="javascript:{RUN.format("frame", "frame")}"></iframe>',
        f'<details open ontoggle="{RUN.format("toggle", "toggle")}">more</details>',
        f'<a id="link" href="javascript:{RUN.format("link", "link")}">a link</a>',
        '<img src="http://elsewhere.example/seen"><link rel="stylesheet" href="http://elsewhere.example/style">',
        '<form action="/api/studies" method="post"><button id="send">send</button></form>',
        '<base href="http://elsewhere.example/">',
    )
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    storage = open_storage(tmp_path_factory.mktemp("note") / "reluctant.db")
    note = {"dashboard:note_ver": 1, "dashboard:note_str:0": HOSTILE}
    storage.create_or_get_study("flowers", ["maximize"], system_attrs=note)
    stopped, addresses = threading.Event(), queue.Queue[str]()
    options: dict[str, Any] = {"port": 0, "ready": addresses.put, "stop": stopped.is_set, "allow_edit": True}
    server = threading.Thread(target=serve, args=(storage,), kwargs=options)
    server.start()
    yield addresses.get(timeout=60)
    stopped.set()
    server.join(timeout=30)
    storage.close()


def seen_with(browser: Any, url: str, **context: Any) -> tuple[list[str], list[str]]:
    """What ran of the note, and what was asked for because of it, where it is a note and where it is in the page."""
    opened = browser.new_context(**context)
    page = opened.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.goto(f"{url.partition('/?')[0]}/dashboard/studies/1/note")
    page.get_by_text("harmless text").wait_for(timeout=30000)
    # As if the dashboard itself let every note through.
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", HOSTILE)
    page.evaluate("document.querySelector('#link')?.click()")
    page.wait_for_timeout(1500)
    ran = page.evaluate("window.ran || []")
    page.evaluate("document.querySelector('#send')?.click()")
    page.wait_for_timeout(500)
    where = page.url
    opened.close()
    assert where.endswith("/note") or context
    return ran, [each for each in asked if "/ran/" in each]


def test_no_script_of_a_note_runs(browser: Any, url: str) -> None:
    assert seen_with(browser, url) == ([], [])


def test_the_same_note_would_run_without_the_policy(browser: Any, url: str) -> None:
    ran, asked = seen_with(browser, url, bypass_csp=True)
    assert {"error", "srcdoc", "toggle"} <= set(ran)
    assert asked


def test_nothing_is_loaded_from_elsewhere(browser: Any, url: str, tmp_path: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    failed: list[tuple[str, str]] = []
    page.on("requestfailed", lambda request: failed.append((request.url, request.failure)))
    page.goto(url)
    page.get_by_text("flowers").first.wait_for(timeout=30000)
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", HOSTILE)
    page.wait_for_timeout(1000)
    assert {reason for where, reason in failed if "elsewhere" in where} == {"csp"}
    referrers = page.evaluate("fetch('/api/studies').then(answer => answer.headers.get('referrer-policy'))")
    assert referrers == "no-referrer"
    context.close()
