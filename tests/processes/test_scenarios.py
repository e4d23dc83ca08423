"""Every scenario of every shipped procedure, walked from the first step to the end (F3, A14, A15, A16)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from engine.procedures import catalogue, rehearsal, scenarios
from engine.procedures.rehearsal import Report

ROOT = Path(__file__).parents[2]
SHIPPED = {sources.slug: sources for sources in catalogue.read_folder(ROOT)}
WALKS = {
    slug: scenarios.read(path.name, path.read_bytes())
    for slug in SHIPPED
    if (path := scenarios.path_of(ROOT / "processes", slug)).is_file()
}


@cache
def report(slug: str) -> Report:
    return rehearsal.rehearse(SHIPPED[slug], WALKS[slug])


def test_every_procedure_has_scenarios() -> None:
    assert set(WALKS) == set(SHIPPED)


def test_every_file_of_scenarios_has_its_procedure() -> None:
    named = {path.name.removesuffix(scenarios.SUFFIX) for path in (ROOT / "processes").glob(f"*{scenarios.SUFFIX}")}
    assert named == set(SHIPPED)


@pytest.mark.parametrize(
    ("slug", "number"),
    [
        pytest.param(slug, number, id=f"{slug}: {walk.name}")
        for slug, walks in WALKS.items()
        for number, walk in enumerate(walks)
    ],
)
def test_the_scenario_goes_as_it_says(slug: str, number: int) -> None:
    assert report(slug).outcomes[number].faults == ()


@pytest.mark.parametrize("slug", sorted(WALKS))
def test_the_scenarios_pass_through_everything(slug: str) -> None:
    """Every element and every flow: nothing is shipped that was never walked."""
    assert report(slug).missed_elements == ()
    assert report(slug).missed_flows == ()
    assert report(slug).coverage == 1
