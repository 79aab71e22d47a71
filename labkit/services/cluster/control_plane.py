"""The four programs of a control plane as processes: what each is started with, and what they know each other by.

All listen on loopback or on sockets of their own user, all connections are TLS that is checked, and nobody is anonymous.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from labkit.services.cluster.certificates import Authority, key_pair
from labkit.services.cluster.node.addresses import SERVICE_RANGE

ADMIN = "labkit-admin"
# token's user -> its groups
USERS = {
    ADMIN: "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:node:labkit": "system:nodes",
}
# what a cluster of one node on one machine has no use for
QUIET = (
    "certificatesigningrequest-approving-controller",
    "certificatesigningrequest-cleaner-controller",
    "certificatesigningrequest-signing-controller",
    "node-ipam-controller",
    "persistentvolume-attach-detach-controller",
    "persistentvolume-binder-controller",
    "persistentvolume-expander-controller",
    "persistentvolume-protection-controller",
    "persistentvolumeclaim-protection-controller",
    "ephemeral-volume-controller",
    "horizontal-pod-autoscaler-controller",
)


@dataclass
class ControlPlane:
    """The command lines and files of one cluster, below two folders that are its user's alone: a short one for sockets and keys, and
    one for data. All run in the first."""

    folder: Path
    data: Path
    port: int
    tokens: dict[str, str] = field(default_factory=dict)

    def write(self) -> None:
        """Makes certificates, tokens and configuration."""
        folder = self.folder
        self.authority = authority = Authority(folder)
        authority.issue("apiserver", "kube-apiserver", server=True)
        authority.issue("apiserver-kubelet", "kube-apiserver", server=False)
        authority.issue("kubelet", "labkit", server=True)
        key_pair(folder, "accounts")
        self.tokens = {user: secrets.token_urlsafe(32) for user in USERS}
        lines = [f'{token},{user},{user},"{USERS[user]}"' for user, token in self.tokens.items()]
        self._secret("tokens.csv", "\n".join(lines) + "\n")
        for user, name in (("system:kube-controller-manager", "kcm"), ("system:kube-scheduler", "scheduler")):
            self._secret(f"{name}.kubeconfig", json.dumps(kubeconfig(self.url, authority.path, self.tokens[user])))
        connection = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(self.egress)}}}
        selection = {"name": "cluster", "connection": connection}
        egress = {"kind": "EgressSelectorConfiguration", "egressSelections": [selection]}
        (folder / "egress.json").write_text(json.dumps({"apiVersion": "apiserver.k8s.io/v1beta1", **egress}))

    def _secret(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def egress(self) -> Path:
        """The socket through which the API server reaches pods."""
        return self.folder / "egress.sock"

    @property
    def etcd_socket(self) -> str:
        """Of etcd, which takes a name and a port for the name of a file in the folder that it runs in."""
        return "unix://etcd:0"

    def etcd(self) -> list[str]:
        """etcd, on sockets; what it holds need not outlive a power cut."""
        peer = "unix://peer:0"
        return [
            "--name=labkit", f"--data-dir={self.data}/etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={self.etcd_socket}", f"--advertise-client-urls={self.etcd_socket}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=labkit={peer}",
            "--auto-compaction-mode=periodic", "--auto-compaction-retention=5m", "--quota-backend-bytes=268435456",
        ]  # fmt: skip

    def apiserver(self) -> list[str]:
        """kube-apiserver."""
        at = self.folder
        return [
            f"--etcd-servers={self.etcd_socket}", f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--anonymous-auth=false",
            f"--tls-cert-file={at}/apiserver.crt", f"--tls-private-key-file={at}/apiserver.key", f"--token-auth-file={at}/tokens.csv",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
            f"--service-cluster-ip-range={SERVICE_RANGE}", "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={at}/accounts.pub", f"--service-account-signing-key-file={at}/accounts.key",
            f"--egress-selector-config-file={at}/egress.json", f"--kubelet-certificate-authority={self.authority.path}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={at}/apiserver-kubelet.crt", f"--kubelet-client-key={at}/apiserver-kubelet.key",
            # so that `kubectl exec` arrives at the node as the WebSocket that it begins as
            "--feature-gates=TranslateStreamCloseWebsocketRequests=false",
            "--allow-privileged=true",  # so that it is admission that refuses it, in the words that kind has
            "--profiling=false", "--event-ttl=1h", "--v=0",
        ]  # fmt: skip

    def controller_manager(self) -> list[str]:
        """kube-controller-manager, with what a cluster of one node needs."""
        at = self.folder
        return [
            f"--kubeconfig={at}/kcm.kubeconfig", "--secure-port=0", "--leader-elect=false", "--use-service-account-credentials=true",
            f"--service-account-private-key-file={at}/accounts.key", f"--root-ca-file={self.authority.path}",
            f"--controllers={','.join(['*', *(f'-{name}' for name in QUIET)])}", "--profiling=false", "--v=0",
            "--concurrent-gc-syncs=4",
        ]  # fmt: skip

    def scheduler(self) -> list[str]:
        """kube-scheduler."""
        return [f"--kubeconfig={self.folder}/scheduler.kubeconfig", "--secure-port=0", "--leader-elect=false", "--v=0"]


def kubeconfig(server: str, ca: Path, token: str, namespace: str = "default") -> dict[str, object]:
    """A kubeconfig for one user of one cluster, as JSON, which kubectl reads as YAML."""
    data = base64.b64encode(ca.read_bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "labkit", "cluster": {"server": server, "certificate-authority-data": data}}],
        "users": [{"name": "labkit", "user": {"token": token}}],
        "contexts": [{"name": "labkit", "context": {"cluster": "labkit", "user": "labkit", "namespace": namespace}}],
        "current-context": "labkit",
    }
