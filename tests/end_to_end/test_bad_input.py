"""Every mistake of a user is one clear line and exit status 2, and changes nothing; a warning stops nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from command import COMMAND, Reluctant, run_command

from reluctant.command import main

SMALL = ("--trials", 2, "--seeds", 1, "--epochs", 1, "--hidden", 16)
TABLE = "a,b,y\n" + "".join(f"{i % 7},{i % 3},{'xz'[i % 3 > 0]}\n" for i in range(60))
LEARNED = ("--target", "y", "--trials", 2, "--seeds", 1, "--epochs", 5, "--hidden", 16, "--learning-rate", 0.1)
Refused = Callable[..., None]


def everything_in(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture
def refused(
    reluctant: Reluctant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    """Runs the command and expects the refusal: one line that says so, status 2, nothing written.

    It runs in this process, which has loaded everything already; where `here` is False the installed command runs.
    """

    def run_here(*args: object) -> tuple[Any, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["reluctant", *map(str, args)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    def expect(args: Sequence[object], text: str, *, here: bool = True) -> None:
        before = everything_in(tmp_path)
        if here:
            status, output, messages = run_here(*args)
        else:
            result = reluctant(*args)
            status, output, messages = result.returncode, result.stdout, result.stderr
        assert (status, output) == (2, ""), messages
        assert re.fullmatch(r"error: [^\n]+\n", messages)
        assert re.search(text, messages), messages
        assert everything_in(tmp_path) == before

    return expect


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the study `flowers` of two trials."""
    folder = tmp_path_factory.mktemp("finished")
    run_command("run", "iris", *SMALL, "--name", "flowers", cwd=folder, check=True)
    return folder / "reluctant.db"


@pytest.fixture
def database(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished, tmp_path))


