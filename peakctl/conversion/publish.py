"""The publish file of the client's wrapper (`app`, `blocks`, `external_blocks`), as drafts.

The wrapper renders one template for each block with its parameters, and takes the next version.
Here each block is a manifest in which the parameters are filled in, and peakctl counts versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from peakctl.conversion.body_text import TEMPLATE
from peakctl.conversion.commands import Mode
from peakctl.conversion.drafts import Draft
from peakctl.conversion.lines import joined
from peakctl.conversion.plain import read_yaml_1_1
from peakctl.conversion.tree import Map, Piece, pieces_in, told, walk
from peakctl.conversion.uses import is_credential
from peakctl.engine.export import looks_secret
from peakctl.errors import Diagnostic, Severity
from peakctl.model import Location, Tree, Value
from peakctl.model.values import list_at

Read = Callable[[str, str], Draft | None]
"""Reads the template at a path as a draft of a kind; None (and said) where it cannot be read."""

_OWN = ("VERSION", "IS_ALPHA", "increment_release_version")
_DEFAULTS: Mapping[str, str] = {
    "SCOPE": "private",
    "RELEASE_NOTES": "",
    "TARGET_ENV": "dev",
    **dict.fromkeys(
        ("SUFFIX", "SPEC_SUFFIX", "TENANT", "TENANT_ID", "STAGE", "TRIGGER_WORKFLOWS",
         "INPUT_SCHEMA", "TARGET_SCHEMA"), ""),
}  # fmt: skip
"""What the wrapper takes from the environment, and what it takes where nothing is set."""
_TOKENS = ("PEAK_AUTH_TOKEN", "GITHUB_TOKEN", "SLACK_URL")
"""What the wrapper takes from the environment that is secret."""
_BARE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}")


def is_publish_file(tree: Map) -> bool:
    """Whether a file is one of the wrapper's."""
    parts = [tree.get("app"), *list_at(tree, ("blocks",))]
    return "body" not in tree and any(isinstance(p, Map) and "path" in p for p in parts)


class Publisher:
    """Turns one publish file into drafts."""

    def __init__(self, tree: Map, display: str, given: Mapping[str, str], read: Read) -> None:
        self.tree = tree
        self.display = display
        self.given = given
        self.read = read
        self.problems: list[Diagnostic] = []
        self.used: set[str] = set()

    def drafts(self) -> Iterator[Draft]:
        """The blocks, then the app."""
        app = self.tree.get("app")
        shared = _params(app) if isinstance(app, Map) else {}
        for block in self._list("blocks"):
            own = {**shared, **_params(block)}
            draft = self._draft(block, "BlockSpec", {**own, "BLOCK_NAME": block.get("name", "")})
            if draft is not None:
                yield draft
        if isinstance(app, Map):
            draft = self._draft(app, "AppSpec", {**shared, "app_name": app.get("name", "")})
            if draft is not None:
                draft.spec.put("config", [*self._config()], self.tree.place("blocks"))
                draft.spec.setdefault("featured", True)
                yield draft

    def _list(self, word: str) -> list[Map]:
        items = self.tree.get(word)
        return [item for item in items if isinstance(item, Map)] if isinstance(items, list) else []

    def _config(self) -> Iterator[Map]:
        """The blocks of the app: ours by name, external ones by id and version."""
        for block in self._list("blocks"):
            item = Map()
            item.put("name", block.get("name"), block.place("name"))
            item.put("autoRunOnDeploy", bool(block.get("run_on_deploy", False)))
            yield item
        for block in self._list("external_blocks"):
            item, release = Map(), Map()
            release.put("version", str(block.get("version", "")), block.place("version"))
            item.put("id", block.get("block_id"), block.place("block_id"))
            item.note("id", f"the block {block.get('name')}")
            item.put("release", release, block.place("version"))
            item.put("autoRunOnDeploy", bool(block.get("run_on_deploy", False)))
            yield item

    def _draft(self, part: Map, kind: str, params: Tree) -> Draft | None:
        place = part.place("path")
        path = self._template(str(part.get("path", "")), place)
        draft = self.read(path, kind) if path else None
        if draft is None:
            return None
        self.used.add(path)
        draft.mode, draft.place = Mode.CREATE, part.place("name")
        draft.sources.insert(0, self.display)
        self._version(draft, params, place)
        fill = _Filler(params, place, self.problems)
        fill.fill(draft)
        draft.metadata.put("name", part.get("name"), part.place("name"))
        return draft

    def _template(self, name: str, place: Location) -> str:
        """The given file that a path means: it is relative to a folder that is not in the file."""
        folder = self.display.rpartition("/")[0]
        for path in (joined(folder, name), joined("", name), joined(folder, f"../{name}")):
            if path in self.given:
                return path
        tail = name.removeprefix("./")
        found = [path for path in self.given if path.endswith(f"/{tail}")]
        if len(found) == 1:
            return found[0]
        self.problems.append(
            told(
                "convert/not-given",
                f'the template "{name}" is not among the given files',
                place,
                detail="files that were not given are never read",
                fix="give its path as well",
                severity=Severity.ERROR,
            )
        )
        return ""

    def _version(self, draft: Draft, params: Tree, place: Location) -> None:
        """The wrapper takes the next number itself, unless one is given."""
        release = draft.spec.get("release")
        version = params.get("VERSION")
        if isinstance(release, Map) and "version" in release:
            if isinstance(version, str) and not version.startswith("env:"):
                release["version"] = version
            else:
                release.pop("version")
                if not release:
                    draft.spec.pop("release")
        if str(params.get("IS_ALPHA", "")).lower() in ("true", "1", "yes", "on"):
            self.problems.append(
                told(
                    "convert/alpha",
                    "the wrapper makes alpha versions (0.1.0-a0000001); peakctl counts patches",
                    place,
                    fix="state release.version where an alpha version is wanted",
                )
            )


