"""The direction of imports, the names of modules, and the map of the code."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from importlinter import cli

from docs.code_map import CONTRIBUTING, code_map, written

ROOT = Path(__file__).resolve().parent.parent


def test_imports_run_downwards_only(capsys: object) -> None:
    assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_the_help_and_the_packages_load_nothing_heavy() -> None:
    code = (
        "import sys, search_spaces, storage, study, study.cli;"
        "heavy = {'torch', 'optuna', 'sqlalchemy', 'pandas', 'sklearn', 'scipy'} & sys.modules.keys();"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_module_is_imported_without_the_extras_that_the_test_tools_lack() -> None:
    code = (
        "import importlib, pkgutil, sys, study;"
        "sys.modules.update(mlflow=None, ray=None);"
        "[importlib.import_module(module.name) for module in pkgutil.walk_packages(study.__path__, 'study.')]"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_only_a_few_modules_stand_outside_of_the_folders_of_study() -> None:
    loose = {path.stem for path in (ROOT / "study").glob("*.py")} - {"__init__"}
    assert loose <= {"estimate", "intervals", "objectives", "pareto", "wording"}


def test_no_two_modules_of_study_have_the_same_name() -> None:
    names = Counter(path.stem for path in (ROOT / "study").rglob("*.py"))
    assert [name for name, count in names.items() if count > 1 and name not in ("__init__", "base")] == []


def test_the_map_explains_every_module() -> None:
    unexplained = re.findall(r"^ *- [`*]\S+[`*]\s*$", code_map(), flags=re.MULTILINE)
    assert unexplained == [], "these modules have no docstring"
    text = CONTRIBUTING.read_text(encoding="utf-8")
    assert text == written(text), "run: python docs/code_map.py"


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "README.md", "docs/extend.md"])
def test_every_file_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:study|storage|search_spaces|reluctant|tests|benchmarks|docs)/[\w/.]*)`", text))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
