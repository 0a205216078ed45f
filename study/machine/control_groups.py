"""The limits of the container, service or job that this process runs in, as Linux's control groups state them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MOUNT, _MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def core_limit(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> int | None:
    """The number of cores whose time this process may use, rounded up; None where there is no limit.

    Args:
        mount: Where the control groups are mounted.
        membership: The file that lists the groups of this process.
    """
    shares = []
    for group in _groups("cpu", mount, membership):
        with suppress(OSError, ValueError):  # version 2: "max" where there is no limit
            quota, period = (int(word) for word in (group / "cpu.max").read_text("ascii").split())
            shares.append(quota / period)
        with suppress(OSError, ValueError):  # version 1: -1 where there is no limit
            quota, period = (_number(group / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
            if quota > 0:
                shares.append(quota / period)
    return max(1, math.ceil(min(shares))) if shares else None


def free_memory_in_limit(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> int | None:
    """Bytes of memory that this process may still use; None where there is no limit.

    Pages of files that were not used lately count as free, since the system drops them where memory is short.

    Args:
        mount: Where the control groups are mounted.
        membership: The file that lists the groups of this process.
    """
    free = []
    for group in _groups("memory", mount, membership):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            with suppress(OSError, ValueError):
                room = _number(group / limit) - _number(group / used)
                free.append(room + _field(group / "memory.stat", cache))
    return max(0, min(free)) if free else None


def _groups(controller: str, mount: Path, membership: Path) -> Iterator[Path]:
    """The groups of this process that have a controller, each followed by the groups that hold it.

    A limit holds for all groups below it, so that a service or a job may be limited by any of the groups above its own.
    Where both versions are mounted, version 2 is in a folder of its own, `unified`.
    In a container the listed path may be that of the host; the container's own group is then mounted at the top.
    """
    with suppress(OSError, ValueError):
        for line in membership.read_text("utf-8", errors="surrogateescape").splitlines():
            _, controllers, name = line.split(":", 2)
            names = controllers.split(",")
            if controllers and controller not in names:
                continue
            tops = [mount / controllers, mount / controller] if controllers else [mount / "unified", mount]
            top = next((top for top in tops if top.is_dir()), None)
            if top is not None:
                below = top / name.lstrip("/")
                yield from (group for group in (below, *below.parents) if group.is_relative_to(top))


def _number(file: Path) -> int:
    return int(file.read_text("ascii"))


def _field(file: Path, name: str) -> int:
    """A number of a file with one name and one number on each line; 0 where there is none."""
    with suppress(OSError, ValueError, KeyError):
        return int(dict(line.split() for line in file.read_text("ascii").splitlines())[name])
    return 0
