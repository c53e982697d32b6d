"""Secrets in templates: values whose text a template cannot reach.

What a template holds is `SecretText`, in which a random token stands for each secret. A template
may insert it, join it to other text, give it a default and ask whether it is set; everything else
raises SecretUsed. The texts are in `SecretTexts`, which `Templates` keeps and hands to the
YAML reader: nothing that a template can reach refers to it. `os_env` is which variables of the
environment templates may read, and why not the others.
"""

from __future__ import annotations

import json
import re
import secrets as random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, NoReturn

from peakctl.manifests.render import CLOSE, OPEN
from peakctl.manifests.tracing import LINE_MARK, TracedText
from peakctl.model.records import dataclass
from peakctl.model.values import unset_text
from peakctl.settings import credential_reason

if TYPE_CHECKING:
    Change = Callable[[str], str]


TOKEN: Final = re.compile(f"{OPEN}([0-9a-f]{{16}}){CLOSE}")
RESERVED: Final = re.compile("[\ue000-\ue003]")
_RESERVED_PAIR: Final = re.compile(f"[{OPEN}{CLOSE}]")
MAX_CHANGES: Final = 8
"""How many filters one after the other may change a secret. It does not depend on the text."""


class SecretUsed(Exception):
    """A template would look into a value of os_env; the text says with what."""


class SecretText:
    """Text with secrets in it, as templates hold it: tokens stand for them.

    `str` gives the text with the tokens. Truth says whether anything in it is set.
    """

    __slots__ = ("_is_number", "_is_set", "_text")

    def __init__(self, text: str, *, is_set: bool, is_number: bool = False) -> None:
        self._text = text
        self._is_set = is_set
        self._is_number = is_number

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def __bool__(self) -> bool:
        return self._is_set

    def __format__(self, spec: str) -> str:
        if spec:
            raise SecretUsed("a width or a format")
        return self._text

    def _refuse(self, *_: object) -> NoReturn:
        raise SecretUsed("a comparison or a computation")

    def _refuse_reading(self, *_: object) -> NoReturn:
        raise SecretUsed("its length, a part of it or a loop over it")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = _refuse
    __int__ = __float__ = __index__ = __complex__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __neg__ = __pos__ = __abs__ = __round__ = _refuse
    __iter__ = __len__ = __getitem__ = __contains__ = __reversed__ = _refuse_reading
    __reduce__ = __reduce_ex__ = __copy__ = __deepcopy__ = _refuse_reading


@dataclass(frozen=True, slots=True)
class Derived:
    """How a token came from text with other tokens. `escapes`: as a part of a JSON string."""

    text: str
    change: Change
    depth: int
    escapes: bool = False


class Tokens:
    """Makes the tokens of a run, and never knows a text."""

    def __init__(self) -> None:
        self.derived: dict[str, Derived] = {}
        self._known: dict[str, bool] = {}
        self._same: dict[tuple[object, ...], str] = {}

    def make(self, *, is_set: bool) -> SecretText:
        """A new secret. Tokens are random: none can be guessed, and equal texts have others."""
        return SecretText(self._token(is_set=is_set), is_set=is_set)

    def _token(self, *, is_set: bool) -> str:
        identity = random.token_hex(8)
        self._known[identity] = is_set
        return f"{OPEN}{identity}{CLOSE}"

    def wrap(self, value: object) -> object:
        """Text with tokens as SecretText, with marks as TracedText, else as plain text.

        Raises SecretUsed for a token that is cut, or that none of ours is.
        """
        if not isinstance(value, str) or isinstance(value, TracedText):
            return value
        text = str.__str__(value)
        if not RESERVED.search(text):
            return text
        if not _RESERVED_PAIR.search(text):
            return TracedText(text)
        rest = TOKEN.sub(self._or_refuse, LINE_MARK.sub("", text))
        if RESERVED.search(rest):
            raise SecretUsed("a part of it")
        return SecretText(text, is_set=bool(rest))

    def _or_refuse(self, found: re.Match[str]) -> str:
        if found[1] not in self._known:
            raise SecretUsed("a part of it")
        return "x" if self._known[found[1]] else ""

    def derive(
        self, secret: SecretText, change: Change, *same: object, is_number: bool = False
    ) -> SecretText:
        """`secret` changed by `change`, which runs later and out of reach of the template.

        `same` tells changes apart, so that rendering again gives the same tokens.
        """
        token = self._derive(LINE_MARK.sub("", str(secret)), change, same, is_set=bool(secret))
        return SecretText(token, is_set=bool(secret), is_number=is_number)

    def escaped(self, secret: SecretText) -> str:
        """`secret` as JSON, with tokens for what JSON escapes of it; numbers are bare."""
        text = str(secret)
        if secret._is_number:
            return text
        parts = TOKEN.split(text)
        for index in range(1, len(parts), 2):
            token = f"{OPEN}{parts[index]}{CLOSE}"
            known = self._known[parts[index]]
            parts[index] = self._derive(token, escape_json, ("json",), is_set=known, escapes=True)
        parts[::2] = map(escape_json, parts[::2])
        return f'"{"".join(parts)}"'

    def _derive(
        self,
        text: str,
        change: Change,
        same: tuple[object, ...],
        *,
        is_set: bool,
        escapes: bool = False,
    ) -> str:
        depth = 1 + max(
            (self.derived[i].depth for i in TOKEN.findall(text) if i in self.derived), default=0
        )
        if depth > MAX_CHANGES:
            raise SecretUsed(f"more than {MAX_CHANGES} filters one after the other")
        token = self._same.get((text, *same))
        if token is None:
            token = self._same[text, *same] = self._token(is_set=is_set)
            self.derived[token[1:-1]] = Derived(text, change, depth, escapes)
        return token


