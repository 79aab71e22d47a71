"""Checks of same-run-twice: a run that is done again somewhere else, from what was tracked of it."""

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from labkit.checking.checks import Wrong, after, hint, keeps, points

SETTINGS = {"trees": 15, "depth": 20}  # so deep that a forest knows the rows by heart that it saw
LEAST_RIGHT = 0.6
BY_HEART = 0.93  # of rows that were seen such a forest gets 97 % right, of others 71 %
LARGEST = 4_000_000  # bytes of an artifact that are read
SHOWN = 3  # predictions that are named


def loans(seed, rows=2000):
    """Loans of which some 40 % are paid late."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "id": draw.permutation(10 * rows)[:rows],
            "income": draw.lognormal(7.6, 0.4, rows).round(2),
            "term": draw.choice([12, 24, 36], rows),
            "purpose": draw.choice(["car", "kitchen", "moving"], rows),
            "owner": draw.random(rows) < 0.4,
        }
    )
    risk = 2 - table["income"] / 700 + table["term"] / 15 + 2 * (table["purpose"] == "moving") - 1.5 * table["owner"]
    return table.assign(late=(draw.random(rows) < 1 / (1 + np.exp(-risk + 0.9))).astype(int))


def csv(table):
    """The text of a file."""
    text = io.StringIO()
    table.to_csv(text, index=False)
    return text.getvalue()


class Training:
    """The answer's functions, each call in a process of its own that finds one file."""

    def __init__(self, client, place, answers):
        self.client, self._place, self._answers = client, place, answers

    def worker(self, program, table):
        """A process of a program, with a table as its file."""
        return program.worker(self._place, self._answers["train"], files={"loans.csv": csv(table)})

    def train(self, program, table, settings=SETTINGS, seed=11):
        """The run that `train` made."""
        with self.worker(program, table) as worker:
            return self.run(worker.do("train", "loans.csv", settings, seed), "train")

    def again(self, program, table, run):
        """The run that `again` made of another one, or the error that it raised."""
        with self.worker(program, table) as worker:
            outcome = worker.call("again", run.info.run_id, "loans.csv").outcome()
        return outcome if outcome.error else self.run(outcome.returned, "again")

    def run(self, run_id, function):
        """A run as MLflow has it; it must have ended well. Raises Wrong."""
        try:
            run = self.client.get_run(str(run_id))
        except MlflowException:
            raise Wrong(
                f"{function} returned no run's id.", expected="the id of its run", got=f"{run_id!r}"[:100]
            ) from None
        if run.info.status != "FINISHED":
            raise Wrong(f"The run of {function} has not ended well.", expected="FINISHED", got=run.info.status)
        return run

    def accuracy(self, run):
        """The metric. Raises Wrong where there is none."""
        if "accuracy" not in run.data.metrics:
            got = ", ".join(sorted(run.data.metrics)[:5]) or "no metric"
            raise Wrong("The run has no metric accuracy.", expected="accuracy", got=got)
        return run.data.metrics["accuracy"]

    def predictions(self, run, rows):
        """The probabilities that a run stored. Raises Wrong where they are missing or none."""
        found = {file.path: file.file_size for file in self.client.list_artifacts(run.info.run_id)}
        if "predictions.json" not in found:
            raise Wrong(
                "The run has no artifact predictions.json.",
                expected="predictions.json",
                got=", ".join(found)[:200] or "none",
            )
        if (found["predictions.json"] or 0) > LARGEST:
            raise Wrong("The artifact predictions.json is too large.", expected=f"a list of {rows} numbers", got="more")
        with tempfile.TemporaryDirectory() as folder:
            at = download_artifacts(
                run_id=run.info.run_id, artifact_path="predictions.json", dst_path=folder, tracking_uri=self._place.uri
            )
            text = Path(at).read_text(encoding="utf-8", errors="replace")
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        numbers = isinstance(values, list) and all(isinstance(v, int | float) and 0 <= v <= 1 for v in values)
        if not numbers or len(values) != rows:
            got = f"a list of {len(values)}" if isinstance(values, list) else "something else"
            raise Wrong(
                "predictions.json is not one probability for each row.",
                expected=f"a list of {rows} numbers from 0 to 1",
                got=got,
            )
        return values

    def must_be_the_same(self, run, other, rows, where, ask=""):
        """Raises Wrong when two runs differ, or are one; `ask` is what to look for when their predictions differ."""
        if getattr(other, "error", ""):
            raise Wrong(f"The run cannot be done again {where}.", expected="a new run", got=other.error)
        if other.info.run_id == run.info.run_id:
            raise Wrong("again returned the first run.", expected="the id of a new run", got="the id that it was given")
        first, second = self.predictions(run, rows), self.predictions(other, rows)
        if differing := [number for number, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]]:
            at = differing[0]
            raise Wrong(
                f"{len(differing)} of {rows} predictions differ {where}. {ask}".rstrip(),
                expected=f"for the loan at place {at}: {first[at]!r}",
                got=f"{second[at]!r}",
            )
        if self.accuracy(run) != self.accuracy(other):
            raise Wrong(
                f"The accuracy differs {where}.",
                expected=repr(self.accuracy(run)),
                got=repr(self.accuracy(other)),
            )

    def must_refuse(self, program, table, run, what):
        """Raises Wrong when `again` goes on."""
        if not getattr(self.again(program, table, run), "error", ""):
            raise Wrong(f"again went on, though {what}.", expected="an error", got="a new run")


