"""Trains a comparison's cells without a database, for benchmarks that look at the contrasts alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces.design import Design
from study.comparison.cell_measures import TRAINING_LOSS, CellMeasures, StreamMeasures, training_loss_key
from study.data import Split
from study.intervals import Array
from study.records.measure_keys import MeasureKey
from study.records.results import measures_on_test
from study.training import Budget, Outcome, Streams, Trainer


def train(design: Design, splits: Sequence[Split], *, epochs: int, seed: int) -> CellMeasures:
    """`[R]` measures of a design's cells on splits, under each of its streams.

    Args:
        design: The designs.
        splits: R of them.
        epochs: Passes over the training part, in batches of 64 under Adam.
        seed: Decides all streams.
    """
    budget = Budget(epochs=epochs, seeds=len(splits) * design.streams, batch_size=64, optimizer="adam")
    with Trainer([*splits] * design.streams, budget, Streams(seed), read_test=True) as trainer:
        outcomes = trainer.fit(design.cells)
    columns = [columns_of(outcome) for outcome in outcomes]

    def of_stream(stream: int) -> StreamMeasures:
        places = slice(stream * len(splits), (stream + 1) * len(splits))
        return StreamMeasures(
            {
                cell: {key: values[places] for key, values in each.items()}
                for cell, each in zip(design.cells, columns, strict=True)
            }
        )

    return CellMeasures(tuple(map(of_stream, range(design.streams))), epochs=epochs)


def columns_of(outcome: Outcome) -> dict[str, Array]:
    """`[replicates]` measures and curves of a trial by key, with means over hidden layers as the network's own."""
    rows = [
        {
            **replicate.scores,
            **_of_layers(measures_on_test(replicate)),
            **{training_loss_key(epoch): loss for epoch, loss in enumerate(replicate.curves[TRAINING_LOSS])},
        }
        for replicate in outcome.replicates
    ]
    names = sorted({name for row in rows for name in row})
    return {name: np.array([row.get(name, np.nan) for row in rows], dtype=float) for name in names}


def _of_layers(measures: dict[str, float]) -> dict[str, float]:
    layers: dict[str, list[float]] = {}
    for key, value in measures.items():
        parsed = MeasureKey.parse(key)
        if parsed.layer is not None:
            layers.setdefault(str(MeasureKey(parsed.name, on_test=True)), []).append(value)
    return measures | {name: float(np.mean(values)) for name, values in layers.items()}
