"""The dashboard's server: where it listens, and the checks between a request and optuna-dashboard."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import logging
import os
import secrets
import select
import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from reluctant.errors import ReluctantError
from study.dashboard.compression import compressed
from study.dashboard.editing import Editing
from study.dashboard.guard import contained, local, read_only, same_origin, with_token
from study.dashboard.pages import Extras, feasible_best

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from storage import CohortStorage

ADDRESS = "127.0.0.1"
_LOCAL_NAMES = (ADDRESS, "localhost", "[::1]")
_POLL_SECONDS = 0.25


class PortError(ReluctantError, OSError):
    """The dashboard cannot listen at the given address and port."""


def serve(
    storage: CohortStorage,
    *,
    host: str = ADDRESS,
    port: int = 8080,
    token: str | None = None,
    allow_edit: bool = False,
    ready: Callable[[str], None] = lambda url: None,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Serves the dashboard until `stop` says so.

    When it returns, or lets a `KeyboardInterrupt` pass, all its connections and threads have ended; the caller closes
    the storage.

    Args:
        storage: The studies to show.
        host: Address to listen on. There is no TLS: everybody on the way can read everything.
        port: Port to listen on; 0 is any free port.
        token: Secret that a visitor has to know; None: a random one.
        allow_edit: Whether those who know the token may change and delete studies.
        ready: Called with the dashboard's address, token included, once it answers.
        stop: Asked about four times a second.

    Raises:
        PortError: The address or port is in use or not available.
    """
    with contextlib.closing(_listen(host, port)) as listening:
        from waitress import wasyncore

        from study.dashboard.connections import Server, judging

        # A full queue is no news: the dashboard asks for several things at once.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        port, token = listening.getsockname()[1], token or secrets.token_urlsafe(24)
        names = names_of(host)
        extras = _extras(storage)
        guard = functools.partial(guarded, port=port, token=token, names=names, allow_edit=allow_edit)
        app = application(storage, port, token=token, names=names, allow_edit=allow_edit, extras=extras)
        extras.warm(stop)
        sockets: dict[int, Any] = {}
        server = Server(app, listening, judging(guard), sockets)
        try:
            ready(f"http://{next(iter(names))}:{port}/?token={token}")
            while not stop():
                wasyncore.loop(timeout=_POLL_SECONDS, map=sockets, count=1, use_poll=hasattr(select, "poll"))
                server.close_overdue()
        finally:
            server.task_dispatcher.shutdown()
            wasyncore.close_all(sockets)


def application(
    storage: CohortStorage,
    port: int,
    *,
    token: str,
    names: Collection[str] = _LOCAL_NAMES,
    allow_edit: bool = False,
    extras: Extras | None = None,
) -> WSGIApplication:
    """The dashboard as a WSGI application.

    Args:
        storage: The studies to show.
        port: The port that it will be reached at.
        token: Secret that a visitor has to know.
        names: Names and addresses that it answers to.
        allow_edit: Whether studies may be changed and deleted.
        extras: Our figures and advice; None: new ones.
    """
    from optuna_dashboard import wsgi

    extras = extras or _extras(storage)
    app = wsgi(extras.cached)
    app.install(feasible_best(extras.cached))
    app.install(extras.plugin(advise=not allow_edit))
    app.install(Editing(storage, extras.cached))
    return guarded(compressed(app), port=port, token=token, names=names, allow_edit=allow_edit)


def guarded(
    app: WSGIApplication, *, port: int, token: str, names: Collection[str], allow_edit: bool
) -> WSGIApplication:
    """An application behind all guards, which read nothing but a request's header; see `application`."""
    permitted = same_origin(app) if allow_edit else read_only(app)
    return contained(local(with_token(permitted, token, f"reluctant-{port}"), port, names))


def _extras(storage: CohortStorage) -> Extras:
    from study.dashboard.cached_studies import CachedStudies

    return Extras(storage, CachedStudies(storage))


def names_of(host: str) -> tuple[str, ...]:
    """Names that a request may be addressed to where the dashboard listens on `host`, the one to open first.

    Example:
        >>> names_of("127.0.0.1")
        ('127.0.0.1', 'localhost', '[::1]')
        >>> names_of("0:0::1")
        ('[::1]', '127.0.0.1', 'localhost')
    """
    with contextlib.suppress(ValueError):
        host = str(ipaddress.ip_address(host))  # as browsers write it
    if host == "localhost":
        return _LOCAL_NAMES
    names = [_bracketed(host.lower())] if host not in ("0.0.0.0", "::") else []
    if host in (ADDRESS, "::1"):
        return tuple(dict.fromkeys([*names, *_LOCAL_NAMES]))
    own = [socket.gethostname().lower(), socket.getfqdn().lower()]
    if not names:
        with contextlib.suppress(OSError):
            own += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)]
    return tuple(dict.fromkeys([*names, *map(_bracketed, own), *_LOCAL_NAMES]))


def is_local(host: str) -> bool:
    """Whether only this machine reaches an address.

    Example:
        >>> is_local("127.0.0.1"), is_local("localhost"), is_local("0.0.0.0")
        (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket."""
    if not 0 <= port <= 65535:
        raise PortError(f"{port} is no port; give --port a number from 0, which is any free port, to 65535")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # `::` is every address, those of IPv4 too, as for other servers.
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=128, dualstack_ipv6=both)
    except OSError as error:
        reason = os.strerror(error.errno) if isinstance(error.errno, int) and error.errno > 0 else str(error)
        raise PortError(
            f"port {port} on {host} cannot be used ({reason}); it has to be free, and the address this machine's; "
            "choose another with --port or --host, or let --port 0 find one"
        ) from None
