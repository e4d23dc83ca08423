"""Draws a process: recomputes the diagram (BPMN DI) of a file from its flow graph, lanes included.

Nodes go in columns by their distance from the start, in the band of their lane; flows run at right angles around
them; names are set where they hide nothing. Nothing but the diagram is changed, and the same file always gives the
same drawing.
"""

from engine.bpmn.layout.drawing import lay_out
from engine.bpmn.layout.graph import LayoutError

__all__ = ["LayoutError", "lay_out"]
