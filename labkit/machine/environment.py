"""The environment of processes whose verdicts or data are kept: what the course and its tools need, and nothing of the user's besides.

A variable such as `PGCLIENTENCODING`, `PGHOSTADDR`, `PYTEST_PLUGINS` or `PYTHONOPTIMIZE` would change what is judged, or where.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

NAMES = {
    *("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TEMP", "TERM", "TMP", "TMPDIR", "USER"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    *(
        "CI",
        "COVERAGE_PROCESS_START",
        "KUBEBUILDER_ASSETS",
        "LD_LIBRARY_PATH",
        "PYTHONDONTWRITEBYTECODE",
        "UML_HOME",
        "VIRTUAL_ENV",
    ),
    *("ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"),
}
PREFIXES = ("CONDA_", "DOCKER_", "KIND_", "LABKIT_", "LC_", "PIP_", "RYUK_", "TESTCONTAINERS_", "UV_", "XDG_", "GO")
DATABASE = "PG"  # libpq's, for the user's own servers


def allowed(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of an environment such a process gets."""
    return {name: value for name, value in environ.items() if name.upper() in NAMES or name.startswith(PREFIXES)}


def without_database_settings() -> None:
    """Takes libpq's variables out of this process' own environment: they are of the user's own servers, and each connection would heed them."""
    for name in [name for name in os.environ if name.startswith(DATABASE)]:
        del os.environ[name]
