"""optuna-dashboard over an open database: on this machine only, cached, and compressed."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import re
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.headers import Headers

from reluctant.errors import ReluctantError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

    from storage import CohortStorage

_View = Callable[..., Any]

ADDRESS = "127.0.0.1"
_NAMES = ("localhost", ADDRESS, "[::1]")
# A browser opens six connections to one host.
_THREADS = 6
_POLL_SECONDS = 0.25
# Below this many bytes a compressed answer is no smaller on the wire.
_SMALLEST = 1024
# Half the time of level 6, for an answer a third larger: it seldom leaves this machine.
_GZIP_LEVEL = 1


class PortError(ReluctantError, OSError):
    """The dashboard cannot listen on the port that it was given."""


def serve(
    storage: CohortStorage,
    *,
    port: int = 8080,
    ready: Callable[[str], None] = lambda url: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Serves the dashboard on 127.0.0.1 until somebody asks for the end.

    It returns, or passes a `KeyboardInterrupt` on, with all its connections and threads ended; the storage is then
    the caller's to close.

    Args:
        storage: The studies to show. Whoever reaches the dashboard can also rename and delete them.
        port: Where to listen; 0 is any free port.
        ready: Told the dashboard's address once it answers.
        stop: Asked about four times a second.

    Raises:
        PortError: The port is in use, or not to be had.
    """
    with contextlib.closing(_listen(port)) as listening:
        from waitress import wasyncore
        from waitress.server import create_server

        # A full queue is no news: the dashboard asks for several things at once.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        port = listening.getsockname()[1]
        sockets: dict[int, Any] = {}
        server = create_server(application(storage, port), map=sockets, sockets=[listening], threads=_THREADS)
        try:
            ready(f"http://{ADDRESS}:{port}")
            while not stop():
                wasyncore.loop(timeout=_POLL_SECONDS, map=sockets, count=1)
        finally:
            server.task_dispatcher.shutdown()
            wasyncore.close_all(sockets)


def application(storage: CohortStorage, port: int) -> WSGIApplication:
    """The dashboard as a WSGI application.

    Args:
        storage: The studies to show.
        port: The port that it will be reached at.
    """
    from optuna.storages import get_storage
    from optuna_dashboard import wsgi

    # Without Optuna's cache, every poll of a page reads every trial again.
    cached = get_storage(storage)
    app = wsgi(cached)
    app.install(_feasible_best(cached))
    return local(compressed(app), port)


def local(app: WSGIApplication, port: int) -> WSGIApplication:
    """An application that answers only requests addressed to this machine by name.

    A page of another site can have its own name resolve to 127.0.0.1 (DNS rebinding); the browser then takes the
    dashboard for a part of that site. The `Host` header still carries the other name.

    Args:
        app: The application.
        port: The port that it is reached at.
    """
    allowed = {f"{name}:{port}" for name in _NAMES}
    if port == 80:
        allowed.update(_NAMES)

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if host.lower() in allowed:
            return app(environ, start_response)
        text = (
            f"refused: this request is addressed to {host!r}; the dashboard answers to localhost:{port} and "
            f"{ADDRESS}:{port}; open http://{ADDRESS}:{port} (a tunnel has to end at the same port number)\n"
        ).encode()
        start_response(
            "421 Misdirected Request",
            [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))],
        )
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]

    return guarded


def compressed(app: WSGIApplication) -> WSGIApplication:
    """An application whose answers are compressed with gzip for clients that accept it.

    That is those that lie whole in memory, as a list; files and other streams pass as they are, and so does what is
    small or encoded already.

    Args:
        app: The application. It is told "gzip" or "" as the accepted encodings, whatever the client wrote.
    """

    def compressing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        accepted = accepts_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
        head = environ["REQUEST_METHOD"] == "HEAD"
        # The headers of HEAD are those of GET, whose length is known only after compressing.
        asked = {
            **environ,
            "HTTP_ACCEPT_ENCODING": "gzip" if accepted else "",
            "REQUEST_METHOD": "GET" if head else environ["REQUEST_METHOD"],
        }
        status, headers, written = "", Headers(), list[bytes]()

        def keep(
            its_status: str, its_headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = its_status, Headers(list(its_headers))
            return written.append

        body = app(asked, keep)
        if written:
            body = [*written, *body]
        headers.add_header("Vary", "Accept-Encoding")
        if isinstance(body, list) and accepted and "Content-Encoding" not in headers:
            whole = b"".join(body)
            if len(whole) >= _SMALLEST:
                body = [gzip.compress(whole, _GZIP_LEVEL, mtime=0)]
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(body[0]))
        start_response(status, headers.items())
        if not head:
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return compressing


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` header accepts gzip (RFC 9110, section 12.5.3).

    Example:
        >>> accepts_gzip("deflate, gzip;q=0.5"), accepts_gzip("br, gzip;q=0"), accepts_gzip("*")
        (True, False, True)
    """
    codings: dict[str, bool] = {}
    for item in header.lower().split(","):
        coding, _, weight = item.partition(";")
        codings[coding.strip()] = re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return codings.get("gzip", codings.get("*", False))


def _feasible_best(storage: BaseStorage) -> Callable[[_View], _View]:
    """A Bottle plugin that names feasible trials alone as a study's best; optuna-dashboard asks for the values only."""
    from optuna.study import StudyDirection
    from optuna.trial import TrialState
    from optuna_dashboard._pareto_front import get_pareto_front_trials
    from optuna_dashboard._serializer import serialize_frozen_trial

    def best(study_id: int) -> list[FrozenTrial]:
        complete = storage.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        feasible = [trial for trial in complete if all(value <= 0 for value in trial.constraints.values())]
        directions = storage.get_study_directions(study_id)
        if len(directions) > 1:
            return list(get_pareto_front_trials(feasible, directions))
        sign = 1 if directions[0] is StudyDirection.MAXIMIZE else -1
        return sorted(feasible, key=lambda trial: -sign * trial.values[0])[:1]

    def plugin(view: _View) -> _View:
        def answer(*args: Any, **named: Any) -> Any:
            result = view(*args, **named)
            # Where no infeasible trial is among the best, none has displaced a feasible one.
            if isinstance(result, dict) and any(
                value > 0 for trial in result.get("best_trials", ()) for value in trial["constraints"]
            ):
                study_id = named["study_id"]
                attributes = storage.get_study_system_attrs(study_id)
                result["best_trials"] = [
                    serialize_frozen_trial(study_id, trial, attributes) for trial in best(study_id)
                ]
            return result

        return answer

    return plugin


def _listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1."""
    if not 0 <= port <= 65535:
        raise PortError(f"{port} is no port; give --port a number from 0, which is any free port, to 65535")
    try:
        return socket.create_server((ADDRESS, port), backlog=128)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PortError(
            f"port {port} on {ADDRESS} cannot be used ({reason}); it has to be free; "
            "choose another with --port, or let --port 0 find one"
        ) from None
