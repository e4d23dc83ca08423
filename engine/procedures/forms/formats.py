"""The formats that a form's text can have: what is accepted, and the one way each value is written down."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from jsonschema import FormatChecker

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_PHONE = re.compile(r"0[1-9][0-9]{8}")
# France and its overseas departments, whose national numbers begin as in France.
_ABROAD = re.compile(r"(?:\+|00)(?:33|262|590|594|596)0?")
_POSTCODE = re.compile(r"(?:0[1-9]|[1-8][0-9]|9[0-8])[0-9]{3}")
# Plates since 2009 never bear I, O and U, nor SS; those before end with the number of a department.
_PLATE_LETTERS = "[A-HJ-NP-TV-Z]"
_SIV = re.compile(rf"({_PLATE_LETTERS}{{2}})([0-9]{{3}})({_PLATE_LETTERS}{{2}})")
_FNI = re.compile(rf"([1-9][0-9]{{0,3}})({_PLATE_LETTERS}{{1,3}})(0[1-9]|[1-8][0-9]|9[0-5]|2[AB]|97[1-6])")

# Characters that no answer needs: controls, and marks that reorder the text around them on an agent's screen.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")


def is_email(text: str) -> bool:
    """An address that mail can be sent to: ASCII, a domain with a dot, within the lengths of RFC 5321."""
    return bool(_EMAIL.fullmatch(text)) and len(text) <= 254 and text.index("@") <= 64


def is_date(text: str) -> bool:
    """A day of the calendar written YYYY-MM-DD."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_uuid(text: str) -> bool:
    """A UUID in its usual writing."""
    return bool(_UUID.fullmatch(text))


def is_phone(text: str) -> bool:
    """A French number of ten digits, with or without +33, spaces, dots or dashes."""
    return bool(_PHONE.fullmatch(phone(text)))


def is_mobile(text: str) -> bool:
    """A French mobile number, overseas ones included: they begin with 06 or 07."""
    return phone(text)[:2] in ("06", "07") and is_phone(text)


def is_landline(text: str) -> bool:
    """A French number that isn't a mobile."""
    return is_phone(text) and not is_mobile(text)


def is_plate(text: str) -> bool:
    """A French registration plate, of either system."""
    compact = _compact(text)
    siv = _SIV.fullmatch(compact)
    if siv:
        return siv[2] != "000" and "SS" not in (siv[1], siv[3])
    return bool(_FNI.fullmatch(compact))


def is_postcode(text: str) -> bool:
    """A French postal code."""
    return bool(_POSTCODE.fullmatch(text))


def phone(text: str) -> str:
    """The ten digits of a French number, or the text as typed when it isn't one."""
    digits = re.sub(r"[\s.\-/()\u2010-\u2015]", "", text)
    abroad = _ABROAD.match(digits)
    if abroad:
        digits = "0" + digits[abroad.end() :]
    return digits if _PHONE.fullmatch(digits) else text


def plate(text: str) -> str:
    """The plate in capitals with dashes (AB-123-CD, 1234-AB-75), or the text in capitals when it isn't one."""
    compact = _compact(text)
    found = _SIV.fullmatch(compact) or _FNI.fullmatch(compact)
    return "-".join(found.groups()) if found else text.upper()


def postcode(text: str) -> str:
    """The postal code without spaces."""
    digits = re.sub(r"\s", "", text)
    return digits if _POSTCODE.fullmatch(digits) else text


def email(text: str) -> str:
    """The address with its domain in lower case."""
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def line(text: str) -> str:
    """Text of one line: NFC, trimmed, without control characters."""
    return " ".join(lines(text).split("\n")).strip()


def lines(text: str) -> str:
    """Text of several lines: NFC, trimmed, without control characters, lines ended by a line feed."""
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", _BREAKS.sub("\n", text))).strip()


def forbidden(text: str) -> bool:
    """Whether the text carries what can't be stored or sent on: NUL characters or lone surrogates."""
    return bool(_FORBIDDEN.search(text))


def _compact(text: str) -> str:
    return re.sub(r"[\s.\-\u2010-\u2015]", "", text).upper()


CHECKS = {
    "email": is_email,
    "date": is_date,
    "uuid": is_uuid,
    "fr-phone": is_phone,
    "fr-mobile": is_mobile,
    "fr-landline": is_landline,
    "fr-plate": is_plate,
    "fr-postcode": is_postcode,
}
NORMALISERS = {
    "email": email,
    "fr-phone": phone,
    "fr-plate": plate,
    "fr-postcode": postcode,
}


def _checker() -> FormatChecker:
    # None of the library's own checks: several depend on what happens to be installed, and its e-mail accepts "a@".
    checker = FormatChecker(formats=())
    for name, check in CHECKS.items():
        checker.checks(name)(lambda value, check=check: not isinstance(value, str) or check(value))
    return checker


CHECKER = _checker()
