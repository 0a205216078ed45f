"""The limits of containers, services and jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from study import machine
from study.machine.control_groups import core_limit, free_memory_in_limit


def written(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def both(root: Path, membership: str) -> tuple[int | None, int | None]:
    (root / "membership").write_text(membership)
    return core_limit(root, root / "membership"), free_memory_in_limit(root, root / "membership")


def test_version_2_in_a_container(tmp_path: Path) -> None:
    written(tmp_path, cpu__max="150000 100000\n", memory__max="1000\n", memory__current="600\n")
    assert both(tmp_path, "0::/\n") == (2, 400)
    written(tmp_path, memory__stat="anon 500\ninactive_file 80\n")
    assert both(tmp_path, "0::/\n") == (2, 480)


def test_version_2_nested_as_by_systemd_and_slurm(tmp_path: Path) -> None:
    written(tmp_path / "system.slice", cpu__max="400000 100000\n", memory__max="max\n", memory__current="9\n")
    written(tmp_path / "system.slice/job_1", cpu__max="50000 100000\n", memory__max="100\n", memory__current="90\n")
    written(tmp_path / "system.slice/job_1/step", cpu__max="max 100000\n", memory__max="max\n", memory__current="80\n")
    assert both(tmp_path, "0::/system.slice/job_1/step\n") == (1, 10)


def test_version_1(tmp_path: Path) -> None:
    written(tmp_path / "cpu,cpuacct/docker/a", cpu__cfs_quota_us="300000\n", cpu__cfs_period_us="100000\n")
    memory = {"memory__limit_in_bytes": "1000\n", "memory__usage_in_bytes": "900\n"}
    written(tmp_path / "memory/docker/a", **memory, memory__stat="total_inactive_file 50\n")
    membership = "4:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n0::/\n"
    assert both(tmp_path, membership) == (3, 150)


def test_version_2_beside_version_1(tmp_path: Path) -> None:
    written(tmp_path / "memory/a", **{"memory__limit_in_bytes": "1000\n", "memory__usage_in_bytes": "900\n"})
    written(tmp_path / "unified/a", cpu__max="150000 100000\n")
    assert both(tmp_path, "4:memory:/a\n0::/a\n") == (2, 100)


def test_a_path_of_the_host_leads_to_the_containers_own_group(tmp_path: Path) -> None:
    written(tmp_path / "cpu", cpu__cfs_quota_us="200000\n", cpu__cfs_period_us="100000\n")
    assert both(tmp_path, "3:cpu:/docker/0123\n") == (2, None)


def test_no_limit(tmp_path: Path) -> None:
    written(tmp_path, cpu__max="max 100000\n", memory__max="max\n", memory__current="600\n")
    written(tmp_path / "cpu", cpu__cfs_quota_us="-1\n", cpu__cfs_period_us="100000\n")
    assert both(tmp_path, "3:cpu:/\n0::/\n") == (None, None)
    assert core_limit(tmp_path, tmp_path / "none") is None


def test_the_machine_is_no_larger_than_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.machine.hardware.core_limit", lambda: 1)
    monkeypatch.setattr("study.machine.hardware.free_memory_in_limit", lambda: 123)
    assert (machine.available_threads(), machine.available_memory()) == (1, 123)
