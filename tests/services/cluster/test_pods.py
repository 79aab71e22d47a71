"""What a kubelet does with pods, on each backend: the same manifests, the same outcome."""

from __future__ import annotations

import json
import time

import pytest

from labkit.services.cluster.load import load, while_loaded
from tests.services.cluster.pods import Pods, container, deployment, http, pod, python, service, until

GIVES_UP = "import time; time.sleep(0.3); raise SystemExit(7)"
WAITS = "import time\nwhile True: time.sleep(1)"


def test_a_deployment_is_served_by_its_service(pods: Pods) -> None:
    """Every replica gets requests, and none fails."""
    pods.apply(deployment("shop", container(readinessProbe=http("/readyz")), replicas=3), service("shop"))
    until(lambda: len(pods.serving("shop")) == 3)
    until(lambda: pods.answering("shop") == pods.serving("shop"))  # the node's rules follow the API
    run = load(pods.admin, pods.url("shop"), 2, rate=60)
    assert not run.failed
    assert {request.pod for request in run.requests} == {one["metadata"]["name"] for one in pods.of("shop")}


def test_who_is_not_ready_gets_no_requests_and_is_not_restarted(pods: Pods) -> None:
    """Readiness takes a pod out of its Service, and brings it back."""
    pods.apply(deployment("shop", container(readinessProbe=http("/readyz")), replicas=2), service("shop"))
    until(lambda: len(pods.serving("shop")) == 2)
    busy, other = [one["metadata"]["name"] for one in pods.of("shop")]
    pods.call(busy, "/fault/busy?seconds=8")
    until(lambda: pods.serving("shop") == {other})
    until(lambda: len(pods.serving("shop")) == 2)
    assert pods.status(busy)["restartCount"] == 0


def test_a_hanging_program_is_restarted_by_its_liveness_probe(pods: Pods) -> None:
    """With an event that says why, and the old run's log."""
    pods.apply(
        pod("shop", container(livenessProbe=http("/healthz", failureThreshold=2), readinessProbe=http("/readyz")))
    )
    until(lambda: pods.is_ready("shop"))
    pods.call("shop", "/fault/deadlock")
    until(lambda: pods.status("shop")["restartCount"] == 1)
    until(lambda: pods.is_ready("shop"))
    assert "terminated" in pods.status("shop")["lastState"]
    until(
        lambda: any(reason == "Unhealthy" and "Liveness probe failed" in text for reason, text in pods.events("shop"))
    )
    assert any(
        reason == "Killing" and "failed liveness probe, will be restarted" in text
        for reason, text in pods.events("shop")
    )
    assert '"listening"' in pods.log("shop", previous="true")


def test_a_startup_probe_gives_a_slow_start_its_time(pods: Pods) -> None:
    """The other probes wait for it."""
    slow = container(
        env=[{"name": "SHOP_START_SECONDS", "value": "6"}],
        startupProbe=http("/healthz", failureThreshold=60),
        livenessProbe=http("/healthz", failureThreshold=1),
    )
    pods.apply(pod("slow", slow))
    until(lambda: pods.status("slow").get("started"))
    assert pods.status("slow")["restartCount"] == 0


def test_who_does_not_start_in_time_is_killed(pods: Pods) -> None:
    """By the startup probe, and by a liveness probe without one."""
    slow = [{"name": "SHOP_START_SECONDS", "value": "60"}]
    pods.apply(pod("startup", container(env=slow, startupProbe=http("/healthz", failureThreshold=2))))
    pods.apply(pod("liveness", container(env=slow, livenessProbe=http("/healthz", failureThreshold=2))))
    until(lambda: pods.status("startup") and not pods.status("startup")["ready"])
    for name in ("startup", "liveness"):
        until(lambda name=name: pods.status(name).get("restartCount", 0) >= 1)


def test_more_memory_than_allowed_is_the_end(pods: Pods, backend: str) -> None:
    """OOMKilled, 137, and a new start. (containerd 1.6 in a busy kind says "Error" where its note of the kernel's kill came after the end.)"""
    pods.apply(pod("hog", container(resources={"limits": {"memory": "64Mi"}}, readinessProbe=http("/readyz"))))
    until(lambda: pods.is_ready("hog"))
    with pytest.raises(Exception, match="50"):
        pods.call("hog", "/fault/memory?mb=200")
    until(lambda: pods.status("hog")["restartCount"] == 1)
    ended = pods.status("hog")["lastState"]["terminated"]
    assert ended["exitCode"] == 137
    assert ended["reason"] in ({"OOMKilled", "Error"} if backend == "docker" else {"OOMKilled"})


