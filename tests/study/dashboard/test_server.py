"""optuna-dashboard over our database: reachable from this machine only, compressed, and readable."""

from __future__ import annotations

import gzip
import json
import queue
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from command import COMMAND, run_command

from storage import CohortStorage, Proposal, ProposedCohort, Result, open_storage
from study.dashboard import PortError, application, serve
from study.dashboard.compression import compressed
from study.dashboard.guard import local, read_only, same_origin, with_token
from study.dashboard.server import names_of

NAME = "a|study"
TOKEN = "a-token-that-nobody-guesses"
NAMES = ("127.0.0.1", "localhost", "[::1]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    options = ("--trials", 12, "--seeds", 2, "--epochs", 40, "--hidden", 16, "--name", NAME, "--min-accuracy", 0.75)
    run_command("run", "iris", *options, cwd=folder, check=True)
    return folder


@dataclass(frozen=True)
class Visit:
    """Where the dashboard is, and what lets a visitor in."""

    address: str
    token: str


@pytest.fixture(scope="module")
def visit(folder: Path) -> Iterator[Visit]:
    server = subprocess.Popen([COMMAND, "dashboard", "--port", "0"], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    line = server.stderr.readline()
    address, token = next(word for word in line.split() if word.startswith("http://")).split("/?token=")
    yield Visit(address, token)
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    server.stderr.close()


def get(visit: Visit, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"Authorization": f"Bearer {visit.token}", **named}
    return urllib.request.urlopen(urllib.request.Request(visit.address + path, headers=given), timeout=20)


def study_detail(visit: Visit) -> Any:
    with get(visit, "/api/studies/1?after=0") as answer:
        return json.load(answer)


def test_it_lists_the_study_with_its_metric_names_and_its_note(visit: Visit) -> None:
    with get(visit, "/api/studies") as answer:
        (summary,) = json.load(answer)["study_summaries"]
    assert summary["study_name"] == NAME
    detail = study_detail(visit)
    assert detail["objective_names"] == ["clamped_accuracy", "clamped_zeros"]
    assert "| **data** | iris" in detail["note"]["body"]
    assert len(detail["trials"]) == 12
    assert {attribute["key"] for attribute in detail["trials"][0]["user_attrs"]} >= {
        *("accuracy", "near_zero", "dead", "clamped_accuracy", "clamped_zeros")
    }


def test_infeasible_trials_are_marked_as_such(visit: Visit, folder: Path) -> None:
    exported = json.loads(run_command("export", "--format", "json", cwd=folder, check=True).stdout)
    feasible = {trial["number"]: trial["feasible"] for trial in exported}
    shown = {t["number"]: all(c <= 0 for c in t["constraints"]) for t in study_detail(visit)["trials"]}
    assert shown == feasible
    assert set(feasible.values()) == {True, False}


def test_answers_are_compressed_for_those_who_take_it(visit: Visit) -> None:
    with get(visit, "/api/studies/1?after=0") as plain:
        body = plain.read()
        assert plain.headers["Content-Encoding"] is None
    with get(visit, "/api/studies/1?after=0", Accept_Encoding="gzip") as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        small = packed.read()
    assert len(small) == int(packed.headers["Content-Length"]) < len(body) / 3
    assert json.loads(gzip.decompress(small)) == json.loads(body)


def test_a_foreign_host_name_is_refused(visit: Visit) -> None:
    with pytest.raises(urllib.error.HTTPError, match="421") as refused:
        get(visit, "/api/studies", Host="evil.example:80")
    refused.value.close()


def test_other_addresses_of_this_machine_do_not_answer(visit: Visit) -> None:
    port = int(visit.address.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_port_in_use_is_said(visit: Visit, folder: Path) -> None:
    result = run_command("dashboard", "--port", visit.address.rsplit(":", 1)[1], cwd=folder)
    assert result.returncode != 0
    assert "choose another with --port" in result.stderr


Headers = dict[str, str]
BEARER = {"authorization": f"Bearer {TOKEN}"}


def ask(app: Any, path: str = "/", query: str = "", method: str = "GET", **headers: str) -> tuple[str, Headers, bytes]:
    """Status, headers and body of an application's answer, checked against the WSGI standard."""
    environ = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method, "SCRIPT_NAME": ""}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    setup_testing_defaults(environ)
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started[:] = [status, dict(headers)]

    body = validator(app)(environ, start)
    try:
        return started[0], started[1], b"".join(body)
    finally:
        body.close()


def changing(query: str = "", method: str = "DELETE", **headers: str) -> str:
    """The status that a change through all guards of a read-only dashboard gets."""
    app = local(with_token(read_only(answering([b"shown"])), TOKEN, "cookie"), 8080, NAMES)
    return ask(app, "/api/studies/1", query, method, host="localhost:8080", **headers)[0]


def answering(body: Any, **headers: str) -> Any:
    """An application with one answer, and none to HEAD, as Bottle's."""

    def app(environ: Any, start_response: Any) -> Any:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        start_response("200 OK", [("Content-Type", "application/json"), *named])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body

    return app


LONG = b'{"accuracy": 0.9}' * 1000


def test_a_long_answer_is_compressed_and_says_so() -> None:
    app = compressed(answering([LONG[:500], LONG[500:]], Content_Length=str(len(LONG)), Vary="Origin"))
    _, headers, body = ask(app, accept_encoding="br, gzip;q=0.8")
    assert gzip.decompress(body) == LONG
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br, gzip; q=0.000, *", "*;q=0"])
def test_who_does_not_take_gzip_gets_the_answer_as_it_is(accepted: str) -> None:
    app = compressed(answering([LONG], Content_Length=str(len(LONG))))
    _, headers, body = ask(app, accept_encoding=accepted)
    assert body == LONG
    assert headers == {
        "Content-Type": "application/json",
        "Content-Length": str(len(LONG)),
        "Vary": "Accept-Encoding",
    }


@pytest.mark.parametrize(
    ("body", "headers"),
    [([LONG[:500]], {}), ([], {}), ([LONG], {"Content_Encoding": "br"})],
    ids=["small", "empty", "encoded already"],
)
def test_what_compression_does_not_serve_passes_as_it_is(body: list[bytes], headers: Headers) -> None:
    _, answered, seen = ask(compressed(answering(body, **headers)), accept_encoding="gzip")
    assert seen == b"".join(body)
    assert answered.get("Content-Encoding") == headers.get("Content_Encoding")


def test_a_stream_is_not_gathered_in_memory() -> None:
    class Stream:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("read by the wrong one")
            yield

        def close(self) -> None:
            self.closed = True

    stream = Stream()
    environ: dict[str, Any] = {"HTTP_ACCEPT_ENCODING": "gzip"}
    setup_testing_defaults(environ)
    assert compressed(answering(stream))(environ, lambda *_: lambda _: None) is stream
    ask(compressed(answering(stream)), method="HEAD")
    assert stream.closed


def test_head_has_the_headers_of_get_and_no_body() -> None:
    app = compressed(answering([LONG], Content_Length=str(len(LONG))))
    status, headers, body = ask(app, method="HEAD", accept_encoding="gzip")
    assert body == b""
    assert (status, headers) == ask(app, accept_encoding="gzip")[:2]


@pytest.mark.parametrize("host", ["localhost:8080", "LocalHost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_this_machine_s_names_are_answered(host: str) -> None:
    assert ask(local(answering([b"shown"]), 8080, NAMES), host=host)[0] == "200 OK"
    assert ask(local(answering([b"shown"]), 80, NAMES), host=host.removesuffix(":8080"))[0] == "200 OK"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize(
    "host",
    ["", "localhost", "localhost:8081", "evil.example:8080", "localhost.evil.example:8080", "127.0.0.1:8080@evil"],
)
def test_every_other_name_is_refused(host: str, method: str) -> None:
    status, _, body = ask(local(answering([b"shown"]), 8080, NAMES), host=host, method=method)
    assert status == "421 Misdirected Request"
    assert b"shown" not in body
    assert method == "HEAD" or b"open http://127.0.0.1:8080" in body


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[CohortStorage]:
    opened = open_storage(tmp_path / "reluctant.db")
    yield opened
    opened.close()


def add_study(storage: CohortStorage, directions: list[str], trials: list[tuple[list[float], float]]) -> int:
    """A study of trials with these values and constraints."""
    study_id, _ = storage.create_or_get_study(f"study of {directions}", directions)
    with storage.worker(study_id) as worker:
        storage.propose(study_id, ProposedCohort(0, [Proposal({}, {}) for _ in trials]))
        claimed = storage.claim(worker, len(trials))
        storage.finish(
            worker,
            [
                Result(trial.trial_id, values, constraints={"floor": constraint})
                for trial, (values, constraint) in zip(claimed, trials, strict=True)
            ],
        )
    return study_id


@pytest.mark.parametrize(
    ("directions", "trials", "best"),
    [
        (["maximize", "maximize"], [([1, 3], 0), ([2, 2], 0), ([3, 3], 1), ([1, 2], 0), ([0, 4], 0.1)], [0, 1]),
        (["maximize", "maximize"], [([1, 3], 0), ([2, 2], 0), ([1, 1], 1)], [0, 1]),
        (["maximize", "maximize"], [([1, 3], 1)], []),
        (["maximize"], [([1], 0), ([3], 0.5), ([2], 0)], [2]),
        (["minimize"], [([2], 0), ([0], 0.5), ([1], 0)], [2]),
        (["maximize"], [([1], 1), ([2], 1)], []),
    ],
)
def test_an_infeasible_trial_is_never_shown_as_best(
    storage: CohortStorage, directions: list[str], trials: list[tuple[list[float], float]], best: list[int]
) -> None:
    study_id = add_study(storage, directions, trials)
    app = application(storage, 8080, token=TOKEN)
    for query in ("", f"after={len(trials)}"):
        detail = json.loads(ask(app, f"/api/studies/{study_id}", query, host="localhost:8080", **BEARER)[2])
        assert [trial["number"] for trial in detail["best_trials"]] == best
        assert all(trial["values"] for trial in detail["best_trials"])


def test_it_serves_until_it_is_told_to_stop(storage: CohortStorage, tmp_path: Path) -> None:
    add_study(storage, ["maximize"], [([1], 0)])
    stopped, addresses = threading.Event(), queue.Queue[str]()
    options: dict[str, Any] = {"port": 0, "ready": addresses.put, "stop": stopped.is_set}
    server = threading.Thread(target=serve, args=(storage,), kwargs=options)
    server.start()
    try:
        address, token = addresses.get(timeout=30).split("/?token=")
        assert study_detail(Visit(address, token))["directions"] == ["maximize"]
    finally:
        stopped.set()
        server.join(timeout=30)
    assert not server.is_alive()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=5)
    storage.close()
    assert not (tmp_path / "reluctant.db-wal").exists()


def test_a_client_that_names_no_encoding_gets_the_pages(storage: CohortStorage) -> None:
    """optuna-dashboard alone fails there."""
    status, headers, body = ask(
        application(storage, 8080, token=TOKEN), "/static/bundle.js.LICENSE.txt", host="localhost:8080", **BEARER
    )
    assert status == "200 OK"
    assert "Content-Encoding" not in headers
    assert b"license" in body.lower()


def test_it_ends_on_a_keyboard_interrupt_too(storage: CohortStorage) -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        serve(storage, port=0, stop=interrupt)
    assert threading.active_count() == before


@pytest.mark.parametrize("port", [65536, -1])
def test_what_is_no_port_is_refused(storage: CohortStorage, port: int) -> None:
    with pytest.raises(PortError, match=f"^{port} is no port"):
        serve(storage, port=port)


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, study.dashboard;"
        "heavy = {'optuna', 'optuna_dashboard', 'waitress', 'bottle', 'sqlalchemy', 'plotly'} & sys.modules.keys();"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "path",
    ["/", "/dashboard", "/dashboard/studies/1", "/api/meta", "/api/studies", "/api/studies/1", "/csv/1", "/nowhere",
     "/static/bundle.js", "/favicon.ico", "/api/studies/1/param_importances", "/api/studies/1/plot/contour"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_without_the_token_no_route_answers(storage: CohortStorage, path: str, method: str) -> None:
    app = application(storage, 8080, token=TOKEN)
    for query, headers in (
        ("", {}),
        ("token=", {}),
        (f"token={TOKEN}x", {}),
        ("", {"cookie": "reluctant-8080="}),
        ("", {"cookie": f"reluctant-8081={TOKEN}"}),
        ("", {"authorization": TOKEN}),
        ("", {"authorization": "Bearer "}),
    ):
        status, _, body = ask(app, path, query, method, host="localhost:8080", **headers)
        assert status == "401 Unauthorized"
        assert method == "HEAD" or b"the token is needed" in body


def test_a_browser_trades_the_token_for_a_cookie() -> None:
    app = with_token(answering([b"shown"]), TOKEN, "reluctant-8080")
    status, headers, _ = ask(app, "/dashboard/studies/1", f"a=1&token={TOKEN}")
    assert (status, headers["Location"]) == ("303 See Other", "/dashboard/studies/1?a=1")
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert cookie == f"reluctant-8080={TOKEN}"
    assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
    assert ask(app, cookie=f"other=1; {cookie}")[0] == "200 OK"
    assert ask(app, authorization=f"bearer {TOKEN}")[0] == "200 OK"


@pytest.mark.parametrize("path", ["//evil.example/", "///evil.example", "/a\r\nSet-Cookie: b=c", "/\\evil.example"])
def test_the_way_in_leads_nowhere_else(path: str) -> None:
    _, headers, _ = ask(with_token(answering([b"shown"]), TOKEN, "c"), path, f"token={TOKEN}")
    location = headers["Location"]
    assert location.startswith("/")
    assert not location.startswith("//")
    assert set(location) & set("\r\n\\") == set()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_who_knows_the_token_changes_nothing(method: str) -> None:
    for query, headers in (("", BEARER), ("", {"cookie": f"cookie={TOKEN}"}), (f"token={TOKEN}", {})):
        assert changing(query, method, **headers) == "403 Forbidden"
    assert changing("", method) == "401 Unauthorized"
    assert ask(read_only(answering([b"shown"])))[0] == "200 OK"


def test_a_study_is_deleted_only_where_that_is_allowed(storage: CohortStorage) -> None:
    study_id = add_study(storage, ["maximize"], [([1], 0)])
    asked = (f"/api/studies/{study_id}", "", "DELETE")
    closed = application(storage, 8080, token=TOKEN)
    assert ask(closed, *asked, host="localhost:8080", **BEARER)[0] == "403 Forbidden"
    assert len(storage.get_all_studies()) == 1
    open_ = application(storage, 8080, token=TOKEN, allow_edit=True)
    stranger = {"origin": "http://localhost:3000"}
    assert ask(open_, *asked, host="localhost:8080", **BEARER, **stranger)[0] == "403 Forbidden"
    assert len(storage.get_all_studies()) == 1
    assert ask(open_, *asked, host="localhost:8080", **BEARER, origin="http://localhost:8080")[0].startswith("204")
    assert storage.get_all_studies() == []


def test_another_origin_may_read_what_the_token_shows() -> None:
    app = same_origin(answering([b"shown"]))
    assert ask(app, origin="http://localhost:3000", host="localhost:8080")[0] == "200 OK"
    assert ask(app, method="PUT", origin="null", host="localhost:8080")[0] == "403 Forbidden"


def test_it_cannot_be_framed(storage: CohortStorage) -> None:
    for headers in (BEARER, {}):
        _, answered, _ = ask(application(storage, 8080, token=TOKEN), host="localhost:8080", **headers)
        assert answered["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answered["Content-Security-Policy"]
        assert answered["Referrer-Policy"] == "no-referrer"
        assert answered["X-Content-Type-Options"] == "nosniff"


def test_there_are_no_artifacts(visit: Visit) -> None:
    with get(visit, "/api/meta") as answer:
        assert json.load(answer)["artifact_is_available"] is False
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        get(visit, "/artifacts/1/0/x")
    missing.value.close()


def test_a_study_page_has_our_figures_and_the_advice_and_a_visit_writes_nothing(visit: Visit, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "reluctant.db")) as connection:
        before = list(connection.iterdump())
    detail = study_detail(visit)
    figures = {each["id"]: json.loads(each["graph_object"]) for each in detail["plotly_graph_objects"]}
    assert set(figures) >= {"front-figure", "activations-figure", "initializations-figure", "dropout-sparsity"}
    rows = json.loads(run_command("front", "--format", "json", cwd=folder, check=True).stdout)
    recommended = next(row for row in rows if row["role"] == "recommended")
    (star,) = (trace for trace in figures["front-figure"]["data"] if trace["name"] == "recommended")
    assert star["y"] == pytest.approx([100 * recommended["accuracy"]], rel=1e-5)
    assert f"**Use trial {recommended['trial']}**" in detail["note"]["body"]
    with closing(sqlite3.connect(folder / "reluctant.db")) as connection:
        after = list(connection.iterdump())
    # `front` keeps its test results; nothing else changed.
    assert [line for line in after if line not in before and "reluctant_test_results" not in line] == []


def test_a_study_of_another_program_is_shown_as_it_is(storage: CohortStorage) -> None:
    study_id = add_study(storage, ["maximize"], [([1], 0)])
    app = application(storage, 8080, token=TOKEN)
    status, _, body = ask(app, f"/api/studies/{study_id}", host="localhost:8080", **BEARER)
    assert status == "200 OK"
    assert json.loads(body)["plotly_graph_objects"] == []


def test_other_machines_are_warned_of(folder: Path) -> None:
    command = [str(COMMAND), "dashboard", "--port", "0", "--host", "0.0.0.0"]
    server = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        assert "there is no TLS" in server.stderr.readline()
        words = server.stderr.readline().split()
        address, token = next(word for word in words if word.startswith("http://")).split("/?token=")
        here = f"http://127.0.0.1:{address.rsplit(':', 1)[1]}"
        with pytest.raises(urllib.error.HTTPError, match="421") as refused:
            get(Visit(here, token), "/api/studies", Host="evil.example")
        refused.value.close()
        assert study_detail(Visit(here, token))["name"] == NAME
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0
        server.stderr.close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("host", "first", "answering"),
    [("::1", "[::1]", "[::1]"), ("0:0::1", "[::1]", "[::1]"), ("::", None, "[::1]"), ("::", None, "127.0.0.1")],
)
def test_an_address_of_ipv6_is_named_as_such(
    storage: CohortStorage, host: str, first: str | None, answering: str
) -> None:
    """Who listens on `::1` is not reached at 127.0.0.1; `::` is every address of both kinds."""
    stopped, addresses = threading.Event(), queue.Queue[str]()
    options: dict[str, Any] = {"host": host, "port": 0, "ready": addresses.put, "stop": stopped.is_set}
    server = threading.Thread(target=serve, args=(storage,), kwargs=options)
    server.start()
    try:
        address, token = addresses.get(timeout=30).split("/?token=")
        name, port = address.removeprefix("http://").rsplit(":", 1)
        assert first in (None, name)
        with get(Visit(f"http://{answering}:{port}", token), "/api/studies") as answer:
            assert json.load(answer)["study_summaries"] == []
    finally:
        stopped.set()
        server.join(timeout=30)


@pytest.mark.parametrize("host", ["256.0.0.1", "no.such.host.invalid"])
def test_what_is_no_address_is_refused(storage: CohortStorage, host: str) -> None:
    with pytest.raises(PortError, match=r"cannot be used .* choose another with --port or --host"):
        serve(storage, host=host, port=0)


def test_names_of_an_address() -> None:
    assert names_of("localhost") == NAMES
    assert names_of("192.0.2.7")[0] == "192.0.2.7"
    assert names_of("2001:DB8::0:7")[0] == "[2001:db8::7]"
    assert set(names_of("::1")) == set(NAMES)
    assert set(names_of("0.0.0.0")) >= {socket.gethostname().lower(), *NAMES}
