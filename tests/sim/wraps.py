#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sequence numbers and timestamps of many seeds are about to wrap: the clock starts where they do.

wraps.py SIM
"""

import re
import subprocess
import sys

SEEDS = range(1, 61)
BEFORE = 300000  # steps before 2^31 or 2^32 (faults.c)
LEAST = 4  # of all seeds: a fifth of them are meant to, nearer than that
SYN = re.compile(r"\.S\S* .*? seq (\d+) .* ts (\d+) ")


def before_wrap(number):
    return -number % (1 << 31) <= BEFORE


def main():
    sequences = timestamps = 0
    for seed in SEEDS:
        said = subprocess.run([sys.argv[1], "--seed", str(seed), "--kind", "tcp"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        syns = [(int(seq), int(stamp)) for seq, stamp in SYN.findall(said)[:2]]
        sequences += any(before_wrap(seq) for seq, _ in syns)
        timestamps += any(before_wrap(stamp) for _, stamp in syns)
    print(f"{len(SEEDS)} seeds: sequence numbers of {sequences} and timestamps of {timestamps} "
          "begin before they wrap")
    return 0 if sequences >= LEAST and timestamps >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
