"""Logs and traces of a process, started once and before its database is opened."""

from __future__ import annotations

from engine.core import logs, traces
from engine.core.config import Settings


def start(settings: Settings) -> None:
    """Log and trace as the settings ask."""
    logs.set_up(settings.log, settings.log_level)
    traces.start(settings.traces_url)
