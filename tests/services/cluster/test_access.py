"""What an account may do is asked of the API server; a template's account is bound in its own namespace."""

from __future__ import annotations

from labkit.services.cluster.access import Action, allowed
from labkit.services.cluster.namespace import at_home
from labkit.services.cluster.running import Cluster

RBAC = "rbac.authorization.k8s.io"
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "support"}}
RULES = [
    {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["payment"], "verbs": ["get"]},
]
ROLE = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "support"}, "rules": RULES}
BINDING = {
    "apiVersion": f"{RBAC}/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "support"},
    "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "support"},
    "subjects": [{"kind": "ServiceAccount", "name": "support"}],
}
ALLOWED = [
    Action("get", "pods"),
    Action("get", "pods/log"),
    Action("list", "deployments.apps"),
    Action("get", "secrets", "payment"),
]
REFUSED = [
    Action("list", "pods"),
    Action("get", "pods/exec"),
    Action("list", "deployments"),
    Action("get", "secrets"),
    Action("get", "secrets", "other"),
]


def test_what_an_account_may_do(cluster: Cluster) -> None:
    with cluster.place("access", [ACCOUNT, ROLE, BINDING]) as place:
        assert allowed(place.admin, place.name, "support", [*REFUSED, *ALLOWED]) == ALLOWED
        assert allowed(place.admin, place.name, "default", ALLOWED) == []


def test_a_binding_of_a_template_is_for_its_own_accounts() -> None:
    group = {"kind": "Group", "name": "system:serviceaccounts"}
    elsewhere = {"kind": "ServiceAccount", "name": "load", "namespace": "other"}
    bound = at_home({**BINDING, "subjects": [*BINDING["subjects"], elsewhere, group]}, "lab")
    assert bound["subjects"] == [{**BINDING["subjects"][0], "namespace": "lab"}, elsewhere, group]
    assert at_home(ACCOUNT, "lab") is ACCOUNT


def test_an_action_reads_as_kubectl_takes_it() -> None:
    assert str(Action("get", "secrets", "payment")) == "get secrets/payment"
    assert str(Action("create", "pods/exec")) == "create pods --subresource=exec"
    assert str(Action("list", "deployments.apps")) == "list deployments.apps"
