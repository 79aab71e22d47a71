"""After the pass of an answer: other right ways to write it, and the mistakes that its checks have met."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from labkit.course.debrief import Debrief
from labkit.course.verdict import Verdict
from labkit.pages.page import Page, prose


def debrief_page(answer: str, debrief: Debrief, verdicts: Sequence[Verdict]) -> Page:
    """Each right way folded under the line that says how it differs; the mistakes under the check that finds them."""
    sentences = {verdict.check: verdict.sentence for verdict in verdicts}
    mistakes = {sentences[check]: whys for check, whys in debrief.mistakes.items() if check in sentences}
    ways = Markup().join(
        Markup("<details><summary>{}</summary><pre>{}</pre></details>").format(prose(_begun(how)), text)
        for how, text in debrief.ways
    )
    met = Markup().join(
        Markup("<p class='lk-quiet'>{}</p><ul>{}</ul>").format(
            prose(sentence), Markup().join(Markup("<li>{}</li>").format(prose(_begun(why))) for why in whys)
        )
        for sentence, whys in mistakes.items()
    )
    parts = [("Other right ways", ways), ("Mistakes that people make, by the check that finds them", met)]
    html = Markup('<div class="lk-card">{}</div>').format(
        Markup().join(
            Markup('<p class="lk-title">{}: {}</p>{}').format(title, answer, part) for title, part in parts if part
        )
    )
    return Page(html, "\n".join([*_ways_lines(answer, debrief), *_mistakes_lines(answer, mistakes)]))


def _ways_lines(answer: str, debrief: Debrief) -> list[str]:
    lines = [f"Other right ways: {answer}"] if debrief.ways else []
    for how, text in debrief.ways:
        lines += [f"- {_begun(how)}", *(f"      {line}" for line in text.splitlines())]
    return lines


def _mistakes_lines(answer: str, mistakes: dict[str, tuple[str, ...]]) -> list[str]:
    lines = [f"Mistakes that people make: {answer}"] if mistakes else []
    for sentence, whys in mistakes.items():
        lines += [sentence, *(f"  - {_begun(why)}" for why in whys)]
    return lines


def _begun(text: str) -> str:
    """As a sentence begins; a word of code stays as it is."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
