"""The resources of this machine: cores, memory, devices.

hardware.py says what this process may use; control_groups.py reads the limits of a container, a service or a job.
"""

from __future__ import annotations

from study.machine.hardware import (
    MachineError,
    available_memory,
    available_threads,
    check_device,
    free_memory,
    processor,
)

__all__ = [
    "MachineError",
    "available_memory",
    "available_threads",
    "check_device",
    "free_memory",
    "processor",
]
