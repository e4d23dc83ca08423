"""The procedures that the house ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.procedures import catalogue
from engine.procedures.catalogue import SourceSet

ROOT = Path(__file__).parents[2]
SHIPPED = {sources.slug: sources for sources in catalogue.read_folder(ROOT)}


@pytest.fixture(params=sorted(SHIPPED))
def shipped(request: pytest.FixtureRequest) -> SourceSet:
    """Each shipped procedure in turn."""
    return SHIPPED[request.param]
