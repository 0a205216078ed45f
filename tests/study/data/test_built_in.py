"""The digits, which are read without importing scikit-learn, are those of scikit-learn."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from study.data import built_in
from study.data.built_in import read_built_in


@pytest.mark.parametrize("moved", [False, True])
def test_digits_are_those_of_scikit_learn(moved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if moved:
        elsewhere = ModuleSpec("sklearn", None, is_package=True)
        elsewhere.submodule_search_locations = [str(tmp_path)]
        monkeypatch.setattr(built_in.importlib.util, "find_spec", lambda name: elsewhere)
    dataset, theirs = read_built_in("digits"), load_digits()
    assert isinstance(dataset.x, np.ndarray)
    assert dataset.x.dtype == np.uint8
    assert np.array_equal(dataset.x, theirs.data)
    assert np.array_equal(dataset.y, theirs.target)
    assert dataset.targets.classes == tuple(map(str, theirs.target_names))
    assert dataset.image is not None
    assert dataset.image.shape == (1, 8, 8)


def test_pixels_are_read_and_prepared_without_scikit_learn() -> None:
    code = (
        "import sys; from study.data import load_dataset, make_split; make_split(load_dataset('digits'), seed=0);"
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
