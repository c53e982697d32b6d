"""Queries held to what GitHub's GraphQL schema says: fields, arguments, variables and leaves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "hosts" / "github-graphql.json"
WORD = re.compile(r"\s*(\w+|\$\w+|[{}():!,\[\]])")


class Query:
    """One query as it is sent. Fails where the schema does not allow it."""

    def __init__(self, body: Any) -> None:
        self.types = json.loads(FILE.read_text("utf-8"))["types"]
        assert set(body) <= {"query", "variables"}, body
        self.words = WORD.findall(body["query"])
        assert "".join(self.words) == re.sub(r"\s", "", body["query"]) or " " in body["query"]
        self.given = body.get("variables", {})
        assert self._take() == "query"
        self.variables = self._declared() if self._next() == "(" else {}
        for name, kind in self.variables.items():
            assert not kind.endswith("!") or self.given.get(name) is not None, name
        assert set(self.given) <= set(self.variables), self.given
        self._selection("Query")
        assert not self.words, self.words

    def _next(self) -> str:
        return self.words[0]

    def _take(self, wanted: str = "") -> str:
        word = self.words.pop(0)
        assert not wanted or word == wanted, (word, wanted)
        return word

    def _declared(self) -> dict[str, str]:
        found = {}
        self._take("(")
        while self._next() != ")":
            name = self._take()[1:]
            self._take(":")
            kind = self._take()
            if self._next() == "!":
                kind += self._take()
            found[name] = kind
            if self._next() == ",":
                self._take()
        self._take(")")
        return found

    def _selection(self, type_: str) -> None:
        self._take("{")
        assert self._next() != "}"
        while self._next() != "}":
            field = self.types[type_].get(self._take())
            assert field is not None, type_
            self._arguments(field["args"])
            inner = re.sub(r"[\[\]!]", "", field["type"])
            if self.words[0] == "{":
                self._selection(inner)
            else:
                assert inner not in self.types, f"{inner} has fields to choose"
        self._take("}")

    def _arguments(self, known: dict[str, str]) -> None:
        given = set()
        if self._next() == "(":
            self._take("(")
            while self._next() != ")":
                name, _, value = self._take(), self._take(":"), self._take()
                given.add(name)
                kind = known[name]
                if value.startswith("$"):
                    declared = self.variables[value[1:]]
                    assert declared in (kind, f"{kind}!"), (name, declared, kind)
                else:
                    assert kind.rstrip("!") == "Int", (name, value, kind)
                    assert value.isdigit(), value
                if self._next() == ",":
                    self._take()
            self._take(")")
        assert {name for name, kind in known.items() if kind.endswith("!")} <= given