def test_crashes_are_met_with_growing_pauses(pods: Pods) -> None:
    """At once the first time, then CrashLoopBackOff."""
    pods.apply(pod("crash", python(GIVES_UP)))
    until(lambda: pods.waits_with("crash") == "CrashLoopBackOff")
    until(lambda: pods.status("crash")["restartCount"] >= 2)
    assert pods.status("crash")["lastState"]["terminated"]["exitCode"] == 7
    until(lambda: any(reason == "BackOff" for reason, _ in pods.events("crash")))


@pytest.mark.parametrize(
    ("policy", "program", "phase", "reason"),
    [("Never", "print('done')", "Succeeded", "Completed"), ("Never", GIVES_UP, "Failed", "Error"), ("OnFailure", "print(1)", "Succeeded", "Completed")],
    ids=["done", "failed", "done, OnFailure"],
)  # fmt: skip
def test_who_is_not_to_be_restarted_is_over(pods: Pods, policy: str, program: str, phase: str, reason: str) -> None:
    """Succeeded or Failed, as its exit code says."""
    pods.apply(pod("once", python(program), restartPolicy=policy))
    until(lambda: pods.phase("once") == phase)
    assert pods.status("once")["state"]["terminated"]["reason"] == reason
    assert not pods.is_ready("once")


def test_process_1_has_to_handle_sigterm_itself(pods: Pods) -> None:
    """Who does not is killed when the grace is over; who does says good-bye."""
    says = f"import signal, sys\nsignal.signal(15, lambda *_: (print('good-bye', flush=True), sys.exit(0)))\nprint('up', flush=True)\n{WAITS}"
    pods.apply(
        pod("deaf", python(f"print('up', flush=True)\n{WAITS}"), terminationGracePeriodSeconds=4),
        pod("polite", python(says), terminationGracePeriodSeconds=60),
    )
    until(lambda: all("up" in pods.log(name) for name in ("deaf", "polite")))
    begun = time.monotonic()
    for name in ("deaf", "polite"):
        pods.api.delete(f"{pods.namespace.path}/pods/{name}")
    until(lambda: not pods.get("polite"))
    assert time.monotonic() - begun < 45
    until(lambda: not pods.get("deaf"))
    assert time.monotonic() - begun >= 4


def test_a_pre_stop_hook_comes_before_sigterm(pods: Pods) -> None:
    """The program serves while the hook sleeps."""
    hooked = container(lifecycle={"preStop": {"sleep": {"seconds": 6}}}, readinessProbe=http("/readyz"))
    pods.apply(pod("shop", hooked, terminationGracePeriodSeconds=30))
    until(lambda: pods.is_ready("shop"))
    pods.api.delete(f"{pods.namespace.path}/pods/shop")
    begun = time.monotonic()
    assert "took order" in pods.call("shop", "/")
    until(lambda: not pods.get("shop"))
    assert time.monotonic() - begun >= 5


def test_settings_come_from_config_maps_and_secrets(pods: Pods) -> None:
    """As environment and as files; what refers to a missing one waits for it."""
    shop = container(
        env=[
            {"name": "SHOP_NOTICE_FILE", "value": "/etc/shop/greeting"},
            {"name": "SHOP_VERSION", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "version"}}},
        ],
        volumeMounts=[{"name": "settings", "mountPath": "/etc/shop"}],
        readinessProbe=http("/readyz"),
    )
    pods.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"greeting": "hello"}}
    )
    pods.apply(pod("shop", shop, volumes=[{"name": "settings", "configMap": {"name": "settings"}}]))
    until(lambda: pods.waits_with("shop") == "CreateContainerConfigError")
    pods.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"version": "s3"}})
    until(lambda: pods.is_ready("shop"))
    assert pods.call("shop", "/") == "shop s3 took order 1: hello\n"
    pods.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings"},
            "data": {"greeting": "good morning"},
        }
    )
    touched = {"metadata": {"annotations": {"touched": "yes"}}}  # else a kubelet takes up to 90 s
    pods.api.patch(f"{pods.namespace.path}/pods/shop", touched)
    until(lambda: "good morning" in pods.call("shop", "/"))


