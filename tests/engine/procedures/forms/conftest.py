"""Forms made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.procedures import forms

Make = Callable[..., forms.Form]


@pytest.fixture
def make() -> Make:
    """`make(properties, required=…, **keywords)` gives the form; `shared` gives other files."""

    def build(properties: dict[str, Any], shared: dict[str, Any] | None = None, **keywords: Any) -> forms.Form:
        schema = {"type": "object", "properties": properties, **keywords}
        files = {"essai.json": schema, **(shared or {})}
        return forms.load("essai.json", {name: json.dumps(one).encode() for name, one in files.items()})

    return build
