"""References of requests: short, unique, and safe to read over the phone.

Eight characters in two groups, `K7QM-4WXT`: seven drawn at random and a check character. The alphabet has 31 signs,
none of which is mistaken for another (no 0/O, 1/I/L); 31 is prime, so the weighted sum notices any wrong character and
any two swapped.
"""

from __future__ import annotations

import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8
BEGINNING = 4
"""So many signs tell a reference from a name."""


def mint() -> str:
    """A new reference. Uniqueness is the table's affair: two draws collide once in some 27 billion."""
    return complete("".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1)))


def complete(body: str) -> str:
    """The reference of seven characters: their check character added."""
    return _grouped(body + _check(body))


def read(text: str) -> str | None:
    """The reference that a person typed, however it was spaced or cased; None when it can't be one."""
    compact = "".join(text.upper().replace("-", " ").split())
    if len(compact) != LENGTH or any(sign not in ALPHABET for sign in compact):
        return None
    return _grouped(compact) if _check(compact[:-1]) == compact[-1] else None


def between(text: str) -> tuple[str, str] | None:
    """The first and the last reference that begin as typed; None for what is too short to tell, or begins none.

    Both are whole, so that every database sorts what lies between them alike.
    """
    compact = "".join(text.upper().replace("-", " ").split())
    if not BEGINNING <= len(compact) <= LENGTH or any(sign not in ALPHABET for sign in compact):
        return None
    return _grouped(compact.ljust(LENGTH, ALPHABET[0])), _grouped(compact.ljust(LENGTH, ALPHABET[-1]))


def _check(body: str) -> str:
    total = sum((place + 2) * ALPHABET.index(sign) for place, sign in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]


def _grouped(compact: str) -> str:
    return f"{compact[:4]}-{compact[4:]}"
