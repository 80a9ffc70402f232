# SPDX-License-Identifier: Apache-2.0
"""Hugepages for the time of a run: reserved if the kernel has them to give, given back after."""

import contextlib
import pathlib

COUNT = pathlib.Path("/proc/sys/vm/nr_hugepages")


def meminfo():
    """{name: kB or number}"""
    fields = (line.split() for line in pathlib.Path("/proc/meminfo").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in fields}


class Hugepages:
    """`got` says whether `wanted_mb` are free. `before` is what to put back, None if nothing."""

    def __init__(self, wanted_mb):
        self.before = None
        info = meminfo()
        size_kb = info.get("Hugepagesize", 0)
        # What is not 2 MiB by default (1 GiB by the administrator's choice) is left alone.
        self.got = False
        if size_kb != 2048:
            return
        missing = wanted_mb * 1024 // size_kb - info["HugePages_Free"] + info["HugePages_Rsvd"]
        if missing > 0:
            self.before = info["HugePages_Total"]
            with contextlib.suppress(OSError):
                COUNT.write_text(str(self.before + missing))
            info = meminfo()
            missing = wanted_mb * 1024 // size_kb - info["HugePages_Free"] + \
                info["HugePages_Rsvd"]
        self.got = missing <= 0
        if not self.got:
            self.close()

    def close(self):
        if self.before is not None:
            with contextlib.suppress(OSError):
                COUNT.write_text(str(self.before))
            self.before = None

    def undo(self):
        """The same as `close`, for a shell, much later."""
        return f"sysctl -q vm.nr_hugepages={self.before}" if self.before is not None else ""
