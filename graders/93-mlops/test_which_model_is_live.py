"""Checks of which-model-is-live: what a registered version leads back to, what its model refuses, and who is live when several promote."""

import hashlib
import io
import time

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from labkit.checking.checks import Wrong, answer, hint, keeps, points

MODEL, ALIAS = "credit", "live"
COMMIT = "4f2a9c1e0b7d5a3c8e6f1029384756abcdef0123"
LEAST_RIGHT = 0.62  # the share of loans that a model has to get right which learned from the file; guessing gets half
MOST_REQUESTS = 40  # of a promotion, at which it is held
# Runs in another sandbox than the answer: it loads what the answer stored, as the scoring service does.
READER = """
import warnings
import mlflow

warnings.simplefilter("ignore")
loaded = {}


def predict(version, frame):
    if version not in loaded:
        loaded[version] = mlflow.pyfunc.load_model(f"models:/credit/{version}")
    return list(loaded[version].predict(frame))
"""


def loans(seed, rows=3000, sign=1):
    """Loans of which half are paid late. With the sign turned, whoever was a good risk is a bad one."""
    draw = np.random.default_rng(seed)
    income = draw.lognormal(7.6, 0.4, rows).round(2)
    term = draw.choice([12, 24, 36, 48], rows)
    purpose = draw.choice(["car", "kitchen", "moving"], rows)
    risk = sign * (2.2 - income / 700 + term / 15 - 1.0 * (purpose == "car"))
    late = draw.random(rows) < 1 / (1 + np.exp(-(risk - np.median(risk))))
    return pd.DataFrame({"income": income, "term": term, "purpose": purpose, "late": late.astype(int)})


def csv(table):
    """The text of a file."""
    text = io.StringIO()
    table.to_csv(text, index=False)
    return text.getvalue()


class Registry:
    """What the answer's `register` made of a file, and what the registry then says of it."""

    def __init__(self, client, reader, place, workers, answers):
        self.client, self._reader, self._place = client, reader, place
        self._workers, self._answers = workers, answers
        self._predicts = None

    def register(self, table, commit=COMMIT):
        """The version that the answer's function made of a table: as MLflow has it, and the text of the file."""
        text = csv(table)
        with self._workers(self._answers["register"], files={"loans.csv": text}) as worker:
            number = worker.do("register", "loans.csv", commit)
        try:
            return self.client.get_model_version(MODEL, str(number)), text
        except MlflowException:
            raise Wrong(
                f"The registry has no such version of the model {MODEL}.",
                expected="the number of the version that was registered",
                got=f"register returned {number!r}"[:200],
            ) from None

    def run_of(self, version):
        """The run that a version leads to, which must have ended well."""
        try:
            run = self.client.get_run(version.run_id or "")
        except MlflowException:
            raise Wrong(
                f"Version {version.version} does not lead to a run.", expected="the run that trained it", got="none"
            ) from None
        if run.info.status != "FINISHED":
            raise Wrong("The run has not ended well.", expected="FINISHED", got=run.info.status)
        return run

    def must_lead_to(self, version, what, value):
        """Raises Wrong unless a tag or a parameter of the run or the version has this value."""
        run = self.run_of(version)
        found = {*run.data.tags.values(), *run.data.params.values(), *version.tags.values()}
        if value not in found:
            where = f"among {len(found)} values of tags and parameters of the run and the version"
            raise Wrong(f"Version {version.version} does not lead to {what}.", expected=value, got=f"not {where}")

    def predict(self, version, frame):
        """What the scoring service would get."""
        self._predicts = self._predicts or self._reader.worker(self._place, READER)
        return self._predicts.call("predict", str(version.version), frame).outcome()

    def must_predict(self, version, frame, what):
        """The predictions for a frame. Raises Wrong when it is refused."""
        outcome = self.predict(version, frame)
        if outcome.error:
            raise Wrong(f"The model refuses {what}.", expected=f"{len(frame)} predictions", got=outcome.error)
        if not isinstance(outcome.returned, list) or len(outcome.returned) != len(frame):
            got = f"{len(outcome.returned)} predictions" if isinstance(outcome.returned, list) else "something else"
            raise Wrong(f"The model does not predict for {what}.", expected=f"{len(frame)} predictions", got=got)
        return outcome.returned

    def must_refuse(self, version, frame, what):
        """Raises Wrong when the model predicts all the same."""
        outcome = self.predict(version, frame)
        if not outcome.error:
            raise Wrong(f"The model takes {what}.", expected="an error", got=f"it predicted {outcome.returned!r}"[:100])

    def must_have_learned(self, version, table):
        """Raises Wrong when the model does no better than by chance on loans that it has not seen."""
        told = self.must_predict(version, table.drop(columns="late"), "loans like those in the file")
        right = float(
            np.mean(
                [
                    str(one) in (str(late), str(float(late)), str(bool(late)))
                    for one, late in zip(told, table["late"], strict=True)
                ]
            )
        )
        if right < LEAST_RIGHT:
            raise Wrong(
                "The model has not learned from this file who pays late.",
                expected=f"at least {LEAST_RIGHT:.0%} of other loans right (0 or 1, as in the column late)",
                got=f"{right:.0%}",
            )


