"""Keys made from the installation's secret key, one for each purpose, and what is done with them: tags and encryption at rest.

The secret key rotates: the current one writes, the former ones still read (`PARVIS_FORMER_SECRET_KEYS`, or the lines after the
first of the file `secret_key`). What a key made says which key that was, so that a long list of former ones costs nothing.

    row.digest = secrets.digest("recovery code", code)                    # found again with `digests`, compared with `matches`
    row.secret = secrets.seal("totp", key, about=f"account {account.id}")  # text in a column; `unseal` reads it
    content = secrets.encrypt("document", plain, about=b"…")              # bytes on a disk; `decrypt` reads them
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.core import config
from engine.core.errors import ParvisError

_VERSION = b"\x01"
_ID = 4
_NONCE = 12
OVERHEAD = len(_VERSION) + _ID + _NONCE + 16


class Undecipherable(ParvisError):
    """What was encrypted can't be read: it was changed, belongs elsewhere, or its key is no longer among those given."""

    default = "Une donnée chiffrée ne peut pas être lue."


def key(purpose: str) -> bytes:
    """The 32 bytes with which to write for this purpose."""
    return _derived(config.current().secret_key, purpose)


def keys(purpose: str) -> tuple[bytes, ...]:
    """The keys with which to read for this purpose: the current one, then the former ones."""
    settings = config.current()
    return tuple(_derived(secret, purpose) for secret in (settings.secret_key, *settings.former_secret_keys))


def key_id(one: bytes) -> str:
    """What a key may be called in public: it says nothing of the key."""
    return hashlib.sha256(b"parvis key id\0" + one).hexdigest()[: 2 * _ID]


@lru_cache(maxsize=128)
def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"parvis\0" + purpose.encode()).derive(secret.encode())


def digest(purpose: str, message: str | bytes) -> str:
    """An HMAC of the message, in hexadecimal: only who has the key can make it, or try messages one after the other."""
    return _hmac(key(purpose), message)


def digests(purpose: str, message: str | bytes) -> tuple[str, ...]:
    """The digests that the message may have been kept under: with the current key, then with each former one."""
    return tuple(_hmac(one, message) for one in keys(purpose))


def matches(purpose: str, message: str | bytes, kept: str) -> bool:
    """Whether `kept` is a digest of the message; compared in constant time."""
    return any(hmac.compare_digest(one.encode(), _bytes(kept)) for one in digests(purpose, message))


def _hmac(one: bytes, message: str | bytes) -> str:
    return hmac.new(one, _bytes(message), hashlib.sha256).hexdigest()


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def seal(purpose: str, plain: str, *, about: str = "") -> str:
    """A short text encrypted for a column of text."""
    return base64.b64encode(encrypt(purpose, plain.encode(), about=about.encode())).decode()


def unseal(purpose: str, kept: str, *, about: str = "") -> str:
    """What was sealed, or `Undecipherable`."""
    try:
        blob = base64.b64decode(kept, validate=True)
    except ValueError as error:
        raise Undecipherable(purpose=purpose) from error
    return decrypt(purpose, blob, about=about.encode()).decode()


def encrypt(purpose: str, plain: bytes, *, about: bytes = b"") -> bytes:
    """Encrypt (AES-256-GCM) so that only `decrypt` with the same purpose and the same `about` reads it.

    `about` names the place where it is kept (the row's id): a secret that is moved to another row can't be read there.
    """
    one = key(purpose)
    nonce = os.urandom(_NONCE)
    head = _VERSION + bytes.fromhex(key_id(one))
    return head + nonce + AESGCM(one).encrypt(nonce, plain, head + about)


def decrypt(purpose: str, kept: bytes, *, about: bytes = b"") -> bytes:
    """What was encrypted, or `Undecipherable`."""
    head, nonce, body = kept[: 1 + _ID], kept[1 + _ID : 1 + _ID + _NONCE], kept[1 + _ID + _NONCE :]
    if len(kept) < OVERHEAD or not head.startswith(_VERSION):
        raise Undecipherable(purpose=purpose)
    for one in keys(purpose):
        if key_id(one) == head[1:].hex():
            try:
                return AESGCM(one).decrypt(nonce, body, head + about)
            except InvalidTag as error:
                raise Undecipherable(purpose=purpose) from error
    raise Undecipherable(purpose=purpose, key=head[1:].hex())


def is_outdated(purpose: str, kept: bytes) -> bool:
    """Whether it was encrypted with a former key: encrypt it again before that key is dropped."""
    return kept[1 : 1 + _ID].hex() != key_id(key(purpose))
