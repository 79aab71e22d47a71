"""A quiz at a lesson's end: each choice answers with its reason, also each wrong one.

The questions stand in `notebooks/<section>.quiz.yaml`, a list of these:

    - question: Which query can use an index on (customer_id, placed_at)?
      choices:
        - choice: WHERE customer_id = 7
          right: true
          why: The index is sorted by customer first.
        - choice: …
          why: …
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.course import CourseError, root
from labkit.pages.page import EMPTY, Page, framed, has_widgets, prose, show

if TYPE_CHECKING:
    from ipywidgets import DOMWidget


@dataclass(frozen=True)
class Choice:
    """One choice, and what is told to those who take it."""

    choice: str
    why: str
    right: bool = False

    def feedback(self) -> Markup:
        """Right or not, and the reason."""
        mark, kind = ("✓ Right.", "pass") if self.right else ("✗ Not this one.", "fail")
        says = Markup('<p class="lk-{}"><span class="lk-state">{}</span> {}</p>')
        return says.format(kind, mark, prose(self.why))


@dataclass(frozen=True)
class Question:
    """A question; exactly one of its choices is right."""

    question: str
    choices: tuple[Choice, ...]

    def page(self, number: int) -> Page:
        """For front ends without widgets: each choice opens to its reason."""
        opens = Markup("<details><summary>{}</summary>{}</details>")
        choices = Markup().join(opens.format(prose(choice.choice), choice.feedback()) for choice in self.choices)
        html = Markup('<div class="lk-card"><p><b>{}.</b> {}</p>{}</div>').format(number, prose(self.question), choices)
        letters = [f"   {letter}) {choice.choice}" for letter, choice in zip("abcdef", self.choices, strict=False)]
        return Page(html, "\n".join([f"{number}. {self.question}", *letters]))


def read(section: str) -> list[Question]:
    """The questions of a section. Raises CourseError that names the file and what is wrong in it."""
    import yaml

    path = root() / "notebooks" / f"{section}.quiz.yaml"
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        questions = [Question(item["question"], tuple(Choice(**choice) for choice in item["choices"])) for item in data]
    except (OSError, TypeError, KeyError, yaml.YAMLError) as error:
        raise CourseError(
            f"{path}: {error}. A question has `question` and `choices`, each with `choice` and `why`."
        ) from error
    for question in questions:
        if sum(choice.right for choice in question.choices) != 1:
            raise CourseError(f"{path}: {question.question!r} must have exactly one choice that is `right: true`.")
    return questions


def quiz(section: str) -> None:
    """Shows the section's quiz. Raises CourseError."""
    questions = read(section)
    page = sum((question.page(number) for number, question in enumerate(questions, 1)), EMPTY)
    show(page, Quiz(questions).widget() if has_widgets() else None)


class Quiz:
    """The questions as buttons, and how many were right at the first try."""

    def __init__(self, questions: list[Question]) -> None:
        self.questions = questions
        self.first_try: dict[int, bool] = {}

    def widget(self) -> DOMWidget:
        """All questions, and the count below them."""
        from ipywidgets import HTML, VBox

        self.count = HTML()
        return VBox([*(self._question(number) for number in range(len(self.questions))), self.count])

    def _question(self, number: int) -> DOMWidget:
        from ipywidgets import HTML, Layout, RadioButtons, VBox

        question = self.questions[number]
        asked = Markup("<p><b>{}.</b> {}</p>").format(number + 1, prose(question.question))
        options = [(choice.choice.replace("`", ""), index) for index, choice in enumerate(question.choices)]
        radio = RadioButtons(options=options, value=None, layout=Layout(width="auto"))
        said = HTML()

        def answer(change: dict[str, int]) -> None:
            choice = question.choices[change["new"]]
            said.value = framed(Markup('<div aria-live="polite">{}</div>').format(choice.feedback()))
            self._counted(number, choice.right)

        radio.observe(answer, names="value")
        return VBox([HTML(framed(asked)), radio, said], layout=Layout(margin="0 0 10px 0"))

    def _counted(self, number: int, right: bool) -> None:
        self.first_try.setdefault(number, right)
        if len(self.first_try) == len(self.questions):
            text = f"{sum(self.first_try.values())} of {len(self.questions)} right at the first try."
            self.count.value = framed(Markup("<p><b>{}</b></p>").format(text))
