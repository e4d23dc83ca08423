"""Every way from a drawing to an expression is closed to Python (E2): fourteen of them lead to `eval` or `exec` in the library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.bpmn.workflow import Scope, Workflow
from engine.core.errors import DefinitionError, ExpressionError, ProcessStuck

ESCAPES = [
    "open('{canary}', 'a').write('x')",
    "__import__('os').system('touch {canary}')",
    "().__class__.__base__.__subclasses__()",
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen'][0]('touch {canary}', shell=True)",
    "(lambda: open('{canary}', 'a'))()",
    "usager.__init__.__globals__",
    'eval(\'open("{canary}", "a")\')',
    'exec(\'open("{canary}", "a")\')',
    "get.__globals__['__builtins__']['open']('{canary}', 'a')",
    "'{{0.__class__}}'.format(usager)",
    'f\'{{open("{canary}", "a")}}\'',
    "str.join('', ['a'])",
    "breakpoint()",
    "globals()",
]

COSTLY = [
    "9 ** 9 ** 9 ** 9",
    "'a' * 10 ** 10",
    "[0] * 10 ** 10",
    "[1] + [[2] * 10 ** 9]",
    "'%9999999999d' % 1",
    "round(1, -10 ** 9)",
    "int('9' * 10 ** 6)",
]

DMN = (
    '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="x"><decision id="dec" name="dec">'
    '<decisionTable id="dt"><input id="i"><inputExpression id="ie"><text>{0}</text></inputExpression></input><output id="o" name="prix"/>'
    '<rule id="r"><inputEntry id="c"><text>{1}</text></inputEntry><outputEntry id="v"><text>{2}</text></outputEntry></rule>'
    "</decisionTable></decision></definitions>"
)


def drawings(draw: Any, text: str) -> dict[str, tuple[bytes, str]]:
    """A process for each sink, with `text` in it, and its decision table if any."""
    from html import escape

    safe = escape(text)
    message = '<bpmn:message id="m1" name="m1"/>'
    payload = f'<bpmn:message id="m1" name="m1">{draw.extensions(f"<spiffworkflow:messagePayload>{safe}</spiffworkflow:messagePayload>")}</bpmn:message>'
    correlation = (
        '<bpmn:collaboration id="C"><bpmn:participant id="P1" processRef="demarche"/><bpmn:correlationKey id="CK" name="ck">'
        "<bpmn:correlationPropertyRef>prop</bpmn:correlationPropertyRef></bpmn:correlationKey></bpmn:collaboration>"
        '<bpmn:correlationProperty id="prop" name="prop"><bpmn:correlationPropertyRetrievalExpression messageRef="m1">'
        f"<bpmn:messagePath>{safe}</bpmn:messagePath></bpmn:correlationPropertyRetrievalExpression></bpmn:correlationProperty>"
    )
    throw = draw.throw("t", draw.event("message", "m1"))
    adhoc = f'<bpmn:adHocSubProcess id="ah">{draw.user("a")}<bpmn:completionCondition>{safe}</bpmn:completionCondition></bpmn:adHocSubProcess>'
    loop = f'<bpmn:standardLoopCharacteristics testBefore="true"><bpmn:loopCondition>{safe}</bpmn:loopCondition></bpmn:standardLoopCharacteristics>'
    times = f"<bpmn:multiInstanceLoopCharacteristics><bpmn:loopCardinality>{safe}</bpmn:loopCardinality></bpmn:multiInstanceLoopCharacteristics>"
    decision = draw.process(draw.decision("d", "dec"), flows="s>d; d>e")
    return {
        "script": (draw.process(draw.script("a", text), flows="s>a; a>e"), ""),
        "assigning script": (draw.process(draw.script("a", f"x = {text}"), flows="s>a; a>e"), ""),
        "condition": (
            draw.process(draw.gateway("exclusive", "g", default="e"), draw.end("e2"), flows=f"s>g; g>e2: {text}; g>e"),
            "",
        ),
        "timer": (draw.process(draw.catch("c", draw.timer("duration", text)), flows="s>c; c>e"), ""),
        "cycle": (
            draw.process(
                draw.user("u"),
                draw.boundary("b", "u", draw.timer("cycle", text), interrupting=False),
                flows="s>u; u>e; b>e",
            ),
            "",
        ),
        "parameter": (draw.process(draw.service("o", "x", p=text), flows="s>o; o>e"), ""),
        "preScript": (
            draw.process(
                draw.user("u", draw.extensions(f"<spiffworkflow:preScript>{safe}</spiffworkflow:preScript>")),
                flows="s>u; u>e",
            ),
            "",
        ),
        "cardinality": (draw.process(draw.user("u", times), flows="s>u; u>e"), ""),
        "collection": (draw.process(draw.user("u", draw.each(safe, "x")), flows="s>u; u>e"), ""),
        "loopCondition": (draw.process(draw.user("u", loop), flows="s>u; u>e"), ""),
        "conditional event": (draw.process(draw.catch("c", draw.condition(text)), flows="s>c; c>e"), ""),
        "DMN input": (decision, DMN.format(safe, "1", "1")),
        "DMN cell": (decision, DMN.format("1", safe, "1")),
        "DMN cell with ?": (decision, DMN.format("1", safe + " == ?", "1")),
        "DMN output": (decision, DMN.format("1", "1", safe)),
        "message payload": (draw.process(throw, flows="s>t; t>e", declare=payload), ""),
        "correlation": (draw.process(throw, flows="s>t; t>e", declare=correlation + message), ""),
        "ad hoc": (draw.process(adhoc, flows="s>ah; ah>e"), ""),
    }


SINKS = [
    "script", "assigning script", "condition", "timer", "cycle", "parameter", "preScript", "cardinality", "collection", "loopCondition",
    "conditional event", "DMN input", "DMN cell", "DMN cell with ?", "DMN output", "message payload", "correlation", "ad hoc",
]  # fmt: skip


def run(draw: Any, sink: str, text: str) -> str:
    bpmn, table = drawings(draw, text)[sink]
    scope = Scope({}, {"usager": {"nom": "Ada", "liste": [1, 2]}})
    try:
        workflow = Workflow.start(
            parse(Source("p.bpmn", bpmn), [Source("d.dmn", table.encode())] if table else []), scope
        )
        workflow.dump()
        for task in workflow.open_tasks():
            workflow.complete(task.id, {})
    except (DefinitionError, ExpressionError, ProcessStuck) as error:
        return type(error).__name__
    return "ran"


@pytest.mark.parametrize("sink", SINKS)
def test_no_escape(draw, sink, tmp_path: Path):
    for text in ESCAPES:
        canary = tmp_path / "canary"
        outcome = run(draw, sink, text.format(canary=canary))
        assert not canary.exists(), text
        # A case is reached by its id: correlations aren't computed at all.
        assert (outcome == "ran") is (sink == "correlation"), (text, outcome)


@pytest.mark.parametrize("sink", SINKS)
def test_no_denial_of_service(draw, sink):
    for text in COSTLY:
        before = time.perf_counter()
        outcome = run(draw, sink, text)
        assert time.perf_counter() - before < 1, text
        assert (outcome == "ran") is (sink == "correlation"), (text, outcome)


def test_the_drawings_do_reach_the_sinks(draw):
    """What runs when the expression is right, so that the tests above don't pass for a mistake in the drawing."""
    right = {
        "script": "x = 1",
        "timer": "'P1D'",
        "cycle": "'R3/P1D'",
        "preScript": "x = 1",
        "cardinality": "2",
        "collection": "usager.liste",
        "ad hoc": None,
    }
    for sink in SINKS:
        text = right.get(sink, "1 == 1")
        if text is not None:
            assert run(draw, sink, text) == "ran", sink


def test_the_library_itself_would_run_them(draw, tmp_path: Path):
    from SpiffWorkflow.bpmn import BpmnWorkflow
    from SpiffWorkflow.spiff.parser import SpiffBpmnParser

    canary = tmp_path / "canary"
    bpmn, _ = drawings(draw, ESCAPES[1].format(canary=canary))["condition"]
    parser = SpiffBpmnParser()
    parser.add_bpmn_str(bpmn)
    BpmnWorkflow(parser.get_spec("demarche")).do_engine_steps()
    assert canary.exists()
