"""Imports all that the commands import, each when it needs it."""

from __future__ import annotations

import gc
import importlib
import pkgutil

from migrations import read_migrations_once

import study
from study.comparison import layer_timing

_UNUSUAL = ("study.workers.ray_actors", "study.dashboard")

for module in pkgutil.walk_packages(study.__path__, "study."):
    if not module.name.startswith(_UNUSUAL):
        importlib.import_module(module.name)
for name in ("plotly.graph_objects", "sklearn.compose", "sklearn.impute", "skops.io", "torch.optim"):
    importlib.import_module(name)
read_migrations_once()
layer_timing.PROCESSES = 2  # of six, which time layers for each comparison
gc.freeze()
