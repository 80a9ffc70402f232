# SPDX-License-Identifier: Apache-2.0
"""Some hundred odd sequences of segments: ours answers as Linux does, or a rule says why not.

differential.py runs as many as a person wants.
"""

import pytest

import differential
import grammar
import rules

SEQUENCES = 400


@pytest.fixture(scope="module")
def lab(request, build):
    if request.config.getoption("server") != "wiremap":
        pytest.skip("is about our TCP")
    with differential.Lab(build) as made:
        yield made


def test_answers_are_linuxs_or_explained(lab):
    counted, texts, _ = differential.campaign(lab, "ci", SEQUENCES)
    assert not texts, "\n\n".join(texts)
    assert counted["malformed options"] > 0  # the comparison sees what differs


def test_a_difference_is_seen(lab, monkeypatch):
    """Without its rule it is one, cut down to what shows it."""
    rule = next(rule for rule in rules.RULES if rule.name == "segment without timestamp")
    monkeypatch.setattr(rules, "RULES", [one for one in rules.RULES if one is not rule and
                                         one.name != f"{rule.name} before"])
    step = grammar.Step
    sequence = grammar.Sequence("planted", grammar.ECHO, 1000, 1000, [
        step(seq="i+0", ack="s+0", flags="S", options=("m1460", "t+0+0")),
        step(options=("t+0+0",)), step(flags="PA", payload="3", options=("t+0+0",)),
        step(flags="PA", payload="7")])
    different, _ = differential.judge(lab, [(sequence, sequence.steps)], 1)
    difference = differential.Difference(sequence, *different["planted"])
    differential.minimise(lab, [difference])
    assert [one.flags for one in difference.steps] == ["S", "PA"]


def test_every_rule_is_documented(top):
    text = (top / "docs" / "tcp.md").read_text()
    for rule in rules.RULES:
        assert f"| {rule.name} |" in text, rule.name
