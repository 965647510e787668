"""Build of the guide as a site, by Sphinx with MyST: `sphinx-build -W docs site`."""

from pathlib import Path
from typing import Any

project = "bds-async"
copyright = "Apache-2.0"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "bds-async"
html_show_copyright = html_show_sphinx = html_copy_source = False
exclude_patterns = ["_build"]


#: Pages of the site that are files at the root of the repository.
ROOT_FILES = {"index": "README.md", "changelog": "CHANGELOG.md"}


def _adapted(app: Any, page: str, source: list[str]) -> None:  # noqa: ARG001
    """Let the pages be read at the root of the repository, and links between both places lead to them."""
    root = Path(__file__).parent.parent
    text = (root / ROOT_FILES[page]).read_text("utf-8") + source[0] if page in ROOT_FILES else source[0]
    for old, new in (("](docs/", "]("), ("](../README.md", "](index.md"), ("](CHANGELOG.md", "](changelog.md")):
        text = text.replace(old, new)
    source[0] = text


def setup(app: Any) -> None:
    """Register what adapts the pages."""
    app.connect("source-read", _adapted)
