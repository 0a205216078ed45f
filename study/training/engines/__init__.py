"""How slots are trained: one engine for each way.

base.py says what an engine is; stacked_mlp/ trains many multilayer perceptrons at once; modules/ trains any `nn.Module`
and is what the first is tested against; by_trial.py is both, for cohorts in which some networks are normalized. An
architecture names its engine, a member of `ENGINES`.
"""

from __future__ import annotations

from reluctant.errors import unknown
from search_spaces.architectures import ARCHITECTURES, Architecture
from study.tasks import CLASSIFICATION, Task
from study.training.engines.base import Engine, EngineError
from study.training.engines.by_trial import ByTrial
from study.training.engines.modules.module_engine import Modules
from study.training.engines.stacked_mlp.stack_engine import StackedMLP

ENGINES: dict[str, type[Engine]] = {"stacked_mlp": StackedMLP, "modules": Modules, "by_trial": ByTrial}


def engine_of(architecture: Architecture = ARCHITECTURES["mlp"], task: Task = CLASSIFICATION) -> Engine:
    """What trains an architecture for a task.

    Args:
        architecture: A member of `ARCHITECTURES`, or one of your own.
        task: What is learned.

    Raises:
        EngineError: The architecture names an engine that there is not.

    Example:
        >>> type(engine_of()).__name__
        'StackedMLP'
    """
    if architecture.engine not in ENGINES:
        raise EngineError(unknown("engine", architecture.engine, ENGINES, where=f"architecture {architecture.name}"))
    return ENGINES[architecture.engine](architecture, task)


__all__ = ["ENGINES", "Engine", "EngineError", "engine_of"]
