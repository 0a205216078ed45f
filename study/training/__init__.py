"""Training as a pure function: hyperparameters, data, budget and random streams in, outcomes out."""

from __future__ import annotations

from study.training.budget import Budget
from study.training.engines.stacked_mlp.plan import Sizes, peak_bytes, plan_blocks
from study.training.fit import Interrupted, Trainer, fit
from study.training.networks import fit_networks
from study.training.outcome import SPARSITY_MEASURES, Outcome, Replicate
from study.training.processes import TrainingProcessError
from study.training.progress import Keeper, SlotState
from study.training.streams import Purpose, Streams

__all__ = [
    "SPARSITY_MEASURES",
    "Budget",
    "Interrupted",
    "Keeper",
    "Outcome",
    "Purpose",
    "Replicate",
    "Sizes",
    "SlotState",
    "Streams",
    "Trainer",
    "TrainingProcessError",
    "fit",
    "fit_networks",
    "peak_bytes",
    "plan_blocks",
]
