"""Checks of nothing-extra: what reaches a build, what is in the image, and where the words that nobody may know have been left."""

import contextlib
import re

import pytest

from labkit.checking.checks import Wrong, after, answer, hint, keeps, points
from labkit.kinds.dockerfile import project
from labkit.services.images import leaks
from labkit.services.images.failure import BuildFailed

MB = 1_000_000
BUDGET = 1  # MB more than python:3.13-slim
PYTHON = "python:3.13-slim"
OUT = re.compile(r"(?:.*/)?(?:\.git|__pycache__)(?:/.*)?|(?:.*/)?\.env(?:\.[^/]*)?|data/.*")
SENT = re.compile(r"(?:app|tools|index)/.*")
NOT_FOR_AN_IMAGE = re.compile(
    r"(?:.*/)?(?:fetch\.py|fares\.sealed|README\.md|test_\w+\.py|\.env(?:\..*)?|rides\.parquet|\.git)"
)
UNNAMED, LOOKED, MOST_STAGES = re.compile(r"stage-\d+"), "looked-into", 20
FROM = re.compile(r"^[ \t]*FROM[ \t]+[^\r\n]*[^\s\\]", re.MULTILINE | re.IGNORECASE)
RIDES = ("Airport - Harbour: 4.35 EUR", "Market - Harbour: 3.40 EUR")
PASSWORDS = ("Nr9cHx3LpVt6", "glt-5ZkPq8MnWb2X")  # of .env, and of .git/config
BESIDES = {  # what lies about on somebody's machine
    "app/__pycache__/main.cpython-313.pyc": "compiled",
    "app/.env": "LOCAL=1\n",
    "tools/.env.local": "DATABASE_URL=postgresql://localhost/fares\n",
}


class Built:
    """The answer's image of a project, with the pipeline's token."""

    def __init__(self, place, files, answer, given):
        self.place, self.files, self.given = place, {**files, "Dockerfile": answer}, given
        self.token = given["secrets_given"]["index_token"]
        self.words = (self.token, *PASSWORDS)
        self.image = place.build(self.files, **given)
        self._stages, self._tags = None, 0

    @property
    def stages(self):
        """An image of each stage that was built, by its name; where there is one only, that is the image."""
        if self._stages is None:
            names = list(dict.fromkeys(step.stage for step in self.image.steps))
            names = names if len(names) > 1 else []
            text = self.files["Dockerfile"]
            named = {name: self._stage(text, name) for name in names if not UNNAMED.fullmatch(name)}
            self._stages = named | dict(self._without_names(text, sum(1 for name in names if name not in named)))
        return self._stages

    def _stage(self, text, name):
        self._tags += 1  # each image stays until the last was looked into
        return self.place.build({**self.files, "Dockerfile": text}, target=name, tag=f"stage{self._tags}", **self.given)

    def _without_names(self, text, many):
        """A stage without a name is no target: it is given one. What looks like FROM may be text of a step, and then there is no such target."""
        found = 0
        for line in list(FROM.finditer(text))[:MOST_STAGES]:
            if found < many and "as" not in line[0].lower().split():
                with contextlib.suppress(BuildFailed):
                    number = text.count("\n", 0, line.start()) + 1
                    image = self._stage(f"{text[: line.end()]} AS {LOOKED}{text[line.end() :]}", LOOKED)
                    yield f"that begins in line {number}", image
                    found += 1
        if found < many:
            raise Wrong(
                "A stage that has no name cannot be looked into.",
                expected="FROM … AS name",
                got=f"{many - found} without",
            )

    def must_print(self, rides):
        """Raises Wrong unless a container prints what the rides cost."""
        ran = self.place.run(self.image, tmpfs=["/tmp"])
        said = ran.stdout.strip().splitlines()
        if ran.timed_out:
            raise Wrong("The container was still running after a minute.", expected=rides[0])
        for want, got in zip(rides, [*said, *["nothing"] * len(rides)], strict=False):
            if want != got:
                last = (ran.stderr.strip().splitlines() or [got])[-1]
                raise Wrong(
                    "`docker run` on the image does not print what a ride costs.",
                    expected=want,
                    got=(got if got != "nothing" else last)[:300],
                )

    def must_be_small(self):
        """Raises Wrong when it is more than the budget larger than its base."""
        base, _ = self.place.offered(PYTHON)
        more = (self.image.size - base) / MB
        if more > BUDGET:
            layers = [layer for layer in self.place.contents(self.image).layers if not layer.is_base]
            largest = max(layers, key=lambda layer: layer.size)
            why = (
                f"The image is {more:.1f} MB larger than {PYTHON}; the largest layer is `{largest.instruction[:100]}`."
            )
            raise Wrong(why, expected=f"{BUDGET} MB at most", got=f"{more:.1f} MB")

    def must_hold_only_the_program(self):
        """Raises Wrong when something of the project is in it that no container needs."""
        contents = self.place.contents(self.image)
        own = [f.path for f in contents.files.values() if not contents.layers[f.layer].is_base]
        if found := sorted(path for path in own if NOT_FOR_AN_IMAGE.fullmatch(path)):
            raise Wrong(
                f"The image holds something that no container needs: /{found[0]}.",
                expected="app/ and fares",
                got=f"{len(found)} such files",
            )

    def must_not_tell(self):
        """Raises Wrong when one of the words is in the image."""
        _raise_for(leaks.in_image(self.place, self.image, self.words), "in the image")

    def must_leave_no_trace(self):
        """Raises Wrong when one of the words is in what the builder keeps: other stages, cache mounts, and what the build printed."""
        _raise_for(leaks.in_output(self.image, self.words), "in the build's log")
        for name, image in self.stages.items():
            _raise_for(leaks.in_image(self.place, image, self.words), f"in the builder's cache, in the stage {name}")
        _raise_for(leaks.in_cache_mounts(self.place, self.words), "in the builder's cache")


