"""A version is deposited as a zip: checked, kept, and told of in words when it can't be (F1, F2)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from engine.core.db import Database
from engine.procedures import deposits, publications
from tests.portal.conftest import Visitor
from tests.portal.studio.conftest import packed
from tests.portal.studio.test_offers import DEPOSIT, PAGE, Files

pytestmark = pytest.mark.sqlite_only

Said = Callable[[TestResponse], str]
Send = Callable[..., TestResponse]


@pytest.fixture
def send(analyst: Visitor) -> Send:
    def post(content: io.BytesIO | Files) -> TestResponse:
        archive = packed(content) if isinstance(content, dict) else content
        return analyst.post(DEPOSIT, {"archive": (archive, "essai.zip")})

    return post


def test_the_files_of_a_version_can_be_deposited_again(analyst: Visitor, send: Send, essai: Files, said: Said) -> None:
    """As they are they bring nothing new; changed, they are the next version, which waits to be published."""
    files = analyst.get(f"{PAGE}/essai/versions/1/fichiers.zip")
    assert files.mimetype == "application/zip"
    assert files.data == analyst.get(f"{PAGE}/essai/versions/1/fichiers.zip").data
    same = send(io.BytesIO(files.data))
    assert same.location == f"{PAGE}/essai/versions/1"
    assert "déjà celui de la version 1" in said(analyst.follow(same))
    with zipfile.ZipFile(io.BytesIO(files.data)) as archive:
        changed = {name: archive.read(name).decode() for name in archive.namelist()}
    changed["forms/essai.ma-demande.json"] = changed["forms/essai.ma-demande.json"].replace("Objet", "Quel objet")
    # What nothing uses isn't kept, whatever it is.
    new = send({**changed, "forms/inutile.json": "{", "lisez-moi.txt": "…", "__MACOSX/._essai.bpmn": "\0"})
    assert new.location == f"{PAGE}/essai/versions/2"
    assert "Elle n’est pas encore publiée" in said(analyst.follow(new))
    assert "inutile" not in said(analyst.get(new.location))
    assert "La version 1 est proposée" in said(analyst.get(f"{PAGE}/essai"))


def test_every_problem_is_told_and_nothing_is_kept(send: Send, essai: Files, data: Database, said: Said) -> None:
    broken = {name: text.replace('name="description"', 'name="describtion"') for name, text in essai.items()}
    broken.pop("dossier/essai.complement.json")
    refused = send(broken)
    assert refused.status_code == 422
    page = said(refused)
    assert "La démarche n’est pas déposée" in page
    assert "describtion" in page
    assert "«\u00a0describtion\u00a0»" in refused.text, "no line begins or ends with a lone guillemet"
    assert "essai.complement.json" in page
    with data.reading() as session:
        assert [one.number for one in publications.versions(session, "essai")] == [1]


@pytest.mark.parametrize(
    ("typed", "meant"), [("Propreté et espace publique", "Propreté et espace public"), ("Instructions", "Instruction")]
)
def test_a_lane_that_is_nearly_a_group_is_told(
    analyst: Visitor, send: Send, essai: Files, said: Said, typed: str, meant: str
) -> None:
    """Be it the group of the procedure itself. A doubt stops nothing."""
    done = send({name: text.replace("Instruction", typed) for name, text in essai.items()})
    assert done.status_code == 303
    assert f"Le couloir « {typed} » s’appelle presque comme « {meant} »" in said(analyst.follow(done))
    assert "s’appelle presque" not in said(analyst.follow(send(essai)))


def zipped(**more: bytes | str) -> io.BytesIO:
    return packed({name.replace("_", "."): content for name, content in more.items()})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda: io.BytesIO(b"PK nothing"), "n’est pas une archive zip"),
        (lambda: io.BytesIO(packed({"a.bpmn": "x" * 5000}).getvalue()[:-30]), "n’est pas une archive zip"),
        (lambda: zipped(rien_json="{}"), "il y en a 0"),
        (lambda: zipped(a_bpmn="<x/>", b_bpmn="<x/>"), "il y en a 2"),
        (lambda: packed({"x/a.bpmn": "<x/>", "y/a.bpmn": "<x/>"}), "deux fichiers"),
        (lambda: zipped(a_bpmn="é".encode("latin-1")), "UTF-8"),
        (lambda: zipped(a_bpmn=" " * 1_000_001), "pèse plus de 1 Mo"),
        (lambda: packed({f"{number}.json": " " * 900_000 for number in range(6)}), "plus de 4 Mo"),
        (lambda: packed({f"{number}.txt": "" for number in range(101)}), "plus de 100 fichiers"),
        (lambda: drawn(501), "plus de 500 éléments"),
        (lambda: with_method(zipfile.ZIP_LZMA), "peu courante"),
        (lambda: lying(), "n’est pas une archive zip"),
    ],
)  # fmt: skip
def test_odd_archives_are_refused_in_words(
    send: Send, said: Said, content: Callable[[], io.BytesIO], told: str
) -> None:
    refused = send(content())
    assert refused.status_code == 422
    assert told in said(refused)


def test_a_file_is_needed(analyst: Visitor, said: Said) -> None:
    assert "Choisissez le fichier" in said(analyst.post(DEPOSIT))
    assert analyst.post(DEPOSIT, {"archive": "texte"}).status_code == 422


def drawn(number: int) -> io.BytesIO:
    tasks = "".join(f'<task id="t{one}"/>' for one in range(number))
    model = "http://www.omg.org/spec/BPMN/20100524/MODEL"
    return packed({"a.bpmn": f'<definitions xmlns="{model}"><process id="a">{tasks}</process></definitions>'})


def with_method(method: int) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("a.bpmn", "<x/>")
    content.seek(0)
    return content


def lying() -> io.BytesIO:
    """A file that says that it weighs nothing."""
    content = packed({"a.bpmn": "x" * 900_000}).getvalue()
    return io.BytesIO(content.replace((900_000).to_bytes(4, "little"), (1).to_bytes(4, "little")))


def test_unpacking_stops_where_it_must() -> None:
    """A bomb is never unpacked whole, whatever it says of its size."""
    bomb = packed({"a.json": b"0" * 50_000_000})
    with pytest.raises(deposits.RefusedDeposit, match="pèse plus de"):
        deposits.read(bomb.getvalue())
