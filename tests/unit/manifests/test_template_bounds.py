"""Templates that would run for ever or fill the memory are stopped, with the place of the fault.

The bounds are made small here: what grows without one reaches it after the same few doublings.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from peakctl.manifests import budget, filters, load_documents, sandbox

START = "{% set ns = namespace(x=[1], y=[1], s='ab', t=(1, 2), d={}, i=3) %}"


def loop(count: int, body: str) -> str:
    return f"{{% for i in range({count}) %}}{body}{{% endfor %}}"


NESTED = START + loop(60, "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}")
TUPLES = START + loop(60, "{% set ns.t = (ns.t, ns.t) %}")
BOMBS = {
    "a list that extends itself": "{% set l = [1] %}" + loop(60, "{% set _ = l.extend(l) %}"),
    "a list plus itself": START + loop(60, "{% set ns.x = ns.x + ns.x %}"),
    "a list times": "{{ [1] * 100000 }}",
    "a text plus itself": START + loop(60, "{% set ns.s = ns.s + ns.s %}"),
    "a text beside itself": START + loop(60, "{% set ns.s = ns.s ~ ns.s %}"),
    "a join": START + loop(60, "{% set ns.s = [ns.s, ns.s] | join %}"),
    "a method that joins": START + loop(60, "{% set ns.s = ''.join([ns.s, ns.s]) %}"),
    "a join of attributes": START
    + loop(60, "{% set ns.s = ([{'a': ns.s}] * 2) | join(ns.s, 'a') %}"),
    "percent": START + loop(60, "{% set ns.s = '%s%s' % (ns.s, ns.s) %}"),
    "format": START + loop(60, "{% set ns.s = '{}{}'.format(ns.s, ns.s) %}"),
    "the filter format": START + loop(60, "{% set ns.s = '%s%s' | format(ns.s, ns.s) %}"),
    "a block set": START
    + loop(60, "{% set q %}{{ ns.s }}{{ ns.s }}{% endset %}{% set ns.s = q %}"),
    "a number": START + loop(60, "{% set ns.i = ns.i * ns.i %}"),
    "a macro": "{% macro f(n) %}{{ f(n-1) ~ f(n-1) if n }}{% endmacro %}{{ f(60) }}",
    "a recursive loop": "{% for x in [1, 1] recursive %}"
    "{{ loop([1, 1]) if loop.depth < 60 }}{% endfor %}",
    "loops in loops": loop(9999, loop(9999, "")),
    "a long body": loop(9999, "{% set a = 1 %}" * 500),
    "appends": "{% set l = [] %}" + loop(9999, "{% set _ = l.append('x' * 10000) %}"),
    "slices": "{% set l = [] %}" + loop(9999, "{% set _ = l.append(('x' * 10000)[1:]) %}"),
    "copies": "{% set b = [1] * 9999 %}" + loop(9999, "{% set _ = b.copy() %}"),
    "a mapping": START + loop(9999, "{% set _ = ns.d.update({i: 'x' * 10000}) %}"),
    "the same list everywhere, printed": NESTED + "{{ ns.x }}",
    "the same, as JSON": NESTED + "{{ ns.x | tojson }}",
    "the same, compared": NESTED + "{{ ns.x == ns.y }}",
    "the same, searched": NESTED + "{{ ns.x in [ns.y] }}{{ [ns.x].index(ns.y) }}",
    "the same, sorted": NESTED + "{{ [ns.x, ns.y] | sort }}",
    "the same, in a test": NESTED + "{{ ns.x is eq ns.y }}",
    "the same, formatted": NESTED + "{{ '%s' % (ns.x,) }}",
    "the same, beside a text": NESTED + "{{ ns.x ~ '' }}",
    "a namespace": START + loop(60, "{% set ns.x = namespace(a=ns.x, b=ns.x) %}") + "{{ ns.x }}",
    "a tuple as a key": TUPLES + "{{ {ns.t: 1} }}",
    "a tuple that is looked up": TUPLES + "{{ {1: 2}[ns.t] }}{{ {1: 2}.get(ns.t) }}",
    "items of a mapping": "{% set d = {'a': 'x' * 9999} %}{{ [d.items()] * 9999 }}",
    "a list in itself": "{% set l = [1] %}{% set _ = l.append(l) %}{{ l }}",
    "a sum of lists": "{{ ([[1] * 100] * 9999) | sum(start=[]) }}",
    "a sum of attributes": "{{ ([{'a': 'x' * 100}] * 9999) | sum('a', '') }}",
    "replace": "{{ ('a' * 9999) | replace('a', 'b' * 9999) }}",
    "the method replace": "{{ ('a' * 9999).replace('', 'b' * 9999) }}",
    "tabs": "{{ ('\\t' * 9999).expandtabs(99999) }}",
    "indent": "{{ ('\\n' * 9999) | indent(9999) }}",
    "an indent of JSON": "{{ [1] | tojson(indent=99999) }}",
    "a precision": "{{ 1.5 | round(99999, 'ceil') }}",
    "a search backwards": loop(9999, "{{ ('a' * 9999).rfind('a' * 9999) }}"),
    "one long search backwards": "{% set a = 'a' * 99999 %}{{ a.rfind(a) }}",
    "a split": loop(9999, "{% set x = ('a ' * 2000).split() %}"),
    "a text as a list": "{{ ('a' * 99999) | list }}",
    "a slow filter": "{{ ('a ' * 9999) | wordwrap(1) }}",
    "a slow filter many times": loop(999, "{% set x = ('a ' * 4000) | wordwrap(1) %}"),
    "a long comparison": "{% set a = 'x' * 99999 %}" + loop(9999, "{% set b = a == a ~ 'y' %}"),
    "range": "{{ range(10 ** 8) }}",
    "a range that is searched": loop(999, "{% set x = 5.5 in range(9999) %}"),
    "a range that is counted": loop(999, "{% set x = range(9999).count(5.5) %}"),
    "inserts": "{% set l = [0] * 9999 %}" + loop(990, "{% set _ = l.insert(0, l.pop(9)) %}"),
    "many widths": "{{ ('{0:09999}' * 9999).format(1) }}",
    "many widths of another format": "{{ ('%09999d' * 999) % ((1,) * 999) }}",
    "many widths in a filter": "{{ ('%(a)09999d' * 999) | format(a=1) }}",
    "a negative charge": "{{ '' | charged(-9 ** 9) }}" + loop(9999, loop(9999, "")),
    "many words": "{{ 1 }}" * 99999,
    "includes of includes": "{% include 'b0' %}",
    "many secrets": loop(3000, "{{ os_env.X }}"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_template_without_a_bound_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    small = {"TEXT": 2**18, "MADE": 2**20, "ITEMS": 10_000, "TURNS": 20_000, "CALLS": 2_000}
    for word, limit in {**small, "STEPS": 200_000, "INCLUDES": 500, "SEARCH": 10**9}.items():
        monkeypatch.setattr(budget, f"MAX_{word}", limit)
    monkeypatch.setattr(sandbox, "MAX_TOKENS", 20_000)
    monkeypatch.setattr(filters, "MAX_SLOW", 10_000)
    for number in range(30):
        again = f"{{% include 'b{number + 1}' %}}" * 2 if number < 29 else "x"
        (tmp_path / f"b{number}").write_text(again)
    (tmp_path / "a.yaml").write_text(f"a: 1\nb: |\n  {BOMBS[name]}\n")
    documents, (problem,) = load_documents(
        ["a.yaml"], root=tmp_path, parameters={}, environment={"X": "secret"}
    )
    assert (documents, problem.code) == ((), "template/too-much")
    assert problem.locations[0].line >= 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{% set l = [] %}" + loop(2000, "{% set _ = l.append(i) %}") + "{{ l | length }}", "2000"),
        (START + loop(2000, "{% set ns.s = ns.s ~ 'x' %}") + "{{ ns.s | length }}", "2002"),
        ("{{ range(50000) | map('string') | join(',') | length }}", "288889"),
        ("{{ ([['a']] * 3) | sum(start=[]) | join }}", "aaa"),
        ("{{ [{'a': 2}, {'a': 3}] | sum('a') }}", "5"),
        ("{{ {'a': 1}.items() | list }}{{ {1: 2}.values() | first }}", "[('a', 1)]2"),
        (
            "{{ 'a\tb'.expandtabs() }}{{ 'a b'.split() | join }}{{ 'abc'.rfind('c') }}",
            "a       bab2",
        ),
        ("{% import 'm.txt' as m %}{{ m }}{{ m.f(1) }}", "text1"),
        ("{{ [1, 2, 3][1:] }}{{ 'abc'[::-1] }}{{ {(1, 2): 3}[(1, 2)] }}", "[2, 3]cba3"),
        ("{{ namespace(a=1) }}", "<Namespace {'a': 1}>"),
    ],
)
def test_templates_that_end_are_not_stopped(tmp_path: Path, text: str, value: str) -> None:
    (tmp_path / "m.txt").write_text("{% macro f(x) %}{{ x }}{% endmacro %}text")
    (tmp_path / "a.yaml").write_text(f"a: |\n  {text}\n")
    documents, problems = load_documents(["a.yaml"], root=tmp_path, parameters={}, environment={})
    assert problems == ()
    assert documents[0].value == {"a": f"{value}\n"}


@pytest.mark.parametrize("text", ["{{ 'a'.encode() }}", "{{ 'a'.translate({97: 'b'}) }}"])
def test_what_is_no_text_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.yaml").write_text(f"a: {text}")
    _, (problem,) = load_documents(["a.yaml"], root=tmp_path, parameters={}, environment={})
    assert problem.code == "template/refused"
