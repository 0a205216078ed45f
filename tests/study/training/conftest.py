from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from problems import make_problem

from search_spaces.architectures import ARCHITECTURES, Architecture
from study.data.split import Split
from study.training import ENGINES


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Kernels of networks as small as these are slower on several threads, the more so where tests share the cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def problem() -> Split:
    return make_problem()


@pytest.fixture(params=ENGINES)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    """The multilayer perceptron, trained by one engine after the other."""
    return replace(ARCHITECTURES["mlp"], engine=request.param)
