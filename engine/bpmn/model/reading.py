"""Reading a BPMN file: hardened XML, then one pass over its elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from lxml import etree

from engine.bpmn.model.values import (
    FLOW_NODES,
    SUBPROCESSES,
    Document,
    Event,
    Expression,
    Flow,
    Foreign,
    Lane,
    Loop,
    Named,
    Node,
    Operator,
    Parameter,
    Problem,
    Property,
    Scope,
    Source,
    Timer,
)
from engine.core.errors import DefinitionError

BPMN: Final = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMNDI: Final = "http://www.omg.org/spec/BPMN/20100524/DI"
SPIFF: Final = "http://spiffworkflow.org/bpmn/schema/1.0/core"


DOCTYPE: Final = (
    "Le fichier contient une déclaration « DOCTYPE », refusée par sécurité : "
    "supprimez la ligne qui commence par « <!DOCTYPE »."
)


def read(source: Source) -> Document:
    """Read a BPMN file, or raise DefinitionError (problems `xml`, `doctype` or `not-bpmn`) with the line."""
    root = parse_xml(source)
    if root.tag != f"{{{BPMN}}}definitions":
        message = "Le fichier n’est pas un processus BPMN 2.0 : enregistrez-le au format BPMN depuis l’éditeur."
        raise DefinitionError([Problem(source.name, "", _line(root), "not-bpmn", message)])
    return _document(source.name, root)


def parse_xml(source: Source) -> etree._Element:
    """The root element of an XML file; no entity is resolved, no network or DTD read, any DOCTYPE refused."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    # A DOCTYPE is refused before parsing as well: entity bombs cost time in the parser itself.
    at = _doctype(source.content)
    if at is not None:
        line = source.content[:at].count(b"\n") + 1
        raise DefinitionError([Problem(source.name, "", line, "doctype", DOCTYPE)])
    try:
        root = etree.fromstring(source.content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line, column = getattr(error, "position", None) or (1, 1)
        message = (
            "Le fichier n’est pas un XML bien formé : enregistrez-le à nouveau depuis l’éditeur BPMN "
            f"(lecture arrêtée ligne {line}, colonne {column})."
        )
        raise DefinitionError([Problem(source.name, "", line, "xml", message)]) from error
    if getattr(root.getroottree().docinfo, "internalDTD", None) is not None:
        raise DefinitionError([Problem(source.name, "", 1, "doctype", DOCTYPE)])
    return root


def _doctype(content: bytes) -> int | None:
    """Where the DOCTYPE stands, None when the first element comes before any (comments and instructions are passed)."""
    at = 0
    while (at := content.find(b"<", at)) >= 0:
        if content.startswith(b"<!--", at):
            at = content.find(b"-->", at)
        elif content.startswith(b"<?", at):
            at = content.find(b"?>", at)
        else:
            return at if content.startswith(b"<!DOCTYPE", at) else None
        if at < 0:
            break
    return None


def _tag(name: str, namespace: str = BPMN) -> str:
    return f"{{{namespace}}}{name}"


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname


def _line(element: etree._Element) -> int:
    return cast("int | None", element.sourceline) or 0


def _text(element: etree._Element | None) -> str:
    return "" if element is None else "".join(map(str, element.itertext()))


def _expression(element: etree._Element | None) -> Expression | None:
    """The element's text, or None when there is no element or nothing in it."""
    text = _text(element).strip()
    if element is None or not text:
        return None
    return Expression(text, _line(element))


def _script(element: etree._Element | None) -> Expression | None:
    text = _text(element)
    if element is None or not text.strip():
        return None
    return Expression(text, _line(element))


def _documentation(element: etree._Element) -> str:
    return "\n\n".join(text for child in element.findall(_tag("documentation")) if (text := _text(child).strip()))


@dataclass(frozen=True)
class _Extensions:
    """What the extension elements of a node or a process say."""

    entries: tuple[Property, ...]
    texts: Mapping[str, etree._Element]
    operator: Operator | None
    foreign: tuple[Foreign, ...]


_READ_EXTENSIONS: Final = frozenset(
    {
        "properties",
        "serviceTaskOperator",
        "calledDecisionId",
        "preScript",
        "postScript",
        "variableName",
        "payloadExpression",
        "messagePayload",
        "messageVariable",
        "instructionsForEndUser",
        "unitTests",
    }
)


def _extensions(element: etree._Element) -> _Extensions:
    entries: list[Property] = []
    texts: dict[str, etree._Element] = {}
    operator: Operator | None = None
    foreign: list[Foreign] = []
    for child in element.iterfind(f"{_tag('extensionElements')}/*"):
        name = etree.QName(child)
        namespace = name.namespace or ""
        if namespace != SPIFF or name.localname not in _READ_EXTENSIONS:
            foreign.append(Foreign(namespace, name.localname, _line(child)))
        elif name.localname == "properties":
            for entry in child.iterfind(_tag("property", SPIFF)):
                entries.append(Property(entry.get("name", ""), entry.get("value", ""), _line(entry)))
        elif name.localname == "serviceTaskOperator":
            operator = Operator(
                name=child.get("id", ""),
                parameters=tuple(
                    Parameter(p.get("id", ""), p.get("value", ""), _line(p), p.get("type", ""))
                    for p in child.iter(_tag("parameter", SPIFF))
                ),
                result=child.get("resultVariable") or None,
                line=_line(child),
            )
        else:
            texts[name.localname] = child
    return _Extensions(tuple(entries), texts, operator, tuple(foreign))


class _Reader:
    """One pass over the file's elements, gathering what the document holds."""

    def __init__(self, file: str, root: etree._Element) -> None:
        self.file = file
        self.root = root
        self.nodes: list[Node] = []
        self.flows: list[Flow] = []
        self.processes: list[Scope] = []
        self.subprocesses: list[Scope] = []
        self.other: list[tuple[str, str, int]] = []
        self.declared = [
            Named(
                id=element.get("id", ""),
                kind=kind,
                name=element.get("name", ""),
                line=_line(element),
                code=element.get("errorCode") or element.get("escalationCode"),
            )
            for kind in ("message", "signal", "error", "escalation")
            for element in root.iterfind(_tag(kind))
        ]
        self.names = {(named.kind, named.id): named for named in self.declared}
        # Inner lanes come after the lanes that hold them, so the innermost wins.
        self.lanes = {
            (ref.text or "").strip(): lane.get("name", "")
            for lane in root.iter(_tag("lane"))
            for ref in lane.iterfind(_tag("flowNodeRef"))
        }

    def process(self, element: etree._Element) -> None:
        extensions = _extensions(element)
        scope = Scope(
            id=element.get("id", ""),
            kind="process",
            name=element.get("name", ""),
            line=_line(element),
            executable=element.get("isExecutable", "true") in ("true", "1"),
            documentation=_documentation(element),
            entries=extensions.entries,
            lanes=tuple(self.lane(lane) for lane in element.iter(_tag("lane"))),
            foreign=extensions.foreign,
        )
        self.processes.append(scope)
        self.children(element, scope.id, lane=None)

    def lane(self, element: etree._Element) -> Lane:
        refs = tuple((ref.text or "").strip() for ref in element.iterfind(_tag("flowNodeRef")))
        return Lane(element.get("id", ""), element.get("name", ""), refs, _line(element))

    def children(self, element: etree._Element, scope_id: str, lane: str | None) -> None:
        for child in element:
            name = etree.QName(child)
            if name.namespace != BPMN:
                continue
            if name.localname in FLOW_NODES:
                self.node(child, scope_id, lane)
            elif name.localname == "sequenceFlow":
                self.flow(child, scope_id)
            else:
                self.other.append((name.localname, child.get("id", ""), _line(child)))

    def flow(self, element: etree._Element, scope_id: str) -> None:
        self.flows.append(
            Flow(
                id=element.get("id", ""),
                source=element.get("sourceRef", ""),
                target=element.get("targetRef", ""),
                name=element.get("name", ""),
                condition=_expression(element.find(_tag("conditionExpression"))),
                line=_line(element),
                parent=scope_id,
            )
        )

    def node(self, element: etree._Element, scope_id: str, outer_lane: str | None) -> None:
        kind, node_id = _local(element), element.get("id", "")
        extensions = _extensions(element)
        lane = self.lanes.get(node_id, outer_lane)
        decision = extensions.texts.get("calledDecisionId")
        variable = extensions.texts.get("variableName")
        self.nodes.append(
            Node(
                id=node_id,
                kind=kind,
                name=element.get("name", ""),
                line=_line(element),
                parent=scope_id,
                lane=lane or None,
                documentation=_documentation(element),
                entries=extensions.entries,
                attached_to=element.get("attachedToRef"),
                interrupting=element.get("cancelActivity", "true").lower() in ("true", "1"),
                default=element.get("default"),
                events=tuple(self.events(element)),
                loop=self.loop(element),
                script=_script(element.find(_tag("script"))),
                pre_script=_script(extensions.texts.get("preScript")),
                post_script=_script(extensions.texts.get("postScript")),
                operator=extensions.operator,
                decision=_text(decision).strip() or None,
                called=element.get("calledElement"),
                variable=_text(variable).strip() or None,
                message_ref=element.get("messageRef"),
                triggered_by_event=element.get("triggeredByEvent", "false").lower() in ("true", "1"),
                data_mapping=any(
                    element.find(_tag(name)) is not None
                    for name in ("ioSpecification", "dataInputAssociation", "dataOutputAssociation")
                ),
                foreign=extensions.foreign,
            )
        )
        if kind in SUBPROCESSES:
            self.subprocesses.append(Scope(node_id, kind, element.get("name", ""), _line(element), parent=scope_id))
            self.children(element, node_id, lane)

    def events(self, element: etree._Element) -> Iterator[Event]:
        for child in element:
            name = etree.QName(child)
            if name.namespace != BPMN or not name.localname.endswith("EventDefinition"):
                continue
            kind = name.localname.removesuffix("EventDefinition")
            ref = child.get(f"{kind}Ref")
            named = self.names.get((kind, ref)) if ref else None
            extensions = _extensions(child)
            payload = extensions.texts.get("messagePayload")
            variable = extensions.texts.get("messageVariable")
            for declared in self.root.iterfind(_tag(kind)) if ref else ():
                if declared.get("id") == ref:
                    texts = _extensions(declared).texts
                    payload = (
                        payload if payload is not None else texts.get("messagePayload", texts.get("payloadExpression"))
                    )
                    variable = (
                        variable if variable is not None else texts.get("messageVariable", texts.get("variableName"))
                    )
            yield Event(
                kind=kind,
                line=_line(child),
                ref=ref,
                name=element.get("name") if not ref else named.name if named else None,
                code=named.code if named else None,
                timer=self.timer(child),
                condition=_expression(child.find(_tag("condition"))),
                payload=_expression(payload),
                variable=_text(variable).strip() or None,
            )

    def timer(self, element: etree._Element) -> Timer | None:
        for name, kind in (("timeDate", "date"), ("timeDuration", "duration"), ("timeCycle", "cycle")):
            expression = _expression(element.find(_tag(name)))
            if expression is not None:
                return Timer(kind, expression)
        return None

    def loop(self, element: etree._Element) -> Loop | None:
        standard = element.find(_tag("standardLoopCharacteristics"))
        if standard is not None:
            return Loop(
                kind="standard",
                line=_line(standard),
                condition=_expression(standard.find(_tag("loopCondition"))),
                maximum=standard.get("loopMaximum"),
                test_before=standard.get("testBefore", "false").lower() in ("true", "1"),
            )
        multi = element.find(_tag("multiInstanceLoopCharacteristics"))
        if multi is None:
            return None
        item, output_item = multi.find(_tag("inputDataItem")), multi.find(_tag("outputDataItem"))
        return Loop(
            kind="sequential" if multi.get("isSequential", "false").lower() in ("true", "1") else "parallel",
            line=_line(multi),
            collection=_text(multi.find(_tag("loopDataInputRef"))).strip() or None,
            item=None if item is None else item.get("id") or item.get("name"),
            cardinality=_expression(multi.find(_tag("loopCardinality"))),
            output=_text(multi.find(_tag("loopDataOutputRef"))).strip() or None,
            output_item=None if output_item is None else output_item.get("id") or output_item.get("name"),
            condition=_expression(multi.find(_tag("completionCondition"))),
        )


def _document(file: str, root: etree._Element) -> Document:
    reader = _Reader(file, root)
    for process in root.iterfind(_tag("process")):
        reader.process(process)
    # Flows are the truth: the `incoming` and `outgoing` children are a copy that editors sometimes get wrong.
    incoming: dict[str, list[str]] = {}
    outgoing: dict[str, list[str]] = {}
    for flow in reader.flows:
        incoming.setdefault(flow.target, []).append(flow.id)
        outgoing.setdefault(flow.source, []).append(flow.id)
    nodes = (_linked(node, incoming.get(node.id, ()), outgoing.get(node.id, ())) for node in reader.nodes)
    drawn = {name: root.iter(_tag(name, BPMNDI)) for name in ("BPMNShape", "BPMNEdge")}
    return Document(
        file=file,
        processes=tuple(reader.processes),
        subprocesses=tuple(reader.subprocesses),
        nodes=tuple(nodes),
        flows=tuple(reader.flows),
        declared=tuple(reader.declared),
        ids=tuple(
            (element.get("id", ""), _line(element)) for element in root.iter(_tag("*")) if element.get("id") is not None
        ),
        other=tuple(reader.other),
        shapes=frozenset(shape.get("bpmnElement", "") for shape in drawn["BPMNShape"]),
        edges=frozenset(edge.get("bpmnElement", "") for edge in drawn["BPMNEdge"]),
    )


def _linked(node: Node, incoming: Sequence[str], outgoing: Sequence[str]) -> Node:
    return replace(node, incoming=tuple(incoming), outgoing=tuple(outgoing))
