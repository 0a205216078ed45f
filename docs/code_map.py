"""The map of the code: every package and module, with the first line of its docstring.

python docs/code_map.py   writes the map into CONTRIBUTING.md
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reluctant", "search_spaces", "storage", "study")
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- begin of the map: python docs/code_map.py writes it -->", "<!-- end of the map -->"


def code_map() -> str:
    """The map as nested lists in Markdown."""
    return "\n".join(line for package in PACKAGES for line in _lines(ROOT / package, depth=0))


def written(text: str) -> str:
    """`text`, a document that holds both marks, with the map of today between them."""
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n\n{code_map()}\n\n{END}{after}"


def _lines(package: Path, depth: int) -> Iterator[str]:
    yield f"{'    ' * depth}- **{package.name}/** {_first_line(package / '__init__.py')}"
    for module in sorted(package.glob("*.py")):
        if module.stem != "__init__":
            yield f"{'    ' * (depth + 1)}- `{module.stem}` {_first_line(module)}"
    for inner in sorted(path.parent for path in package.glob("*/__init__.py")):
        yield from _lines(inner, depth + 1)


def _first_line(module: Path) -> str:
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


if __name__ == "__main__":
    CONTRIBUTING.write_text(written(CONTRIBUTING.read_text(encoding="utf-8")), encoding="utf-8")
