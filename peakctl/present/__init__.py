"""The only room that writes to a terminal: values in, lines or JSON out.

Takes diagnostics, plans, events, outcomes and live resources; gives text, one JSON document or
Markdown. May import model, errors, settings, kinds and engine; `rich` only for live progress, and
only once there is a terminal to draw on, so that a plain run never pays for it.

Everything is built from `Line`s (spans of text with a role) and turned into characters at one
place, `text.to_plain`/`text.to_ansi`. That is also where control characters of the platform's own
text are taken out: a build log cannot move the cursor, and a title cannot pretend to be our output.
Rejected: rich markup everywhere (a `[` in a name would have to be escaped at each call).
"""
