"""Draws the pictures in this folder from a report: the README's front, and the report itself.

python docs/pictures.py report.html   (needs a Chromium, and what `make test` installs)
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DRAWN = "[...document.querySelectorAll('.figure')].every(each => each.querySelector('.main-svg'))"


def main() -> None:
    """Reads the report that the command line names and writes the pictures beside this file."""
    report = Path(sys.argv[1]).resolve()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            for width, height in ((1280, 1120), (390, 1300)):
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(report.as_uri())
                page.wait_for_function(DRAWN)
                page.screenshot(path=FOLDER / f"report-{scheme}-{width}.png")
                if (scheme, width) == ("light", 1280):
                    front(page)
                page.close()
        browser.close()


def front(page: Page) -> None:
    """The front as an SVG."""
    image = page.evaluate("Plotly.toImage('front-figure', {format: 'svg', width: 860, height: 460})")
    (FOLDER / "front.svg").write_text(unquote(image.partition(",")[2]), encoding="utf-8")


if __name__ == "__main__":
    main()
