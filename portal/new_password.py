"""A new password typed twice: read and checked as the page's script shows it, and beyond (B2)."""

from __future__ import annotations

from collections.abc import Iterable

from flask import request

from engine.core import config
from engine.people import passwords

PASSWORD = "mot_de_passe"  # noqa: S105 - the names of two boxes
AGAIN = "mot_de_passe_confirmation"


def read(about: Iterable[str | None]) -> tuple[str, dict[str, str]]:
    """The password as typed, and what is wrong with it by field. `about`: words of the person, which it may not be made of."""
    password, again = request.form.get(PASSWORD, ""), request.form.get(AGAIN, "")
    if not password:
        return "", {PASSWORD: "Créez un mot de passe."}
    city = config.current().city
    words = [*filter(None, about), city.short_name, city.space_name]
    broken = passwords.unmet(password, about=words)
    if broken:
        return "", {PASSWORD: "Ce mot de passe n’est pas accepté. " + " ".join(broken)}
    if not again:
        return "", {AGAIN: "Saisissez une seconde fois votre mot de passe."}
    if again != password:
        return "", {AGAIN: "Les deux mots de passe sont différents\u00a0: saisissez-les de nouveau."}
    return password, {}


def proposal() -> str:
    """A password to propose when the button asks for one, else nothing."""
    return passwords.proposal() if request.form.get("_action") == "proposer" else ""
