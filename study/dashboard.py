"""optuna-dashboard over our database, for this machine only."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from reluctant.errors import ReluctantError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from storage import CohortStorage

HOST = "127.0.0.1"
SMALLEST_COMPRESSED = 1024


class DashboardError(ReluctantError, OSError):
    """The dashboard cannot be served."""


def serve(storage: CohortStorage, *, port: int, ready: Callable[[str], None] = lambda url: None) -> None:
    """Serves the dashboard until a KeyboardInterrupt.

    Args:
        storage: The database that is shown.
        port: Port on 127.0.0.1; 0 takes any free one.
        ready: Told the address once it answers.

    Raises:
        DashboardError: The port is in use.
    """
    import waitress

    application = build(storage)
    try:
        server = waitress.create_server(application, host=HOST, port=port, threads=4)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise DashboardError(
            f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with --port, or 0 for any"
        ) from None
    try:
        ready(f"http://{HOST}:{server.effective_port}")
        server.run()
    finally:
        server.close()


def build(storage: CohortStorage) -> WSGIApplication:
    """The dashboard as a WSGI application: on a cached storage, compressed, for local host names only.

    A URL would make optuna-dashboard read every trial again at every poll; the cache reads what is new.
    """
    from optuna.storages import get_storage
    from optuna_dashboard import wsgi

    application: WSGIApplication = wsgi(get_storage(storage))
    return _local_only(_compressed(application))


def _local_only(application: WSGIApplication) -> WSGIApplication:
    """Refuses foreign Host headers: a page elsewhere whose name was pointed at this machine (DNS rebinding)."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ.get("HTTP_HOST", "").rsplit(":", 1)[0]
        if name in ("localhost", HOST):
            return application(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
        return [b"this dashboard answers to localhost and 127.0.0.1 only\n"]

    return answer


def _compressed(application: WSGIApplication) -> WSGIApplication:
    """Compresses answers with gzip where the browser takes it; a large study shrinks to a tenth."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "gzip" not in environ.get("HTTP_ACCEPT_ENCODING", "") or environ["REQUEST_METHOD"] == "HEAD":
            return application(environ, start_response)
        started: list[Any] = []

        def hold(status: str, headers: list[tuple[str, str]], error: Any = None) -> Callable[[bytes], object]:
            started[:] = [status, headers, error]
            return unwritable

        def unwritable(piece: bytes) -> object:
            raise NotImplementedError("optuna-dashboard returns its answers, it does not write them")

        pieces = application(environ, hold)
        try:
            body = b"".join(pieces)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        status, headers, error = started
        named = {name.lower() for name, _ in headers}
        if len(body) >= SMALLEST_COMPRESSED and "content-encoding" not in named:
            body = gzip.compress(body, compresslevel=5, mtime=0)
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers += [
                ("Content-Encoding", "gzip"),
                ("Content-Length", str(len(body))),
                ("Vary", "Accept-Encoding"),
            ]
        start_response(status, headers, error)
        return [body]

    return answer
