"""Operations: what a service task of a process can ask for.

Each is declared once, with its parameters and its meaning; the checker knows them, `./parvis operations` lists them.
These touch only the database, or promise a job for what talks to the outside: they run in the transaction
of the step. A procedure that seems to need Python of its own is a missing operation.
"""

from engine.procedures.operations import accounts, capacity, rights, telling  # noqa: F401 - they declare the operations
from engine.procedures.operations.registry import (
    REGISTRY,
    Operation,
    OperationContext,
    Parameter,
    call,
    declarations,
    listing,
    operation,
)

__all__ = ["REGISTRY", "Operation", "OperationContext", "Parameter", "call", "declarations", "listing", "operation"]
