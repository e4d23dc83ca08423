"""What happens next to a request, in words: nobody is told to wait for what has come, or for themselves (A18)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from engine.core import clock
from engine.procedures.forecast import Forecast
from engine.procedures.tasks import RESIDENT, HumanTask
from portal.residents import forecast

EXAMINE = HumanTask(group="Stationnement résidentiel", title="Examiner")
COMPLETE = HumanTask(group=RESIDENT, title="Compléter")


@pytest.mark.parametrize(
    ("tasks", "more", "expected"),
    [
        ([EXAMINE], {}, True),
        ([], {}, True),
        ([COMPLETE], {}, False),
        ([], {"questions": ["Quelle rue ?"]}, False),
        ([], {"answered": True}, False),
        ([COMPLETE], {"answered": True}, False),
        ([EXAMINE], {"answered": True}, True),
    ],
)
def test_an_answer_is_expected_of_a_service_that_has_to_give_one(
    tasks: Sequence[HumanTask], more: dict[str, Any], expected: bool
) -> None:
    said = forecast.told(Forecast(usual=clock.now() + timedelta(days=3)), tasks, **more)
    assert bool(said.when) == expected
    assert said.now
