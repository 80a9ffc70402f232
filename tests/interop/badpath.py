# SPDX-License-Identifier: Apache-2.0
"""A wire whose middle loses, delays, reorders and duplicates: impair.c between four namespaces.

The server and a host of Linux's TCP (`kernel`) are near, the client is far; all that the two send
to the client shares one bottleneck. Every offload is off, and Linux remembers nothing from one
connection to the next.
"""

import contextlib
import json
import pathlib
import select
import signal
import subprocess

from lab.wire import CLIENT, PREFIX, LabError, Wire, inside, run

KERNEL = "198.18.0.3"
FRAME_BYTES = 1514


class BadPath(Wire):
    """`kernel` is a further namespace, at KERNEL; frames pass while forwarding() is entered."""

    def __init__(self, program):
        self.program = pathlib.Path(program)
        super().__init__()

    def _make(self, server_address):
        assert server_address is None
        self.kernel = self.server.replace("-server", "-kernel")
        self.middle = self.server.replace("-server", "-middle")
        self.kernel_device = self.server_device.replace("wms", "wmk")
        for namespace in (self.server, self.kernel, self.client, self.middle):
            run("ip", "netns", "add", namespace)
            self.made.append(namespace)
            self._without_ipv6(namespace)
        self._join(self.server, self.server_device, None)
        self._join(self.kernel, self.kernel_device, KERNEL)
        self._join(self.client, self.client_device, CLIENT)

    def _join(self, namespace, device, address):
        ends = ((namespace, device), (self.middle, f"{device}m"))
        run("ip", "link", "add", device, "netns", namespace, "type", "veth", "peer", "name",
            f"{device}m", "netns", self.middle)
        for place, end in ends:
            run("ip", "netns", "exec", place, "ethtool", "-K", end, "tx", "off", "tso", "off",
                "gso", "off", "gro", "off")
            run("ip", "-n", place, "link", "set", end, "up")
        if address:
            run("ip", "-n", namespace, "addr", "add", f"{address}/{PREFIX}", "dev", device)
            with inside(namespace):
                pathlib.Path("/proc/sys/net/ipv4/tcp_no_metrics_save").write_text("1")

    @contextlib.contextmanager
    def forwarding(self, **settings):
        """Runs the forwarder with its options, `delay_us=500, both=True` for --delay-us=500
        --both; yields it."""
        words = [f"--{name.replace('_', '-')}={value}" if value is not True else f"--{name}"
                 for name, value in settings.items()]
        forwarder = Forwarder(subprocess.Popen(
            ["ip", "netns", "exec", self.middle, self.program, "--far", f"{self.client_device}m",
             "--near", f"{self.server_device}m", "--near", f"{self.kernel_device}m", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True))
        try:
            if not select.select([forwarder.process.stdout], [], [], 10)[0] or \
                    forwarder.process.stdout.readline() != "ready\n":
                raise LabError(f"{self.program} does not start")
            yield forwarder
        finally:
            forwarder.stop()


class Forwarder:
    def __init__(self, process):
        self.process = process
        self.counters = None

    def begin(self):
        """From now on there are accidents."""
        self.process.send_signal(signal.SIGUSR1)

    def stop(self):
        """Its counters, once it has ended."""
        if self.counters is None:
            self.process.terminate()
            said, _ = self.process.communicate(timeout=10)
            self.counters = json.loads(said or "{}")
        return self.counters


def line(mbit=100, rtt_ms=10.0, loss=0.0, reorder=0.0, duplicate=0.0, burst=0.0, seed=1):
    """Options of a line of `mbit` with a round trip of `rtt_ms`, a queue of their product, and
    accidents in parts of 1. What is held back for reordering waits up to a quarter of the round
    trip, or 0.5 ms."""
    return {"mbit": mbit, "seed": seed, "queue": max(int(mbit * rtt_ms * 125), FRAME_BYTES),
            "delay_us": int(rtt_ms * 500), "loss": int(loss * 1e6),
            "reorder": int(reorder * 1e6), "reorder_us": max(int(rtt_ms * 250), 500),
            "duplicate": int(duplicate * 1e6), "burst": int(burst * 1e6)}
