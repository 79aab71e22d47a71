"""Runs in the sandbox before any answer is there: imports what takes long, then forks a sandbox of its own for each program.

    python zygote_main.py ORDERS MODULE…

ORDERS is a socket of ours. Each message on it brings four descriptors: what is to be run, its stdout, its stderr, and a socket for its
status. This process never reads what they hold: a fork does, and from its first statement on it is one that nothing leads back from. It has
namespaces of its own, a `/tmp`, `/work` and `/proc` of its own, no capabilities, and no descriptor but its output. Nothing of the course is
here.
"""

import base64
import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
import traceback
import types

NAMESPACES = 0x10000000 | 0x20000000 | 0x00020000 | 0x08000000 | 0x04000000 | 0x40000000 | 0x02000000
PRIVATE, BIND, REMOUNT, READ_ONLY, NO_SUID, NO_DEVICES, NO_PROGRAMS = 1 << 18 | 1 << 14, 1 << 12, 1 << 5, 1, 2, 4, 8
SET_DEATH_SIGNAL, SET_FILTER, DROP_BOUNDING, SET_NO_NEW_PRIVILEGES, AMBIENT, CLEAR_AMBIENT = 1, 22, 24, 38, 47, 4
CAPABILITIES_VERSION = 0x20080522
SET_FLAGS, UP = 0x8914, 0x1  # of a network interface

libc = ctypes.CDLL(None, use_errno=True)


def main(orders, *modules):
    """Forks for each order. Returns what is to be run, in a fork; None when no more orders can come."""
    del sys.path[0]  # the folder of this file
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    gc.enable()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    orders = socket.socket(fileno=int(orders))
    orders.send(b"ready")
    while True:
        word, descriptors, *_ = socket.recv_fds(orders, 1, 4)
        if not word:
            return None
        if os.fork() == 0:
            orders.close()
            return nested(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def nested(what, stdout, stderr, status):
    """Returns, in the process that is the program, what is to be run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with open(what, encoding="utf-8") as file:
        order = json.load(file)
    status = socket.socket(fileno=status)
    must(libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    user, group = os.getuid(), os.getgid()
    must(libc.unshare(NAMESPACES), "unshare")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{user} {user} 1")
    write("/proc/self/gid_map", f"{group} {group} 1")
    if first := os.fork():
        os.close(stdout)
        os.close(stderr)
        ended = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
        status.send(struct.pack("i", ended))
        os._exit(0)
    must(libc.prctl(SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    os.setsid()  # not in one process group with who waits: a signal to one's group heeds no namespace
    for number, descriptor in enumerate((stdout, stderr), 1):
        os.dup2(descriptor, number)
    build(order)
    raise_loopback()
    write("/proc/sys/user/max_user_namespaces", "0")
    drop_privileges()
    status.send(b"ready")  # the kernel says to the other end who we are
    if not status.recv(1):  # nobody waits for us any more
        os._exit(0)
    status.close()
    os.closerange(3, 1 << 16)
    shut_doors(base64.b64decode(order["filter"]))
    if program := os.fork():
        reap_until(program)
    os.chdir("/work")
    limit(order["limits"])
    os.environ.clear()
    os.environ.update(order["environment"])
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # a fork has its parent's state; Python's own `random` sees to that itself
    return order["command"]


def reap_until(program):
    """Process 1 of the namespace: waits for all that end, and ends with the program. The kernel ends what is left then."""
    while True:
        process, status = os.waitpid(-1, 0)
        if process == program:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def build(order):
    """The file system of a program. What lies below these mounts cannot be uncovered without capabilities."""
    must(libc.mount(None, b"/", None, PRIVATE, None), "private")
    sockets = [(os.open(outside, os.O_PATH), place) for outside, place in order["sockets"].items()]
    mount("tmpfs", "/run", NO_SUID | NO_DEVICES | NO_PROGRAMS, "size=64k,mode=755")
    for descriptor, place in sockets:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        write(place, "")
        must(libc.mount(f"/proc/self/fd/{descriptor}".encode(), place.encode(), None, BIND, None), place)
        os.close(descriptor)
    mount(None, "/run", REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES | NO_PROGRAMS, None)
    mount("tmpfs", "/dev/pts", READ_ONLY | NO_SUID | NO_DEVICES | NO_PROGRAMS, "size=4k")
    mount("proc", "/proc", NO_SUID | NO_DEVICES | NO_PROGRAMS, None)
    for folder in ("/tmp", "/work"):
        mount("tmpfs", folder, NO_SUID | NO_DEVICES, f"size={order['disk']},mode=755")
    for name, content in order["files"].items():
        path = f"/work/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(content))
    for folder in order["shut"]:
        mount(None, folder, REMOUNT | READ_ONLY | NO_SUID | NO_DEVICES, None)


def mount(kind, place, flags, options):
    """As mount(2). Raises OSError."""
    given = kind and kind.encode()
    must(libc.mount(given, place.encode(), given, flags, options and options.encode()), place)


def raise_loopback():
    """127.0.0.1 of the new network, and nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP))


def drop_privileges():
    """No capability is left, and none can come back."""
    capability = 0
    while libc.prctl(DROP_BOUNDING, capability, 0, 0, 0) == 0:
        capability += 1
    must(libc.prctl(AMBIENT, CLEAR_AMBIENT, 0, 0, 0), "ambient capabilities")
    must(libc.capset(struct.pack("II", CAPABILITIES_VERSION, 0), struct.pack("6I", *6 * [0])), "capset")
    must(libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")


def shut_doors(instructions):
    """The filter of system calls, where this machine has one; it holds for all that is forked from here."""
    if instructions:
        buffer = ctypes.create_string_buffer(instructions, len(instructions))
        given = struct.pack("HxxxxxxP", len(instructions) // 8, ctypes.addressof(buffer))
        must(libc.prctl(SET_FILTER, 2, given, 0, 0), "seccomp")


def limit(limits):
    """The kernel's limits of a process, by the names of `resource`."""
    for name, (soft, hard) in limits.items():
        resource.setrlimit(getattr(resource, name), (soft, hard))


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def must(returned, what):
    """Raises OSError when a function of libc has failed."""
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def run(name, *more):
    """As `python NAME …` and `python -c TEXT …` do."""
    if name == "-c":
        text, sys.argv = more[0], [name, *more[1:]]
        sys.path.insert(0, "")
    else:
        with open(name, "rb") as file:
            text = file.read()
        sys.argv = [name, *more]
        sys.path.insert(0, "/work")
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    where = "<string>" if name == "-c" else name
    if name != "-c":
        module.__file__ = name
    try:
        exec(compile(text, where, "exec"), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        here = error.__traceback__
        traceback.print_exception(error.with_traceback(here and here.tb_next))  # as if this file were not there
        sys.exit(1)


if __name__ == "__main__":
    if command := main(*sys.argv[1:]):
        run(*command)
