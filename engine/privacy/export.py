"""All that the platform holds of a person, for that person: as JSON, whole, or as sections to read, the latest rows first (B16).

Read from the declarations of `holdings`, which also say what isn't told, and why. Files are listed here; their contents are
downloaded from the requests that they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select

from engine.core import clock, config
from engine.core.db import Session
from engine.people.accounts import Account
from engine.privacy import rows, wording
from engine.privacy.holdings import HOLDINGS, Holding

FORMAT = 1
_HELPING = 200


@dataclass(frozen=True)
class Section:
    """What one table tells, as labels and texts; `more` when it holds older rows than those."""

    title: str
    rows: list[list[tuple[str, str]]]
    more: bool
    withheld: Mapping[str, str]
    after_deletion: str


def as_json(session: Session, account: Account) -> Iterator[str]:
    """The whole export, in pieces of a JSON text: any size in the memory of a helping. The session stays open until the last."""
    city = config.current().city
    head = {
        "format": FORMAT,
        "responsable": f"{city.name}, {city.address}, {city.postcode} {city.town}",
        "contact": city.email,
        "exporte_le": clock.now().isoformat(timespec="seconds"),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "rubriques": ['
    for number, name in enumerate(_told()):
        holding = HOLDINGS[name]
        about = {"rubrique": holding.title, "table": name, "non_communique": _reasons(holding)}
        yield (", " if number else "") + json.dumps(about, ensure_ascii=False)[:-1] + ', "lignes": ['
        for place, row in enumerate(session.execute(_rows(name, account)).yield_per(_HELPING)):
            told = {holding.told[column]: _plain(value) for column, value in _values(holding, row).items()}
            yield (", " if place else "") + json.dumps(told, ensure_ascii=False)
        yield "]}"
    yield "]}\n"


def as_sections(session: Session, account: Account, most: int) -> list[Section]:
    """The sections that hold something, each with its `most` latest rows."""
    found = []
    words = wording.Words(session, account)
    for name in _told():
        holding = HOLDINGS[name]
        held = session.execute(_rows(name, account).limit(most + 1)).all()
        if held:
            told = [_in_words(words, name, holding, row) for row in held[:most]]
            found.append(Section(holding.title, told, len(held) > most, _reasons(holding), holding.why))
    return found


def _told() -> list[str]:
    return [name for name, holding in HOLDINGS.items() if holding.told]


def _rows(name: str, account: Account) -> Select[Any]:
    table, holding = rows.table(name), HOLDINGS[name]
    query = select(*(table.c[column] for column in holding.told))
    order = [table.c[holding.order].desc()] if holding.order else [one.desc() for one in table.primary_key.columns]
    return query.where(rows.of_person(name, account.id, account.login)).order_by(*order)


def _values(holding: Holding, row: Row[Any]) -> dict[str, Any]:
    """What is told of a row, by column."""
    return {
        column: holding.partly[column].only(value) if column in holding.partly else value
        for column, value in zip(holding.told, row, strict=True)
    }


def _in_words(words: wording.Words, name: str, holding: Holding, row: Row[Any]) -> list[tuple[str, str]]:
    values = _values(holding, row)
    return [(label, words.say(name, values, column)) for column, label in holding.told.items()]


def _reasons(holding: Holding) -> dict[str, str]:
    return {**holding.withheld, **{column: part.why for column, part in holding.partly.items()}}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal)):
        return str(value)
    return value
