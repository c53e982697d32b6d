"""Drafts as text: the writer of manifests, and the parts that stay as they were written."""

from __future__ import annotations

import re

from peakctl.conversion.drafts import Draft
from peakctl.conversion.tree import Map, Piece, Pieces
from peakctl.kinds.fields import Kind
from peakctl.manifests.writer import ManifestText, write_documents
from peakctl.model import Path, Value

_PIECE = re.compile(r"peakctlPiece(\d{5})x")
_ENTRY = re.compile(r"^(?P<margin> *)(?P<dash>- )?(?P<word>peakctlPiece\d{5}x): (?P=word)$")
_INDENT = 2


def manifest_text(draft: Draft, kind: Kind, pieces: Pieces) -> str:
    """The manifest of a finished draft."""
    values = {"metadata": draft.metadata, "spec": draft.spec}
    comments = dict(_notes(values["metadata"], ("metadata",)))
    comments |= dict(_notes(values["spec"], ("spec",)))
    head = "\n".join([f"Converted from {', '.join(draft.sources)}.", *draft.comments])
    text = write_documents([ManifestText(kind, values, comments, head)])
    text = "\n".join(_row(row, pieces) for row in text.split("\n"))
    return f"{draft.head}\n{text}" if draft.head else text


def _notes(value: Value, path: Path) -> list[tuple[Path, str]]:
    found: list[tuple[Path, str]] = []
    if isinstance(value, Map):
        found += [((*path, str(key)), text) for key, text in value.notes.items() if key in value]
        for key, inner in value.items():
            found += _notes(inner, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            found += _notes(item, (*path, number))
    return found


def _row(row: str, pieces: Pieces) -> str:
    """A line with what stands for kept parts replaced by them."""
    entry = _ENTRY.match(row)
    if entry:
        piece = _of(entry["word"], pieces)
        margin = len(entry["margin"]) + len(entry["dash"] or "")
        body = _indented(piece.text, margin, _margin(piece.text))
        return f"{entry['margin']}-\n{body}" if entry["dash"] else body
    while found := _PIECE.search(row):
        piece = _of(found[0], pieces)
        margin = len(row) - len(row.lstrip(" "))
        if piece.is_block:
            body = _indented(piece.text, margin + _INDENT, _margin(piece.text))
            row = f"{row[: found.start()].rstrip()}\n{body}"
        else:
            text = _scalar(piece, margin + _INDENT)
            row = f"{row[: found.start()]}{text}{row[found.end() :]}"
    return row


def _of(word: str, pieces: Pieces) -> Piece:
    return pieces.made[int(word[len("peakctlPiece") : -1])]


def _margin(text: str) -> int:
    """The least indentation of lines with something on them."""
    rows = [row for row in text.split("\n") if row.strip() and not row.lstrip().startswith("{%")]
    return min((len(row) - len(row.lstrip(" ")) for row in rows), default=0)


def _indented(text: str, margin: int, old: int) -> str:
    """Whole lines, moved from one indentation to another."""
    rows = []
    for row in text.split("\n"):
        cut = min(old, len(row) - len(row.lstrip(" ")))
        rows.append(" " * margin + row[cut:] if row.strip() else "")
    return "\n".join(rows)


def _scalar(piece: Piece, margin: int) -> str:
    """A scalar as it was written; lines after its first are indented by `margin`."""
    first, newline, rest = piece.text.partition("\n")
    if not newline:
        return first
    lines = rest.split("\n")
    least = min((len(row) - len(row.lstrip(" ")) for row in lines if row.strip()), default=0)
    return f"{first}\n{_indented(rest, margin, least)}"
