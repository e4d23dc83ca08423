"""The same work done by Parvis and by its peers, in turn, in one run: how many times as much does it do?

The work is that of `bench.load`: five user tasks, two exclusive gateways, a script; a submit completes one user task over HTTP
and commits; each client is a process of its own. Every product has two server processes and a PostgreSQL of its own, and all
of them stay up while the rounds go around; the order changes from round to round, and nobody's turn begins before Parvis has
done the jobs that it promised in its own. Ratios are taken within a round, so that a machine whose speed moves moves both.

- `parvis`: the cluster of `./parvis bench load`, everything on: forms, rights, history, mail, two workers.
- `viewflow`: Django with Viewflow, a flow coded by hand (`viewflow/`), its own views, lists and sessions, residents signed in.
- `bpmn_engine`: bpmn-engine in Node with a row a request and nothing else (`bpmn_engine/`): no account, no form, no page.

The peers are installed into folders of their own when the bench is first run (`installing`); they are only run beside Parvis.
SpiffArena's backend isn't among them: it isn't published on PyPI. Its ratio is placed by an earlier measurement in which it made
20.5 submits a second where Viewflow made 166.
"""

from __future__ import annotations

import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench import load
from bench.client import Client
from bench.peers import installing
from bench.peers.products import PRODUCTS, Product
from bench.reporting import percentile, print_report
from commands import CommandFailed, node

CLIENTS = (1, 8)
ROUNDS = 6
SECONDS = 3.0
WARM_UP = 2.0
STORED_CASES = 10
ACTS: Mapping[str, load.Act] = {"steps_only": load.steps_only, "journeys": load.journeys}
# Submits a second with eight clients, all in one run, on another machine (docs/performance.md).
NOTED = {"spiffarena": 20.5, "viewflow": 166.0}


@dataclass
class Work:
    """What one product did in its turns with so many clients: all of it, and each round's rate."""

    tally: load.Tally = field(default_factory=load.Tally)
    rates: list[float] = field(default_factory=list)
    processor: dict[str, float] = field(default_factory=dict)
    catching_up: list[float] = field(default_factory=list)


Turns = dict[tuple[str, int, str], Work]
"""By product, how many clients, and what they do."""


def main(as_json: bool = False) -> None:
    """Install what is missing, measure, and print the figures."""
    installing.install()
    installing.say("Starting the products")
    with ExitStack() as stack:
        products = {name: stack.enter_context(started()) for name, started in PRODUCTS.items()}
        stored = {name: stored_bytes(product) for name, product in products.items()}
        installing.say("Measuring")
        turns = measure(products)
    print_report("The same work, in turn", report(turns, stored), as_json)


def measure(products: Mapping[str, Product]) -> Turns:
    """Let the products take their turns."""
    for clients in CLIENTS:
        for walk in ACTS.values():
            for product in products.values():
                load.together(walk, product.ports, clients, WARM_UP, client=product.client)
                product.catch_up()
    turns: Turns = {(name, clients, act): Work() for name in products for clients in CLIENTS for act in ACTS}
    names = list(products)
    for number in range(ROUNDS):
        for clients in CLIENTS:
            for act in ACTS:
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    _take_turn(products[name], clients, ACTS[act], turns[name, clients, act])
    return turns


def _take_turn(product: Product, clients: int, act: load.Act, into: Work) -> None:
    before = product.processor()
    tally = load.Tally()
    tally.seconds = load.together(act, product.ports, clients, SECONDS, tally, client=product.client)
    # What it put off is part of its work: in the processor's time, and out of the way of who comes next.
    into.catching_up.append(product.catch_up())
    for kind, ms in product.processor().items():
        into.processor[kind] = into.processor.get(kind, 0.0) + ms - before[kind]
    if not tally.submits:
        raise CommandFailed(f"nobody got through a task: {tally.first_error}")
    into.rates.append(len(tally.submits) / tally.seconds)
    into.tally.add(tally)


def stored_bytes(product: Product) -> int:
    """What a finished request leaves in the rows of the database."""
    client: Client = product.client(product.ports[0])
    # The first one leaves what belongs to its visitor too.
    _walk(client, product)
    before = product.stored()
    for _ in range(STORED_CASES):
        _walk(client, product)
    return round((product.stored() - before) / STORED_CASES)


def _walk(client: Client, product: Product) -> None:
    for _ in client.journey():
        pass
    product.catch_up()


def report(turns: Turns, stored: Mapping[str, int]) -> dict[str, Any]:
    """The figures by product, by the number of clients and by what they do, and Parvis' ratios to its peers."""
    peers = [name for name in stored if name != "parvis"]
    ratios = {peer: _each(partial(_ratio, turns, peer)) for peer in peers}
    return {
        **{name: {**_each(partial(_figures, turns, name)), "stored_bytes": stored[name]} for name in stored},
        "runs_on": {"python": platform.python_version(), "node": node.version()},
        "ratios": ratios,
        "ratios_by_round": {peer: _each(partial(_ratios, turns, peer)) for peer in peers},
        "cpu_ratios": {peer: _each(partial(_cpu_ratio, turns, peer)) for peer in peers},
        "spiffarena": {
            "measured": "no: its backend isn't on PyPI",
            "noted": f"{NOTED['spiffarena']} submits/s where Viewflow made {NOTED['viewflow']:.0f}, with 8 clients, elsewhere",
            "ratio_by_the_notes": round(
                ratios["viewflow"]["8"]["steps_only"] * NOTED["viewflow"] / NOTED["spiffarena"], 1
            ),
        },
    }


def _each(figure: Callable[[int, str], Any]) -> dict[str, dict[str, Any]]:
    return {str(clients): {act: figure(clients, act) for act in ACTS} for clients in CLIENTS}


def _ratios(turns: Turns, peer: str, clients: int, act: str) -> list[float]:
    """Parvis' submits a second by the peer's, round by round."""
    pairs = zip(turns["parvis", clients, act].rates, turns[peer, clients, act].rates, strict=True)
    return [round(ours / theirs, 2) for ours, theirs in pairs]


def _ratio(turns: Turns, peer: str, clients: int, act: str) -> float:
    return round(statistics.median(_ratios(turns, peer, clients, act)), 2)


def _cpu_ratio(turns: Turns, peer: str, clients: int, act: str) -> float:
    """How many times the processor's time of a submit of Parvis, with all its processes, one of the peer takes.

    What else the machine does counts for less there than in submits a second.
    """
    ours, theirs = (turns[name, clients, act] for name in ("parvis", peer))
    each = [sum(one.processor.values()) / len(one.tally.submits) for one in (ours, theirs)]
    return round(each[1] / each[0], 2)


def _figures(turns: Turns, product: str, clients: int, act: str) -> dict[str, Any]:
    did = turns[product, clients, act]
    submits = did.tally.submits
    shown: dict[str, Any] = {
        "submits_per_s": round(statistics.median(did.rates), 1),
        "p50_ms": round(statistics.median(submits), 2),
        "p95_ms": round(percentile(submits, 95), 2),
        "errors": did.tally.errors,
        "submits": len(submits),
        "cpu_ms": {kind: round(ms / len(submits), 2) for kind, ms in did.processor.items()},
        "caught_up_s": round(max(did.catching_up), 2),
    }
    return shown | ({"first_error": did.tally.first_error} if did.tally.errors else {})


if __name__ == "__main__":
    main("--json" in sys.argv)
