"""Templates to text: what the platform's own client does, bounds, and mistakes with a place."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from peakctl.errors import Diagnostic, ManifestsInvalid
from peakctl.manifests import budget, load_documents, render_sources
from peakctl.manifests.parameters import read_pairs

RECORDED = json.loads(
    (Path(__file__).parents[2] / "contract/client/template-rendering.json").read_text()
)["trials"]
DIFFERENT = (
    "renders as nothing",  # an error here: a typing mistake must not remove a field
    "inside quotes gives an empty string",
    "os_env gives",  # asks for an unset one too
    "null removal",  # belongs to the body that the client sends
    "context",  # a rewrite of any key of that name in included files
    "two spellings",
    "working directory",  # the including file's folder comes first here
    "snake case",
    "include after text on the same line",  # its text keeps the last line end here
    "YAML types",
    "YAML date",
    "markdown file",
)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def load(
    root: Path, files: dict[str, str], file: str = "main.yaml", **named: Any
) -> tuple[list[Any], tuple[Diagnostic, ...]]:
    write(root, files)
    named = {"parameters": {}, "environment": {}, **named}
    documents, problems = load_documents([file], root=root, **named)
    return [document.value for document in documents], problems


def rendered(root: Path, text: str, **parameters: Any) -> str:
    write(root, {"main.yaml": text})
    texts, problems = render_sources(
        ["main.yaml"], root=root, parameters=parameters, environment={}
    )
    assert problems == ()
    return texts[0].text


def mistake(root: Path, text: str, *, more: dict[str, str] | None = None, **values: Any) -> tuple:
    """The code of the only problem, and its place."""
    found, problems = load(root, {"main.yaml": text, **(more or {})}, parameters=values)
    assert found == []
    (problem,) = problems
    return problem.code, *map(str, problem.locations)


@pytest.mark.parametrize(
    "trial",
    [t for t in RECORDED if not any(word in t["about"] for word in DIFFERENT)],
    ids=lambda t: t["about"],
)
def test_templates_mean_what_they_mean_to_the_platforms_own_client(
    trial: dict[str, Any], tmp_path: Path
) -> None:
    given = yaml.safe_load(trial["files"].get(trial.get("params_file", ""), "{}"))
    given = {name: value for name, value in given.items() if value is not None}
    given |= read_pairs(trial.get("params", ()))
    values, problems = load(tmp_path, trial["files"], trial["file"], parameters=given)
    if "error" in trial:
        assert problems
    else:
        assert (values, problems) == ([trial["loaded"]], ())


def test_a_file_without_delimiters_is_no_template(tmp_path: Path) -> None:
    assert rendered(tmp_path, "a: 1 # {x}\n") == "a: 1 # {x}"


def test_macros_imports_and_blocks_work(tmp_path: Path) -> None:
    write(tmp_path, {"m.txt": "{% macro step(n) %}{{ n }}: {c: {{ n ~ 1 }}}{% endmacro %}"})
    text = (
        "{% from 'm.txt' import step %}{% set x %}v{{ 1 }}{% endset %}"
        "a:\n  {{ step(x) }}\nb: {{ -n }}"
    )
    assert rendered(tmp_path, text, n=2) == "a:\n  v1: {c: v11}\nb: -2"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'a' + 'b'", "ab"),
        ("[1, 2] | sum", "3"),
        ("range(3) | map('string') | join('-')", "0-1-2"),
        ("'%s=%d' | format('a', 3)", "a=3"),
        ("'{} {x}'.format(1, x=2)", "1 2"),
        ("{'a': 1} | tojson", '{"a": 1}'),
        ("'<b>' | e", "&lt;b&gt;"),
        ("'<b>' | safe", "<b>"),
        ("nope | default(1700000000)", "1700000000"),
        ("'x' * 3", "xxx"),
        ("3 * [1]", "[1, 1, 1]"),
        ("2 ** 8 % 7 // 2 / 1 - 1", "1.0"),
        ("'a\nb\n\nc' | indent", "a\n    b\n\n    c"),
        ("'a\nb' | indent('> ', true)", "> a\n> b"),
        ("'a\n\nb' | indent(1, blank=true)", "a\n \n b"),
        ("cycler('a', 'b').next()", "a"),
        ("{'a': 'x'}.get('a').upper()", "X"),
        ("namespace(a=1).a", "1"),
    ],
)
def test_expressions_are_those_of_jinja(tmp_path: Path, expression: str, text: str) -> None:
    assert rendered(tmp_path, f"{{{{ {expression} }}}}") == text


def test_an_include_keeps_its_line_breaks_and_blank_lines(tmp_path: Path) -> None:
    write(tmp_path, {"i.txt": "a\n\nb\n", "d/j.txt": "{%- include 'i.txt' -%}"})
    assert rendered(tmp_path, "x:\n  {%- include 'i.txt' -%}\n  y") == "x:a\n\n  by"
    assert rendered(tmp_path, "- {% include 'd/j.txt' %}\n") == "- a\n\n  b"
    assert rendered(tmp_path, "{% include 'i.txt' ignore missing %}!") == "a\n\nb!"
    assert rendered(tmp_path, "{% include ['nope', 'i.txt'] %}") == "a\n\nb"
    assert (
        rendered(tmp_path, "{% raw %}{% include 'i.txt' %}{% endraw %}") == "{% include 'i.txt' %}"
    )


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: 1\nb: {{ regoin }}", "undefined", "main.yaml:2:7"),
        ("a: 1\nb: {{ nothing.like.it }}", "undefined", "main.yaml:2:7"),
        ("a: {{ region.eu }}", "undefined", "main.yaml:1:14"),
        ("a: {{ map.kye }}", "undefined", "main.yaml:1:11"),
        ("a: {{ os_env.HOEM }}", "undefined", "main.yaml:1:14"),
        ("\na: {{ region", "syntax", "main.yaml:2:4"),
        ("a: {% if x %}", "syntax", "main.yaml:1:4"),
        ("a: {{ x | nofilter }}", "syntax", "main.yaml:1:4"),
        ("a: 1\n{% include 'nope.yaml' %}", "missing-include", "main.yaml:2:1"),
        ("a:\n  {% include '../out.yaml' %}", "refused", "main.yaml:2:3"),
        ("a:\n  {% include '/etc/hosts' %}", "refused", "main.yaml:2:3"),
        ("a:\n  {% include 'link.yaml' %}", "refused", "main.yaml:2:3"),
        ("a:\n  {% include ['/etc/hosts'] %}", "refused", "main.yaml:2:3"),
        ("a: {{ ''.__class__ }}", "refused", "main.yaml:1:4"),
        ("a: {{ 1 / zero }}", "failed", "main.yaml:1:4"),
        ("a: {{ [] + 1 }}", "failed", "main.yaml:1:4"),
        ("a: {{ 'a'.foo() }}", "undefined", "main.yaml:1:11"),
        ("a: {{ 5() }}", "failed", "main.yaml:1:4"),
        ("a: {{ map | items(1, 2) }}", "failed", "main.yaml:1:4"),
        ("{% for i in 5 %}{% endfor %}", "failed", "main.yaml:1:1"),
        ("a: {{ range(10**8) }}", "too-much", "main.yaml:1:4"),
        ("{% macro m() %}{{ m() }}{% endmacro %}\na: {{ m() }}", "recursion", "main.yaml:1:1"),
        ("a: {{ 'x' * 10**9 }}", "too-much", "main.yaml:1:4"),
        ("a: {{ 10**9 * 'x' }}", "too-much", "main.yaml:1:4"),
        ("a: {{ 9 ** 99999 }}", "too-much", "main.yaml:1:4"),
        ("a: {{ 'x' | center(10**9) }}", "too-much", "main.yaml:1:4"),
        ("a: {{ 'x'.zfill(10**9) }}", "too-much", "main.yaml:1:4"),
        ("a: {{ '%999999999d' % 1 }}", "too-much", "main.yaml:1:4"),
        ("a: {{ '%*d' | format(10, 1) }}", "too-much", "main.yaml:1:4"),
        ("a: {{ '{:999999999}'.format(1) }}", "too-much", "main.yaml:1:4"),
        ("a: {{ range(99999) | list | sum }}\n" * 11, "too-much", "main.yaml:6:4"),
        (
            "{% for i in range(9999) %}\n{% for j in range(9998) %}{% endfor %}{% endfor %}",
            "too-much",
            "main.yaml:2:1",
        ),
        ("a: \ue000{{ 1 }}", "syntax", "main.yaml:1:5"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, code: str, place: str) -> None:
    (tmp_path.parent / "out.yaml").write_text("a: 1")
    (tmp_path / "link.yaml").symlink_to("../out.yaml")
    found = mistake(tmp_path, text, region="x", zero=0, map={"key": 1}, os_env2="")
    assert found == (f"template/{code}", place)


def test_a_mistake_in_an_included_file_is_told_there(tmp_path: Path) -> None:
    more = {"d/i.yaml": "a: 1\nb: {{ nope }}", "d/j.yaml": "x\n{% endif %}"}
    assert mistake(tmp_path, "\n  {% include 'd/i.yaml' %}", more=more) == (
        "template/undefined",
        "d/i.yaml:2:7",
    )
    assert mistake(tmp_path, "\n  {% include 'd/j.yaml' %}", more=more) == (
        "template/syntax",
        "d/j.yaml:2:1",
    )


def test_a_name_that_is_not_there_brings_the_nearest(tmp_path: Path) -> None:
    def fix(text: str) -> str:
        _, (problem,) = load(
            tmp_path,
            {"main.yaml": text},
            parameters={"region": {"europe": 1}},
            environment={"HOME": "/"},
        )
        return problem.fix

    assert fix("{{ regoin }}") == "did you mean: region"
    assert fix("{{ region.eurpoe }}") == "did you mean: europe"
    told = "give it with -p quite_other=…, or in a file of `params` of peakctl.yaml"
    assert fix("{{ quite_other }}") == told
    assert "set HOEM" in fix("{{ os_env.HOEM }}")


@pytest.mark.parametrize(
    ("text", "place", "summary", "fix"),
    [
        (
            "{% if a %}\n{% if b %}\nx: 1\n{% endif %}\n\n\ny: 2",
            "1:1",
            'the block "if" is not closed',
            "add {% endif %}",
        ),
        (
            "a: 1\n  {%- for a in [] %}\n{% if b %}{% endif %}\n{% endmacro %}",
            "2:3",
            'the block "for" is not closed',
            "add {% endfor %}",
        ),
        (
            "a: {{ b\n\n\nc: {{ d }}",
            "4:4",
            'what begins with "{{" does not end',
            "close it with }}",
        ),
        ("a: {{ b\n\n\nc: 1", "1:4", 'what begins with "{{" does not end', "close it with }}"),
        ("a: 1\n{# b\n\n", "2:1", 'what begins with "{#" does not end', "close it with #}"),
        ("\n{% if b\n\n", "2:1", 'what begins with "{%" does not end', "close it with %}"),
        ("\n{% endif %}", "2:1", '"endif" closes nothing', "remove it, or open if before it"),
        ("{% foor a in [] %}", "1:1", 'there is no tag "foor"', "did you mean: for"),
        ("{{ a | uper }}", "1:1", 'there is no filter "uper"', "did you mean: upper"),
        ("{{ a | zzzz }}", "1:1", 'there is no filter "zzzz"', 'remove "zzzz"'),
        (
            "{{ a is defind }}",
            "1:1",
            'there is no test "defind"',
            "did you mean: defined, undefined",
        ),
        ("a: {{ b + }}", "1:4", 'unexpected "}}"', "correct the template"),
    ],
)
def test_a_slip_of_syntax_is_told_in_plain_words_where_it_begins(
    tmp_path: Path, text: str, place: str, summary: str, fix: str
) -> None:
    _, (problem,) = load(tmp_path, {"main.yaml": text})
    assert (problem.code, problem.summary, problem.fix) == ("template/syntax", summary, fix)
    assert str(problem.locations[0]) == f"main.yaml:{place}"


def test_an_unheard_of_tag_brings_the_tags(tmp_path: Path) -> None:
    _, (problem,) = load(tmp_path, {"main.yaml": "{% qqqq %}"})
    assert problem.fix.startswith("the tags are if, elif")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    _, (problem,) = load(tmp_path, {"main.yaml": "{% include 'shared/nope.yaml' %}"})
    assert problem.summary == 'there is no file "shared/nope.yaml" to include'


def test_an_include_loop_names_the_files(tmp_path: Path) -> None:
    files = {"main.yaml": "a:\n  {% include 'b.yaml' %}", "b.yaml": "{% include 'main.yaml' %}"}
    _, (problem,) = load(tmp_path, files)
    assert problem.code == "template/include-loop"
    assert "main.yaml -> b.yaml -> main.yaml" in problem.summary


def test_a_loop_behind_an_include_names_its_own_files(tmp_path: Path) -> None:
    files = {"main.yaml": "{% include 'b.yaml' %}", "b.yaml": "b: 1\n{% include 'b.yaml' %}"}
    _, (problem,) = load(tmp_path, files)
    assert problem.summary.endswith(": b.yaml -> b.yaml")


def test_lines_that_one_expression_wrote_lie_where_it_stands(tmp_path: Path) -> None:
    write(tmp_path, {"main.yaml": "a: 1\n{{ more }}\n"})
    (document,), _ = load_documents(
        ["main.yaml"], root=tmp_path, parameters={"more": "b: 2\nc: 3"}, environment={}
    )
    assert [str(document.locate((key,))) for key in "bc"] == ["main.yaml:2:1"] * 2


@pytest.mark.parametrize(
    ("content", "word"), [(b"\xff", "UTF-8"), (b"x" * (4 * 2**20 + 1), "more than 4 MiB")]
)
def test_an_include_that_is_no_text_is_refused(tmp_path: Path, content: bytes, word: str) -> None:
    (tmp_path / "i").write_bytes(content)
    _, (problem,) = load(tmp_path, {"main.yaml": "{% include 'i' %}"})
    assert word in problem.summary
    assert str(problem.locations[0]) == "i:1:1"


def test_all_files_tell_their_mistakes_in_one_run(tmp_path: Path) -> None:
    write(tmp_path, {"m/a.yaml": "{{ x }}", "m/b.yaml": "a: [", "m/c.yaml": "a: {{ 1 / 0 }}"})
    _, problems = load(tmp_path, {"m/d.yaml": "ok: 1"}, "m")
    assert [p.locations[0].file for p in problems] == ["m/a.yaml", "m/c.yaml", "m/b.yaml"]


@pytest.mark.parametrize("text", ["{{ 'x' * 90 }}{{ 'y' * 90 }}", "{% set a = 'x' * 200 %}"])
def test_output_and_values_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(budget, "MAX_TEXT", 100)
    assert mistake(tmp_path, text) == ("template/too-much", "main.yaml:1:1")


def test_large_values_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_TEXT", 10)
    assert mistake(tmp_path, "{% set a = x + x %}", x="123456")[0] == "template/too-much"
    assert mistake(tmp_path, "{% set a = x * x %}", x=1 << 9000)[0] == "template/too-much"


def test_running_out_of_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(budget.Budget, "make", fail)
    assert mistake(tmp_path, "a{{ 1 }}")[0] == "template/too-much"


@pytest.mark.parametrize("value", ["\ue000", ["\ue001"], {"a": "\ue002"}, {"\ue003": 1}])
def test_parameters_cannot_forge_secrets(tmp_path: Path, value: Any) -> None:
    _, problems = load(tmp_path, {"main.yaml": "a: 1"}, parameters={"x": value, "y": 1})
    assert [p.code for p in problems] == ["parameters/character"]


def test_a_parse_error_of_a_template_is_one_of_manifests_invalid(tmp_path: Path) -> None:
    from peakctl.manifests.render import Renderer
    from peakctl.model import Source

    with pytest.raises(ManifestsInvalid):
        Renderer({}, {}, tmp_path).render(Source(str(tmp_path / "x"), "x", "{{"))


def test_a_place_that_cannot_be_traced_is_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MAX_TEXT", 20)
    (tmp_path / "main.yaml").write_text("a: 1\n\nb: {{ 1 }}")
    (document,), _ = load_documents(["main.yaml"], root=tmp_path, parameters={}, environment={})
    assert str(document.locate(("b",))) == "main.yaml:1:1"


def test_loading_leaves_the_garbage_collector_as_it_was(tmp_path: Path) -> None:
    load(tmp_path, {"main.yaml": "a: 1"})
    assert gc.isenabled()
    gc.disable()
    try:
        load(tmp_path, {"main.yaml": "a: 1"})
        assert not gc.isenabled()
    finally:
        gc.enable()


def faults(root: Path, text: str, **named: Any) -> list[tuple[str, str]]:
    """Code and place of every problem of one template."""
    found, problems = load(root, {"main.yaml": text}, **named)
    assert found == []
    return [(p.code.removeprefix("template/"), str(p.locations[0])) for p in problems]


def test_all_undefined_names_of_a_template_are_told(tmp_path: Path) -> None:
    text = (
        "a: {{ one }} {{ two | tojson }}\n"
        "b: {{ three ~ four }}{{ five + six }}\n"
        "{% for x in seven %}{{ x.y }}{% endfor %}\n"
        "{% if eight.z %}{{ never }}{% endif %}\n"
        "{% set nine = ten | upper %}{{ nine.more | int + 1 }}{{ nine(2)[3] < 4 }}\n"
        "c: {{ os_env.ELEVEN }}{{ (os_env.TWELVE | default('')) }}{{ known }}\n"
        "{{ thirteen if fourteen else 1 }}{{ [fifteen] | tojson }}{{ one }}"
    )
    _, problems = load(tmp_path, {"main.yaml": text}, parameters={"known": 1})
    named = [(p.summary.split('"')[1], p.locations[0].line) for p in problems]
    assert named == [
        ("one", 1), ("two", 1), ("three", 2), ("four", 2), ("five", 2), ("six", 2), ("seven", 3),
        ("eight", 4), ("ten", 5), ("ELEVEN", 6), ("fourteen", 7), ("fifteen", 7), ("one", 7),
    ]  # fmt: skip
    assert {p.code for p in problems} == {"template/undefined"}


def test_faults_of_every_kind_are_told_together_and_none_twice(tmp_path: Path) -> None:
    text = (
        "{% macro m(x) %}\n{{ x / 0 }}{% endmacro %}\n"
        "a: {{ m(1) }}{{ m(2) }}\n"
        "b: {{ os_env.S == 'a' }}\n"
        "c: {{ ''.__class__ }}\n"
        "{% include 'part.txt' %}\n"
        "d: {{ (nope | b64encode)() }}{{ -nope }}{{ nope | float }}{{ 'a' in nope }}"
    )
    (tmp_path / "part.txt").write_text("x\n{{ [] + 1 }}")
    assert faults(tmp_path, text, environment={"S": "s"}) == [
        ("failed", "main.yaml:2:1"),
        ("secret-branch", "main.yaml:4:4"),
        ("refused", "main.yaml:5:4"),
        ("failed", "part.txt:2:1"),
        ("undefined", "main.yaml:7:8"),
    ]


def test_what_stops_the_template_is_told_with_the_faults_before_it(tmp_path: Path) -> None:
    text = "a: {{ one }}\n{% include 'nope' %}{{ two }}"
    assert faults(tmp_path, text) == [("undefined", "main.yaml:1:7")]
    assert faults(tmp_path, "{% include 'nope' %}{{ two }}") == [
        ("missing-include", "main.yaml:1:1")
    ]
    text = "{{ one }}{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    assert faults(tmp_path, text) == [("undefined", "main.yaml:1:4")]


def test_a_template_tells_a_bounded_number_of_faults(tmp_path: Path) -> None:
    text = "".join(f"{{{{ name{number} }}}}\n" for number in range(200))
    assert len(faults(tmp_path, text)) == 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: python x.py {{ ds }}", "undefined"),
        ("a: ${{ secrets.TOKEN }}", "undefined"),
        ("a: ${{ any_name }}", "undefined"),
        ("a: echo ${#list[@]}", "syntax"),
        ("a: echo ${{ 1 + }}", "syntax"),
        ("a: docker ps --format {{ .Names }}", "syntax"),
    ],
)
def test_text_for_another_program_is_told_to_be_raw(tmp_path: Path, text: str, code: str) -> None:
    _, (problem,) = load(tmp_path, {"main.yaml": text})
    assert problem.code == f"template/{code}"
    assert "{% raw %}" in problem.fix
    assert load(tmp_path, {"main.yaml": f"{{% raw %}}{text}{{% endraw %}}"})[1] == ()


def test_what_stands_for_a_failed_value_swallows_every_use(tmp_path: Path) -> None:
    text = (
        "{% set a = nope | upper %}{{ {a: 1} }}{{ a | int }}{{ a | float }}{{ a ~ 'x' }}"
        "{{ '%d' % a }}{{ '%f' % a }}{{ 1 in a }}{{ a == 2 }}{{ -a }}{{ a.b.c(1) }}{{ a[0] }}"
    )
    assert faults(tmp_path, text) == [("undefined", "main.yaml:1:12")]


def test_json_takes_data_only(tmp_path: Path) -> None:
    assert mistake(tmp_path, "a: {{ range | tojson }}") == ("template/failed", "main.yaml:1:4")
    assert rendered(tmp_path, "{{ {'a': [1]} | tojson(indent=2) }}") == '{\n  "a": [\n    1\n  ]\n}'


def test_a_place_behind_a_test_of_captured_text_is_found(tmp_path: Path) -> None:
    text = "{% set s %}x{% endset %}\n{% if s is eq 'x' and s is lower %}a: 1{% endif %}\nb: 2\n"
    write(tmp_path, {"main.yaml": text})
    (document,), _ = load_documents(["main.yaml"], root=tmp_path, parameters={}, environment={})
    assert str(document.locate(("a",))) == "main.yaml:2:36"


def test_an_item_found_by_an_undefined_name_tells_that_name(tmp_path: Path) -> None:
    assert faults(tmp_path, "a: {{ [1][nope] }}{{ {}[gone.x] }}") == [
        ("undefined", "main.yaml:1:11"),
        ("undefined", "main.yaml:1:25"),
    ]


@pytest.mark.parametrize(
    ("written", "summary", "fix"),
    [
        ("os_env('A')", "os_env is a map, and is not a function", "write os_env.NAME"),
        ("'a'()", "what has () after it is not a function", "leave out the brackets"),
    ],
)
def test_what_is_called_and_no_function_is_told_in_plain_words(
    tmp_path: Path, written: str, summary: str, fix: str
) -> None:
    _, (problem,) = load(tmp_path, {"main.yaml": f"a: {{{{ {written} }}}}"})
    assert problem.summary == summary
    assert problem.fix.startswith(fix)
