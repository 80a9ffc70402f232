# SPDX-License-Identifier: Apache-2.0
"""The scenarios of tools/bench that measure the TCP alone, without any mail.

Server and load are streamd (tests/bench/streamd) at the two ends of a vhost wire: the server on
one core with net_virtio_user, so that the copy a NIC's DMA would do falls on the load's core. What
the server reaches is set against what the wire itself does in the same run, with the same device
and options: the bare wire carries frames of the same size which nobody fills, the copy wire
frames that one memcpy from the same mapped file fills. Rounds alternate between them, and a
row shows medians: a busy machine slows all three. Of turns there is the bare wire only: frames of
the same size, as many on their way, given back as they are.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import time

from .machine import Failure, await_path, hugepages, memory, run, say, stop, words

TARGET = "tests/bench/streamd/streamd"
SERVER, LOAD, PREFIX = "10.77.0.1", "10.77.1.1", 16
SERVER_MAC = "02:57:4d:00:00:01"
DEVICE = "queues=1,queue_size=1024,packed_vq=1,in_order=1,mrg_rxbuf=0"
SERVER_PACKET_MB, LOAD_PACKET_MB = 64, 16
# A process without connections: EAL, port, packet memory's slack. With TSO frames arrive in pieces.
PROCESS_MB, PROCESS_TSO_MB = 96, 96
CONNECTION_BYTES = 768  # hugepages: state, table, timers
TIME_WAIT = 65536
L3 = pathlib.Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
SHM_SPARE_MB = 1024  # left free on the tmpfs of a large file
PORTS = 64512  # of one address that the load opens connections from
BULK_UNIT = "of the copy wire"
FLOOD_TIMES, FLOOD_SHARE = 10, 0.3  # forged SYNs to a connection, of what the server can
FLOOD_WHOLE = 0.95  # of ten: a row of less says so
FLOOD_COUNTERS = ("cookies_sent", "cookies_accepted", "cookies_failed", "opened_passive",
                  "syn_received", "syn_dropped", "syn_limited", "connections_refused",
                  "source_refused", "wire_full", "memory_dropped")
FLOOD_CONNECTIONS = 32768  # at once: who asks again in a second must not hold back others
STATE_BYTES_MAX, CONNECTION_BYTES_MAX = 512, 1536  # DESIGN section 6, and the issue


class Row:
    """One line of the table: a rate against an aim, or a share of a limit against one."""

    def __init__(self, scenario, label, aim, unit):
        self.scenario, self.label, self.aim, self.unit = scenario, label, aim, unit
        self.rate = self.bare = self.copy = self.ratio = None
        self.busy_server = self.busy_load = None
        self.errors = 0
        self.facts = {}
        self.notes = []  # lines below it

    def reached(self):
        return self.ratio if self.ratio is not None else self.rate

    def verdict(self):
        value = self.reached()
        if self.unit == "bytes":
            return "met" if value <= self.aim else "MISSED"
        return "met" if value >= self.aim else \
            "above the floor" if value >= self.aim / 2 else "MISSED"

    def json(self):
        return {**vars(self), "floor": None if self.unit == "bytes" else self.aim / 2,
                "verdict": self.verdict()}


class Bench:
    """`work` is a scratch directory, `program` streamd."""

    def __init__(self, work, program, options):
        self.work, self.program, self.options = work, program, options
        self.log = work / "streamd.log"

    def command(self, role, device, cpu, tso, *arguments):
        return words([self.program, "--role", role, "--vdev", device, "--core", cpu,
                      *(["--tso"] if tso else []), *arguments])

    def pair(self, near, far, tso=False, watch=None):
        """Runs `far` (role, arguments) over the vhost end until it ends, `near` at the other; what
        `far` found. `watch` is called with the pid of `near`, again and again."""
        wire, results = self.work / "wire.sock", self.work / "results.json"
        wire.unlink(missing_ok=True)
        results.unlink(missing_ok=True)
        processes = []
        with open(self.log, "w", encoding="utf-8") as log:
            try:
                device = f"net_vhost0,iface={wire},queues=1{',tso=1' if tso else ''}"
                processes.append(subprocess.Popen(
                    self.command(far[0], device, self.options.load_cpu, tso, *far[1],
                                 "--json", results), stdout=log, stderr=log))
                await_path(wire, processes[0])
                device = f"net_virtio_user0,path={wire},mac={SERVER_MAC},{DEVICE}"
                processes.append(subprocess.Popen(
                    self.command(near[0], device, self.options.server_cpu, tso, *near[1]),
                    stdout=log, stderr=log))
                self.wait(processes, watch)
            finally:
                for process in processes:
                    stop(process)
        return json.loads(results.read_text(encoding="utf-8"))

    def wait(self, processes, watch):
        far, near = processes
        end = time.monotonic() + 300 + self.options.seconds
        while far.poll() is None:
            if time.monotonic() > end:
                raise Failure("streamd did not end")
            if near.poll() is not None:
                raise Failure(f"streamd ended:\n{self.log.read_text()[-2000:]}")
            if watch is not None:
                watch(near.pid)
            time.sleep(0.1)
        if far.returncode != 0:
            raise Failure(f"streamd failed:\n{self.log.read_text()[-2000:]}")

    def serve(self, connections, *arguments):
        return "serve", ["--address", f"{SERVER}/{PREFIX}", "--connections", connections,
                         "--packet-mb", SERVER_PACKET_MB, "--time-wait", TIME_WAIT,
                         "--congestion", self.options.congestion,
                         "--stats", self.work / "server.json", *arguments]

    def load(self, scenario, connections, *arguments, addresses=None):
        addresses = addresses or 1 + connections // PORTS
        return "load", ["--address", f"{LOAD}/{PREFIX}", "--addresses", addresses,
                        "--server", SERVER, "--scenario", scenario, "--connections", connections,
                        "--packet-mb", LOAD_PACKET_MB, "--time-wait", TIME_WAIT,
                        "--congestion", self.options.congestion,
                        "--seconds", self.options.seconds,
                        "--warmup-ms", self.options.warmup_ms, *arguments]

    def measure(self, row, near, far, tso=False):
        """One measurement of the TCP: the load's result, how busy either side was, its errors."""
        busy = Busy(self.work / "server.json")
        result = self.pair(near, far, tso, busy.look)
        row.busy_server, row.busy_load = busy.share, result["busy"]
        row.errors += result["errors"]
        if result["errors"]:
            row.facts["why"] = result["why"]
        return result

    def turns(self, outstanding):
        """Small frames that the wire carries there and back in a second without TCP."""
        window = ["--seconds", self.options.seconds, "--warmup-ms", self.options.warmup_ms,
                  "--outstanding", outstanding]
        return self.pair(("reflect", []), ("ask", window))["frames_per_s"]

    def wire(self, near_arguments, tso):
        """Payload bytes that the wire carries in a second without TCP."""
        window = ["--seconds", self.options.seconds, "--warmup-ms", self.options.warmup_ms]
        return self.pair(("send", near_arguments), ("receive", window), tso)["bytes_per_s"]


