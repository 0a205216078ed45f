"""Any number of workers on one study, none of them trusted: the loop, one cohort's way, and how workers are started."""

from __future__ import annotations
