"""Messages as files of a procedure: what may be wrong, which words count (D3, A1)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.bpmn.model import Source
from engine.core.db import Session
from engine.core.errors import DefinitionError
from engine.procedures import catalogue, messages
from engine.procedures.messages import LENT

ROOT = Path(__file__).parent.parent.parent.parent
GOOD = 'refus:\n  subject: "Refus de {demande.reference}"\n  text: |\n    Bonjour,\n  short: Refus\n  urgent: true\n'


def source(text: str) -> Source:
    return Source("essai.messages.yaml", text.encode())


def test_a_file_gives_its_messages_by_name() -> None:
    assert messages.problems(source(GOOD)) == []
    refusal = messages.read(source(GOOD))["refus"]
    assert (refusal.subject, refusal.text, refusal.short, refusal.urgent) == (
        "Refus de {demande.reference}",
        "Bonjour,\n",
        "Refus",
        True,
    )
    assert refusal.texts == ("Refus de {demande.reference}", "Bonjour,\n", "Refus")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("refus: [", 1, "YAML"),
        ("- refus\n", 1, "sont attendus"),
        ("refus: bonjour\n", 1, "doit avoir un objet"),
        (GOOD.replace("  subject", "  objet"), 2, "n’a pas de sens"),
        ("refus:\n  text: Bonjour\n", 1, "subject"),
        (GOOD.replace("true", "bientôt"), 6, "true ou false"),
        (GOOD.replace("{demande.reference}", "{demande."), 2, "mal écrit"),
        (GOOD.replace("short: Refus", f"short: {'x' * 400}"), 5, "300 caractères"),
        ('echange:\n  subject: "{ma_demande.objet}"\n  text: Bonjour\n', 2, "ne connaît que"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text: str, line: int, said: str) -> None:
    found = messages.problems(source(text))
    assert any(one.line == line and said in one.message for one in found), [str(one) for one in found]
    assert all(one.file == "essai.messages.yaml" for one in found)


def test_the_platform_has_words_for_all_that_it_says() -> None:
    assert set(messages.defaults()) >= set(LENT)
    path = ROOT / "engine" / "procedures" / "messages.yaml"
    assert messages.problems(Source(path.name, path.read_bytes())) == []


def test_messages_belong_to_the_version(session: Session) -> None:
    """Other words are another version; the check judges them with the process (F1, F2)."""
    (sources,) = (one for one in catalogue.read_folder(ROOT) if one.slug == "signalement")
    assert sources.messages is not None
    first = catalogue.deploy(session, sources)
    definition = catalogue.definition(session, first.id)
    assert definition.messages["anomalie-traitee"].short
    assert definition.asks
    changed = sources.messages.content.replace(b"Merci", b"Bravo")
    second = catalogue.deploy(session, replace(sources, messages=replace(sources.messages, content=changed)))
    assert (first.number, second.number) == (1, 2)
    unread = sources.messages.content.replace(b"{intervention.compte_rendu}", b"{intervention.duree}")
    with pytest.raises(DefinitionError) as refused:
        catalogue.deploy(session, replace(sources, messages=replace(sources.messages, content=unread)))
    assert "duree" in str(refused.value)
    with pytest.raises(DefinitionError) as missing:
        catalogue.deploy(session, replace(sources, messages=None))
    assert "que personne n’a écrit" in str(missing.value)
