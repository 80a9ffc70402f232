# SPDX-License-Identifier: Apache-2.0
"""Where our TCP answers otherwise than Linux's, on purpose: each rule knows exactly one such case.

docs/tcp.md, "Differences from Linux", has the reasons under the same names.
"""

import collections
import re

import grammar

# `parts`: from such a step on the two connections are not in the same state any more.
Rule = collections.namedtuple("Rule", "name parts applies")
RULES = []
SMALLEST_MSS = 216
SMALL_WINDOW = 1460  # of the peer
CLOCK_STEP = 100  # of player's timestamps, from one segment to the next
PROMPT_MS = 60  # a delayed acknowledgement is in time, a retransmission is not
LEAST_WINDOW = 60000  # of ours and Linux's, at first


class Case:
    """A step in which facts() differ: `mine` and `other`, in `fields`; `both` is all that was
    told. Places in our stream count from our ISN."""

    def __init__(self, sequence, steps, number, both, mine, other, fields):
        self.sequence, self.steps, self.number = sequence, steps, number
        self.step, self.mine, self.other, self.fields = steps[number], mine, other, set(fields)
        self.both = both
        self.ours, self.theirs = (told[number] for told in both)
        self.past, self.upto = steps[:number], steps[:number + 1]
        self.synack = next((answer.options for told in reversed(both[0][:number])
                            for answer in told.answers if "S" in answer.flags), None)
        self.stamped = "t" in (self.synack or "")

    def only(self, *fields):
        return self.fields <= set(fields)

    def just_answered(self):
        """The one says something without consequence, the other nothing."""
        return self.only("answered", "window", "sack")

    def has(self, *flags):
        """Any of them."""
        return any(flag in self.step.flags for flag in flags)

    def acked(self, number, side=0):
        """What that side had acknowledged before the step."""
        return self.both[side][number - 1].acked if number else 0

    def begin(self, number=None, side=0):
        """Where a step's segment begins; None: at an edge."""
        number = self.number if number is None else number
        base, offset = self.steps[number].seq[0], int(self.steps[number].seq[1:])
        return {"a": offset + self.acked(number, side), "i": offset}.get(base)

    def end(self, number=None, side=0):
        number = self.number if number is None else number
        begin, step = self.begin(number, side), self.steps[number]
        return None if begin is None else \
            begin + size(step) + ("S" in step.flags) + ("F" in step.flags)

    def beside(self):
        """How far the segment ends beyond what was acknowledged: 0 where the window begins."""
        return None if self.end() is None else self.end() - self.acked(self.number)

    def half_open(self, number=None):
        """Linux has answered a SYN and sent nothing since but acknowledgements."""
        number = self.number if number is None else number
        return self.synack is not None and number > 0 and self.both[1][number - 1].sent <= 1

    def stamp_is_old(self, number=None):
        """Its timestamp lies before that of the last SYN."""
        number = self.number if number is None else number
        syn = max([n for n in range(number) if "S" in self.steps[n].flags], default=0)
        stamps = [stamp(self.steps[n]) for n in (syn, number)]
        return None not in stamps and \
            (stamps[1] - stamps[0] + CLOCK_STEP * (number - syn)) % (1 << 32) >= 1 << 31

    def quiet(self):
        """Ours says nothing at all."""
        return not self.mine["answered"] and not self.mine["resets"] and not self.mine["synack"]

    def closing(self):
        """Ours has sent its FIN."""
        return any("F" in answer.flags for told in self.both[0][:self.number + 1]
                   for answer in told.answers)

    def ended(self):
        """Ours has taken the peer's FIN."""
        return any("F" in step.flags and self.both[0][number].acked == self.end(number)
                   for number, step in enumerate(self.past))


def size(step):
    """As it leaves: a packet holds no more."""
    return min(int(step.payload.rstrip("!")), grammar.MSS - len(option_bytes(step) or b""))


def stamp(step):
    """The offset of its timestamp, or None."""
    found = next((re.match(r"t([+-]\d+)", option) for option in step.options
                  if option[0] == "t"), None)
    return int(found[1]) if found else None


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


def echo_is_wrong(step):
    return any(re.match(r"t.*[+-](?!0$)\d+$", option) for option in step.options)


# --- segments that do not hold together -----------------------------------------------------

@rule(parts=True)
def malformed_options(case):
    return malformed(case.step) and case.quiet()


@rule(parts=True)
def malformed_options_before(case):
    """Linux has taken what else such a segment said: a RST, an acknowledgement."""
    return any(map(malformed, case.past))


@rule(parts=True)
def authentication_option(case):
    """Linux lets nobody connect who signs with a key that it does not have."""
    return case.has("S") and any(option[:3] == "x1d" for option in case.step.options) and \
        not case.other["synack"]


