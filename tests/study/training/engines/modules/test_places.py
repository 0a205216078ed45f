"""The modules at which a network is searched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from search_spaces import ACTIVATIONS, Hyperparameters
from study.training.engines.modules.passes import Samples
from study.training.engines.modules.places import (
    SearchedActivation,
    SearchedDropout,
    channels_last,
    plain_places,
    recorded_calls,
    unit_rows,
)


def test_dropout_drops_where_the_streams_uniform_is_below_the_rate_and_scales_the_rest() -> None:
    dropout = SearchedDropout(0.4)
    dropout.generator = np.random.default_rng(3)
    dropped = dropout(torch.ones(6, 2, 9))
    kept = np.random.default_rng(3).random((6, 2, 9), dtype=np.float32) >= 0.4
    torch.testing.assert_close(dropped, torch.from_numpy(kept).float() / 0.6)
    again = dropout(torch.ones(6, 2, 9))
    assert not torch.equal(again, dropped)


@pytest.mark.parametrize(("rate", "training"), [(0.4, False), (0.0, True)])
def test_dropout_is_the_identity_in_eval_mode_and_without_a_rate(rate: float, training: bool) -> None:
    x = torch.randn(5, 7)
    assert SearchedDropout(rate).train(training)(x) is x


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_knows_its_slope(name: str) -> None:
    place = SearchedActivation(Hyperparameters(activation=name, negative_slope=0.3)).eval()
    drawn = ACTIVATIONS[name].drawn_slope
    assert float(place.slope) == pytest.approx(0.3 if drawn is None else sum(drawn) / 2)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(place(z), ACTIVATIONS[name].module(0.3).eval()(z))


def test_calls_are_recorded_in_the_order_of_execution_until_the_end() -> None:
    first, second = nn.ReLU(), nn.Tanh()
    with recorded_calls(first, second) as calls:
        x = torch.randn(3)
        first(second(x))
    first(x)
    assert [module for module, _, _ in calls] == [second, first]
    assert calls[0][1] is x
    assert calls[1][1] is calls[0][2]


def test_calls_without_arguments_and_by_name_are_recorded_too() -> None:
    class Constant(nn.Module):
        def forward(self) -> Tensor:
            return torch.ones(2)

    constant, linear = Constant(), nn.Linear(2, 2)
    with recorded_calls(constant, linear) as calls:
        x = constant()
        y = linear(input=x)
    assert [(module, found is x, output is y) for module, found, output in calls] == [
        (constant, True, False),
        (linear, True, True),
    ]


def test_every_position_of_a_sample_is_a_row_of_units() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(unit_rows(x), x.reshape(6, 4))
    assert torch.equal(unit_rows(x[0]), x[0])


def test_plain_places_are_torchs_own_at_any_depth() -> None:
    trial = Hyperparameters(activation="gelu")
    inner = nn.Sequential(SearchedActivation(trial), SearchedDropout(0.2))
    network = nn.Sequential(nn.Linear(3, 3), inner)
    plain_places(network)
    assert [type(module) for module in inner] == [nn.GELU, nn.Dropout]
    assert inner[1].p == 0.2


def test_images_of_one_channel_lie_channels_last_by_their_strides_too() -> None:
    """Torch chooses its kernels by strides, which are ambiguous where an axis has one entry."""
    x = channels_last(torch.rand(6, 1, 5, 4))
    assert x.stride() == (20, 1, 4, 1)
    assert Samples(x, torch.zeros(6)).batch(torch.tensor([4, 0])).stride() == (20, 1, 4, 1)
    table = torch.rand(6, 3)
    assert channels_last(table) is table
