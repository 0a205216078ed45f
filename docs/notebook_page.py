"""Hook of mkdocs: shows `notebook.ipynb` as a page, with the outputs that are stored in it.

python docs/notebook_page.py   (runs the notebook and stores its outputs anew)
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import nbformat
import plotly.graph_objects as go
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from plotly.offline import get_plotlyjs

NOTEBOOK = Path(__file__).parent / "notebook.ipynb"
FIGURE, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
SCRIPT = "javascripts/plotly.min.js"
ABOVE = f'<script src="{SCRIPT}"></script>\n\n[The notebook](notebook.ipynb), to run it yourself.\n\n'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the page, and the script that draws its figures, so that none is asked from another server."""
    files.append(File.generated(config, "notebook.md", content=page(nbformat.read(NOTEBOOK, as_version=4))))
    files.append(File.generated(config, SCRIPT, content=get_plotlyjs()))
    return files


def page(notebook: nbformat.NotebookNode) -> str:
    """A notebook with its outputs as Markdown; its title stays the first line."""
    for cell in notebook.cells:
        cell.outputs = [shown for output in cell.get("outputs", []) if (shown := _for_reading(output)) is not None]
    title, _, text = MarkdownExporter().from_notebook_node(notebook)[0].lstrip().partition("\n")
    return f"{title}\n\n{ABOVE}{text}"


def _for_reading(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output as a page shows it: figures as HTML, no progress bars, which only a running kernel fills."""
    data = output.get("data", {})
    if WIDGET in data:
        return None
    if FIGURE in data:
        figure = go.Figure(data[FIGURE]["data"], data[FIGURE]["layout"])
        output["data"] = {"text/html": figure.to_html(include_plotlyjs=False, full_html=False)}
    return output


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Executes a notebook in a folder; its outputs are then those of this run."""
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    NotebookClient(
        notebook, resources={"metadata": {"path": str(folder)}}, timeout=300, kernel_name="python3"
    ).execute()


def main() -> None:
    """Runs the notebook in an empty folder and writes it with its outputs, without what differs from run to run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        run(notebook, Path(folder))
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    text = nbformat.writes(notebook).replace(folder, "/home/me/wine")
    NOTEBOOK.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
