"""Warnings as lines: those of reluctant and those of libraries."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest
from sklearn.exceptions import InconsistentVersionWarning

from reluctant import ReluctantWarning
from study.cli.error_lines import ending

pytestmark = pytest.mark.filterwarnings("default", "ignore::DeprecationWarning")


def test_a_warning_of_a_library_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Guards against silence where scikit-learn says that a model is of another version."""
    with ending(debug=False):
        warnings.warn(
            InconsistentVersionWarning(
                estimator_name="StandardScaler", current_sklearn_version="2.0", original_sklearn_version="1.0"
            ),
            stacklevel=1,
        )
        for _ in range(2):
            warnings.warn("ours", ReluctantWarning, stacklevel=1)
        warnings.warn("for developers", DeprecationWarning, stacklevel=1)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "warning: Trying to unpickle estimator StandardScaler from version 1.0 when using version 2.0"
    )
    assert second == "warning: ours"


def test_with_debug_a_warning_of_a_library_has_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
        print(warnings.formatwarning(message, category, filename, lineno), file=sys.stderr)

    monkeypatch.setattr(warnings, "showwarning", show)  # pytest's keeps warnings to itself
    with ending(debug=True):
        warnings.warn("odd", UserWarning, stacklevel=1)
        warnings.warn("ours", ReluctantWarning, stacklevel=1)
    text = capsys.readouterr().err
    assert "test_error_lines.py" in text
    assert "UserWarning: odd" in text
    assert text.endswith("warning: ours\n")
