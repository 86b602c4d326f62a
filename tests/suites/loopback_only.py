#!/usr/bin/env python3
"""Runs a command without a network: only the loopback interface is there.

    tests/suites/loopback_only.py COMMAND [ARGUMENT…]

Linux gives the process a network namespace of its own, for which a user needs a user namespace, too. Where this
is not permitted, and on other systems, the command runs with the network, and a line says so."""

import ctypes
import fcntl
import os
import socket
import struct
import sys

# `yes` tells the tests that a request to another machine must fail, `no` that it has been tried.
VARIABLE = "LOOPBACK_ONLY"

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def leave_network() -> str | None:
    """Leaves the network with this process and those that it starts. Returns why that is not possible."""
    if VARIABLE in os.environ:
        return None
    problem = "only Linux has network namespaces"
    if sys.platform.startswith("linux"):
        # A process that could take only the first steps would have neither a network nor loopback.
        problem = problem_of_child()
        if not problem:
            enter_namespace()
    os.environ[VARIABLE] = "no" if problem else "yes"
    return problem or None


def problem_of_child() -> str:
    """Why a child of this process cannot leave the network; empty if it can."""
    ours, its = os.pipe()
    if os.fork() == 0:
        try:
            enter_namespace()
        except OSError as error:
            os.write(its, f"this system does not permit network namespaces: {error}".encode())
        os._exit(0)
    os.close(its)
    with open(ours) as pipe:
        problem = pipe.read()
    os.wait()
    return problem


def enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWNET)
    except PermissionError:
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        # The same user and the same rights on files as before.
        for name, line in [("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")]:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    start_loopback()


def unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def start_loopback() -> None:
    """A new namespace has a loopback interface that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: tests/suites/loopback_only.py COMMAND [ARGUMENT…]")
    say(leave_network())
    os.execvp(sys.argv[1], sys.argv[1:])


def say(problem: str | None) -> None:
    if problem:
        print(f"loopback_only: the tests run WITH the network: {problem}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
