"""Throttling: how often something may be tried, so that guessing is slow and nobody is ever locked out for good.

Token buckets in the memory of the process: a try takes a token, tokens come back with time. They must outlive the rollback of
a refused try, so they aren't in the database; several processes each count for themselves, which multiplies the limit by their
number and no more.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core import clock
from engine.core.errors import Throttled

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

_lock = threading.Lock()
_buckets: OrderedDict[tuple[str, str], tuple[float, datetime]] = OrderedDict()


def take(limit: Limit, key: str) -> None:
    """Count one try of `key`, or raise `Throttled` with the seconds to wait."""
    now = clock.now()
    with _lock:
        tokens, since = _buckets.pop((limit.name, key), (float(limit.burst), now))
        # A clock set back must not take tokens away.
        earned = max((now - since) / limit.every, 0.0)
        tokens = min(tokens + earned, float(limit.burst))
        refused = tokens < 1
        _buckets[limit.name, key] = (tokens if refused else tokens - 1, now)
        while len(_buckets) > _REMEMBERED:
            _buckets.popitem(last=False)
    if refused:
        wait = (1 - tokens) * limit.every.total_seconds()
        raise Throttled(retry_after=math.ceil(round(wait, 3)), limit=limit.name)


def give_back(limit: Limit, key: str) -> None:
    """Forget the tries of `key`: it proved to be the right person."""
    with _lock:
        _buckets.pop((limit.name, key), None)


def reset() -> None:
    """Forget every try, for tests."""
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