def test_what_is_read_at_the_start_stays_as_it_was(pods: Pods) -> None:
    """A variable, and a file that is mounted by subPath, are the container's until it ends; a mounted folder follows."""

    def settings(notice: str) -> dict[str, object]:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"notice": notice}}

    def reader(name: str, **mount: str) -> dict[str, object]:
        fee = {"name": "SHOP_FEE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "notice"}}}
        main = container(
            env=[{"name": "SHOP_NOTICE_FILE", "value": "/etc/shop/notice"}, fee],
            volumeMounts=[{"name": "settings", "mountPath": "/etc/shop", **mount}],
            readinessProbe=http("/readyz"),
        )
        return pod(name, main, volumes=[{"name": "settings", "configMap": {"name": "settings"}}])

    names = ("folder", "file")
    pods.apply(settings("old"), reader("folder"), reader("file", mountPath="/etc/shop/notice", subPath="notice"))
    until(lambda: all(pods.is_ready(name) for name in names))
    pods.apply(settings("new"))
    for name in names:
        pods.api.patch(f"{pods.namespace.path}/pods/{name}", {"metadata": {"annotations": {"touched": "yes"}}})
    until(lambda: json.loads(pods.call("folder", "/terms")) == {"delivery": "old", "notice": "new"})
    assert json.loads(pods.call("file", "/terms")) == {"delivery": "old", "notice": "old"}
    assert pods.status("file")["restartCount"] == 0


def test_an_image_that_nobody_has(pods: Pods) -> None:
    """ErrImagePull, then ImagePullBackOff."""
    pods.apply(pod("typo", container(image="shopp:1.0", imagePullPolicy="IfNotPresent")))
    until(lambda: pods.waits_with("typo") in ("ErrImagePull", "ImagePullBackOff"))
    until(lambda: pods.waits_with("typo") == "ImagePullBackOff")
    assert pods.phase("typo") == "Pending"


def test_a_job_tries_as_often_as_it_may(pods: Pods) -> None:
    """One that works is complete, one that does not has failed."""
    for name, program in (("good", "print('done')"), ("bad", GIVES_UP)):
        template = {"spec": {"restartPolicy": "Never", "containers": [python(program)]}}
        spec = {"backoffLimit": 1, "template": template}
        pods.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec})

    def condition(name: str) -> set[str]:
        job = pods.api.get(f"/apis/batch/v1/namespaces/{pods.namespace.name}/jobs/{name}")
        return {one["type"] for one in job["status"].get("conditions", []) if one["status"] == "True"}

    until(lambda: "Complete" in condition("good"))
    until(lambda: "Failed" in condition("bad"), 120)


def test_init_containers_come_first(pods: Pods) -> None:
    """One after the other; the volume is shared."""
    mount = [{"name": "shared", "mountPath": "/shared"}]
    write = "open('/shared/list', 'a').write({!r})"
    init = [
        container("one", command=["python", "-c", write.format("one ")], volumeMounts=mount),
        container("two", command=["python", "-c", write.format("two ")], volumeMounts=mount),
    ]
    main = python("print(open('/shared/list').read())", volumeMounts=mount)
    pods.apply(
        pod("order", main, initContainers=init, restartPolicy="Never", volumes=[{"name": "shared", "emptyDir": {}}])
    )
    until(lambda: pods.phase("order") == "Succeeded")
    assert pods.log("order").strip() == "one two"


def test_names_are_looked_up_as_in_a_cluster(pods: Pods) -> None:
    """Short names with the search list, whole names, headless ones; a wrong name is an error."""
    pods.apply(
        deployment("shop", container(readinessProbe=http("/readyz")), replicas=2),
        service("shop"),
        service("each", "shop", clusterIP="None"),
    )
    until(lambda: len(pods.serving("each")) == 2 and len(pods.serving("shop")) == 2)
    names = ["shop", f"shop.{pods.namespace.name}", f"shop.{pods.namespace.name}.svc.cluster.local", "each", "nobody"]
    program = f"""
import socket
for name in {names!r}:
    try:
        print(name.split(".")[0], len({{a[4][0] for a in socket.getaddrinfo(name, 80, socket.AF_INET)}}))
    except socket.gaierror as error:
        print(name, "is not known")
"""
    pods.apply(pod("asks", python(program), restartPolicy="Never"))
    until(lambda: pods.phase("asks") == "Succeeded")
    assert pods.log("asks").splitlines() == ["shop 1", "shop 1", "shop 1", "each 2", "nobody is not known"]


