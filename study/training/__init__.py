"""Training as a pure function: hyperparameters, data, budget and random streams in, outcomes out.

fit.py has the blocks of a cohort trained (processes.py, progress.py) by the engine of its architecture (engines/);
start.py and streams.py say where all begin, scores.py and measures.py what outcome.py holds in the end.
"""

from __future__ import annotations

from study.training.budget import Budget
from study.training.engines import ENGINES, Engine, engine_of
from study.training.engines.base import Block, Sizes, TrainedBlock
from study.training.fit import Interrupted, Trainer, fit
from study.training.networks import fit_networks
from study.training.outcome import SPARSITY_MEASURES, Outcome, Replicate
from study.training.processes import TrainingProcessError
from study.training.progress import Keeper, SlotState, Snapshot
from study.training.streams import Purpose, Streams

__all__ = [
    "ENGINES",
    "SPARSITY_MEASURES",
    "Block",
    "Budget",
    "Engine",
    "Interrupted",
    "Keeper",
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
