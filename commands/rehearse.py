"""`./parvis rehearse`: walk the scenarios of procedures on a throw-away database, with a clock that is moved."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from commands import CommandFailed, installation

if TYPE_CHECKING:
    from engine.procedures.catalogue import SourceSet
    from engine.procedures.rehearsal import Report


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command that rehearses procedures."""
    rehearse = subparsers.add_parser("rehearse", help="walk the scenarios of procedures, and say how much they cover")
    rehearse.add_argument("names", nargs="*", metavar="SLUG", help="or a FILE.bpmn; else all those of processes/")
    rehearse.set_defaults(run=run_rehearse)


def run_rehearse(options: argparse.Namespace) -> int:
    """Print what went wrong in each scenario and what none of them passes through; 1 when a scenario fails."""
    from engine.core import config
    from engine.core.errors import DefinitionError
    from engine.procedures import rehearsal, scenarios

    config.use(rehearsal.settings())
    failed = 0
    for folder, sources in _chosen(options.names):
        path = scenarios.path_of(folder, sources.slug)
        if not path.is_file():
            print(f"{sources.slug}: no scenarios ({path.name} doesn’t exist)")
            failed += 1
            continue
        try:
            report = rehearsal.rehearse(sources, scenarios.read(path.name, path.read_bytes()))
        except DefinitionError as error:
            print(f"{sources.slug}: can’t be rehearsed")
            print("\n".join(f"    {line}" for line in error.message.splitlines()))
            failed += 1
            continue
        _show(report)
        failed += not report.passed
    return 1 if failed else 0


def _show(report: Report) -> None:
    passed = sum(outcome.passed for outcome in report.outcomes)
    elements = len(report.elements) - len(report.missed_elements)
    flows = len(report.flows) - len(report.missed_flows)
    print(
        f"{report.slug}: {passed} of {len(report.outcomes)} scenarios passed, {report.coverage:.0%} covered "
        f"({elements} of {len(report.elements)} elements, {flows} of {len(report.flows)} flows)"
    )
    for outcome in report.outcomes:
        for fault in outcome.faults:
            print(f"    ✗ {outcome.scenario.name}\n      {fault}")
    for what, missed in (("elements", report.missed_elements), ("flows", report.missed_flows)):
        if missed:
            print(f"    {what} that no scenario passes through: {', '.join(missed)}")


def _chosen(names: list[str]) -> list[tuple[Path, SourceSet]]:
    """The procedures named, each with the folder of its scenarios."""
    from commands.catalogue import sources_of

    home = installation.ROOT / "processes"
    paths = [Path(name) if name.endswith(".bpmn") else home / f"{name}.bpmn" for name in names]
    if missing := [name for name, path in zip(names, paths, strict=True) if not path.is_file()]:
        raise CommandFailed(f"no such procedure: {', '.join(missing)}", status=2)
    folders = {path.stem: path.resolve().parent for path in paths}
    return [(folders.get(sources.slug, home), sources) for sources in sources_of(paths)]
