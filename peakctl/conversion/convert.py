"""Given texts to manifests, from the first file to the last; asks nobody and reads nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from peakctl.conversion.body_text import BodyText, NotABody, read_body
from peakctl.conversion.commands import Mode
from peakctl.conversion.drafts import (
    KINDS,
    Draft,
    Told,
    draft_of,
    manifest_text,
    tell_kind,
    unknown_kind,
)
from peakctl.conversion.finish import Finisher
from peakctl.conversion.flags import FlagsReader, take_rest
from peakctl.conversion.fold import fold
from peakctl.conversion.ids import Id, id_at, resolve, use_variables
from peakctl.conversion.publish import Publisher, is_publish_file
from peakctl.conversion.scripts import scripts_in
from peakctl.conversion.tree import Map, Piece, Pieces, pieces_in, told, walk
from peakctl.conversion.uses import Use, Uses, is_credential
from peakctl.engine.export import looks_secret
from peakctl.errors import Diagnostic, Severity
from peakctl.kinds.fields import Kind
from peakctl.manifests.free_names import free_names
from peakctl.model import Location
from peakctl.model.records import dataclass
from peakctl.settings import credential_reason

FOLDERS = {
    "Artifact": "artifacts",
    "Image": "images",
    "Service": "services",
    "Webapp": "webapps",
    "Workflow": "workflows",
    "BlockSpec": "block-specs",
    "AppSpec": "app-specs",
    "Deployment": "deployments",
}
_COMMAND = re.compile(r"\bpeak\b|\$\{?PEAK", re.IGNORECASE)
_LONGEST = 100
_OS_ENV = re.compile(r"\bos_env\.(\w+)")
_MANIFEST = re.compile(r"^apiVersion:\s*[\"']?peakctl/", re.MULTILINE)
_YAML = (".yaml", ".yml", ".j2", ".jinja", ".jinja2")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name that manifests have as a template; `value` is what a script gave it, if anything."""

    name: str
    place: Location
    value: str = ""


@dataclass(slots=True)
class Converted:
    """What came of it. `files` are manifests by their paths below the folder that was asked for.

    `variables` are what they read of the environment, with what each is for where it was made here.
    """

    files: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    parameters: list[Parameter] = field(default_factory=list)
    params_files: list[str] = field(default_factory=list)


