"""What this machine has: cores, memory, devices."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from reluctant.errors import ReluctantError, unknown

if TYPE_CHECKING:
    import torch


class MachineError(ReluctantError, ValueError):
    """Something that this machine cannot do."""


def available_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory that are free to use: the operating system's own estimate, within the container's limit."""
    free = []
    with contextlib.suppress(OSError, KeyError, ValueError):
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        free.append(int(fields["MemAvailable"].split()[0]) * 1024)
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        limit, used = (Path("/sys/fs/cgroup", name).read_text("ascii") for name in ("memory.max", "memory.current"))
        free.append(int(limit) - int(used))
    return max(0, min(free, default=4 * 2**30))


def free_memory(device: torch.device) -> int:
    """Bytes that are free to use on a device; of the machine's memory, half of them."""
    import torch

    if device.type != "cuda":
        return available_memory() // 2
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + kept


def processor() -> str:
    """The name of this machine's processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def check_device(name: str) -> None:
    """Refuses a torch device that this machine cannot compute on.

    Raises:
        MachineError: There is no such device, or none that works; the text lists those there are.
    """
    import torch

    found = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    try:
        device = torch.device(name)
    except RuntimeError:
        raise MachineError(unknown("device", name, found)) from None
    try:
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
        raise MachineError(
            f"device {name} cannot be used ({reason}); this machine has {', '.join(found)}; choose with --device"
        ) from None
