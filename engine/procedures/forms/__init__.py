"""Forms: JSON Schema 2020-12 read as questions, and answers cleaned, validated and read back in French.

A form is immutable and shared. `load` reads one among the files of its version; `fields` says what to draw, `validate` what to
accept, `summary` what was answered; `problems` is for the checker.
"""

from engine.procedures.forms.answers import at, clean, file_ids, locks, prefill, put, validate
from engine.procedures.forms.fields import Field, every_field, fields
from engine.procedures.forms.form import Form, closed_choices, field_paths, load, references
from engine.procedures.forms.layout import Choice
from engine.procedures.forms.problems import FormProblem, problems
from engine.procedures.forms.summary import Line, Section, summary

__all__ = [
    "Choice",
    "Field",
    "Form",
    "FormProblem",
    "Line",
    "Section",
    "at",
    "clean",
    "closed_choices",
    "every_field",
    "field_paths",
    "fields",
    "file_ids",
    "load",
    "locks",
    "prefill",
    "problems",
    "put",
    "references",
    "summary",
    "validate",
]
