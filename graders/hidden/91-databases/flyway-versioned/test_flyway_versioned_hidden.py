"""Hidden checks of flyway-versioned: other orders, discounts at the limit, days without revenue, a release that comes later."""

from test_flyway_versioned import LATER, MIGRATE, committed, must, outlet, released, viewed

from labkit.checking.checks import answer, keeps, points, review
from labkit.services.flyway import flyway


@answer("release")
@points(3)
@keeps("divided", "limit", "production-takes-it", "from-nothing")
@review("Which rows the rule speaks of, and what becomes of a discount of exactly 50.")
def test_release_on_other_orders(released):
    """With other orders, production takes the release, the discounts follow the rule, and the limit holds there and in an empty database."""
    released.takes_it()
    released.has_the_limit()
    released.comes_out_the_same()


@answer("release")
@points(1)
@keeps("next-release")
@review("The versions of the files, and which comes after which.")
def test_next_release(released, answers):
    """The release after this one reaches production, and a database made from nothing, by `flyway migrate` alone."""
    released.takes_it()
    files = committed("release", answers)[0].with_files(LATER).files
    must(flyway().run(released.database, "shop", files, MIGRATE), "Production, at the next release")
    must(flyway().run(released.database, "test", files, MIGRATE), "An empty database, at the next release")


@answer("view")
@points(3)
@keeps("zero", "view-columns", "runs-again")
@review("What the view shows for a day on which every order was cancelled, and what its file meets when it runs again.")
def test_view_on_other_orders(viewed):
    """With other orders the view is right on every day, in production and in an empty database, and it can be replaced."""
    viewed.shows_sales()
    viewed.is_there_from_nothing()
    viewed.runs_again()


@answer("outlet")
@points(2)
@keeps("outlet-joins", "outlet-rows", "outlet-next")
@review("Which migrations the outlet's tables have seen already, and which not.")
def test_outlet_on_other_rows(outlet):
    """An outlet with other rows joins as well, and takes the next release."""
    outlet.joined()
    outlet.takes_the_next()
