"""What this process may use of the machine: cores, memory, devices."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from reluctant.errors import ReluctantError, unknown
from study.machine.control_groups import core_limit, free_memory_in_limit

if TYPE_CHECKING:
    import torch


class MachineError(ReluctantError, ValueError):
    """This machine cannot do what was asked, such as computing on a device that it does not have."""


def available_threads() -> int:
    """The number of cores that this process may use, within the limit of its container, service or job."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, core_limit() or cores)


def available_memory() -> int:
    """Bytes of available memory: the operating system's estimate, within the limit of the container, service or job."""
    free = []
    with contextlib.suppress(OSError, KeyError, ValueError):
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        free.append(int(fields["MemAvailable"].split()[0]) * 1024)
    within = free_memory_in_limit()
    return max(0, min([*free, *([] if within is None else [within])], default=4 * 2**30))


def free_memory(device: torch.device) -> int:
    """Bytes of memory to use on a device: all free memory of a GPU, or half of the machine's available memory."""
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
    """Refuse a torch device on which this machine cannot compute.

    Raises:
        MachineError: There is no such device, or it does not work; the text lists the devices of this machine.
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
