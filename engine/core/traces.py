"""Traces (OpenTelemetry) of requests, moves of cases, jobs and SQL; off unless `PARVIS_TRACES_URL` names who collects them.

The packages are an extra (`requirements-traces.lock`). Off, `span` gives back one object that does nothing. Spans
say ids, routes and the text of statements, whose values travel apart from it: nothing that a person typed. A trace begins
here: what a browser says of traces isn't believed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import event

from engine.core.errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer
    from sqlalchemy import Engine

F = TypeVar("F", bound=Callable[..., Any])

_NOTHING: AbstractContextManager[Any] = nullcontext()
_STATEMENT_MAX = 2_000

_tracer: Tracer | None = None
_shut_down: Callable[[], None] = lambda: None  # noqa: E731


def start(address: str | None, processor: SpanProcessor | None = None) -> None:
    """Send the spans of this process to `address` (OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces).

    None: no traces. After a fork, each process starts anew: the thread that sends doesn't follow.
    """
    global _tracer, _shut_down
    stop()
    if address is None and processor is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError(
            "PARVIS_TRACES_URL is set, and OpenTelemetry is not installed: "
            ".venv/bin/pip install --require-hashes -r requirements-traces.lock"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "parvis"}), shutdown_on_exit=False)
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    _tracer = provider.get_tracer("parvis")
    _shut_down = provider.shutdown


def stop() -> None:
    """Send what is left, and trace no more."""
    global _tracer, _shut_down
    _tracer = None
    last, _shut_down = _shut_down, lambda: None
    last()


def on() -> bool:
    """Whether this process traces."""
    return _tracer is not None


def span(name: str, **facts: str | int | None) -> AbstractContextManager[Any]:
    """What happens in the block, as a span with these facts; an error in it is told by its class alone."""
    if _tracer is None:
        return _NOTHING
    return _Span(_tracer, name, facts)


def traced(name: str) -> Callable[[F], F]:
    """Make a span of each call of a function."""

    def decorate(function: F) -> F:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if _tracer is None:
                return function(*args, **kwargs)
            with span(name):
                return function(*args, **kwargs)

        return cast(F, wrapped)

    return decorate


class _Span:
    """OpenTelemetry's own context manager would record the error's message, which may quote what was typed."""

    def __init__(self, tracer: Tracer, name: str, facts: dict[str, str | int | None]) -> None:
        self._opened = tracer.start_as_current_span(
            name,
            attributes={key: value for key, value in facts.items() if value is not None},
            record_exception=False,
            set_status_on_exception=False,
        )

    def __enter__(self) -> Any:
        self._span = self._opened.__enter__()
        return self._span

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR, kind.__name__))
        self._opened.__exit__(None, None, None)


def tell(**facts: str | int | None) -> None:
    """Add facts to the span at hand."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span

    get_current_span().set_attributes({name: value for name, value in facts.items() if value is not None})


def watch(engine: Engine) -> None:
    """Make a span of each statement of `engine`, if this process traces when the engine is opened."""
    if _tracer is None:
        return

    def before(_connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        if context is None:  # handed to the driver itself, as it is once traces have stopped
            return
        opened = span(
            statement.split(None, 1)[0].upper(),
            **{"db.system": engine.dialect.name, "db.statement": statement[:_STATEMENT_MAX]},
        )
        opened.__enter__()
        context._parvis_span = opened

    def after(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
        context._parvis_span.__exit__(None, None, None)

    def failed(trouble: Any) -> None:
        opened = getattr(trouble.execution_context, "_parvis_span", None)
        if opened is not None:
            error = trouble.original_exception
            opened.__exit__(type(error), error, None)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)
