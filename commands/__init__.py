"""The terminal: one module a command family, each with `register(subparsers)`."""

from __future__ import annotations


class CommandFailed(Exception):
    """What an operator reads instead of a traceback; `status` is the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
