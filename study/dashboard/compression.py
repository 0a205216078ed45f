"""Answers compressed with gzip: optuna-dashboard sends a study's trials as they are."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.headers import Headers

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Below this many bytes a compressed answer is no smaller on the wire.
_SMALLEST = 1024
# Half the time of level 6, for an answer a third larger: it seldom leaves this machine.
_GZIP_LEVEL = 1


def compressed(app: WSGIApplication) -> WSGIApplication:
    """An application whose answers are compressed with gzip for clients that accept it.

    That is those that lie whole in memory, as a list; files and other streams pass as they are, and so does what is
    small or encoded already.

    Args:
        app: The application. It gets "gzip" or "" as the accepted encodings, whatever the client sent.
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
