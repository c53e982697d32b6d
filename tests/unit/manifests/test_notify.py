"""`notify` of peakctl.yaml as it is read, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from peakctl.errors import UsageError
from peakctl.manifests.project import Project, load_project
from peakctl.manifests.sections import Channel, Mail, Occasion, Shape, Webhook, read_channels

WHOLE = """\
project: p
parameters: &x {x: 1}
notify:
  - webhook: {urlFrom: HOOK}
  - after: [failure]
    webhook: {urlFrom: OTHER, shape: teams}
  - after: []
    email: {to: [a@b.c], template: t}
environments:
  dev: {notify: []}
  prod:
    notify:
      - email:
          {to: [a@b.c, d@e.f], cc: [g@h.i], bcc: [j@k.l], template: t, subject: s, parameters: *x}
  lab: {notify: null}
"""


def load(root: Path, text: str) -> Project:
    (root / "peakctl.yaml").write_text(text)
    project = load_project(root)
    assert project is not None
    return project


def test_a_list_is_read_whole(tmp_path: Path) -> None:
    project = load(tmp_path, WHOLE)
    usual = (
        Channel(tuple(Occasion), Webhook("HOOK", Shape.JSON)),
        Channel((Occasion.FAILURE,), Webhook("OTHER", Shape.TEAMS)),
        Channel((), Mail(("a@b.c",), "t")),
    )
    assert project.channels_for(None) == usual
    found = {name: project.channels_for(each) for name, each in project.environments.items()}
    mail = Mail(("a@b.c", "d@e.f"), "t", ("g@h.i",), ("j@k.l",), "s", {"x": 1})
    assert found == {"dev": (), "prod": (Channel(tuple(Occasion), mail),), "lab": usual}
    assert project.webhook_variables() == {"HOOK", "OTHER"}
    ruled = (Channel((), Webhook("RULED")),)
    assert project.webhook_variables(ruled) == {"HOOK", "OTHER", "RULED"}
    assert [str(each) for each in (*usual, *found["prod"])] == [
        "after apply/failure/drift: webhook HOOK (json)",
        "after failure: webhook OTHER (teams)",
        "after nothing: e-mail t to a@b.c",
        "after apply/failure/drift: e-mail t to a@b.c d@e.f cc=g@h.i bcc=j@k.l subject=s x=1",
    ]


def test_without_a_list_nobody_is_told(tmp_path: Path) -> None:
    project = load(tmp_path, "project: p\n")
    assert (project.channels_for(None), project.webhook_variables()) == ((), frozenset())


def test_what_the_schema_refused_is_passed_over() -> None:
    assert read_channels([None, {}, {"email": {"to": [None], "template": ""}}]) == ()
    assert read_channels([{"after": [None, "drift"], "webhook": {"urlFrom": "A"}}]) == (
        Channel((Occasion.DRIFT,), Webhook("A")),
    )


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ("{}", "neither email nor webhook"),
        ("{email: {to: [a@b.c], template: t}, webhook: {urlFrom: A}}", "both email and webhook"),
        ("{after: [lunch], webhook: {urlFrom: A}}", "lunch"),
        ("{webhook: {urlFrom: A, shape: irc}}", "irc"),
        ("{webhook: {}}", "urlFrom is missing"),
        ("{webhook: {url: https://x.y/z}}", 'no field "url"'),
        ("{email: {to: [], template: t}}", "to is empty"),
        ("{email: {to: [a b@c], template: t}}", "not a valid to"),
        ("{email: {to: [a@b.c]}}", "template is missing"),
        ("7", "notify"),
    ],
)
def test_what_is_wrong_is_told_in_its_place(tmp_path: Path, channel: str, told: str) -> None:
    for text in (
        f"project: p\nnotify: [{channel}]\n",
        f"project: p\nenvironments: {{e: {{notify: [{channel}]}}}}\n",
    ):
        with pytest.raises(UsageError, match=told) as caught:
            load(tmp_path, text)
        assert {d.code for d in caught.value.diagnostics} == {"project/notify"}
        assert all(d.locations for d in caught.value.diagnostics)


def test_an_address_in_the_file_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, "project: p\nnotify: [{webhook: {urlFrom: 'https://x.y/s3cr3t0x'}}]\n")
    assert "s3cr3t0x" not in str(caught.value.diagnostics)
