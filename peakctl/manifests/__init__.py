"""Files to documents: sources, templates, YAML, parameters and peakctl.yaml.

    Source -> Rendered -> Document

Takes patterns and parameters, gives documents with places and all problems of all files at once;
it knows no kind. May import kinds, api, archives, model, errors, settings. Decisions:

- Values of the environment never enter the rendered text: a token stands for each, and the scalar
  that holds one becomes a `Secret` (rejected: searching the output for the values).
- A file without template delimiters never meets jinja2; a text without trouble is read once, by
  the fast builder; everything that needs care (aliases, merges, secrets, problems) is read by the
  careful one, which knows all the rules (rejected: one builder, at half the speed).
- Places are computed when a problem is shown: the text is composed again, and through a template
  rendered again with marks (rejected: keeping nodes, which costs more than the parsing).
"""

from __future__ import annotations

from peakctl.manifests.load import load_documents, render_sources

__all__ = ["load_documents", "render_sources"]
