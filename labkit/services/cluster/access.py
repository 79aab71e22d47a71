"""What a service account may do: the API server is asked, as only it knows what all roles and bindings together come to."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.services.cluster.api import Api

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
EVERYBODY = "system:authenticated"
ACCOUNTS = "system:serviceaccounts"


@dataclass(frozen=True)
class Action:
    """What `kubectl auth can-i` asks for: `resource` as in "pods", "pods/log", "deployments.apps"; `name` of one object, or of none."""

    verb: str
    resource: str
    name: str = ""

    def __str__(self) -> str:
        """As `kubectl auth can-i` takes it."""
        kind, _, sub = self.resource.partition("/")
        target = f"{kind}/{self.name}" if self.name else kind
        return f"{self.verb} {target}" + (f" --subresource={sub}" if sub else "")

    def attributes(self, namespace: str) -> dict[str, str]:
        """As a review has it."""
        kind, _, sub = self.resource.partition("/")
        plural, _, group = kind.partition(".")
        asked = {"namespace": namespace, "verb": self.verb, "group": group, "resource": plural}
        return {**asked, "subresource": sub, "name": self.name}


def may(api: Api, namespace: str, account: str, action: Action) -> bool:
    """Whether an account of a namespace may do this there. Raises ApiError."""
    user = f"system:serviceaccount:{namespace}:{account}"
    groups = [ACCOUNTS, f"{ACCOUNTS}:{namespace}", EVERYBODY]
    spec = {"user": user, "groups": groups, "resourceAttributes": action.attributes(namespace)}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(api.create(REVIEWS, review)["status"].get("allowed"))
