"""The end of a process brings the end of those it started, also when it is killed and can't tell them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Literal

_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Have this process told to stop when its parent, whose pid is `parent`, ends; Linux only."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before this was asked
        os.kill(os.getpid(), signal.SIGTERM)


def ending_with_parent(name: Literal["INT", "TERM", "KILL"]) -> list[str]:
    """The words to put before a command so that it is sent this signal when the thread that started it ends."""
    return ["setpriv", "--pdeathsig", name, "--"] if sys.platform == "linux" else []
