#!/usr/bin/env bash
# kubernetes 37.0.2 and kubernetes_asyncio 36.1.0 (Python clients of Kubernetes); lightkube 1.0.1 for comparison.
# KUBECONFIG may list several files. Kubernetes documents how they are merged: the first file that sets a value wins, and the example is
# current-context (kubernetes.io, "Organizing Cluster Access Using kubeconfig Files"); kubectl does so. Both Python clients take clusters,
# users and contexts from the first file, but current-context from the LAST, even where that is "", as tools write it into new files:
# then they raise. lightkube takes the whole list for one file name.
# Why it matters: with KUBECONFIG=production:test kubectl and a Python script in the same shell talk to different clusters.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile kubernetes==37.0.2 kubernetes_asyncio==36.1.0 lightkube==1.0.1
for name in production test; do
    cat >"$name" <<CONFIG
apiVersion: v1
kind: Config
current-context: $name
clusters: [{name: $name, cluster: {server: "https://$name.example:6443"}}]
users: [{name: $name, user: {token: none}}]
contexts: [{name: $name, context: {cluster: $name, user: $name}}]
CONFIG
done
printf 'apiVersion: v1\nkind: Config\ncurrent-context: ""\n' >empty
cat >ask.py <<'PY'
import asyncio
import os

import kubernetes
import kubernetes_asyncio
from lightkube.config.kubeconfig import KubeConfig


def told(name, load, server):
    try:
        load()
        print(os.environ["KUBECONFIG"], name, server())
    except Exception as error:
        print(os.environ["KUBECONFIG"], name, type(error).__name__)


told("kubernetes", kubernetes.config.load_kube_config, lambda: kubernetes.client.Configuration.get_default_copy().host)
load = kubernetes_asyncio.config.load_kube_config
told("kubernetes_asyncio", lambda: asyncio.run(load()), lambda: kubernetes_asyncio.client.Configuration.get_default_copy().host)
told("lightkube", KubeConfig.from_env, lambda: KubeConfig.from_env().get().cluster.server)
PY
for list in production:test test:production production:empty; do KUBECONFIG=$list HOME=$place venv/bin/python ask.py; done >seen
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
production:test kubernetes https://test.example:6443
production:test kubernetes_asyncio https://test.example:6443
production:test lightkube ConfigError
test:production kubernetes https://production.example:6443
test:production kubernetes_asyncio https://production.example:6443
test:production lightkube ConfigError
production:empty kubernetes ConfigException
production:empty kubernetes_asyncio ConfigException
production:empty lightkube ConfigError
EXPECTED
