"""Who may call each route: one line a route, written by hand and apart from the rules that it is compared with.

`tests/portal/test_access.py` calls every route of the application as each of the personas and compares. A new route needs a line
here, and where its address names something, a value in `World.values` of that test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["in", "sign in", "forbidden", "hidden"]
"""The view answers; the sign-in page; 403; 404, as if there were nothing."""

# Personas, by what they are to the request of an account and to the one that was made without.
NOT_SIGNED_IN = {
    "a passer-by",
    "a forged cookie",
    "the bearer of the link",
    "the bearer of another link",
    "the owner, session over",
    "the agent, suspended",
    "a monitor",
}
BEARER = "the bearer of the link"
OWNER, NEIGHBOUR, BEARER_SIGNED_IN = "the owner", "another resident", "a resident with the link"
AGENT, OTHER_AGENT = "an agent of the group", "an agent of another group"
SUPERVISOR, OTHER_SUPERVISOR = "the supervisor of the group", "the supervisor of another group"
ANALYST, ADMINISTRATOR = "an analyst", "an administrator"
WORKERS = {AGENT, OTHER_AGENT, SUPERVISOR, OTHER_SUPERVISOR}
PERSONAS = (*sorted(NOT_SIGNED_IN), OWNER, NEIGHBOUR, BEARER_SIGNED_IN, *sorted(WORKERS), ANALYST, ADMINISTRATOR)

Whose = Literal["account", "link"]
"""The request of the owner's account, or the one that only its link opens."""


@dataclass(frozen=True)
class Audience:
    """What each persona gets. `things`: whether it depends on what the address names. `personas`: whom it is tried with."""

    name: str
    outcome: Callable[[str, Whose], Outcome]
    things: bool = False
    nothing_there: bool = False
    personas: tuple[str, ...] = PERSONAS


def _residents(persona: str, _whose: Whose) -> Outcome:
    if persona in NOT_SIGNED_IN:
        return "sign in"
    return "in" if persona in (OWNER, NEIGHBOUR, BEARER_SIGNED_IN) else "forbidden"


def _holders(persona: str, whose: Whose) -> Outcome:
    if persona in ((OWNER,) if whose == "account" else (BEARER, BEARER_SIGNED_IN)):
        return "in"
    return "sign in" if persona in NOT_SIGNED_IN else "hidden"


def _holders_without_account(persona: str, whose: Whose) -> Outcome:
    return "forbidden" if (persona, whose) == (OWNER, "account") else _holders(persona, whose)


def _holders_with_account(persona: str, whose: Whose) -> Outcome:
    return "sign in" if persona in NOT_SIGNED_IN else _holders(persona, whose)


def _own(persona: str, _whose: Whose) -> Outcome:
    if persona in NOT_SIGNED_IN:
        return "sign in"
    if persona in (NEIGHBOUR, BEARER_SIGNED_IN):
        return "hidden"
    return "in" if persona == OWNER else "forbidden"


def _among_agents(*let_in: str) -> Callable[[str, Whose], Outcome]:
    def outcome(persona: str, _whose: Whose) -> Outcome:
        if persona in NOT_SIGNED_IN:
            return "sign in"
        return "in" if persona in let_in else "forbidden"

    return outcome


def _of_the_group(persona: str, whose: Whose) -> Outcome:
    if persona in WORKERS:
        return "in" if persona in (AGENT, SUPERVISOR) else "hidden"
    return _among_agents()(persona, whose)


def _supervisor_of_the_group(persona: str, whose: Whose) -> Outcome:
    return "forbidden" if persona == AGENT else _of_the_group(persona, whose)


def _supervisors_of_the_group(persona: str, whose: Whose) -> Outcome:
    return "hidden" if persona == OTHER_SUPERVISOR else _among_agents(SUPERVISOR)(persona, whose)


