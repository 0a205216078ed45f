"""Every editing route of optuna-dashboard keeps our studies whole, or is refused with what to do instead."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from command import run_here
from sqlalchemy import select

from storage import CohortStorage, open_storage
from storage.tables import METADATA, models
from study.dashboard import application
from study.dashboard.cached_studies import CachedStudies
from study.dashboard.editing import DONE_HERE, KEPT_WHOLE, REFUSED, REFUSED_FOR_OURS

TOKEN = "a-token-that-nobody-guesses"
OURS, THEIRS = 1, 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    options = ("--trials", 4, "--seeds", 2, "--epochs", 3, "--hidden", 8, "--name", "ours", "--min-accuracy", 0.01)
    run_here("run", "iris", *options, cwd=folder, check=True)
    storage = open_storage(folder / "reluctant.db")
    theirs = optuna.create_study(storage=storage, study_name="theirs", direction="maximize")
    theirs.tell(theirs.ask({"x": optuna.distributions.FloatDistribution(0, 1)}), 1.0)
    theirs.ask()
    with storage.worker(OURS) as worker:
        assert worker.token
    storage.close()
    return folder / "reluctant.db"


@pytest.fixture
def storage(trained: Path, tmp_path: Path) -> Iterator[CohortStorage]:
    copy = open_storage(trained)
    copy.backup(tmp_path / "reluctant.db")
    copy.close()
    opened = open_storage(tmp_path / "reluctant.db")
    yield opened
    opened.close()


def routes() -> list[tuple[str, str]]:
    """Method and rule of every route of the installed optuna-dashboard that is no reading."""
    from optuna_dashboard import wsgi

    app: Any = wsgi(optuna.storages.InMemoryStorage())
    return sorted((route.method, route.rule) for route in app.routes if route.method not in ("GET", "HEAD"))


def rows_of(storage: CohortStorage) -> dict[str, list[str]]:
    tables = [*models.BaseModel.metadata.sorted_tables, *METADATA.sorted_tables]
    with storage.engine.connect() as connection:
        return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}


def ask(app: Any, method: str, path: str, content: Any = None) -> tuple[int, Any]:
    """Status and content of the answer to a visitor with the token."""
    body = json.dumps(content).encode()
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "REQUEST_METHOD": method,
        "HTTP_HOST": "localhost:8080",
        "HTTP_AUTHORIZATION": f"Bearer {TOKEN}",
        "HTTP_ORIGIN": "http://localhost:8080",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    setup_testing_defaults(environ)
    statuses: list[str] = []
    answer = b"".join(app(environ, lambda status, *_: statuses.append(status)))
    try:
        found = json.loads(answer)
    except ValueError:
        found = answer.decode()
    return int(statuses[0].split()[0]), found


def edited(storage: CohortStorage, method: str, rule: str, content: Any, *, study: int = OURS) -> tuple[int, Any]:
    trial = storage.get_all_trials(study)[-1]._trial_id
    path = rule.replace("<study_id:int>", str(study)).replace("<trial_id:int>", str(trial))
    for variable in ("<history_id>", "<artifact_id:re:[0-9a-fA-F-]+>"):
        path = path.replace(variable, "0a")
    return ask(application(storage, 8080, token=TOKEN, allow_edit=True), method, path, content)


def test_every_route_of_the_installed_optuna_dashboard_is_decided() -> None:
    """Where this fails, a release of optuna-dashboard has a new route: decide what it does to our studies."""
    decided = [*KEPT_WHOLE, *DONE_HERE, *REFUSED_FOR_OURS, *REFUSED]
    assert sorted(decided) == routes()


CONTENT = {
    "study_name": "renamed",
    "directions": ["maximize"],
    "state": "complete",
    "values": [1.0, 1.0],
    "user_attrs": {"accuracy": 1.0},
    "body": "a note",
    "mode": "ChooseWorst",
    "candidates": [0],
    "clicked": 0,
    "output_type": "note",
    "file": "data:text/plain;base64,YQ==",
    "user_query": "all",
}
NOTES = {"study_system_attributes"}


@pytest.mark.parametrize(("method", "rule"), routes())
def test_an_edit_leaves_a_study_of_ours_whole_or_is_refused(storage: CohortStorage, method: str, rule: str) -> None:
    before = rows_of(storage)
    version = 1 if "<trial_id:int>" in rule else 2  # one more than the note has
    status, answer = edited(storage, method, rule, {**CONTENT, "version": version})
    after = rows_of(storage)
    changed = {name for name, rows in after.items() if rows != before[name]}
    known = (method, rule)
    if known in REFUSED_FOR_OURS or known in REFUSED:
        assert status == 403
        assert answer["reason"] == {**REFUSED_FOR_OURS, **REFUSED}[known]
        assert changed == set()
    elif known in DONE_HERE and method == "POST":
        assert status == 201
        assert (answer["study_id"], answer["study_name"]) == (OURS, "renamed")
        assert changed == {"studies", "study_system_attributes"}
        assert storage.get_study_system_attrs(OURS)["reluctant:config"]["name"] == "renamed"
        assert run_here("front", "renamed", cwd=Path(storage.place).parent).returncode == 0
    elif known in DONE_HERE:
        assert status == 204
        assert [study.study_name for study in storage.get_all_studies()] == ["theirs"]
        assert storage.traces_of_deletion() == []
        assert after["reluctant_layers"] == after["reluctant_curves"] == after["reluctant_workers"] == []
    else:
        assert status in (201, 204)
        assert changed <= NOTES | {"studies", "study_directions"}
        assert all(set(before[name]) - set(after[name]) == set() for name in changed - NOTES)


def test_an_unknown_route_is_refused(storage: CohortStorage) -> None:
    from study.dashboard.editing import Editing

    class Route:
        method, rule = "POST", "/api/studies/<study_id:int>/rewrite"

    view = Editing(storage, CachedStudies(storage)).apply(lambda **named: {"changed": True}, Route())
    assert view(study_id=OURS)["reason"].startswith("what this changes is not known")


@pytest.mark.parametrize(
    ("rule", "content", "status"),
    [
        ("/api/trials/<trial_id:int>/tell", {"state": "complete", "values": [1.0]}, 204),
        ("/api/trials/<trial_id:int>/user-attrs", {"user_attrs": {"a": 1}}, 204),
    ],
)
def test_studies_of_others_are_edited_as_ever(storage: CohortStorage, rule: str, content: Any, status: int) -> None:
    assert edited(storage, "POST", rule, content, study=THEIRS)[0] == status
    assert edited(storage, "POST", "/api/studies/<study_id:int>/rename", {"study_name": "b"}, study=THEIRS)[0] == 201
    assert storage.get_study_name_from_id(THEIRS) == "b"


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        ({"study_name": "theirs"}, 400, "there is a study 'theirs' in .* already; choose another name"),
        ({"study_name": ""}, 400, "a name needs 1 to 200 printable characters"),
        ({"study_name": 3}, 400, "study_name, the new name, is missing"),
        ({}, 400, "study_name, the new name, is missing"),
    ],
)
def test_names_that_cannot_be(storage: CohortStorage, content: Any, status: int, reason: str) -> None:
    before = rows_of(storage)
    seen, answer = edited(storage, "POST", "/api/studies/<study_id:int>/rename", content)
    assert seen == status
    assert re.search(reason, answer["reason"])
    assert rows_of(storage) == before


def test_what_others_rename_or_replace_is_shown(storage: CohortStorage, tmp_path: Path) -> None:
    app = application(storage, 8080, token=TOKEN)
    assert len(ask(app, "GET", f"/api/studies/{OURS}")[1]["trials"]) == 4
    assert ask(app, "GET", f"/csv/{OURS}")[0] == 200
    run_here("rename", "ours", "flowers", cwd=tmp_path, check=True)
    assert ask(app, "GET", f"/api/studies/{OURS}")[1]["name"] == "flowers"
    assert ask(app, "GET", f"/csv/{OURS}")[0] == 200


def test_a_study_that_got_the_id_of_a_deleted_one_has_its_own_trials(storage: CohortStorage) -> None:
    cached = CachedStudies(storage)
    last = max(study._study_id for study in cached.get_all_studies())
    assert len(cached.get_all_trials(last)) == 2
    storage.delete_study(last)
    again = optuna.create_study(storage=storage, study_name="another", directions=["minimize", "minimize"])
    assert again._study_id == last
    again.add_trial(optuna.trial.create_trial(values=[1.0, 2.0]))
    cached.get_all_studies()
    assert [trial.values for trial in cached.get_all_trials(last)] == [[1.0, 2.0]]
    assert cached.get_study_directions(last) == again.directions