@rule(parts=True)
def old_acknowledgement_with_data(case):
    """Linux's fast path does not look how old it is (RFC 5961 5.2)."""
    return case.has("A") and case.step.ack not in ("u+0", "s+1") and size(case.step) > 0 and \
        case.begin() == case.acked(case.number) and case.other["acked"] > case.mine["acked"]


@rule()
def neither_ack_nor_syn_nor_rst(case):
    return case.just_answered() and case.mine["answered"] and not case.has("A", "S", "R")


# --- timestamps -----------------------------------------------------------------------------

def needs_stamp(step):
    return stamp(step) is None and not set(step.flags) & set("RS")


@rule(parts=True)
def segment_without_timestamp(case):
    return case.stamped and case.quiet() and needs_stamp(case.step)


@rule(parts=True)
def segment_without_timestamp_before(case):
    """Linux has taken its acknowledgement, though neither said so."""
    return case.stamped and any(map(needs_stamp, case.past[1:]))


@rule()
def old_timestamp_on_a_bare_acknowledgement(case):
    newest = max([0] + [stamp(step) or 0 for step in case.past])
    return case.just_answered() and case.mine["answered"] and size(case.step) == 0 and \
        not case.has("S", "F", "R") and stamp(case.step) is not None and \
        stamp(case.step) < newest


@rule(parts=True)
def echo_while_half_open(case):
    """Linux wants its SYN-ACK echoed, and nothing that it has said since."""
    said = any(told.answers and told.answers[-1].flags == "A"
               for told in case.both[1][1:case.number])
    return case.stamped and case.half_open() and \
        (said or echo_is_wrong(case.step) or any(map(echo_is_wrong, case.past)))


@rule(parts=True)
def old_timestamp_on_a_reset_while_half_open(case):
    """RFC 7323 5.3 excepts the RST."""
    return case.stamped and any("R" in step.flags and case.stamp_is_old(number) and
                                case.half_open(number)
                                for number, step in enumerate(case.upto))


# --- half open ------------------------------------------------------------------------------

@rule(parts=True)
def syn_while_half_open(case):
    return case.only("resets", "answered", "window", "sack") and case.has("S") and \
        case.half_open() and case.mine["answered"] and bool(case.other["resets"])


@rule()
def syn_again_with_data(case):
    """Linux repeats its SYN-ACK; ours does when its own timer says so."""
    return case.half_open() and case.has("S") and not case.has("A", "R") and \
        case.begin() == case.acked(case.number) - 1 and case.mine["answered"]


@rule(parts=True)
def acknowledgement_before_sequence_while_half_open(case):
    return case.only("resets", "answered", "window", "sack") and case.half_open() and \
        case.has("A") and case.step.ack != "u+0" and case.mine["answered"] and \
        bool(case.other["resets"]) and \
        (case.begin() is None or not 0 < case.beside() < LEAST_WINDOW or case.stamp_is_old())


# --- what lies at the edges -----------------------------------------------------------------

@rule(parts=True)
def segment_that_ends_where_the_window_begins(case):
    """Linux takes it for one inside the window."""
    return case.beside() == 0 and case.end() != case.begin()


@rule(parts=True)
def edge_of_the_window(case):
    """Ours is beyond what the window field could say: scaled and cut, or at most 65535. Who opens
    anew there does so at a place for each."""
    return case.step.seq[:2] == "e+" or \
        (case.step.seq[0] == "e" and case.has("S") and case.only("acked"))


@rule(parts=True)
def handshake_at_the_edge_of_the_window(case):
    """The third step lay there: ours took it, Linux did not."""
    third = next((step for step in case.upto[1:] if "A" in step.flags), None)
    return case.half_open() and third is not None and third.seq[:2] == "e+"


@rule(parts=True)
def acknowledgement_of_an_old_copy(case):
    """Of what came before, all of it, ours takes the acknowledgement if the echo is right."""
    return case.stamped and any(
        size(step) > 0 and "A" in step.flags and not set(step.flags) & set("RS") and
        step.ack == "u+0" and stamp(step) is not None and not echo_is_wrong(step) and
        case.end(number) is not None and case.end(number) <= case.acked(number) and
        case.both[0][number - 1].sent > 1
        for number, step in enumerate(case.upto) if number > 0)


# --- windows of the peer --------------------------------------------------------------------

@rule(parts=True)
def small_mss(case):
    sizes = [int(option[1:]) for step in case.past if "S" in step.flags
             for option in step.options if option[0] == "m"]
    return any(mss < SMALLEST_MSS for mss in sizes) and "sent" in case.fields


