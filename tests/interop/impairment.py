#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Wiremap and Linux as senders over the same bad path, in turn and side by side.

    tests/interop/impairment.py [--build DIR] [--congestion cubic] [--seeds 5] [--seconds 5]
                                [--loss 0.001,0.01,0.03] [--rtt 1,10,50] [--reorder 0.02]
                                [--beside-seeds 4]
                                [--beside-seconds 40] [--json FILE]

Bulk FETCH to a Linux client through impair.c: 100 Mbit/s, a queue of one bandwidth-delay product,
no offloads. For each case and seed Wiremap sends, then Linux (CUBIC) the same mail over a kernel
socket; the table gives the medians of goodput and their ratio. A case is losses at a round trip,
or reordering without loss. Then both send at once: the share of the link that Wiremap takes.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import selectors
import socket
import statistics
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
import clients  # noqa: E402
from badpath import KERNEL, BadPath, line  # noqa: E402
from lab import mailfiles  # noqa: E402
from lab.server import Server  # noqa: E402
from lab.wire import inside  # noqa: E402
from service import PORT, Service  # noqa: E402

USER, PASSWORD = "bulk", "secret-bulk"
MESSAGES, MESSAGE_BYTES = 16, 1 << 20
SETTLE_SHARE = 0.4  # of the time of two flows, before their shares count: CUBIC needs many rounds
Case = collections.namedtuple("Case", "rtt_ms loss reorder", defaults=(0.0, 0.0))


