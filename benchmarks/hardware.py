"""What every report of a measurement says about where it was taken."""

from __future__ import annotations

import platform
import sys
import time
from datetime import UTC, datetime
from statistics import median
from typing import Any

import torch

from study.machine import available_threads, processor
from study.records.attributes import installed_versions


def taken(command: str, device: str = "cpu") -> dict[str, Any]:
    """Command with the options that it was given, date, hardware and versions."""
    gpu = {} if torch.device(device).type == "cpu" else {"gpu": torch.cuda.get_device_name(device)}
    return gpu | {
        "command": " ".join([command, *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
        "threads": available_threads(),
        "python": platform.python_version(),
        "versions": installed_versions(),
    }


def sgemm_rate(threads: int, device: str = "cpu", size: int = 2048) -> float:
    """FLOP/s of a large square product in float32, the median of seven."""
    torch.set_num_threads(threads)
    a = torch.randn(size, size, device=device)
    seconds = []
    for _ in range(8):
        started = time.perf_counter()
        a @ a
        if a.is_cuda:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / median(seconds[1:])


def spread(values: list[float]) -> list[float]:
    """Minimum, median, maximum."""
    return [min(values), median(values), max(values)]
