"""A real kernel, as a front end uses it: cells in, outputs out, clicks on buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from jupyter_client.manager import KernelManager

from tests.patience import PATIENCE

WIDGET = "application/vnd.jupyter.widget-view+json"
IDLE = {"execution_state": "idle"}
OPEN = "%load_ext labkit.notebook\n%lab tiny"


@dataclass
class Outputs:
    """What one cell put out."""

    bundles: list[dict[str, Any]] = field(default_factory=list)
    printed: str = ""
    error: str = ""

    @property
    def text(self) -> str:
        """All of it, as a terminal shows it."""
        return "\n".join([*(bundle.get("text/plain", "") for bundle in self.bundles), self.printed, self.error])

    @property
    def html(self) -> str:
        """All of it, as GitHub or nbconvert show it."""
        return "\n".join(bundle.get("text/html", "") for bundle in self.bundles)


class Kernel:
    """One kernel. The state of its widgets is kept as a front end would keep it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env=dict(environment))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self.widgets: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return self.manager.provisioner.pid  # type: ignore[union-attr]

    def run(self, code: str, timeout: float = PATIENCE) -> Outputs:
        """Runs a cell."""
        outputs = Outputs()
        self.client.execute_interactive(code, timeout=timeout, output_hook=lambda m: self._take(m, outputs))
        return outputs

    def evaluate(self, expression: str) -> str:
        """What Python prints of an expression."""
        outputs = self.run(f"print({expression})")
        assert not outputs.error, outputs.error
        return outputs.printed.strip()

    def buttons(self) -> dict[str, str]:
        """The buttons that can be seen and clicked: label -> id. Of several with one label, the newest."""
        return {
            state["description"]: name
            for name, state in self.widgets.items()
            if state.get("_model_name") == "ButtonModel" and not state.get("disabled") and self._is_shown(state)
        }

    def click(self, label: str) -> None:
        """Clicks a button and waits until the kernel has done what it does."""
        self._tell(self.buttons()[label], {"method": "custom", "content": {"event": "click"}})

    def set(self, widget: str, **state: Any) -> None:
        """Changes what a widget holds (its id), as somebody does who ticks a box, and waits until the kernel has done what follows."""
        self.widgets[widget].update(state)
        self._tell(widget, {"method": "update", "state": state, "buffer_paths": []})

    def _tell(self, widget: str, data: dict[str, Any]) -> None:
        message = self.client.session.msg("comm_msg", {"comm_id": widget, "data": data})
        self.client.shell_channel.send(message)
        while True:
            told = self.client.get_iopub_msg(timeout=PATIENCE)
            self._take(told, Outputs())
            if told["parent_header"].get("msg_id") == message["header"]["msg_id"] and told["content"] == IDLE:
                return

    def shown(self) -> str:
        """All HTML that widgets hold."""
        return "\n".join(str(s.get("value", "")) for s in self.widgets.values() if s.get("_model_name") == "HTMLModel")

    def _is_shown(self, state: dict[str, Any]) -> bool:
        layout = self.widgets.get(state.get("layout", "").removeprefix("IPY_MODEL_"), {})
        return layout.get("display") != "none"

    def _take(self, message: dict[str, Any], outputs: Outputs) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind in ("display_data", "execute_result"):
            outputs.bundles.append(content["data"])
        elif kind == "stream":
            outputs.printed += content["text"]
        elif kind == "error":
            outputs.error += "\n".join(content["traceback"])
        elif kind == "comm_open":
            self.widgets[content["comm_id"]] = content["data"].get("state", {})
        elif kind == "comm_msg":
            self.widgets.setdefault(content["comm_id"], {}).update(content["data"].get("state", {}))
