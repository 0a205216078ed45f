"""Training as a pure function: hyperparameters, data, budget and random streams in, outcomes out.

fit.py trains a cohort from rung to rung (rung_progress.py), cut into blocks, which the engine of its architecture
(engines/) trains in block_threads.py or processes.py; streams.py and start.py determine where training begins,
lessons.py what is learned where that is not the split as it is, progress.py is what is kept between epochs, and
scores.py and measures.py give the numbers that outcome.py holds.
"""

from __future__ import annotations

from study.training.block_threads import Interrupted
from study.training.budget import Budget
from study.training.engines import ENGINES, Engine, engine_of
from study.training.engines.base import Block, BlockResult, Sizes, TrainedBlock
from study.training.failures import NetworkFailedError
from study.training.fit import Trainer, fit
from study.training.networks import fit_networks
from study.training.outcome import SPARSITY_MEASURES, Outcome, Replicate
from study.training.processes import TrainingProcessError
from study.training.progress import Keeper, SlotState, Snapshot
from study.training.rung_progress import Decide
from study.training.streams import Purpose, Streams

__all__ = [
    "ENGINES",
    "SPARSITY_MEASURES",
    "Block",
    "BlockResult",
    "Budget",
    "Decide",
    "Engine",
    "Interrupted",
    "Keeper",
    "NetworkFailedError",
    "Outcome",
    "Purpose",
    "Replicate",
    "Sizes",
    "SlotState",
    "Snapshot",
    "Streams",
    "TrainedBlock",
    "Trainer",
    "TrainingProcessError",
    "engine_of",
    "fit",
    "fit_networks",
]
