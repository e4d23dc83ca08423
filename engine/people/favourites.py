"""The procedures that a resident keeps at hand, in their own order, and the sectors of their side menu (B9, B10).

A favourite names a procedure by its slug: one that is withdrawn stays in the list, and who shows it leaves it out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, cast, delete, func, null, select, union_all
from sqlalchemy.orm import Mapped, mapped_column

from engine.core.db import Base, Session
from engine.core.errors import Conflict
from engine.people.accounts import Account

AT_MOST = 50


class Favourite(Base):
    """A procedure at hand; the lowest `place` comes first."""

    __tablename__ = "favourite"
    __table_args__ = (Index("ix_favourite_account_id_place", "account_id", "place"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    slug: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[int] = mapped_column(Integer)


class HiddenSector(Base):
    """A sector that a resident took out of the side menu. Kept so, and not as those shown: a new sector shows by itself."""

    __tablename__ = "hidden_sector"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    sector: Mapped[str] = mapped_column(Text, primary_key=True)


def of_account(session: Session, account_id: UUID) -> list[str]:
    """The slugs, in the order that the resident gave them."""
    return list(
        session.scalars(
            select(Favourite.slug).where(Favourite.account_id == account_id).order_by(Favourite.place, Favourite.slug)
        )
    )


def add(session: Session, account_id: UUID, slug: str) -> None:
    """Put a procedure last; one that is there already stays where it is. `Conflict` when there are too many."""
    _hold(session, account_id)
    slugs = of_account(session, account_id)
    if slug in slugs:
        return
    if len(slugs) >= AT_MOST:
        raise Conflict(f"Vous avez déjà {AT_MOST} services favoris\u00a0: retirez-en un pour en ajouter un autre.")
    last = session.scalar(select(func.max(Favourite.place)).where(Favourite.account_id == account_id))
    session.add(Favourite(account_id=account_id, slug=slug, place=0 if last is None else last + 1))
    session.flush()


def remove(session: Session, account_id: UUID, slug: str) -> None:
    """Take a procedure out; one that isn't there is fine."""
    session.execute(delete(Favourite).where(Favourite.account_id == account_id, Favourite.slug == slug))


def move(session: Session, account_id: UUID, slug: str, *, up: bool, among: Collection[str]) -> None:
    """Exchange a procedure with the one before it, or after it, of those in `among` (what the person sees).

    The first can't go higher, the last can't go lower: nothing changes then.
    """
    _hold(session, account_id)
    slugs = of_account(session, account_id)
    seen = [one for one in slugs if one in among]
    if slug not in seen:
        return
    other = seen.index(slug) + (-1 if up else 1)
    if 0 <= other < len(seen):
        here, there = slugs.index(slug), slugs.index(seen[other])
        slugs[here], slugs[there] = slugs[there], slugs[here]
        _place(session, account_id, slugs)


def reorder(session: Session, account_id: UUID, wanted: Sequence[str]) -> None:
    """Put the favourites in this order. Those that it doesn't name follow, as they were; names of no favourite mean nothing."""
    _hold(session, account_id)
    slugs = of_account(session, account_id)
    first = [slug for slug in dict.fromkeys(wanted) if slug in slugs]
    _place(session, account_id, [*first, *(slug for slug in slugs if slug not in first)])


def _place(session: Session, account_id: UUID, slugs: Sequence[str]) -> None:
    places = {slug: place for place, slug in enumerate(slugs)}
    for favourite in session.scalars(select(Favourite).where(Favourite.account_id == account_id)):
        favourite.place = places[favourite.slug]
    session.flush()


def _hold(session: Session, account_id: UUID) -> None:
    # Two clicks of one person are counted one after the other.
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())


# --- sectors ----------------------------------------


def hidden_sectors(session: Session, account_id: UUID) -> frozenset[str]:
    """The sectors that the resident took out of the side menu."""
    return frozenset(session.scalars(select(HiddenSector.sector).where(HiddenSector.account_id == account_id)))


def preferences(session: Session, account_id: UUID) -> tuple[list[str], frozenset[str]]:
    """The favourites in their order and the hidden sectors, in one statement: the pages of the space show both."""
    found = session.execute(
        union_all(
            select(Favourite.slug, Favourite.place).where(Favourite.account_id == account_id),
            select(HiddenSector.sector, cast(null(), Integer)).where(HiddenSector.account_id == account_id),
        )
    ).all()
    kept = sorted((place, name) for name, place in found if place is not None)
    return [slug for _, slug in kept], frozenset(name for name, place in found if place is None)


def hide_sectors(session: Session, account_id: UUID, sectors: Collection[str]) -> None:
    """Leave these sectors out of the side menu, and no other."""
    _hold(session, account_id)
    session.execute(delete(HiddenSector).where(HiddenSector.account_id == account_id))
    session.add_all(HiddenSector(account_id=account_id, sector=sector) for sector in sorted(set(sectors)))
    session.flush()
