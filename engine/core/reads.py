"""Questions that are asked all day long: compiled once, their rows fetched at the driver and made objects of the session.

On the hot path most of a question's time is SQLAlchemy's, which works out again at each execution how its rows become objects.
The session keeps one object a row here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

import sqlalchemy
from sqlalchemy import Dialect, Select, bindparam
from sqlalchemy.orm import Mapper, class_mapper, make_transient_to_detached
from sqlalchemy.orm.attributes import instance_state, set_committed_value

from engine.core.db import Base, Session
from engine.core.driver import Text

E = TypeVar("E", bound=Base)

_Convert = Callable[[Any], Any] | None


class Question(Generic[E]):
    """A question about rows of `entity`, each with whatever else the statement says of it.

    `narrow` says which rows: it receives a statement of all the entity's columns, and gives it back with its conditions, and
    with further columns if it likes. Its values are `bindparam`s.
    """

    def __init__(self, entity: type[E], narrow: Callable[[Select[Any]], Select[Any]]) -> None:
        self._entity = entity
        self._narrow = narrow
        self._compiled: dict[str, _Compiled] = {}

    def ask(self, session: Session, **values: Any) -> list[tuple[Any, ...]]:
        """The rows: the object, then what the statement says besides.

        An object that the session has already is left as it is, as SQLAlchemy leaves it.
        """
        if session.autoflush:
            session.flush()
        connection = session.connection()
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._entity, self._narrow, dialect)
        rows = compiled.text.ask(connection, compiled.values(values))
        return [(compiled.object_of(session, row), *compiled.besides(row)) for row in rows]

    def objects(self, session: Session, **values: Any) -> list[E]:
        """The objects alone."""
        return [row[0] for row in self.ask(session, **values)]

    def object(self, session: Session, **values: Any) -> E | None:
        """The only object there is; None when there is none."""
        found = self.objects(session, **values)
        if len(found) > 1:
            raise LookupError(f"{len(found)} rows of {self._entity.__name__} instead of one")
        return found[0] if found else None


def get(session: Session, entity: type[E], key: Any) -> E | None:
    """The row with that one key, as `Session.get` finds it: asked for only when the session doesn't have it."""
    known: E | None = session.identity_map.get(_mapper(entity).identity_key_from_primary_key((key,)))
    if known is not None and not instance_state(known).expired_attributes:
        return known
    return _of_key(entity).object(session, key=key)


@cache
def _mapper(entity: type[Base]) -> Mapper[Any]:
    # Configured: nothing else may have asked SQLAlchemy for an object yet.
    return class_mapper(entity)


@cache
def _of_key(entity: type[E]) -> Question[E]:
    [column] = _mapper(entity).primary_key
    return Question(entity, lambda query: query.where(column == bindparam("key", type_=column.type)))


class _Compiled:
    """A question for one database."""

    def __init__(self, entity: type[Base], narrow: Callable[[Select[Any]], Select[Any]], dialect: Dialect) -> None:
        self._mapper = _mapper(entity)
        columns: list[Any] = list(entity.__table__.columns)
        statement = narrow(sqlalchemy.select(*columns))
        compiled = statement.compile(dialect=dialect)
        self.text = Text(str(compiled), compiled.positiontup)
        types = {name: bind.type.dialect_impl(dialect) for bind, name in compiled.bind_names.items()}
        # Those that the statement itself brings.
        self._constant = {name: value for name, value in compiled.params.items() if value is not None}
        self._values = [(name, types[name].bind_processor(dialect)) for name in self.text.names]
        converts: list[_Convert] = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in statement.selected_columns
        ]
        names = [self._mapper.get_property_by_column(column).key for column in columns]
        self._columns = list(zip(names, converts, strict=False))
        self._besides = converts[len(columns) :]
        self._key = [self._mapper.get_property_by_column(column).key for column in self._mapper.primary_key]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        said = {**self._constant, **given}
        return {name: convert(said[name]) if convert else said[name] for name, convert in self._values}

    def object_of(self, session: Session, row: Sequence[Any]) -> Any:
        said = {
            name: convert(value) if convert else value
            for (name, convert), value in zip(self._columns, row, strict=False)
        }
        key = self._mapper.identity_key_from_primary_key(tuple(said[name] for name in self._key))
        known = session.identity_map.get(key)
        if known is not None:
            for name in instance_state(known).expired_attributes & said.keys():
                set_committed_value(known, name, said[name])
            return known
        made = self._mapper.class_manager.new_instance()
        made.__dict__.update(said)
        make_transient_to_detached(made)
        session.add(made)
        return made

    def besides(self, row: Sequence[Any]) -> list[Any]:
        further = row[len(self._columns) :]
        return [convert(value) if convert else value for convert, value in zip(self._besides, further, strict=True)]
