"""Manifests that want more than a lab gives: each is refused in words, or comes to nothing, and the next answer finds all as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from labkit.kinds.answer import AnswerError
from labkit.kinds.manifest.answers import apply, documents
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.running import Cluster
from tests.services.cluster.pods import until

POD = """apiVersion: v1
kind: Pod
metadata: {{name: greedy}}
spec:
  {more}
  containers:
    - name: main
      image: shop:1.0
      {inside}
"""
CLUSTER = "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: greedy}}\n{rest}"
RULES = "rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]"
BINDING = """apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: greedy}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default}]
"""
WEBHOOK = """webhooks:
  - name: greedy.example.com
    clientConfig: {url: "https://127.0.0.1:1/"}
    rules: [{apiGroups: ["*"], apiVersions: ["*"], resources: ["*"], operations: ["*"]}]
    sideEffects: None
    admissionReviewVersions: [v1]
"""
REFUSED = {
    "the machine's files": (POD.format(more="volumes: [{name: host, hostPath: {path: /}}]", inside=""), "no hostPath"),
    "the machine's network": (POD.format(more="hostNetwork: true", inside=""), "no hostNetwork"),
    "the machine's processes": (POD.format(more="hostPID: true", inside=""), "no hostNetwork, hostPID or hostIPC"),
    "a privileged container": (
        POD.format(more="", inside="securityContext: {privileged: true}"),
        "may not be privileged",
    ),
    "a port of the machine": (
        POD.format(more="", inside="ports: [{containerPort: 8000, hostPort: 8000}]"),
        "no hostPort",
    ),
    "more capabilities": (
        POD.format(more="", inside="securityContext: {capabilities: {add: [SYS_ADMIN]}}"),
        "capabilities",
    ),
    "a node of its choice": (POD.format(more="nodeName: labkit", inside=""), "Line 5: no `nodeName`"),
    "the control plane's node": (
        POD.format(more="tolerations: [{key: node-role.kubernetes.io/control-plane, operator: Exists}]", inside=""),
        "Line 5: a pod may not tolerate",
    ),
    "more memory than there is": (POD.format(more="", inside="resources: {limits: {memory: 64Gi}}"), "memory"),
    "a role over the whole cluster": (
        CLUSTER.format(version="rbac.authorization.k8s.io/v1", kind="ClusterRole", rest=RULES),
        "belongs to the whole cluster",
    ),
    "a binding to cluster-admin": (BINDING, "You may not make a RoleBinding|attempting to grant"),
    "a namespace": (
        CLUSTER.format(version="v1", kind="Namespace", rest=""),
        "belongs to the whole cluster|it is refused",
    ),
    "a webhook": (
        CLUSTER.format(version="admissionregistration.k8s.io/v1", kind="ValidatingWebhookConfiguration", rest=WEBHOOK),
        "belongs to the whole cluster",
    ),
    "its own quota": (
        CLUSTER.format(version="v1", kind="ResourceQuota", rest="spec: {hard: {pods: 1000}}"),
        "You may not make a ResourceQuota",
    ),
    "a number where a text belongs": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greedy}\ndata:\n  fee: 4.90\n",
        "Line 5: `fee` must be a text, .*: 4.9. Put it into quotes",
    ),
    "another namespace": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: greedy\n  namespace: kube-system\n",
        "Line 5: this belongs to namespace kube-system",
    ),
    "somebody else's address": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: greedy}\nspec:\n  externalIPs: [10.96.0.1]\n  ports: [{port: 443}]\n",
        "no `externalIPs`",
    ),
    "endpoints of its own": (
        CLUSTER.format(
            version="discovery.k8s.io/v1",
            kind="EndpointSlice",
            rest="addressType: IPv4\nendpoints: [{addresses: [198.18.0.2]}]\nports: []",
        ),
        "You may not make a EndpointSlice|addresses",
    ),
    "a kind of its own": (
        CLUSTER.format(version="example.com/v1", kind="Greedy", rest=""),
        "The cluster knows no Greedy of example.com/v1",
    ),
}


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace of an answer that is judged."""
    with cluster.place("92-containers/probes", graded=True) as namespace:
        yield namespace