class Conversion:
    """One conversion. `given` are the texts by path; `named` are those that were named one by one.

    `kinds` says what files are that do not say it themselves, "" for all of them.
    """

    def __init__(
        self, given: Mapping[str, str], named: Sequence[str], kinds: Mapping[str, str]
    ) -> None:
        self.given = given
        self.named = frozenset(named)
        self.kinds = kinds
        self.pieces = Pieces()
        self.uses = Uses()
        self.flags = FlagsReader(self.pieces, self.uses)
        self.problems: list[Diagnostic] = []
        self.drafts: list[Draft] = []
        self.params_files: list[str] = []
        self.known: set[str] = set()
        self.in_files: set[str] = set()
        self.waiting: list[tuple[BodyText, Told, Location]] = []
        self._taken: set[str] = set()

    # --- reading -----------------------------------------------------------------------------

    def read(self) -> None:
        """Read all scripts and bodies into drafts."""
        self._scripts()
        for use in self.uses.found:
            self._used(use)
        for name in self.given:
            if name not in self._taken and not _MANIFEST.search(self.given[name]):
                self._publish_or_not(name)
        for name in [name for name in self.given if name not in self._taken]:
            self._alone(name)
        for waiting in self.waiting:
            self._told_beside(*waiting)
        for draft in self.drafts:
            draft.known |= frozenset(self.known)

    def _scripts(self) -> None:
        for name, text in self.given.items():
            found = scripts_in(name, text)
            if found is None:
                continue
            self._taken.add(name)
            for script in found if _COMMAND.search(text) else ():
                self.uses.add(script, name, self.given)
        self.problems += self.uses.problems

    def _used(self, use: Use) -> None:
        """A command of a script: its body with its flags."""
        for what, path in use.files.items():
            if what == "params":
                self._params_file(path)
        found = self._body(use.body) if use.body else BodyText(Map())
        if found is None:
            return
        kind, mode = use.of.kind, use.of.mode
        assert mode is not None  # noqa: S101 - others are not among the uses
        if not use.body:
            found.tree.put("body", Map(), use.place)
        rest = self.flags.put(use, found.tree)
        place = Location(use.body, 1, 1) if use.body else use.place
        draft = self._draft(found, kind, mode, place)
        draft.sources = [use.body or f"{use.place.file}:{use.place.line}"]
        draft.captured = use.captured
        draft.folder = use.folder
        draft.line = len(self.drafts) + 1
        take_rest(draft, rest)
        if use.target is not None:
            draft.target = use.target.variable or use.target.literal or ""
        self._texts(draft, use)
        self._params(draft, use)
        self.drafts.append(draft)

    def _texts(self, draft: Draft, use: Use) -> None:
        """Files with a description or notes."""
        if "description" in use.files:
            draft.metadata.pop("description", None)
            draft.metadata.put("descriptionFile", use.files["description"], use.place)
        if "notes" in use.files:
            holder = draft.spec.map_at("release" if draft.kind.endswith("Spec") else "revision")
            holder.pop("notes", None)
            holder.put("notesFile", use.files["notes"], use.place)

    def _params(self, draft: Draft, use: Use) -> None:
        """Values of `-p`: variables of the script are remembered, secrets become `os_env`."""
        secret: dict[str, str] = {}
        for name, word in use.params.items():
            self.known.add(name)
            variable = word.variable
            if variable:
                draft.params[name] = variable
                self.uses.values.setdefault(name, (f"${variable}", use.place))
            is_secret = self.uses.holds_secret(word)
            is_secret |= bool(looks_secret((name,), word.literal or ""))
            if is_secret or is_credential(name):
                secret[name] = variable or name.upper()
                if word.literal is not None:
                    self._tell_literal(name, secret[name], use.place)
            elif word.literal is not None:
                self.uses.values.setdefault(name, (word.literal, use.place))
        if secret:
            _read_from_environment(draft, secret)

    def _tell_literal(self, name: str, variable: str, place: Location) -> None:
        self.problems.append(
            told(
                "convert/literal-secret",
                f"the parameter {name} is a literal secret: it is os_env.{variable} now",
                place,
                fix=f"set {variable} where manifests are applied",
            )
        )

    def _params_file(self, path: str) -> None:
        if path not in self.params_files:
            self.params_files.append(path)
        self._taken.add(path)
        if path not in self.given:
            return
        try:
            tree = read_body(self.given[path], path, Pieces(), {}).tree
        except NotABody as error:
            self.problems += error.diagnostics
            return
        self.in_files |= {str(key) for key in tree}
        self.known |= self.in_files
        self._secret_params(path, tree)

    def _secret_params(self, path: str, tree: Map) -> None:
        for key, value in tree.items():
            if is_credential(str(key)) and isinstance(value, str) and not isinstance(value, Piece):
                self.problems.append(
                    told(
                        "convert/literal-secret",
                        f"the parameter {key} is a literal secret in a file of parameters",
                        tree.places.get(key, Location(path, 1, 1)),
                        fix=f"write os_env.{str(key).upper()} into the template instead",
                    )
                )

    def _body(self, path: str) -> BodyText | None:
        self._taken.add(path)
        try:
            found = read_body(self.given[path], path, self.pieces, self.given)
        except NotABody as error:
            self.problems += error.diagnostics
            return None
        self._taken.update(found.includes)
        self.problems += found.problems
        return found

    def _draft(self, found: BodyText, kind: str, mode: Mode, place: Location) -> Draft:
        draft, problems = draft_of(found.tree, kind, mode, place)
        self.problems += problems
        draft.head = found.head
        draft.comments = [found.comments] if found.comments else []
        return draft

    # --- files that no script uses -------------------------------------------------------------

    def _publish_or_not(self, name: str) -> None:
        """A publish file, and the templates that it names."""
        try:
            tree = read_body(self.given[name], name, Pieces(), {}).tree
        except NotABody:
            return
        if not is_publish_file(tree):
            return
        self._taken.add(name)
        publisher = Publisher(tree, name, self.given, self._template)
        self.drafts += publisher.drafts()
        self._taken |= publisher.used
        self.problems += publisher.problems

    def _template(self, path: str, kind: str) -> Draft | None:
        found = self._body(path)
        if found is None:
            return None
        draft = self._draft(found, kind, Mode.CREATE, Location(path, 1, 1))
        draft.sources = [path]
        return draft

    def _alone(self, name: str) -> None:
        """A file that no script uses."""
        if name in self._taken:  # included by one before it
            return
        if _MANIFEST.search(self.given[name]):
            self._leave_out(name, "it is a manifest already")
        elif name.lower().endswith(_YAML):
            self._standalone(name)
        elif name in self.named:
            self._leave_out(name, "it is neither YAML nor a script with a known ending")

    def _standalone(self, name: str) -> None:
        """A body that says itself what it is, or somebody has to."""
        before = len(self.problems)
        found = self._body(name)
        if found is not None:
            self._told(found, name)
        elif name not in self.named:
            del self.problems[before:]
            self._leave_out(name, "it is no body: it cannot be read as one")

    def _told(self, found: BodyText, name: str) -> None:
        what = tell_kind(found.tree)
        asked = self.kinds.get(name) or (self.kinds.get("") if len(what.kinds) != 1 else None)
        if asked:
            what = Told((asked,), what.mode if what.kinds else _mode(found.tree))
        place = Location(name, 1, 1)
        if len(what.kinds) == 1:
            self._add(found, what.kinds[0], what.mode, place)
        elif what.kinds and what.mode is not Mode.CREATE:
            self.waiting.append((found, what, place))
        elif what.kinds or what.what or name in self.named:
            self.problems.append(unknown_kind(what, place))
        else:
            self.known |= {str(key) for key in found.tree}
            self._leave_out(name, "it is no body")

    def _add(self, found: BodyText, kind: str, mode: Mode, place: Location) -> None:
        draft = self._draft(found, kind, mode, place)
        draft.sources = [place.file]
        self.drafts.append(draft)

    def _told_beside(self, found: BodyText, what: Told, place: Location) -> None:
        """A part of something: a body in its folder that creates one of the kinds tells which."""
        folder = posixpath.dirname(place.file)
        kinds = {
            draft.kind
            for draft in self.drafts
            if draft.kind in what.kinds and posixpath.dirname(draft.place.file) == folder
        }
        if len(kinds) != 1:
            self.problems.append(unknown_kind(what, place))
            return
        self._add(found, kinds.pop(), what.mode, place)

    def _leave_out(self, name: str, why: str) -> None:
        severity = Severity.WARNING if name in self.named else Severity.NOTE
        self.problems.append(
            told("convert/left-out", f"left out: {why}", Location(name, 1, 1), severity=severity)
        )

    # --- ids -----------------------------------------------------------------------------------

    def ids(self) -> set[Id]:
        """Every id that a tenant could tell the name of."""
        found = {
            Id((_kind(draft.kind),), draft.target) for draft in self.drafts if draft.target.strip()
        }
        for draft in self.drafts:
            for holder, key, path in walk(draft.spec):
                if (each := id_at(draft, holder, key, path)) is not None:
                    found.add(each)
        return found

    # --- writing -------------------------------------------------------------------------------

    def write(
        self,
        kinds: Mapping[str, Kind],
        into: str,
        names: Mapping[Id, tuple[str, str]],
    ) -> Converted:
        """Fold the drafts and write them. `names` are names and version numbers by id."""
        targets = {
            (draft.kind, draft.target): names[Id((_kind(draft.kind),), draft.target)][0]
            for draft in self.drafts
            if Id((_kind(draft.kind),), draft.target) in names
        }
        drafts, problems = fold(self.drafts, targets)
        made = {f"{{{{ {d.captured} }}}}": d for d in drafts if d.captured}
        finisher = Finisher(self.pieces, made)
        out = Converted(params_files=self.params_files)
        for draft in drafts:
            if "name" not in draft.metadata:
                self.problems.append(_nameless(draft))
                continue
            kind = kinds[_kind(draft.kind)]
            path = _path(kind.name, draft.name, out.files)
            folder = posixpath.dirname(posixpath.join(into, path)) if into else ""
            resolve(draft, names)
            use_variables(draft)
            _relative_texts(draft, folder)
            finisher.finish(draft, kind, folder)
            text = self._readable(manifest_text(draft, kind, self.pieces), draft.place)
            out.files[path] = self._checked(draft, path, text)
        self._tell_loops()
        out.diagnostics = [*self.problems, *self.flags.problems, *problems, *finisher.problems]
        made_here = {name: what for name, (_, what) in finisher.variables.items()}
        read = sorted({name for text in out.files.values() for name in _OS_ENV.findall(text)})
        out.variables = {name: made_here.get(name, "") for name in read}
        out.parameters = self._parameters(out.files.values())
        return out

    def _tell_loops(self) -> None:
        """What a script makes in a loop is one manifest, with a parameter."""
        for name, place in self.uses.loops.items():
            if name in self.flags.parameters:
                self.problems.append(
                    told(
                        "convert/loop",
                        f"{name} is the variable of a loop, and one manifest is not all of it",
                        self.flags.parameters[name],
                        place,
                        fix="give each environment its value, or copy the manifest for each",
                    )
                )

    def _parameters(self, texts: Iterable[str]) -> list[Parameter]:
        """What the manifests read that neither they nor files of parameters give a value."""
        names = frozenset[str]().union(*map(free_names, texts)) - self.in_files
        found = []
        for name in sorted(names):
            value, place = self.uses.values.get(name, ("", self.flags.parameters.get(name)))
            found.append(Parameter(name, place or Location("", 1, 1), value))
        return found

    def _readable(self, text: str, place: Location) -> str:
        """A manifest that reads no variable which templates may not read."""

        def variable(found: re.Match[str]) -> str:
            reason = credential_reason(found[1])
            if not reason:
                return found[0]
            self.problems.append(
                told(
                    "convert/credential",
                    f"no template may read {found[1]}: {reason}",
                    place,
                    fix=f"set MANIFEST_{found[1]} where manifests are applied; they read that",
                )
            )
            return f"os_env.MANIFEST_{found[1]}"

        return _OS_ENV.sub(variable, text)

    def _checked(self, draft: Draft, path: str, text: str) -> str:
        """A manifest that is YAML around its templates; an error is told of any other."""
        try:
            read_body(text, path, Pieces(), {})
        except NotABody:
            self.problems.append(
                told(
                    "convert/broken",
                    "what its templates and values make together is no YAML",
                    draft.place,
                    fix="put values with templates between quotes, and convert again",
                    severity=Severity.ERROR,
                )
            )
        return text


