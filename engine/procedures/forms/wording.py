"""Values as people read them in French."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

NBSP = "\u00a0"
_MONTHS = (
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
).split()  # fmt: skip


def day(on: date) -> str:
    """`3 avril 2027`, `1er avril 2027`."""
    return f"{f'1er{NBSP}' if on.day == 1 else f'{on.day} '}{_MONTHS[on.month - 1]} {on.year}"


def long_date(iso: str) -> str:
    """`1er mai 2026` for an ISO day; `mai 1950` or `1950` where civil records know no more; else the text itself."""
    partial = re.fullmatch(r"(\d{4})-(\d{2})-00", iso)
    if partial and int(partial[2]) <= 12:
        return partial[1] if partial[2] == "00" else f"{_MONTHS[int(partial[2]) - 1]}{NBSP}{partial[1]}"
    try:
        whole = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{'1er' if whole.day == 1 else whole.day}{NBSP}{_MONTHS[whole.month - 1]}{NBSP}{whole.year}"


def number(value: Any) -> str:
    """`12 345,5`: a decimal comma, thousands apart."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    text = f"{Decimal(str(value)):f}" if isinstance(value, float) else str(value)
    whole, _, decimals = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", "\u202f", digits)
    return f"{sign}{grouped}{',' + decimals if decimals.strip('0') else ''}"


def phone(digits: str) -> str:
    """`06 12 34 56 78`, by pairs."""
    return (
        NBSP.join(digits[index : index + 2] for index in range(0, 10, 2)) if re.fullmatch(r"\d{10}", digits) else digits
    )
