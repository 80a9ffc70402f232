# SPDX-License-Identifier: Apache-2.0
"""A wire: two network namespaces joined by a veth, in which a server and its clients live.

The client's end is Linux's own TCP. The server's end carries no IP address, or the kernel would
answer for the server; and the client's end leaves nothing to an offload that no card performs:
Linux would send unfinished checksums and oversized frames over a veth. Names are unique, so any
number of wires may exist, and `close` removes everything that still runs in them.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import threading
import time

from .traces import RUN

# RFC 2544, appendix C.2.2: addresses for tests of network devices.
SERVER, CLIENT, PREFIX = "198.18.0.1", "198.18.0.2", 24
CLONE_NEWNET = 0x40000000
NETNS = pathlib.Path("/run/netns")


class LabError(Exception):
    """What a person has to read when a laboratory cannot be set up."""


def run(*command, check=True, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          **options)
    if check and done.returncode:
        raise LabError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done


@contextlib.contextmanager
def inside(namespace):
    """The calling thread is in `namespace`: sockets opened here belong to it for ever."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(descriptor):
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")

    home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    try:
        there = os.open(NETNS / namespace, os.O_RDONLY)
        try:
            enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            enter(home)
    finally:
        os.close(home)


class Wire:
    """`server` and `client` name the namespaces, `server_device` and `client_device` the ends."""

    def __init__(self, mtu=1500, server_address=None):
        # A run may be several processes (a test that starts tools/quickstart).
        tag = RUN + os.urandom(2).hex()
        self.server, self.client = f"wm-{tag}-server", f"wm-{tag}-client"
        self.server_device, self.client_device = f"wms{tag}", f"wmc{tag}"
        self.address = SERVER
        self.mtu = mtu
        self.made = []  # namespaces to remove
        try:
            self._make(server_address)
        except BaseException:
            self.close()
            raise

    def _make(self, server_address):
        for namespace in (self.server, self.client):
            run("ip", "netns", "add", namespace)
            self.made.append(namespace)
            self._without_ipv6(namespace)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "link", "add", self.server_device, "netns", self.server, "type", "veth",
            "peer", "name", self.client_device, "netns", self.client)
        run(*self.on_client("ethtool", "-K", self.client_device, "tx", "off", "tso", "off",
                            "gso", "off", "gro", "off"))
        for namespace, device in ((self.server, self.server_device),
                                  (self.client, self.client_device)):
            run("ip", "-n", namespace, "link", "set", device, "mtu", self.mtu, "up")
        run("ip", "-n", self.client, "addr", "add", f"{CLIENT}/{PREFIX}", "dev",
            self.client_device)
        if server_address:  # for a server that lives on the kernel's TCP
            run("ip", "-n", self.server, "addr", "add", f"{server_address}/{PREFIX}", "dev",
                self.server_device)

    @staticmethod
    def _without_ipv6(namespace):
        with inside(namespace):
            for scope in ("all", "default"):
                # /proc/sys/net is that of the thread which opens it.
                switch = pathlib.Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
                if switch.exists():
                    switch.write_text("1")

    def on_client(self, *command):
        return ["ip", "netns", "exec", self.client, *map(str, command)]

    def on_server(self, *command):
        return ["ip", "netns", "exec", self.server, *map(str, command)]

    def pids(self):
        found = []
        for namespace in self.made:
            listed = run("ip", "netns", "pids", namespace, check=False).stdout
            found += [int(word) for word in listed.split() if int(word) != os.getpid()]
        return found

    def close(self):
        """Ends what still runs in the two namespaces and removes them. May be called twice."""
        end(self.pids)
        for namespace in self.made:
            if (NETNS / namespace).exists():
                run("ip", "netns", "del", namespace, check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def end(pids, patience=5.0):
    """Asks the processes that `pids()` lists to go, and makes them go."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while pids() and time.monotonic() < deadline:
            time.sleep(0.02)
