"""Telling whoever does the jobs that one is due."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from engine.core.errors import ConfigurationError

# Told how many jobs of which kinds are due.
Waker = Callable[[Mapping[str, int]], None]

_wakers: list[Waker] = []


def use_waker(path: str | None) -> None:
    """Let the function at the dotted `path` (`settings.waker`) wake the jobs of this process; None changes nothing.

    Named and not imported, so that nothing loads a broker's client that has no broker.
    """
    if path is None:
        return
    module, _, name = path.rpartition(".")
    try:
        waker = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"PARVIS_WAKER names {path}, which can't be imported: {error}") from error
    if waker not in _wakers:
        _wakers.append(waker)


def add(waker: Waker) -> None:
    """Have `waker` called too."""
    _wakers.append(waker)


def remove(waker: Waker) -> None:
    """Have `waker` called no more."""
    _wakers.remove(waker)


def wake(kinds: Mapping[str, int]) -> None:
    """Tell whoever does the jobs how many of which kinds are due; never waits, never fails the request."""
    for waker in _wakers:
        waker(kinds)
