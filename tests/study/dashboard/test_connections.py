"""The dashboard under clients that mean no good: bounded in number, in size and in time, and answering visitors."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from storage import open_storage
from study.dashboard import connections, serve

SECONDS_FOR_A_VISITOR = 2.0


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    """Port and token of a dashboard that serves."""
    storage = open_storage(tmp_path / "reluctant.db")
    storage.create_or_get_study("flowers", ["maximize"])
    stopped, addresses = threading.Event(), queue.Queue[str]()
    options: dict[str, Any] = {"port": 0, "ready": addresses.put, "stop": stopped.is_set}
    options |= getattr(request, "param", {})
    server = threading.Thread(target=serve, args=(storage,), kwargs=options)
    server.start()
    try:
        address, token = addresses.get(timeout=60).split("/?token=")
        yield int(address.rsplit(":", 1)[1]), token
    finally:
        stopped.set()
        server.join(timeout=30)
        storage.close()
    assert not server.is_alive()


def visit(port: int, token: str) -> float:
    """Seconds until a visitor with the token has the studies, over a connection of his own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/api/studies", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.load(answer)["study_summaries"][0]["study_name"] == "flowers"
    finally:
        connection.close()
    return time.monotonic() - began


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


@contextmanager
def half_open(port: int, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent a beginning, and no more."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(connect(port)))
            opened[-1].sendall(sent)
        yield opened


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed a connection; waits for nothing."""
    connection.setblocking(False)
    try:
        return connection.recv(1024) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


BEGINNINGS = {
    "nothing": b"",
    "half a header": b"GET /api/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nX-a: ",
    "a header without its body": b"POST /api/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999\r\n\r\n{",
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_half_open_connections_keep_nobody_out(served: tuple[int, str], beginning: str) -> None:
    # Well before a stranger's time is over.
    until = time.monotonic() + connections._STRANGER_SECONDS / 2
    with half_open(served[0], 300, BEGINNINGS[beginning]) as opened:
        assert max(visit(*served) for _ in range(5)) < SECONDS_FOR_A_VISITOR
        # Only so many may wait at the same time, and none of them for long.
        while sum(map(is_closed, opened)) < 250:
            assert time.monotonic() < until
            time.sleep(0.05)
        until = time.monotonic() + 3 * connections._STRANGER_SECONDS
        while not all(map(is_closed, opened)):
            assert time.monotonic() < until
            time.sleep(0.1)


def test_clients_that_send_a_byte_now_and_then_keep_nobody_out(served: tuple[int, str]) -> None:
    stopped = threading.Event()

    def drip(number: int) -> None:
        while not stopped.is_set():
            try:
                with connect(served[0]) as slow:
                    slow.sendall(b"GET /api/studies HTTP/1.1\r\n")
                    while not stopped.wait(0.2):
                        slow.sendall(b"X-slow: %d\r\n" % number)
            except OSError:
                continue

    clients = [threading.Thread(target=drip, args=(number,)) for number in range(80)]
    for client in clients:
        client.start()
    try:
        time.sleep(1)
        waits = [visit(*served) for _ in range(10)]
    finally:
        stopped.set()
        for client in clients:
            client.join(timeout=30)
    assert max(waits) < SECONDS_FOR_A_VISITOR, statistics.median(waits)


def test_large_bodies_are_not_taken_from_strangers(
    served: tuple[int, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled = tmp_path / "spooled"
    spooled.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spooled))
    stopped, sent = threading.Event(), [0]

    def pour() -> None:
        while not stopped.is_set():
            try:
                with connect(served[0]) as large:
                    large.sendall(b"POST /api/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n\r\n")
                    while not stopped.is_set():
                        sent[0] += large.send(bytes(65536))
            except OSError:
                continue

    clients = [threading.Thread(target=pour) for _ in range(20)]
    for client in clients:
        client.start()
    try:
        time.sleep(1)
        waits = [visit(*served) for _ in range(10)]
        assert list(spooled.iterdir()) == []
    finally:
        stopped.set()
        for client in clients:
            client.join(timeout=30)
    assert sent[0] > 0
    assert max(waits) < SECONDS_FOR_A_VISITOR, statistics.median(waits)


def answer_to(port: int, sent: bytes) -> bytes:
    with connect(port) as connection:
        connection.sendall(sent)
        found = b""
        try:
            while part := connection.recv(65536):
                found += part
        except ConnectionError:
            pass
    return found


@pytest.mark.parametrize(
    "length",
    [b"Content-Length: 300000000", b"Transfer-Encoding: chunked", b"Content-Length: 5\r\nExpect: 100-continue"],
)
def test_the_guards_answer_before_the_body_is_there(served: tuple[int, str], length: bytes) -> None:
    port, token = served
    host, bearer = b"Host: 127.0.0.1:%d\r\n" % port, b"Authorization: Bearer " + token.encode() + b"\r\n"
    for headers, status in ((b"Host: evil.example\r\n", b"421"), (host, b"401"), (host + bearer, b"403")):
        answer = answer_to(port, b"POST /api/studies HTTP/1.1\r\n" + headers + length + b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 " + status), answer
        assert b"Referrer-Policy: no-referrer" in answer
        assert b"refused: " in answer
        assert b"100 Continue" not in answer


@pytest.mark.parametrize("served", [{"allow_edit": True}], indirect=True)
def test_a_visitor_s_body_has_a_bound_and_a_time(served: tuple[int, str]) -> None:
    port, token = served
    headers = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n".encode()
    post = b"POST /api/studies HTTP/1.1\r\nConnection: close\r\n" + headers
    content = json.dumps({"study_name": "new", "directions": ["maximize"]}).encode()
    length = b"Content-Length: %d\r\n\r\n" % len(content)
    assert answer_to(port, post + length + content).startswith(b"HTTP/1.1 201")
    with connect(port) as careful:
        careful.sendall(post + b"Expect: 100-continue\r\n" + length)
        assert careful.recv(1024).startswith(b"HTTP/1.1 100")
        careful.sendall(content)
        assert careful.recv(1024).startswith(b"HTTP/1.1 400")  # the name is taken by now
    assert answer_to(port, post + b"Content-Length: 1048576\r\n\r\n").startswith(b"HTTP/1.1 413")
    chunks = b"40000\r\n" + bytes(0x40000) + b"\r\n"
    assert b"HTTP/1.1 413" in answer_to(port, post + b"Transfer-Encoding: chunked\r\n\r\n" + 5 * chunks)
    assert answer_to(port, b"GET / HTTP/1.1\r\nX-a: " + bytes(20_000)).startswith(b"HTTP/1.0 431")


def test_a_visitor_keeps_a_connection_under_many_others(served: tuple[int, str]) -> None:
    port, token = served
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(3):
        kept.request("GET", "/api/studies", headers={"Authorization": f"Bearer {token}"})
        assert kept.getresponse().read()
        with half_open(port, 100, b"GET /"):
            pass
    source = kept.sock
    assert source is not None
    kept.close()


def channel(host: str, *, begun: float = 0.0, visited: float | None = None, busy: bool = False) -> Any:
    """A connection: a stranger's that began at a time, or a visitor's that was last active at one."""
    return SimpleNamespace(
        addr=(host, 1),
        requests=["one"] if busy else [],
        begun=begun,
        admitted=visited is not None,
        last_activity=100.0 if visited is None else visited,
    )


def test_the_oldest_stranger_of_a_crowded_host_makes_room() -> None:
    others = [channel("b", begun=1.0)]
    crowd = [channel("a", begun=5.0 + number) for number in range(connections._MOST_FROM_ONE_HOST)]
    assert connections._one_too_many([*others, *crowd]) is None
    # It sends a byte now and then, which makes it no younger.
    oldest = channel("a", begun=4.0)
    assert connections._one_too_many([*others, *crowd, oldest]) is oldest


def test_where_all_hosts_together_are_too_many_any_of_them_makes_room() -> None:
    def of(host: str, **named: Any) -> list[Any]:
        return [channel(host, **named) for _ in range(connections._MOST // 8)]

    # Visitors of the host with most connections are no reason to send strangers of others away later.
    many = [one for number in range(7) for one in of(f"host {number}", visited=9.0)] + of("host 0", visited=8.0)
    assert connections._one_too_many(many) is None
    newest, oldest = channel("x", begun=7.0), channel("y", begun=3.0)
    assert connections._one_too_many([*many, newest, oldest]) is oldest
    assert connections._one_too_many([*many, channel("x", visited=7.0)]).last_activity == 7.0
    busy = [channel(one.addr[0], busy=True) for one in many]
    assert connections._one_too_many([*busy, channel("x", busy=True)]) is None
