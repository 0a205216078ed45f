"""The site for readers: complete, without a link that leads nowhere, and readable without any other server."""

from __future__ import annotations

import functools
import html
import http.server
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import COMMAND

import reluctant
import search_spaces
import storage
import study
from study.comparison.claims import CLAIMS

ROOT = Path(__file__).resolve().parent.parent.parent
PLAIN = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "80"}


def packages_with_public_names() -> Iterator[str]:
    """Dotted names, found by importing, of all packages that say what is public."""
    for root in (reluctant, search_spaces, storage, study):
        found = pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
        for name in (root.__name__, *(module.name for module in found if module.ispkg)):
            if hasattr(importlib.import_module(name), "__all__"):
                yield name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: `--strict` refuses a link, an anchor or a name that does not exist."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


def test_every_public_name_is_on_the_site(site: Path) -> None:
    packages = list(packages_with_public_names())
    assert {"search_spaces", "storage", "study", "study.data", "study.training"} <= set(packages)
    missing = []
    for package in packages:
        page = (site / "api" / f"{package}.html").read_text(encoding="utf-8")
        names = importlib.import_module(package).__all__
        missing += [f"{package}.{name}" for name in names if f'id="{package}.{name}"' not in page]
    assert missing == []


def test_every_claim_is_on_the_site_with_its_contrasts_and_its_source(site: Path) -> None:
    page = html.unescape(re.sub("<[^>]*>", "", (site / "claims.html").read_text(encoding="utf-8")))
    said = [text for claim in CLAIMS for text in (f"{claim.id}. {claim.statement}", claim.source, claim.assumption)]
    said += [contrast.name for claim in CLAIMS for contrast in claim.contrasts]
    assert [text for text in said if text not in page] == []


def test_examples_of_docstrings_are_shown_as_code(site: Path) -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (site / "api").iterdir()}
    assert [name for name, page in pages.items() if "<blockquote" in page] == []
    for name in ("storage", "study"):  # the example of a function, and that of a package
        assert re.search(r'<pre>.*<span class="gp">&gt;&gt;&gt; </span>', pages[name])


def test_the_page_of_commands_has_every_command(site: Path) -> None:
    page = (site / "commands.html").read_text(encoding="utf-8")
    result = subprocess.run([COMMAND, "--help"], env=PLAIN, capture_output=True, text=True, check=True)
    commands = re.findall(r"^  (\w+)  ", result.stdout.partition("Commands:")[2], flags=re.MULTILINE)
    assert {"run", "compare", "front", "doctor"} <= set(commands)
    assert [name for name in commands if f"Usage: reluctant {name} " not in page] == []
    front = subprocess.run([COMMAND, "front", "--help"], env=PLAIN, capture_output=True, text=True, check=True)
    assert html.escape(front.stdout.strip(), quote=False) in page


def test_the_notebook_is_shown_with_its_outputs(site: Path) -> None:
    page = (site / "notebook.html").read_text(encoding="utf-8")
    for shown in ("plotly-graph-div", '<table class="dataframe">', "use trial ", "array(["):
        assert shown in page
    assert "vnd.jupyter" not in page
    assert (site / "notebook.ipynb").exists()


def test_the_site_opens_in_chromium_and_asks_no_other_server(site: Path, browser: Any) -> None:
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}"
        page = browser.new_page()
        requests: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("response", lambda response: problems.append(response.url) if response.status >= 400 else None)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{home}/index.html")
        links = page.eval_on_selector_all("nav .wy-menu a", "found => found.map(each => each.href)")
        for url in sorted({link.partition("#")[0] for link in links}):
            page.goto(url)
            assert page.locator("h1").first.is_visible()
        page.goto(f"{home}/search.html?q=kaiming_normal")
        page.locator("#mkdocs-search-results article").first.wait_for()
        page.close()
        server.shutdown()
    assert [url for url in requests if not url.startswith((home, "data:"))] == []
    assert problems == []
    assert any(url.endswith("/api/storage.html") for url in requests)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Says nothing on stderr."""
