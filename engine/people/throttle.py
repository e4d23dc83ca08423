"""Throttling: how often something may be tried, so that guessing is slow and nobody is ever locked out for good.

Token buckets: a try takes a token, tokens come back with time. They must outlive the rollback of a refused try, so they aren't in
the database. One process keeps them in its memory; several share a store that the settings name (`Store`). A process remembers
what the store last told it, and counts for itself from there while the store doesn't answer: the limit is then multiplied by
the number of processes, and no more.
"""

from __future__ import annotations

import importlib
import ipaddress
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.core import clock
from engine.core.errors import ConfigurationError, Throttled

_REMEMBERED = 50_000


@dataclass(frozen=True)
class Limit:
    """`burst` tries at once, then one each `every`."""

    name: str
    burst: int
    every: timedelta


# A city hall's public computers share an address: the limit by address is wide, the one by account and network is narrow.
SIGN_IN_ADDRESS = Limit("sign-in-address", burst=60, every=timedelta(seconds=5))
SIGN_IN_ACCOUNT = Limit("sign-in-account", burst=6, every=timedelta(seconds=60))


class Store(Protocol):
    """Where processes count together. It never raises, and never keeps anyone waiting who needn't: memory is there."""

    def take(self, limit: Limit, key: str) -> float | None:
        """How many tokens there were, of which one is taken if it was whole; None when the store doesn't answer."""

    def give_back(self, limit: Limit, key: str) -> None:
        """Forget the tries of `key`."""


_store: Store | None = None
_lock = threading.Lock()
_buckets: OrderedDict[tuple[str, str], tuple[float, datetime]] = OrderedDict()


def use_store(path: str | None) -> None:
    """Count in what the callable at the dotted `path` (`settings.throttle`) makes; with None, in this process's memory alone.

    Named and not imported, so that nothing loads a client of Redis that has no Redis.
    """
    global _store
    if path is None:
        _store = None
        return
    module, _, name = path.rpartition(".")
    try:
        made = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"PARVIS_THROTTLE names {path}, which can't be imported: {error}") from error
    _store = made()


def take(limit: Limit, key: str) -> None:
    """Count one try of `key`, or raise `Throttled` with the seconds to wait."""
    told = _store.take(limit, key) if _store else None
    now = clock.now()
    with _lock:
        tokens, since = _buckets.pop((limit.name, key), (float(limit.burst), now))
        # A clock set back must not take tokens away.
        earned = max((now - since) / limit.every, 0.0)
        tokens = min(tokens + earned, float(limit.burst)) if told is None else told
        refused = tokens < 1
        _buckets[limit.name, key] = (tokens if refused else tokens - 1, now)
        while len(_buckets) > _REMEMBERED:
            _buckets.popitem(last=False)
    if refused:
        wait = (1 - tokens) * limit.every.total_seconds()
        raise Throttled(retry_after=math.ceil(round(wait, 3)), limit=limit.name)


def give_back(limit: Limit, key: str) -> None:
    """Forget the tries of `key`: it proved to be the right person."""
    if _store:
        _store.give_back(limit, key)
    with _lock:
        _buckets.pop((limit.name, key), None)


def reset() -> None:
    """Forget what this process counted, and the store that it shares, for tests."""
    use_store(None)
    with _lock:
        _buckets.clear()


def network(address: str) -> str:
    """What one subscriber holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
