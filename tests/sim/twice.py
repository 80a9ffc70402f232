#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same seed prints the same bytes: each is run twice, in processes of its own.

twice.py SIM
"""

import subprocess
import sys

SEEDS = range(1, 9)
KINDS = ("tcp", "adversary", "imap")


def output(sim, kind, seed):
    return subprocess.run([sim, "--seed", str(seed), "--kind", kind], stdout=subprocess.PIPE,
                          check=True).stdout


def main():
    different = [(kind, seed) for kind in KINDS for seed in SEEDS
                 if output(sys.argv[1], kind, seed) != output(sys.argv[1], kind, seed)]
    for kind, seed in different:
        print(f"sim --seed {seed} --kind {kind} does not say the same twice")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
