"""Requests: opened as drafts, walked step by step, filed, decided, closed (A2, A7–A11, A13).

The case row is the only lock: who changes a request has read its row FOR UPDATE. State, answers, open tasks, timers
and history are written in the transaction of the person's action, so a crash at any instant loses nothing that was
acknowledged and does nothing twice.
"""

from engine.procedures.cases.case import Case, reserved
from engine.procedures.cases.finding import (
    LINK_KEPT,
    CaseLink,
    find,
    find_for_agent,
    held,
    link_hash,
    locked,
    make_link,
    of_account,
    of_link,
)
from engine.procedures.cases.moves import (
    Progress,
    cancel,
    cancellable,
    complete_task,
    deliver,
    fire_timer,
    open_draft,
    tracking_address,
)
from engine.procedures.cases.holds import Holds, chosen
from engine.procedures.cases.holds import of_draft as holds_of
from engine.procedures.cases.holds import renew as renew_holds
from engine.procedures.cases.listing import (
    STATES,
    Listed,
    Listing,
    State,
    by_reference,
    filed_by,
    latest,
    listing,
    waiting_for,
    steps_done,
    submit_step,
    try_again,
)
from engine.procedures.cases.run import Attempt
from engine.procedures.cases.typed import keep_typed, typed_at, without

__all__ = [
    "LINK_KEPT",
    "Attempt",
    "Case",
    "CaseLink",
    "Progress",
    "cancel",
    "cancellable",
    "complete_task",
from engine.procedures.cases.telling import notify, send_digest, told
    "deliver",
    "find",
    "find_for_agent",
    "fire_timer",
    "held",
    "keep_typed",
    "link_hash",
    "locked",
    "make_link",
    "of_account",
    "of_link",
    "open_draft",
    "reserved",
    "steps_done",
    "submit_step",
    "try_again",
    "typed_at",
    "without",
]
    "may_book_appointment",
    "notify",
    "send_code",
    "send_digest",
    "told",
    "tracking_address",
