"""Decision tables, in the manner of the DMN technology compatibility kit (A15)."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest

from engine.bpmn import dmn
from engine.bpmn.model import Source
from engine.core.errors import DefinitionError, ExpressionError, ProcessStuck


def table(
    rules: list[tuple[list[str], list[str]]],
    *,
    inputs: tuple[str, ...] = ("age",),
    outputs: tuple[str, ...] = ("prix",),
    policy: str = "",
    defaults: tuple[str, ...] = (),
    namespace: str = "https://www.omg.org/spec/DMN/20191111/MODEL/",
) -> bytes:
    columns = "".join(
        f'<input id="i{n}" label="Colonne {n}"><inputExpression id="ie{n}"><text>{escape(text)}</text></inputExpression></input>'
        for n, text in enumerate(inputs)
    )
    for n, name in enumerate(outputs):
        default = f"<defaultOutputEntry><text>{escape(defaults[n])}</text></defaultOutputEntry>" if defaults else ""
        columns += f'<output id="o{n}" name="{name}">{default}</output>'
    rows = ""
    for r, (cells, values) in enumerate(rules, 1):
        rows += f'<rule id="r{r}"><description>Règle {r}</description>'
        rows += "".join(
            f'<inputEntry id="c{r}{n}"><text>{escape(text)}</text></inputEntry>' for n, text in enumerate(cells)
        )
        rows += "".join(
            f'<outputEntry id="v{r}{n}"><text>{escape(text)}</text></outputEntry>' for n, text in enumerate(values)
        )
        rows += "</rule>"
    return (
        f'<definitions xmlns="{namespace}" id="d" name="d" namespace="x"><decision id="tarif" name="Tarif">'
        f'<decisionTable id="dt" {policy}>{columns}{rows}</decisionTable></decision></definitions>'
    ).encode()


def decide(content: bytes, **names: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    result = dmn.read(Source("t.dmn", content)).decide(names)
    return result.values, result.rule_ids


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("-", [1, "x", None, True, []], []),
        ("", [1, None], []),
        ("18", [18, 18.0], [17, "18", None, True]),
        ("1", [1], [True]),
        ("-5", [-5], [5]),
        ("< 18", [17, -1, 17.9], [18, None, "17", "a"]),
        ("<=18", [18], [19]),
        ("> 18.5", [19], [18.5]),
        (">= 18", [18], [17]),
        ("= 18", [18], [17]),
        ("!= 18", [17, None, "18"], [18]),
        ("[18..65]", [18, 40, 65], [17, 66, None, "20"]),
        ("]18..65[", [19, 64], [18, 65]),
        ("(18..65)", [19, 64], [18, 65]),
        ("[18..65[", [18, 64], [65]),
        ("]18..65]", [19, 65], [18]),
        ("[ 18 .. 65 ]", [18], [17]),
        ("[0.5..1.5]", [0.5, 1], [0.4, 1.6]),
        ("[-2..-1]", [-2, -1.5], [0]),
        ("[18..25],[60..70], 99", [18, 25, 60, 70, 99], [26, 59, 71]),
        ("<3, >7", [2, 8], [5]),
        ('"or"', ["or"], ["argent", None, 1]),
        ('"or","argent"', ["or", "argent"], ["bronze"]),
        ('"a,b", "c"', ["a,b", "c"], ["a"]),
        ("'l''autre'", ["lautre"], ["l'autre"]),
        ('not("or")', ["argent", None], ["or"]),
        ('not("or", "argent")', ["bronze"], ["or", "argent"]),
        ("not(<18, [60..70])", [18, 59], [17, 65]),
        ("not(true)", [False, None], [True]),
        ("true", [True], [False, 1, "true"]),
        ("false", [False], [True, 0, None]),
        ("null", [None], [0, "", False]),
        ("not(null)", [0, ""], [None]),
        ("True", [True], [False]),
        ('date("2026-03-01")', ["2026-03-01"], ["2026-03-02"]),
        ('>= date("2026-03-01")', ["2026-03-01", "2027-01-01"], ["2026-02-28", None]),
        ('["2026-01-01".."2026-12-31"]', ["2026-06-01"], ["2027-01-01"]),
        ('[date("2026-01-01")..add_months("2026-01-01", 2)[', ["2026-02-28"], ["2026-03-01"]),
        ('["a", "b"]', ["a", "b"], ["c"]),
        ("seuil", [7], [8]),
        ("> seuil * 2", [15], [14]),
        ("[seuil..seuil + 3]", [7, 10], [11]),
        ("? > 5 and ? < 8", [6, 7], [5, 8]),
        ("contains(?, 'x')", ["axe"], ["ave"]),
        ('? != "que faire ?"', ["rien"], ["que faire ?"]),
        ("len(?) > 1", [[1, 2]], [[1]]),
        ("(5)", [5], [4]),
        ("(1 + 2) * 2", [6], [5]),
    ],
)
def test_a_cell(text: str, yes: list[Any], no: list[Any]) -> None:
    content = table([([text], ["true"])])
    for value in yes:
        assert decide(content, age=value, seuil=7) == ({"prix": True}, ("r1",)), value
    for value in no:
        assert decide(content, age=value, seuil=7) == ({"prix": None}, ()), value


@pytest.mark.parametrize(
    "text",
    [
        "<",
        "[1..]",
        "[..2]",
        "[1..2",
        "1..2",
        "not()",
        "not(",
        "1,",
        ",1",
        "< 1 2",
        '"a',
        "a.b(",
        "1 = 1",
        "? ?",
        "import os",
        "__import__('os')",
        "usager._x",
    ],
)
def test_a_cell_that_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        dmn.read(Source("t.dmn", table([([text], ["1"])])))
    (problem,) = caught.value.problems
    assert (problem.file, problem.element_id, problem.code) == ("t.dmn", "c10", "dmn-expression")
    assert problem.line == 1


ADULTS = [(["< 18"], ["0"]), (["[18..65["], ["10"]), ([">= 65"], ["5"])]
OVERLAP = [(["> 1"], ["1"]), (["> 2"], ["2"]), (["> 3"], ["2"]), (["> 100"], ["4"])]


@pytest.mark.parametrize(("age", "prix", "rule"), [(5, 0, "r1"), (18, 10, "r2"), (64.9, 10, "r2"), (65, 5, "r3")])
def test_unique(age: float, prix: int, rule: str) -> None:
    assert decide(table(ADULTS), age=age) == ({"prix": prix}, (rule,))
    assert decide(table(ADULTS, policy='hitPolicy="UNIQUE"'), age=age) == ({"prix": prix}, (rule,))


def test_unique_refuses_two_rules() -> None:
    with pytest.raises(ExpressionError, match=r"Tarif.*r1, r2"):
        decide(table(OVERLAP), age=3)


def test_first_takes_the_first_in_the_order_of_the_table() -> None:
    assert decide(table(OVERLAP, policy='hitPolicy="FIRST"'), age=50) == ({"prix": 1}, ("r1",))
    assert decide(table(OVERLAP[::-1], policy='hitPolicy="FIRST"'), age=50) == ({"prix": 2}, ("r2",))


@pytest.mark.parametrize(
    ("aggregation", "prix", "nothing"),
    [("", [1, 2, 2], []), ("SUM", 5, None), ("MIN", 1, None), ("MAX", 2, None), ("COUNT", 3, 0)],
)
def test_collect(aggregation: str, prix: Any, nothing: Any) -> None:
    policy = 'hitPolicy="COLLECT"' + (f' aggregation="{aggregation}"' if aggregation else "")
    assert decide(table(OVERLAP, policy=policy), age=50) == ({"prix": prix}, ("r1", "r2", "r3"))
    assert decide(table(OVERLAP, policy=policy), age=0) == ({"prix": nothing}, ())


def test_collect_cannot_add_words() -> None:
    content = table([(["-"], ['"a"']), (["-"], ["1"])], policy='hitPolicy="COLLECT" aggregation="SUM"')
    with pytest.raises(ExpressionError, match="nombres"):
        decide(content, age=1)


def test_several_inputs_and_outputs() -> None:
    content = table(
        [(["[18..60[", '"soleil"'], ['"sortir"', "age * 2"]), (["-", "not('soleil')"], ['"rester"', ""])],
        inputs=("age", "meteo.ciel"),
        outputs=("conseil", "calcul"),
        defaults=('"rien"', "0"),
    )
    assert decide(content, age=20, meteo={"ciel": "soleil"}) == ({"conseil": "sortir", "calcul": 40}, ("r1",))
    assert decide(content, age=20, meteo={"ciel": "pluie"}) == ({"conseil": "rester", "calcul": None}, ("r2",))
    assert decide(content, age=70, meteo={"ciel": "soleil"}) == ({"conseil": "rien", "calcul": 0}, ())


def test_a_collect_table_gives_a_list_for_each_output() -> None:
    content = table(
        [(["-"], ['"justificatif"', "1"]), (["> 10"], ['"photo"', "2"])],
        outputs=("piece", "rang"),
        policy='hitPolicy="COLLECT"',
    )
    assert decide(content, age=20) == ({"piece": ["justificatif", "photo"], "rang": [1, 2]}, ("r1", "r2"))


@pytest.mark.parametrize(
    "namespace",
    [
        "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
    ],
)
def test_every_version_of_the_format(namespace: str) -> None:
    assert decide(table(ADULTS, namespace=namespace), age=5) == ({"prix": 0}, ("r1",))


def test_what_a_table_says_of_itself() -> None:
    decision = dmn.read(
        Source("t.dmn", table([(["< seuil.bas"], ["usager.nom"])], inputs=("demande.age + 1",), defaults=("'x'",)))
    )
    assert (decision.id, decision.name, decision.hit_policy, decision.outputs) == (
        "tarif",
        "Tarif",
        "UNIQUE",
        ("prix",),
    )
    assert decision.names_read() == {"seuil.bas", "usager.nom", "demande.age"}
    assert decision.rules[0].description == "Règle 1"
    assert decision.labels == ("Colonne 0",)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (table(ADULTS, policy='hitPolicy="ANY"'), "dmn-hit-policy"),
        (table(ADULTS, policy='hitPolicy="RULE ORDER"'), "dmn-hit-policy"),
        (table(ADULTS, policy='hitPolicy="COLLECT" aggregation="AVG"'), "dmn-hit-policy"),
        (table([]), "dmn-rule"),
        (table([(["1", "2"], ["1"])]), "dmn-rule"),
        (table([(["1"], ["1 +"])]), "dmn-expression"),
        (table(ADULTS, inputs=("",)), "dmn-expression"),
        (table([(["1"], ["1", "2"])], outputs=("a", "a")), "dmn-output"),
        (b"<definitions/>", "dmn"),
        (b"pas du xml", "xml"),
        (b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><definitions>&x;</definitions>', "doctype"),
    ],
)
def test_a_file_that_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        dmn.read(Source("t.dmn", content))
    assert code in {problem.code for problem in caught.value.problems}


def test_every_problem_is_said_at_once() -> None:
    content = table([(["<"], ["1"]), (["1"], ["+"])], inputs=("a b",), policy='hitPolicy="ANY"')
    with pytest.raises(DefinitionError) as caught:
        dmn.read(Source("t.dmn", content))
    assert len(caught.value.problems) == 4


# --- In a process ----------------------------------------------------------------------------------------------------


def test_a_process_decides_and_tells_which_rule_did(draw, walk):
    bpmn = draw.process(
        draw.user("q"),
        draw.decision("d", "tarif"),
        draw.gateway("exclusive", "g", default="payer"),
        draw.user("payer"),
        flows="s>q; q>d; d>g; g>e: d.prix == 0; g>payer; payer>e",
    )
    case = walk(bpmn, dmn=[table(ADULTS, inputs=("q.age",))])
    case.do("q", age=30)
    assert case.open == ["payer"]
    assert case.document["d"] == {"prix": 10}
    (event,) = [event for event in case.events if event.kind == "decision"]
    assert (event.element_id, event.facts) == ("d", {"decision": "tarif", "rules": ["r2"]})


def test_a_decision_that_fails_is_stuck_at_its_task(draw, walk):
    bpmn = draw.process(draw.user("q"), draw.decision("d", "tarif"), flows="s>q; q>d; d>e")
    case = walk(bpmn, dmn=[table(OVERLAP, inputs=("q.age",))])
    with pytest.raises(ProcessStuck) as caught:
        case.do("q", age=30)
    assert caught.value.element_id == "d"


def test_a_table_that_is_not_there(draw, walk):
    with pytest.raises(DefinitionError, match="tarif"):
        walk(draw.process(draw.decision("d", "autre"), flows="s>d; d>e"), dmn=[table(ADULTS)])
