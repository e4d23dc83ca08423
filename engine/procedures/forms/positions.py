"""Where things are in a JSON text, so that a problem can be reported by line."""

from __future__ import annotations

import json
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

Pointer = tuple[str | int, ...]

_BLANK = " \t\r\n"


def lines(text: str) -> tuple[dict[Pointer, int], list[tuple[Pointer, str]]]:
    """The line of every value of a valid JSON text, and the keys that an object holds twice."""
    reading = _Reading(text)
    reading.value(0, ())
    return reading.found, reading.twice


class _Reading:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[Pointer, int] = {}
        self.twice: list[tuple[Pointer, str]] = []
        self.decode = json.JSONDecoder().raw_decode
        self.counted = 0
        self.line = 1

    def skip(self, index: int) -> int:
        while index < len(self.text) and self.text[index] in _BLANK:
            index += 1
        return index

    def mark(self, index: int, pointer: Pointer) -> None:
        self.line += self.text.count("\n", self.counted, index)
        self.counted = index
        self.found.setdefault(pointer, self.line)

    def value(self, index: int, pointer: Pointer) -> int:
        index = self.skip(index)
        self.mark(index, pointer)
        if self.text[index] == "{":
            return self.inside(index + 1, pointer, "}")
        if self.text[index] == "[":
            return self.inside(index + 1, pointer, "]")
        found: tuple[Any, int] = self.decode(self.text, index)
        return found[1]

    def inside(self, index: int, pointer: Pointer, end: str) -> int:
        count = 0
        while self.text[index := self.skip(index)] != end:
            if self.text[index] == ",":
                index = self.skip(index + 1)
            step: str | int = count
            if end == "}":
                self.mark(index, (*pointer, "\0key", count))
                step, index = scanstring(self.text, index + 1, True)
                if (*pointer, step) in self.found:
                    self.twice.append((pointer, str(step)))
                index = self.skip(index) + 1
            index = self.value(index, (*pointer, step))
            count += 1
        return index + 1
