"""Passwords: what is asked of them, how they are kept, how one is proposed (B2)."""

from __future__ import annotations

import os
import re
import secrets
import string
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from engine.core import pace

P = ParamSpec("P")
R = TypeVar("R")

LENGTH_MIN = 8
LENGTH_MAX = 128
FORBIDDEN = "&é\"'èçà~\\ù<>µ£¤§"

# Argon2id as OWASP recommends it: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Each hash takes a core and 19 MiB for some tens of milliseconds: a flood of sign-ins waits its turn here, and yields the cores
# to the rest of the portal. More at once than there are cores would make them no quicker, and the others slower.
_AT_ONCE = os.cpu_count() or 1
_NICENESS = 10

# What French people choose first, beside the lists that zxcvbn carries.
_COMMON = (
    "motdepasse azerty azertyuiop qsdfghjklm wxcvbn bonjour bonsoir soleil doudou loulou chouchou chocolat marseille paris "
    "france nicolas camille thomas julien amour jetaime coucou secret toto tata titi mairie ville demarche moncompte monespace "
    "citoyen usager parvis stationnement famille maison vacances printemps ete automne hiver janvier fevrier mars avril juin "
    "juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi vendredi samedi dimanche"
).split()
# Below it a password falls in some thousands of guesses: a known one with its usual decorations.
_SCORE_MIN = 2
_ESTIMATED = 72  # characters that zxcvbn reads

_LOWER, _UPPER, _DIGITS, _SPECIAL = string.ascii_lowercase, string.ascii_uppercase, string.digits, "!?-€*+=:;,.%@#"
_CONFUSED = frozenset("lIO01o")


def unmet(password: str, *, about: Iterable[str] = ()) -> list[str]:
    """The rules that a password breaks, one French sentence each; none when it can be taken.

    `about` are words tied to the person and the city (names, e-mail, name of the portal): a password made of them is refused.
    """
    text = _normal(password)
    rules = []
    if len(text) < LENGTH_MIN:
        rules.append(f"Il doit contenir au moins {LENGTH_MIN} caractères.")
    if len(text) > LENGTH_MAX:
        rules.append(f"Il ne doit pas dépasser {LENGTH_MAX} caractères.")
    if not any(sign.islower() for sign in text):
        rules.append("Il doit contenir au moins une minuscule.")
    if not any(sign.isupper() for sign in text):
        rules.append("Il doit contenir au moins une majuscule.")
    if not any(sign.isdigit() for sign in text):
        rules.append("Il doit contenir au moins un chiffre.")
    if not any(_special(sign) for sign in text):
        rules.append("Il doit contenir au moins un caractère spécial, par exemple\u00a0? ! - €.")
    if refused := sorted({sign for sign in text if sign in FORBIDDEN}, key=FORBIDDEN.index):
        rules.append(f"Ces caractères ne sont pas acceptés\u00a0: {' '.join(refused)}")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        rules.append("Il contient des caractères invisibles qui ne sont pas acceptés.")
    if not rules and _too_common(text, about):
        rules.append("Il est trop courant ou trop facile à deviner\u00a0: choisissez-en un autre.")
    return rules


def proposal() -> str:
    """A random password that breaks no rule, without signs that are taken for one another: about 100 bits."""
    kinds = [[sign for sign in signs if sign not in _CONFUSED] for signs in (_LOWER, _UPPER, _DIGITS, _SPECIAL)]
    every = [sign for signs in kinds for sign in signs]
    draw = secrets.SystemRandom()
    while True:
        signs = [draw.choice(kind) for kind in kinds] + [draw.choice(every) for _ in range(12)]
        draw.shuffle(signs)
        if not unmet(password := "".join(signs)):
            return password


def hashed(password: str) -> str:
    """The password as it is stored. Takes some tens of milliseconds: call it before the transaction."""
    return _in_turn(_hasher.hash, _normal(password))


def check(password: str, password_hash: str | None) -> bool:
    """Whether this is the password. Takes the same time for an unknown user (None) as for a wrong password."""
    text = _normal(password)
    # Nobody's password is that long, and hashing megabytes is work that an attacker would like us to do.
    if len(text) > LENGTH_MAX:
        text = ""
    try:
        return _in_turn(_hasher.verify, password_hash or _nobodys(), text) and password_hash is not None
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False


def _in_turn(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do it in one of the few threads that hash."""
    with pace.aside():
        return _threads().submit(function, *args, **kwargs).result()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hash", initializer=_yield_to_others)


# A child process has none of its parent's threads.
os.register_at_fork(after_in_child=_threads.cache_clear)


def _yield_to_others() -> None:
    """Let this thread's work wait for that of the others: elsewhere than on Linux, priorities are whole processes'."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def outdated(password_hash: str) -> bool:
    """Whether it was hashed with other parameters than today's: the next sign-in hashes it again."""
    return _hasher.check_needs_rehash(password_hash)


_nobody: list[str] = []


def _nobodys() -> str:
    if not _nobody:
        _nobody.append(_hasher.hash(secrets.token_urlsafe(32)))
    return _nobody[0]


def _normal(password: str) -> str:
    # The same key gives é as one character on one device and as two on another.
    return unicodedata.normalize("NFC", password)


def _special(sign: str) -> bool:
    return not sign.isalnum() and not sign.isspace() and sign.isprintable()


def _too_common(text: str, about: Iterable[str]) -> bool:
    # Here and not above: the lists take a tenth of a second and 10 MB to load, and only new passwords need them.
    from zxcvbn import zxcvbn

    words = [*_COMMON, *(part for word in about for part in re.split(r"[\s@._-]+", _plain(word)) if len(part) > 2)]
    # What is left without the decorations at both ends: «Bonjour2024!» is «bonjour».
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", _plain(text))
    # «Claire-Martin1!» and «MartinClaire1!» too: known words and nothing but what stands between them.
    parts = [part for part in re.split(r"[\W\d_]+", core) if part]
    if all(_made_of(part, words) for part in parts) or len(set(text.casefold())) < 4:
        return True
    return int(zxcvbn(text[:_ESTIMATED], user_inputs=words)["score"]) < _SCORE_MIN


def _made_of(text: str, words: Iterable[str]) -> bool:
    """Whether a text is nothing but known words, one after the other."""
    reached = {0}
    for place in range(len(text)):
        if place in reached:
            reached |= {place + len(word) for word in words if text.startswith(word, place)}
    return len(text) in reached


def _plain(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
