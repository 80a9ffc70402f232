# SPDX-License-Identifier: Apache-2.0
"""Mail through a path that loses, delays, reorders and duplicates arrives whole.

How fast is impairment.py's question, which a person asks; here only bytes and the end count.
"""

import pytest

import clients
import impairment
from badpath import line
from lab import mailfiles

TENTH, TWENTIETH = 0.1, 0.05
PATHS = {
    "loss": dict(rtt_ms=2, loss=0.03),
    "bursts": dict(rtt_ms=2, burst=0.003),
    "reorder": dict(rtt_ms=4, reorder=TENTH),
    "duplicates": dict(rtt_ms=2, duplicate=TENTH),
    "far": dict(rtt_ms=50, loss=0.001),
    "narrow": dict(mbit=30, rtt_ms=2),
    "all": dict(rtt_ms=2, loss=0.01, reorder=TWENTIETH, duplicate=TWENTIETH, burst=0.001),
}


@pytest.fixture(scope="module")
def lab(request, build):
    if request.config.getoption("server") != "wiremap":
        pytest.skip("is about wiremapd")
    with impairment.Lab(build) as made:
        yield made


@pytest.mark.parametrize("name", PATHS)
def test_mail_arrives_whole(lab, name):
    """One message in each of five connections, a seed each; the accidents hit both directions."""
    suffered = {}
    for seed in range(1, 6):
        with lab.path.forwarding(**line(**PATHS[name], seed=seed), both=True) as forwarder:
            with lab.wiremap_log_in() as raw:
                forwarder.begin()
                row = raw.command(b"f", b"FETCH %d BODY.PEEK[]" % seed)[0]
                assert mailfiles.digest(clients.literal_of(row)) == lab.digests[seed - 1]
                assert raw.command(b"q", b"LOGOUT")[-1].startswith(b"q OK")
                assert raw.rest() == b""
            for accident, count in forwarder.stop()["down"].items():
                suffered[accident] = suffered.get(accident, 0) + count
    check_suffered(suffered, PATHS[name])


def check_suffered(counters, asked):
    """The path was as bad as it was asked to be, or the test shows nothing."""
    for option, counter in (("loss", "lost"), ("burst", "burst_lost"), ("reorder", "reordered"),
                            ("duplicate", "duplicated"), ("mbit", "queue_dropped")):
        assert option not in asked or counters[counter] > 0
