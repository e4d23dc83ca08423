"""Activities that repeat: each instance has a scope of its own, answers make a list in the order of the items (A13)."""

from __future__ import annotations

import pytest

from engine.core.errors import ProcessStuck


def items(case):
    return [task.item for task in case.workflow.open_tasks()]


def test_parallel_instances_answer_in_any_order(draw, walk):
    case = walk(
        draw.process(
            draw.user("q"), draw.user("u", draw.each("q.enfants", "enfant")), draw.user("z"), flows="s>q; q>u; u>z; z>e"
        )
    )
    case.do("q", enfants=[{"nom": "A"}, {"nom": "B"}, {"nom": "C"}])
    assert items(case) == [{"enfant": {"nom": "A"}}, {"enfant": {"nom": "B"}}, {"enfant": {"nom": "C"}}]
    case.do("u", nth=2, note=3)
    assert case.document["u"] == [None, None, {"note": 3}]
    case.do("u", nth=0, note=1)
    case.do("u", note=2)
    assert case.document["u"] == [{"note": 1}, {"note": 2}, {"note": 3}]
    assert case.open == ["z"]
    assert items(case) == [None]
    assert "enfant" not in case.document


def test_sequential_instances_come_one_by_one(draw, walk):
    case = walk(
        draw.process(draw.user("q"), draw.user("u", draw.each("q.liste", "x", sequential=True)), flows="s>q; q>u; u>e")
    )
    case.do("q", liste=["a", None, "c"])
    for item in ("a", None, "c"):
        assert items(case) == [{"x": item}]
        case.do("u", vu=item)
    assert case.finished
    assert case.document["u"] == [{"vu": "a"}, {"vu": None}, {"vu": "c"}]


@pytest.mark.parametrize("sequential", [True, False])
def test_so_many_times(draw, walk, sequential):
    case = walk(
        draw.process(
            draw.user("q"), draw.user("u", draw.each(times="q.n", sequential=sequential)), flows="s>q; q>u; u>e"
        )
    )
    case.do("q", n=2)
    case.do("u", k=0)
    case.do("u", k=1)
    assert case.finished
    assert case.document["u"] == [{"k": 0}, {"k": 1}]


@pytest.mark.parametrize("value", [[], None])
@pytest.mark.parametrize("sequential", [True, False])
def test_nothing_to_repeat_for(draw, walk, value, sequential):
    case = walk(
        draw.process(
            draw.user("q"), draw.user("u", draw.each("q.liste", "x", sequential=sequential)), flows="s>q; q>u; u>e"
        )
    )
    case.do("q", liste=value)
    assert case.finished


@pytest.mark.parametrize("answers", [{"n": -1}, {"n": 10**6}, {"n": "3"}])
def test_a_count_out_of_bounds_is_stuck(draw, walk, answers):
    case = walk(draw.process(draw.user("q"), draw.user("u", draw.each(times="q.n")), flows="s>q; q>u; u>e"))
    with pytest.raises(ProcessStuck) as caught:
        case.do("q", **answers)
    assert caught.value.element_id == "u"


@pytest.mark.parametrize("sequential", [True, False])
def test_instances_have_variables_of_their_own(draw, walk, sequential):
    """Scripts, conditions and answers inside a repeated sub-process are this instance's."""
    inner = draw.sub(
        "sp",
        draw.user("u"),
        draw.script("c", "prix = piece.prix * u.n\nlibelle = concat(piece.nom, ' ', prix)"),
        draw.gateway("exclusive", "g", default="v"),
        draw.user("v"),
        flows="sp_s>u; u>c; c>g; g>sp_e: prix > 10 and u.n > 1; g>v; v>sp_e",
        inner=draw.each("q.pieces", "piece", sequential=sequential, inner="outputs:resultats:libelle"),
    )
    case = walk(
        draw.process(
            draw.user("q"),
            inner,
            draw.script("f", "total = len(resultats)"),
            draw.user("z"),
            flows="s>q; q>sp; sp>f; f>z; z>e",
        )
    )
    case.do("q", pieces=[{"nom": "A", "prix": 2}, {"nom": "B", "prix": 6}])
    case.do("u", n=2)
    assert case.open.count("v") == 1
    case.do("v" if sequential else "u", **({} if sequential else {"n": 3}))
    case.do("u" if sequential else "v", **({"n": 3} if sequential else {}))
    assert case.open == ["z"]
    assert case.document["resultats"] == ["A 4", "B 18"]
    assert case.document["total"] == 2
    assert case.document["u"] == [{"n": 2}, {"n": 3}]
    assert not {"prix", "libelle", "piece"} & set(case.document)


def test_instances_inside_instances(draw, walk):
    inner = draw.sub(
        "sp",
        draw.user("u", draw.each("famille.enfants", "enfant")),
        flows="sp_s>u; u>sp_e",
        inner=draw.each("q.familles", "famille"),
    )
    case = walk(draw.process(draw.user("q"), inner, draw.user("z"), flows="s>q; q>sp; sp>z; z>e"))
    case.do("q", familles=[{"enfants": ["A", "B"]}, {"enfants": ["C"]}])
    assert [item["enfant"] for item in items(case)] == ["A", "B", "C"]
    for letter in "CBA":
        (task,) = [task for task in case.workflow.open_tasks() if task.item["enfant"] == letter]
        with case.clock():
            case.workflow.complete(task.id, {"vu": letter})
        case.step()
    assert case.open == ["z"]
    assert case.document["u"] == [[{"vu": "A"}, {"vu": "B"}], [{"vu": "C"}]]