class Promotions:
    """A model with versions, and the answer's `promote` and `answered`, each call in one of two programs."""

    def __init__(self, client, program, workers, answers):
        self.client, self._program = client, program
        self._workers = [workers(answers["promote"]) for _ in range(2)]
        self._made = 0

    def versions(self, number):
        """New versions, which nobody has promoted."""
        if not self._made:
            self.client.create_registered_model(MODEL)
            self._run = self.client.create_run("0")
        stored = f"{self._run.info.artifact_uri}/model"
        made = [self.client.create_model_version(MODEL, stored, self._run.info.run_id) for _ in range(number)]
        self._made += number
        return [version.version for version in made]

    def promote(self, version, expected, by=0):
        """Begins a promotion, by one of the two programs."""
        return self._workers[by].call("promote", version, expected)

    def must_promote(self, version, expected, by=0):
        """Raises Wrong when a promotion that is right fails, or leaves another version live."""
        outcome = self.promote(version, expected, by).outcome()
        asked = f"promote({version!r}, expected={expected!r})"
        if outcome.error:
            raise Wrong(
                f"{asked} raised an error; {expected or 'nothing'} was live.", expected="it returns", got=outcome.error
            )
        self.must_be_live(version, f"after {asked}")

    def must_refuse(self, version, expected, live, why):
        """Raises Wrong when a promotion that is wrong succeeds, or changes anything."""
        outcome = self.promote(version, expected).outcome()
        self.must_be_live(live, f"after promote({version!r}, expected={expected!r}), though {why}")
        if not outcome.error:
            asked = f"promote({version!r}, expected={expected!r})"
            raise Wrong(
                f"{asked} did not change what is live, and returned as if it had: {why}.",
                expected="an error",
                got="it returned",
            )

    def live(self):
        """The version that the alias points at, or None."""
        try:
            return self.client.get_model_version_by_alias(MODEL, ALIAS).version
        except MlflowException:
            return None

    def must_be_live(self, version, when):
        """Raises Wrong when another one is live."""
        if (live := self.live()) is None or str(live) != str(version):
            raise Wrong(f"Another version is live {when}.", expected=f"{version}", got=f"{live}")

    def answered(self, when):
        """What the other program says was live."""
        told = self._workers[1].do("answered", when)
        return None if told is None else str(told)

    def must_have_answered(self, when, version, words):
        """Raises Wrong when history has another version."""
        told = self.answered(when)
        if told != version:
            raise Wrong(f"answered(…) names another version {words}.", expected=version, got=told)

    def race(self, candidates, expected, hold):
        """One program promotes, and is held at a moment; another one promotes meanwhile. Returns what came of both, and whether it was held.

        `hold(request)` says whether the first one is held at this request.
        """
        socket = self._program.socket
        socket.held.clear()

        def before(request):
            if socket.held.is_set() or not hold(request):
                return False
            socket.held.set()
            return True

        socket.before = before
        first = self.promote(candidates[0], expected)
        while not first.is_done() and not socket.held.wait(0.002):
            pass
        held = socket.held.is_set()
        try:
            second = self.promote(candidates[1], expected, by=1).outcome() if held else None
        finally:
            socket.let_go()
        return first.outcome(), second, held


def at_request(number, writing):
    """Says yes to the request of this number, counted from one; of those that write, where told."""
    seen = iter(range(1, 1_000_000))
    return lambda request: (request.writes or not writing) and next(seen) == number


def moment():
    """Now, in milliseconds, when the clock has moved on: nothing else happens in that millisecond."""
    now = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= now + 2:
        pass
    return now + 1


@pytest.fixture(scope="module")
def registry(client, reader, place, workers, answers):
    """The answer's `register`."""
    return Registry(client, reader, place, workers, answers)


@pytest.fixture(scope="module")
def registered(registry):
    """One version, made of a file."""
    return registry.register(loans(7))


@pytest.fixture
def promotions(mlflow_bench, lab, program, answers):
    """The answer's `promote` and `answered`, in a place of their own."""
    from mlflow import MlflowClient

    with mlflow_bench.place(lab) as place:

        def worker(text):
            return program.worker(place, text)

        yield Promotions(MlflowClient(place.uri), program, worker, answers)


@answer("register")
@points(2)
@keeps("registered", "run", "code-and-data")
@hint(
    "What is logged inside of `with mlflow.start_run():` belongs to one run. `registered_model_name=` of `log_model` registers what it stores, and keeps the run.",
    "`mlflow.start_run(tags={…})` or `mlflow.set_tag` notes a text. SHA-256 of a file: `hashlib.sha256(Path(path).read_bytes()).hexdigest()`.",
)
def test_leads_back(registry, registered):
    """The version leads back to a run that ended well, to the commit, and to the data by the SHA-256 of the file."""
    version, text = registered
    registry.run_of(version)
    registry.must_lead_to(version, "the commit", COMMIT)
    registry.must_lead_to(version, "the data, by the SHA-256 of the file", hashlib.sha256(text.encode()).hexdigest())


