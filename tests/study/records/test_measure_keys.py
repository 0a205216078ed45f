"""Keys of stored measures: read and written alike, in the form of databases of earlier versions."""

from __future__ import annotations

import pytest

from study.records.measure_keys import MeasureKey, key_on_test
from study.records.results import measures_on_test, scores_on_test
from study.training import Replicate

STORED = {
    "accuracy": MeasureKey("accuracy"),
    "test_balanced_accuracy": MeasureKey("balanced_accuracy", on_test=True),
    "test_near_zero_layer0": MeasureKey("near_zero", on_test=True, layer=0),
    "gradient_norm_start_layer12": MeasureKey("gradient_norm_start", layer=12),
    "layers": MeasureKey("layers"),
    "number": MeasureKey("number"),
}


@pytest.mark.parametrize(("stored", "key"), STORED.items())
def test_reading_and_writing_are_inverse(stored: str, key: MeasureKey) -> None:
    assert MeasureKey.parse(stored) == key
    assert str(key) == stored


def test_measures_on_test_have_the_keys_of_layers_and_of_the_whole_network() -> None:
    replicate = Replicate(
        diverged=False,
        scores={"accuracy": 0.9, "test_accuracy": 0.8},
        layers=({"dead": 0.1},),
        test_layers=({"dead": 0.2}, {"dead": 0.3}),
    )
    assert scores_on_test(replicate) == {key_on_test("accuracy"): 0.8}
    assert measures_on_test(replicate) == {"test_accuracy": 0.8, "test_dead_layer0": 0.2, "test_dead_layer1": 0.3}
