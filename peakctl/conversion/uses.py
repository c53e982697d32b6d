"""Commands of the platform's client in scripts: which body each uses, with which flags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from peakctl.conversion import commands as known
from peakctl.conversion import shell
from peakctl.conversion.commands import COMMANDS, Command
from peakctl.conversion.lines import joined
from peakctl.conversion.scripts import Script
from peakctl.conversion.tree import told
from peakctl.engine.export import looks_secret
from peakctl.errors import Diagnostic, nearest_names
from peakctl.model import Location
from peakctl.model.records import dataclass
from peakctl.settings import credential_reason

_FAMILIES = frozenset(command.split()[0] for command in COMMANDS)
_NOT_RUN = frozenset(("echo", "printf", "which", "command", "type", "alias", "pip", "grep", "cat"))
_ASSIGN = frozenset(("export", "declare", "local", "readonly"))
_IN_TEXT = re.compile(r"\bpeak\s+(" + "|".join(sorted(_FAMILIES)) + r")\s+[a-z]")
_OWN_FOLDER = re.compile(r"dirname.*\$0|dirname.*BASH_SOURCE|GITHUB_WORKSPACE|CI_PROJECT_DIR")


@dataclass(slots=True)
class Use:
    """One command with what it says.

    `body` is the path of its file ("" without one), `target` the word that names the resource by
    its id. `files` are other files by what they are for. `captured` is the variable that gets the
    output.
    """

    command: str
    place: Location
    folder: str = ""
    body: str = ""
    target: shell.Word | None = None
    flags: list[tuple[str, shell.Word | None]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    params: dict[str, shell.Word] = field(default_factory=dict)
    captured: str = ""

    @property
    def of(self) -> Command:
        return COMMANDS[self.command]


@dataclass(slots=True)
class Uses:
    """What was found in the scripts.

    `values` are texts that scripts give to variables, `loops` the variables of loops, `secrets`
    variables that get their value from a secret.
    """

    found: list[Use] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    values: dict[str, tuple[str, Location]] = field(default_factory=dict)
    loops: dict[str, Location] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def add(self, script: Script, display: str, given: Mapping[str, str]) -> None:
        """Read one script of the file `display`; bodies are looked for among `given`."""
        for name, text, line in script.variables:
            self.assign(name, shell.quoted_word(text), Location(display, line, 1))
        _Reader(self, script, display, given).read()

    def assign(self, name: str, value: shell.Word, place: Location) -> None:
        """Remember what a script gives to a variable; a secret is told, and forgotten."""
        text = value.literal
        if text is None or text.startswith("${{"):
            if self.holds_secret(value) or "secrets." in (text or ""):
                self.secrets.add(name)
            return
        if not text:
            return
        own = credential_reason(name)
        if looks_secret((name,), text) or is_credential(name):
            self.problems.append(
                told(
                    "convert/literal-secret",
                    f"{name} gets a literal secret",
                    place,
                    fix=f"keep it in the secrets of the CI{'' if own else f', as os_env.{name}'}",
                )
            )
        else:
            self.values.setdefault(name, (text, place))

    def is_secret(self, part: shell.WordPart) -> bool:
        """Whether a part of a word is a variable that holds a secret."""
        named = part.sort == shell.VARIABLE and (
            part.text in self.secrets or is_credential(part.text)
        )
        return part.sort == shell.SECRET or named

    def holds_secret(self, word: shell.Word) -> bool:
        """Whether a word has such a part."""
        return any(map(self.is_secret, word.parts))

    def tell(
        self, code: str, summary: str, place: Location, fix: str = "", detail: str = ""
    ) -> None:
        self.problems.append(told(code, summary, place, fix=fix, detail=detail))


_SECRET_NAME = re.compile(
    r"(TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY"
    r"|_(PASS|PWD|PAT|AUTH|KEY))\Z",
    re.IGNORECASE,
)


def is_credential(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name))


class _Reader:
    """Reads one script from its first line to its last."""

    def __init__(self, uses: Uses, script: Script, display: str, given: Mapping[str, str]) -> None:
        self.uses = uses
        self.script = script
        self.display = display
        self.given = given
        self.folder: str | None = script.folder or ""
        self.lost: Location | None = None

    def read(self) -> None:
        try:
            commands, unclosed = shell.parse_script(self.script.text)
        except RecursionError:
            commands, unclosed = [], [1]
        for line in unclosed:
            self.uses.tell(
                "convert/script", "a quote or bracket is never closed", self._place(line)
            )
        for command in commands:
            self._command(command)

    def _place(self, line: int) -> Location:
        return Location(self.display, self.script.before + line, 1)

    def _command(self, command: shell.ShellCommand) -> None:
        words = list(command.words)
        place = self._place(command.line)
        while words and (found := shell.assigned(words[0])):
            self.uses.assign(*found, place)
            words = words[1:]
        first = (words[0].literal or "") if words else ""
        if first == "cd":
            self._cd(words[1:], place)
        elif first in _ASSIGN or first == "for":
            self._variables(first, words[1:], place)
        elif first not in _NOT_RUN and (start := _peak_at(words)):
            self._peak(words[start:], command, place)
        elif first not in _NOT_RUN and any(_IN_TEXT.search(w.literal or "") for w in words):
            self._tell_text(place)

    def _variables(self, first: str, words: Sequence[shell.Word], place: Location) -> None:
        """What `export NAME=value` sets, or the variable of a loop."""
        for word in words if first in _ASSIGN else ():
            if pair := shell.assigned(word):
                self.uses.assign(*pair, place)
        if first == "for" and words and words[0].literal:
            self.uses.loops[words[0].literal] = place

    def _tell_text(self, place: Location) -> None:
        self.uses.tell(
            "convert/command",
            "a command of the client stands in a text that another program runs",
            place,
            fix="write it as a line of its own, and convert again",
        )

    def _cd(self, words: Sequence[shell.Word], place: Location) -> None:
        name = words[0].literal if words else None
        if name is not None and name != "-":
            self.folder = None if self.folder is None else joined(self.folder, name)
        elif words and _OWN_FOLDER.search(_shown(words[0])):
            own = self.display.rpartition("/")[0] if "dirname" in _shown(words[0]) else ""
            rest = "".join(p.text for p in words[0].parts if p.sort == shell.TEXT)
            self.folder = joined(own, rest.lstrip("/"))
        else:
            self.folder = None
            self.lost = place

    # --- one command -------------------------------------------------------------------------

    def _peak(self, words: list[shell.Word], command: shell.ShellCommand, place: Location) -> None:
        name, rest = _command_name(words)
        if name is None:
            self._unknown(words, place)
            return
        use = Use(name, place, self.folder or "", captured=command.captured)
        known_command = COMMANDS[name]
        if known_command.mode is None:
            self.uses.tell(
                "convert/no-counterpart",
                f"`peak {name}` is no part of a manifest",
                place,
                detail=f"in its place: {known_command.instead}",
            )
            return
        if self._read_words(use, rest):
            self.uses.found.append(use)

    def _unknown(self, words: list[shell.Word], place: Location) -> None:
        typed = " ".join(w.literal or "" for w in words[:2]).strip()
        if not typed or typed.startswith("-"):
            return
        near = nearest_names(typed, COMMANDS)
        self.uses.tell(
            "convert/command",
            f'the client has no command "{typed}"',
            place,
            fix=f"did you mean: {', '.join(near)}" if near else "",
        )

    def _read_words(self, use: Use, words: list[shell.Word]) -> bool:
        """Read flags and arguments; false where the command cannot be converted."""
        flags = known.flags_of(use.command)
        ids = known.ID_FLAGS.get(use.command, ())
        arguments: list[shell.Word] = []
        rest = iter(words)
        for word in rest:
            text = word.parts[0].text if word.parts and word.parts[0].sort == shell.TEXT else ""
            if not text.startswith("-") or word.quoted:
                arguments.append(word)
                continue
            flag, value = _split_flag(word)
            if flag in known.SWITCHES:
                if flag == "--generate":
                    return False
                continue
            is_switch = flag in flags and flags[flag].type in (known.Type.ON, known.Type.OFF)
            if value is None and not is_switch:
                value = next(rest, None)
            if not self._flag(use, flag, value, flags, ids):
                return False
        return self._arguments(use, arguments)

    def _flag(
        self,
        use: Use,
        flag: str,
        value: shell.Word | None,
        flags: Mapping[str, known.Flag],
        ids: Sequence[str],
    ) -> bool:
        if flag in ids:
            use.target = value if flag == ids[0] else use.target
        elif flag in known.FILES and value is not None:
            return self._file(use, known.FILES[flag], value)
        elif flag in known.PARAMS and value is not None:
            use.params |= dict([found] if (found := shell.assigned(value)) else [])
        elif flag in flags and value is not None and value.is_code:
            self._tell_code(value, use.place, flag)
        elif flag in flags:
            use.flags.append((flag, value))
        elif flag not in known.VALUES:
            self._tell_flag(use, flag, flags)
        return True

    def _file(self, use: Use, what: str, value: shell.Word) -> bool:
        """A file beside the body. Its path is enough: only parameters are looked at."""
        name = value.literal
        path = self._path(value, use.place) if name is None else self._found(name)
        if path is None and name is not None:
            path = joined(self.folder or "", name)
        if path is not None:
            use.files[what] = path
        return path is not None

    def _tell_flag(self, use: Use, flag: str, flags: Mapping[str, known.Flag]) -> None:
        near = nearest_names(flag, flags)
        self.uses.tell(
            "convert/flag",
            f"`peak {use.command}` has no flag {flag}: it was left out",
            use.place,
            fix=f"did you mean: {', '.join(near)}" if near else "",
        )

    def _tell_code(self, word: shell.Word, place: Location, what: str) -> None:
        secret = is_credential(what) or looks_secret((), _shown(word))
        detail = "" if secret else f"it is {_shown(word)}"
        self.uses.tell(
            "convert/shell",
            f"what {what} gets is known only when the script runs: it was left out",
            place,
            detail=detail,
            fix="write it into the manifest, or give it as a parameter: {{ name }} and -p name=...",
        )

    def _arguments(self, use: Use, arguments: list[shell.Word]) -> bool:
        needs_id = use.of.mode in known.ARGUMENTS and use.command not in known.ID_FLAGS
        if needs_id and arguments:
            use.target = arguments.pop(0)
        if not arguments:
            return bool(use.flags)
        if self.lost is not None:
            self.uses.tell(
                "convert/script",
                "the folder that this goes to cannot be told",
                self.lost,
                detail="paths after it are looked for among all given files",
            )
            self.lost = None
        path = self._path(arguments[0], use.place)
        use.body = path or ""
        return path is not None

    def _path(self, word: shell.Word, place: Location) -> str | None:
        """The given file that a word names; None, and said, where there is none."""
        name = word.literal
        if name is None:
            shown = _shown(word)
            found = self._by_ending(shown) if not word.is_code else None
            if found is None:
                self.uses.tell(
                    "convert/shell",
                    f"which file {shown} is cannot be told: this command was left out",
                    place,
                    fix="convert the file itself, with --kind if it does not say what it is",
                )
            return found
        if path := self._found(name):
            return path
        self.uses.tell(
            "convert/not-given",
            f'"{name}" is not among the given files: this command was left out',
            place,
            detail="files that were not given are never read",
            fix="give its path as well",
        )
        return None

    def _found(self, name: str) -> str | None:
        """The given file of that name, seen from where the script is, or from its own folder."""
        own = self.display.rpartition("/")[0]
        folders = ["", own] if self.folder is None else [self.folder, joined(own, self.folder)]
        paths = (joined(folder, name) for folder in folders)
        found = next((path for path in paths if path in self.given), None)
        return found or (self._by_ending(name) if self.folder is None else None)

    def _by_ending(self, name: str) -> str | None:
        """The one given file whose path ends like this, behind what cannot be told."""
        tail = re.sub(r".*[}$]\w*", "", name).lstrip("/") if "$" in name else name
        found = [path for path in self.given if tail and path.endswith("/" + tail)]
        return found[0] if len(found) == 1 else None


def _shown(word: shell.Word) -> str:
    """A word as it was written, near enough."""
    forms = {shell.TEXT: "{}", shell.VARIABLE: "${}", shell.SECRET: "${}"}
    parts = []
    for part in word.parts:
        if part.inner:
            inner = " | ".join(" ".join(_shown(w) for w in c.words) for c in part.inner)
            parts.append(f"$({inner})")
        else:
            parts.append(forms.get(part.sort, "{}").format(part.text))
    return "".join(parts)


def _peak_at(words: Sequence[shell.Word]) -> int:
    """Where the words after `peak` begin; 0 where it is no command of the client."""
    for number, word in enumerate(words):
        name = (word.literal or "").rpartition("/")[2]
        after = words[number + 1].literal if number + 1 < len(words) else None
        if name == "peak" and (number == 0 or after in _FAMILIES):
            return number + 1
        if number == 0 and word.variable and _command_name(list(words[1:]))[0]:
            return 1
    return 0


def _command_name(words: list[shell.Word]) -> tuple[str | None, list[shell.Word]]:
    """The command that words begin with, the longest that there is, and the words after it."""
    texts = [word.literal for word in words[:3]]
    for size in (3, 2):
        typed = texts[:size]
        name = " ".join(text or "" for text in typed)
        if len(typed) == size and name in COMMANDS:
            return name, words[size:]
    return None, words


def _split_flag(word: shell.Word) -> tuple[str, shell.Word | None]:
    """`--flag=value` as a flag and its value."""
    first = word.parts[0].text
    flag, equals, rest = first.partition("=")
    if not equals:
        return first, None
    parts = ([shell.WordPart(shell.TEXT, rest)] if rest else []) + word.parts[1:]
    return flag, shell.Word(parts)
