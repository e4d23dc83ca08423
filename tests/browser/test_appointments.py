"""Appointments and quotas in a real browser: with a countdown, and without JavaScript (A6, A7, A12, D1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_residents import press, sign_in

Someone = Callable[..., Page]
Holds = Callable[[Page], None]

SLUG = "rendez-vous-titre-identite"


def fill_in(page: Page) -> None:
    """From the step after the appointment to the confirmation."""
    page.get_by_role("textbox", name=re.compile("^Prénom")).fill("Paul")
    page.get_by_role("textbox", name=re.compile("^Nom de naissance")).fill("Durand")
    for part, text in (("Jour", "3"), ("Mois", "4"), ("Année", "1990")):
        page.get_by_label(part, exact=True).fill(text)
    page.get_by_role("textbox", name=re.compile("^Courriel")).fill("paul.durand@exemple.fr")
    press(page, "Continuer")
    page.get_by_label("Un passeport").check()
    page.get_by_label("Le titre est périmé").check()
    press(page, "Continuer")


def first_time(page: Page) -> None:
    page.locator("main input[name=creneau]").first.check()


def test_an_appointment_is_taken_moved_and_cancelled(someone: Someone, holds: Holds) -> None:
    """D1, A7, A12: the slot is held with a countdown that can be prolonged; the tracking moves and cancels it."""
    page = someone()
    page.goto(f"/demarches/{SLUG}")
    press(page, "Commencer")
    expect(page).to_have_title(re.compile("^Mon rendez-vous"))
    holds(page)
    press(page, "Continuer")
    expect(page.locator(".govuk-error-summary")).to_contain_text("Choisissez une date et une heure")
    holds(page)
    first_time(page)
    press(page, "Continuer")
    expect(page.locator("[data-hold]")).to_contain_text(
        re.compile(r"Votre créneau est gardé jusqu’à .*\(encore \d+ minutes\)")
    )
    page.get_by_role("textbox", name=re.compile("^Prénom")).fill("Paul")
    press(page, "Prolonger")
    expect(page.get_by_role("textbox", name=re.compile("^Prénom"))).to_have_value("Paul")
    holds(page)
    fill_in(page)
    expect(page.locator("main")).to_contain_text("Date et heure")
    holds(page)
    page.get_by_label("Je certifie").check()
    press(page, "Déposer")
    page.get_by_role("link", name="Suivi de la demande").click()
    page.get_by_role("link", name="Rendez-vous", exact=True).click()
    holds(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Ajouter à mon agenda").click()
    assert download.value.suggested_filename.endswith(".ics")
    page.get_by_role("button", name="Déplacer mon rendez-vous").click()
    holds(page)
    page.get_by_role("link", name="Semaine suivante").click()
    first_time(page)
    press(page, "Valider ce changement")
    expect(page.locator("main")).to_contain_text("Votre rendez-vous est déplacé")
    page.get_by_role("link", name="Annuler mon rendez-vous").click()
    holds(page)
    press(page, "Annuler mon rendez-vous")
    expect(page.locator("main")).to_contain_text("Votre rendez-vous est annulé")


def test_an_appointment_is_taken_without_javascript(someone: Someone) -> None:
    """D1: another place and another week are forms and links; the hold says its hour."""
    page = someone(java_script_enabled=False)
    page.goto(f"/demarches/{SLUG}")
    press(page, "Commencer")
    page.get_by_label("Lieu du rendez-vous").select_option("mairie-annexe")
    press(page, "Voir ce lieu")
    page.get_by_role("link", name="Semaine suivante").click()
    expect(page.locator("main")).to_contain_text("Mairie annexe des Tilleuls, 48 avenue")
    first_time(page)
    press(page, "Continuer")
    expect(page.locator("main")).to_contain_text(re.compile("Votre créneau est gardé jusqu’à"))
    fill_in(page)
    page.get_by_label("Je certifie").check()
    press(page, "Déposer")
    expect(page.locator("main")).to_contain_text("Votre demande est prise en compte")


def test_a_quota_is_full_then_offers_a_place(someone: Someone, holds: Holds) -> None:
    """A6: nobody is made to type for nothing; the waiting list has the place that the supervisor opens."""
    head = someone()
    head.goto("/connexion?suite=/agents/agendas")
    sign_in(head, "odile.renard@exemple.fr")
    expect(head.get_by_role("heading", level=1, name="Agendas")).to_be_visible()
    holds(head)
    head.get_by_role("link", name="Mairie centrale").first.click()
    holds(head)
    head.get_by_role("link", name="Régler les horaires").click()
    holds(head)
    press(head, "Enregistrer")
    expect(head.locator("main")).to_contain_text("Les réglages sont enregistrés")
    # Claire's draft asks for the first place, and so opens the count.
    claire = someone()
    claire.goto("/connexion?demarche=composteur")
    sign_in(claire, "claire.martin@exemple.fr")
    expect(claire.locator("[data-hold]")).to_contain_text("Votre place est gardée jusqu’à")
    holds(claire)
    head.goto("/agents/quotas")
    head.get_by_label("Nombre de places").first.fill("1")
    press(head, "Changer")
    holds(head)
    karim = someone(java_script_enabled=False)
    karim.goto("/connexion?suite=/demarches/composteur")
    sign_in(karim, "karim.benali@exemple.fr")
    expect(karim.locator("main")).to_contain_text("Le nombre de demandes prévu est atteint")
    press(karim, "M’inscrire sur la liste d’attente")
    expect(karim.locator("main")).to_contain_text("la prochaine place est pour vous")
    head.get_by_label("Nombre de places").first.fill("2")
    press(head, "Changer")
    karim.reload()
    expect(karim.locator("main")).to_contain_text("Une place vous est proposée")
    press(karim, "Commencer")
    expect(karim.locator("main")).to_contain_text("Votre place est gardée jusqu’à")
