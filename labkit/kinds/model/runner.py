"""Runs in the sandbox: imports what takes long once, then a process of its own for each part that is asked for. Nothing of the course is here.

    python runner.py CONTROL SERVER MODULE…

CONTROL is the socket that orders come from, one JSON object a line; SERVER the one that leads to the MLflow server, or "" for none.
"""

import contextlib
import importlib
import inspect
import json
import linecache
import os
import re
import signal
import socket
import sys
import threading
import traceback
import types

LONGEST = 600  # characters of an error
LARGEST = 4_000_000  # bytes of what a function returns
CHUNK = 65536
FILE = "answer.py"
ROWS = re.compile(
    r"(Failed to enforce schema of data) '.*?' (with schema)", re.DOTALL
)  # MLflow's error begins with all rows


def main(control, server, *modules):
    """Forks a process for each order, and ends it when told, until there are no more orders."""
    for name in modules:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    running = {}
    with connected(control, {"hello": "runner"}) as orders:
        for line in orders:
            order = json.loads(line)
            if "end" in order:
                with contextlib.suppress(ProcessLookupError, KeyError):
                    os.killpg(running.pop(order["end"]), signal.SIGKILL)  # also what it has started
                continue
            running[order["name"]] = process = os.fork()
            if process == 0:
                os.setpgid(0, 0)
                orders.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                try:
                    Worker(order, server).serve(control)
                finally:
                    os._exit(0)


def connected(path, hello):
    """A stream of lines to and from the check."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    stream = connection.makefile("rw", encoding="utf-8", newline="\n")
    connection.close()  # the stream has it
    tell(stream, hello)
    return stream


def tell(stream, what):
    """One line."""
    stream.write(json.dumps(what) + "\n")
    stream.flush()


class Worker:
    """A process of an answer: its module, and calls of its functions."""

    def __init__(self, order, server):
        self.order = order
        os.environ.update(order["environment"])
        if numpy := sys.modules.get("numpy"):
            numpy.random.seed()  # a fork has its parent's state: two processes would make the same draws without a seed
        if server:
            self.track(f"http://127.0.0.1:{forward(server)}{order['path']}")
        os.makedirs(order["folder"], exist_ok=True)
        os.chdir(order["folder"])
        for name, text in order["files"].items():
            with open(name, "w", encoding="utf-8", newline="") as file:
                file.write(text)

    def track(self, uri):
        """MLflow works in this place."""
        import mlflow

        os.environ["MLFLOW_TRACKING_URI"] = uri
        mlflow.set_tracking_uri(uri)

    def serve(self, control):
        """Defines what the answer defines, and answers calls."""
        exec(self.order["before"], {"__name__": "before"})
        with connected(control, {"hello": self.order["name"]}) as calls:
            nothing = os.open(os.devnull, os.O_WRONLY)
            for number in (1, 2):
                os.dup2(nothing, number)
            module = types.ModuleType("__main__")  # as in a notebook, so that what is pickled is pickled as there
            sys.modules["__main__"] = module
            text = self.order["text"]
            linecache.cache[FILE] = (len(text), None, text.splitlines(True), FILE)
            tell(calls, outcome(lambda: exec(compile(text, FILE, "exec"), module.__dict__) and None))
            for line in calls:
                asked = json.loads(line)
                tell(calls, outcome(lambda asked=asked: call(module, asked)))


def call(module, asked):
    """What the function returns. With "methods", it is an object, and each is called on what the one before returned."""
    function = getattr(module, asked["function"], None)
    if not callable(function):
        raise NameError(f"the cell defines no function {asked['function']}")
    returned = function(*map(decoded, asked["arguments"]))
    if inspect.isawaitable(returned) or inspect.isgenerator(returned):
        raise TypeError(
            f"{asked['function']} is {type(returned).__name__}, of which nothing has run: write it without async and yield"
        )
    return returned


def outcome(work):
    """What came of it, so that JSON can have it."""
    try:
        told = {"returned": encoded(work())}
        if len(json.dumps(told)) > LARGEST:
            raise ValueError(f"what is returned has more than {LARGEST:,} bytes")
        return told
    except BaseException as error:
        try:
            said = ROWS.sub(r"\1 \2", str(error))
        except Exception:
            said = ""
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
        lines = [error.lineno] if isinstance(error, SyntaxError) and error.filename == FILE else lines
        place = f"line {lines[-1]}: " if lines else ""
        kinds = [kind.__name__ for kind in type(error).__mro__[:-2]]
        return {"error": f"{place}{type(error).__name__}: {said}"[:LONGEST], "kinds": kinds[:20]}


def encoded(value):
    """As JSON has it: numbers, texts, lists and dicts, also those of NumPy and pandas."""
    if type(value).__name__ == "DataFrame":
        return {
            "$frame": {
                str(name): [str(value.dtypes.iloc[at]), cells(value.iloc[:, at])]
                for at, name in enumerate(value.columns)
            }
        }
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): encoded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"it returns {type(value).__name__}, which cannot be told to the check")


def cells(column):
    """What a column holds; None where it has no value."""
    return [
        None if missing else encoded(cell)
        for cell, missing in zip(column.astype(object).tolist(), column.isna().tolist(), strict=True)
    ]


def decoded(value):
    """An argument: JSON, or a frame as `frames.encoded` makes it."""
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if isinstance(value, dict) and "$frame" in value:
        import pandas

        columns = {name: pandas.Series(cells, dtype=kind) for name, (kind, cells) in value["$frame"].items()}
        return pandas.DataFrame(columns).set_axis(value["$index"], axis="index")
    return value


def forward(server):
    """A port of this sandbox's own that leads to the server's socket, as MLflow's client knows addresses only."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            here, _ = listener.accept()
            there = socket.socket(socket.AF_UNIX)
            try:
                there.connect(server)
            except OSError:
                here.close()
                continue
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=copy, args=(source, target), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def copy(source, target):
    """Bytes one way, until there are no more."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(*sys.argv[1:])
