"""An image that was built in a notebook, for a lab's pictures: how it was built, what is in it, what it prints."""

from __future__ import annotations

from functools import cached_property

from labkit.services.images.container import Ran
from labkit.services.images.layers import Contents, Layer
from labkit.services.images.place import Image, Place
from labkit.services.images.progress import Step

MEGABYTE = 1_000_000  # as Docker prints sizes


class Built:
    """Sizes are in megabytes of 1,000,000 bytes, as Docker prints them."""

    def __init__(self, place: Place, image: Image) -> None:
        self.place, self.image = place, image

    @property
    def steps(self) -> list[Step]:
        """The steps of the last build."""
        return self.image.steps

    @property
    def seconds(self) -> float:
        """How long the last build took, from the command to the image."""
        return self.image.done.seconds

    @property
    def megabytes(self) -> float:
        """The image's size, with the image that it is built on."""
        return self.image.size / MEGABYTE

    @cached_property
    def contents(self) -> Contents:
        """What is in it."""
        return self.place.contents(self.image)

    @property
    def own_layers(self) -> list[Layer]:
        """The layers that its Dockerfile made."""
        return [layer for layer in self.contents.layers if not layer.is_base]

    @property
    def base_megabytes(self) -> float:
        """What came with the image that FROM names."""
        return sum(layer.size for layer in self.contents.layers if layer.is_base) / MEGABYTE

    def run(self, **environment: str) -> Ran:
        """Runs a container of it, with these environment variables: no network, read-only, no capabilities."""
        return self.place.run(self.image, environment=environment, tmpfs=["/tmp"])
