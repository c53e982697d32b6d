"""The scripts in a file: a shell script itself, or what the steps of a CI file run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yaml import MappingNode, Node, ScalarNode, SequenceNode, YAMLError

from peakctl.manifests.yaml_reader import TooDeep, compose
from peakctl.model.records import dataclass

_SHELL = re.compile(r"\A#!\s*\S*(/|\s)(ba|da|z|k)?sh\b")
_ENDINGS = (".sh", ".bash", ".zsh")
_RUNS = frozenset(("run", "script", "before_script", "after_script"))
_VARIABLES = frozenset(("env", "variables"))
_DEEPEST = 30
_PEAK = re.compile(r"^\s*(\S+ )*peak [a-z]+ [a-z]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """A script within a file: its text, the line of the file before it, and its folder.

    `variables` are texts that the file gives to variables for it, with their lines.
    """

    text: str
    before: int = 0
    folder: str = ""
    variables: tuple[tuple[str, str, int], ...] = ()


def is_shell(name: str, text: str) -> bool:
    """Whether a file is a shell script, by its name or its first line."""
    return name.lower().endswith(_ENDINGS) or bool(_SHELL.match(text))


def scripts_in(name: str, text: str) -> list[Script] | None:
    """The scripts of a file; None for a file that is neither a script nor a CI file."""
    if is_shell(name, text):
        return [Script(text)]
    if not name.lower().endswith((".yml", ".yaml")):
        return None
    try:
        roots = list(compose(text, careful=True))
    except (YAMLError, TooDeep):
        return None
    if not any(isinstance(root, MappingNode) and _is_ci(root) for root in roots):
        return None
    return [script for root in roots for script in _scripts(root, "", 0)]


def _is_ci(root: MappingNode) -> bool:
    """Whether it has jobs: those of GitHub, or of GitLab, which run a `script`."""
    words = {key.value: value for key, value in root.value if isinstance(key, ScalarNode)}
    jobs = words.get("jobs")
    if isinstance(jobs, MappingNode) and ("on" in words or "steps" in _keys_of_values(jobs)):
        return True
    if words.keys() & {"runs"} and "steps" in _keys(words["runs"]):
        return True
    if any(_keys(value) & _RUNS for value in words.values()):
        return True
    return "body" not in words and any(
        _PEAK.search(script.text) for script in _scripts(root, "", 0)
    )


def _keys(node: Node) -> set[str]:
    pairs = node.value if isinstance(node, MappingNode) else []
    return {key.value for key, _ in pairs if isinstance(key, ScalarNode)}


def _keys_of_values(node: MappingNode) -> set[str]:
    return {key for _, value in node.value for key in _keys(value)}


def _scripts(node: Node, folder: str, depth: int) -> Iterator[Script]:
    if isinstance(node, SequenceNode) and depth < _DEEPEST:
        for item in node.value:
            yield from _scripts(item, folder, depth + 1)
    elif isinstance(node, MappingNode) and depth < _DEEPEST:
        yield from _scripts_of(node, folder, depth)


def _scripts_of(node: MappingNode, folder: str, depth: int) -> Iterator[Script]:
    words = {key.value: value for key, value in node.value if isinstance(key, ScalarNode)}
    here = words.get("working-directory")
    folder = here.value if isinstance(here, ScalarNode) else folder
    variables = tuple(_variables(words))
    if variables:
        yield Script("", 0, folder, variables)
    for word, value in words.items():
        if word in _RUNS:
            yield from _run(value, folder)
        elif word not in _VARIABLES:
            yield from _scripts(value, folder, depth + 1)


def _variables(words: dict[str, Node]) -> Iterator[tuple[str, str, int]]:
    for word in _VARIABLES & words.keys():
        node = words[word]
        for key, value in node.value if isinstance(node, MappingNode) else ():
            if isinstance(value, ScalarNode):
                yield str(key.value), value.value, value.start_mark.line + 1


def _run(node: Node, folder: str) -> Iterator[Script]:
    """The text of a `run` or `script`, alone or as a list; the lines are those of the file."""
    if isinstance(node, SequenceNode):
        # Items of a list run one after the other in one shell: one script, line by line.
        yield from _joined_items(node, folder)
    elif isinstance(node, ScalarNode):
        yield Script(str(node.value), _before(node), folder)


def _joined_items(node: SequenceNode, folder: str) -> Iterator[Script]:
    rows: list[str] = []
    items = [item for item in node.value if isinstance(item, ScalarNode)]
    if not items:
        return
    first = _before(items[0])
    for item in items:
        rows += [""] * (_before(item) - first - len(rows))
        rows += str(item.value).rstrip("\n").split("\n")
    yield Script("\n".join(rows), first, folder)


def _before(node: ScalarNode) -> int:
    """How many lines stand before the first of a text."""
    return int(node.start_mark.line) + (1 if node.style in ("|", ">") else 0)
