"""The network in ONNX, where the extra `onnx` is installed."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

NEEDED = ("onnx", "onnxscript")
_DEPRECATED_IN_TORCH = r"`isinstance\(treespec, LeafSpec\)` is deprecated"
"""torch's exporter warns of its own code."""
_EXPORTER = logging.getLogger("torch.onnx._internal.exporter._registration")
_NEEDS_TORCHVISION = "torchvision is not installed"
"""How the exporter says that it leaves out operators of images, of which our networks have none."""


def available() -> bool:
    """Whether the packages that torch needs to export ONNX are installed."""
    return all(find_spec(name) is not None for name in NEEDED)


def write(network: nn.Sequential, features: int, path: Path) -> None:
    """Writes `[samples, features]` float32 `x` → `[samples, classes]` `logits`, weights included.

    Args:
        network: In eval mode, on the CPU.
        features: F of the data.
        path: The file.
    """
    with _quiet():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, features),),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("samples")},),
        )
        assert program is not None
        program.save(path, external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences two messages of torch's exporter that concern no user of ours; all others are shown."""

    def concerns_us(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NEEDS_TORCHVISION)

    _EXPORTER.addFilter(concerns_us)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _DEPRECATED_IN_TORCH, FutureWarning)
            yield
    finally:
        _EXPORTER.removeFilter(concerns_us)
