"""The file in ONNX, and what is silenced while it is written."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from reluctant.errors import ReluctantWarning
from study.model import onnx

pytestmark = pytest.mark.skipif(not onnx.available(), reason="needs the extra onnx")


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.PReLU(), nn.Linear(8, 3)).eval()


def test_writing_says_nothing_that_concerns_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Under pytest every warning that is not silenced is an error."""
    onnx.write(network(), (4,), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").stat().st_size > 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_what_else_the_exporter_says_is_heard(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against silencing whole modules."""

    def export(*args: Any, **options: Any) -> Any:
        warnings.warn_explicit("weights are rounded", UserWarning, "torch/onnx/export.py", 1, module="torch.onnx")
        logging.getLogger("torch.onnx._internal.exporter._registration").warning("an operator is missing")
        graph = SimpleNamespace(inputs=[SimpleNamespace(shape=["samples", 4])])
        return SimpleNamespace(save=lambda path, external_data: path.touch(), model=SimpleNamespace(graph=graph))

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.warns(UserWarning, match="weights are rounded"):
        onnx.write(network(), (4,), tmp_path / "model.onnx")
    assert "an operator is missing" in caplog.text


class Fixed(nn.Module):
    """Its forward turns the number of samples into a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.reshape([len(x), 4]))


def test_a_network_for_one_number_of_samples_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(onnx.FixedSamplesError, match="fixes the number of samples"):
        onnx.write(Fixed().eval(), (4,), tmp_path / "model.onnx")
    with pytest.warns(ReluctantWarning, match="no model.onnx is written, .* fixes the number of samples"):
        assert not onnx.write_where_possible(Fixed().eval(), (4,), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
