"""What a step costs inside the engine: load, complete a task, save. Ours beside SpiffWorkflow's own serializer, in one run.

The process has 23 elements; an agent asks for more and the resident answers, 1, 10, 100 and 500 times. Ours also reads and
writes the document of the case as JSON, since the library's state holds the data. Times are of the processor, so that
what else the machine does counts for little; the steps measured start from the same saved states again and again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

from engine.bpmn.model import Source
from engine.bpmn.parser import Process, parse
from engine.bpmn.workflow import Scope, Workflow

LOOPS = (1, 10, 100, 500)
ROUNDS = 20
STEPS_A_ROUND = 20
STOCK_STEPS = 3

Answered = tuple[str, dict[str, Any]]

BPMN = Path(__file__).with_suffix(".bpmn")
INFORMATIONS = {
    "nom": "Lefèvre",
    "prenom": "Élise",
    "adresse": {"voie": "3 rue des Lilas", "code_postal": "00100", "commune": "Bellerive"},
    "urgent": True,
    "remarques": "x" * 400,
    "pieces": [{"nom": f"piece{n}.pdf", "empreinte": "a" * 64, "taille": 12_345} for n in range(5)],
}
ASK: Answered = ("instruction", {"avis": "incomplet"})
ANSWER: Answered = ("complement", {"reponse": "Voici ce qui manquait."})

State = tuple[bytes, bytes]


def main(as_json: bool = False) -> None:
    """Measure and print."""
    figures = measure()
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    print("One step (load, complete, save), milliseconds of processor and bytes of state\n")
    print(f"{'loops':>6} {'ours ms':>9} {'ours B':>9} {'library ms':>12} {'library B':>12}")
    for loops in map(str, LOOPS):
        print(
            f"{loops:>6} {figures['step_ms'][loops]:>9.3f} {figures['state_bytes'][loops]:>9}"
            f" {figures['stock_step_ms'][loops]:>12.1f} {figures['stock_state_bytes'][loops]:>12}"
        )
    print("\nThe library's state holds the data; ours stands beside the document of the case, of "
          f"{figures['document_bytes']['1']} bytes.")  # fmt: skip


def measure() -> dict[str, dict[str, Any]]:
    """The figures, keyed by the number of loops as text."""
    process = parse(Source(BPMN.name, BPMN.read_bytes()))
    states = {loops: _ours_after(process, loops) for loops in LOOPS}
    times: dict[int, list[float]] = {loops: [] for loops in LOOPS}
    for round_ in range(ROUNDS + 1):
        for loops in LOOPS:  # interleaved: a slow moment falls on all
            taken = _time_ours(process, states[loops])
            if round_:  # the first warms up
                times[loops] += taken
    stock = Stock()
    stock_ms, stock_bytes = {}, {}
    for loops in LOOPS:
        stock_ms[str(loops)], stock_bytes[str(loops)] = stock.measure(loops)
    return {
        "step_ms": {str(loops): round(statistics.median(times[loops]) * 1_000, 3) for loops in LOOPS},
        "state_bytes": {str(loops): len(states[loops][0]) for loops in LOOPS},
        "stock_step_ms": stock_ms,
        "stock_state_bytes": stock_bytes,
        "document_bytes": {str(loops): len(states[loops][1]) for loops in LOOPS},
    }


def _timed(step: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    result = step()
    return time.process_time() - before, result


# --- Ours ------------------------------------------------------------------------------------------------------------


def _step(process: Process, state: State, element_id: str, answers: dict[str, Any]) -> State:
    scope = Scope(json.loads(state[1]))
    workflow = Workflow.load(process, state[0], scope)
    task = next(task for task in workflow.open_tasks() if task.element_id == element_id)
    workflow.complete(task.id, answers)
    return workflow.dump(), json.dumps(scope.document).encode()


def _ours_after(process: Process, loops: int) -> State:
    scope = Scope({})
    workflow = Workflow.start(process, scope)
    workflow.compact()
    state = (workflow.dump(), json.dumps(scope.document).encode())
    steps: list[Answered] = [
        ("informations", INFORMATIONS),
        ("pieces", {"fichiers": ["a", "b"]}),
        *[ASK, ANSWER] * loops,
    ]
    for element_id, answers in steps:
        state = _step(process, state, element_id, answers)
    return state


def _time_ours(process: Process, state: State) -> list[float]:
    taken = []
    for _ in range(STEPS_A_ROUND // 2):
        asking, asked = _timed(lambda: _step(process, state, *ASK))
        answering, _ = _timed(lambda asked=asked: _step(process, asked, *ANSWER))  # type: ignore[misc]
        taken += [asking, answering]
    return taken


# --- The library's ---------------------------------------------------------------------------------------------------


class Stock:
    """The library with its own serializer, and nothing of ours but the lifted limit of depth (see `patches`)."""

    def __init__(self) -> None:
        parser = SpiffBpmnParser()
        parser.add_bpmn_str(BPMN.read_bytes())
        self.workflow = BpmnWorkflow(parser.get_spec("bench"))
        self.serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
        self.workflow.do_engine_steps()
        self.complete(self.workflow, "informations", INFORMATIONS)
        self.complete(self.workflow, "pieces", {"fichiers": ["a", "b"]})
        self.loops = 0

    def complete(self, workflow: Any, element_id: str, answers: dict[str, Any]) -> None:
        task = workflow.get_next_task(state=TaskState.READY, spec_name=element_id)
        task.data[element_id] = answers
        task.run()
        workflow.do_engine_steps()

    def measure(self, loops: int) -> tuple[float, int]:
        """Milliseconds of a step and bytes of the state after so many loops."""
        sys.setrecursionlimit(20_000)  # the library climbs the tree by recursion
        while self.loops < loops:  # in memory: saving each step would take minutes
            self.complete(self.workflow, *ASK)
            self.complete(self.workflow, *ANSWER)
            self.loops += 1
        state = self.serializer.serialize_json(self.workflow)
        taken = []
        for _ in range(STOCK_STEPS):
            asking, asked = _timed(lambda: self.step(state, *ASK))
            answering, _ = _timed(lambda asked=asked: self.step(asked, *ANSWER))  # type: ignore[misc]
            taken += [asking, answering]
        return round(statistics.median(taken) * 1_000, 1), len(state)

    def step(self, state: str, element_id: str, answers: dict[str, Any]) -> str:
        workflow = self.serializer.deserialize_json(state)
        self.complete(workflow, element_id, answers)
        return str(self.serializer.serialize_json(workflow))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    main(parser.parse_args().json)
