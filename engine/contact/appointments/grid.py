"""A day of an agenda as bits: what is open, what is taken, where an appointment can begin.

Bit `desk × PER_DAY + unit` stands for `UNIT` minutes of one desk, so that a whole day of all desks is one number and
looking for room in it is a few operations, whatever is taken. Nobody is received before four or after eleven at night: no run
of free bits goes over from one desk to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from engine.contact.appointments.agenda import DESKS_MAX, UNIT, Opening

PER_DAY = 24 * 60 // UNIT
_DAY = (1 << PER_DAY) - 1


@lru_cache(maxsize=4096)
def hours(openings: tuple[Opening, ...], units: int, step: int) -> tuple[int, int]:
    """The open bits of a day with these hours, and those where an appointment of so many units may begin."""
    opened = begins = 0
    for one in openings:
        first, last = one.opens // UNIT, one.closes // UNIT
        for desk in range(one.desks):
            opened |= ((1 << (last - first)) - 1) << (desk * PER_DAY + first)
            for unit in range(first, last - units + 1, step):
                begins |= 1 << (desk * PER_DAY + unit)
    return opened, begins


def starts(opened: int, begins: int, taken: int, units: int) -> int:
    """The bits, desk by desk, where `units` in a row are open and free."""
    free = opened & ~taken
    run = 1
    while run < units:
        further = min(run, units - run)
        free &= free >> further
        run += further
    return free & begins


def folded(found: int) -> int:
    """The same over all desks: one bit a unit of the day."""
    day = 0
    while found:
        day |= found & _DAY
        found >>= PER_DAY
    return day


def span(desk: int, unit: int, units: int) -> int:
    """The bits of an appointment."""
    return ((1 << units) - 1) << (desk * PER_DAY + unit)


def desk_at(found: int, unit: int) -> int | None:
    """The first desk that `starts` has free at `unit`."""
    desk = 0
    while found:
        if found >> unit & 1:
            return desk
        found >>= PER_DAY
        desk += 1
    return None


def units_of(day: int) -> Iterator[int]:
    """The units of a folded day, in order."""
    while day:
        lowest = day & -day
        yield lowest.bit_length() - 1
        day ^= lowest


@lru_cache(maxsize=PER_DAY)
def later_than(unit: int) -> int:
    """The bits, over every desk, of the units from `unit` on."""
    day = _DAY & ~((1 << unit) - 1)
    return sum(day << (desk * PER_DAY) for desk in range(DESKS_MAX))
