# SPDX-License-Identifier: Apache-2.0
"""What a benchmark does to the machine: processes, hugepages, memory counted."""

import contextlib
import pathlib
import signal
import subprocess
import sys
import time

from .hugepages import Hugepages

STOP_SECONDS = 20


class Failure(Exception):
    """What went wrong, for people."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def stop(process):
    """Ends a process that we started, and its session of children."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def hugepages(megabytes):
    """So many free in 2 MiB pages while we run, and what was there before when we end."""
    pages = Hugepages(megabytes)
    if not pages.got:
        raise Failure(f"no {megabytes} MiB of hugepages to be had; free some memory")
    try:
        yield
    finally:
        pages.close()


def await_path(path, process, seconds=20):
    end = time.monotonic() + seconds
    while not path.exists():
        if process.poll() is not None:
            raise Failure(f"{process.args[0]} ended before {path} was there")
        if time.monotonic() > end:
            raise Failure(f"{path} did not come up")
        time.sleep(0.02)


def words(command):
    return [str(word) for word in command]


def memory(pid):
    """Bytes of resident memory and of hugepages in use of a process."""
    sums = {"Rss:": 0, "Private_Hugetlb:": 0, "Shared_Hugetlb:": 0}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, *rest = line.split()
        if name in sums:
            sums[name] += 1024 * int(rest[0])
    return sums["Rss:"], sums["Private_Hugetlb:"] + sums["Shared_Hugetlb:"]