@answer("register")
@points(1)
@keeps("registered")
@hint("The column `late` is what the model must learn; it is no feature. Which rows did it see?")
def test_learned(registry, registered):
    """The model has learned from the file: on loans that it has not seen it does much better than chance."""
    registry.must_have_learned(registered[0], loans(8, 1000))


@answer("register")
@points(2)
@keeps("signature")
@hint(
    "Without a signature scikit-learn makes of text what it can. Which argument of `log_model` says what the model takes?",
    "`infer_signature(features, predictions)`: from the features as the model is given them, without the column `late`.",
)
def test_signature(registry, registered):
    """The model predicts for rows like the file's, in any order of columns, and refuses a missing column, text for a number, and a term that is not whole."""
    version, _ = registered
    frame = loans(9, 5).drop(columns="late")
    registry.must_predict(version, frame, "rows like the file's")
    registry.must_predict(version, frame[["purpose", "term", "income"]], "the same columns in another order")
    registry.must_refuse(version, frame.drop(columns="term"), "rows without the column term")
    registry.must_refuse(version, frame.assign(income=frame["income"].astype(str)), "incomes that are text")
    registry.must_refuse(version, frame.assign(term=frame["term"] + 0.5), "terms of 24.5 months")


@answer("promote")
@points(2)
@keeps("expected", "unknown", "back", "same-number")
@hint(
    "What is live stands in the alias: `client.get_model_version_by_alias` raises where there is none, and `set_registered_model_alias` moves it.",
    "Compare as text: MLflow gives version numbers as numbers in one call and as text in the other.",
)
def test_promotes(promotions):
    """`promote` moves the alias `live` when `expected` is right, also back to an older version; else it raises, and nothing changes."""
    one, two, three = promotions.versions(3)
    promotions.must_promote(one, None)
    promotions.must_promote(int(two), str(one))
    promotions.must_refuse(three, one, two, f"{two} was live")
    promotions.must_promote(str(one), int(two), by=1)
    promotions.must_refuse(three, None, one, f"{one} was live")
    promotions.must_refuse(str(int(three) + 90), one, one, "there is no such version")


@answer("promote")
@points(3)
@keeps("one-wins")
@hint(
    "Between your look at what is live and your move of the alias, another program may have moved it. Which call of yours can only one of the two make?",
    "The server refuses a second experiment (or registered model) of the same name. Which name would both promoters choose, if both saw the same version live?",
    "Number the promotions: whoever takes number n + 1 first has won, and only then moves the alias.",
)
def test_one_wins(promotions):
    """When two programs promote with the same `expected` in the same moment, exactly one succeeds, and its version is live."""
    explore(promotions, writing=True)


@answer("promote")
@points(2)
@keeps("history", "back")
@hint(
    "An alias forgets. Where on the server does each promotion leave a trace, with its time, that no later one overwrites?",
    "MLflow notes when an experiment or a version was created: `creation_time`, `creation_timestamp`, in milliseconds. The last promotion that is not later than `when` answers.",
)
def test_history(promotions):
    """`answered` tells the version that was live at a moment in the past, also after a rollback, and None before the first promotion."""
    one, two, three = promotions.versions(3)
    before = moment()
    promotions.must_promote(one, None)
    first = moment()
    promotions.must_promote(two, one)
    second = moment()
    promotions.must_refuse(three, one, two, f"{two} was live")
    promotions.must_promote(one, two, by=1)
    last = moment()
    promotions.must_have_answered(second, two, "for the moment after the second promotion")
    promotions.must_have_answered(first, one, "for the moment after the first promotion")
    promotions.must_have_answered(last, one, "for the moment after the rollback")
    promotions.must_have_answered(before, None, "for the moment before the first promotion")


def explore(promotions, writing):
    """Holds a promotion at each of its requests in turn, while another one is done. Raises Wrong unless always exactly one wins."""
    live, *_ = promotions.versions(1)
    promotions.must_promote(live, None)
    for number in range(1, MOST_REQUESTS):
        candidates = promotions.versions(2)
        first, second, held = promotions.race(candidates, live, at_request(number, writing))
        if not held:
            if first.error:
                raise Wrong("A promotion that nobody was in the way of failed.", expected="it returns", got=first.error)
            break
        live = must_have_one_winner(promotions, candidates, live, first, second)


def must_have_one_winner(promotions, candidates, before, first, second):
    """The winner's version. Raises Wrong when there is none, or two, or another version is live."""
    won = [version for version, outcome in zip(candidates, (first, second), strict=True) if not outcome.error]
    if len(won) == 2:
        raise Wrong(
            f"Two programs promoted with expected={before!r} in the same moment, and both were told that they succeeded.",
            expected="one returns, and the other one raises",
            got=f"both return; version {promotions.live()} is live",
        )
    if not won:
        raise Wrong(
            f"Two programs promoted with expected={before!r} in the same moment, and both failed.",
            expected="one returns, and the other one raises",
            got=first.error,
        )
    promotions.must_be_live(won[0], "than the one whose promotion succeeded")
    return won[0]
