"""Hidden checks of not-root: other orders, more files, and users from all over the range."""

import pytest
from test_not_root import Built, must_be_roots, must_write_nowhere_else

from labkit.checking.checks import after, keeps, points, review

ORDERS = "id,cents\n7,100\n8,250\n9,5\n10,12345\n"
SIGNED = "4 orders, 127.00 EUR, by reports"
PEOPLE = ("1000860000:0", "65533:65533", "2:2")
MORE = "FACTOR = 1\n"


@pytest.fixture(scope="module")
def built(image_place, project_files, answers):
    """The answer, built in the project as it will be some commits later."""
    report = (
        project_files["app/report.py"]
        .decode()
        .replace("import csv\n", "import csv\n\nimport more\n")
        .replace("/ 100", "/ 100 * more.FACTOR")
    )
    later = {"app/orders.csv": ORDERS, "app/more.py": MORE, "app/report.py": report}
    return Built(image_place, {**project_files, **later}, answers["image"])


@points(3)
@keeps("own-user", "any-user")
@after("test_reports_as_anybody")
@review(
    "What a process needs of its user: a right to read, and nothing else. What it asks of the user's name and home."
)
def test_later_state_for_everybody(built):
    """A later state of the project writes its report, as its own user and as users of any number and group."""
    built.must_report(SIGNED, "its own user, with a read-only root")
    for who in PEOPLE:
        built.must_report(SIGNED, f"user {who}", user=who)


@points(2)
@keeps("unchangeable", "nowhere-else")
@after("test_later_state_for_everybody")
@review("Who owns what COPY and RUN put into an image, and where a program writes by habit.")
def test_later_state_is_not_changed(built):
    """There, too, nobody but root can change what the Dockerfile put into the image, and the container writes to /reports only."""
    must_be_roots(built)
    must_write_nowhere_else(built)
