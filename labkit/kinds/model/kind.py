"""Functions around models, called one at a time, each call with the place of an MLflow server as its tracking URI."""

from __future__ import annotations

from labkit.kinds.kind import ProgramKind
from labkit.sandbox.limits import Limits, MiB


class Model(ProgramKind):
    """Functions around models, called one at a time, each call with the place of an MLflow server as its tracking URI."""

    stub = "your functions here"
    service = "mlflow"
    imports = (
        "mlflow",
        "mlflow.sklearn",
        "mlflow.pyfunc",
        "pandas",
        "sklearn.pipeline",
        "sklearn.compose",
        "sklearn.linear_model",
        "sklearn.ensemble",
    )
    fixtures = "labkit.kinds.model.fixtures"
    # Beside a learner's kernel a program waits for the next answer: `seconds` are those until it is replaced. What an answer may take is
    # counted from when it has it.
    sandbox = Limits(
        seconds=3600,
        cpu_seconds=240,
        memory=1536 * MiB,
        processes=128,
        file_size=64 * MiB,
        disk=128 * MiB,
        open_files=512,
        libraries=("mlflow", "pandas", "scikit-learn", "skops"),
    )
    seconds = 240.0
    sessions = 64  # connections to the server: a client opens one for each request that is under way


KIND = Model
