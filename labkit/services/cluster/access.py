"""What a service account may do: the API server is asked, as only it knows what all roles and bindings together come to."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from labkit.services.cluster.api import Api

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
EVERYBODY = "system:authenticated"
ACCOUNTS = "system:serviceaccounts"
AT_ONCE = 8  # reviews: the server answers each by itself


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


def _may(api: Api, namespace: str, account: str, action: Action) -> bool:
    """Whether an account of a namespace may do this there. Raises ApiError."""
    user = f"system:serviceaccount:{namespace}:{account}"
    groups = [ACCOUNTS, f"{ACCOUNTS}:{namespace}", EVERYBODY]
    spec = {"user": user, "groups": groups, "resourceAttributes": action.attributes(namespace)}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(api.create(REVIEWS, review)["status"].get("allowed"))


def allowed(api: Api, namespace: str, account: str, actions: Iterable[Action]) -> list[Action]:
    """Those that the account may do, in their order. Raises ApiError."""
    actions = list(actions)
    with ThreadPoolExecutor(AT_ONCE, "reviews") as threads:
        answers = threads.map(lambda action: _may(api, namespace, account, action), actions)
        return [action for action, answer in zip(actions, answers, strict=True) if answer]
