"""Configuration of Sphinx."""

from sphinx_astropy.conf.v2 import *  # noqa: F403 (its settings are ours)
from sphinx_astropy.conf.v2 import extensions

from emirimg import __version__

project = "emirimg"
author = "The emirimg developers"
copyright = "2026, The emirimg developers"
release = __version__
version = ".".join(release.split(".")[:2])

# The build needs no network: links into other projects are left to the
# reader, and formulas are drawn in the browser.
extensions = [name for name in extensions if not name.startswith("sphinx.ext.inters")] + [
    "sphinx_click",
    "sphinx_gallery.gen_gallery",
]
extensions.remove("sphinx_astropy.ext.intersphinx_toggle")
del intersphinx_mapping  # noqa: F821 (from sphinx_astropy)

exclude_patterns = ["_build", "examples"]

# Scripts are run while the documentation is built; an error in one of them is an error of
# the build. Each becomes a page, a script and a notebook.
sphinx_gallery_conf = {
    "examples_dirs": ["examples/tutorial", "examples/gallery"],
    "gallery_dirs": ["tutorial", "gallery"],
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "thumbnail_size": (400, 280),
    "matplotlib_animations": False,
}
# Links are looked at by hand: python -m sphinx -b linkcheck docs docs/_build/linkcheck
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False

html_title = f"emirimg {version}"
html_theme_options = {
    "collapse_navigation": True,
    "navigation_depth": 3,
    "show_nav_level": 1,
    "use_edit_page_button": False,
    "icon_links": [],
}
html_context = {"default_mode": "auto"}

autodoc_typehints = "none"  # the docstrings say more: shapes, axis order, units
autodoc_inherit_docstrings = False
automodsumm_inherited_members = False


def _show_examples_as_code(_app: object, _context: object, lines: list[str]) -> None:
    """Turn the blocks of lines in a command's help into literal blocks."""
    for number, line in enumerate(lines):
        if line.startswith("| "):
            text = line.removeprefix("| ")
            lines[number] = text if text.startswith(" ") else f"{text}:\n"
    lines[:] = "\n".join(lines).split("\n")


def setup(app: object) -> None:
    """Register with Sphinx."""
    app.connect("sphinx-click-process-description", _show_examples_as_code)
