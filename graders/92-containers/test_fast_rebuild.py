"""Checks of fast-rebuild: what is done again after a change, seen from what is in the images, and from the steps that ran.

Each package carries a mark that its compilation draws at random (`built.txt`): two images with the same mark share one compilation.
"""

import re

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points

PACKAGES = ("gridmap", "routecost", "timewindow")
KEPT = re.compile(r".*\.(?:whl|tar\.gz)|(?:.*/)?(?:pip|\.cache)/(?:wheels|http|http-v2|selfcheck)/.*")
MARK = re.compile(r".*/([a-z]+)/built\.txt")
GREETING = "Quotes of the day"


class Project:
    """The project under change: each `build` is one of the same Dockerfile, with the cache of those before."""

    def __init__(self, place, files, answer):
        self.place, self.files, self.answer = place, dict(files), answer
        self.first = self.build()

    def text(self, name):
        """A file's text, as it is now."""
        content = self.files[name]
        return content if isinstance(content, str) else content.decode()

    def build(self):
        """An image of the project as it is now."""
        return Version(self, self.place.build({**self.files, "Dockerfile": self.answer}))

    def steps_after(self, changes):
        """The steps that are carried out after some files were changed."""
        self.files.update(changes)
        image = self.place.build({**self.files, "Dockerfile": self.answer})
        return [step for step in image.steps if step.ran]

    def change(self, changes):
        """An image of the project after some files, by path, were changed for good."""
        self.files.update(changes)
        return self.build()


class Version:
    """One image of the project, looked at at once, as the next one takes its place."""

    def __init__(self, project, image):
        self.image = image
        self.ran = [step for step in image.steps if step.ran]
        self.contents = project.place.contents(image, texts=MARK)
        self.marks = {MARK.fullmatch(path)[1]: text.split() for path, text in self.contents.texts.items()}
        self.image_base = project.place.offered("python:3.13-slim")[1].files
        self.printed = project.place.run(image, tmpfs=["/tmp"])

    def version(self, package):
        """The version of a package, or None."""
        return (self.marks.get(package) or [None])[0]

    def _holds(self, package):
        path = next((path for path in self.contents.texts if MARK.fullmatch(path)[1] == package), None)
        return self.contents.layers[self.contents.files[path].layer] if path else None

    def layer(self, package):
        """What tells the layer that holds a package from any other."""
        layer = self._holds(package)
        return layer.digest if layer else None

    def made_by(self, package):
        """The instruction that made that layer."""
        layer = self._holds(package)
        return layer.instruction[:160] if layer else "nothing"

    def must_print(self, *lines):
        """Raises Wrong unless the container prints these lines."""
        if self.printed.timed_out:
            raise Wrong("The container was still running after a minute.", expected=lines[0])
        said = self.printed.stdout.strip().splitlines()
        for number, want in enumerate(lines):
            got = (
                said[number] if number < len(said) else ((self.printed.stderr.strip().splitlines() or ["nothing"])[-1])
            )
            if got != want:
                raise Wrong("`docker run` on the image does not print the report.", expected=want, got=got[:300])


def report(greeting=GREETING, stops=7, data="2.4.0"):
    """What the program prints."""
    cost = 4.5 + 1.2 * stops
    return (
        greeting,
        f"A tour of {stops} stops from 525/134 costs {cost:.2f} EUR.",
        f"Delivery at 17:00: yes. Map data {data}.",
    )


def same_compilation(before, after, packages, because):
    """Raises Wrong when one of the packages was compiled again."""
    for name in packages:
        if name not in after.marks:
            raise Wrong(f"The package {name} is not in the image.", expected="it is installed", got="it is not there")
        if name in before.marks and before.marks[name] != after.marks[name]:
            raise Wrong(
                f"{because}, and {name} was compiled again.",
                expected="the compilation of the last build",
                got="a new one",
            )


@pytest.fixture(scope="module")
def project(image_place, project_files, answers):
    """The project, built for the first time, with nothing in the cache."""
    return Project(image_place, project_files, answers["image"])


@pytest.fixture(scope="module")
def edited(project):
    """After one line of the program was changed."""
    main = project.text("app/main.py").replace("STOPS = 7", "STOPS = 9")
    return project.change({"app/main.py": main})


