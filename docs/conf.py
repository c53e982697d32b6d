"""The documentation site: `make docs` builds it from these pages, offline, with search."""

from pathlib import Path

from peakctl import __version__

project = "peakctl"
version = release = __version__
project_copyright = "peakctl contributors"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
# README links to files of the repository that are no pages.
# Templates in examples are no plain YAML.
suppress_warnings = ["myst.xref_missing", "misc.highlighting_failure"]
exclude_patterns = ["requirements.lock"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = f"peakctl {version}"
html_show_sourcelink = False
html_extra_path = [name for name in ("openapi.json",) if (Path(__file__).parent / name).exists()]