class Busy:
    """How much of its last whole second the server's core had work, from its counters."""

    def __init__(self, path):
        self.path, self.share, self.last = path, None, None
        path.unlink(missing_ok=True)

    def look(self, _):
        with contextlib.suppress(OSError, ValueError, KeyError):
            stamp = self.path.stat().st_mtime
            if self.last is not None and self.last[0] == stamp:
                return
            busy = json.loads(self.path.read_text(encoding="utf-8"))["loop"]["busy_ns"] / 1e9
            if self.last is not None:
                self.share = min(1.0, (busy - self.last[1]) / (stamp - self.last[0]))
            self.last = (stamp, busy)


def hugepages_mb(connections, tso=False):
    """For both ends."""
    each = PROCESS_MB + (PROCESS_TSO_MB if tso else 0) + connections * CONNECTION_BYTES // 2**20
    return 2 * each + SERVER_PACKET_MB + LOAD_PACKET_MB


def l3_bytes():
    text = L3.read_text().strip()
    return int(text.rstrip("KM")) * {"K": 2**10, "M": 2**20}[text[-1]]


@contextlib.contextmanager
def mapped_file(work, megabytes):
    """A file of bytes without order on `work`'s tmpfs, gone when we end."""
    path = work / f"bulk-{megabytes}"
    free = os.statvfs(work)
    if free.f_bavail * free.f_frsize < (megabytes + SHM_SPARE_MB) << 20:
        raise Failure(f"{work}: no room for a file of {megabytes} MiB")
    part = os.urandom(1 << 20)
    try:
        with open(path, "wb") as file:
            for _ in range(megabytes):
                file.write(part)
        yield path
    finally:
        path.unlink(missing_ok=True)


