"""Requests: opened as drafts, walked step by step, filed, decided, closed (A2, A7–A11, A13).

The case row is the only lock: who changes a request has read its row FOR UPDATE. State, answers, open tasks, timers
and history are written in the transaction of the person's action, so a crash at any instant loses nothing that was
acknowledged and does nothing twice.
"""

from engine.procedures.cases.appointments import STEP as APPOINTMENT_STEP
from engine.procedures.cases.appointments import may_book as may_book_appointment
from engine.procedures.cases.appointments import offered as gives_appointments
from engine.procedures.cases.appointments import remind as remind_of_appointment
from engine.procedures.cases.appointments import required as requires_appointment
from engine.procedures.cases.appointments import service as appointments_service
from engine.procedures.cases.attaching import attach, attach_with_code, send_code
from engine.procedures.cases.calendar import enclosed
from engine.procedures.cases.calendar import ics as calendar_file
from engine.procedures.cases.case import Case, Way, reserved
from engine.procedures.cases.copying import duplicate
from engine.procedures.cases.drafts import draft_ends_at, expire_drafts, warn_of_drafts
from engine.procedures.cases.finding import (
    LINK_KEPT,
    CaseLink,
    by_ids,
    find,
    find_for_agent,
    held,
    link_hash,
    locked,
    make_link,
    of_link,
    offered,
    tracking_address,
)
from engine.procedures.cases.holds import Holds, chosen
from engine.procedures.cases.holds import of_draft as holds_of
from engine.procedures.cases.holds import renew as renew_holds
from engine.procedures.cases.links import end_links, links, send_link
from engine.procedures.cases.listing import (
    STATES,
    Listed,
    Listing,
    State,
    filed_by,
    latest,
    listing,
    references_of,
    waiting_for,
)
from engine.procedures.cases.moves import (
    Progress,
    book_appointment,
    cancel,
    cancel_appointment,
    cancellable,
    complete_task,
    deliver,
    fire_timer,
    open_draft,
    submit_step,
    try_again,
    way,
)
from engine.procedures.cases.naming import name_requests, unnamed
from engine.procedures.cases.once import former
from engine.procedures.cases.run import Attempt
from engine.procedures.cases.searching import Found, search
from engine.procedures.cases.telling import notify, send_digest, tell_otherwise, told
from engine.procedures.cases.typed import aside, keep_typed, put_aside, typed_at, without

__all__ = [
    "APPOINTMENT_STEP",
    "LINK_KEPT",
    "STATES",
    "Attempt",
    "Case",
    "CaseLink",
    "Found",
    "Holds",
    "Listed",
    "Listing",
    "Progress",
    "State",
    "Way",
    "appointments_service",
    "aside",
    "attach",
    "attach_with_code",
    "book_appointment",
    "by_ids",
    "calendar_file",
    "cancel",
    "cancel_appointment",
    "cancellable",
    "chosen",
    "complete_task",
    "deliver",
    "draft_ends_at",
    "duplicate",
    "enclosed",
    "end_links",
    "expire_drafts",
    "filed_by",
    "find",
    "find_for_agent",
    "fire_timer",
    "former",
    "gives_appointments",
    "held",
    "holds_of",
    "keep_typed",
    "latest",
    "link_hash",
    "links",
    "listing",
    "locked",
    "make_link",
    "may_book_appointment",
    "name_requests",
    "notify",
    "of_link",
    "offered",
    "open_draft",
    "put_aside",
    "references_of",
    "remind_of_appointment",
    "renew_holds",
    "requires_appointment",
    "reserved",
    "search",
    "send_code",
    "send_digest",
    "send_link",
    "submit_step",
    "tell_otherwise",
    "told",
    "tracking_address",
    "try_again",
    "typed_at",
    "unnamed",
    "waiting_for",
    "warn_of_drafts",
    "way",
    "without",
]
