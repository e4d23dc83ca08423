"""The store of tries that settings name: token buckets in Redis, which all processes of the installation share.

A bucket is one key, read and written by one script under the server's clock, so that neither two processes nor two machines
whose clocks differ can count apart; it goes by itself once it would be full again. Its name is an HMAC: Redis never learns whose
tries are counted, nor of what.

A Redis that fails is left alone for some seconds: until then every process counts in its memory (`engine.people.throttle`), and
nobody waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from engine.core import clock, config, secrets
from engine.core.errors import ConfigurationError
from engine.people.throttle import Limit

log = logging.getLogger(__name__)

PREFIX = "parvis:tries:"
# The longest that a request waits for an answer, and how long nobody asks after there was none.
PATIENCE = 0.1
PAUSE = 5.0

# The same sums as `engine.people.throttle.take`. ARGV: burst, seconds for a token, and the time if it isn't the server's.
_TAKE = """
local burst, every = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(ARGV[3]) or time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'since')
local earned = math.max((now - (tonumber(kept[2]) or now)) / every, 0)
local tokens = math.min((tonumber(kept[1]) or burst) + earned, burst)
local left = tokens < 1 and tokens or tokens - 1
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', left), 'since', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - left) * every * 1000) + 1)
return string.format('%.17g', tokens)
"""

Answer = TypeVar("Answer")


class SharedTries:
    """What `PARVIS_THROTTLE` names; `ConfigurationError` when `PARVIS_REDIS_URL` is no address."""

    def __init__(self) -> None:
        address = config.current().redis_url
        if address is None:
            raise ConfigurationError("PARVIS_REDIS_URL is not set: it says where tries are counted")
        try:
            self._redis = Redis.from_url(
                address,
                protocol=2,
                socket_timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                # A try that is sent again might count twice, and somebody is waiting.
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            # Neither the address nor what is said of it goes anywhere: it may hold a password.
            raise ConfigurationError("PARVIS_REDIS_URL is not an address like redis://… or unix://…") from None
        self._take = self._redis.register_script(_TAKE)
        self._lock = threading.Lock()
        self._away_until: float | None = None

    def take(self, limit: Limit, key: str) -> float | None:
        """How many tokens there were, of which one is taken if it was whole; None when Redis doesn't answer."""
        moment = "" if clock.is_real() else clock.now().timestamp()
        values = [limit.burst, limit.every.total_seconds(), moment]
        return self._asked(lambda: float(self._take(keys=[_name(limit, key)], args=values)))

    def give_back(self, limit: Limit, key: str) -> None:
        """Forget the tries of `key`."""
        self._asked(lambda: self._redis.delete(_name(limit, key)))

    def _asked(self, question: Callable[[], Answer]) -> Answer | None:
        if not self._may_be_asked():
            return None
        try:
            answer = question()
        except Exception as error:  # Redis's client has errors of its own
            self._failed(error)
            return None
        if self._away_until is not None:
            self._answered()
        return answer

    def _may_be_asked(self) -> bool:
        with self._lock:
            if self._away_until is not None:
                now = time.monotonic()
                if now < self._away_until:
                    return False
                # One asks whether it is back; the others needn't wait for the answer.
                self._away_until = now + PAUSE
            return True

    def _failed(self, error: Exception) -> None:
        with self._lock:
            first = self._away_until is None
            self._away_until = time.monotonic() + PAUSE
        if first:
            # The error's words stay out of the log: they may hold the address, and it a password.
            log.warning("Redis does not answer (%s): each process counts tries for itself", type(error).__name__)

    def _answered(self) -> None:
        with self._lock:
            back = self._away_until is not None
            self._away_until = None
        if back:
            log.warning("Redis answers again: tries are counted together")


def _name(limit: Limit, key: str) -> str:
    return PREFIX + secrets.digest("throttle", f"{limit.name} {key}")
