"""optuna-dashboard over our database: reachable from this machine only, compressed, and readable."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import COMMAND, run_command

NAME = "a|study"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    options = ("--trials", 12, "--seeds", 2, "--epochs", 15, "--hidden", 16, "--name", NAME, "--min-accuracy", 0.7)
    run_command("run", "iris", *options, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    server = subprocess.Popen([COMMAND, "dashboard", "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    line = server.stderr.readline()
    yield next(word for word in line.split() if word.startswith("http://"))
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    server.stderr.close()


def get(url: str, **headers: str) -> Any:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return urllib.request.urlopen(request, timeout=20)


def study_detail(address: str) -> Any:
    with get(f"{address}/api/studies/1?after=0") as answer:
        return json.load(answer)


def test_it_lists_the_study_with_its_metric_names_and_its_note(address: str) -> None:
    with get(f"{address}/api/studies") as answer:
        (summary,) = json.load(answer)["study_summaries"]
    assert summary["study_name"] == NAME
    detail = study_detail(address)
    assert detail["metric_names"] == ["accuracy", "near_zero"]
    assert "| data | iris" in detail["note"]["body"]
    assert len(detail["trials"]) == 12
    assert {attribute["key"] for attribute in detail["trials"][0]["user_attrs"]} >= {"accuracy", "near_zero", "dead"}


def test_infeasible_trials_are_marked_as_such(address: str, folder: Path) -> None:
    exported = json.loads(run_command("export", "--format", "json", cwd=folder, check=True).stdout)
    feasible = {trial["number"]: trial["feasible"] for trial in exported}
    shown = {t["number"]: all(c <= 0 for c in t["constraints"]) for t in study_detail(address)["trials"]}
    assert shown == feasible
    assert set(feasible.values()) == {True, False}


def test_answers_are_compressed_for_those_who_take_it(address: str) -> None:
    with get(f"{address}/api/studies/1?after=0") as plain:
        body = plain.read()
        assert plain.headers["Content-Encoding"] is None
    with get(f"{address}/api/studies/1?after=0", Accept_Encoding="gzip") as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        small = packed.read()
    assert len(small) == int(packed.headers["Content-Length"]) < len(body) / 3
    assert json.loads(gzip.decompress(small)) == json.loads(body)


def test_a_foreign_host_name_is_refused(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="421") as refused:
        get(f"{address}/api/studies", Host="evil.example:80")
    refused.value.close()


def test_other_addresses_of_this_machine_do_not_answer(address: str) -> None:
    port = int(address.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_port_in_use_is_said(address: str, folder: Path) -> None:
    result = run_command("dashboard", "--port", address.rsplit(":", 1)[1], cwd=folder)
    assert result.returncode != 0
    assert "choose another with --port" in result.stderr
