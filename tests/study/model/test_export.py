"""Which trials can be exported as a model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from trials import own_trial

from search_spaces import ACTIVATIONS
from study.model.export import check_exportable
from study.model.folder import ModelError


class SquaredRelu(nn.Module):
    """A layer that torch does not have."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.relu(z) ** 2


def test_only_activations_of_torch_can_be_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = own_trial(3, [0.9, 0.9], 0.2, activation="relu")
    check_exportable(trial)
    monkeypatch.setitem(ACTIVATIONS, "relu", replace(ACTIVATIONS["relu"], module=lambda slope: SquaredRelu()))
    with pytest.raises(ModelError, match="trial 3 uses relu, which is no layer of torch"):
        check_exportable(trial)