@pytest.fixture(scope="module")
def upgraded(project, edited):
    """After that, one package was upgraded in the lock."""
    return project.change(
        {"requirements.lock": project.text("requirements.lock").replace("gridmap==2.4.0", "gridmap==2.5.0")}
    )


@points(1)
@keeps("prints")
@hint("What must be in the image to run `python -m app.main`, and in which folder must it be started?")
def test_prints_the_report(project):
    """`docker run` on the image prints the report."""
    project.first.must_print(*report())


@points(1)
@keeps("app-installs-nothing")
@after("test_prints_the_report")
@hint(
    "A step comes from the cache when everything before it is unchanged, and so is what it copies. What does the step that installs the packages stand on?",
    "Copy what pip needs first, install, and copy the program afterwards.",
)
def test_a_changed_line_installs_nothing(project, edited, note):
    """After a change of one line in app/, no package is installed or compiled again, and the new program is in the image."""
    note("edited", [[step.instruction[:60], step.seconds] for step in edited.ran])
    edited.must_print(*report(stops=9))
    same_compilation(project.first, edited, PACKAGES, "One line of the program changed")
    for name in PACKAGES:
        if edited.layer(name) != project.first.layer(name):
            why = f"One line of the program changed, and {name} was installed again."
            raise Wrong(
                why,
                expected="the layer with the packages comes from the cache",
                got=f"a new layer, made by `{edited.made_by(name)}`",
            )


@points(1)
@keeps("lock-is-kept")
@after("test_prints_the_report")
@hint(
    "Which files does the step that installs read? All of them must be there before it, else their change is not seen."
)
def test_a_new_version_is_installed(upgraded):
    """After a change of requirements.lock, the version that it names is in the image."""
    if (got := upgraded.version("gridmap")) != "2.5.0":
        raise Wrong(
            "The lock names another version of gridmap than the image has.", expected="2.5.0", got=got or "none"
        )
    upgraded.must_print(*report(stops=9, data="2.5.0"))


@points(1)
@keeps("compiled-once")
@after("test_a_new_version_is_installed")
@hint(
    "pip keeps each wheel that it compiled in its cache, /root/.cache/pip. Where is that folder in the next build?",
    "RUN --mount=type=cache,target=/root/.cache/pip … keeps a folder from one build to the next, outside of the image.",
    "Do you tell pip to use no cache?",
)
def test_only_the_new_version_is_compiled(edited, upgraded, note):
    """After a change of one version in requirements.lock, the other packages are not compiled again."""
    note("upgraded", [[step.instruction[:60], step.seconds] for step in upgraded.ran])
    same_compilation(
        edited, upgraded, [name for name in PACKAGES if name != "gridmap"], "Only gridmap has a new version"
    )


@points(1)
@keeps("nothing-else")
@after("test_prints_the_report")
@hint(
    "What pip kept, and the archives that it installed from: in which step did they get into a layer?",
    "RUN --mount=type=bind,source=packages,target=/packages … shows a folder of the project to one step.",
)
def test_nothing_but_the_program(upgraded):
    """Neither pip's cache nor an archive of a package is in the image."""
    base = upgraded.image_base
    found = [path for path in sorted(upgraded.contents.files) if KEPT.fullmatch(path) and path not in base]
    if found:
        raise Wrong(
            f"There is something in the image that no container needs: /{found[0]}.",
            expected="none",
            got=f"{len(found)} such files",
        )


@points(1)
@keeps("others-change-nothing")
@after("test_prints_the_report")
@hint(
    "Does a step copy the whole project? Then each file of the project is part of what the cache compares.",
    "Copy app/ alone.",
)
def test_what_is_not_in_the_image_changes_nothing(project, upgraded):
    """After a change of README.md or in tests/, no step is carried out."""
    again = project.steps_after(
        {"README.md": "# Other words\n", "tests/test_more.py": "def test_nothing():\n    pass\n"}
    )
    if again:
        raise Wrong(
            "README.md and tests/ changed, which the image does not need.",
            expected="no step is carried out",
            got=again[0].instruction[:200],
        )
