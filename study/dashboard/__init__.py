"""optuna-dashboard over an open database: closed by default, cached, compressed, with our figures."""

from __future__ import annotations

from study.dashboard.server import PortError, application, is_local, serve

__all__ = ["PortError", "application", "is_local", "serve"]
