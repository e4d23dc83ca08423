"""Quotas: so many requests of a procedure, by period and by answer, and never one more (A6).

A place is taken by one conditional UPDATE when the resident starts (property `quota`) or when the process asks (operation
`quotas/hold`), and is held while the request is filled in. A job gives it back; filing keeps it. When nothing is left, a
numbered waiting list offers each place that comes back to the next in line, for a limited time: nobody passes before them.
"""

from engine.procedures.quotas.places import (
    CAPACITY_MAX,
    Standing,
    decide,
    give_up_offer,
    hold,
    keep,
    places_of,
    release,
    release_late,
    renew,
    standings,
)
from engine.procedures.quotas.quota import (
    HELD,
    KEPT,
    LAPSED,
    OFFERED,
    PERIODS,
    Quota,
    QuotaPlace,
    Rule,
    ensured,
    left,
    look,
    period_of,
    rule_of,
    until,
)
from engine.procedures.quotas.waiting_list import (
    OFFER,
    WAITING,
    QuotaWaiting,
    accept,
    find,
    forget_over,
    join,
    leave,
    rank,
)

__all__ = [
    "CAPACITY_MAX",
    "HELD",
    "KEPT",
    "LAPSED",
    "OFFER",
    "OFFERED",
    "PERIODS",
    "WAITING",
    "Quota",
    "QuotaPlace",
    "QuotaWaiting",
    "Rule",
    "Standing",
    "accept",
    "decide",
    "ensured",
    "find",
    "forget_over",
    "give_up_offer",
    "hold",
    "join",
    "keep",
    "leave",
    "left",
    "look",
    "period_of",
    "places_of",
    "rank",
    "release",
    "release_late",
    "renew",
    "rule_of",
    "standings",
    "until",
]
