"""Text from outside, made safe to print: secrets redacted, invisible characters spelled out.

A server may escape a secret, encode it, change its case, or cut it. So a text is compared window by
window with the parts of all secrets, as it stands and with its escapes undone: one pass over it,
however many secrets there are. What steers a terminal, turns the direction of a text or has no
width is taken out of what is shown, and refused in names.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping

from peakctl.model.values import MAPS, MASK, SHORTEST_SECRET, Secret

PART = 8
"""Characters of a part of a value that is redacted by itself."""
LARGEST = 64 * 1024
"""Characters of a value up to which its encodings are looked for as well."""
_ROUNDS = 2
_PLAIN = str.maketrans(dict.fromkeys("\t\n\v\f\r+\u00a0", " "))
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ESCAPE = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
    r"|(?:\\u[0-9A-Fa-f]{4})+|\\(?:x[0-9A-Fa-f]{2}|[\"'\\/bfnrt])"
)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_RUN = re.compile(rb"\x01+")
_SHORT, _MOST_KEPT = 200, 10_000
"""Results for texts up to so many characters are kept, up to so many: plans repeat most words."""


class Redactor:
    """Masks every secret that it knows in the texts that it is called with. For any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._starts: set[str] = set()
        self._parts: dict[int, set[str]] = {}
        self._exact: dict[int, set[str]] = {}
        self._wholes: set[str] = set()
        self._results: dict[str, str] = {}
        self._lock = threading.Lock()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Know more secrets; those shorter than `SHORTEST_SECRET` are passed over."""
        for secret in secrets:
            if len(secret.strip()) >= SHORTEST_SECRET and secret not in self._known:
                with self._lock:
                    self._learn(secret)
                    self._known.add(secret)
                    self._results.clear()

    def __call__(self, text: str) -> str:
        """`text` with a mask in place of each secret, each long part of one, in any form."""
        if not self._known or len(text) < SHORTEST_SECRET:
            return text
        known = self._results.get(text)
        if known is not None:
            return known
        with self._lock:  # a secret that is learned meanwhile would be missing in what is kept
            masked = self._masked(text)
            if len(text) <= _SHORT and len(self._results) < _MOST_KEPT:
                self._results[text] = masked
        return masked

    def _masked(self, text: str) -> str:
        marks = bytearray(len(text))
        self._mark(text, None, marks)
        decoded, spans = text, None
        for _ in range(_ROUNDS):
            undone = _undo(decoded, spans)
            if undone is None:
                break
            decoded, spans = undone
            self._mark(decoded, spans, marks)
        return _masked(text, marks)

    def whole(self, text: str) -> str:
        """As a call, where `text` has a whole secret in it; a mere part of one is left alone.

        For values that people are to read, which may have a host or a word in common with one.
        """
        masked = self(text)
        if masked == text:
            return text
        decoded, spans = text, None
        for _ in range(_ROUNDS + 1):
            flat = _flat(decoded)
            if any(form in flat for form in self._wholes):
                return masked
            undone = _undo(decoded, spans)
            if undone is None:
                break
            decoded, spans = undone
        return text

    def _learn(self, secret: str) -> None:
        for form in {secret.strip(), " ".join(secret.split())}:
            self._keep(_flat(form))
            self._wholes.add(_flat(form))
        if len(secret) <= LARGEST:
            for form in _encodings(secret.encode("utf-8", "surrogatepass")):
                self._wholes.add(_flat(form))
                if len(form) >= PART:
                    self._keep(_flat(form))
                else:
                    self._exact.setdefault(len(form), set()).add(form)
                    self._starts.add(_flat(form[:SHORTEST_SECRET]))

    def _keep(self, form: str) -> None:
        """Know a form whole when it is short, by its parts when it is long."""
        if len(form) < SHORTEST_SECRET:
            return
        if len(form) < PART:
            self._put(form)
            return
        found = _SCHEME.match(form)
        start = found.end() if found and len(form) - found.end() >= PART else 0
        grams = {form[i : i + PART] for i in range(start, len(form) - PART + 1)}
        telling = {gram for gram in grams if len(set(gram)) > 1}
        self._put(*(telling or grams))

    def _put(self, *parts: str) -> None:
        self._parts.setdefault(len(parts[0]), set()).update(parts)
        self._starts.update(part[:SHORTEST_SECRET] for part in parts)

    def _mark(self, text: str, spans: list[tuple[int, int]] | None, marks: bytearray) -> None:
        flat, starts = _flat(text), self._starts
        last = len(flat) - SHORTEST_SECRET + 1
        for i in [i for i in range(last) if flat[i : i + SHORTEST_SECRET] in starts]:
            for size in self._sizes_at(i, flat, text):
                start = i if spans is None else spans[i][0]
                end = i + size if spans is None else spans[i + size - 1][1]
                marks[start:end] = b"\x01" * (end - start)

    def _sizes_at(self, at: int, flat: str, text: str) -> Iterator[int]:
        """The length of each part that begins at `at`."""
        for words, where in ((self._parts, flat), (self._exact, text)):
            for size, known in words.items():
                if where[at : at + size] in known:
                    yield size


def _flat(text: str) -> str:
    """The text in lower case, each white space and `+` a space; as long as it was."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return low.translate(_PLAIN)


