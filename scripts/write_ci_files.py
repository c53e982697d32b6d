"""Write what other repositories may use from this one: action.yml, and the GitLab component.

Both are the files of `peakctl ci init`, with inputs in place of the names of a project. GitHub
wants the action at the top of a repository, GitLab its components in `templates/`.
"""

from __future__ import annotations

import re
from pathlib import Path

from peakctl import __version__

TOP = Path(__file__).resolve().parent.parent
FILES = TOP / "peakctl" / "operations" / "ci_templates"
ACTION = FILES / "github-action" / "dot-github" / "actions" / "peakctl" / "action.yml"
JOBS = FILES / "gitlab" / "dot-gitlab" / "peakctl-__PROJECT__-__ENV__.yml"
INPUTS = {
    "PROJECT": ("project", "the name of the project, for the names of the jobs", None),
    "ENV": ("environment", "an environment of peakctl.yaml", None),
    "FOLDER": ("folder", "the folder of peakctl.yaml", "."),
    "BRANCH": ("branch", "the branch that is applied", "main"),
    "VERSION": ("version", "the release of peakctl", __version__),
}
"""The names in the templates, each with the input that takes its place, and its default."""


def action() -> str:
    """The composite action of GitHub."""
    text = ACTION.read_text("utf-8").replace("__VERSION__", __version__)
    told = (
        "# `uses: OWNER/peakctl@COMMIT`, in a repository that has no files of `peakctl ci init`.\n"
    )
    return re.sub(r"^# Written by .*\n", told, text)


def component() -> str:
    """The component of GitLab: its inputs, then the jobs."""
    rows = ["spec:", "  inputs:"]
    for name, description, default in INPUTS.values():
        more = "" if default is None else f', default: "{default}"'
        rows.append(f'    {name}: {{description: "{description}"{more}}}')
    told = (
        "# A component of GitLab, in a project that mirrors this repository:\n"
        "# include: [{component: $CI_SERVER_FQDN/GROUP/peakctl/peakctl@COMMIT, inputs: {...}}]\n"
    )
    jobs = JOBS.read_text("utf-8")
    jobs = re.sub(r"^# Written by .*?What it needs", "# What it needs", jobs)
    jobs = re.sub(r"__([A-Z]+)__", lambda found: f"$[[ inputs.{INPUTS[found[1]][0]} ]]", jobs)
    return told + "\n".join(rows) + "\n---\n" + jobs


def texts() -> dict[str, str]:
    """The text of each file by its path."""
    return {"action.yml": action(), "templates/peakctl.yml": component()}


def main() -> None:
    for name, text in texts().items():
        (TOP / name).parent.mkdir(exist_ok=True)
        (TOP / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
