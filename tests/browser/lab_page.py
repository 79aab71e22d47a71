"""JupyterLab in a browser, as a learner uses it: open a notebook, type into a cell, run it, read what comes."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

CURRENT = "window.jupyterapp.shell.currentWidget"
BUSY = 180_000  # milliseconds: the first cell of a lab brings up its service, on a machine that may be busy


class LabPage:
    """One notebook in JupyterLab. Cells are found by how their text starts."""

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page, self._url, self._pictures = page, url, pictures
        page.set_default_timeout(BUSY)
        expect.set_options(timeout=BUSY)

    def open(self, notebook: str) -> None:
        """Open a notebook by its path in the course, and wait for its kernel."""
        base, _, query = self._url.partition("?")
        self.page.goto(f"{base.partition('/lab')[0]}/lab/tree/{notebook}?{query}&reset")
        self.page.wait_for_function(f"window.jupyterapp && {CURRENT}?.context?.path === {notebook!r}")
        self._wait_for_kernel()

    def run(self, starts: str) -> Locator:
        """Run the cell and wait until it is done; its output."""
        index = self._select(starts)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(f"{CURRENT}.content.widgets[{index}].model.executionState !== 'running'")
        self._wait_for_kernel()
        return self.output(starts)

    def type(self, starts: str, text: str) -> None:
        """Replace the cell's text."""
        self._select(starts)
        self.page.keyboard.press("Enter")
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Escape")

    def output(self, starts: str) -> Locator:
        """The cell's output area."""
        return self.page.locator(
            f".jp-Notebook-cell[data-windowed-list-index='{self._select(starts)}'] .jp-Cell-outputArea"
        )

    def restart_kernel(self) -> None:
        """A new kernel, as from the Kernel menu."""
        self.page.evaluate(f"async () => await {CURRENT}.sessionContext.restartKernel()")
        self._wait_for_kernel()

    def save(self) -> None:
        """Save the notebook, as Ctrl-S does."""
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function(f"!{CURRENT}.context.model.dirty")

    def picture(self, name: str) -> None:
        """Keep a screenshot for people to look at."""
        self.page.screenshot(path=self._pictures / f"{name}.png")

    def _select(self, starts: str) -> int:
        """Make the cell the active one, in sight, in command mode; its index."""
        index = self.page.evaluate(
            f"""async starts => {{
                const notebook = {CURRENT}.content;
                const index = notebook.widgets.findIndex(cell => cell.model.sharedModel.getSource().startsWith(starts));
                if (index < 0) throw new Error("no cell starts with " + starts);
                notebook.mode = "command";
                notebook.activeCellIndex = index;
                await notebook.scrollToItem(index, "start");
                notebook.node.focus();
                return index;
            }}""",
            starts,
        )
        return int(index)

    def _wait_for_kernel(self) -> None:
        self.page.wait_for_function(f"{CURRENT}.sessionContext.session?.kernel?.status === 'idle'")
