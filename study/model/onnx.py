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

from reluctant.errors import ReluctantWarning

NEEDED = ("onnx", "onnxscript")
_DEPRECATED_IN_TORCH = r"`isinstance\(treespec, LeafSpec\)` is deprecated"
"""torch's exporter warns of its own code."""
_EXPORTER = logging.getLogger("torch.onnx._internal.exporter._registration")
_NEEDS_TORCHVISION = "torchvision is not installed"
"""How the exporter says that it leaves out operators of images, of which our networks have none."""


class FixedSamplesError(ValueError):
    """A network that torch exports for one number of samples alone."""


def available() -> bool:
    """Whether the packages that torch needs to export ONNX are installed."""
    return all(find_spec(name) is not None for name in NEEDED)


def write(network: nn.Module, input_shape: tuple[int, ...], path: Path) -> bool:
    """Writes `[samples, *input_shape]` float32 `x` → `[samples, classes]` `logits`, weights included.

    Args:
        network: In eval mode, on the CPU.
        input_shape: Shape of one sample.
        path: The file.

    Returns:
        True: it is written.

    Raises:
        FixedSamplesError: A user's network takes one number of samples alone, as it is exported.
    """
    with _quiet():
        program = torch.onnx.export(
            network,
            (torch.zeros(2, *input_shape),),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("samples")},),
        )
        assert program is not None
        shape = program.model.graph.inputs[0].shape
        if shape is not None and isinstance(shape[0], int):
            raise FixedSamplesError(
                "its forward fixes the number of samples; `x.flatten(1)` or -1 in `view` leave it open"
            )
        program.save(path, external_data=False)
    return True


def write_where_possible(network: nn.Module, input_shape: tuple[int, ...], path: Path) -> bool:
    """As `write`, of a user's network; where torch cannot export it, a warning says why, and False is returned."""
    try:
        return write(network, input_shape, path)
    except Exception as error:  # whatever torch's exporter raises on a user's code
        path.unlink(missing_ok=True)
        reason = " ".join(str(error).split())[:200]
        warnings.warn(
            f"no {path.name} is written, because torch cannot export the network: {reason}",
            ReluctantWarning,
            stacklevel=2,
        )
        return False


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