def test_a_service_without_pods_refuses(pods: Pods) -> None:
    """No match, nobody ready, and the wrong port look alike to the one who calls."""
    pods.apply(deployment("shop", container(readinessProbe=http("/readyz"))))
    pods.apply(service("nobody"), service("wrong-port", "shop", ports=[{"port": 80, "targetPort": 9999}]))
    until(lambda: len(pods.serving("wrong-port")) == 1)
    for name in ("nobody", "wrong-port"):

        def refuses(name: str = name) -> bool:
            run = load(pods.admin, pods.url(name), 0.5, rate=20)
            return bool(run.requests) and set(run.reasons()) <= {"refused", "reset"} and not run.versions()

        until(refuses)  # a Service's first moments are its node's: until its rules are there, nobody answers at all


def test_a_rolling_update_loses_no_request(pods: Pods) -> None:
    """With a readiness probe, a hook that waits, and a program that finishes what it has begun."""
    careful = container(
        env=[{"name": "SHOP_START_SECONDS", "value": "1"}],
        readinessProbe=http("/readyz"),
        lifecycle={"preStop": {"sleep": {"seconds": 4}}},
    )
    pods.apply(deployment("shop", careful, replicas=3), service("shop"))
    until(lambda: len(pods.serving("shop")) == 3)
    time.sleep(1)
    with while_loaded(pods.admin, pods.url("shop"), rate=40) as run:
        pods.apply(deployment("shop", {**careful, "image": "shop:2.0"}, replicas=3))
        until(lambda: run.requests[-20:] and {request.version for request in run.requests[-20:]} == {"2.0"})
    assert run.failed == []
    assert set(run.versions()) == {"1.0", "2.0"}


def test_a_quota_stops_pods_and_says_so(pods: Pods) -> None:
    """In an event of the ReplicaSet; the Deployment shows nothing."""
    pods.apply(deployment("many", container(), replicas=30))

    def refused() -> list[str]:
        events = pods.api.list(f"{pods.namespace.path}/events", fieldSelector="reason=FailedCreate")
        return [one["message"] for one in events if "exceeded quota" in one["message"]]

    until(refused)
    assert 0 < len(pods.of("many")) < 30


def test_variables_refer_to_each_other_and_to_the_pod(pods: Pods) -> None:
    """$(NAME), fields of the pod, and the addresses of Services that were there before."""
    pods.apply(service("early"))
    env = [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "GREETING", "value": "I am $(NAME), not $(NOBODY), for $$5"},
    ]
    program = "import os; print(os.environ['GREETING']); print(os.environ['EARLY_PORT'][:6])"
    pods.apply(pod("tells", python(program, env=env), restartPolicy="Never"))
    until(lambda: pods.phase("tells") == "Succeeded")
    assert pods.log("tells").splitlines() == ["I am tells, not $(NOBODY), for $5", "tcp://"]


def test_a_sidecar_ends_with_its_job(pods: Pods) -> None:
    """An init container that is always restarted runs beside the others, and does not keep a pod alive."""
    sidecar = container("beside", command=["python", "-c", WAITS], restartPolicy="Always")
    pods.apply(pod("job", python("print('done')"), initContainers=[sidecar], restartPolicy="Never"))
    until(lambda: pods.phase("job") == "Succeeded")


def test_port_forward_is_not_needed_to_call_a_pod(pods: Pods) -> None:
    """The API server's proxy reaches pods and Services."""
    pods.apply(pod("shop", container(readinessProbe=http("/readyz"))), service("shop"))
    until(lambda: pods.serving("shop") == {"shop"})
    time.sleep(1)
    assert "took order" in pods.admin.request("GET", f"{pods.namespace.path}/services/shop:80/proxy/")