# Where nobody is turned away, one of each sort will do.
EVERYONE = Audience(
    "everyone",
    lambda _persona, _whose: "in",
    personas=("a passer-by", OWNER, AGENT),
)
RESIDENTS = Audience("residents", _residents)
HOLDERS = Audience("who holds the request", _holders, things=True)
HOLDERS_WITHOUT_ACCOUNT = Audience("who holds it by a link", _holders_without_account, things=True)
HOLDERS_WITH_ACCOUNT = Audience("who holds it and is signed in", _holders_with_account, things=True)
# The requests that this is tried with have none of it: who may look finds nothing, as who may not.
NOT_HERE = Audience("who holds it, had it one", _holders, things=True, nothing_there=True)
OWN = Audience("the resident whose it is", _own, things=True)
STAFF = Audience("agents' accounts", _among_agents(*WORKERS, ANALYST, ADMINISTRATOR))
AGENTS = Audience("agents who work on requests", _among_agents(*WORKERS))
GROUP = Audience("agents of the group that works on it", _of_the_group, things=True)
GROUP_SUPERVISOR = Audience("the supervisor of the group", _supervisor_of_the_group, things=True)
SUPERVISORS_OF_THE_GROUP = Audience("supervisors, of what their group works on", _supervisors_of_the_group, things=True)
SUPERVISORS = Audience("supervisors", _among_agents(SUPERVISOR, OTHER_SUPERVISOR))
ANALYSTS = Audience("analysts", _among_agents(ANALYST))
ADMINISTRATORS = Audience("administrators", _among_agents(ADMINISTRATOR))
MONITORS = Audience(
    "programs that watch", lambda persona, _whose: "in" if persona == "a monitor" else "hidden", things=True
)