class SecretTexts:
    """What the tokens of a run stand for. Only the reader of rendered text may have it."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._texts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._unset: dict[str, SecretText] = {}

    def add_unset(self, name: str) -> SecretText:
        """The variable `name`, which is not set here, as one whose value is not known."""
        if name not in self._unset:
            self._unset[name] = self.add(name, unset_text(name))
        return self._unset[name]

    def unset_names(self, text: str) -> tuple[str, ...]:
        """The variables in `text` that are not set here."""
        names = (self._names[identity] for identity in self._sources(text))
        return tuple(dict.fromkeys(name for name in names if name in self._unset))

    def add(self, name: str, text: str) -> SecretText:
        """The variable `name` as a template may hold it."""
        secret = self._tokens.make(is_set=bool(text))
        identity = str(secret)[1:-1]
        self._texts[identity] = text
        self._names[identity] = name
        return secret

    def reveal(self, text: str, *, unescaped: bool = False) -> str:
        """`text` with the secrets in place of their tokens.

        `unescaped` leaves out JSON's escapes: what reads the text around would undo them.
        """
        return TOKEN.sub(lambda found: self._text(found[1], unescaped=unescaped), text)

    def _text(self, identity: str, *, unescaped: bool) -> str:
        derived = self._tokens.derived.get(identity)
        if derived is None:
            return self._texts[identity]
        text = self.reveal(derived.text)
        return text if unescaped and derived.escapes else derived.change(text)

    def empty_names(self, text: str) -> tuple[str, ...]:
        """The variables in `text` that are set and empty."""
        found = self._sources(text)
        return tuple(dict.fromkeys(self._names[i] for i in found if not self._texts[i]))

    def _sources(self, text: str) -> Iterator[str]:
        """The variables' own tokens in `text`, in place of those that came from them."""
        for identity in TOKEN.findall(text):
            derived = self._tokens.derived.get(identity)
            if derived is None:
                yield identity
            else:
                yield from self._sources(derived.text)


def escape_json(text: str) -> str:
    """`text` as it stands between the quotes of a JSON string, as jinja's `tojson` writes it."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    for character in "<>&'":
        escaped = escaped.replace(character, f"\\u{ord(character):04x}")
    return escaped


def holds_secret(values: Iterable[object]) -> bool:
    """Whether a secret is among `values`, or in a list, mapping or the like of them.

    The values must have been measured: it looks at each as often as it is there.
    """
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, SecretText):
            return True
        if isinstance(value, list | tuple | set | frozenset):
            stack += value
        elif isinstance(value, dict):
            stack += value.values()
    return False


class SecretRefused(Exception):
    """A variable that templates may not read. `code`, `reason` and `fix` say why."""

    def __init__(self, name: str, code: str, reason: str, fix: str) -> None:
        super().__init__(name)
        self.name, self.code, self.reason, self.fix = name, code, reason, fix


class NotCallable(TypeError):
    """A template calls what is no function; `is_os_env` where it is the variables."""

    def __init__(self, *, is_os_env: bool) -> None:
        what = "os_env is a map, and is" if is_os_env else "what has () after it is"
        super().__init__(f"{what} not a function")
        self.is_os_env = is_os_env


class OsEnv(dict[str, SecretText]):
    """`os_env` in templates: all variables but those that templates may not read."""

    __slots__ = ("_check", "unset")

    def __init__(
        self,
        values: Mapping[str, SecretText],
        check: Callable[[object], None],
        unset: Callable[[str], SecretText] | None = None,
    ) -> None:
        super().__init__(values)
        self._check = check
        self.unset = unset

    def __missing__(self, name: object) -> NoReturn:
        self._check(name)
        raise KeyError(name)

    def get(self, name: Any, default: object = None) -> Any:
        self._check(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self._check(name)
        return super().__contains__(name)


def os_env_value(
    environment: Mapping[str, str],
    listed: Sequence[str] | None,
    secrets: SecretTexts,
    *,
    unset_is_unknown: bool = False,
) -> OsEnv:
    """What templates know as `os_env`.

    With `unset_is_unknown` a variable that is not set has a value that is not known, wherever a
    template needs one: a default counts as before. `listed` are names and globs, None for all.
    Credentials are never in it; to read one, or one that is not listed, raises SecretRefused,
    whether it is set or not.
    """
    refused = {
        name: reason
        for name, value in environment.items()
        if (reason := credential_reason(name, value))
    }

    def check(name: object) -> None:
        reason = refused.get(str(name)) or credential_reason(str(name))
        if reason:
            raise SecretRefused(str(name), "credential", reason, _CREDENTIAL_FIX)
        if not _is_listed(str(name), listed):
            fix = f"add {name} to osEnv in peakctl.yaml, or give the value with -p"
            reason = "osEnv of peakctl.yaml does not list it"
            raise SecretRefused(str(name), "not-listed", reason, fix)

    values = {
        name: secrets.add(name, value)
        for name, value in environment.items()
        if name not in refused and _is_listed(name, listed)
    }
    return OsEnv(values, check, secrets.add_unset if unset_is_unknown else None)


_CREDENTIAL_FIX = "give the template a secret of its own under another name"


def _is_listed(name: str, listed: Sequence[str] | None) -> bool:
    return listed is None or any(fnmatchcase(name, pattern) for pattern in listed)
