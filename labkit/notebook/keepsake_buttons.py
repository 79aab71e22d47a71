"""The map's buttons that save the learner's work, bring it back, and take that back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from labkit.course import CourseError
from labkit.notebook import keepsake, offers
from labkit.pages.page import Page, framed, plural

if TYPE_CHECKING:
    from ipywidgets import DOMWidget


def page() -> Page:
    """For front ends without widgets."""
    says = "To keep your work, run `!labkit save`; `!labkit restore FILE` brings it back."
    html = "<p class='lk-quiet'>To keep your work, run <code>!labkit save</code>; <code>!labkit restore FILE</code> brings it back.</p>"
    return Page(Markup(html), says)


class KeepsakeButtons:
    """Save, restore, undo; what came of it stands below them."""

    def widget(self) -> DOMWidget:
        """The buttons."""
        from ipywidgets import FileUpload, HBox, Layout, VBox

        said = self.said_here()
        self.save = offers._button("Save my work", "download", self.show_saved)
        self.upload = FileUpload(accept=".json", description="Restore my work", layout=Layout(width="auto"))
        self.upload.observe(self._restore, names="value")
        self.undo = offers._button("Undo the restore", "undo", self._undo)
        self.undo.layout.display = "none"
        return VBox([HBox([self.save, self.upload, self.undo]), said])

    def said_here(self) -> DOMWidget:
        """Where is told what came of it; alone in a lab's header, which has a button of its own that saves."""
        from ipywidgets import HTML

        self.said = HTML()
        return self.said

    def show_saved(self) -> None:
        """Offers the work as it is saved now as a file to download."""
        data, name = keepsake.save(), keepsake.name()
        link = Markup('<a download="{}" href="data:application/json;base64,{}">{}</a>').format(
            name, base64.b64encode(data).decode(), name
        )
        self._say(
            Markup("Your work as it is saved now, {:.0f} kB: {}. Click it to download it.").format(
                len(data) / 1000, link
            )
        )

    def _restore(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        try:
            done = keepsake.restore(bytes(change["new"][0]["content"]))
        except (CourseError, OSError) as error:
            self._say(Markup("{} Nothing was changed.").format(str(error)))
        else:
            lines = Markup("<br>").join(done.told())
            again = " Of notebooks that are open choose File, Reload Notebook from Disk." if done.answers else ""
            self._say(lines + again)
            self.undo.layout.display = ""
        self.upload.value = ()

    def _undo(self) -> None:
        count = keepsake.undo()
        self._say(Markup("{} as before.").format(plural(count, "file")) if count else Markup("Nothing to take back."))
        self.undo.layout.display = "none"

    def _say(self, text: Markup) -> None:
        self.said.value = framed(Markup("<p role='status'>{}</p>").format(text))
