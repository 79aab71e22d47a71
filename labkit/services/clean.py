"""`labkit clean`: finds and names what is left of services whose keeper is gone, and removes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psutil

from labkit.course.home import APART, home, run_folder
from labkit.machine.backend import LABEL, docker_answers
from labkit.services import services
from labkit.services.lease import Holder
from labkit.services.service import Leftover

PATIENCE = 5.0  # seconds for a process to end


def is_kept(lock: Path) -> bool:
    """Whether a keeper lives: it holds its lock until it ends, however it ends."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def keepers() -> list[Path]:
    """The locks of this home's living keepers, `SERVICE-PURPOSE-BACKEND.lock`."""
    return [lock for lock in sorted((home() / "keepers").glob("*.lock")) if is_kept(lock)]


def leftovers() -> Iterator[Leftover]:
    """All that no living keeper owns, in the order in which it can be removed."""
    kept = {lock.stem for lock in keepers()}
    for service in services():
        yield from service.leftovers(kept)
    yield from _containers()
    with contextlib.suppress(OSError):
        run_folder().rmdir()  # asking for it made it; what is in use has something in it
    yield from _run_folders()


def cache() -> Iterator[Leftover]:
    """What is kept between runs, and would be made again: data folders, volumes, the sandbox's image, logs."""
    for service in services():
        yield from service.cache()
    for folder in (home() / "grading", home() / "log", home() / "keepers", *sorted(home().glob(f"{APART}*"))):
        if folder.exists():
            yield Leftover(f"data in {folder}", lambda folder=folder: shutil.rmtree(folder))
    sandbox = run_folder() / "sandbox"
    if sandbox.exists():
        yield Leftover(f"the sandbox's folders in {sandbox}", lambda: (shutil.rmtree(sandbox), sandbox.parent.rmdir()))
    with contextlib.suppress(OSError):
        run_folder().rmdir()  # asking for it made it
    for volume in _volumes():
        if (volume.attrs["Labels"] or {}).get(LABEL) == str(home()):
            yield Leftover(f"Docker volume {volume.name}", volume.remove)
    for tag in _images():
        yield Leftover(f"Docker image {tag}", lambda tag=tag: _engine().images.remove(tag))


def _containers() -> Iterator[Leftover]:
    """This home's containers without a keeper, and the volumes of homes that are no more."""
    kept = {lock.stem for lock in keepers()}
    for container in _docker_containers():
        service = container.labels.get("labkit.service", "")
        if f"{service}-docker" not in kept:
            name = f"container {container.short_id} ({service})"
            yield Leftover(name, lambda container=container: container.remove(force=True, v=True))
    for volume in _volumes():
        of = (volume.attrs["Labels"] or {}).get(LABEL, "")
        if of and not Path(of).exists():
            yield Leftover(f"Docker volume {volume.name} of {of}, which is gone", volume.remove)


def _run_folders() -> Iterator[Leftover]:
    """Locks, sockets and folders of keepers that were killed, also of homes that are no more."""
    for folder in sorted(Path(tempfile.gettempdir()).glob("labkit-????????")):
        if not folder.is_dir() or folder.stat().st_uid != os.getuid():
            continue
        for lock in sorted(folder.glob("*.lock")):
            if not is_kept(lock):
                yield Leftover(f"socket and lock {lock.with_suffix('')}", lambda lock=lock: _forget(lock))
        kept = any(is_kept(lock) for lock in folder.glob("*.lock"))
        if not kept and not any(path.suffix != ".lock" for path in folder.iterdir()):
            yield Leftover(f"run folder {folder}", lambda folder=folder: folder.rmdir())


def _forget(lock: Path) -> None:
    service = lock.stem.rpartition("-")[0]
    lock.with_suffix(".keeper").unlink(missing_ok=True)
    shutil.rmtree(lock.with_name(service), ignore_errors=True)  # the folder of the server's socket
    lock.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        lock.parent.rmdir()


def _end_keeper(lock: Path) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, ValueError, FileNotFoundError):
        holder = Holder.of(lock)
        process = psutil.Process(holder.pid if holder else -1)
        process.terminate()
        process.wait(PATIENCE)


def _docker_containers() -> list[Any]:
    ours: dict[str, Any] = {"label": f"{LABEL}={home()}"}
    return _engine().containers.list(all=True, filters=ours, ignore_removed=True) if docker_answers() else []


def _volumes() -> list[Any]:
    return _engine().volumes.list(filters={"label": LABEL}) if docker_answers() else []


def _images() -> list[str]:
    """The images that this home built."""
    built = _engine().api.images(filters={"label": f"{LABEL}={home()}"}) if docker_answers() else []
    return [tag for image in built for tag in image["RepoTags"] or [] if not tag.startswith("<none>")]


def _engine() -> Any:
    import docker

    return docker.from_env(timeout=10)


@click.command("clean")
@click.option("--all", "everything", is_flag=True, help="Also end the servers that are in use now.")
@click.option(
    "--cache", "with_cache", is_flag=True, help="Also remove what is kept between runs: data, logs, volumes, images."
)
@click.option("--dry-run", is_flag=True, help="Only name it.")
@click.option("--yes", is_flag=True, help="Do not ask before the cache is removed.")
def command(everything: bool, with_cache: bool, dry_run: bool, yes: bool) -> None:
    """Find what is left of services, and remove it."""
    in_use = keepers()
    if everything:
        ending = [Leftover(f"{lock.stem}, which is in use", lambda lock=lock: _end_keeper(lock)) for lock in in_use]
        number = _remove(ending, dry_run)
    else:
        number = 0
        for lock in in_use:
            holder = Holder.of(lock)
            click.echo(f"in use: {lock.stem} (keeper {holder.pid if holder else '?'}); --all would end it")
    number += _remove(leftovers(), dry_run)
    if with_cache:
        number += _remove_cache(dry_run, yes)
    if not number:
        click.echo("Nothing is left.")


def _remove_cache(dry_run: bool, yes: bool) -> int:
    if keepers() and not dry_run:
        raise click.ClickException("The cache is in use. Close the notebooks, or add --all.")
    kept = list(cache())
    if kept and not dry_run and not yes:
        click.confirm(
            f"Remove {', '.join(leftover.name for leftover in kept)}? It is made again when needed", abort=True
        )
    return _remove(kept, dry_run)


def _remove(found: Iterator[Leftover] | list[Leftover], dry_run: bool) -> int:
    """Removes what is found and names it; how many there were. What cannot be removed is told, the rest goes on."""
    number = 0
    for number, leftover in enumerate(list(found), start=1):  # noqa: B007
        try:
            if not dry_run:
                leftover.remove()
            click.echo(f"{'would remove' if dry_run else 'removed'}: {leftover.name}")
        except Exception as error:
            click.echo(f"cannot remove: {leftover.name}: {error}", err=True)
    return number
