"""The user that a server runs as: many refuse to be root, so root steps down to a user of its own."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.machine.fault import ServiceFault

NAME = "labkit"


@dataclass(frozen=True)
class User:
    """Who runs the server; `entry` is None where it is simply whoever runs the course."""

    entry: pwd.struct_passwd | None

    def popen(self) -> dict[str, Any]:
        """What makes `subprocess` start a process as this user."""
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []} if self.entry else {}

    def owns(self, path: Path) -> None:
        """Gives a file or folder to this user."""
        if self.entry:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)

    def run(self, command: Sequence[str | Path]) -> str:
        """What the command prints. Raises ServiceFault with its last words when it fails."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, cwd="/", env={"LC_ALL": "C"}, **self.popen())
        except PermissionError as error:
            raise ServiceFault(f"The user {self.name()} may not run {command[0]}: {error}.") from error
        except OSError as error:
            raise ServiceFault(f"{command[0]} cannot run: {error}. Install it anew: make env") from error
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()[-3:]
            todo = "Free some disk" if "No space left" in done.stderr else "Run `labkit doctor`"
            raise ServiceFault(f"{Path(command[0]).name} failed: {' '.join(words)} {todo}, then try again.")
        return done.stdout

    def can_enter(self, folder: Path) -> None:
        """Lets this user through to `folder`, by opening our own folders. Raises ServiceFault for other
        people's."""
        if not self.entry:
            return
        folder.chmod(0o711)
        folder.parent.chmod(folder.parent.stat().st_mode | 0o011)
        if subprocess.run(["test", "-x", folder], cwd="/", **self.popen()).returncode:
            raise ServiceFault(
                f"As root the server runs as the user {NAME}, who may not enter {folder}. "
                "Set LABKIT_HOME to a folder that everybody may enter, e.g. /var/cache/labkit."
            )

    def name(self) -> str:
        """Its name."""
        return (self.entry or pwd.getpwuid(os.geteuid())).pw_name


def check_named() -> None:
    """Some servers refuse to run as a user without a name, as some container platforms have. Raises ServiceFault."""
    number = os.geteuid()
    try:
        pwd.getpwuid(number)
    except KeyError:
        raise ServiceFault(
            f"User {number} has no name on this machine, and servers want one. Give it one: "
            f"echo 'learner:x:{number}:{os.getegid()}::/tmp:/bin/sh' >> /etc/passwd"
        ) from None


def server_user() -> User:
    """Whoever runs the course; as root the user `labkit`, made when it is missing. Raises ServiceFault."""
    if os.geteuid() != 0:
        check_named()
        return User(None)
    try:
        return User(pwd.getpwnam(NAME))
    except KeyError:
        pass
    add = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
    try:
        done = subprocess.run(add, capture_output=True, text=True)
    except FileNotFoundError:
        done = subprocess.CompletedProcess(add, 127, "", "useradd is not installed")
    try:
        return User(pwd.getpwnam(NAME))  # also where another process was quicker
    except KeyError:
        raise ServiceFault(
            f"As root, servers need their own user, and {NAME} cannot be made ({done.stderr.strip()}). "
            f"Make it by hand ({' '.join(add)}), or run the course as an ordinary user."
        ) from None
