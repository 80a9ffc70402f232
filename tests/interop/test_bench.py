# SPDX-License-Identifier: Apache-2.0
"""Every scenario of tools/bench that measures the TCP alone, small and short: it is the counts
that must be right, and no time is looked at."""

import json
import subprocess

import pytest

from lab.hugepages import Hugepages

HUGEPAGES_MB = 600
CONNECTIONS = 5000


@pytest.fixture(scope="module")
def rows(top, build, tmp_path_factory):
    if not (build / "tests" / "bench" / "streamd" / "streamd").exists():
        pytest.skip(f"streamd is not built in {build}")
    pages = Hugepages(HUGEPAGES_MB)
    if not pages.got:
        pytest.skip(f"no {HUGEPAGES_MB} MiB of hugepages to be had")
    pages.close()
    found = tmp_path_factory.mktemp("bench") / "rows.json"
    done = subprocess.run(
        [top / "tools" / "bench", "--smoke", "--seconds", "1", "--warmup-ms", "100", "--rounds",
         "1", "--build", build, "--scenario", "tcp-bulk,tcp-rr,tcp-conn,tcp-flood,tcp-idle",
         "--json", found], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(found.read_text())


def of(rows, scenario):
    found = [row for row in rows if row["scenario"] == scenario]
    assert found, f"no row of {scenario}"
    return found


def test_nothing_is_lost(rows):
    assert [row for row in rows if row["errors"]] == []
    assert all(row["rate"] > 0 for row in rows)


def test_bulk_has_both_limits(rows):
    labels = [row["label"] for row in of(rows, "tcp-bulk")]
    assert sum("tso=1" in label for label in labels) == len(labels) / 2
    for row in of(rows, "tcp-bulk"):
        assert row["bare"] > 0 and row["copy"] > 0 and row["ratio"] > 0


def test_turns_have_the_bare_wire(rows):
    assert all(row["bare"] > 0 for row in of(rows, "tcp-rr"))


def test_either_side_closes_first(rows):
    assert sorted(row["label"].split()[-3] for row in of(rows, "tcp-conn")) == ["load", "server"]


def test_who_means_it_is_served_in_a_flood(rows):
    """2,000 connections a second, 20,000 forged SYNs: no place is left that is half open."""
    (row,) = of(rows, "tcp-flood")
    facts, tcp = row["facts"], row["facts"]["server"]["tcp"]
    assert facts["rounds"]["forged"][0] > 0 and facts["rounds"]["flooded"][0] > 0
    assert tcp["syn_received"] > 0 and tcp["cookies_sent"] > tcp["cookies_accepted"] > 0
    assert tcp["cookies_failed"] == 0


def test_every_idle_connection_answers(rows):
    whole, state = of(rows, "tcp-idle")
    assert whole["facts"]["open"] == whole["facts"]["answered"] == CONNECTIONS
    assert whole["rate"] >= state["rate"]
