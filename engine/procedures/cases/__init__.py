"""Requests: opened as drafts, walked step by step, filed, decided, closed (A2, A7–A11, A13).

The case row is the only lock: who changes a request has read its row FOR UPDATE. State, answers, open tasks, timers
and history are written in the transaction of the person's action, so a crash at any instant loses nothing that was
acknowledged and does nothing twice.
"""

from engine.procedures.cases.attaching import attach, attach_with_code, send_code
from engine.procedures.cases.case import Case, reserved
from engine.procedures.cases.copying import duplicate
from engine.procedures.cases.drafts import draft_ends_at, expire_drafts, warn_of_drafts
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
    tracking_address,
)
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
)
from engine.procedures.cases.moves import (
    Progress,
    cancel,
    cancellable,
    complete_task,
    deliver,
    fire_timer,
    open_draft,
    steps_done,
    submit_step,
    try_again,
)
from engine.procedures.cases.run import Attempt
from engine.procedures.cases.telling import notify, send_digest, told
from engine.procedures.cases.typed import keep_typed, typed_at, without

__all__ = [
    "LINK_KEPT",
    "STATES",
    "Attempt",
    "Case",
    "CaseLink",
    "Listed",
    "Listing",
    "Progress",
    "State",
    "attach",
    "attach_with_code",
    "by_reference",
    "cancel",
    "cancellable",
    "complete_task",
    "deliver",
    "draft_ends_at",
    "duplicate",
    "expire_drafts",
    "filed_by",
    "find",
    "find_for_agent",
    "fire_timer",
    "held",
    "keep_typed",
    "latest",
    "link_hash",
    "listing",
    "locked",
    "make_link",
    "notify",
    "of_account",
    "of_link",
    "open_draft",
    "reserved",
    "send_code",
    "send_digest",
    "steps_done",
    "submit_step",
    "told",
    "tracking_address",
    "try_again",
    "typed_at",
    "waiting_for",
    "warn_of_drafts",
    "without",
]
