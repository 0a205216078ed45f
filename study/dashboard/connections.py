"""Connections of the dashboard: judged when a request's header is there, bounded in number, size and time.

waitress alone reads the body of a request before the application sees it, waits two minutes for the rest of one that
was begun, and accepts nobody where a hundred clients are connected. Here a body is read only of those who are let in,
and whoever has not shown the token makes room for others.
"""

from __future__ import annotations

import functools
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.utilities import Error, RequestEntityTooLarge

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_THREADS = 6  # a browser opens six connections to one host
_LARGEST_HEADER, _LARGEST_BODY = 16 * 2**10, 2**20
_MOST_FROM_ONE_HOST, _MOST = 48, 192
# Seconds until a stranger's request, and one of a visitor who is let in, must be there as a whole.
_STRANGER_SECONDS, _VISITOR_SECONDS = 5.0, 30.0
_IDLE_SECONDS = 60


@dataclass(frozen=True)
class Judgement:
    """What the guards say to the header of a request.

    Attributes:
        admitted: Whether its sender knows the token.
        status: The answer's status, where a guard answers it.
        headers: The answer's headers.
        body: The answer's body.
    """

    admitted: bool
    status: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Judge = Callable[["WSGIEnvironment"], Judgement]


def judging(guards: Callable[[WSGIApplication], WSGIApplication]) -> Judge:
    """What guards around an application say to a request, before there is a body to it.

    Args:
        guards: Puts the guards around an application. They read the header alone.
    """
    passed: list[bool] = []

    def judge(environ: WSGIEnvironment) -> Judgement:
        passed.clear()
        answers: list[Any] = []
        body = b"".join(guarded(environ, lambda *answer: answers.append(answer)))  # type: ignore[arg-type]
        if passed:
            return Judgement(admitted=True)
        status, headers = answers[0][:2]
        return Judgement(status.startswith("303"), status, tuple(headers), body)

    def app(environ: WSGIEnvironment, start_response: object) -> list[bytes]:
        passed.append(True)
        return []

    guarded = guards(app)
    return judge


class _RefusalError(Error):  # type: ignore[misc]
    """A guard's answer in place of the application's."""

    def __init__(self, judgement: Judgement) -> None:
        super().__init__("")
        self._judgement = judgement

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body."""
        return self._judgement.status, list(self._judgement.headers), self._judgement.body


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """A request whose header is judged before its body is read."""

    def __init__(self, adj: Adjustments, *, judge: Judge) -> None:
        super().__init__(adj)
        self._judge = judge
        self.admitted = False
        self.error: Error | None = None
        self._judged = False

    def received(self, data: bytes) -> int:
        """Takes the next bytes; returns how many of them belong to this request."""
        count: int = super().received(data)
        if self.headers_finished and not self._judged and not self.empty:
            self._judged = True
            if self.error is None or isinstance(self.error, RequestEntityTooLarge):
                judgement = self._judge(self._environ())
                self.admitted = judgement.admitted
                if judgement.status and (self.body_rcv is not None or self.error is not None):
                    self.error, self.completed = _RefusalError(judgement), True
            if self.error is not None:
                self.expect_continue = False  # nobody is asked for a body that is not wanted
        return count

    def _environ(self) -> WSGIEnvironment:
        named = {f"HTTP_{name}": value for name, value in self.headers.items()}
        return {"REQUEST_METHOD": self.command, "PATH_INFO": self.path, "QUERY_STRING": self.query, **named}


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection; it begins as a stranger's, and is a visitor's from the first request on that is let in."""

    def __init__(self, server: Server, *args: Any, **named: Any) -> None:
        self.parser_class = functools.partial(_Parser, judge=server.judge)
        self.begun = time.monotonic()
        self.admitted = False
        super().__init__(server, *args, **named)

    def received(self, data: bytes) -> bool:
        """Takes the next bytes."""
        if self.request is None:
            self.begun = time.monotonic() if self.admitted else self.begun
        taken = bool(super().received(data))
        known = [*self.requests, *filter(None, [self.request])]
        self.admitted = self.admitted or any(getattr(request, "admitted", False) for request in known)
        return taken

    @property
    def overdue(self) -> bool:
        """Whether a request, or the taking of an answer, lasts too long."""
        if self.requests:
            return False
        seconds = time.monotonic() - self.begun
        if not self.admitted:
            return seconds > _STRANGER_SECONDS
        return self.request is not None and seconds > _VISITOR_SECONDS


class Server(TcpWSGIServer):  # type: ignore[misc]
    """A server whose connections are bounded.

    Args:
        app: The application.
        listening: A listening socket.
        judge: Judges a request by its header.
        sockets: Filled with everything that the server's loop watches.
    """

    channel_class = _Channel

    def __init__(self, app: WSGIApplication, listening: socket.socket, judge: Judge, sockets: dict[int, Any]) -> None:
        self.judge = judge
        limits = Adjustments(
            sockets=[listening],
            threads=_THREADS,
            max_request_header_size=_LARGEST_HEADER,
            max_request_body_size=_LARGEST_BODY,
            inbuf_overflow=_LARGEST_BODY,  # no body is written to the disk
            connection_limit=2 * _MOST,
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=5,
            ident="reluctant",
        )
        where = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(app, sockets, True, listening, None, limits, where, bind_socket=False)

    def handle_accept(self) -> None:
        """Accepts a connection; where there are too many, the oldest stranger's is closed, or an idle visitor's."""
        super().handle_accept()
        one = _one_too_many(list(self.active_channels.values()))
        if one is not None:
            one.handle_close()

    def close_overdue(self) -> None:
        """Closes connections whose request does not come; to be called between two turns of the loop."""
        for channel in list(self.active_channels.values()):
            if channel.overdue:
                channel.handle_close()


def _one_too_many(channels: Sequence[_Channel]) -> _Channel | None:
    """The connection to close: one of a host that has too many, or of any host where all together are too many.

    The oldest of the strangers' is taken, and where there are none, the visitor's that was idle for longest.
    """
    hosts = Counter(channel.addr[0] for channel in channels)
    crowded = [channel for channel in channels if hosts[channel.addr[0]] > _MOST_FROM_ONE_HOST]
    idle = [channel for channel in crowded if not channel.requests]
    if not idle and len(channels) > _MOST:
        idle = [channel for channel in channels if not channel.requests]
    # The two clocks differ, and so do strangers and visitors: one is never held against the other.
    return min(
        idle,
        key=lambda channel: (channel.admitted, channel.last_activity if channel.admitted else channel.begun),
        default=None,
    )
