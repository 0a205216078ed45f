"""No message that carries a place shows its password."""

from __future__ import annotations

import ast
import traceback
from pathlib import Path

import pytest

import storage as package
from storage import (
    StorageError,
    StorageRefusedError,
    StudyDeletedError,
    StudyNameTakenError,
    StudyNotFoundError,
    open_storage,
    without_password,
)

SECRET = "s3cret word"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://ann:SECRET@host:5432/studies",
        "postgresql+psycopg://:SECRET@host/studies",
        "postgresql+psycopg://ann:a@SECRET@host/studies",
        "(postgresql://ann:SECRET@host/studies) and (postgresql://bob:SECRET@host/studies)",
        "postgresql+psycopg://ann@host/studies?sslmode=require&password=SECRET",
        "postgresql://host/studies?user=ann&sslpassword=SECRET&connect_timeout=3",
        "postgresql://host/studies?passfile=/home/ann/SECRET",
        "host=db user=ann password=SECRET dbname=studies",
        "host=db user=ann password='SECRET and more' dbname=studies",
        "PGPASSWORD=SECRET PGPASSFILE=/home/ann/SECRET reluctant worker s",
        "{'PGPASSWORD': 'SECRET', 'RELUCTANT_STORAGE': 'postgresql://ann:SECRET@host/studies', 'OMP_NUM_THREADS': '1'}",
        '{"env_vars": {"PGPASSFILE": "/home/ann/SECRET", "RELUCTANT_STORAGE": "postgresql://ann:SECRET@h/s"}}',
        'password authentication failed for user "ann" password retrieved from file "/home/ann/SECRET"',
        "ray://ann:SECRET@head:10001",
    ],
)
def test_it_is_hidden_wherever_it_stands(text: str) -> None:
    shown = without_password(text.replace("SECRET", "s3cret"))
    assert "s3cret" not in shown
    assert "***" in shown
    assert without_password(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "check that the server runs, and the host, user, password and database",
        "/home/ann/studies/reluctant.db",
        "postgresql+psycopg://ann@host/studies",
        "study passwords in reluctant.db: column 'password' is dropped (--drop password)",
        "http://127.0.0.1:8080/?token=abc",
        "mail ann@host: see https://docs.example/page",
    ],
)
def test_nothing_else_is_changed(text: str) -> None:
    assert without_password(text) == text


def test_known_passwords_are_hidden_in_any_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "from the environment")
    text = 'missing "=" after "a b&c" in a%20b%26c, a+b%26c, from the environment'
    assert without_password(text, secrets=["a b&c"]) == 'missing "=" after "***" in ***, ***, ***'


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann@127.0.0.1:9/db?password=s3cret",
        "postgresql+psycopg://ann:s3cret@127.0.0.1:9/db?passfile=/no/s3cret",
        "postgresql+psycopg://ann:a@s3cret@127.0.0.1:9/db",
        "postgresql+psycopg://ann:a b s3cret@host:port/db",
        "postgresql+psycopg://ann:a/s3cret@127.0.0.1:9/db",
        "postgresql+psycopg://127.0.0.1:9/db?user=ann&password=s3cret&nonsense=1",
        "mysql://ann@host/db?password=s3cret",
        "reddis://ann@host/db?password=s3cret",
        "sqlite:///file.db?password=s3cret",
        "postgresql+psycopg://ann@127.0.0.1:9/db?password=s3cret&password=s3cret2",
    ],
)
def test_refusals_show_none(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageRefusedError) as caught:
        open_storage(url)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in without_password("".join(traceback.format_exception(caught.value)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("way", ["user", "query"])
def test_a_server_s_place_shows_none(way: str, postgres_url: str) -> None:
    before, _, rest = postgres_url.partition("://")
    user, _, where = rest.partition("@")
    url = postgres_url
    if way == "query":
        url = f"{before}://{user.partition(':')[0]}@{where}?password={SECRET.replace(' ', '%20')}"
    storage = open_storage(url)
    said = [storage.place]
    study_id, _ = storage.create_or_get_study("digits", ["maximize"])
    storage.create_or_get_study("other", ["maximize"])
    calls = [
        (StudyNotFoundError, lambda: storage.study_id("digit")),
        (StudyNameTakenError, lambda: storage.rename_study(study_id, "other")),
        (StorageError, lambda: storage.backup(Path("copy.db"))),
        (StudyDeletedError, lambda: storage.study_attr(study_id + 7, "a")),
    ]
    for kind, call in calls:
        with pytest.raises(kind) as caught:
            call()
        said.append(str(caught.value))
    again = open_storage(storage.address)
    assert again.study_id("digits") == study_id
    again.close()
    storage.close()
    assert all(text.count("***") == 1 for text in said), said
    assert not any("s3cret" in text or "%20word" in text for text in said)


def test_urls_are_rendered_in_one_place() -> None:
    """Whoever makes a text of a URL elsewhere would have to think of passwords, too."""
    home = Path(package.__file__).parents[1]
    rendering = {
        f"{path.relative_to(home)}:{call.lineno}"
        for folder in ("storage", "study", "reluctant")
        for path in (home / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Attribute)
        and call.attr == "render_as_string"
        and path.name not in ("connect.py", "server.py", "transactions.py")
    }
    # The address that opens the database again, and an SQLite file's own.
    assert {place.partition(":")[0] for place in rendering} == {"storage/cohort_storage.py", "storage/sqlite_file.py"}
