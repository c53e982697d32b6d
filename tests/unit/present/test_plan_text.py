"""A rich plan, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from plans import as_shown

from peakctl.model import (
    MISSING,
    Action,
    Change,
    Key,
    Live,
    Outcome,
    Plan,
    Secret,
    Skipped,
    Status,
    Step,
    Unknown,
    Value,
    Verb,
)
from peakctl.present.plan_text import applied_summary, duration, plan_lines, plan_summary
from peakctl.present.text import to_ansi, to_plain

IMAGE = Key("Image", "serve")
BLOCK = Key("BlockSpec", "forecast-block")
OLD = "sha256:ab12cd34ef5678901234"
NEW = "sha256:cd34ef56ab1278901234"


def live(key: Key, version: str) -> Live:
    return Live(key, "1", {}, version=version)


CREATE = Action(Key("Image", "forecast"), Verb.CREATE, (Step.CREATE,), version="0.0.1")
BUILD = Action(
    IMAGE,
    Verb.BUILD,
    (Step.CREATE_VERSION,),
    (
        Change(("spec", "artifact"), {"digest": OLD}, {"digest": NEW}, "build"),
        Change(("spec", "buildDetails", "secrets"), ["A"], ["A", "PIP_TOKEN"], "build"),
    ),
    notes=("autodeploy goes out with this version",),
    version="1.2.4",
    live=live(IMAGE, "1.2.3"),
)
RELEASE = Action(
    BLOCK,
    Verb.RELEASE,
    (Step.CREATE_RELEASE, Step.UPDATE_METADATA),
    (
        Change(
            ("spec", "config", "imageDetails", "versionId"), "v12", Unknown(IMAGE, "version"), ""
        ),
        Change(
            ("spec", "config", "steps", "score"),
            MISSING,
            {"command": "python score.py", "env": {"TOKEN": Secret("hunter2")}, "parents": ["a"]},
            "",
        ),
        Change(("spec", "config", "steps", "old"), {"command": "x"}, MISSING, ""),
        Change(("metadata", "description"), "# T\n\na\nb\nc\nd\n", "# T\n\na\nB\nc\nd\ne\n", ""),
    ),
    version="0.0.4",
    live=live(BLOCK, "0.0.3"),
)
EDIT = Action(
    Key("Service", "api"),
    Verb.EDIT,
    (Step.UPDATE,),
    (
        Change(("spec", "minInstances"), 1, 2, "", redeploys=True),
        Change(("spec", "secrets", "DB"), Secret("old1"), Secret("new1"), "", sensitive=True),
        Change(("spec", "secrets", "NEW"), MISSING, "hunter3", "", sensitive=True),
        Change(("spec", "env", "CONFIG"), '{"a": 1, "b": [1, 2]}', '{"a": 1, "b": [1, 3]}', ""),
        Change(
            ("spec", "triggers"),
            [{"name": "a", "x": 1}, {"name": "b"}],
            [{"name": "b"}, {"name": "a", "x": 2}, {"name": "c"}],
            "",
        ),
    ),
)
REDEPLOY = Action(Key("Deployment", "eu"), Verb.REDEPLOY, (Step.REDEPLOY,), notes=("it failed",))
DELETE = Action(Key("Artifact", "old"), Verb.DELETE, (Step.DELETE,))
WAIT = Action(Key("Image", "w"), Verb.KEEP, (Step.WAIT,), version="1.0.0")
SAME = Action(
    Key("Image", "same"),
    Verb.KEEP,
    version="1.0.0",
    skipped=(Skipped(("spec", "x"), "the platform never returns it"),),
)
PLAN = as_shown(CREATE, BUILD, RELEASE, EDIT, REDEPLOY, DELETE, WAIT, SAME)

GOLDEN = """\
+ create     Image/forecast  0.0.1

* build      Image/serve  1.2.3 -> 1.2.4
    ~ spec.artifact: files sha256:ab12cd34… -> sha256:cd34ef56…
    ~ spec.buildDetails.secrets: [A] -> [A, PIP_TOKEN]
    note: autodeploy goes out with this version

^ release    BlockSpec/forecast-block  0.0.3 -> 0.0.4  (and edit)
    ~ spec.config.imageDetails.versionId: v12 -> (known after apply)
    + spec.config.steps.score:
        + command: "python score.py"
        + env: {TOKEN: (sensitive)}
        + parents: [a]
    - spec.config.steps.old: {command: x}
    ~ metadata.description:
          a
        - b
        + B
          c
          d
        + e

~ edit       Service/api
    ~ spec.minInstances: 1 -> 2  (restarts)
    ~ spec.secrets.DB: (sensitive) changed
    + spec.secrets.NEW: (sensitive)
    ~ spec.env.CONFIG: (JSON)
          a: 1
        - b: [1, 2]
        + b: [1, 3]
    ~ spec.triggers.a.x: 1 -> 2
    + spec.triggers.c: {name: c}
    ~ spec.triggers: order a, b -> b, a

> redeploy   Deployment/eu
    note: it failed

- delete     Artifact/old
= unchanged  Image/w  1.0.0  (waits until it is ready)

