"""A Kubernetes cluster: kind where Docker is, else a real control plane whose pods are processes of this machine."""
