"""Convolutional networks through the command: searched by any number of workers, killed, resumed, told, taken away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command import COMMAND, Reluctant, run_here

from benchmarks.faults.compare import contents, faults_of, left_beside
from storage import open_storage

CNN = ("digits", "--rows", 300, "--network", "cnn", "--channels", "3,4", "--hidden", 8, "--seeds", 1, "--name", "s")
SEARCH = (*CNN, "--trials", 6, "--cohort", 3, "--epochs", 2, "--batch-size", 32, "--no-confirm")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search by one worker."""
    folder = tmp_path_factory.mktemp("alone")
    run_here("run", *SEARCH, "--quiet", cwd=folder, check=True)
    return folder


def assert_same(one: Path, other: Path, trials: int) -> None:
    """Two databases hold the same study, to the bit, and nothing is left beside the second."""
    first, second = open_storage(one), open_storage(other)
    try:
        assert faults_of(second, "s", trials, contents(first, "s")) == []
    finally:
        first.close()
        second.close()
    assert left_beside(other) == []


def test_two_workers_train_what_one_trains(alone: Path, reluctant: Reluctant, tmp_path: Path) -> None:
    reluctant("run", *SEARCH, "--workers", 2, "--quiet", check=True)
    assert_same(alone / "reluctant.db", tmp_path / "reluctant.db", 6)


def test_a_killed_search_goes_on_with_the_running_statistics(reluctant: Reluctant, tmp_path: Path) -> None:
    long = (*CNN, "--trials", 2, "--epochs", 60)
    reluctant("run", *long, "--storage", "undisturbed.db", "--quiet", check=True)
    first = subprocess.Popen(
        [str(COMMAND), "run", *map(str, long), "--checkpoint-every", "0.05"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder, deadline = tmp_path / "reluctant.db.checkpoints", time.monotonic() + 60
    try:
        while not list(folder.glob("*.safetensors")):
            assert time.monotonic() < deadline
            assert first.poll() is None, "the search ended before a checkpoint was seen"
            time.sleep(0.01)
    finally:
        first.kill()
        first.wait()
    result = reluctant("resume", "s", check=True)
    assert re.search(r"trial \d goes on from its checkpoint: [1-9]\d* of 60 epochs", result.stderr)
    assert_same(tmp_path / "undisturbed.db", tmp_path / "reluctant.db", 2)


def test_its_front_report_and_model_are_told(alone: Path, tmp_path: Path) -> None:
    front = json.loads(run_here("front", "s", "--format", "json", cwd=alone, check=True).stdout)
    assert front
    run_here("report", "s", "-o", str(tmp_path / "s.html"), cwd=alone, check=True)
    page = (tmp_path / "s.html").read_text()
    assert "cnn, blocks of 3 × 4 channels, 8 hidden units, batch normalization" in page
    for layer in ("activation1", "activation2", "hidden1_activation", "output"):
        assert layer in page
    run_here("export", "s", "--model", str(tmp_path / "model"), cwd=alone, check=True)
    images = np.random.default_rng(0).integers(0, 17, (5, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "new.npz", x=images, y=np.arange(5))
    rows = run_here("predict", str(tmp_path / "model"), "new.npz", cwd=tmp_path, check=True).stdout.splitlines()
    assert len(rows) == 6
    assert (tmp_path / "model" / "config.json").read_text().count("Conv2d") == 2


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (("iris", "--network", "cnn"), "--network is cnn, which reads images, and iris is a table of 4 columns"),
        (("iris", "--network", "cnn"), "give images (NPZ, IDX, or a folder of PNG or JPEG)"),
        (("flat.npz", "--network", "cnn"), "holds images as rows of 64 pixels; give them as [N, H, W]"),
        (("digits", "--network", "cmn"), "unknown network 'cmn'; did you mean 'cnn'?"),
        (("digits", "--head", "average"), "--head is average, and --network mlp has no use for it"),
        (("digits", "--residual", "--hidden", "8,9"), "--hidden is 8,9: no two hidden layers in a row"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(options: tuple[str, ...], seen: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "flat.npz", x=np.zeros((40, 64), dtype=np.uint8), y=np.arange(40) % 2)
    result = run_here("run", *options, cwd=tmp_path)
    assert result.returncode == 2
    assert seen in " ".join(result.stderr.split())
    assert not (tmp_path / "reluctant.db").exists()


def test_a_dry_run_says_what_it_would_cost(tmp_path: Path) -> None:
    result = run_here("run", *SEARCH, "--dry-run", cwd=tmp_path, check=True)
    assert "6 trials" in result.stdout + result.stderr
    assert not (tmp_path / "reluctant.db").exists()
