"""The public names of the package, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import storage


@pytest.mark.parametrize("name", storage.__all__)
def test_every_public_name_exists(name):
    assert getattr(getattr(storage, name), "__name__", name) == name  # a constant has none


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'close_storage'"):
        storage.close_storage  # noqa: B018


@pytest.mark.parametrize("names", ["*", "StorageError, StorageRefusedError", "Result, Proposal, ProposedCohort"])
def test_import_is_light(names):
    heavy = "{'optuna', 'sqlalchemy', 'alembic', 'numpy', 'torch'}"
    statement = "import storage" if names == "*" else f"from storage import {names}"
    code = f"import sys; {statement}; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", code], check=True)
