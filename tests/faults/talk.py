"""Messages between residents and agents, as browsers send them, and the proof that each is there once and told once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from engine.contact.exchanges import RESIDENT, SERVICE, Exchange, Message
from engine.core.db import Session
from tests.faults.browser import Answer, Browser
from tests.faults.record import Acked

if TYPE_CHECKING:
    from tests.faults.checker import Facts, Verdict

_CLICK = re.compile(r'name="envoi" value="([^"]+)"')
_UNREAD = re.compile(r'action="(/agents/demandes/([^/"]+)/echanges/[0-9a-f-]{36})/lecture"')
_THREAD = re.compile(r"/echanges/[0-9a-f-]{36}$")


def write(browser: Browser, reference: str, said: str) -> None:
    """A resident begins an exchange about a request that may be over by then."""
    path = f"/demandes/{reference}/suivi/echanges/nouveau"
    page = browser.get(path)
    click = _CLICK.search(page.text)
    if page.status == 404 or click is None:
        browser.record.meet("no exchange any more")
        return
    fields = {"objet": "Une question", "message": said, "envoi": click[1]}
    _told(browser, browser.post(path, fields), "message", reference, said)


def answer(browser: Browser, said: str) -> None:
    """An agent reads the message that waits longest, and answers it."""
    found = _UNREAD.search(browser.get("/agents/echanges").text)
    if found is None:
        return
    thread, reference = found[1], found[2]
    read = browser.post(f"{thread}/lecture", {})
    if read.status != 303:
        browser.record.surprise(f"{read.status} on {thread}/lecture")
        return
    browser.record.ack("read", reference, thread.rpartition("/")[2])
    click = _CLICK.search(browser.get(thread).text)
    if click is None:
        browser.record.meet("no exchange any more")
        return
    _told(browser, browser.post(thread, {"message": said, "envoi": click[1]}), "reply", reference, said)


def _told(browser: Browser, answered: Answer, action: str, reference: str, said: str) -> None:
    if answered.status == 303 and _THREAD.search(answered.location):
        browser.record.ack(action, reference, said, said)
    elif answered.status in (303, 409):
        # The request ended between the page and the message.
        browser.record.meet("no exchange any more")
    elif answered.status == 422 and "Patientez" in answered.text:
        browser.record.meet("too many messages")
    else:
        browser.record.surprise(f"{answered.status} on {answered.path}")


# --- the proof -------------------------------------------------------------------------------------------------------------


def check(verdict: Verdict, session: Session, by_id: Mapping[UUID, Facts], acked: Sequence[Acked]) -> None:
    """What was sent is there once; the history and the notices tell of it once; what is counted as unread is unread."""
    messages = list(session.scalars(select(Message)))
    sides = {"message": RESIDENT, "reply": SERVICE}
    there = Counter((by_id[one.case_id].case.reference, one.side, one.text) for one in messages)
    for one in acked:
        if one.action in sides and not there[one.reference, sides[one.action], one.said]:
            verdict.lost.append(f"{one.action} {one.said} of {one.reference}")
    verdict.twice += [f"message {said} of {reference}" for (reference, _, said), times in there.items() if times > 1]
    for case_id, facts in by_id.items():
        written = Counter(one.side for one in messages if one.case_id == case_id)
        name = facts.case.reference
        verdict.count(f"{name}: exchange_received", len(facts.having("exchange_received")), written[RESIDENT])
        verdict.count(f"{name}: exchange_sent", len(facts.having("exchange_sent")), written[SERVICE])
        verdict.count(f"{name}: notices of messages", facts.notified["echange"], written[SERVICE])
        verdict.count(f"{name}: mail of messages", facts.mails["echange"], written[SERVICE])
    read = {one.subject for one in acked if one.action == "read"}
    for thread in session.scalars(select(Exchange)):
        own = [one for one in messages if one.exchange_id == thread.id]
        unread = Counter(one.side for one in own if one.read_at is None)
        verdict.count(f"exchange {thread.id}: unread by the service", thread.unread_by_service, unread[RESIDENT])
        verdict.count(f"exchange {thread.id}: unread by the resident", thread.unread_by_resident, unread[SERVICE])
        if str(thread.id) in read and not any(one.read_at for one in own if one.side == RESIDENT):
            verdict.lost.append(f"the reading of exchange {thread.id}")
