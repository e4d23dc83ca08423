"""How benches print: a table for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` percent of the sorted values don't exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share / 100 * len(ordered)) - 1))]


def print_report(title: str, report: Mapping[str, Any], as_json: bool) -> None:
    """The report as JSON, or as a table with one line a figure."""
    if as_json:
        print(json.dumps(report, indent=2))
        return
    print(title)
    for name, value in _lines(report):
        print(f"  {name:<40} {value}")


def _lines(report: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, value in report.items():
        if isinstance(value, Mapping):
            lines.extend(_lines(value, f"{prefix}{name}."))
        else:
            lines.append((f"{prefix}{name}", value))
    return lines