@pytest.fixture(scope="module")
def finished_on_a_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `table.csv` and a database with a study of it."""
    folder = tmp_path_factory.mktemp("on_a_file")
    (folder / "table.csv").write_text(TABLE)
    run_command("run", "table.csv", *LEARNED, cwd=folder, check=True)
    return folder


def execute(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


class TestCommandsAndOptions:
    """Found before anything heavy is loaded."""

    @pytest.mark.parametrize(
        ("args", "text"),
        [
            ("runn", "no such command 'runn'.*'run'.*See `reluctant --help`"),
            ("run --epochz 3", "no such option: --epochz .*--epochs.*See `reluctant run --help`"),
            ("run --trials", "'--trials' requires an argument"),
            ("run iris wine", r"unexpected extra argument.*wine"),
            ("dashboard --port 99999", "--port.*65535"),
        ],
    )
    def test_what_is_not_understood(self, args: str, text: str, refused: Refused) -> None:
        refused(args.split(), text)

    @pytest.mark.parametrize(
        ("option", "value", "text"),
        [
            ("--sampler", "tp", "unknown sampler 'tp'; did you mean 'tpe'"),
            ("--objective", "fronts", "unknown objective 'fronts'; did you mean 'front'"),
            ("--optimizer", "adamw", "unknown optimizer 'adamw'; did you mean 'adam'"),
            ("--metric", "acuracy", "unknown metric 'acuracy'; did you mean 'accuracy'"),
            ("--sparsity", "zero", "unknown sparsity 'zero'; did you mean 'zeros'"),
            ("--name", "", "1 to 200 printable characters"),
            ("--name", "two\nlines", "1 to 200 printable characters"),
            ("--trials", "many", "--trials is 'many'; it needs to be a valid integer"),
            ("--trials", "1.5", "it needs to be a valid integer"),
            ("--trials", "0", "it needs to be greater than or equal to 1"),
            ("--trials", "9" * 20, "it needs to be less than or equal to 1000000"),
            ("--seeds", "0", "greater than or equal to 1"),
            ("--seeds", "1001", "less than or equal to 1000"),
            ("--epochs", "-3", "greater than or equal to 1"),
            ("--epochs", "9" * 20, "less than or equal to 1000000"),
            ("--hidden", "0", "each of its numbers needs to be greater than or equal to 1"),
            ("--hidden", "64,", "'64,'; each of its numbers needs to be a valid integer"),
            ("--hidden", "8193", "each of its numbers needs to be less than or equal to 8192"),
            ("--hidden", ",".join("8" * 101), "it needs 1 to 100 numbers"),
            ("--batch-size", "0", "greater than or equal to 1"),
            ("--batch-size", "9" * 20, "less than or equal to 1000000"),
            ("--learning-rate", "0", "greater than 0"),
            ("--learning-rate", "-1", "greater than 0"),
            ("--learning-rate", "11", "less than or equal to 10"),
            ("--learning-rate", "nan", "'nan'; it needs to be a finite number"),
            ("--learning-rate", "1e400", "finite number"),
            ("--min-accuracy", "1", "less than 1"),
            ("--min-accuracy", "nan", "finite number"),
            ("--sparsity-weight", "inf", "finite number"),
            ("--sparsity-weight", "0.5", "--objective is front.*add --objective weighted"),
            ("--cohort", "4097", "less than or equal to 4096"),
            ("--seed", "-1", "greater than or equal to 0"),
            ("--seed", "9" * 20, f"less than {2**63}"),
            ("--threads", "0", "greater than or equal to 1"),
            ("--threads", "99999", r"this process may use \d+ cores"),
            ("--timeout", "0", "greater than 0"),
            ("--timeout", "nan", "finite number"),
        ],
    )
    def test_a_value_outside_of_its_domain(self, option: str, value: str, text: str, refused: Refused) -> None:
        refused(["run", option, value], text)

    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ("epochz = 3", "unknown option 'epochz' in study.toml; did you mean 'epochs'"),
            ("epochs = 0", "--epochs is 0; it needs to be greater than or equal to 1"),
            ("trials = true", "--trials is True; it needs a value"),
            ("hidden = [64, 'wide']", "--hidden is .*'wide'.*valid integer"),
            ("epochs 3", "cannot read --config 'study.toml'.*needs to be a TOML file"),
            (b"\xff\xfe\0", "cannot read --config 'study.toml'.*needs to be a TOML file"),
            (None, "cannot read --config 'study.toml': No such file"),
        ],
    )
    def test_a_configuration_file(
        self, content: str | bytes | None, text: str, tmp_path: Path, refused: Refused
    ) -> None:
        if content is not None:
            (tmp_path / "study.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
        refused(["run", "--config", "study.toml"], text)

    @pytest.mark.parametrize("name", ["", "."])
    def test_a_folder_as_a_configuration_file(self, name: str, refused: Refused) -> None:
        refused(["run", "--config", name], "Is a directory; it needs to be a TOML file", here=False)

    @pytest.mark.parametrize(
        ("args", "text"),
        [
            ("status --format xml", r"unknown format 'xml'.*table, json, csv"),
            ("front --format jsn", "unknown format 'jsn'; did you mean 'json'"),
            ("export --format xls", "unknown format 'xls'.*parquet"),
            ("export --format parquet", "name a file with -o"),
            ("export -o trials.xlsx", "unknown file format 'xlsx'.*csv, json, parquet"),
            ("export -o .", r"--output is '\.', a folder; it needs the name of a file"),
            ("export -o there/trials.csv", "there is no folder; create it"),
            ("export -o trials.csv --format table", "as one of: csv, json, parquet"),
        ],
    )
    def test_formats_and_outputs(self, args: str, text: str, refused: Refused) -> None:
        refused(args.split(), text)

    @pytest.mark.parametrize("args", ["run --trials 0", "run --epochz", "status --format xml", "export -o ."])
    def test_they_load_nothing_heavy(self, args: str, reluctant: Reluctant) -> None:
        result = reluctant(*args.split(), env={"PYTHONPROFILEIMPORTTIME": "1"})
        assert result.returncode == 2
        loaded = set(re.findall(r"\| +([\w.]+)$", result.stderr, flags=re.MULTILINE))
        assert "study.config" in loaded
        assert not loaded & {"torch", "optuna", "sqlalchemy", "pandas", "sklearn", "scipy"}

    def test_a_device_that_is_not_there(self, refused: Refused) -> None:
        refused(
            ["run", "iris", *SMALL, "--device", "cuda:99"],
            "device cuda:99 cannot be used .*this machine has cpu",
            here=False,
        )

    def test_an_unknown_device(self, refused: Refused) -> None:
        refused(["run", "iris", *SMALL, "--device", "cpuu"], "unknown device 'cpuu'; did you mean 'cpu'")

    def test_debug_shows_where(self, reluctant: Reluctant) -> None:
        result = reluctant("status", "--debug")
        assert result.returncode == 2
        assert "Traceback" in result.stderr
        assert "\nerror: there is no database" in result.stderr


def labelled(*labels: str) -> str:
    return "a,y\n" + "".join(f"{row % 7},{label}\n" for row, label in enumerate(labels))


class TestData:
    @pytest.mark.parametrize(
        ("content", "text"),
        [
            (b"", "table.csv is empty; a CSV file begins with a line of column names"),
            (bytes(range(256)), "table.csv is a binary file, not a CSV file"),
            (labelled(*["x"] * 30), "one class only, 'x'.*two or more are needed"),
            (labelled(*["x"] * 30, *["z"] * 4), "class 'z' has 4; at least 5 are needed"),
            (labelled(*["x", "z"] * 15, "", "?"), r"no label in 2 rows \(31, 32\)"),
            ("a,Y\n1,x\n", "unknown target 'y'.*did you mean 'Y'"),
        ],
        ids=["empty", "binary", "one class", "a small class", "missing labels", "unknown column"],
    )
    def test_a_table(self, content: str | bytes, text: str, tmp_path: Path, refused: Refused) -> None:
        (tmp_path / "table.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        refused(["run", "table.csv", "--target", "y", *SMALL], text)

    def test_a_table_without_a_target(self, tmp_path: Path, refused: Refused) -> None:
        (tmp_path / "table.csv").write_text(TABLE)
        refused(["run", "table.csv", *SMALL], r"name it with --target, .*\(columns: a, b, y\)")

    @pytest.mark.parametrize(
        ("source", "text"),
        [
            ("digitz", "unknown data set 'digitz'; did you mean 'digits'"),
            ("tabel.csv", "no such file or folder: 'tabel.csv'; did you mean 'table.csv'"),
            ("two\nlines.csv", "no such file or folder"),
            (".", "is a folder, and train-images.* missing.*name the file, one of table.csv"),
        ],
    )
    def test_what_is_not_there(self, source: str, text: str, tmp_path: Path, refused: Refused) -> None:
        (tmp_path / "table.csv").write_text(TABLE)
        refused(["run", source, *SMALL], text, here=source != "tabel.csv")

    def test_a_truncated_idx_file(self, tmp_path: Path, refused: Refused) -> None:
        images = struct.pack(">4B3I", 0, 0, 8, 3, 50, 4, 4) + bytes(50 * 4 * 4)
        (tmp_path / "train-images-idx3-ubyte").write_bytes(images[:-5])
        (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 50) + bytes([0, 1] * 25))
        refused(["run", ".", *SMALL], r"is cut: 816 bytes are needed for its shape \(50, 4, 4\), 811 are there")


class TestSpaces:
    @pytest.mark.parametrize(
        ("content", "text"),
        [
            ("[activation]\nchoise = ['relu']", r"unknown key 'choise' in \[activation\].*did you mean 'choices'"),
            ("[dropout]\nlow = 0.6\nhigh = 0.1", "low needs to be the smaller one"),
            ("[negative_slope]\nlow = 0\nhigh = 0.1\nlog = true", "log range that starts at 0"),
            ("[activation]\nchoices = []", "at least one value"),
            ("[activation]\nchoices = ['relo']", "unknown activation 'relo'.*did you mean 'relu'"),
            ("[negative_slope]\nlow = 0.1\nhigh = 1.5", "has the value 1.5; it needs 0 ≤ number ≤ 1"),
            ("[dropout]\nlow = 0.0\nhigh = 1.0", "has the value 1.0; it needs 0 ≤ number < 1"),
            ("[learning_rate]\nlow = 0\nhigh = 0.1", "has the value 0; it needs 0 < number ≤ 10"),
            ("[width]\nlow = 0\nhigh = 64", "has the value 0; it needs 1 ≤ whole number ≤ 8192"),
            (None, "cannot read the search space mine.toml.*give a preset or a TOML file"),
        ],
    )
    def test_a_file(self, content: str | None, text: str, tmp_path: Path, refused: Refused) -> None:
        if content is not None:
            (tmp_path / "mine.toml").write_text(content)
        refused(["run", "iris", *SMALL, "--space", "mine.toml"], text)

    def test_an_unknown_preset(self, refused: Refused) -> None:
        refused(["run", "iris", *SMALL, "--space", "cor"], "unknown search space 'cor'; did you mean 'core'")


class TestDatabases:
    def test_no_name(self, refused: Refused) -> None:
        refused(["status", "--storage", ""], "the storage has no name; give a path", here=False)

    def test_none_yet(self, refused: Refused) -> None:
        refused(["resume"], "there is no database .*reluctant.db; `reluctant run` creates one")

    def test_no_database(self, tmp_path: Path, refused: Refused) -> None:
        (tmp_path / "reluctant.db").write_text("trial,accuracy\n" * 100)
        refused(["run", "iris", *SMALL], "reluctant.db is not an SQLite database; name another file")

    def test_another_programs(self, tmp_path: Path, refused: Refused) -> None:
        execute(tmp_path / "reluctant.db", "CREATE TABLE customers (name TEXT)")
        refused(["status"], "another program's database .*'customers'.*name another file")

    def test_a_corrupt_one(self, database: Path, refused: Refused) -> None:
        with database.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * 8192)
        refused(["resume"], "reluctant.db is corrupt .*restore a copy")

    def test_a_cut_one(self, database: Path, refused: Refused) -> None:
        os.truncate(database, 50_000)
        refused(["status"], "reluctant.db is corrupt .*restore a copy")

    @pytest.mark.parametrize(
        ("statement", "text"),
        [
            ("UPDATE alembic_version SET version_num = 'v9.0.0.a'", "newer Optuna .*v9.0.0.a.*upgrade Optuna"),
            ("UPDATE reluctant_schema SET version = 99", "newer reluctant .*99.*upgrade reluctant"),
        ],
    )
    def test_a_newer_one(self, statement: str, text: str, database: Path, refused: Refused) -> None:
        execute(database, statement)
        refused(["resume"], text, here=False)

    def test_a_study_of_a_newer_version(self, database: Path, refused: Refused) -> None:
        change_config(database, folds=5)
        text = r"study 'flowers' has options that this reluctant cannot read \(folds\).*upgrade reluctant"
        refused(["resume"], text)

    def test_it_is_not_overwritten(self, database: Path, refused: Refused) -> None:
        refused(["export", "-o", database, "--format", "csv"], "is the database itself.*choose another --output")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
    @pytest.mark.usefixtures("database")
    def test_an_export_that_cannot_be_written(self, refused: Refused) -> None:
        refused(
            ["export", "-o", "/dev/full", "--format", "csv"],
            "cannot write /dev/full: No space left on device",
            here=True,
        )


class TestStudies:
    SAME = ("run", "iris", *SMALL, "--name", "flowers")

    @pytest.mark.usefixtures("database")
    def test_fewer_trials_than_there_are(self, refused: Refused) -> None:
        text = "--trials is 1; study 'flowers' has 2 already, and these are kept; give 2 or more"
        refused(["resume", "--trials", 1], text)
        refused([*self.SAME, "--trials", 1], text)

    @pytest.mark.usefixtures("database")
    def test_a_name_that_is_taken(self, refused: Refused) -> None:
        text = (
            r"'flowers' is taken.*differs: hidden \(16 there, 16,8 here\), optimizer \(adam there, sgd here\); choose"
        )
        refused([*self.SAME, "--hidden", "16,8", "--optimizer", "sgd"], text)

    @pytest.mark.usefixtures("database")
    def test_a_name_that_is_taken_by_other_data(self, refused: Refused) -> None:
        refused(
            ["run", "wine", *self.SAME[2:]], r"'flowers' is taken.*differs: data \(its content differs\)", here=True
        )

    @pytest.mark.usefixtures("database")
    @pytest.mark.parametrize("command", ["resume", "front", "export"])
    def test_an_unknown_name(self, command: str, refused: Refused) -> None:
        refused([command, "flower"], "no study 'flower' in .*did you mean 'flowers'", here=command != "resume")

    def test_no_name_and_several_studies(self, database: Path, refused: Refused) -> None:
        execute(database, "INSERT INTO studies (study_name) VALUES ('digits')")
        refused(["resume"], "holds 2 studies; name one of them: flowers, digits")

    def test_no_name_and_no_study(self, database: Path, refused: Refused) -> None:
        execute(database, "DELETE FROM studies")
        refused(["resume"], "holds no study; start one with `reluctant run`")

    def test_a_study_of_another_program(self, database: Path, refused: Refused) -> None:
        execute(database, "DELETE FROM study_system_attributes")
        refused(["resume"], "'flowers' was not started by reluctant.*but not run")

    def test_a_device_that_is_not_here(self, database: Path, refused: Refused) -> None:
        change_config(database, device="cuda:99")
        refused(["resume"], "device cuda:99 cannot be used .*choose with --device")

    @pytest.mark.usefixtures("database")
    def test_other_data(self, refused: Refused) -> None:
        refused(
            ["resume", "--data", "wine"], "the data in wine are not those of study 'flowers'.*--data PATH", here=True
        )

    def test_data_that_moved_or_changed(self, finished_on_a_file: Path, tmp_path: Path, reluctant: Reluctant) -> None:
        folder = Path(shutil.copytree(finished_on_a_file, tmp_path / "elsewhere"))
        change_config(folder / "reluctant.db", data=str(folder / "table.csv"))
        (folder / "table.csv").rename(folder / "moved.csv")
        result = reluctant("resume", cwd=folder)
        assert result.returncode == 2
        assert re.fullmatch("error: no such file .*/table.csv'.*--data PATH names where to\n", result.stderr)
        assert reluctant("resume", "--data", "moved.csv", "--trials", 3, cwd=folder).returncode == 0
        (folder / "moved.csv").write_text(TABLE + "1,1,z\n")
        result = reluctant("advise", cwd=folder)
        assert result.returncode == 2
        assert re.fullmatch("error: the data in .*/moved.csv are not those of study .*\n", result.stderr)
        # What was measured stands, and is in the database.
        assert reluctant("front", cwd=folder).returncode == 0


def change_config(database: Path, **fields: object) -> None:
    with closing(sqlite3.connect(database)) as connection:
        (text,) = connection.execute(
            "SELECT value_json FROM study_system_attributes WHERE key = 'reluctant:config'"
        ).fetchone()
        changed = json.dumps(json.loads(text) | fields)
        connection.execute(
            "UPDATE study_system_attributes SET value_json = ? WHERE key = 'reluctant:config'", (changed,)
        )
        connection.commit()


def in_a_world_of_its_own(script: str, *args: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a shell script that may mount file systems which nobody else sees; skips where that is not allowed."""
    if shutil.which("unshare") is None:
        pytest.skip("mounting needs Linux")
    private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-euc"]
    result = subprocess.run(
        [*private, script, "sh", *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    if result.returncode == 77 or "unshare" in result.stderr:
        pytest.skip("mounting is not allowed here")
    return result


def test_a_read_only_database(database: Path, tmp_path: Path) -> None:
    before = everything_in(tmp_path)
    script = """
        { mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"; } || exit 77
        cd "$1"
        exec "$2" run iris --trials 3 --seeds 1 --epochs 1 --hidden 16 --name flowers
    """
    result = in_a_world_of_its_own(script, tmp_path, COMMAND, cwd=tmp_path)
    assert result.returncode == 2
    assert re.fullmatch(
        f"error: the file system of {database} is mounted read-only, .*; mount it writable, .*\n", result.stderr
    )
    assert everything_in(tmp_path) == before


def test_a_full_disk_leaves_a_sound_database_that_resumes(tmp_path: Path) -> None:
    for name in ("disk", "full", "room"):
        (tmp_path / name).mkdir()
    script = """
        mount -t tmpfs -o size=900k none disk || exit 77
        cd disk
        status=0
        "$1" run iris --trials 40 --cohort 4 --seeds 1 --epochs 1 --hidden 16 --name flowers --lease 2 || status=$?
        cp -a . ../full
        mount -o remount,size=16m . || exit 77
        "$1" resume flowers >/dev/null 2>&1
        cp -a . ../room
        exit $status
    """
    result = in_a_world_of_its_own(script, COMMAND, cwd=tmp_path)
    assert result.returncode == 1
    assert re.search(r"\nerror: no room left to write .* the database is intact; .*start again\n$", result.stderr)
    assert "Traceback" not in result.stderr
    for name in ("full", "room"):
        with closing(sqlite3.connect(tmp_path / name / "reluctant.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            states = dict(connection.execute("SELECT state, COUNT(*) FROM trials GROUP BY state"))
        if name == "full":
            assert 0 < states.get("COMPLETE", 0) < 40
        else:
            assert states == {"COMPLETE": 40}


class TestWarnings:
    def test_a_column_without_values(self, tmp_path: Path, reluctant: Reluctant) -> None:
        lines = TABLE.splitlines()
        (tmp_path / "table.csv").write_text("\n".join(["none," + lines[0], *("," + line for line in lines[1:])]))
        result = reluctant("run", "table.csv", *LEARNED, check=True)
        assert re.search("^warning: column 'none' of .*table.csv has no values; it is dropped\n", result.stderr)

    def test_another_library_version(self, database: Path, reluctant: Reluctant) -> None:
        execute(
            database,
            "UPDATE study_system_attributes SET value_json = json_set(value_json, '$.torch', '1.0.0') "
            "WHERE key = 'reluctant:versions'",
        )
        result = reluctant("resume", "--trials", 3, check=True)
        assert re.search(r"^warning: this study was started with other versions \(torch 1.0.0 → .*\n", result.stderr)
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("SELECT COUNT(*) FROM trials WHERE state = 'COMPLETE'").fetchone() == (3,)


@pytest.mark.parametrize("environment", [{}, {"PYTHONPATH": "."}], ids=["here", "on the path"])
def test_a_users_modules_of_our_names_are_no_mistake(
    environment: dict[str, str], tmp_path: Path, reluctant: Reluctant
) -> None:
    for name in ("study.py", "storage.py", "search_spaces/__init__.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise RuntimeError('the user keeps this for themselves')\n")
    reluctant("run", "iris", *SMALL, env=environment, check=True)
