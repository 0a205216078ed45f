"""The exit codes of the command."""

from __future__ import annotations

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
CONTACT_LOST = 75
"""The database was out of reach for too long: what `sysexits.h` calls a temporary failure; try again later."""
