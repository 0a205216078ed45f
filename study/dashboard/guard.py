"""Who is answered, and what may be asked: the Host check, the token, and no change unless it is allowed."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_READING = ("GET", "HEAD")


def local(app: WSGIApplication, port: int, names: Collection[str]) -> WSGIApplication:
    """An application that answers only requests addressed to this machine by one of its names.

    A page of another site can have its own name resolve to this machine (DNS rebinding); the browser then takes the
    dashboard for a part of that site. The `Host` header still carries the other name.

    Args:
        app: The application.
        port: The port that it is reached at.
        names: The machine's names and addresses, lower case; the first is the one to recommend.
    """
    allowed = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())
    first = next(iter(names))

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if host.lower() in allowed:
            return app(environ, start_response)
        return _refuse(
            environ,
            start_response,
            "421 Misdirected Request",
            f"refused: this request is addressed to {host!r}; the dashboard answers to "
            f"{' and '.join(f'{name}:{port}' for name in names)}; open http://{first}:{port} (a tunnel has to end at "
            "the same port number)",
        )

    return guarded


def with_token(app: WSGIApplication, token: str, cookie: str) -> WSGIApplication:
    """An application that answers only those who know the token.

    It is given as `?token=…`, which a browser trades for a cookie that no script and no other site can use; as that
    cookie; or as `Authorization: Bearer …`.

    Args:
        app: The application.
        token: The secret.
        cookie: The cookie's name. Cookies are shared by all ports of a host, so it should tell the port.
    """

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if any(name == "token" and _same(value, token) for name, value in query):
            if environ["REQUEST_METHOD"] not in _READING:
                return app(environ, start_response)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            # One slash: two would begin another host's address.
            path = "/" + quote(environ.get("PATH_INFO", "").lstrip("/"), encoding="latin-1")
            headers = [
                ("Location", f"{path}?{rest}" if rest else path),
                ("Set-Cookie", f"{cookie}={token}; Path=/; HttpOnly; SameSite=Strict"),
                ("Cache-Control", "no-store"),
                ("Referrer-Policy", "no-referrer"),
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", "0"),
            ]
            start_response("303 See Other", headers)
            return []
        if _same(_cookie(environ, cookie), token) or _same(_bearer(environ), token):
            return app(environ, start_response)
        return _refuse(
            environ,
            start_response,
            "401 Unauthorized",
            "refused: the token is needed; open the address that `reluctant dashboard` printed, with its ?token=…",
            ("WWW-Authenticate", "Bearer"),
        )

    return checked


def read_only(app: WSGIApplication) -> WSGIApplication:
    """An application that is only read: everything but GET and HEAD is refused."""

    def reading(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in _READING:
            return app(environ, start_response)
        return _refuse(
            environ,
            start_response,
            "403 Forbidden",
            "refused: the dashboard is read only; start it with --allow-edit to change or delete studies",
        )

    return reading


def same_origin(app: WSGIApplication) -> WSGIApplication:
    """An application that lets no other site's page change anything.

    To a browser another port of this machine is the same site, whose requests carry the cookie; its origin differs.
    """

    def judging(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        origin = environ.get("HTTP_ORIGIN")
        if environ["REQUEST_METHOD"] in _READING or origin in (None, f"http://{environ.get('HTTP_HOST', '')}"):
            return app(environ, start_response)
        return _refuse(environ, start_response, "403 Forbidden", f"refused: a page of {origin!r} asked for a change")

    return judging


_CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",  # WebGL's figures are compiled in the page
        "style-src 'self' data: 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
_CONTAINING = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_TITLES = {name.title() for name in _CONTAINING}


def contained(app: WSGIApplication) -> WSGIApplication:
    """An application whose pages run no scripts but its own files, which no other page frames or refers to.

    What a note or an artifact holds, whoever wrote it into the database, is text and pictures to the browser: no script
    in it runs, nothing is loaded from elsewhere, and no form of it is sent.
    """

    def answering(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: object) -> object:
            kept = [(name, value) for name, value in headers if name.title() not in _TITLES]
            return start_response(status, [*kept, *_CONTAINING.items()], *rest)  # type: ignore[arg-type]

        return app(environ, start)  # type: ignore[arg-type]

    return answering


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, status: str, text: str, *headers: tuple[str, str]
) -> list[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers]
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def _cookie(environ: WSGIEnvironment, name: str) -> str:
    pairs = (pair.strip().partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
    return next((value for key, _, value in pairs if key == name), "")


def _bearer(environ: WSGIEnvironment) -> str:
    kind, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""
