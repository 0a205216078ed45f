"""Outcomes of a comparison's cells, made by hand: all alike but for what a test sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from search_spaces import Hyperparameters
from search_spaces.design import Design
from study.comparison.cell_measures import CellMeasures, StreamMeasures, training_loss_key
from study.intervals import Array


class Table:
    """Outcomes of two replicates under each of three streams: all alike but for what a test sets."""

    def __init__(self, design: Design, *, epochs: int = 0) -> None:
        usual: dict[str, Any] = {
            "accuracy": 0.9,
            "log_loss": 0.3,
            "test_accuracy": 0.8,
            "gradient_ratio_start": 1.0,
            **dict.fromkeys(("test_near_zero", "test_saturation", "test_removable"), 0.1),
            **{f"test_raw_zeros{place}": 0.7 for place in ("", *(f"_layer{layer}" for layer in range(20)))},
            **{f"test_dead{place}": 0.0 for place in ("", *(f"_layer{layer}" for layer in range(20)))},
            **{training_loss_key(epoch): 1.0 for epoch in range(epochs)},
        }
        self.design, self.epochs = design, epochs
        self.streams = [
            {cell: {name: np.full(2, value) for name, value in usual.items()} for cell in design.cells}
            for _ in range(design.streams)
        ]

    def put(self, cell: Hyperparameters, *, streams: tuple[int, ...] | None = None, **values: Any) -> None:
        for stream in range(self.design.streams) if streams is None else streams:
            for name, value in values.items():
                self.streams[stream][cell][name] = np.broadcast_to(np.array(value, dtype=float), 2).copy()

    @property
    def measured(self) -> CellMeasures:
        return CellMeasures(tuple(map(StreamMeasures, self.streams)), epochs=self.epochs)

    def contrast(self, function: Any) -> Array:
        result: Array = function(self.design, self.measured)
        return result
