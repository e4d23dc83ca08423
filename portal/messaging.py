"""Writing in an exchange, the same on both sides: what is posted is checked, its files are kept, and it is sent (D2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import flash, redirect, request
from werkzeug.wrappers import Response

from engine.contact import exchanges
from engine.contact.exchanges import Exchange, Side
from engine.core.db import Session
from engine.core.errors import CaseClosed, InvalidAnswers, NotFound
from engine.procedures import catalogue
from engine.procedures import exchanges as verbs
from engine.procedures.cases import Case
from portal import attachments, rendering
from portal import exchanges as shared
from portal.access import current_actor, reading, transactional
from portal.attachments import Place
from portal.residents import filling


def found(session: Session, case: Case, exchange_id: UUID | None) -> Exchange | None:
    """The thread of that request; None for one that begins. `NotFound` where the request has no exchanges."""
    if not verbs.enabled(case, catalogue.definition(session, case.version_id)):
        raise NotFound
    return exchanges.find(session, case.id, exchange_id) if exchange_id is not None else None


@dataclass(frozen=True)
class Desk:
    """One side's pages: the address of a thread, and how the page is drawn."""

    side: Side
    address: Callable[[str, UUID], str]
    draw: Callable[..., Response]

    def take(self, *, reference: str, exchange_id: UUID | None = None) -> Response:
        """Send what was posted; with errors, or once the request is over, the page again with what was typed."""
        action = rendering.action(request.form)
        where: dict[str, Any] = {"reference": reference, "exchange_id": exchange_id}
        try:
            refused = attachments.take(self._place, **where)
            if action.name == "remove-file":
                attachments.take_away(self._place, action.file, **where)
            if refused and not action.stays:
                refused = {**_problems(**where), **refused}
            if action.stays or refused:
                return self.draw(**where, posted=request.form, errors=refused)
            return transactional(self._send)(**where)
        except InvalidAnswers as error:
            return self.draw(**where, posted=request.form, errors=error.errors)
        except CaseClosed:
            return self.draw(**where, posted=request.form)

    def read(self, session: Session, case: Case, exchange_id: UUID) -> Response:
        """«Voir la suite»: read from now on, and shown whole."""
        exchange = found(session, case, exchange_id)
        assert exchange is not None
        unread = [one for one in exchanges.messages(session, [exchange.id]) if one.unread(self.side)]
        exchanges.read(session, exchange, self.side, current_actor())
        place = f"#message-{unread[0].id}" if unread else ""
        return redirect(self.address(case.reference, exchange_id) + place, 303)

    def _send(self, session: Session, case: Case, exchange_id: UUID | None) -> Response:
        exchange = found(session, case, exchange_id)
        answers = filling.typed(shared.form_of(new=exchange is None), request.form)
        definition = catalogue.definition(session, case.version_id)
        message = shared.send(session, case, definition, self.side, current_actor(), exchange=exchange, answers=answers)
        flash(shared.SENT, "success")
        return redirect(self.address(case.reference, message.exchange_id), 303)

    def _place(self, session: Session, case: Case, exchange_id: UUID | None, *, writing: bool) -> Place:
        """Where the files of a message that is being written go."""
        form = shared.form_of(new=found(session, case, exchange_id) is None)
        if not verbs.writable(case):
            raise CaseClosed(verbs.OVER)
        return attachments.of_case(case, form, exchanges.composing(self.side, current_actor(), exchange_id))


@reading
def _problems(session: Session, case: Case, exchange_id: UUID | None) -> dict[str, str]:
    form = shared.form_of(new=found(session, case, exchange_id) is None)
    return filling.problems(session, case, form, filling.typed(form, request.form))
