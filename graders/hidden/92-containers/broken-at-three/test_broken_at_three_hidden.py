"""Hidden checks of broken-at-three: another namespace, in which the price was another one from the start"""

from test_broken_at_three import must_cost, repaired_in

from labkit.checking.checks import after, answer, keeps, points, review
from labkit.kinds.manifest.answers import apply

OTHER = "5.20"


@answer("repaired")
@points(2)
@after("test_the_price_is_told")
@keeps("price", "served")
@review("Where each value comes from: what a ConfigMap or a Service's name gives is written nowhere else.")
def test_another_place(fresh_namespace, the_incident, manifest):
    """In another namespace with another price, customers are served and told that one, also when the repair is applied twice."""
    namespace = fresh_namespace()
    namespace.admin.patch(f"{namespace.path}/configmaps/terms", {"data": {"fee": OTHER}})
    shop = repaired_in(namespace, the_incident, manifest)
    apply(namespace, manifest("repaired"))
    shop.clock.judge(lambda: shop.must_serve())
    must_cost(shop, OTHER)