"""


def test_a_rich_plan_reads_as_it_should() -> None:
    assert to_plain(plan_lines(PLAN)) == GOLDEN


def test_the_last_line_counts_resources_in_a_fixed_order() -> None:
    assert plan_summary(PLAN) == (
        "Plan: 1 to create, 1 to build, 1 to release, 1 to edit, 1 to redeploy, 1 to delete,"
        " 2 unchanged."
    )


def test_colours_add_no_words() -> None:
    import re

    painted = to_ansi(plan_lines(PLAN))
    bare = re.sub("\x1b\\[[0-9;]*m", "", painted)
    assert [row.rstrip() for row in bare.splitlines()] == GOLDEN.splitlines()
    assert "\x1b[32m" in painted


def test_no_secret_is_in_the_text() -> None:
    text = to_plain(plan_lines(PLAN, show_all=True, show_ignored=True, verbose=True))
    assert not [s for s in ("hunter2", "hunter3", "old1", "new1") if s in text]


def test_unchanged_resources_show_when_asked_for() -> None:
    assert "= unchanged  Image/same  1.0.0" in to_plain(plan_lines(PLAN, show_all=True))


def test_ignored_differences_show_with_their_reason() -> None:
    text = to_plain(plan_lines(PLAN, show_ignored=True))
    assert "    ignored spec.x: the platform never returns it\n" in text


def created(fields: Mapping[str, Value]) -> Plan:
    """A plan that creates an image with these fields in `spec`."""
    changes = tuple(Change(("spec", w), MISSING, value, "create") for w, value in fields.items())
    return as_shown(Action(Key("Image", "a"), Verb.CREATE, (Step.CREATE,), changes))


def test_fields_of_what_is_created_show() -> None:
    assert "    + spec.type: workflow\n" in to_plain(plan_lines(created({"type": "workflow"})))


def test_many_that_are_created_share_the_lines_for_their_fields() -> None:
    (one,) = created({f"field{n}": n for n in range(9)}).actions

    def rows(number: int, *, verbose: bool = False) -> list[str]:
        keys = [Key("Image", f"i{n}") for n in range(number)]
        plan = Plan(tuple(replace(one, key=key) for key in keys))
        return to_plain(plan_lines(plan, verbose=verbose)).splitlines()

    assert rows(100)[:6] == [
        "+ create  Image/i0",
        *(f"    + spec.field{n}: {n}" for n in range(4)),
        "    … 5 more fields; --verbose shows all",
    ]
    assert len(rows(500)) == 503
    assert rows(500)[-2:] == ["--verbose shows the fields of what is created", ""]
    assert sum("spec.field8" in row for row in rows(500, verbose=True)) == 500


def test_more_fields_of_what_is_created_are_counted_and_show_when_verbose() -> None:
    long = {"a": "x" * 50, "b": "y" * 50, "c": "z" * 50, "d": 1, "e": 2}
    plan = created({f"field{n}": n for n in range(6)} | {"l": long})
    rows = to_plain(plan_lines(plan)).splitlines()
    assert rows[1:7] == [f"    + spec.field{n}: {n}" for n in range(6)]
    assert rows[7:10] == [
        "    + spec.l:",
        f"        + a: {'x' * 50}",
        "    … 4 more lines; --verbose shows all",
    ]
    assert to_plain(plan_lines(plan, verbose=True)).count("        + ") == 5
    plan = created({f"field{n}": n for n in range(11)})
    assert "    … 3 more fields; --verbose shows all\n" in to_plain(plan_lines(plan))
    plan = created({f"field{n}": n for n in range(10)})
    assert "verbose" not in to_plain(plan_lines(plan))


@pytest.mark.parametrize(("verbose", "most"), [(False, 44), (True, 1_004)])
def test_the_changes_of_one_action_keep_to_a_number_of_lines(verbose: bool, most: int) -> None:
    changes = tuple(Change(("spec", f"f{n}"), 1, 2, "") for n in range(3_000))
    plan = as_shown(Action(IMAGE, Verb.EDIT, (Step.UPDATE,), changes))
    rows = to_plain(plan_lines(plan, verbose=verbose)).splitlines()
    assert len(rows) < most
    assert any(f"… {3_004 - most} more changes" in row for row in rows)


def test_a_plan_without_changes_is_its_last_line() -> None:
    assert plan_lines(Plan((SAME,))) == ()
    assert plan_summary(Plan((SAME,))) == "No changes. 1 unchanged."
    assert plan_summary(Plan(())) == "No changes."


def test_the_summary_of_an_apply_counts_what_was_done() -> None:
    outcomes = (
        Outcome(CREATE.key, Verb.CREATE, Status.DONE),
        Outcome(BUILD.key, Verb.BUILD, Status.FAILED),
        Outcome(RELEASE.key, Verb.RELEASE, Status.BLOCKED),
        Outcome(EDIT.key, Verb.EDIT, Status.ALREADY_RIGHT),
        Outcome(WAIT.key, Verb.KEEP, Status.DONE),
        Outcome(SAME.key, Verb.KEEP, Status.ALREADY_RIGHT),
    )
    assert applied_summary(PLAN, outcomes, 3.21) == ("Applied: 1 created, 3 unchanged in 3.2s.")
    assert applied_summary(PLAN, outcomes[1:2], 3.21) == "Applied: nothing, 2 unchanged in 3.2s."


def test_durations_are_short() -> None:
    assert [duration(s) for s in (0.04, 59.4, 192, 3840)] == ["0.0s", "59.4s", "3m12s", "1h04m"]


def test_deletes_are_painted_whole_with_their_notes() -> None:
    action = Action(
        Key("Artifact", "old"), Verb.DELETE, (Step.DELETE,), notes=("id 7", "used by x")
    )
    lines = plan_lines(Plan((action,)))
    assert to_plain(lines) == "- delete  Artifact/old\n    note: id 7\n    note: used by x\n\n"
    assert to_ansi(lines).count("\x1b[35m") == 4
    assert "\x1b[31m" not in to_ansi(lines)