def letters():
    for number in range(MESSAGES):
        body = "".join(f"{number:04d} {row:08d} {'.' * 57}\n"
                       for row in range(MESSAGE_BYTES // 72))
        yield f"Subject: bulk {number}\nFrom: a@example.org\n\n{body}".encode()


class Lab:
    """A bad path with wiremapd at its server's end and a sender of ours at its kernel's."""

    def __init__(self, build, congestion=None):
        with contextlib.ExitStack() as stack:
            scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.path = stack.enter_context(
                BadPath(build / "tests" / "interop" / "impair"))
            mail = list(letters())
            self.digests = [mailfiles.digest(letter) for letter in mail]
            mailfiles.maildir_write(scratch / "mail", mail)
            self.server = Server(build, self.path, PORT)
            stack.callback(self.server.close)
            if congestion:
                with open(self.server.config, "a", encoding="ascii") as config:
                    config.write(f"tcp:\n  congestion: {congestion}\n")
            self.server.add(USER, PASSWORD, scratch / "mail")
            with self.path.forwarding(mbit=1000):
                self.server.start()
            self.linux = stack.enter_context(LinuxSender(self.path, b"".join(mail)))
            self.service = Service(self.path, self.server, {})
            self.stack = stack.pop_all()

    def wiremap_log_in(self):
        raw = clients.Raw(self.service)
        raw.login(USER, PASSWORD)
        assert raw.command(b"e", b"EXAMINE INBOX")[-1].startswith(b"e OK")
        return raw

    def wiremap_connect(self):
        """A socket, and the request after which the mail comes on it again and again."""
        return self.wiremap_log_in().socket, b"f FETCH 1:* BODY.PEEK[]\r\n" * 100

    def linux_connect(self):
        with inside(self.path.client):
            plug = socket.create_connection((KERNEL, PORT), 20)
        return plug, b"go"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


class LinuxSender:
    """Sends `data` over and over to whoever connects and asks; one thread each."""

    def __init__(self, path, data):
        self.data = data
        with inside(path.kernel):
            self.listener = socket.create_server((KERNEL, PORT))
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                plug, _ = self.listener.accept()
                threading.Thread(target=self._send, args=(plug,), daemon=True).start()

    def _send(self, plug):
        with contextlib.suppress(OSError), plug:
            plug.recv(16)
            while True:
                plug.sendall(self.data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def receive(flows, seconds, settle=0.0):
    """Asks on each (socket, request) and counts for `seconds`: bytes after `settle`, a list."""
    got = [0] * len(flows)
    with selectors.DefaultSelector() as selector:
        for number, (plug, request) in enumerate(flows):
            selector.register(plug, selectors.EVENT_READ, number)
            plug.sendall(request)
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds:
            for key, _ in selector.select(seconds - passed):
                count = len(key.fileobj.recv(1 << 18))
                assert count > 0, "the sender has ended"
                got[key.data] += count if passed >= settle else 0
    return got


def measure(lab, connects, settings, seconds, settle=0.0):
    """Goodput of each flow, Mbit/s, and the path's counters."""
    with lab.path.forwarding(**settings) as forwarder, contextlib.ExitStack() as stack:
        flows = [connect() for connect in connects]
        for plug, _ in flows:
            stack.callback(plug.close)
        forwarder.begin()
        got = receive(flows, seconds, settle)
        counters = forwarder.stop()
    return [count * 8e-6 / (seconds - settle) for count in got], counters


def compare(lab, case, seeds, seconds):
    """One row: each seed for both senders, in turn."""
    rates = {"wiremap": [], "linux": []}
    paths = []
    for seed in seeds:
        settings = line(rtt_ms=case.rtt_ms, loss=case.loss, reorder=case.reorder, seed=seed)
        for name, connect in (("wiremap", lab.wiremap_connect), ("linux", lab.linux_connect)):
            (rate,), counters = measure(lab, [connect], settings, seconds)
            rates[name].append(round(rate, 3))
            paths.append(counters)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {**case._asdict(), **rates, "path": paths,
            "ratio": round(medians["wiremap"] / medians["linux"], 3)}


def beside(lab, rtt_ms, seeds, seconds):
    """Wiremap's share of what both send at once. Who asks first changes from seed to seed, and
    is in another place at the end: so it is the mean over an even number of them that counts."""
    shares, sums = [], []
    for seed in seeds:
        connects = [lab.wiremap_connect, lab.linux_connect]
        ours = seed % 2
        rates, _ = measure(lab, connects[::-1] if ours else connects,
                           line(rtt_ms=rtt_ms, seed=seed), seconds,
                           seconds * SETTLE_SHARE)
        shares.append(round(rates[ours] / sum(rates), 3))
        sums.append(round(sum(rates), 1))
    return {"rtt_ms": rtt_ms, "shares": shares, "sums": sums,
            "share": statistics.mean(shares)}


def numbers(text):
    return [float(word) for word in text.split(",") if word]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--congestion", default="cubic")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--loss", type=numbers, default=[0.001, 0.01, 0.03])
    parser.add_argument("--rtt", type=numbers, default=[1, 10, 50])
    parser.add_argument("--reorder", type=numbers, default=[0.02])
    parser.add_argument("--beside-seeds", type=int, default=4)
    parser.add_argument("--beside-seconds", type=float, default=40)
    parser.add_argument("--json", type=pathlib.Path)
    return parser.parse_args()


def main():
    args = arguments()
    seeds = range(1, args.seeds + 1)
    cases = [Case(rtt, loss) for loss in args.loss for rtt in args.rtt]
    cases += [Case(rtt, 0.0, reorder) for reorder in args.reorder for rtt in args.rtt]
    result = {"alone": [], "beside": []}
    with Lab(args.build.resolve(), args.congestion) as lab:
        print("   rtt     loss  reorder   wiremap     linux   ratio   (Mbit/s, medians)")
        for case in cases:
            row = compare(lab, case, seeds, args.seconds)
            result["alone"].append(row)
            print(f"{case.rtt_ms:6g} {case.loss:8.2%} {case.reorder:8.2%} "
                  f"{statistics.median(row['wiremap']):9.2f} "
                  f"{statistics.median(row['linux']):9.2f} {row['ratio']:7.2f}", flush=True)
        for rtt in args.rtt if args.beside_seconds else ():
            row = beside(lab, rtt, range(args.beside_seeds), args.beside_seconds)
            result["beside"].append(row)
            print(f"beside at {rtt:g} ms: {row['share']:.0%} of the link {row['shares']} "
                  f"of {row['sums']} Mbit/s", flush=True)
        result["tcp"] = lab.server.stats()["cores"][0]["tcp"]
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
