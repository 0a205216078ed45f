"""Tables of the documentation, for tests that hold the code against them."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENTS = Path(__file__).parents[2] / "docs"


def table_rows(document: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without the table's own head, each as its cells.

    Args:
        document: A file in `docs`.
        heading: The line that the table comes after.
    """
    lines = (DOCUMENTS / document).read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines[lines.index(heading) + 1 :]:
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|"))
            rows.append([cell.strip().replace(r"\|", "|") for cell in cells])
        elif rows:
            break
    return rows[2:]


def code_words(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)
