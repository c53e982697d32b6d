"""Plans that keep the rules of docs/output.md, and for each rule one that breaks it."""

from __future__ import annotations

from typing import Any


def action(**more: Any) -> dict[str, Any]:
    return {
        "key": "Workflow/flow",
        "verb": "edit",
        "class": "edit",
        "causes": [{"cause": "manifest-changed"}],
        "consequences": [],
        "labels": {"team": "retail"},
        "location": {"file": "m.yaml", "line": 4, "column": 1},
        "desired": {"spec": {"steps": {"a": {"imageDetails": {"name": "x", "version": "1.0.0"}}}}},
        **more,
    }


RESTARTS = [{"effect": "restarts"}]
KEPT = [
    action(),
    action(verb="delete", desired=None, labels=None, **{"class": "share"}),
    action(verb="create", consequences=RESTARTS),
    action(desired={"spec": {"steps": {"a": {"type": "http"}}}}),
    action(desired={"spec": {"image": 1}}),
]
BROKEN = {
    "Nothing is deleted": action(**{"class": "delete"}),
    "Steps of workflows name the version of their image": action(
        desired={"spec": {"steps": {"a": {"imageDetails": {"name": "x"}}}}}
    ),
    "What is new has a label `team`": action(verb="create", labels={}),
    "Nothing restarts without its manifest being changed": action(
        causes=[{"cause": "changed-outside"}], consequences=RESTARTS
    ),
}
