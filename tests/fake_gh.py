"""GitHub's command line, as far as the nightly job uses it: issues and labels in a file."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

FILE = Path(sys.argv[1])


def options(words: list[str]) -> dict[str, str]:
    """Flags and their values; a word without a flag is "", `--force` has no value."""
    found: dict[str, str] = {}
    left = iter(words)
    for word in left:
        if word == "--force":
            found[word] = ""
        elif word.startswith("--"):
            found[word] = next(left)
        else:
            found[""] = word
    return found


def main(state: dict[str, Any], what: str, verb: str, given: dict[str, str]) -> str:
    issues = state["issues"]
    match (what, verb):
        case ("label", "create"):
            assert given[""] not in state["labels"] or "--force" in given
            state["labels"] = sorted({*state["labels"], given[""]})
        case ("issue", "list"):
            query = r'map\(select\(\.title == "(.*)"\)\)\[0\]\.number // empty'
            wanted = re.fullmatch(query, given["--jq"])
            assert wanted, given
            assert {"number", "title"} <= set(given["--json"].split(","))
            fits = (i for i in issues if i["open"] and i["label"] == given["--label"])
            return next((str(i["number"]) for i in fits if i["title"] == wanted[1]), "")
        case ("issue", "create"):
            assert given["--label"] in state["labels"]
            body = Path(given["--body-file"]).read_text("utf-8")
            made = {"number": len(issues) + 1, "open": True, "body": body, "edits": 0}
            issues.append({**made, "title": given["--title"], "label": given["--label"]})
        case ("issue", "edit"):
            issue = issues[int(given[""]) - 1]
            issue["body"] = Path(given["--body-file"]).read_text("utf-8")
            issue["edits"] += 1
        case ("issue", "close"):
            issues[int(given[""]) - 1] |= {"open": False, "closed": given["--comment"]}
        case _:
            raise SystemExit(f"gh has no {what} {verb} here")
    return ""


if __name__ == "__main__":
    whole = json.loads(FILE.read_text()) if FILE.exists() else {"labels": [], "issues": []}
    told = main(whole, sys.argv[2], sys.argv[3], options(sys.argv[4:]))
    FILE.write_text(json.dumps(whole))
    if told:
        sys.stdout.write(f"{told}\n")
