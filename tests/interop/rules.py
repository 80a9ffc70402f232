# SPDX-License-Identifier: Apache-2.0
"""Where our TCP answers otherwise than Linux's, on purpose: each rule knows exactly one such case.

docs/tcp.md, "Differences from Linux", has the reasons under the same names.
"""

import collections
import re

# `parts`: from such a step on the two connections are not in the same state any more.
Rule = collections.namedtuple("Rule", "name parts applies")
RULES = []
SMALLEST_MSS = 216
INITIAL_SEGMENTS = 10


class Case:
    """A step in which facts() differ: `mine` and `other`, in `fields`; `both` is all that was
    told, and `before` what both had told until then."""

    def __init__(self, sequence, steps, number, both, mine, other, fields):
        self.sequence, self.steps, self.number = sequence, steps, number
        self.step, self.mine, self.other, self.fields = steps[number], mine, other, set(fields)
        self.told = [told[number] for told in both]
        self.before = [told[number - 1] for told in both] if number else None
        self.earlier = [told[:number] for told in both]

    def only(self, *fields):
        return self.fields <= set(fields)

    def has(self, *flags):
        """Any of them."""
        return any(flag in self.step.flags for flag in flags)

    @property
    def size(self):
        return int(self.step.payload.rstrip("!"))

    @property
    def position(self):
        """Where the segment begins, from the next byte that we expect; None: at an edge."""
        base, offset = self.step.seq[0], int(self.step.seq[1:])
        acked = self.before[0].acked if self.before else 0
        return {"a": offset, "i": offset - acked}.get(base)

    @property
    def end(self):
        return None if self.position is None else \
            self.position + self.size + self.has("S") + self.has("F")

    def synack(self):
        """The options of our SYN-ACK, or None before it."""
        return next((answer.options for told in self.earlier[0] for answer in told.answers
                     if "S" in answer.flags), None)

    def quiet(self):
        """Ours says nothing at all."""
        return not self.mine["answered"] and not self.mine["resets"] and not self.mine["synack"]

    def closing(self):
        """The peer's FIN has been taken, or ours was sent."""
        return any("F" in answer.flags for told in self.earlier[0] for answer in told.answers)


def rule(parts=False):
    """A rule by the name of its function."""
    def add(function):
        RULES.append(Rule(function.__name__.replace("_", " "), parts, function))
        return function
    return add


def explain(case):
    """The first rule that knows this difference, or None."""
    return next((found for found in RULES if found.applies(case)), None)


def option_bytes(step):
    """The options as they stand in the segment; payload where the header length says so."""
    made = b""
    for option in step.options:
        kind, rest = option[0], option[1:]
        made += {"m": b"\2\4..", "w": b"\3\3.", "k": b"\4\2", "t": b"\x08\x0a" + b"." * 8,
                 "b": b"\5\x0a" + b"." * 8, "x": bytes.fromhex(rest) if kind == "x" else b""
                 }.get(kind, b"")
    made = (made[:40] + bytes(-len(made) % 4))[:40]
    words = next((int(option[1:]) for option in step.options if option[0] == "h"), None)
    if words is None:
        return made
    return None if words < 5 else (made + b"A" * 40)[:words * 4 - 20]


def malformed(step):
    """An option that reaches beyond its header, or has a length below two."""
    left = option_bytes(step)
    while left and left[0] != 0:
        if left[0] == 1:
            left = left[1:]
            continue
        if len(left) < 2 or left[1] < 2 or left[1] > len(left):
            return True
        left = left[left[1]:]
    return False


@rule(parts=True)
def malformed_options(case):
    return malformed(case.step) and case.quiet()


@rule(parts=True)
def segment_without_timestamp(case):
    return "t" in (case.synack() or "") and case.quiet() and not case.has("R", "S") and \
        not re.search(r"\bt", ",".join(case.step.options))


@rule()
def old_timestamp_on_a_bare_acknowledgement(case):
    return case.only("answered", "window", "sack") and case.mine["answered"] and \
        case.size == 0 and not case.has("S", "F", "R") and \
        any(re.match(r"t-", option) for option in case.step.options)


@rule(parts=True)
def wrong_echo_while_half_open(case):
    return len(case.earlier[0]) == 1 and "t" in (case.synack() or "") and \
        any(re.match(r"t.*[+-](?!0$)\d+$", option) for option in case.step.options)


@rule(parts=True)
def syn_while_half_open(case):
    return case.only("resets", "answered", "window", "sack") and case.has("S") and \
        case.mine["answered"] and bool(case.other["resets"]) and case.synack() is not None


@rule(parts=True)
def small_mss(case):
    sizes = [int(option[1:]) for step in case.steps[:case.number] if "S" in step.flags
             for option in step.options if option[0] == "m"]
    return any(size < SMALLEST_MSS for size in sizes) and "sent" in case.fields


@rule()
def neither_ack_nor_syn_nor_rst(case):
    return case.only("answered", "window", "sack") and case.mine["answered"] and \
        not case.has("A", "S", "R")


@rule()
def reset_whose_payload_ends_before_the_window(case):
    return case.only("answered", "window", "sack") and case.has("R") and case.size > 0 and \
        case.end == 0 and not case.mine["answered"]


@rule()
def old_data_after_the_end(case):
    return case.only("answered", "window", "sack") and case.mine["answered"] and \
        case.closing() and case.size > 0 and case.end is not None and case.end <= 0


@rule()
def duplicate_sack(case):
    def is_duplicate(blocks, told):
        found = re.match(r"\[(\d+)-(\d+)\]", str(blocks))
        return bool(found) and (told.acked - int(found[2])) % (1 << 32) < 1 << 31

    return case.only("sack") and (is_duplicate(case.mine["sack"], case.told[0]) or
                                  is_duplicate(case.other["sack"], case.told[1]))


@rule()
def fin_in_a_sack_block(case):
    def without(blocks):
        return re.findall(r"\[(\d+)-", str(blocks))

    return case.only("sack") and any("F" in step.flags for step in case.steps) and \
        without(case.mine["sack"]) == without(case.other["sack"])