@pytest.fixture(scope="module")
def training(client, place, answers):
    """The answer's functions."""
    return Training(client, place, answers)


@pytest.fixture(scope="module")
def first(training, program):
    """A run, and the table it was made of."""
    table = loans(5)
    return training.train(program, table), table


@points(2)
@keeps("tracked", "logged")
@hint(
    '`mlflow.log_metric`, and `mlflow.log_text(json.dumps(…), "predictions.json")`, inside of one `with mlflow.start_run()`.',
    "The rows of a file may come in any order; the list is in the order of `id`.",
)
def test_tracks(training, first):
    """The run has the accuracy and, in the order of `id`, a probability for each loan that tells well who pays late."""
    run, table = first
    accuracy = training.accuracy(run)
    late = table.sort_values("id")["late"].to_numpy() == 1
    right = float(np.mean((np.array(training.predictions(run, len(table))) > 0.5) == late))
    if right < LEAST_RIGHT:
        raise Wrong(
            "The predictions do not tell who pays late. Are they in the order of id?",
            expected=f"at least {LEAST_RIGHT:.0%} of the loans right",
            got=f"{right:.0%}",
        )
    if not LEAST_RIGHT <= accuracy <= BY_HEART:
        known = "It is as high as on rows that the model was trained on: which rows do you count?"
        raise Wrong(
            f"The accuracy is not that of rows held back. {known if accuracy > BY_HEART else ''}".rstrip(),
            expected=f"{LEAST_RIGHT} to {BY_HEART}",
            got=f"{accuracy:.3f}",
        )


@points(3)
@keeps("same-bits", "new-run")
@hint(
    "Which draws are there? The rows that are held back, and those of the model. Each has a `random_state`, or a generator of its own, made from the seed.",
    "`set(…)` of texts has another order in the next process. Where does an order of yours come from?",
)
def test_again(training, program, elsewhere, first):
    """`again` comes to the same accuracy and predictions bit for bit: in another process, with another hash seed and more threads."""
    run, table = first
    training.must_be_the_same(
        run, training.again(program, table, run), len(table), "in another process", "Which draw has no seed?"
    )
    other = training.again(elsewhere, table, run)
    training.must_be_the_same(
        run,
        other,
        len(table),
        "with another hash seed and more threads",
        "What is in the order of a set, or a sum of several threads?",
    )


@points(2)
@after("test_again")
@keeps("same-bits")
@hint(
    "A database exports rows in any order. Which column brings them into an order of your own, before anything is drawn or hashed?"
)
def test_any_order(training, program, first):
    """The same rows in another order are the same data: `again` takes them, and comes to the same bits."""
    run, table = first
    other = training.again(program, table.sample(frac=1, random_state=3), run)
    training.must_be_the_same(run, other, len(table), "with the rows in another order")


@points(2)
@keeps("same-data")
@hint(
    "What does the run know of its data? A number of rows, or a mean, does not tell one cell.",
    "A hash of the sorted table's whole content: `hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()`.",
)
def test_changed_data(training, program, first):
    """`again` refuses data of which one cell is changed, or one row is missing."""
    run, table = first
    for what, changed in changes(table, len(table) // 2):
        training.must_refuse(program, changed, run, what)


@points(1)
@keeps("seed")
@hint("Two seeds, two draws. Where does `seed` go?")
def test_seed(training, program, first):
    """Another seed gives other predictions."""
    run, table = first
    other = training.train(program, table, seed=12)
    if training.predictions(run, len(table)) == training.predictions(other, len(table)):
        raise Wrong("The predictions are the same with another seed.", expected="others", got="the same")


CHANGED = {
    "income": lambda income: round(income + 0.01, 2),
    "owner": lambda owner: not owner,
    "purpose": lambda purpose: "car" if purpose != "car" else "kitchen",
}


def changes(table, at):
    """One change each, with its name."""
    row = table.index[at]
    for column, change in CHANGED.items():
        changed = table.copy()
        changed.loc[row, column] = change(changed.loc[row, column])
        yield f"one {column} is changed", changed
    yield "one row is missing", table.drop(index=row)


def of_another_version(training, run):
    """A run like this one, made with another scikit-learn. Raises Wrong where no tag or parameter has the version."""
    version = sklearn.__version__
    if version not in {*run.data.tags.values(), *run.data.params.values()}:
        raise Wrong("No tag or parameter of the run has scikit-learn's version.", expected=version, got="none")
    client = training.client
    copy = client.create_run(run.info.experiment_id)
    for name, value in run.data.params.items():
        client.log_param(copy.info.run_id, name, "0.1.0" if value == version else value)
    for name, value in run.data.tags.items():
        if not name.startswith("mlflow."):
            client.set_tag(copy.info.run_id, name, "0.1.0" if value == version else value)
    for name, value in run.data.metrics.items():
        client.log_metric(copy.info.run_id, name, value)
    client.set_terminated(copy.info.run_id)
    return client.get_run(copy.info.run_id)