@pytest.mark.attack
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words(namespace: Namespace, name: str) -> None:
    """And nothing is made."""
    text, words = REFUSED[name]
    with pytest.raises(AnswerError, match=words):
        apply(namespace, documents(text))
    assert namespace.items() == []


@pytest.mark.attack
def test_one_refused_object_keeps_all_others_out(namespace: Namespace) -> None:
    """A manifest is taken whole, or not at all."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\n" + REFUSED["the machine's network"][0]
    with pytest.raises(AnswerError):
        apply(namespace, documents(text))
    assert namespace.items() == []


def test_a_role_may_stand_after_what_gives_it_away(namespace: Namespace) -> None:
    """In whatever order they stand, a role is there when it is given to somebody; one that is nowhere is told of, and nothing is made."""
    role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reads}\n"
    rules = "rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]\n"
    binding = BINDING.replace("kind: ClusterRole, name: cluster-admin", "kind: Role, name: reads")
    with pytest.raises(AnswerError, match="Line 4: there is no Role called reads"):
        apply(namespace, documents(binding))
    assert namespace.items() == []
    applied = apply(namespace, documents(f"{binding}---\n{role}{rules}"))
    assert [one.title for one in applied.documents] == ["Role reads", "RoleBinding greedy"]
    assert applied.done == ["created", "created"]


@pytest.mark.attack
def test_a_flood_of_pods_is_stopped_and_gone_at_once(cluster: Cluster) -> None:
    """A thousand pods that do not want to end hold up nobody."""
    flood = """apiVersion: apps/v1
kind: Deployment
metadata: {name: flood, finalizers: [example.com/never]}
spec:
  replicas: 1000
  selector: {matchLabels: {app: flood}}
  template:
    metadata: {labels: {app: flood}, finalizers: [example.com/never]}
    spec:
      terminationGracePeriodSeconds: 3600
      containers:
        - name: main
          image: shop:1.0
          lifecycle: {preStop: {sleep: {seconds: 3000}}}
"""
    namespace = cluster.place("92-containers/probes", graded=True)
    apply(namespace, documents(flood))
    until(lambda: len(cluster.api.list(f"{namespace.path}/pods")) > 0)
    begun = time.monotonic()
    namespace.drop()
    assert time.monotonic() - begun < 60
    until(lambda: cluster.api.find(f"/api/v1/namespaces/{namespace.name}") is None)
    assert cluster.left_behind() == []


@pytest.mark.attack
def test_the_node_runs_nothing_that_a_graded_answer_brings(shared_home: object, backend: str) -> None:
    """No command, no exec probe, no variable that brings a program along; what the shop is told still works."""
    if backend != "embedded":
        pytest.skip("not run on docker: a container runs what it likes, in its own world")
    with Cluster("grading-9", "embedded") as graded, graded.place("92-containers/probes", graded=True) as namespace:
        apply(namespace, documents(POD.format(more="restartPolicy: Never", inside='command: [python, -c, "print(1)"]')))

        def state() -> dict:
            found = graded.api.find(f"{namespace.path}/pods/greedy") or {}
            return (found.get("status", {}).get("containerStatuses") or [{}])[0].get("state", {})

        until(lambda: "terminated" in state())
        assert "only the images' own programs" in state()["terminated"]["message"]
        namespace.reset()
        env = "env: [{name: LD_PRELOAD, value: /tmp/evil.so}, {name: PYTHONPATH, value: /tmp}, {name: SHOP_NOTICE, value: hello}]"
        apply(namespace, documents(POD.format(more="", inside=env)))
        until(lambda: "running" in state())
        path = f"{namespace.path}/pods/greedy:8000/proxy/"
        until(lambda: graded.api.answers(path))
        assert "hello" in graded.api.request("GET", path)
        events = graded.api.list(f"{namespace.path}/events", fieldSelector="reason=VariablesLeftOut")
        assert any("LD_PRELOAD, PYTHONPATH" in one["message"] for one in events)
