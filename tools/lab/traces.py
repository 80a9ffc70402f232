# SPDX-License-Identifier: Apache-2.0
"""What a run could leave behind on a machine.

Everything that a laboratory makes carries the token of its run: namespaces, devices, folders,
DPDK's files by name, and processes by WIREMAP_RUN in their environment. So nothing of another run
on the same machine is ever taken for ours.
"""

import os
import pathlib

RUN = os.environ.setdefault("WIREMAP_RUN", os.urandom(3).hex())

FOLDERS = ("/run/netns", "/dev/hugepages", "/var/run/dpdk", "/sys/class/net", "/tmp", "/dev/shm",
           "/run")


def names():
    for folder in FOLDERS:
        try:
            found = os.listdir(folder)
        except OSError:
            continue
        yield from (f"{folder}/{name}" for name in found if RUN in name)


def processes():
    """(pid, program) of what was started by this run; the caller itself and its kin are not."""
    token = f"WIREMAP_RUN={RUN}".encode()
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if token in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name), (entry / "comm").read_text().strip()
        except OSError:
            continue


def unix_sockets():
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        path = line.split()[-1]
        if RUN in path:
            yield path


def left():
    """Sorted names of everything of this run that is still here."""
    return sorted([*names(), *(f"socket {path}" for path in unix_sockets()),
                   *(f"process {pid} {name}" for pid, name in processes())])
