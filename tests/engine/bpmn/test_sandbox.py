"""Every way from a drawing to an expression is closed to Python (E2); in the library, fourteen lead to `eval` or `exec`."""

from __future__ import annotations

import time
from html import escape
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


def drawings(draw: Any, text: str) -> dict[str, tuple[bytes, bytes]]:
    """A process for each sink, with `text` in it, and its decision table if any."""
    safe = escape(text)
    payload = draw.message("m1", messagePayload=text)
    correlation = (
        '<bpmn:collaboration id="C"><bpmn:participant id="P1" processRef="demarche"/><bpmn:correlationKey id="CK" name="ck">'
        "<bpmn:correlationPropertyRef>prop</bpmn:correlationPropertyRef></bpmn:correlationKey></bpmn:collaboration>"
        '<bpmn:correlationProperty id="prop" name="prop"><bpmn:correlationPropertyRetrievalExpression messageRef="m1">'
        f"<bpmn:messagePath>{safe}</bpmn:messagePath></bpmn:correlationPropertyRetrievalExpression></bpmn:correlationProperty>"
    )
    throw = draw.throw("t", draw.event("message", "m1"))
    adhoc = (
        f'<bpmn:adHocSubProcess id="ah">{draw.user("a")}<bpmn:completionCondition>{safe}</bpmn:completionCondition>'
        "</bpmn:adHocSubProcess>"
    )
    decision = draw.process(draw.decision("d", "dec"), flows="s>d; d>e")
    return {
        "script": (draw.process(draw.script("a", text), flows="s>a; a>e"), b""),
        "assigning script": (draw.process(draw.script("a", f"x = {text}"), flows="s>a; a>e"), b""),
        "condition": (
            draw.process(draw.gateway("exclusive", "g", default="e"), draw.end("e2"), flows=f"s>g; g>e2: {text}; g>e"),
            "",
        ),
        "timer": (draw.process(draw.catch("c", draw.timer("duration", text)), flows="s>c; c>e"), b""),
        "cycle": (
            draw.process(
                draw.user("u"),
                draw.boundary("b", "u", draw.timer("cycle", text), interrupting=False),
                flows="s>u; u>e; b>e",
            ),
            "",
        ),
        "parameter": (draw.process(draw.service("o", "x", p=text), flows="s>o; o>e"), b""),
        "preScript": (
            draw.process(
                draw.user("u", draw.extension(preScript=text)),
                flows="s>u; u>e",
            ),
            "",
        ),
        "cardinality": (draw.process(draw.user("u", draw.each(times=safe)), flows="s>u; u>e"), b""),
        "collection": (draw.process(draw.user("u", draw.each(safe, "x")), flows="s>u; u>e"), b""),
        "loopCondition": (draw.process(draw.user("u", draw.loop(text, first=True)), flows="s>u; u>e"), b""),
        "conditional event": (draw.process(draw.catch("c", draw.condition(text)), flows="s>c; c>e"), b""),
        "DMN input": (decision, draw.table(text, "prix", ("1", "1"), slug="dec")),
        "DMN cell": (decision, draw.table("1", "prix", (text, "1"), slug="dec")),
        "DMN cell with ?": (decision, draw.table("1", "prix", (f"{text} == ?", "1"), slug="dec")),
        "DMN output": (decision, draw.table("1", "prix", ("1", text), slug="dec")),
        "message payload": (draw.process(throw, flows="s>t; t>e", declare=payload), b""),
        "correlation": (draw.process(throw, flows="s>t; t>e", declare=correlation + draw.message("m1")), b""),
        "ad hoc": (draw.process(adhoc, flows="s>ah; ah>e"), b""),
    }


SINKS = [
    *(
        "script",
        "assigning script",
        "condition",
        "timer",
        "cycle",
        "parameter",
        "preScript",
        "cardinality",
        "collection",
    ),
    *(
        "loopCondition",
        "conditional event",
        "DMN input",
        "DMN cell",
        "DMN cell with ?",
        "DMN output",
        "message payload",
    ),
    *("correlation", "ad hoc"),
]


def run(draw: Any, sink: str, text: str) -> str:
    bpmn, table = drawings(draw, text)[sink]
    scope = Scope({}, {"usager": {"nom": "Ada", "liste": [1, 2]}})
    try:
        workflow = Workflow.start(parse(Source("p.bpmn", bpmn), [Source("d.dmn", table)] if table else []), scope)
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
