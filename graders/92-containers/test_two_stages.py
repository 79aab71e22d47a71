"""Checks of two-stages: the image runs the compiled module, and holds nothing of what compiled it."""

import re

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points

MB = 1_000_000
BUDGET = 25  # MB more than python:3.13-slim
PLACES = {"52.52,13.40": "Leipzig 148.8 km", "48.40,10.00": "Munich 120.2 km", "53.60,9.90": "Hamburg 8.3 km"}
COMPILER = re.compile(
    r"(?:.*/)?(?:[\w.]+-linux-gnu-)?(?:gcc|g\+\+|cc|c\+\+|c89|c99|cpp|cc1|cc1plus|collect2|ld|ld\.bfd|as|clang|tcc|make)(?:-\d[\d.]*)?"
)
SOURCE = re.compile(r".*\.(?:c|h|o|a)|(?:.*/)?(?:setup\.py|pyproject\.toml)")
PACKED = re.compile(r".*\.(?:whl|tar\.gz|egg)|.*/(?:pip|\.cache)/(?:wheels|http|http-v2|selfcheck)/.*")


class Built:
    """The answer's image, and the image that it must be compared with."""

    def __init__(self, place, files, answer):
        self.place = place
        self.image = place.build({**files, "Dockerfile": answer})
        self.base_size, self.base = place.offered("python:3.13-slim")
        self._contents = None

    @property
    def contents(self):
        """What is in it, looked at once."""
        self._contents = self._contents or self.place.contents(self.image)
        return self._contents

    @property
    def more_than_base(self):
        """Megabytes."""
        return (self.image.size - self.base_size) / MB

    def added(self, pattern):
        """Files that match and did not come with python:3.13-slim."""
        found = [file for path, file in sorted(self.contents.files.items()) if pattern.fullmatch(path)]
        return [file for file in found if file.path not in self.base.files]


@pytest.fixture(scope="module")
def built(image_place, project_files, answers):
    """The answer, built in the project."""
    return Built(image_place, project_files, answers["image"])


def must_find(built, expected):
    """Raises Wrong unless a container of the image says which depots are the nearest."""
    ran = built.place.run(built.image, environment={"PLACES": " ".join(expected)}, tmpfs=["/tmp"])
    said = ran.stdout.strip().splitlines()
    wanted = [f"{place} {depot}" for place, depot in expected.items()]
    if ran.timed_out:
        raise Wrong(
            "The container was still running after a minute.", expected=wanted[0], got=ran.stdout[-200:] or "nothing"
        )
    if not said and not ran.ok:
        last = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise Wrong(f"The container ended with exit status {ran.exit_code}.", expected=wanted[0], got=last[:300])
    for want, got in zip(wanted, [*said, *["nothing"] * len(wanted)], strict=False):
        if want != got:
            raise Wrong("`docker run` on the image does not print the nearest depot.", expected=want, got=got[:300])


def must_have_no_compiler(built):
    """Raises Wrong when there is one."""
    if found := built.added(COMPILER):
        why = f"There is a compiler in the image: /{found[0].path}."
        raise Wrong(why, expected="none", got=f"{len(found)} such files")


def must_have_nothing_of_the_build(built):
    """Raises Wrong when there is something."""
    for what, pattern in (("something of the build", SOURCE), ("a package, or pip's cache,", PACKED)):
        if found := built.added(pattern):
            why = f"There is {what} in the image: /{found[0].path}."
            raise Wrong(why, expected="none", got=f"{len(found)} such files")


def must_be_small(built):
    """Raises Wrong when it is not, and says what is large."""
    if built.more_than_base <= BUDGET:
        return
    layers = [layer for layer in built.contents.layers if not layer.is_base]
    largest = max(layers, key=lambda layer: layer.size, default=None)
    why = "The image is too large."
    if largest and largest.size > BUDGET * MB / 2:
        why += f" Most of it is in the layer of `{largest.instruction[:120]}`."
    else:
        why += " Most of it came with the image that its last stage is built on."
    if (waste := sum(layer.waste for layer in layers) / MB) > 1:
        why += f" {waste:,.0f} MB are hidden by later layers, and are in it all the same."
    got = f"{built.more_than_base:,.1f} MB more"
    raise Wrong(why, expected=f"at most {BUDGET} MB more than python:3.13-slim", got=got)


@points(1)
@keeps("runs")
@hint(
    "Which folder has the module after `pip install .`, and which one does the last stage's Python look into?",
    "A wheel can be made in one stage (`pip wheel`) and installed in another one. So can a whole virtual environment be copied, as both images have the same Python.",
    "The program is find_depot.py, it needs depots.csv beside it, and CMD must start it.",
)
def test_runs(built, note):
    """`docker run` on the image prints the nearest depot and its distance for each place in PLACES."""
    note("steps", [[step.instruction[:60], step.seconds] for step in built.image.steps])
    must_find(built, PLACES)


@points(1)
@keeps("no-compiler")
@after("test_runs")
@hint(
    "What does the last FROM name?",
    "Only what the last stage has is in the image. A stage named with AS gives files away: COPY --from.",
)
def test_no_compiler(built):
    """No compiler, linker or make is in the image."""
    must_have_no_compiler(built)


@points(1)
@keeps("nothing-of-the-build")
@after("test_runs")
@hint(
    "What did the last stage copy: the project, or only what the program needs to run?",
    "The module is compiled: its source, its headers and what describes how to build it are for the first stage.",
)
def test_nothing_of_the_build(built):
    """Nothing of the build is in the image: no C source, header, object file or archive, no setup.py, no wheel, nothing that pip kept."""
    must_have_nothing_of_the_build(built)


@points(1)
@keeps("size")
@after("test_runs")
@hint(
    "What is in a layer stays in the image, also when a later step removes it. Which layer is the largest?",
    "Does the last stage begin with the image that has the compiler?",
    "A file that is needed for one step only can be there for that step only: RUN --mount=type=bind,from=….",
)
def test_size(built, note):
    """The image is at most 25 MB larger than python:3.13-slim."""
    note("megabytes", round(built.image.size / MB, 1))
    note("more", round(built.more_than_base, 1))
    must_be_small(built)
