"""Sphinx' settings for the static site; `labkit/authoring/site.py` lays the pages beside this file."""

import os

project = "Backend and ML engineering in production"
copyright = "the authors of the course, CC BY 4.0"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = project
html_last_updated_fmt = ""
html_baseurl = os.environ.get("SITE_URL", "")
html_static_path = ["_static"]
html_css_files, html_js_files = ["site.css"], ["site.js"]
html_theme_options = {
    "repository_url": os.environ.get("SITE_REPOSITORY", ""),
    "use_repository_button": bool(os.environ.get("SITE_REPOSITORY")),
    "use_download_button": True,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # the search is in the side bar
}
if os.environ.get("SITE_REPOSITORY"):  # a button on each page that opens it on Binder
    html_theme_options |= {
        "launch_buttons": {"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
        "path_to_docs": "",
        "repository_branch": os.environ.get("SITE_BRANCH", "main"),
    }
language = "en"
nb_execution_mode = "off"  # lessons come with their outputs
nb_mime_priority_overrides = [
    ("*", "application/vnd.jupyter.widget-view+json", None)
]  # the plain form works without a kernel
nb_output_stderr = "remove"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.lexer", "misc.highlighting_failure"]
exclude_patterns = ["_build"]
