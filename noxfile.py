"""The package on every Python that it supports: nox -s quick, nox -s package; `-p 3.13` chooses one of them."""

from __future__ import annotations

from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
QUICK = (
    "tests/test_packaging.py",
    "tests/reluctant/test_interface.py",
    "tests/search_spaces",
    "tests/storage",
    "tests/study/data",
    "tests/study/sampling",
    "tests/study/test_config.py",
    "tests/study/training",
)
"""Tests of what another Python could break, in minutes; `make test` has all of them."""

nox.options.sessions = ["quick", "package"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
def quick(session: nox.Session) -> None:
    """Installs what `make test` installs, and runs the quick tests, or those that are named behind `--`."""
    session.install("-c", "constraints.txt", "-e", ".[dev]")
    session.run("python", "-m", "pytest", "-q", "-n", "2", *(session.posargs or QUICK))


@nox.session(python=PYTHONS)
def package(session: nox.Session) -> None:
    """Builds sdist and wheel, installs the wheel into an empty environment, and searches there."""
    folder = Path(session.create_tmp()).resolve()
    built = folder / "dist"
    session.install("build")
    session.run("python", "-m", "build", "--outdir", str(built), ".")
    session.run("python", "-m", "venv", "--clear", str(folder / "empty"))
    wheel = max(built.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    programs = folder / "empty" / "bin"
    session.run(str(programs / "python"), "-m", "pip", "install", "-c", "constraints.txt", str(wheel), external=True)
    session.chdir(folder)  # away from the sources
    options = ("--trials", "8", "--cohort", "4", "--epochs", "5", "--storage", str(folder / "package.db"))
    session.run(str(programs / "reluctant"), "run", "iris", *options, external=True)
    session.run(str(programs / "reluctant"), "report", "--storage", str(folder / "package.db"), external=True)
