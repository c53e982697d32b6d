"""Shell scripts as commands: parsed by the rules of quoting, never run, sourced or expanded.

A word is made of parts: what stands there, variables, and code (`$(...)`, globs, arithmetic) of
which only a shell could tell what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from peakctl.model.records import dataclass

TEXT, VARIABLE, SECRET, CODE = "text", "variable", "secret", "code"
_NAME = re.compile(r"[A-Za-z_]\w*")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([\w.-]+)\1")
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_CONTEXT = re.compile(r"(secrets|env|vars|inputs|matrix)\.([A-Za-z_]\w*)\Z")
_ENDS = frozenset(";&|\n()")
_DOUBLE_RUN = re.compile(r'[^"\\$`]+')
_PLAIN_RUN = re.compile(r"""[^\s;&|()<>'"\\$`*?]+""")
_WORD_ENDS = _ENDS | frozenset(" \t<>")
KEYWORDS = frozenset(
    ("if", "then", "else", "elif", "while", "until", "do", "time", "!", "{", "}", "fi", "done")
)


@dataclass(frozen=True, slots=True)
class WordPart:
    """A part of a word; `sort` is one of the constants above. `text` is a variable's name."""

    sort: str
    text: str
    inner: tuple[ShellCommand, ...] = ()


@dataclass(slots=True)
class Word:
    """A word of a command."""

    parts: list[WordPart] = field(default_factory=list)
    quoted: bool = False

    def add(self, sort: str, text: str, inner: tuple[ShellCommand, ...] = ()) -> None:
        if sort == TEXT and self.parts and self.parts[-1].sort == TEXT:
            text = self.parts.pop().text + text
        self.parts.append(WordPart(sort, text, inner))

    @property
    def literal(self) -> str | None:
        """The word, if it is nothing but text."""
        if all(part.sort == TEXT for part in self.parts):
            return "".join(part.text for part in self.parts)
        return None

    @property
    def is_code(self) -> bool:
        """Whether only a shell could tell what it is."""
        return any(part.sort == CODE for part in self.parts)

    @property
    def variable(self) -> str | None:
        """The name of a variable, if the word is that alone."""
        said = [part for part in self.parts if part.text]
        if len(said) == 1 and said[0].sort in (VARIABLE, SECRET):
            return said[0].text
        return None


@dataclass(slots=True)
class ShellCommand:
    """A simple command: its words, its line (from 1), and the variable that gets its output."""

    words: list[Word]
    line: int
    captured: str = ""

    @property
    def assignment(self) -> tuple[str, Word] | None:
        """The variable that the first word sets, and to what."""
        return assigned(self.words[0]) if self.words else None


def assigned(word: Word) -> tuple[str, Word] | None:
    """The variable that a word sets (`NAME=value`), and to what."""
    first = word.parts[0] if word.parts else None
    found = _ASSIGNED.match(first.text) if first and first.sort == TEXT else None
    if not found or first is None:
        return None
    rest = [WordPart(TEXT, first.text[found.end() :])] if first.text[found.end() :] else []
    return found[1], Word([*rest, *word.parts[1:]])


def quoted_word(text: str) -> Word:
    """What a text means between double quotes: variables in it are variables."""
    words = parse_script('x "' + text.replace('"', '\\"') + '"')[0][-1].words
    return words[1] if len(words) > 1 else Word()


def parse_script(text: str) -> tuple[list[ShellCommand], list[int]]:
    """The commands of a script in order, those within `$(...)` too, and lines that end in a quote.

    The lines are those where a quote or a bracket is opened and never closed.
    """
    parser = _Parser(text.replace("\r\n", "\n"))
    commands = list(parser.commands())
    return [each for command in commands for each in _flat(command)], parser.unclosed


def _flat(command: ShellCommand) -> Iterator[ShellCommand]:
    found = command.assignment
    for word in command.words:
        for part in word.parts:
            for inner in part.inner:
                if found and word is command.words[0] and len(found[1].parts) == 1:
                    inner.captured = found[0]
                yield from _flat(inner)
    yield command


class _Parser:
    def __init__(self, text: str, line: int = 1) -> None:
        self.text = text
        self.at = 0
        self.line = line
        self.unclosed: list[int] = []
        self.heredocs: list[str] = []

    def _peek(self, size: int = 1) -> str:
        return self.text[self.at : self.at + size]

    def _next(self) -> str:
        found = self.text[self.at]
        self.at += 1
        self.line += found == "\n"
        return found

    def commands(self) -> Iterator[ShellCommand]:
        """All commands of the text."""
        words: list[Word] = []
        line = self.line
        while self.at < len(self.text):
            char = self._peek()
            if char in _ENDS:
                self._next()
                if words:
                    yield ShellCommand(words, line)
                words = []
                if char == "\n":
                    self._skip_heredocs()
            elif not self._skip():
                line = line if words else self.line
                word = self._word()
                if words or word.literal not in KEYWORDS:
                    words.append(word)
        if words:
            yield ShellCommand(words, line)

    def _skip(self) -> bool:
        """Skip what is between words, if that is next."""
        if self._peek() in " \t":
            self._next()
        elif self._peek(2) == "\\\n":
            self._next()
            self._next()
        elif self._peek() == "#":
            self._skip_comment()
        elif re.match(r"\d*[<>]", self.text[self.at : self.at + 4]):
            self._redirect()
        else:
            return False
        return True

    def _skip_comment(self) -> None:
        while self.at < len(self.text) and self._peek() != "\n":
            self.at += 1

    def _skip_heredocs(self) -> None:
        for stop in self.heredocs:
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                row = self.text[self.at : end if end >= 0 else len(self.text)]
                self.at = end + 1 if end >= 0 else len(self.text)
                self.line += 1
                if row.strip("\t ") == stop:
                    break
        self.heredocs = []

    def _redirect(self) -> None:
        """Skip `> file`, `2>&1` and the like; a here-document is remembered."""
        found = _HEREDOC.match(self.text, self.at)
        if found and self._peek(3) != "<<<":
            self.heredocs.append(found[2])
            self.at = found.end()
            return
        if self._peek(2) in ("<(", ">("):
            self.at += 1
            self._nested("(", ")")
            return
        while self._peek() and self._peek() in "0123456789<>&|-":
            self.at += 1
        while self._peek() and self._peek() in " \t":
            self.at += 1
        if self._peek() and self._peek() not in _ENDS:
            self._word()

    # --- words -------------------------------------------------------------------------------

    def _word(self) -> Word:
        word = Word()
        quotes = {
            "'": self._single,
            '"': self._double,
            "\\": self._escaped,
            "$": self._dollar,
            "`": self._backticks,
        }
        while self.at < len(self.text) and self._peek() not in _WORD_ENDS:
            char = self._peek()
            if char in quotes:
                quotes[char](word)
            elif char in "*?":
                word.add(CODE, self._next())
            else:
                word.add(TEXT, self._run(_PLAIN_RUN))
        return word

    def _run(self, pattern: re.Pattern[str]) -> str:
        """Plain characters, all that come next."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return self._next()
        self.line += found[0].count("\n")
        self.at = found.end()
        return found[0]

    def _escaped(self, word: Word) -> None:
        self._next()
        if self.at < len(self.text) and (escaped := self._next()) != "\n":
            word.add(TEXT, escaped)

    def _single(self, word: Word) -> None:
        line = self.line
        self._next()
        end = self.text.find("'", self.at)
        if end < 0:
            self.unclosed.append(line)
            end = len(self.text)
        word.add(TEXT, self.text[self.at : end])
        word.quoted = True
        self.line += self.text.count("\n", self.at, end)
        self.at = min(end + 1, len(self.text))

    def _double(self, word: Word) -> None:
        line = self.line
        self._next()
        word.quoted = True
        word.add(TEXT, "")
        while self.at < len(self.text):
            char = self._peek()
            if char == '"':
                self._next()
                return
            if char == "\\" and self._peek(2)[1:] in ('"', "\\", "$", "`", "\n"):
                self._next()
                escaped = self._next()
                word.add(TEXT, "" if escaped == "\n" else escaped)
            elif char == "$":
                self._dollar(word)
            elif char == "`":
                self._backticks(word)
            else:
                word.add(TEXT, self._run(_DOUBLE_RUN))
        self.unclosed.append(line)

    def _dollar(self, word: Word) -> None:
        found = _EXPRESSION.match(self.text, self.at)
        if found:
            known = _CONTEXT.match(found[1])
            sort = SECRET if known and known[1] == "secrets" else VARIABLE
            word.add(sort if known else CODE, known[2] if known else found[1])
            self.line += found[0].count("\n")
            self.at = found.end()
        elif self._peek(2) == "$(":
            self.at += 1
            word.add(CODE, "$(...)", tuple(self._nested("(", ")")))
        elif self._peek(2) == "${":
            self._braces(word)
        else:
            name = _NAME.match(self.text, self.at + 1)
            self.at += 1
            if name:
                word.add(VARIABLE, name[0])
                self.at = name.end()
            elif self._peek() and (self._peek() in "@*#?$!-" or self._peek().isdigit()):
                word.add(CODE, "$" + self._next())
            else:
                word.add(TEXT, "$")

    def _braces(self, word: Word) -> None:
        """`${NAME}` is a variable; with an operator it is code."""
        line, depth, start = self.line, 0, self.at
        while self.at < len(self.text):
            char = self._next()
            depth += (char == "{") - (char == "}")
            if char == "}" and depth == 0:
                break
        else:
            self.unclosed.append(line)
        inside = self.text[start + 2 : self.at - 1]
        word.add(VARIABLE if _NAME.fullmatch(inside) else CODE, inside)

    def _nested(self, open_: str, close: str) -> list[ShellCommand]:
        """The commands between brackets; the opening one is next."""
        line = self.line
        self._next()
        start, depth = self.at, 1
        scan = _Scan(self.text, self.at)
        while scan.at < len(self.text) and depth:
            char = scan.step()
            depth += (char == open_) - (char == close)
        if depth:
            self.unclosed.append(line)
            end = len(self.text)
        else:
            end = scan.at - 1
        inner = _Parser(self.text[start:end], self.line)
        found = list(inner.commands())
        self.unclosed += inner.unclosed
        self.line += self.text.count("\n", start, scan.at)
        self.at = scan.at
        return found

    def _backticks(self, word: Word) -> None:
        line = self.line
        self._next()
        end = self.text.find("`", self.at)
        if end < 0:
            self.unclosed.append(line)
            end = len(self.text)
        inner = _Parser(self.text[self.at : end], self.line)
        word.add(CODE, "`...`", tuple(inner.commands()))
        self.line += self.text.count("\n", self.at, end)
        self.at = min(end + 1, len(self.text))


class _Scan:
    """Walks over a text and sees no brackets within quotes."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at

    def step(self) -> str:
        char = self.text[self.at]
        self.at += 1
        if char == "\\":
            self.at += 1
        elif char == "'":
            end = self.text.find("'", self.at)
            self.at = len(self.text) if end < 0 else end + 1
        return char if char in "()" else ""
