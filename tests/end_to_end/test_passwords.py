"""What the command prints and writes about a database on a server never holds its password."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command import COMMAND, Reluctant, run_here
from postgres import PASSWORD

import reluctant
from study.config import StudyConfig
from study.workers.ray_worker import Assignment

OPTIONS = ("--trials", 6, "--seeds", 2, "--epochs", 60, "--hidden", 8, "--name", "flowers")
SECRETS = (PASSWORD, PASSWORD.replace(" ", "%20"), PASSWORD.split()[0])


def in_query(url: str) -> str:
    """The same place with its password in the query."""
    before, _, rest = url.partition("://")
    user, _, where = rest.partition("@")
    return f"{before}://{user.partition(':')[0]}@{where}?password={PASSWORD.replace(' ', '%20')}"


@pytest.fixture
def place(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RELUCTANT_STORAGE", in_query(postgres_url))
    return in_query(postgres_url)


def test_no_message_and_no_file_holds_it(place: str, here: Reluctant, tmp_path: Path) -> None:
    stopped = here("run", "iris", *OPTIONS, "--timeout", 0.01)
    assert "continue with: reluctant resume flowers --storage 'postgresql" in stopped.stderr
    commands: list[tuple[int, tuple[object, ...]]] = [
        (0, ("run", "iris", *OPTIONS, "--dry-run")),
        (0, ("run", "iris", *OPTIONS)),
        (0, ("resume", "flowers", "--trials", 8)),
        (0, ("worker", "flowers")),
        (0, ("status",)),
        (0, ("front", "flowers")),
        (0, ("report", "flowers", "-o", "page.html")),
        (0, ("export", "flowers", "--format", "json", "-o", "trials.json")),
        (0, ("export", "flowers", "--model", "model")),
        (0, ("doctor",)),
        (0, ("rename", "flowers", "blossoms")),
        (1, ("backup", "copy.db")),
        (2, ("delete", "blossoms")),
        (2, ("front", "flowers")),
        (2, ("resume", "nothing")),
        (2, ("front", "--storage", place.replace("s3cret", "wr0ng"))),
        (75, ("front", "--storage", "postgresql+psycopg://ann@127.0.0.1:9/db?password=s3cret%20word")),
        (2, ("front", "--storage", "postgresql+psycopg://ann@127.0.0.1:port/db?password=s3cret%20word")),
        (2, ("front", "--storage", "mysql://ann:s3cret@127.0.0.1/db", "--debug")),
        (0, ("delete", "blossoms", "--yes")),
    ]
    for status, arguments in commands:
        result = run_here(*arguments, cwd=tmp_path)
        assert result.returncode == status, (arguments, result.stderr)
        said = result.stdout + result.stderr
        assert not [secret for secret in (*SECRETS, "wr0ng") if secret in said], said
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"page.html", "trials.json", "README.md", "config.json"}
    assert not [path for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]


def test_workers_programs_and_the_dashboard_do_not_print_it(place: str, here: Reluctant, tmp_path: Path) -> None:
    result = here("run", "iris", *OPTIONS, "--workers", 2, check=True)
    assert "flowers in postgresql" in result.stderr
    with reluctant.load("flowers", storage=place) as study:
        shown = f"{study!r} {study.storage} {study.options} {study._repr_html_()} {study._opened.problem.config!r}"
    assert "flowers" in shown
    assert not [secret for secret in SECRETS if secret in shown]
    server = subprocess.Popen([COMMAND, "dashboard", "--port", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    said = server.stderr.readline()
    server.terminate()
    said += server.stderr.read()
    server.stderr.close()
    assert server.wait(timeout=20) == 0
    assert " at http://127.0.0.1" in said
    assert not [secret for secret in SECRETS if secret in said + result.stderr]


def test_what_ray_is_given_does_not_show_it() -> None:
    url = f"postgresql+psycopg://ann:{PASSWORD}@host/studies"
    assignment = Assignment(storage=url, study_id=1, name="flowers", data="iris", overrides={}, lease=None)
    for shown in (repr(assignment), repr(StudyConfig(storage=url)), str(StudyConfig(storage=url))):
        assert PASSWORD.split()[0] not in shown