def _params(part: Map) -> dict[str, Value]:
    found = part.get("params")
    return {str(k): v for k, v in found.items()} if isinstance(found, Map) else {}


class _Filler:
    """Fills the parameters of the wrapper into a draft."""

    def __init__(self, params: Tree, place: Location, problems: list[Diagnostic]) -> None:
        self.place = place
        self.problems = problems
        self.literal: dict[str, str] = {}
        self.sets: dict[str, str] = {}
        for name, value in params.items():
            self._add(name, value)
        for name in _TOKENS:
            self.sets.setdefault(name, f"os_env.{name}")
        for name, text in _DEFAULTS.items():
            if name not in self.sets:
                self.sets[name] = f"{name} | default({json.dumps(text)})"

    def _add(self, name: str, value: Value) -> None:
        if name in _OWN:
            return
        if isinstance(value, str) and value.startswith("env:"):
            variable = value[4:]
            secret = is_credential(variable) or is_credential(name)
            self.sets[name] = f"os_env.{variable}" if secret else variable
        elif isinstance(value, str) and (looks_secret((name,), value) or is_credential(name)):
            self.sets[name] = f"os_env.{name.upper()}"
            self.problems.append(
                told(
                    "convert/literal-secret",
                    f"the parameter {name} is a literal secret: it is os_env.{name.upper()} now",
                    self.place,
                    fix=f"set {name.upper()} where manifests are applied",
                )
            )
        elif isinstance(value, Piece):
            return
        else:
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                self.literal[name] = str(value)
            self.sets[name] = json.dumps(value)

    def fill(self, draft: Draft) -> None:
        """Put literals in where a value is made of them alone; others are set in the head."""
        for tree in (draft.metadata, draft.spec):
            for holder, key, _ in walk(tree):
                value = holder.get(key)
                if isinstance(value, Piece) and not value.is_block:
                    holder[key] = self._filled(value)
        pieces = [*pieces_in(draft.metadata), *pieces_in(draft.spec)]
        text = " ".join(piece.text for piece in pieces) + draft.head
        used = [name for name in self.sets if re.search(rf"\b{name}\b", text)]
        sets = [f"{{% set {name} = {self.sets[name]} %}}" for name in used]
        draft.head = "\n".join([*sets, *([draft.head] if draft.head else [])])

    def _filled(self, piece: Piece) -> Value:
        names = _BARE.findall(piece.value)
        all_known = len(names) == len(TEMPLATE.findall(piece.value))
        if not all_known or not set(names) <= self.literal.keys():
            return piece
        text = _BARE.sub(lambda found: self.literal[found[1]], piece.value)
        return read_yaml_1_1(text) if piece.text.startswith("{{") else text
