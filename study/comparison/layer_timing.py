"""The time that torch's own activation layers take on this machine."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys

import torch

from search_spaces import ACTIVATIONS
from search_spaces.design import USUAL_SLOPE
from study.comparison import layer_clock
from study.comparison.cell_measures import LAYER_TIMES
from study.machine import processor
from study.records.open_study import OpenStudy

LAYERS = ("relu", "leaky_relu", "elu")
PROCESSES, ROUNDS = 6, 20


def store_layer_times(study: OpenStudy) -> None:
    """Times layers for a comparison that has no times yet, and stores the seconds with it."""
    if LAYER_TIMES not in study.storage.get_study_system_attrs(study.study_id):
        rows, columns = layer_clock.SHAPE
        times = {
            "seconds": time_in_processes(PROCESSES, ROUNDS),
            "machine": f"{processor()}, {PROCESSES} processes of one thread, torch {torch.__version__}, "
            f"float32 [{rows}, {columns}]",
        }
        study.storage.set_study_attrs(study.study_id, system_attrs={LAYER_TIMES: times})


def time_in_processes(processes: int, rounds: int) -> dict[str, list[list[float]]]:
    """Times stock layers in one process after another, since times differ more from run to run than within a run.

    Args:
        processes: Processes, each with a memory layout of its own.
        rounds: Rounds of each.

    Returns:
        Seconds, one list of rounds a process, by activation.
    """
    layers = pickle.dumps({name: ACTIVATIONS[name].module(USUAL_SLOPE) for name in LAYERS})
    # Beside a script's own folder, Python would find modules of this package under the names of the library's.
    command = [sys.executable, "-P", str(layer_clock.__file__), str(rounds)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    seconds: dict[str, list[list[float]]] = {name: [] for name in LAYERS}
    for _ in range(processes):
        done = subprocess.run(command, check=True, input=layers, capture_output=True, env=environment)
        for name, timed in json.loads(done.stdout).items():
            seconds[name].append(timed)
    return seconds