def _encodings(data: bytes) -> Iterator[str]:
    """The data in base64, wherever it begins among other data, and in hexadecimal digits."""
    import base64

    yield data.hex()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data).decode()
        first = (before * 8 + 5) // 6
        core = encoded[first : (before + len(data)) * 8 // 6]
        for form in {core, core.replace("+", "-").replace("/", "_")}:
            if len(form) >= SHORTEST_SECRET:
                yield form


def _undo(
    text: str, spans: list[tuple[int, int]] | None
) -> tuple[str, list[tuple[int, int]]] | None:
    """The text without its escapes, and where each character stood; None when it has none."""
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        plain = _plain_of(found[0])
        if plain == found[0]:
            continue
        pieces += [text[end : found.start()], plain]
        places += _places(spans, end, found.start())
        whole = _places(spans, found.start(), found.end())
        places += [(whole[0][0], whole[-1][1])] * len(plain)
        end = found.end()
    if not pieces:
        return None
    return "".join((*pieces, text[end:])), [*places, *_places(spans, end, len(text))]


def _places(spans: list[tuple[int, int]] | None, start: int, end: int) -> list[tuple[int, int]]:
    return [(i, i + 1) for i in range(start, end)] if spans is None else spans[start:end]


def _plain_of(escape: str) -> str:
    """What an escape stands for; the escape itself where that is nothing."""
    if escape.startswith("%"):
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")
    if escape.startswith("&"):
        import html

        return html.unescape(escape)
    if escape[1] == "u":
        pairs = bytes.fromhex(escape.replace("\\u", ""))
        return pairs.decode("utf-16-be", "replace")
    if escape[1] == "x":
        return chr(int(escape[2:], 16))
    return _LETTERS.get(escape[1], escape[1])


def _masked(text: str, marks: bytearray) -> str:
    """Masks stand for runs of marks; white space around a secret is no part of it."""
    out: list[str] = []
    end = 0
    for run in _RUN.finditer(marks):
        hidden = text[run.start() : run.end()]
        before = len(hidden) - len(hidden.lstrip())
        after = len(hidden) - len(hidden.rstrip())
        out += [text[end : run.start() + before], MASK]
        end = run.end() - after
    return "".join((*out, text[end:]))


_SCALARS = frozenset({str, int, float, bool, type(None)})
"""What nearly all values are: no secret, and nothing that holds one."""


def secret_texts(value: object) -> Iterator[str]:
    """The texts under every `Secret`: a server that repeats one must not get it printed."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, MAPS):
            waiting += [each for each in item.values() if each.__class__ not in _SCALARS][::-1]
        elif isinstance(item, list | tuple):
            waiting += [each for each in item if each.__class__ not in _SCALARS][::-1]
        elif isinstance(item, Secret):
            yield from _leaf_texts(item.reveal())
        elif isinstance(item, Mapping):
            waiting += [*item.values()][::-1]


def _leaf_texts(value: object) -> Iterator[str]:
    match value:
        case Mapping():
            for item in value.values():
                yield from _leaf_texts(item)
        case list() | tuple():
            for item in value:
                yield from _leaf_texts(item)
        case Secret():
            yield from _leaf_texts(value.reveal())
        case None | bool() | "":
            return
        case _:
            yield str(value)


class TemplateText(str):
    """A template expression that stays one: `{{ os_env.TOKEN }}`. All other text is escaped."""

    __slots__ = ()


INVISIBLE = (
    "\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3000\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff"
)
"""For a class of a regular expression."""

STEERING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
"""For a class of a regular expression: what steers a terminal or turns a text, but no tab or line
feed."""

_STEERING = re.compile(f"[{STEERING}]")
_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b(?:\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[@-Z\\\\^_])"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")


def first_unseen(text: str, *, spaces: bool = False) -> str:
    """The first such character, empty if there is none; with `spaces`, wide ones are let pass."""
    found = _INVISIBLE.search(_SPACES.sub("", text) if spaces else text)
    return found[0] if found else ""


def named_character(character: str) -> str:
    """A character by its number and its name: `U+200B (ZERO WIDTH SPACE)`."""
    name = "BYTE ORDER MARK" if character == "\ufeff" else unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def shown_text(text: str) -> str:
    """`text` with what nobody can see spelled out: `a\\u200bb`."""
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def printable(text: str) -> str:
    """`text` without escape sequences, control characters and marks that turn its direction.

    Tabs and line feeds stay; carriage returns go. What the platform or a build wrote is passed
    through here before a terminal sees it.
    """
    return _STEERING.sub("", _SEQUENCES.sub("", text))


def bare_text(text: str) -> str:
    """`text` as `printable` gives it, and without any other character that nobody can see.

    Wide spaces stay. A secret with such characters in between is whole again, and can be found.
    """
    words = _SEQUENCES.sub("", text)
    return _INVISIBLE.sub(lambda found: found[0] if found[0].isspace() else "", words)


def safe_line(text: str, redact: Callable[[str], str] = str) -> str:
    """`text` on one line, safe for a terminal, and without what `redact` knows."""
    text = bare_text(redact(text))  # what is taken out may be a part of a secret
    return redact(printable(" ".join(text.split())))


def spelled_text(text: str) -> str:
    """`text` with the characters spelled out that `printable` takes away: `a\\u001b[31mb`."""
    return _STEERING.sub(_spelled, text)


def _spelled(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def status_word(status: str) -> str:
    """A status as it is printed: `CREATE_FAILED` and `create_failed` are `create-failed`.

    The platform spells them as its services do; `get` has its own word in JSON and YAML.
    """
    return re.sub(r"[\s_]+", "-", status.strip()).lower()


def normal_form(text: str) -> str:
    """`text` as two writings of it are compared: `é` is one character or two."""
    return unicodedata.normalize("NFC", text)
