"""Whether a change of the code changed any result, to the bit.

    python -m benchmarks.same_results record FOLDER      # trains three studies and a comparison, and dumps them
    python -m benchmarks.same_results compare FOLDER FOLDER

`record` drives the installed command as a user would: searches of the spaces `core`, `wide` and `sparse` (96 trials in
cohorts of 16; the last by three workers, one of which is killed every second), their fronts, advice and tables, and
one comparison with its verdicts. What it dumps is read with stock Optuna and from the database's tables, so that it
knows nothing of the modules that a change may move. Both recordings need the same machine and the same libraries.

A version whose new studies are others on purpose goes on with those that an earlier one began, and must end where that
one ends. `--command` names the command of another version, such as `../before/.venv/bin/reluctant`:

    python -m benchmarks.same_results begin BEGUN --command OLD     # a third of each search, some of the comparison
    python -m benchmarks.same_results record OURS --begun BEGUN
    python -m benchmarks.same_results record THEIRS --begun BEGUN --command OLD
    python -m benchmarks.same_results compare OURS THEIRS --trials  # what was trained; answers may have new columns
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna

TOTAL, BEGUN = "96", "32"
OPTIONS = ("--cohort", "16", "--seeds", "2", "--epochs", "12", "--quiet")
SEARCHES = {
    "core": ("digits", "--space", "core"),
    "wide": ("breast_cancer", "--space", "wide", "--optimizer", "sgd", "--learning-rate", "0.05"),
    "sparse": ("wine", "--space", "sparse", "--epochs", "60", "--workers", "3"),
}
COMPARISON = ("iris", "--seeds", "3", "--epochs", "5", "--quiet")
TABLES = ("reluctant_layers", "reluctant_curves", "reluctant_test_results")
ANSWERS = ("front", "advice", "verdicts")
"""Keys of a dump under which a study has what the commands answer; the others are what was trained."""
COMMAND = str(Path(sys.executable).with_name("reluctant"))
_CLOCK = {"seconds_per_slot_of_cohort"}
_TIMED_CLAIM = 9


def begin(folder: Path, command: str) -> None:
    """Trains the first part of everything into one database, for others to go on with.

    Args:
        folder: A new folder.
        command: The `reluctant` that trains.
    """
    folder.mkdir(parents=True)
    database = folder / "studies.db"
    for name, options in SEARCHES.items():
        _reluctant(command, ("run", *OPTIONS, *options, "--trials", BEGUN, "--name", name), database)
    _reluctant(command, ("compare", *COMPARISON, "--name", "claims", "--timeout", "2"), database)


def record(folder: Path, command: str, begun: Path | None = None) -> None:
    """Trains everything into one database and writes one JSON file of what must not change.

    Args:
        folder: A new folder.
        command: The `reluctant` that trains and answers.
        begun: A folder of `begin`, whose studies are gone on with by the commands that began them; None: by new ones.
    """
    folder.mkdir(parents=True)
    database = folder / "studies.db"
    if begun is not None:
        with closing(sqlite3.connect(begun / "studies.db")) as source, closing(sqlite3.connect(database)) as target:
            source.backup(target)
    for name, options in SEARCHES.items():
        arguments = ("run", *OPTIONS, *options, "--trials", TOTAL, "--name", name)
        if "--workers" in options:
            _disturbed(command, arguments, database)
        else:
            _reluctant(command, arguments, database)
    _reluctant(command, ("compare", *COMPARISON, "--name", "claims"), database)
    dump: dict[str, Any] = {name: _study(database, name) for name in (*SEARCHES, "claims")}
    for name in SEARCHES:
        dump[name]["front"] = json.loads(_reluctant(command, ("front", name, "--format", "json"), database))
        dump[name]["advice"] = json.loads(_reluctant(command, ("advise", name, "--format", "json"), database))
    claims = json.loads(_reluctant(command, ("compare", "--name", "claims", "--format", "json"), database))
    dump["claims"]["verdicts"] = _without_clock(claims)
    (folder / "dump.json").write_text(json.dumps(dump, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def differences(first: Path, second: Path, *, answers: bool = True) -> list[str]:
    """Where two recordings differ, as paths into their dumps.

    Args:
        first: Folder of a recording.
        second: Folder of another.
        answers: Whether the answers of commands are compared too.
    """
    ours, theirs = (json.loads((folder / "dump.json").read_text(encoding="utf-8")) for folder in (first, second))
    for study in [] if answers else [*ours.values(), *theirs.values()]:
        for name in ANSWERS:
            study.pop(name, None)
        # Results on the test part are stored by the commands that answer.
        study.pop("reluctant_test_results")
    return list(_different(ours, theirs, ""))


def _different(ours: Any, theirs: Any, path: str) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{path}/{key} is in one of them only" for key in sorted(ours.keys() ^ theirs.keys())]
        for key in sorted(ours.keys() & theirs.keys()):
            found += _different(ours[key], theirs[key], f"{path}/{key}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line for i, pair in enumerate(zip(ours, theirs, strict=True)) for line in _different(*pair, f"{path}/{i}")
        ]
    # Text, so that a NaN equals itself and a float shows every bit.
    return [] if json.dumps(ours) == json.dumps(theirs) else [f"{path}: {ours!r} and {theirs!r}"]


def _reluctant(command: str, arguments: tuple[str, ...], database: Path) -> str:
    environment = {**os.environ, "RELUCTANT_STORAGE": str(database)}
    done = subprocess.run([command, *arguments], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def _disturbed(command: str, arguments: tuple[str, ...], database: Path) -> None:
    """Runs a study by several workers, killing one of them every second for ten seconds, and then to its end."""
    moments = random.Random(0)
    process = subprocess.Popen(
        [command, *arguments], env={**os.environ, "RELUCTANT_STORAGE": str(database)}, stdout=subprocess.DEVNULL
    )
    kills = 0
    until = time.monotonic() + 60
    while process.poll() is None and kills < 5 and time.monotonic() < until:
        time.sleep(1.5)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        workers = [int(pid) for pid in children.read_text("ascii").split()] if children.exists() else []
        if len(workers) == 3:
            os.kill(moments.choice(workers), signal.SIGKILL)
            kills += 1
    if process.wait(300) != 0 or kills == 0:
        raise SystemExit(f"the disturbed study ended with status {process.returncode} after {kills} kills")
    print(f"{kills} workers were killed", file=sys.stderr)


def _study(database: Path, name: str) -> dict[str, Any]:
    """Everything of a study that neither a clock nor a process decides."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{database}")
    numbers = {trial._trial_id: trial.number for trial in study.trials}
    dump: dict[str, Any] = {
        "trials": [
            {
                "number": trial.number,
                "state": trial.state.name,
                "params": trial.params,
                "distributions": {name: repr(each) for name, each in trial.distributions.items()},
                "values": trial.values,
                "user_attrs": {key: value for key, value in trial.user_attrs.items() if key not in _CLOCK},
                "system_attrs": trial.system_attrs,
            }
            for trial in study.trials
        ],
        "user_attrs": study.user_attrs,
        "identity": study._storage.get_study_system_attrs(study._study_id)["reluctant:identity"],
    }
    with closing(sqlite3.connect(database)) as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
            dump[table] = [[numbers[row[0]], *row[1:]] for row in rows if row[0] in numbers]
    return dump


def _without_clock(claims: Any) -> Any:
    """A comparison's answer without the claim that is read on a clock."""
    text = json.dumps(claims)
    answer = json.loads(text)

    def cleaned(value: Any) -> Any:
        if isinstance(value, list):
            return [cleaned(item) for item in value if not (isinstance(item, dict) and item.get("id") == _TIMED_CLAIM)]
        return {key: cleaned(item) for key, item in value.items()} if isinstance(value, dict) else value

    return cleaned(answer)


def main() -> int:
    """Records, or compares; exit status 1 where two recordings differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_results", description=__doc__)
    parser.add_argument("what", choices=["begin", "record", "compare"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--command", default=COMMAND, help="the `reluctant` of the version that is recorded")
    parser.add_argument("--begun", type=Path, help="with `record`: a folder of `begin`, whose studies are gone on with")
    parser.add_argument("--trials", action="store_true", help="with `compare`: what was trained, and no answers")
    options = parser.parse_args()
    if options.what == "begin":
        begin(options.folders[0], options.command)
        return 0
    if options.what == "record":
        record(options.folders[0], options.command, options.begun)
        return 0
    found = differences(*options.folders, answers=not options.trials)
    print("\n".join(found[:50]) or "equal to the bit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
