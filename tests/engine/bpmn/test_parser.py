"""Reading a process: what it promises to the other rooms, and what it refuses (A1, A2)."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.bpmn.model import Source
from engine.bpmn.parser import parse
from engine.core.errors import DefinitionError


def read(bpmn: bytes):
    return parse(Source("demarche.bpmn", bpmn))


def test_what_a_process_says(draw):
    inside = "<bpmn:documentation>Tout savoir.</bpmn:documentation>" + draw.properties(trade="Stationnement", quota="3")
    process = read(
        draw.process(
            draw.user("a", step="information"), draw.user("b", step="summary"), flows="s>a; a>b; b>e", inside=inside
        )
    )
    assert (process.slug, process.title, process.documentation) == ("demarche", "Un titre", "Tout savoir.")
    assert process.properties == {"trade": "Stationnement", "quota": "3"}
    assert set(process.elements) == {"s", "a", "b", "e"}
    assert [node.id for node in process.steps] == ["a", "b"]


def test_steps_are_in_the_order_of_the_flow_whatever_that_of_the_file(draw):
    process = read(
        draw.process(
            draw.user("recap", step="summary"),
            draw.user("demande", step="details"),
            draw.user("pro", step="details"),
            draw.user("info", step="information"),
            draw.gateway("exclusive", "g", default="demande"),
            draw.gateway("exclusive", "h", default="recap"),
            flows="s>info; info>g; g>demande; g>pro: info.pro; pro>demande; demande>h; h>info: demande.encore; h>recap; recap>e",
        )
    )
    assert [node.id for node in process.steps] == ["info", "pro", "demande", "recap"]


def test_elements_inside_repeated_activities(draw):
    inner = draw.sub(
        "sp",
        draw.user("u"),
        draw.user("v", draw.each("x.l", "y")),
        flows="sp_s>u; u>v; v>sp_e",
        inner=draw.each("q.l", "x"),
    )
    process = read(draw.process(draw.user("q"), inner, flows="s>q; q>sp; sp>e"))
    assert process.repeated == {"sp": ("sp",), "sp_s": ("sp",), "sp_e": ("sp",), "u": ("sp",), "v": ("sp", "v")}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda bpmn: b"pas du xml",
        lambda bpmn: b"",
        lambda bpmn: bpmn.replace(b"<bpmn:process", b"<bpmn:processus").replace(b"/bpmn:process>", b"/bpmn:processus>"),
        lambda bpmn: bpmn.replace(b"userTask", b"usrTask"),
        lambda bpmn: bpmn.replace(b'targetRef="a"', b'targetRef="zzz"'),
        lambda bpmn: bpmn.replace(b'id="b"', b'id="a"'),
        lambda bpmn: bpmn.replace(b'isExecutable="true"', b'isExecutable="false"'),
        lambda bpmn: bpmn.replace(b'<bpmn:startEvent id="s"></bpmn:startEvent>', b""),
        lambda bpmn: bpmn.replace(b"?>", b'?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>', 1),
        lambda bpmn: bpmn.replace(
            b'<bpmn:userTask id="b">', b'<bpmn:callActivity id="b" calledElement="ailleurs">'
        ).replace(b"</bpmn:userTask><bpmn:endEvent", b"</bpmn:callActivity><bpmn:endEvent"),
    ],
)
def test_what_cannot_be_run_is_refused(draw, spoil):
    bpmn = draw.process(draw.user("a"), draw.user("b"), flows="s>a; a>b; b>e")
    assert read(bpmn)
    with pytest.raises(DefinitionError) as caught:
        read(spoil(bpmn))
    assert caught.value.problems


def test_parameters_need_no_type(draw):
    bpmn = draw.process(draw.service("o", "x", p="1"), flows="s>o; o>e").replace(b' type="str"', b"")
    assert read(bpmn).elements["o"].operator is not None


def test_payloads_in_the_old_place_warn_nobody(draw):
    declared = draw.message("m1", messageVariable="v")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(draw.process(draw.catch("c", draw.event("message", "m1")), flows="s>c; c>e", declare=declared))


def test_several_threads_may_read_at_once(draw):
    bpmn = draw.process(draw.user("a"), flows="s>a; a>e")
    with ThreadPoolExecutor(4) as pool:
        assert {process.slug for process in pool.map(read, [bpmn] * 20)} == {"demarche"}
