"""`run --confirm`: the front on fresh seeds at the end of a search, once, whatever happens to the command."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command import Reluctant
from databases import start

from study.search import fresh_seeds

SMALL = ("run", "iris", "--seeds", 2, "--epochs", 20, "--cohort", 4, "--hidden", "16", "--name", "s")
CONFIRMED = "confirmed on 10 fresh seeds"


@pytest.fixture
def few_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two fresh seeds cost little, so that the default can be seen on short searches."""
    monkeypatch.setattr(fresh_seeds, "FRESH_SEEDS", 2)


def fresh_results(database: Path) -> list[tuple[int, int]]:
    """Number and replicate of every stored result of a fresh seed."""
    query = "SELECT number, replicate FROM reluctant_test_results JOIN trials USING (trial_id) WHERE replicate >= 2"
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        return sorted(connection.execute(query).fetchall())


def test_it_confirms_at_the_end_and_says_so(here: Reluctant, tmp_path: Path) -> None:
    ran = here(*SMALL, "--trials", 4, "--confirm", check=True)
    assert "confirming the front: " in ran.stderr
    assert CONFIRMED in ran.stderr
    stored = fresh_results(tmp_path / "reluctant.db")
    assert {replicate for _, replicate in stored} == set(range(2, 12))
    again = here(*SMALL, "--trials", 4, check=True)
    assert "confirming" not in again.stderr
    assert CONFIRMED in again.stderr
    rows = json.loads(here("front", "--format", "json", check=True).stdout)
    assert next(row["basis"] for row in rows if row["role"] == "recommended") == CONFIRMED


def test_a_search_of_few_networks_does_not_unless_it_is_asked(here: Reluctant, tmp_path: Path) -> None:
    ran = here(*SMALL, "--trials", 4, check=True)
    assert "chosen on the search's own seeds" in ran.stderr
    assert fresh_results(tmp_path / "reluctant.db") == []
    assert CONFIRMED in here("resume", "--confirm", check=True).stderr


@pytest.mark.usefixtures("few_networks")
def test_it_is_the_default_where_it_is_cheap_by_count(here: Reluctant) -> None:
    """A front of n trials on 2 fresh seeds is 2 n networks; a search of 40 trials and 2 seeds trains 80."""
    ran = here(*SMALL, "--trials", 40, check=True)
    members = {
        row["trial"]
        for row in json.loads(here("front", "--format", "json", check=True).stdout)
        if row["role"] != "baseline"
    }
    assert ("confirmed on 2 fresh seeds" in ran.stderr) == (len(members) * 2 * 10 <= 40 * 2)
    assert len(members) <= 4, "the example has grown beyond what shows the default"


@pytest.mark.usefixtures("few_networks")
def test_no_confirm_is_kept_when_the_study_is_resumed(here: Reluctant) -> None:
    here(*SMALL, "--trials", 40, "--no-confirm", check=True)
    resumed = here("resume", check=True)
    assert "chosen on the search's own seeds" in resumed.stderr


def test_two_workers_confirm_once(here: Reluctant, reluctant: Reluctant, tmp_path: Path) -> None:
    ran = reluctant(*SMALL, "--trials", 8, "--workers", 2, "--confirm", check=True)
    assert ran.stderr.count("confirming the front: ") == 1
    assert CONFIRMED in ran.stderr
    stored = fresh_results(tmp_path / "reluctant.db")
    assert {replicate for _, replicate in stored} == set(range(2, 12))
    assert len(stored) == 10 * len({number for number, _ in stored})


def test_two_commands_at_once_confirm_once(here: Reluctant, tmp_path: Path) -> None:
    here(*SMALL, "--trials", 8, check=True)
    commands = [start(tmp_path, "resume", "s", "--confirm") for _ in range(2)]
    messages = [command.communicate(timeout=300)[1] for command in commands]
    assert [command.returncode for command in commands] == [0, 0]
    assert sum("confirming the front: " in text for text in messages) == 1
    assert all(CONFIRMED in text for text in messages)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_while_it_confirms_is_confirmed_when_it_is_resumed(
    number: signal.Signals, here: Reluctant, tmp_path: Path
) -> None:
    long = (*SMALL[:4], "--epochs", 400, *SMALL[6:])
    process = start(tmp_path, *long, "--trials", 4, "--confirm")
    assert process.stderr is not None
    while "confirming the front: " not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, messages = process.communicate(timeout=300)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    assert ("continue with: reluctant resume s" in messages) == (number == signal.SIGINT)
    assert fresh_results(tmp_path / "reluctant.db") == []
    resumed = here("resume", check=True)
    assert CONFIRMED in resumed.stderr


def test_what_came_to_the_front_since_is_said_and_advise_trains_only_that(here: Reluctant, tmp_path: Path) -> None:
    here(*SMALL, "--trials", 4, "--confirm", check=True)
    before = fresh_results(tmp_path / "reluctant.db")
    resumed = here("resume", "--trials", 40, "--no-confirm", check=True).stderr
    stale = re.search(r"confirmed at 4 trials; (\d+) on the front (?:is|are) unconfirmed", resumed)
    assert stale is not None, resumed
    new = int(stale[1])
    advised = here("advise", check=True)
    assert re.search(rf"confirming the front: {new} trials? on 10 fresh seeds, {10 * new} networks", advised.stderr)
    trained = {number for number, _ in fresh_results(tmp_path / "reluctant.db")} - {number for number, _ in before}
    assert len(trained) == new
    assert CONFIRMED in here("front", check=True).stderr


def test_a_dry_run_says_when_it_would(here: Reluctant) -> None:
    shown = "confirm          where the front has at most {} trials"
    assert shown.format(6) in here("run", "--dry-run", "--pruner", "none", check=True).stdout
    # Of all epochs 38.8 % are trained.
    assert shown.format(2) in here("run", "--dry-run", check=True).stdout
    assert "confirm          False" in here("run", "--dry-run", "--no-confirm", check=True).stdout


def test_a_comparison_has_no_use_for_it(here: Reluctant) -> None:
    refused = here("compare", "iris", "--confirm")
    assert refused.returncode == 2
