"""A service of the course's own that learners' servers ask: one line of JSON in, one line out, on a Unix socket."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Self

from labkit.course.home import run_folder

LONGEST = 4_096  # bytes of a question that anybody reads

ASK = f'''
import asyncio
import json
import os


async def _ask(question):
    """The service's answer, or None where it gives none."""
    try:
        reader, writer = await asyncio.open_unix_connection(os.environ["{{name}}"], limit={LONGEST})
    except OSError:
        return None
    try:
        writer.write(json.dumps(question).encode() + b"\\n")
        line = await reader.readline()
    except OSError:
        return None
    finally:
        writer.close()
    return json.loads(line) if line else None
'''


class AskedService:
    """An async context manager. `module` is the text of `MODULE_FILE`, which lies beside the program and asks us; `NAME` is where the
    program's environment has our socket."""

    NAME: ClassVar[str]
    MODULE_FILE: ClassVar[str]
    MODULE: ClassVar[str]  # its functions; they call `_ask`

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ask-", dir=run_folder()))
        self.path = self._folder / self.NAME.lower() / "service.sock"

    async def __aenter__(self) -> Self:
        self._folder.chmod(0o711)
        self.path.parent.mkdir(mode=0o711)
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=LONGEST, backlog=1_024)
        self.path.chmod(0o666)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def module(self) -> dict[str, str]:
        """The file that lies beside the program."""
        return {self.MODULE_FILE: ASK.format(name=self.NAME).lstrip() + "\n\n" + self.MODULE}

    async def asked(self, question: Any, writer: asyncio.StreamWriter) -> None:
        """Answers with `answer`, now or later, or ends the connection. The question is whatever JSON came."""
        raise NotImplementedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = json.loads(await reader.readline())
        except (ValueError, OSError, RecursionError, asyncio.LimitOverrunError):
            writer.close()
            return
        await self.asked(question, writer)


def answer(writer: asyncio.StreamWriter, what: Any) -> None:
    """Sends an answer, and ends the connection."""
    writer.write(json.dumps(what).encode() + b"\n")
    writer.close()
