"""What comes in is looked at before anything else: how large it is, and whether it is text at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from engine.core.errors import BadRequest, NotFound
from portal.access import policy_of

View = TypeVar("View", bound=Callable[..., Any])

BODY_MAX = 1_000_000
# Several documents of up to 4 files of 10 MB each in one step, and what multipart adds around them.
UPLOAD_MAX = 100_000_000
FIELDS_MAX = 2_000
NUMBER_MAX = 2**63 - 1


def takes_files(view: View) -> View:
    """The view of a form with files: its bodies may be large."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def install(app: Flask) -> None:
    """Refuse what no view should have to think of."""
    app.config.update(MAX_CONTENT_LENGTH=BODY_MAX, MAX_FORM_MEMORY_SIZE=BODY_MAX, MAX_FORM_PARTS=FIELDS_MAX)
    app.before_request(_look)


def _look() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return  # no route: the answer is 404 or 405
    if policy_of(view) is None:
        raise RuntimeError(f"{request.endpoint} declares no policy")
    if getattr(view, "takes_files", False) and request.mimetype == "multipart/form-data":
        request.max_content_length = UPLOAD_MAX
    if any(isinstance(value, int) and value > NUMBER_MAX for value in (request.view_args or {}).values()):
        raise NotFound  # no database counts so far
    texts = [request.path]
    for values in (request.args, request.form) if request.method == "POST" else (request.args,):
        for name, several in values.lists():
            texts += (name, *several)
    for name, file in request.files.items(multi=True) if request.method == "POST" else ():
        texts += (name, file.filename or "")
    _refuse_unreadable(" ".join(texts))


def _refuse_unreadable(text: str) -> None:
    """NUL characters and lone surrogates mean nothing to anybody, and databases choke on them."""
    if "\x00" in text:
        raise BadRequest
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest from None