def bulk_row(bench, label, aim, path, tso):
    options = bench.options
    row = Row("tcp-bulk", f"{label}{', tso=1' if tso else ''}", aim, BULK_UNIT)
    row.facts["connections"] = options.bulk_connections
    rates = {"bare": [], "copy": [], "tcp": []}
    with hugepages(hugepages_mb(options.bulk_connections, tso)):
        for _ in range(options.rounds):
            rates["bare"].append(bench.wire([], tso))
            rates["copy"].append(bench.wire(["--copy", "--file", path], tso))
            rates["tcp"].append(bench.measure(
                row, bench.serve(options.bulk_connections, "--file", path, "--spread"),
                bench.load("bulk", options.bulk_connections), tso)["bytes_per_s"])
    row.bare, row.copy, row.rate = (statistics.median(rates[name])
                                    for name in ("bare", "copy", "tcp"))
    row.ratio = statistics.median(tcp / copy for tcp, copy in zip(rates["tcp"], rates["copy"]))
    row.facts["rounds"] = rates
    return row


def bulk(bench):
    """From a file that stays in cache, and from one that cannot."""
    files = [(bench.options.hot_mb, 0.60)]
    if not bench.options.smoke:
        files.append(((4 * l3_bytes() >> 20) + 1, 0.75))
    for megabytes, aim in files:
        with mapped_file(bench.work, megabytes) as path:
            for tso in (False, True):
                yield bulk_row(bench, f"{megabytes} MiB file", aim, path, tso)


def rates_row(bench, row, connections, near, far):
    """Median over the rounds of what the load completed in a second."""
    with hugepages(hugepages_mb(connections)):
        rates = [bench.measure(row, near, far)["completed_per_s"]
                 for _ in range(bench.options.rounds)]
    row.rate = statistics.median(rates)
    row.facts["rounds"] = rates
    return row


def rr(bench):
    """64 bytes each way, one question of a connection on its way."""
    smoke = bench.options.smoke
    for connections, outstanding, aim in ((256, 256, 2e6),
                                          (2000 if smoke else 100000, 512, 0.8e6)):
        row = Row("tcp-rr", f"{connections} connections, {outstanding} asking", aim, "/s")
        with hugepages(hugepages_mb(0)):
            row.bare = statistics.median(bench.turns(outstanding)
                                         for _ in range(bench.options.rounds))
        yield rates_row(bench, row, connections, bench.serve(connections),
                        bench.load("rr", connections, "--outstanding", outstanding))


def conn(bench):
    """Open, request, close; eight addresses, so that no tuple comes again soon."""
    connections = bench.options.conn_connections
    for closes in ("server", "load"):
        row = Row("tcp-conn", f"{connections} at once, {closes} closes first", 250e3, "/s")
        far = bench.load("conn", connections, "--closes", closes, addresses=8)
        yield rates_row(bench, row, 4 * connections, bench.serve(4 * connections), far)


def flood(bench):
    """Connections at 30 % of what the server can, alone and under ten times as many forged SYNs,
    whose sources nobody limits and nobody answers."""
    options, connections = bench.options, FLOOD_CONNECTIONS
    # The answers to forged sources need a way: they end at the load, which throws them away.
    near = bench.serve(4 * connections, "--gateway", LOAD)
    row = Row("tcp-flood", "", 0.90, "of the load alone")
    rates = {"capacity": [], "offered": [], "alone": [], "flooded": [], "forged": [],
             "taken": []}
    with hugepages(hugepages_mb(4 * connections)):
        for _ in range(options.rounds):
            far = bench.load("conn", options.conn_connections, addresses=8)
            rates["capacity"].append(bench.measure(row, near, far)["completed_per_s"])
            row.facts["busy_at_most"] = [row.busy_server, row.busy_load]
            rate = 2000 if options.smoke else int(FLOOD_SHARE * rates["capacity"][-1])
            rates["offered"].append(rate)
            far = bench.load("conn", connections, "--outstanding", connections, "--rate", rate,
                             addresses=8)
            rates["alone"].append(bench.measure(row, near, far)["completed_per_s"])
            far[1].extend(["--flood", FLOOD_TIMES * rate, "--server-mac", SERVER_MAC])
            result = bench.measure(row, near, far)
            rates["flooded"].append(result["completed_per_s"])
            rates["forged"].append(result["forged_per_s"])
            rates["taken"].append(taken_share(result["port"]))
    row.rate = statistics.median(rates["flooded"])
    row.ratio = statistics.median(flooded / alone for flooded, alone
                                  in zip(rates["flooded"], rates["alone"]))
    row.facts["rounds"] = rates
    # Of the last round.
    row.facts["server"] = json.loads((bench.work / "server.json").read_text(encoding="utf-8"))
    row.facts["load"] = {name: result[name] for name in ("tcp", "port")}
    flood_describe(row)
    yield row


def taken_share(port):
    """Of what a side sent: what the other's ring had room for, as on a NIC that misses frames."""
    return port["tx_frames"] / (port["tx_frames"] + port["tx_dropped"])