ROUTES: dict[str, Audience] = {
    "admin.announce_interruption": ADMINISTRATORS,
    "admin.cancel": ADMINISTRATORS,
    "admin.change_place": ADMINISTRATORS,
    "admin.do_deed": ADMINISTRATORS,
    "admin.enter": EVERYONE,
    "admin.invite": ADMINISTRATORS,
    "admin.remove_group": ADMINISTRATORS,
    "admin.send_again": ADMINISTRATORS,
    "admin.show_agent": ADMINISTRATORS,
    "admin.show_agents": ADMINISTRATORS,
    "admin.show_deed": ADMINISTRATORS,
    "admin.show_group": ADMINISTRATORS,
    "admin.show_group_removal": ADMINISTRATORS,
    "admin.show_groups": ADMINISTRATORS,
    "admin.show_interruption": ADMINISTRATORS,
    "admin.show_invitations": ADMINISTRATORS,
    "admin.show_invite": ADMINISTRATORS,
    "admin.show_place": ADMINISTRATORS,
    "admin.show_warnings": ADMINISTRATORS,
    "admin.warn": ADMINISTRATORS,
    "admin.withdraw_interruption": ADMINISTRATORS,
    "agents.add_passkey": STAFF,
    "agents.answer_exchange": GROUP,
    "agents.assign": SUPERVISORS_OF_THE_GROUP,
    "agents.begin_application": STAFF,
    "agents.begin_exchange": GROUP,
    "agents.claim": GROUP,
    "agents.close_others": STAFF,
    "agents.close_session": STAFF,
    "agents.come_back": EVERYONE,
    "agents.come_out": EVERYONE,
    "agents.complete_task": GROUP,
    "agents.confirm_application": STAFF,
    "agents.decide_quota": GROUP_SUPERVISOR,
    "agents.download": GROUP,
    "agents.enter": EVERYONE,
    "agents.export_queue": SUPERVISORS,
    "agents.leave_for_proconnect": EVERYONE,
    "agents.make_codes": STAFF,
    "agents.mark_posted": GROUP,
    "agents.passkey_creation_options": STAFF,
    "agents.passkey_request_options": STAFF,
    "agents.prove": STAFF,
    "agents.read_exchange": GROUP,
    "agents.release": GROUP,
    "agents.remove_factor": STAFF,
    "agents.rename_factor": STAFF,
    "agents.save_agenda_settings": GROUP_SUPERVISOR,
    "agents.show_agenda": GROUP,
    "agents.show_agenda_settings": GROUP_SUPERVISOR,
    "agents.show_agendas": AGENTS,
    "agents.show_application": STAFF,
    "agents.show_case": GROUP,
    "agents.show_codes": STAFF,
    "agents.show_cases": AGENTS,
    "agents.show_exchange": GROUP,
    "agents.show_exchanges": AGENTS,
    "agents.show_factor": STAFF,
    "agents.show_factor_choice": STAFF,
    "agents.show_letter": GROUP,
    "agents.show_letters": AGENTS,
    "agents.show_new_exchange": GROUP,
    "agents.show_new_codes": STAFF,
    "agents.show_profile": STAFF,
    "agents.show_proof": STAFF,
    "agents.show_queues": AGENTS,
    "agents.show_quota": GROUP,
    "agents.show_quotas": AGENTS,
    "agents.show_task": GROUP,
    "diagram.show_to_agent": GROUP,
    "diagram.show_to_resident": HOLDERS,
    "diagram.source_for_agent": GROUP,
    "diagram.source_for_resident": HOLDERS,
    "health": EVERYONE,
    "home": EVERYONE,
    "metrics": MONITORS,
    "public.accept_invitation": EVERYONE,
    "public.add_passkey": EVERYONE,
    "public.ask_for_link": EVERYONE,
    "public.ask_for_new_link": EVERYONE,
    "public.begin_application": EVERYONE,
    "public.choose_password": EVERYONE,
    "public.come_back": EVERYONE,
    "public.come_out": EVERYONE,
    "public.confirm": EVERYONE,
    "public.confirm_application": EVERYONE,
    "public.download_annex": EVERYONE,
    "public.follow_invitation": EVERYONE,
    "public.follow_password_link": EVERYONE,
    "public.give_up": EVERYONE,
    "public.join_waiting_list": EVERYONE,
    "public.leave_for_franceconnect": EVERYONE,
    "public.leave_waiting_list": EVERYONE,
    "public.make_account": EVERYONE,
    "public.make_beneficiary_account": EVERYONE,
    "public.make_challenge": EVERYONE,
    "public.passkey_creation_options": EVERYONE,
    "public.passkey_request_options": EVERYONE,
    "public.propose_password": EVERYONE,
    "public.redirect_to_catalogue": EVERYONE,
    "public.register": EVERYONE,
    "public.resend": EVERYONE,
    "public.show_about_account": EVERYONE,
    "public.show_accessibility": EVERYONE,
    "public.show_application": EVERYONE,
    "public.show_beneficiary": EVERYONE,
    "public.show_beneficiary_account": EVERYONE,
    "public.show_catalogue": EVERYONE,
    "public.show_code": EVERYONE,
    "public.show_contact": EVERYONE,
    "public.show_deleted": EVERYONE,
    "public.show_digits": EVERYONE,
    "public.show_factor_choice": EVERYONE,
    "public.show_forgotten": EVERYONE,
    "public.show_identity_choice": EVERYONE,
    "public.show_invitation": EVERYONE,
    "public.show_legal_notice": EVERYONE,
    "public.show_link_sent": EVERYONE,
    "public.show_lost_link": EVERYONE,
    "public.show_new_link_sent": EVERYONE,
    "public.show_new_password": EVERYONE,
    "public.show_outbox": EVERYONE,
    "public.show_privacy": EVERYONE,
    "public.show_privacy_version": EVERYONE,
    "public.show_procedure": EVERYONE,
    "public.show_registration": EVERYONE,
    "public.show_sign_in": EVERYONE,
    "public.show_sms_outbox": EVERYONE,
    "public.show_terms": EVERYONE,
    "public.show_terms_version": EVERYONE,
    "public.show_verification": EVERYONE,
    "public.sign_in_by_password": EVERYONE,
    "public.sign_out": EVERYONE,
    "public.speak_digits": EVERYONE,
    "public.start": EVERYONE,
    "public.tie_account": EVERYONE,
    "public.verify": EVERYONE,
    "ready": EVERYONE,
    "residents.accept_texts": RESIDENTS,
    "residents.add_document": RESIDENTS,
    "residents.answer_exchange": HOLDERS,
    "residents.ask_attaching_code": RESIDENTS,
    "residents.ask_deletion": RESIDENTS,
    "residents.ask_email_code": RESIDENTS,
    "residents.ask_reference": RESIDENTS,
    "residents.ask_to_cancel": HOLDERS,
    "residents.ask_to_cancel_appointment": NOT_HERE,
    "residents.ask_to_delete_document": OWN,
    "residents.ask_to_duplicate": HOLDERS,
    "residents.attach": HOLDERS_WITH_ACCOUNT,
    "residents.attach_with_code": RESIDENTS,
    "residents.begin_exchange": HOLDERS,
    "residents.book": NOT_HERE,
    "residents.cancel": HOLDERS,
    "residents.cancel_appointment": NOT_HERE,
    "residents.change_coordinates": RESIDENTS,
    "residents.change_document": OWN,
    "residents.change_favourites": RESIDENTS,
    "residents.change_identity": RESIDENTS,
    "residents.change_password": RESIDENTS,
    "residents.change_username": RESIDENTS,
    "residents.choose_consent": RESIDENTS,
    "residents.choose_sectors": RESIDENTS,
    "residents.choose_slot": NOT_HERE,
    "residents.close_others": RESIDENTS,
    "residents.close_session": RESIDENTS,
    "residents.complete_task": HOLDERS,
    "residents.confirm_email": RESIDENTS,
    "residents.delete_document": OWN,
    "residents.download": HOLDERS,
    "residents.download_appointment": NOT_HERE,
    "residents.download_own": OWN,
    "residents.download_receipt": HOLDERS,
    "residents.duplicate": HOLDERS,
    "residents.end_links": HOLDERS,
    "residents.export_json": RESIDENTS,
    "residents.export_pdf": RESIDENTS,
    "residents.follow_link": EVERYONE,
    "residents.give_document": OWN,
    "residents.join_file": RESIDENTS,
    "residents.join_files": HOLDERS,
    "residents.leave_to_tie": RESIDENTS,
    "residents.make_link": HOLDERS_WITHOUT_ACCOUNT,
    "residents.offer_document": OWN,
    "residents.read_exchange": HOLDERS,
    "residents.resend_email_code": RESIDENTS,
    "residents.send_code": RESIDENTS,
    "residents.show_care_plan": RESIDENTS,
    "residents.show_case": HOLDERS,
    "residents.show_cases": RESIDENTS,
    "residents.show_coming_appointments": RESIDENTS,
    "residents.show_confirmation": HOLDERS,
    "residents.show_coordinates": RESIDENTS,
    "residents.show_data": RESIDENTS,
    "residents.show_deletion": RESIDENTS,
    "residents.show_document": OWN,
    "residents.show_documents": RESIDENTS,
    "residents.show_email": RESIDENTS,
    "residents.show_email_code": RESIDENTS,
    "residents.show_exchange": HOLDERS,
    "residents.show_exchanges_to_read": RESIDENTS,
    "residents.show_favourites": RESIDENTS,
    "residents.show_franceconnect": RESIDENTS,
    "residents.show_identity": RESIDENTS,
    "residents.show_join_file": RESIDENTS,
    "residents.show_new_exchange": HOLDERS,
    "residents.show_links": HOLDERS,
    "residents.show_own_case": HOLDERS,
    "residents.show_own_coordinates": RESIDENTS,
    "residents.show_password": RESIDENTS,
    "residents.show_profile": RESIDENTS,
    "residents.show_sector": RESIDENTS,
    "residents.show_sectors": RESIDENTS,
    "residents.show_space": RESIDENTS,
    "residents.show_step": HOLDERS,
    "residents.show_tab": HOLDERS,
    "residents.show_task": HOLDERS,
    "residents.show_tracking": HOLDERS,
    "residents.show_username": RESIDENTS,
    "residents.submit_step": HOLDERS,
    "residents.tie": RESIDENTS,
    "residents.withdraw_deletion": RESIDENTS,
    "static": EVERYONE,
    "studio.deposit": ANALYSTS,
    "studio.download_files": ANALYSTS,
    "studio.publish": ANALYSTS,
    "studio.show_deposit": ANALYSTS,
    "studio.show_form": ANALYSTS,
    "studio.show_procedure": ANALYSTS,
    "studio.show_procedures": ANALYSTS,
    "studio.show_publication": ANALYSTS,
    "studio.show_source": ANALYSTS,
    "studio.show_version": ANALYSTS,
    "studio.show_withdrawal": ANALYSTS,
    "studio.withdraw": ANALYSTS,
}
