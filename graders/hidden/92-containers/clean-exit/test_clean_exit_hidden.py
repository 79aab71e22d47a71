"""Hidden checks of clean-exit: the project some commits later, with other words, other prices, and a till that says itself that it is sick."""

import secrets

import pytest
from test_clean_exit import IMPOSSIBLE, must_not_open, must_serve, stopped, till

from labkit.checking.checks import Wrong, after, answer, keeps, points, review

SHOP = "At * the \"Moon\"; $HOME 'n' more"
TAX = "def with_tax(cents):\n    return cents + 7\n"
SAYS_IT = """
    def do_GET(self):
        if self.path != "/healthz":
            return self.reply(f"the till of {SHOP}")
        self.send_response(200 if clerk.is_alive() else 503)
        self.end_headers()
        self.wfile.write(b"ok" if clerk.is_alive() else b"the clerk is gone")

    def do_POST(self):"""


@pytest.fixture(scope="module")
def status():
    """With which `prices.py` ends now."""
    return 4 + secrets.randbelow(60)


@pytest.fixture(scope="module")
def image(image_place, build_context, answers, status):
    """The answer, built in a later state of the project."""
    text = {name: build_context[f"app/{name}.py"].decode() for name in ("till", "prices")}
    later = text["till"].replace("import argparse\n", "import argparse\n\nimport tax\n")
    later = later.replace("receipts.append(cents)", "cents = tax.with_tax(cents)\n            receipts.append(cents)")
    later = later.replace(
        "threading.Thread(target=ring_up, daemon=True).start()",
        "clerk = threading.Thread(target=ring_up, daemon=True)\nclerk.start()",
    )
    later = later.replace("\n    def do_POST(self):", SAYS_IT).replace(
        "    def do_GET(self):\n        if self.path ==", "    def old_GET(self):\n        if self.path =="
    )
    files = {
        "app/till.py": later,
        "app/tax.py": TAX,
        "app/prices.py": text["prices"].replace("sys.exit(3)", f"sys.exit({status})"),
    }
    return image_place.build({**build_context, **files, "Dockerfile": answers["image"]})


@answer("start")
@points(3)
@keeps("opens", "arguments", "failure")
@after("test_hands_arguments_on", "test_opens_with_prices_only")
@review("What a shell makes of the words that it is given, and of a command that failed.")
def test_later_state_is_started(image_place, image, status):
    """A later state of the project is started with other words, and not without prices."""
    must_serve(image_place, image, SHOP, f"--shop={SHOP}", cents=247, PRICES="coffee=120")
    must_serve(image_place, image, "", "--shop", "", cents=187, PRICES="coffee=90")
    must_not_open(image_place, image, status)


@answer("start")
@points(2)
@keeps("stops", "in-flight")
@after("test_answers_what_it_has_begun")
@review("Which process gets the signal, and who waits for whom.")
def test_later_state_is_stopped(image_place, image):
    """It ends in time, with more orders in flight and with none."""
    for orders in (4, 0):
        found = stopped(image_place, image, orders=orders, order={"what": "cake", "count": 3})
        found.must_be_soon()
        found.must_answer(1267)


@answer("image")
@points(3)
@keeps("healthy", "hangs")
@after("test_busy_is_not_sick")
@review("Which answers to the health check's question are good ones.")
def test_later_state_says_that_it_is_sick(image_place, image):
    """A later state answers the question of its health with 503 when it is sick: that is seen, too."""
    with till(image_place, image) as open_till:
        open_till.must_open()
        open_till.must_get_healthy()
        if not open_till.order(IMPOSSIBLE).begun():
            raise Wrong("The till does not take an order.", expected="it is begun", got="no answer")
        open_till.must_get_sick("The till says that it is sick, with status 503")
