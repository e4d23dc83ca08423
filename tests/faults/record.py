"""What the platform acknowledged, written down by those who were told, and what they met on the way."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Acked:
    """An action that was answered as done. `subject` is the step or the task, `said` what it has to be found with."""

    action: str
    reference: str
    subject: str
    said: str
    at: float = field(default_factory=time.time)


class Record:
    """A list that several threads write, kept in a file as it grows."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._turn = threading.Lock()
        self.acked: list[Acked] = []
        self.surprises: list[str] = []
        self.met: Counter[str] = Counter()

    def ack(self, action: str, reference: str, subject: str = "", said: str = "") -> None:
        """Somebody was told that this is done."""
        one = Acked(action, reference, subject, said)
        with self._turn:
            self.acked.append(one)
            self._file.write(json.dumps(asdict(one)) + "\n")
            self._file.flush()

    def meet(self, what: str) -> None:
        """Count something that faults explain: a refused connection, «unavailable», a stale page."""
        with self._turn:
            self.met[what] += 1

    def surprise(self, what: str) -> None:
        """Note something that no fault explains."""
        with self._turn:
            self.surprises.append(what)
            self._file.write(json.dumps({"surprise": what, "at": time.time()}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Nothing more will be written."""
        self._file.close()
