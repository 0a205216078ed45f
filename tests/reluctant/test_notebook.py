"""The public interface in a Jupyter kernel: as the notebook of the documentation uses it, interrupted, restarted."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
from databases import count
from jupyter_client.manager import start_new_kernel

DOCS = Path(__file__).resolve().parents[2] / "docs"
PATIENCE = 240.0

BEGIN = """
import warnings
import reluctant
from sklearn.datasets import load_digits

warnings.simplefilter("ignore", reluctant.ReluctantWarning)
X, y = load_digits(return_X_y=True)
X, y = X[:600], y[:600]
"""
RUN = "study = reluctant.run(X, y, trials=12, cohort=4, seeds=2, epochs=60, storage='s.db', name='s', threads=2)"
LOAD = "study = reluctant.load('s', storage='s.db', X=X, y=y)"
STATES = "print(len(study.trials()), study.trials()['state'].value_counts().to_dict())"


@pytest.fixture(scope="module")
def notebook_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebook_page", DOCS / "notebook_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _kinds(notebook: Any) -> list[list[str]]:
    """What each cell gives: the media types of its outputs, or the name of a stream."""
    return [
        [kind for output in cell.get("outputs", []) for kind in sorted(output.get("data", [output.get("name")]))]
        for cell in notebook.cells
    ]


def test_the_notebook_of_the_documentation_gives_what_it_shows(notebook_page: ModuleType, tmp_path: Path) -> None:
    stored = nbformat.read(notebook_page.NOTEBOOK, as_version=4)
    executed = nbformat.read(notebook_page.NOTEBOOK, as_version=4)
    notebook_page.run(executed, tmp_path)
    assert _kinds(executed) == _kinds(stored)
    kinds = {kind for cell in _kinds(executed) for kind in cell}
    assert kinds == {"text/html", "text/plain", "stdout", notebook_page.FIGURE, notebook_page.WIDGET}
    assert (tmp_path / "net" / "README.md").exists()
    page = notebook_page.page(executed)
    assert page.startswith("# In a notebook\n")
    assert 'class="plotly-graph-div"' in page
    assert notebook_page.WIDGET not in page


class _Kernel:
    """A kernel and what its cells print."""

    def __init__(self, folder: Path) -> None:
        self.manager, self._client = start_new_kernel(cwd=str(folder), startup_timeout=PATIENCE)

    def begin(self, code: str) -> None:
        self._client.execute(code)

    def end(self) -> str:
        """Waits until the cell ends; returns what it printed, both streams."""
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed += content["text"]
            assert kind != "error", content
            if kind == "status" and content["execution_state"] == "idle":
                return printed

    def __call__(self, code: str) -> str:
        self.begin(code)
        return self.end()

    def restart(self) -> None:
        """Kills the kernel, whatever it does, and starts another."""
        self.manager.restart_kernel(now=True)
        self._client.stop_channels()
        self._client = self.manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)

    def close(self) -> None:
        self._client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@contextmanager
def kernel(folder: Path) -> Iterator[_Kernel]:
    one = _Kernel(folder)
    try:
        yield one
    finally:
        one.close()


def _wait_for(state: str, database: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while count(database, state) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_kernel_is_interrupted_and_restarted_in_the_middle_of_a_study(tmp_path: Path) -> None:
    with kernel(tmp_path) as cell:
        # Without ipywidgets too progress is one line, and nothing but it is said.
        cell("import sys; sys.modules['ipywidgets'] = None")
        cell(BEGIN)
        cell.begin(RUN)
        _wait_for("RUNNING", tmp_path / "s.db")
        cell.manager.interrupt_kernel()
        progress = cell.end()
        assert "IProgress" not in progress
        assert "given back, to be trained by whoever comes next: trials " in progress
        assert progress.count("\n") == 2
        assert progress.count("\r") > 2
        states = cell(STATES)
        assert "RUNNING" not in states
        assert "12 {'COMPLETE': 12}" not in states

        cell.begin("study.resume()")
        _wait_for("RUNNING", tmp_path / "s.db")
        cell.restart()
        cell(BEGIN + LOAD)
        cell("study.resume()")
        assert cell(STATES) == "12 {'COMPLETE': 12}\n"
