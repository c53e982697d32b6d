"""Desired and live in, a plan and its outcomes out; knows no kind by name.

Pure: `graph`, `diff`, `plan`, `prune`, `destroy`, `record`. Asynchronous: `observe` (what is live),
`apply` with one `runner` for each action, `pending` (what a run that died may have made).

The engine returns values and emits events; it never prints, exits, sleeps by itself or reads the
environment. Decisions: references are typed names, not expressions (edges are found without
evaluating anything); a plan is data, so it is shown, compared and applied as the same thing.
"""
