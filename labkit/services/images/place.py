"""Where one lab, or one answer, builds and runs: images, containers and a build cache of its own, which go with it."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from labkit.machine.fault import ServiceFault
from labkit.services.images import base, cache, context, layers, policy
from labkit.services.images.build import Build, Done, OnSteps, run
from labkit.services.images.container import Container, Ran
from labkit.services.images.context import Files
from labkit.services.images.engine import Engine
from labkit.services.images.failure import BuildFailed
from labkit.services.images.limits import DEFAULT, MB, Limits
from labkit.services.images.progress import Advice, Step
from labkit.services.images.room import Room
from labkit.services.service import EmptyAtFirst

REPOSITORY = "labkit-images"
PLACE = "labkit.place"  # the label that says whose an image or a container is
SERVER = "labkit.server"  # the label of what all places of a server build on


@dataclass(frozen=True)
class Image:
    """What a build made: the image's id, its size in bytes as Docker counts it, and how the build went."""

    id: str
    size: int
    done: Done

    @property
    def steps(self) -> list[Step]:
        """The steps of the build."""
        return self.done.steps

    @property
    def advice(self) -> list[Advice]:
        """BuildKit's warnings."""
        return self.done.advice


class Place(EmptyAtFirst):
    """A context manager. `offers` are the names that FROM may use."""

    def __init__(
        self,
        engine: Engine,
        prefix: str,
        lab_key: str,
        *,
        gauge: str,
        labels: Mapping[str, str],
        offers: Sequence[str] = (base.PYTHON,),
        limits: Limits = DEFAULT,
    ) -> None:
        lab = re.sub(r"[^a-z0-9]+", "-", lab_key.rpartition("/")[2].lower()).strip("-") or "lab"
        self.server = prefix
        self.name = f"{prefix}-{lab}-{secrets.token_hex(4)}"
        self.engine, self.gauge, self.offers, self.limits = engine, gauge, tuple(offers), limits
        self.labels = {**labels, PLACE: self.name}
        self.folder = engine.folder / "places" / self.name
        self._room: Room | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._made: set[str] = set()  # the names of which it has a base image
        self._ran: list[Step] = []

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"images {REPOSITORY}/{self.name} in Docker at {self.engine.host}"

    @property
    def connect_with(self) -> str:
        """How to see them in a terminal."""
        return f"docker image ls {REPOSITORY}/{self.name}"

    def own_base(self, name: str) -> str:
        """The image that FROM `name` stands for here."""
        return f"{REPOSITORY}/{self.name}:base-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    def build(
        self,
        files: Files,
        *,
        dockerfile: str = "Dockerfile",
        tag: str = "answer",
        arguments: Mapping[str, str] | None = None,
        secrets_given: Mapping[str, str] | None = None,
        target: str = "",
        no_cache: bool = False,
        on_steps: OnSteps = lambda steps: None,
    ) -> Image:
        """Builds the Dockerfile among `files`, which are the build context. Raises BuildFailed, and ServiceFault.

        The image replaces the last one of the same `tag`. `secrets_given` are for `--mount=type=secret`.
        """
        folder = self.folder / "context"
        try:
            context.write(folder, files, self.limits)
        except (context.TooLargeContext, ValueError) as error:
            raise BuildFailed(str(error)) from error
        recipe = self.folder / "Dockerfile"
        text = files.get(dockerfile, "")
        text = text if isinstance(text, str) else text.decode(errors="replace")
        if not text.strip():
            raise BuildFailed("The Dockerfile is empty. Write its instructions, beginning with FROM.")
        recipe.write_text(context.without_frontend(text))
        room = self._make_ready()
        for name in self.offers:
            if name.partition(":")[0] in text:
                self._make_base(name)
        identity = self.folder / "image.id"
        identity.unlink(missing_ok=True)
        options = [f"--tag={REPOSITORY}/{self.name}:{tag}", f"--iidfile={identity}", f"--cgroup-parent={room.group}"]
        options += [f"--label={name}={value}" for name, value in self.labels.items()]
        options += [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
        options += [f"--build-arg=BUILDKIT_CACHE_MOUNT_NS={self.name}", *self._secrets(secrets_given or {})]
        options += [f"--target={target}"] * bool(target) + ["--no-cache"] * no_cache
        before = self._id(tag)
        done = self._run(Build(folder, recipe, options, offered=self.offers), on_steps)
        built = identity.read_text().strip()
        if before and before != built:
            self._remove(before)
        return self._checked(Image(built, self._size(built), done))

    def stop(self) -> None:
        """Cancels the build that is under way, if there is one."""
        if (process := self._process) and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)

    def contents(self, image: Image, *, texts: re.Pattern[str] | None = None) -> layers.Contents:
        """Layers, files and settings of an image, with the text of those files whose paths match. Raises BuildFailed when it cannot be looked into."""
        own = self._layers_of(image.id)
        of_bases = [self._layers_of(self.own_base(name)) for name in self._made]
        shared = max((len(of) for of in of_bases if own[: len(of)] == of), default=0)
        try:
            return layers.read(self.engine, image.id, base_layers=shared, texts=texts)
        except layers.Unreadable as error:
            raise BuildFailed(str(error)) from error

    def offered(self, name: str) -> tuple[int, layers.Contents]:
        """The size of an image that is offered, and what is in it; it is looked into once."""
        inspected = self._inspect(base.OFFERED[name].image)
        known = self.engine.looked_into
        if inspected["Id"] not in known:
            known[inspected["Id"]] = layers.read(self.engine, inspected["Id"], base_layers=1000)
        return int(inspected["Size"]), known[inspected["Id"]]

    def start(self, image: Image, argv: Sequence[str] | None = None, **options: Any) -> Container:
        """A running container of an image: see `Container`."""
        return Container(
            self.engine, image.id, argv, labels=self.labels, limits=options.pop("limits", self.limits), **options
        )

    def run(self, image: Image, argv: Sequence[str] | None = None, *, seconds: float = 60, **options: Any) -> Ran:
        """Runs a container of an image to its end."""
        with self.start(image, argv, **options) as container:
            return container.wait(seconds)

    def is_there(self) -> bool:
        """Whether the engine still has its base images, or never had."""
        return all(self._has(self.own_base(name)) for name in self._made)

    def reset(self, *, undoable: bool = False) -> None:
        """Back to a place where nothing was built: the next build finds no cache. It cannot be undone."""
        self.drop()

    def undo_reset(self) -> bool:
        """There is nothing to go back to: what was built can be built again."""
        return False

    def drop(self) -> None:
        """Removes containers, images and build cache of it, and its folder."""
        if self._room:
            self._room.close()
            self._room = None
        remove(self.engine, self.name, self._ran)
        cache.keep_below(self.engine, self.server)
        self._ran, self._made = [], set()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def _run(self, build: Build, on_steps: OnSteps) -> Done:
        """Builds, with the base images that were made so far; one whose name was not to be seen in the text is made then."""
        made = [name for name in self.offers if name in self._made]
        contexts = [f"--build-context={name}=docker-image://{self.own_base(name)}" for name in made]
        allowed = policy.write(self.folder / "policy.json", map(self.own_base, made))
        try:
            done = run(
                self.engine,
                replace(build, options=[*build.options, *contexts], environment=allowed),
                self.gauge,
                self.limits,
                on_steps,
                self._begun,
            )
        except BuildFailed as failure:
            self._ran += failure.steps
            if failure.refused in self.offers and failure.refused not in self._made:
                self._make_base(failure.refused)
                return self._run(build, on_steps)
            raise
        self._ran += done.steps
        return done

    def _begun(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def _make_ready(self) -> Room:
        """The first of its base images, and the room that its builds share."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.is_there():
            self.drop()
            self.folder.mkdir(parents=True, exist_ok=True)
        self._make_base(self.offers[0])
        if self._room is None:
            image = self.own_base(self.offers[0])
            self._room = Room(self.engine, image, f"{REPOSITORY}-{self.name}-room", self.labels, self.limits)
        return self._room

    def _make_base(self, name: str) -> None:
        """This place's own image of that name, on the server's root of it."""
        if name in self._made:
            return
        of, ours = base.OFFERED[name], {k: v for k, v in self.labels.items() if k != PLACE}
        root = f"{REPOSITORY}/{self.server}:root-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        if not self.engine.has_bridge:  # a guest: its cache goes with it, and need not be found
            base.ensure(self.engine, of, ours)
            root = of.image
        elif not self._has(root):
            base.ensure(self.engine, of, ours)
            ours[SERVER] = self.server
            self._make(cache.root(self.server, of.image), name, "--tag", root, *_labels(ours))
            self._make(cache.mark(self.server, root), name, "--output=type=cacheonly")
        self._make(cache.own_base(self.name, root), name, "--tag", self.own_base(name), *_labels(self.labels))
        self._made.add(name)

    def _make(self, recipe: str, name: str, *options: str) -> None:
        done = self.engine.build(recipe, "--quiet", "--network=none", "--provenance=false", *options)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise ServiceFault(f"The image {name} cannot be used: {said[0][:300]} Run `labkit doctor`.")

    def _secrets(self, given: Mapping[str, str]) -> list[str]:
        folder = self.folder / "secrets"
        shutil.rmtree(folder, ignore_errors=True)
        if given:
            folder.mkdir(mode=0o700)
        for name, value in given.items():
            (folder / name).write_text(value)
        return [f"--secret=id={name},src={folder / name}" for name in given]

    def _checked(self, image: Image) -> Image:
        if image.size > self.limits.image_mb * MB:
            self._remove(image.id)
            why = f"The image has {image.size / MB:,.0f} MB; at most {self.limits.image_mb:,} MB are kept. Leave things out of it."
            raise BuildFailed(why, image.steps, image.advice)
        return image

    def _inspect(self, image: str) -> dict[str, Any]:
        from docker.errors import ImageNotFound

        with contextlib.suppress(ImageNotFound):
            return self.engine.client.api.inspect_image(image)
        return {}

    def _has(self, image: str) -> bool:
        return bool(self._inspect(image))

    def _id(self, tag: str) -> str:
        return self._inspect(f"{REPOSITORY}/{self.name}:{tag}").get("Id", "")

    def _size(self, image: str) -> int:
        return int(self._inspect(image).get("Size") or 0)

    def _layers_of(self, image: str) -> list[str]:
        return (self._inspect(image).get("RootFS") or {}).get("Layers") or []

    def _remove(self, image: str) -> None:
        self.engine.docker("image", "rm", "--force", image)


class NoPlace(EmptyAtFirst):
    """The place of a lab where no image can be built. It says so whenever something is asked of it."""

    def __init__(self, why: str) -> None:
        self.why, self.name, self.where, self.connect_with = why, "no place", "nowhere: no image can be built here", ""

    def reset(self, *, undoable: bool = False) -> None:
        """There is nothing to reset."""

    def undo_reset(self) -> bool:
        """Nothing was reset."""
        return False

    def is_there(self) -> bool:
        """It is all there will be."""
        return True

    def drop(self) -> None:
        """Nothing is there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def remove(engine: Engine, name: str, steps: Sequence[Step] = ()) -> None:
    """Removes what a place has on the engine, also one whose holder is gone. What its steps left in the build cache is the server's."""
    _remove_labelled(engine, f"{PLACE}={name}")
    cache.remove_place(engine, name, steps)


def remove_server(engine: Engine, server: str) -> None:
    """Removes all that a server's places have and had on the engine."""
    for name in places(engine, server):
        remove(engine, name)
    _remove_labelled(engine, f"{SERVER}={server}")
    cache.remove(engine, server)


def _remove_labelled(engine: Engine, label: str) -> None:
    from docker.errors import DockerException

    only: dict[str, Any] = {"label": label}
    for container in engine.client.containers.list(all=True, filters=only, ignore_removed=True):
        with contextlib.suppress(DockerException):
            container.remove(force=True, v=True)
    for image in _images(engine, label):
        names = [*(image["RepoTags"] or []), image["Id"]]  # one of several names is removed with the last of them
        for tag in names:
            with contextlib.suppress(DockerException):
                engine.client.images.remove(tag, force=True)


def _images(engine: Engine, label: str) -> list[dict[str, Any]]:
    """The engine's own list. The SDK's (docker 7.1) asks for each image again, and fails where somebody has removed one meanwhile."""
    return engine.client.api.images(all=True, filters={"label": label})


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]


def servers(engine: Engine, prefix: str) -> dict[str, str]:
    """The servers whose roots are on the engine, and what their keepers keep, e.g. "images-learner"."""
    roots = [image["Labels"] for image in _images(engine, SERVER)]
    found = {labels.get(SERVER, ""): labels.get("labkit.service", "") for labels in roots}
    return {name: kept for name, kept in sorted(found.items()) if name.startswith(prefix)}


def places(engine: Engine, prefix: str) -> list[str]:
    """The names of all places that begin with `prefix`, by what the engine has of them."""
    labels = [image["Labels"] for image in _images(engine, PLACE)]
    labels += [one["Labels"] for one in engine.client.api.containers(all=True, filters={"label": PLACE})]
    return sorted({name for found in labels if (name := found.get(PLACE, "")).startswith(f"{prefix}-")})


def folder_of(engine: Engine, name: str) -> Path:
    """The folder of a place's files."""
    return engine.folder / "places" / name
