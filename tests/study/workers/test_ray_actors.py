"""What a Ray cluster cannot run is refused in plain words."""

from __future__ import annotations

import sys

import pytest

from study.workers.ray_actors import RayError, _check_resources, _connected


class Nodes:
    """As much of Ray as tells what a cluster has."""

    def __init__(self, *resources: dict[str, float]) -> None:
        self._resources = resources

    def nodes(self) -> list[dict[str, object]]:
        return [{"Alive": True, "Resources": resources} for resources in self._resources] + [
            {"Alive": False, "Resources": {"CPU": 64.0}}
        ]


def test_what_a_cluster_cannot_place_is_refused_with_what_it_has() -> None:
    cluster = Nodes({"CPU": 4.0, "GPU": 1.0}, {"CPU": 3.0})
    _check_resources(cluster, 3, 2.0, 0.0)  # type: ignore[arg-type]
    _check_resources(cluster, 4, 0.5, 0.25)  # type: ignore[arg-type]
    with pytest.raises(
        RayError, match=r"4 workers of 2 CPUs each .* room for 3: its 2 nodes have 4 CPUs and 1 GPUs, 3"
    ):
        _check_resources(cluster, 4, 2.0, 0.0)  # type: ignore[arg-type]
    with pytest.raises(RayError, match=r"2 workers of 1 CPUs and 1 GPUs each do not fit .* room for 1"):
        _check_resources(cluster, 2, 1.0, 1.0)  # type: ignore[arg-type]


def test_ray_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RayError, match=r"pip install 'reluctant\[ray\]'"):
        _connected("auto")
