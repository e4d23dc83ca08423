"""Service tasks: what the operation gets, what is kept of it, and where its faults go (A13)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.bpmn.workflow import OperationFault
from engine.core.errors import NotFound, ProcessStuck

ERROR = '<bpmn:error id="e1" name="Refus" errorCode="refus"/>'


def test_an_operation_gets_its_parameters_and_its_result_is_kept(draw, walk):
    calls: list[Any] = []

    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        calls.append((element_id, name, parameters))
        return {"numero": 7}

    bpmn = draw.process(
        draw.user("a"),
        draw.service("o", "droits/ouvrir", result="droit", qui="a.nom", jours="1 + 1"),
        draw.service("o2", "rien"),
        flows="s>a; a>o; o>o2; o2>e",
    )
    case = walk(bpmn, operation=operation)
    case.do("a", nom="Ada")
    assert calls == [("o", "droits/ouvrir", {"qui": "Ada", "jours": 2}), ("o2", "rien", {})]
    assert case.document == {"a": {"nom": "Ada"}, "droit": {"numero": 7}}
    assert [(event.element_id, event.facts["name"]) for event in case.events if event.kind == "operation"] == [
        ("o", "droits/ouvrir"),
        ("o2", "rien"),
    ]


def test_an_operation_error_propagates(draw, walk):
    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        raise NotFound(name=name)

    case = walk(draw.process(draw.user("a"), draw.service("o", "x"), flows="s>a; a>o; o>e"), operation=operation)
    with pytest.raises(NotFound):
        case.do("a")


def fault(code: str = "refus"):
    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        raise OperationFault(code, "Pas de place")

    return operation


@pytest.mark.parametrize("ref", ["e1", ""])
def test_a_fault_goes_to_the_boundary_error_event(draw, walk, ref):
    bpmn = draw.process(
        draw.user("q"),
        draw.service("o", "x", result="r"),
        draw.boundary("b", "o", draw.event("error", ref)),
        draw.user("fix"),
        draw.user("suite"),
        flows="s>q; q>o; o>suite; suite>e; b>fix; fix>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=fault())
    case.do("q")
    assert case.open == ["fix"]
    assert "r" not in case.document
    case.do("fix")
    assert case.finished


def test_a_fault_that_nothing_catches_stops_the_process(draw, walk):
    bpmn = draw.process(
        draw.user("q"),
        draw.service("o", "x"),
        draw.boundary("b", "o", draw.event("error", "e1")),
        flows="s>q; q>o; o>e; b>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=fault("autre"))
    with pytest.raises(ProcessStuck) as caught:
        case.do("q")
    assert caught.value.element_id == "o"
    assert "autre" in caught.value.reason
    assert isinstance(caught.value.__cause__, OperationFault)


def test_a_fault_inside_a_sub_process_goes_to_its_boundary_only(draw, walk):
    """A parallel activity that waits for the same error isn't touched."""
    bpmn = draw.process(
        draw.gateway("parallel", "g"),
        draw.sub(
            "sp",
            draw.user("q"),
            draw.service("o", "x"),
            draw.user("autre"),
            draw.gateway("parallel", "h"),
            flows="sp_s>h; h>q; h>autre; q>o; o>sp_e; autre>sp_e",
        ),
        draw.boundary("b", "sp", draw.event("error", "e1")),
        draw.user("fix"),
        draw.user("voisin"),
        draw.boundary("b2", "voisin", draw.event("error", "e1")),
        draw.user("non"),
        flows="s>g; g>sp; g>voisin; sp>e; b>fix; fix>e; voisin>e; b2>non; non>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=fault())
    case.do("q")
    assert case.open == ["fix", "voisin"]
    case.do("fix")
    case.do("voisin")
    assert case.finished


def test_a_fault_in_one_instance_gives_the_whole_activity_up(draw, walk):
    def operation(element_id: str, name: str, parameters: dict[str, Any]) -> Any:
        if parameters["n"] == 2:
            raise OperationFault("refus")

    bpmn = draw.process(
        draw.user("q"),
        draw.service("o", "x", inner=draw.each("q.liste", "n"), n="n"),
        draw.boundary("b", "o", draw.event("error", "e1")),
        draw.user("fix"),
        flows="s>q; q>o; o>e; b>fix; fix>e",
        declare=ERROR,
    )
    case = walk(bpmn, operation=operation)
    case.do("q", liste=[1, 2, 3])
    assert case.open == ["fix"]
