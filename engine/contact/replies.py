"""Answers by e-mail: an address of one's own for each exchange, signed, that only the notice of a message carries (D2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

from engine.contact.exchanges import Exchange
from engine.core import config, secrets

_PURPOSE = "answers by e-mail"
_SIGNATURE = 10


def address(exchange: Exchange) -> str | None:
    """Where an answer to a message of this exchange is sent; None when the city takes none in."""
    base = config.current().reply_address
    if base is None:
        return None
    name, _, host = base.partition("@")
    # The part before the @ holds 64 characters at most (RFC 5321), and mail servers may change its case.
    token = (
        base64.b32encode(exchange.id.bytes + _signature(secrets.key(_PURPOSE), exchange.id))
        .decode()
        .rstrip("=")
        .lower()
    )
    return f"{name}+{token}@{host}"


def exchange_of(recipient: str) -> UUID | None:
    """The exchange that an address stands for; None when it is no such address, or wasn't made here."""
    token = recipient.strip().strip("<>").partition("@")[0].rpartition("+")[2]
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except ValueError:
        return None
    if len(raw) != 16 + _SIGNATURE:
        return None
    exchange_id = UUID(bytes=raw[:16])
    known = any(hmac.compare_digest(raw[16:], _signature(key, exchange_id)) for key in secrets.keys(_PURPOSE))
    return exchange_id if known else None


def _signature(key: bytes, exchange_id: UUID) -> bytes:
    return hmac.digest(key, exchange_id.bytes, hashlib.sha256)[:_SIGNATURE]
