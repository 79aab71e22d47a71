"""Hidden checks of fast-rebuild: other edits, a file that is new, a package that goes, packages that nobody has seen."""

import pytest
from test_fast_rebuild import PACKAGES, Project, report, same_compilation

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.dockerfile.project import archive

OTHER = {"routecost": "2.0.1", "timewindow": "0.8.0"}
CODE = {
    "routecost": "def cost(stops):\n    return 6.25 + 0.75 * stops\n",
    "timewindow": "def fits(hour):\n    return hour < 12\n",
}
MORE = "def surcharge():\n    return 3\n"


def package(backend, name, version):
    """The archive of a package, as a file of the project."""
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    text = f'{system}[project]\nname = "{name}"\nversion = "{version}"\n'
    return archive({"backend.py": backend, "pyproject.toml": text, f"{name}.py": CODE[name]})


@pytest.fixture(scope="module")
def project(image_place, project_files, answers):
    """The project some commits later: two packages have other versions from the start."""
    from labkit import course

    backend = (course.root() / "graders/92-containers/fast-rebuild/packages/backend.py").read_text()
    later = dict(project_files)
    for name, version in OTHER.items():
        later |= package(backend, name, version)
    later["requirements.lock"] = "".join(
        f"{name}=={version}\n" for name, version in [("gridmap", "2.4.0"), *OTHER.items()]
    )
    return Project(image_place, later, answers["image"])


def later_report(greeting="Quotes of the day", stops=7, extra=""):
    """What the program prints with these packages."""
    lines = report(greeting, stops)
    return (
        lines[0],
        lines[1].replace(f"{4.5 + 1.2 * stops:.2f}", f"{6.25 + 0.75 * stops:.2f}"),
        lines[2].replace("yes", "no") + extra,
    )


@pytest.fixture(scope="module")
def edited(project):
    """After a file was added to the program, and two others use it."""
    main = project.text("app/main.py") + "\nfrom app.more import surcharge\n\nprint(surcharge())\n"
    return project.change({"app/more.py": MORE, "app/main.py": main, "app/greeting.py": 'GREETING = "Good morning"\n'})


@points(3)
@keeps("app-installs-nothing")
@after("test_prints_the_report")
@review("What a COPY of a folder brings, and which steps stand on it.")
def test_a_new_file_installs_nothing(project, edited):
    """After a file was added to app/ and others changed, no package is compiled again, and the new program runs."""
    edited.must_print(*later_report("Good morning"), "3")
    same_compilation(project.first, edited, PACKAGES, "The program has one more file")


@points(3)
@keeps("lock-is-kept", "compiled-once")
@after("test_a_new_version_is_installed")
@review("What a cache mount keeps, and what must not be in one: nothing that the image is made of.")
def test_what_left_the_lock_is_gone(project, edited):
    """After a package was taken out of requirements.lock, it is not in the image any more; those that stay are not compiled again."""
    main = project.text("app/main.py").replace("import timewindow\n", "").replace("timewindow.fits(17)", "False")
    lock = "".join(
        line for line in project.text("requirements.lock").splitlines(keepends=True) if "timewindow" not in line
    )
    shorter = project.change({"requirements.lock": lock, "app/main.py": main})
    if shorter.version("timewindow"):
        raise Wrong(
            "timewindow is not in the lock any more.",
            expected="it is not in the image",
            got=shorter.version("timewindow"),
        )
    shorter.must_print(*later_report("Good morning"), "3")
    same_compilation(edited, shorter, ("gridmap", "routecost"), "A package left the lock")
