"""A Kubernetes node whose pods are processes of this machine: no container runtime, no privileges, nothing but loopback.

    python -m labkit.services.cluster.node CONFIG

The agent registers one Node, watches the pods that are bound to it, and runs each container of an image that it knows as a
process. Which images those are is its whole interface: `Config.images` says for each name which program it is. Everything else
comes from the API server, as it does for a kubelet. What differs from a kubelet is listed in `docs/process-node.md`.
"""