def _raise_for(found, place):
    if found:
        raise Wrong(
            f"A token or a password is {place}, for everybody who can look there.",
            expected="nowhere",
            got=str(found[0])[:300],
        )


def context_of(place, files, ignore):
    """The paths of the build context, as a build would see it."""
    image = place.build(
        {**files, ".dockerignore": ignore, "Dockerfile": f"FROM {PYTHON}\nCOPY . /context\n"}, tag="context"
    )
    contents = place.contents(image)
    return {
        path.removeprefix("context/")
        for path, file in contents.files.items()
        if path.startswith("context/") and file.kind != "folder"
    }


def must_keep_out(sent):
    """Raises Wrong when something reaches the build that must not."""
    if found := sorted(path for path in sent if OUT.fullmatch(path)):
        raise Wrong(
            f"{found[0]} reaches the build: any COPY may bring it into a layer.",
            expected="it is kept out",
            got=f"{len(found)} such files",
        )


def must_send(sent, files):
    """Raises Wrong when something is kept out that the build needs."""
    needed = sorted(path for path in files if SENT.fullmatch(path) and not OUT.fullmatch(path))
    if missing := [path for path in needed if path not in sent]:
        raise Wrong(
            f"{missing[0]} does not reach the build.",
            expected="all of app/, tools/ and index/",
            got=f"{len(missing)} files are missing",
        )


@pytest.fixture(scope="module")
def files(project_files):
    """The project as it lies on somebody's machine."""
    return {**project_files, **BESIDES}


@pytest.fixture(scope="module")
def sent(image_place, files, answers):
    """The paths that reach a build."""
    return context_of(image_place, files, answers["ignore"])


@pytest.fixture(scope="module")
def built(image_place, files, build_context, answers, lab):
    """The answer, built in the project."""
    return Built(image_place, {**files, **build_context}, answers["image"], project.given(lab))


@answer("ignore")
@points(2)
@keeps("kept-out")
@hint(
    "A pattern of .dockerignore begins at the top of the project: `.env` is that one file. How do you say: at any depth?",
    "Where a later line takes something back (`!app`), it takes back all that is in it.",
)
def test_private_things_stay_out(sent):
    """Nothing of .git, data/, __pycache__, .env and .env.something reaches a build."""
    must_keep_out(sent)


@answer("ignore")
@points(1)
@keeps("sent")
@after("test_private_things_stay_out")
@hint("Which pattern fits more than you meant?")
def test_what_is_needed_is_sent(sent, files):
    """All else of app/, tools/ and index/ does."""
    must_send(sent, files)


@answer("image")
@points(1)
@keeps("prints")
@hint("What does app.main import? Who has that package, and what is asked for?")
def test_prints_what_a_ride_costs(built):
    """`docker run` on the image prints what a ride costs."""
    built.must_print(RIDES)


@answer("image")
@points(1)
@keeps("budget")
@after("test_prints_what_a_ride_costs")
@hint("Which layer is the largest? Which of its files does a container need?")
def test_is_small(built):
    """The image is at most 1 MB larger than the one that it is built on."""
    built.must_be_small()


@answer("image")
@points(1)
@keeps("only-app")
@after("test_prints_what_a_ride_costs")
@hint(
    "What fetches the package is needed once. `--mount=type=bind` shows files to one step; another stage leaves all behind."
)
def test_holds_only_the_program(built):
    """Of the project, nothing but app/ is in the image."""
    built.must_hold_only_the_program()


@answer("image")
@points(2)
@keeps("not-in-the-image")
@after("test_prints_what_a_ride_costs")
@hint(
    "Look at `docker history --no-trunc`: what does it show of a build argument?",
    "What did fetch.py leave behind? What a later step removes is still in its layer.",
)
def test_the_image_tells_no_secret(built, note):
    """No token and no password is in the image: in no layer, in its history, in its settings."""
    note("leaks", [str(leak) for leak in leaks.in_image(built.place, built.image, built.words)])
    built.must_not_tell()


@answer("image")
@points(2)
@keeps("not-in-the-builder")
@after("test_the_image_tells_no_secret")
@hint(
    "Stages that are not the last one are kept, too, by the builder: whoever may build, may read them.",
    "What is a cache mount kept for?",
)
def test_the_builder_keeps_no_secret(built):
    """Nor is one in what the builder keeps: other stages, cache mounts, its log."""
    built.must_leave_no_trace()