def test_parallel_branches_inside_an_instance(draw, walk):
    inner = draw.sub(
        "sp",
        draw.gateway("parallel", "g"),
        draw.user("a"),
        draw.user("b"),
        draw.gateway("parallel", "j"),
        draw.script("c", "somme = a.n + b.n"),
        flows="sp_s>g; g>a; g>b; a>j; b>j; j>c; c>sp_e",
        inner=draw.each("q.l", "x", inner="outputs:sommes:somme"),
    )
    case = walk(draw.process(draw.user("q"), inner, flows="s>q; q>sp; sp>e"))
    case.do("q", l=[1, 2])
    for n, name in ((1, "a"), (10, "b"), (2, "a"), (20, "b")):
        case.do(name, n=n)
    assert case.finished
    assert case.document["sommes"] == [11, 22]


def test_a_second_turn_with_fewer_items_leaves_no_answer_behind(draw, walk):
    case = walk(
        draw.process(
            draw.user("q"),
            draw.user("u", draw.each("q.l", "x")),
            draw.gateway("exclusive", "g", default="e"),
            flows="s>q; q>u; u>g; g>q: len(q.l) > 1; g>e",
        )
    )
    case.do("q", l=[1, 2, 3])
    for n in range(3):
        case.do("u", n=n)
    case.do("q", l=[9])
    case.do("u", n=9)
    assert case.finished
    assert case.document["u"] == [{"n": 9}]


@pytest.mark.parametrize("sequential", [True, False])
def test_a_completion_condition_stops_the_others(draw, walk, sequential):
    stop = "<bpmn:completionCondition>u.stop</bpmn:completionCondition>"
    case = walk(
        draw.process(
            draw.user("q"),
            draw.user("u", draw.each("q.l", "x", sequential=sequential, inner=stop)),
            draw.user("z"),
            flows="s>q; q>u; u>z; z>e",
        )
    )
    case.do("q", l=[1, 2, 3])
    case.do("u", stop=False)
    case.do("u", stop=True)
    assert case.open == ["z"]


def test_a_boundary_timer_gives_all_instances_up(draw, walk):
    case = walk(
        draw.process(
            draw.user("q"),
            draw.user("u", draw.each("q.l", "x")),
            draw.boundary("t", "u", draw.timer("duration", "P1D")),
            draw.user("late"),
            flows="s>q; q>u; u>e; t>late; late>e",
        )
    )
    case.do("q", l=[1, 2])
    case.do("u")
    case.advance(days=1)
    assert case.open == ["late"]
    assert case.due() == {}
    case.do("late")
    assert case.finished


def test_operations_and_decisions_inside_instances(draw, walk):
    table = draw.table("x.age", "prix", ("< 18", "0"), (">= 18", "10"))
    calls = []
    inner = draw.sub(
        "sp",
        draw.decision("d", "tarif"),
        draw.service("o", "facturer", result="recu", prix="d.prix"),
        draw.script("c", "du = recu + d.prix"),
        flows="sp_s>d; d>o; o>c; c>sp_e",
        inner=draw.each("q.l", "x", inner="outputs:dus:du"),
    )
    case = walk(
        draw.process(draw.user("q"), inner, flows="s>q; q>sp; sp>e"),
        dmn=[table],
        operation=lambda e, n, p: calls.append(p) or 1,
    )
    case.do("q", l=[{"age": 5}, {"age": 40}])
    assert case.finished
    assert calls == [{"prix": 0}, {"prix": 10}]
    assert case.document["d"] == [{"prix": 0}, {"prix": 10}]
    assert case.document["dus"] == [1, 11]
    assert [(event.facts["rules"], event.facts["index"]) for event in case.events if event.kind == "decision"] == [
        (["r1"], [0]),
        (["r2"], [1]),
    ]


@pytest.mark.parametrize(("maximum", "turns"), [(0, 3), (2, 2)])
def test_a_standard_loop_repeats_while_its_condition_holds(draw, walk, maximum, turns):
    case = walk(draw.process(draw.user("u", draw.loop("u.n < 3", maximum=maximum)), flows="s>u; u>e"))
    for n in range(1, turns + 1):
        assert case.open == ["u"]
        case.do("u", n=n)
    assert case.finished
    assert case.document["u"] == {"n": turns}


def test_a_standard_loop_may_test_first(draw, walk):
    looped = draw.user("u", draw.loop("q.n > 3", first=True))
    case = walk(draw.process(draw.user("q"), looped, flows="s>q; q>u; u>e"))
    case.do("q", n=1)
    assert case.finished


def test_pre_and_post_scripts(draw, walk):
    scripts = draw.extension(preScript="avant = 1", postScript="apres = avant + u.n")
    case = walk(draw.process(draw.user("u", scripts), flows="s>u; u>e"))
    assert case.document == {"avant": 1}
    case.do("u", n=2)
    assert case.document == {"avant": 1, "u": {"n": 2}, "apres": 3}
