"""The static site: each lesson and lab is on it, no solution is, its links lead somewhere, and it reads well on a telephone and on a desk."""

from __future__ import annotations

import functools
import http.server
import re
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from labkit import course
from labkit.authoring import release, site
from labkit.authoring.lessons import lesson_files
from tests.grading.submissions import lab_source

pytestmark = pytest.mark.slow

LAB, LESSON = "exercises/91-databases/jsonb-search.html", "notebooks/91-databases.html"


class Links(HTMLParser):
    """Where a page leads, and the places in it that one can be led to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps what it leads to, and its own name."""
        found = dict(attrs)
        self.places.add(found.get("id") or "")
        self.targets += [found.get(name) or "" for name in ("href", "src") if name in found]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The site, with one lesson run: that all of them do has its own tests."""
    folder = tmp_path_factory.mktemp("site")
    result = CliRunner().invoke(site.command, [str(folder), "--run", Path(LESSON).stem])
    if site.NOT_INSTALLED in result.output:
        pytest.skip("no package index is reached, from which the site's programs come")
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def url(built: Path) -> Iterator[str]:
    """Where it is served."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(built))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_each_page_is_there_and_none_has_a_solution(built: Path) -> None:
    """Also what the page is made of, which a reader can download, and what its search finds."""
    pages = [
        *(Path("exercises", lab.key) for lab in course.labs()),
        *(Path("notebooks", path.stem) for path in lesson_files()),
    ]
    assert [page for page in pages if not (built / f"{page}.html").exists()] == []
    for path in built.rglob("*.html"):
        assert "SOLUTION" not in path.read_text(encoding="utf-8"), path
    sources = [nbformat.read(path, as_version=4) for path in built.rglob("*.ipynb")]
    cells = {cell.source for notebook in sources for cell in notebook.cells}
    assert len(sources) >= len(pages)
    labs = [course.find(f"{path.parent.name}/{path.stem}") for path in release.source_files()]
    solutions = {lab.key: lab_source(lab).solutions().values() for lab in labs}
    assert [key for key, texts in solutions.items() for text in texts for cell in cells if text.strip() in cell] == []


def test_each_link_leads_somewhere(built: Path) -> None:
    """Within the site, to a page and to a place in it. Where else it leads is not looked at: a run needs no network."""
    pages = [
        page for page in built.rglob("*.html") if page.relative_to(built).parts[0] != "_static"
    ]  # templates of the theme
    found = {page: Links(page) for page in pages}
    dead = []
    for page, links in found.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not there.exists() or (there in found and unquote(parts.fragment) not in found[there].places):
                dead.append((page.relative_to(built).as_posix(), target))
    assert sum(len(links.targets) for links in found.values()) > 1000
    assert dead == []


@pytest.mark.parametrize("width", [400, 1400])
def test_it_reads_well(browser: Browser, url: str, width: int) -> None:
    """No page is wider than its window, none asks another machine for anything, and axe has no serious complaint."""
    axe = next(Path(sys.prefix, "site").rglob("axe.min.js")).read_text(encoding="utf-8")
    page, asked = browser.new_page(viewport={"width": width, "height": 1000}), []
    page.on("request", lambda request: asked.append(request.url))
    for name in ("index.html", "glossary.html", LAB, LESSON):
        page.goto(f"{url}/{name}", wait_until="load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.evaluate(axe)
        violations = page.evaluate("axe.run()")["violations"]
        serious = [
            (one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
        assert name != LESSON or page.locator(".lk-slowest").count() > 0, "the lesson's panels are on the page"
    page.close()
    assert [address for address in asked if not re.match(url, address)] == []


def test_the_search_finds_a_word_of_a_lab(browser: Browser, url: str) -> None:
    """It works without a server's help."""
    page = browser.new_page()
    page.goto(f"{url}/search.html?q=refunds")
    page.locator("#search-results a[href*='jsonb-search']").first.wait_for()
    page.close()
