"""Hides passwords in everything that people see: places of databases, messages, logs, tracebacks."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_SECRET = r"[\w-]*(?:password|passwd|passfile)"
_PATTERNS = (
    # The user's part of a URL, up to the last @ of the word: a password may hold that, too.
    (re.compile(r"(://[^:/@\s'\"]*):\S*@"), rf"\1:{HIDDEN}@"),
    # A URL's query, a connection string, an environment: password=…, passfile=…, PGPASSWORD=….
    (re.compile(rf"(?i)(?<![\w-])({_SECRET})=(?:'[^']*'|\"[^\"]*\"|[^\s&'\",;)]+)"), rf"\1={HIDDEN}"),
    # The same as Python and JSON show a mapping.
    (re.compile(rf"(?i)(['\"])({_SECRET})\1(\s*:\s*)(['\"]).*?(?<!\\)\4"), rf"\1\2\1\3\4{HIDDEN}\4"),
    # What libpq adds to a refusal.
    (re.compile(r'(?i)(password retrieved from file )"[^"]*"'), rf'\1"{HIDDEN}"'),
)


def without_password(text: str, *, secrets: Collection[str] = ()) -> str:
    """Hide the passwords in a URL, in what a user gave as one, or in any text that holds some.

    Args:
        text: The text.
        secrets: Passwords that are known; they are hidden wherever they stand. That of libpq's environment variable
            PGPASSWORD always is.

    Example:
        >>> without_password("postgresql+psycopg://ann:secret@host/studies")
        'postgresql+psycopg://ann:***@host/studies'
        >>> without_password("cannot reach postgresql://host/studies?user=ann&password=secret&sslmode=require")
        'cannot reach postgresql://host/studies?user=ann&password=***&sslmode=require'
    """
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    for secret in (*secrets, os.environ.get("PGPASSWORD", "")):
        # Shorter ones would be found in any word.
        for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
            if len(form) >= 3:
                text = text.replace(form, HIDDEN)
    return text


def as_given(url: str) -> str:
    """What a user gave as a URL, with a password hidden that has blanks in it, too."""
    return without_password("%20".join(url.split()))
