"""Entry of the command: imports the packages of this project before a user's modules of the same names."""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path


def collect_garbage_seldom() -> None:
    """Lets Python look for garbage seldom: a study is read as millions of objects, all of which stay."""
    gc.set_threshold(200_000, 20, 100)


def main() -> None:
    """Runs the command line.

    `study`, `storage` and `search_spaces` are common names: a user's PYTHONPATH may hold modules of the same
    name, so ours are imported from beside this package first.
    """
    collect_garbage_seldom()
    home = str(Path(__file__).resolve().parent.parent)
    sys.path.insert(0, home)
    try:
        for package in ("search_spaces", "storage", "study"):
            importlib.import_module(package)
    finally:
        sys.path.remove(home)
    importlib.import_module("study.cli").main()