def flood_describe(row):
    """What was offered and what became of it, and who had no more to give: it need not be the
    server."""
    rates, server, load = row.facts["rounds"], row.facts["server"], row.facts["load"]
    middle = {name: statistics.median(values) for name, values in rates.items()}
    times = statistics.median(forged / offered for forged, offered
                              in zip(rates["forged"], rates["offered"]))
    row.facts["times"] = times
    busy = " ".join(percent(share) for share in row.facts["busy_at_most"])
    row.label = f"{times:.1f} forged SYNs to a connection"
    row.notes = [
        f"a second: {middle['capacity']:,.0f} at most (server and load busy: {busy}); "
        f"{middle['offered']:,.0f} offered, "
        f"{middle['alone']:,.0f} answered alone, {middle['flooded']:,.0f} beside "
        f"{middle['forged']:,.0f} forged; the server's ring took {100 * middle['taken']:.0f} % "
        "of all",
        "last round, server: " +
        ", ".join(f"{name} {server['tcp'][name]:,}" for name in FLOOD_COUNTERS) + ", " +
        ", ".join(f"{name} {server['port'][name]:,}"
                  for name in ("rx_missed", "rx_no_mbuf", "tx_dropped")),
        f"last round, load: retransmit_timeout {load['tcp']['retransmit_timeout']:,} of "
        f"{load['tcp']['opened_active']:,} opened, tx_dropped {load['port']['tx_dropped']:,}",
        f"the load's core was busy {100 * row.busy_load:.0f} %" +
        ("" if times >= FLOOD_WHOLE * FLOOD_TIMES else
         f" and made less than {FLOOD_TIMES} SYNs to a connection: it was the limit")]


class Memory:
    """The most that a process had, resident and in hugepages."""

    def __init__(self):
        self.resident = self.huge = 0

    def look(self, pid):
        with contextlib.suppress(OSError):
            resident, huge = memory(pid)
            self.resident, self.huge = max(self.resident, resident), max(self.huge, huge)


def idle(bench):
    """A server that is made for 1 connection and holds it, and one for all: what one more costs."""
    connections = 5000 if bench.options.smoke else bench.options.idle_connections
    most = {1: Memory(), connections: Memory()}
    row = Row("tcp-idle", f"{connections} connections", CONNECTION_BYTES_MAX, "bytes")
    state = Row("tcp-idle", "of them TCP's own (hugepages)", STATE_BYTES_MAX, "bytes")
    with hugepages(hugepages_mb(connections)):
        for count, seen in most.items():
            result = bench.pair(bench.serve(count), bench.load(
                "idle", count, "--outstanding", 512), watch=seen.look)
    row.errors = result["errors"]
    row.facts.update({"answered": result["completed"], "open": result["open"],
                      "answers_per_s": result["completed_per_s"]})
    if result["completed"] != connections:
        raise Failure(f"tcp-idle: {result['completed']} of {connections} answered")
    huge = most[connections].huge - most[1].huge
    resident = most[connections].resident - most[1].resident
    row.rate = (huge + resident) / (connections - 1)
    state.rate = huge / (connections - 1)
    yield row
    yield state


SCENARIOS = {"tcp-bulk": bulk, "tcp-rr": rr, "tcp-conn": conn, "tcp-flood": flood,
             "tcp-idle": idle}


def percent(share):
    return f"{100 * share:3.0f}%" if share is not None else "   -"


def shares(row):
    return " ".join(percent(share) for share in (row.busy_server, row.busy_load))


def rate_text(value, unit):
    if value is None:
        return "-"
    return f"{value / 1e6:,.0f} MB/s" if unit == BULK_UNIT else f"{value:,.0f}"


def report(rows):
    print(f"{'scenario':9} {'':38} {'rate':>12} {'bare wire':>12} {'copy wire':>12} {'ratio':>6} "
          f"{'aim':>10} {'srv load':>9} errors")
    for row in rows:
        aim = f"{row.aim:.2f}" if row.ratio is not None else f"{row.aim:,.0f}"
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else "-"
        print(f"{row.scenario:9} {row.label:38} {rate_text(row.rate, row.unit):>12} "
              f"{rate_text(row.bare, row.unit):>12} {rate_text(row.copy, row.unit):>12} "
              f"{ratio:>6} {aim:>10} {shares(row)} {row.errors:6} {row.verdict()}")
        for note in row.notes:
            print(f"    {note}")


def measure_all(work, build, options, names):
    """The rows of these scenarios, in order."""
    run("ninja", "-C", build, TARGET)
    bench = Bench(work, build / TARGET, options)
    rows = []
    for name in names:
        say(name)
        rows.extend(SCENARIOS[name](bench))
    return rows