@rule(parts=True)
def small_window(case):
    """Silly windows, and windows that shrink without news (RFC 9293 3.10.7.4)."""
    return case.only("sent", "answered", "window", "sack") and \
        any(step.window <= SMALL_WINDOW for step in case.upto)


@rule(parts=True)
def mark_echoed_while_little_is_in_flight(case):
    """Ours falls to its share of what is in flight, Linux to that of its window."""
    agreed = any({"S", "E"} <= set(answer.flags) for told in case.both[0][:case.number]
                 for answer in told.answers)
    return agreed and case.only("sent", "sack") and \
        case.mine["sent"][0] < case.other["sent"][0] and \
        any({"A", "E"} <= set(step.flags) and "S" not in step.flags for step in case.upto)


@rule(parts=True)
def window_after_a_timer(case):
    """The one has sent again by timer, the other not yet: so has its window fallen."""
    def sent_again(told, number):
        return any(answer.ms >= PROMPT_MS and answer.size > 0 and
                   answer.seq < told[number - 1].sent for answer in told[number].answers)

    return case.only("sent") and any(
        sent_again(case.both[0], number) != sent_again(case.both[1], number)
        for number in range(1, case.number))


# --- the end --------------------------------------------------------------------------------

@rule(parts=True)
def unread_bytes_after_the_close(case):
    return case.sequence.port == grammar.CLOSE and case.closing() and \
        any("R" in flags for flags, _, _ in case.mine["resets"])


@rule()
def blocks_after_the_close(case):
    return case.only("sack") and case.sequence.port == grammar.CLOSE and case.closing()


@rule(parts=True)
def fin_before_other_bytes(case):
    """Bytes or another FIN beyond this FIN are here, or come later: ours believes what came
    first, Linux what is in order first."""
    numbers = range(case.number + 1)
    ends = [case.end(number) for number in numbers]

    def contradicted(fin):
        out_of_order = case.begin(fin) > case.acked(fin)
        def goes_beyond(number, end):
            return end is None or end > ends[fin] or \
                end - ("F" in case.steps[number].flags) == ends[fin]

        return any(goes_beyond(number, end) and (number < fin or out_of_order)
                   for number, end in enumerate(ends) if number != fin)

    return any("F" in case.steps[number].flags and ends[number] is not None and
               contradicted(number) for number in numbers)


@rule()
def overlapping_bytes_that_differ(case):
    """Bytes beyond a gap are here, and those that close it say otherwise ("!"): ours keeps what
    came first, Linux what came in order."""
    return case.only("sent", "sack") and any("!" in step.payload for step in case.upto) and \
        any(case.begin(number) is not None and case.begin(number) > case.acked(number) and
            size(step) > 0 for number, step in enumerate(case.upto))


@rule(parts=True)
def data_behind_the_fin(case):
    """RFC 9293 3.10.7.4: the text is ignored; Linux resets."""
    return case.ended() and size(case.step) > 0 and not case.mine["resets"] and \
        bool(case.other["resets"])


@rule(parts=True)
def reset_one_before_the_next_byte(case):
    """Linux takes it behind the peer's FIN, for the sake of one system that sends such."""
    return case.ended() and any(
        "R" in step.flags and case.begin(number) == case.acked(number) - 1
        for number, step in enumerate(case.upto))


@rule()
def bare_acknowledgement_in_time_wait(case):
    return case.just_answered() and case.ended() and case.closing() and case.quiet() and \
        size(case.step) == 0 and not case.has("F", "S", "R")


@rule()
def window_in_time_wait(case):
    return case.only("window") and case.ended() and case.closing() and \
        case.mine["window"] == "0"


# --- SACK -----------------------------------------------------------------------------------

@rule()
def duplicate_sack(case):
    def has_duplicate(told):
        """In what was said, for facts() may have counted the blocks only."""
        found = [re.search(r"\[(\d+)-(\d+)\]", answer.options) for answer in told.answers]
        return any(block and (told.acked - int(block[2])) % (1 << 32) <= 1 << 31
                   for block in found)

    return case.only("sack") and (has_duplicate(case.ours) or has_duplicate(case.theirs))


@rule()
def fin_in_a_sack_block(case):
    """Linux counts a FIN that came out of order as a byte of its block, or as a block."""
    def blocks(text):
        return [(int(begin), int(end)) for begin, end in
                re.findall(r"\[(\d+)-(\d+)\]", str(text))]

    begins = {begin for begin, _ in blocks(case.mine["sack"])}
    return case.only("sack") and any("F" in step.flags for step in case.steps) and \
        begins == {begin for begin, end in blocks(case.other["sack"])
                   if begin in begins or end - begin != 1}
