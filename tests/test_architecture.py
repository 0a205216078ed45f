"""The design's arrows, as import-linter sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from importlinter import cli

ROOT = Path(__file__).resolve().parent.parent


def test_arrows_run_downwards_only(capsys: object) -> None:
    assert cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == cli.EXIT_STATUS_SUCCESS


def test_the_help_and_the_packages_load_nothing_heavy() -> None:
    code = (
        "import sys, search_spaces, storage, study, study.cli;"
        "heavy = {'torch', 'optuna', 'sqlalchemy', 'pandas', 'sklearn', 'scipy'} & sys.modules.keys();"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