def _kind(kind: str) -> str:
    return "Deployment" if kind.endswith("Deployment") else kind


def _mode(tree: Map) -> Mode:
    """What a body of a kind that was asked for is: without a name it is a part of another."""
    body = tree.get("body", tree)
    named = isinstance(body, Map) and ("name" in body or "metadata" in body)
    return Mode.CREATE if named else Mode.PARAMETERS


def known_kind(word: str) -> str | None:
    """The kind of a body that a user names, in any case."""
    folded = {kind.lower(): kind for kind in KINDS}
    return folded.get(word.lower().replace("-", "").replace("_", "").removesuffix("s"))


def _nameless(draft: Draft) -> Diagnostic:
    return told(
        "convert/no-name",
        f"this {draft.kind} has no name",
        draft.place,
        fix="add one to the body",
        severity=Severity.ERROR,
    )


def _path(kind: str, name: str, taken: Mapping[str, str]) -> str:
    """Where a manifest goes: a folder for each kind, a file for each resource."""
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:_LONGEST] or "unnamed"
    path, number = f"{FOLDERS[kind]}/{slug}.yaml", 1
    while path in taken:
        number += 1
        path = f"{FOLDERS[kind]}/{slug}-{number}.yaml"
    return path


def _relative_texts(draft: Draft, folder: str) -> None:
    """Paths of description and notes, seen from the manifest."""
    for tree in (draft.metadata, draft.spec):
        for holder, key, _ in walk(tree):
            if key in ("descriptionFile", "notesFile"):
                holder[key] = posixpath.relpath(str(holder[key]), folder or ".")


def _read_from_environment(draft: Draft, secret: Mapping[str, str]) -> None:
    """`{{ token }}` as `{{ os_env.TOKEN }}` for parameters that hold secrets."""
    names = "|".join(map(re.escape, secret))
    pattern = re.compile(rf"(\{{\{{-?\s*)({names})(?=\s*[-|}}])")

    def variable(found: re.Match[str]) -> str:
        return f"{found[1]}os_env.{secret[found[2]]}"

    for each in (*pieces_in(draft.metadata), *pieces_in(draft.spec)):
        each.text = pattern.sub(variable, each.text)
        each.value = pattern.sub(variable, each.value)
