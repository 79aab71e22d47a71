"""Checks of not-root: the image as a strict cluster would run it, and who could change the program in it."""

import re

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points

SIGNED = "3 orders, 41.90 EUR, by reports"
SOMEBODY = "1234567890:0"  # a user that no image knows, in root's group, as some clusters choose one for each project
ONLY_PLACE = ["/reports"]


class Built:
    """The answer's image, and its containers."""

    def __init__(self, place, files, answer):
        self.place = place
        self.image = place.build({**files, "Dockerfile": answer})
        self._contents = None

    @property
    def contents(self):
        """What is in it, looked at once."""
        self._contents = self._contents or self.place.contents(self.image)
        return self._contents

    @property
    def user(self):
        """What USER says: a user and perhaps a group, as text."""
        return str(self.contents.config.get("User") or "")

    def must_report(self, expected, who, **options):
        """Raises Wrong unless a container writes its report, and says so."""
        ran = self.place.run(self.image, tmpfs=ONLY_PLACE, **options)
        if ran.timed_out:
            raise Wrong(f"The container of {who} was still running after a minute.", expected=expected)
        said = (ran.stdout.strip().splitlines() or ["nothing"])[-1]
        if ran.ok and said == expected:
            return
        last = (ran.stderr.strip().splitlines() or [said])[-1]
        raise Wrong(
            f"Run by {who}, the program does not write its report.",
            expected=expected,
            got=(said if ran.ok else last)[:300],
        )


@pytest.fixture(scope="module")
def built(image_place, project_files, answers):
    """The answer, built in the project."""
    return Built(image_place, project_files, answers["image"])


@points(1)
@keeps("numeric")
@hint(
    "What does USER say in your image? Nothing means root.",
    "A cluster that forbids root must see from the image alone that a user is not root. What can it see of a name?",
)
def test_user_is_a_number(built):
    """The image's own user is a number, and not root's."""
    user = built.user.partition(":")[0]
    if not user:
        raise Wrong("The image says no user, so it runs as root.", expected="a number, e.g. 10001", got="none")
    if not re.fullmatch(r"[0-9]+", user):
        raise Wrong(
            "The image's user is a name: whether that is root, only the image's own files say.",
            expected="a number, e.g. 10001",
            got=user,
        )
    if int(user) == 0:
        raise Wrong("The image's user is number 0, which is root.", expected="another number", got=user)


@points(1)
@keeps("own-user")
@hint(
    "Read the last line of the error. Where does Python put temporary files, and who may write there when the root is read-only?",
    "TMPDIR says where temporary files go, LOGNAME who it is. ENV sets them for every container.",
)
def test_reports_as_its_own_user(built):
    """With a read-only root and without any capability, the container writes its report, signed by `reports`; /reports alone can be written to."""
    built.must_report(SIGNED, "its own user, with a read-only root")


@points(1)
@keeps("any-user")
@after("test_reports_as_its_own_user")
@hint(
    "This user is in no list of the image: it has no name, no home, and owns nothing. What does the program need of these?",
    "Who may read the files that you copied?",
)
def test_reports_as_anybody(built):
    """The same holds for a user that the image does not know."""
    built.must_report(SIGNED, f"user {SOMEBODY}", user=SOMEBODY)


@points(1)
@keeps("unchangeable")
@after("test_reports_as_its_own_user")
@hint(
    "Who owns the program's files? Their owner may change them, whatever their mode says.",
    "Files that are root's, and that others may read, are what a program needs. COPY makes them so by itself.",
)
def test_nobody_can_change_the_program(built):
    """What the Dockerfile put into the image belongs to root, and nobody but root may write to it."""
    must_be_roots(built)


def must_be_roots(built):
    """Raises Wrong when a file or folder of the answer's own layers is somebody's, or can be written to by its group or others."""
    bases = {number for number, layer in enumerate(built.contents.layers) if layer.is_base}
    own = [
        f for path, f in sorted(built.contents.files.items()) if f.layer not in bases and f.kind in ("file", "folder")
    ]
    for file in own:
        what = "folder" if file.kind == "folder" else "file"
        if file.uid != 0:
            raise Wrong(
                f"The {what} /{file.path} is not root's: its owner can change it.",
                expected="owner 0",
                got=f"owner {file.uid}",
            )
        if file.mode & 0o022 and not (file.kind == "folder" and file.mode & 0o1000):
            raise Wrong(
                f"Others than root may write to the {what} /{file.path}.",
                expected="mode 755 or 644, or less",
                got=f"mode {file.mode & 0o7777:o}",
            )


@points(1)
@keeps("nowhere-else")
@after("test_reports_as_its_own_user")
@hint("What does a container do with files that it may write? Look at where Python's temporary files go.")
def test_writes_nowhere_else(built):
    """Also where it could write elsewhere, it writes to /reports only."""
    must_write_nowhere_else(built)


def must_write_nowhere_else(built):
    """Raises Wrong when a container with a root that can be written to has changed it."""
    with built.place.start(built.image, read_only=False, tmpfs=ONLY_PLACE) as container:
        container.wait(60)
        changed = sorted(
            found["Path"] for found in container.container.diff() or [] if not found["Path"].startswith("/reports")
        )
    if changed:
        raise Wrong(
            "With a root that can be written to, the container wrote to another place, too.",
            expected="/reports only",
            got=changed[-1][:200],
        )
