"""Keys made from the secret key, which rotates without anything becoming unreadable."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core import config, secrets
from engine.core.config import Settings
from engine.core.secrets import Undecipherable


@pytest.fixture
def rotated(settings: Settings) -> Settings:
    """The settings after a rotation."""
    return replace(settings, secret_key="the next", former_secret_keys=(settings.secret_key,))


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert secrets.key("one") != secrets.key("another")
    assert len(secrets.key("one")) == 32
    assert secrets.digest("one", "text") != secrets.digest("another", "text")


def test_what_is_encrypted_is_read_for_the_same_purpose_and_place_only() -> None:
    kept = secrets.encrypt("document", b"content", about=b"1")
    assert secrets.decrypt("document", kept, about=b"1") == b"content"
    assert len(kept) == len(b"content") + secrets.OVERHEAD
    assert kept != secrets.encrypt("document", b"content", about=b"1")
    for purpose, about in (("document", b"2"), ("other", b"1")):
        with pytest.raises(Undecipherable):
            secrets.decrypt(purpose, kept, about=about)


@pytest.mark.parametrize("place", [0, 1, 5, 20, -1])
def test_a_single_changed_byte_shows(place: int) -> None:
    kept = bytearray(secrets.encrypt("document", b"content"))
    kept[place] ^= 1
    with pytest.raises(Undecipherable):
        secrets.decrypt("document", bytes(kept))


@pytest.mark.parametrize("kept", [b"", b"\x01", b"\x01" * 40])
def test_what_was_never_encrypted_is_no_crash(kept: bytes) -> None:
    with pytest.raises(Undecipherable):
        secrets.decrypt("document", kept)


def test_texts_are_sealed() -> None:
    sealed = secrets.seal("totp", "Clé é", about="account 1")
    assert sealed.isascii()
    assert secrets.unseal("totp", sealed, about="account 1") == "Clé é"
    for kept in (sealed[:-4], "é", "%%%", ""):
        with pytest.raises(Undecipherable):
            secrets.unseal("totp", kept, about="account 1")


def test_former_keys_still_read_and_no_longer_write(rotated: Settings, settings: Settings) -> None:
    kept, digest = secrets.encrypt("document", b"content"), secrets.digest("code", "1234")
    assert not secrets.is_outdated("document", kept)
    config.use(rotated)
    assert secrets.decrypt("document", kept) == b"content"
    assert secrets.is_outdated("document", kept)
    assert secrets.matches("code", "1234", digest)
    assert not secrets.matches("code", "1235", digest)
    assert digest in secrets.digests("code", "1234")
    assert digest != secrets.digest("code", "1234")
    # Dropped, it reads nothing more.
    config.use(replace(rotated, former_secret_keys=()))
    assert not secrets.matches("code", "1234", digest)
    with pytest.raises(Undecipherable):
        secrets.decrypt("document", kept)
    # What was written since needs the current key alone.
    config.use(rotated)
    again = secrets.encrypt("document", secrets.decrypt("document", kept))
    config.use(replace(rotated, former_secret_keys=()))
    assert secrets.decrypt("document", again) == b"content"


def test_the_name_of_a_key_says_nothing_of_it() -> None:
    key = secrets.key("document")
    assert len(secrets.key_id(key)) == 8
    assert secrets.key_id(key) not in key.hex()
