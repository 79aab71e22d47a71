"""Lets a Python program believe that it has an address, a DNS and mounts of its own; Python loads it before the program.

Addresses 198.18.x.y (pods) and 198.19.x.y (Services) are really 127.N.x.y and 127.N+1.x.y, where N is the node's part of loopback; ports
below 1024 are 20000 higher.
"""

import builtins
import io
import json
import os
import socket
import sys

POD = json.loads(os.environ.get("LABKIT_POD", "{}"))
ANY = ("", "0.0.0.0", "::")


REAL = {"198.18.": f"127.{POD.get('loopback', 18)}.", "198.19.": f"127.{POD.get('loopback', 18) + 1}."}


def _real(address):
    text = str(address)
    return REAL[text[:7]] + text[7:] if text[:7] in REAL else address


def _real_port(port):
    return port + 20000 if isinstance(port, int) and 0 < port < 1024 else port


def _own():
    return _real(POD["address"])


_socket = socket.socket


class Socket(_socket):
    """Binds to the pod's own address, and connects to where an address of the cluster really is."""

    def bind(self, address):
        if self.family == socket.AF_INET6:
            raise OSError(97, "this pod has no IPv6 address")
        if self.family == socket.AF_INET:
            host, port = address[:2]
            address = (_own() if host in ANY else _real(host), _real_port(port))
        return super().bind(address)

    def connect(self, address):
        return super().connect(self._target(address))

    def connect_ex(self, address):
        return super().connect_ex(self._target(address))

    def sendto(self, data, *rest):
        address = self._target(rest[-1])
        return super().sendto(data, rest[0], address) if len(rest) > 1 else super().sendto(data, address)

    def getsockname(self):
        return _told(super().getsockname())

    def getpeername(self):
        return _told(super().getpeername())

    def _target(self, address):
        if self.family != socket.AF_INET:
            return address
        host, port = address[:2]
        if not _is_address(host):
            host = _look_up(host)[0]
        real = _real(host)
        if real in ("127.0.0.1", "0.0.0.0"):  # the pod's own loopback
            real = _own()
        if real == host != _own():
            raise OSError(101, "Network is unreachable")  # a pod of this node reaches the cluster, and nothing else
        return (real, _real_port(port))


def _told(address):
    if isinstance(address, tuple) and len(address) == 2:
        host, port = address
        for known, real in REAL.items():
            if host.startswith(real):
                return (known + host[len(real) :], port - 20000 if 20000 < port < 21024 else port)
    return address


def _is_address(host):
    try:
        socket.inet_aton(host)
    except (OSError, TypeError):
        return False
    return host.count(".") == 3


def _names():
    try:
        with _open(POD["names"], encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _look_up(host):
    """The addresses of a name, with the search list of a pod. Raises gaierror."""
    if isinstance(host, bytes):
        host = host.decode()
    name = host.lower()
    if name in ("localhost", "localhost.", os.environ.get("HOSTNAME", "").lower()):
        return [POD["address"]]
    known = _names()
    search = [f"{POD['namespace']}.svc.cluster.local", "svc.cluster.local", "cluster.local"]
    whole = name.rstrip(".")
    tries = [whole] if name.endswith(".") else [f"{whole}.{domain}" for domain in search] + [whole]
    if whole.count(".") >= 5 and not name.endswith("."):
        tries = [whole, *tries[:-1]]
    for one in tries:
        found = known.get(one)
        for _ in range(8):
            if not isinstance(found, str):
                break
            found = known.get(found)
        if found:
            return list(found)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    if host is None or host in ANY or _is_address(host):
        return _getaddrinfo(host or None, port, socket.AF_INET, type, proto, flags)
    if family == socket.AF_INET6:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    found = []
    for address in _look_up(host):
        found += _getaddrinfo(address, port, socket.AF_INET, type, proto, flags & ~socket.AI_CANONNAME)
    return found


def gethostbyname(host):
    return host if _is_address(host) else _look_up(host)[0]


def gethostbyname_ex(host):
    return host, [], [host] if _is_address(host) else _look_up(host)


def gethostname():
    return os.environ.get("HOSTNAME", "")


_open, _stat, _listdir, _scandir, _os_open = builtins.open, os.stat, os.listdir, os.scandir, os.open
PATHS = sorted(POD.get("paths", {}).items(), key=lambda pair: -len(pair[0]))


def _place(path):
    if isinstance(path, (str, os.PathLike)):
        text = os.fspath(path)
        if isinstance(text, str) and text.startswith("/"):
            for mount, place in PATHS:
                if text == mount or text.startswith(mount + "/"):
                    return place + text[len(mount) :]
    return path


def open(file, *arguments, **named):
    return _open(_place(file), *arguments, **named)


def _patch():
    socket.socket = socket.SocketType = Socket
    socket.getaddrinfo, socket.gethostbyname, socket.gethostname = getaddrinfo, gethostbyname, gethostname
    socket.gethostbyname_ex, socket.getfqdn = gethostbyname_ex, lambda name="": name or gethostname()
    builtins.open = io.open = open
    os.stat = lambda path, **named: _stat(_place(path), **named)
    os.listdir = lambda path=".": _listdir(_place(path))
    os.scandir = lambda path=".": _scandir(_place(path))
    os.open = lambda path, *arguments, **named: _os_open(_place(path), *arguments, **named)


if POD:
    _patch()
    sys.dont_write_bytecode = True
