# SPDX-License-Identifier: Apache-2.0
"""Sequences of odd and hostile segments by seed, in the language of player/sequence.h."""

import collections
import random

# What the listener of each port does; nobody listens at the last.
ECHO, DISCARD, CLOSE, WAIT, CLOSED = 7, 9, 20, 21, 5
MSS = 1460
FLAGS = "FSRPAUEC"

Step = collections.namedtuple(
    "Step", "seq ack flags window urgent payload options",
    defaults=("a+0", "u+0", "A", 65535, 0, "0", ()))
Sequence = collections.namedtuple("Sequence", "name port isn clock steps")


def text(sequence, steps=None):
    """The line that player reads; of some of the steps only."""
    chosen = sequence.steps if steps is None else steps
    words = [f"{s.seq}/{s.ack}/{s.flags or '-'}/{s.window}/{s.urgent}/{s.payload}/"
             f"{','.join(s.options) or '-'}" for s in chosen]
    return f"{sequence.name} {sequence.port} {sequence.isn} {sequence.clock} {' '.join(words)}"


def offset(base, number):
    return f"{base}{number:+d}"


class Writer:
    """Writes one sequence with a generator of its own."""

    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.name = f"{seed}/{number}"
        self.stamps = False
        self.port = self.one_of(*[ECHO] * 7, *[DISCARD] * 2, *[CLOSE] * 3, *[WAIT] * 2, CLOSED)

    def one_of(self, *values):
        return self.random.choice(values)

    def likely(self, chance):
        return self.random.random() < chance

    def near(self, *edges):
        """A number at one of the edges, beside it, or not far from it."""
        return self.one_of(*edges) + self.one_of(0, 0, 0, 1, -1, self.random.randint(-100, 100))

    # --- numbers ---

    def isn(self):
        """Often one whose stream wraps around soon."""
        return self.one_of(self.random.getrandbits(32), 0, 1, 0xffffffff, 0x7fffffff, 0x80000000,
                           0xffffffff - self.random.randint(0, 3000)) & 0xffffffff

    def sequence_number(self):
        return self.one_of(offset("a", 0), offset("a", 0), offset("a", self.near(0)),
                           offset("a", self.near(0, MSS, 2 * MSS)), offset("e", self.near(0)),
                           offset("i", self.near(0)),
                           offset("a", self.near(-(1 << 31), 1 << 30, -70000)))

    def acknowledgement(self):
        return self.one_of(offset("u", 0), offset("u", self.near(0)), offset("s", self.near(0)),
                           offset("u", self.near(-(1 << 31), 1 << 30, -70000, 70000)))

    def window(self):
        return self.one_of(65535, 65535, 0, 0, 1, 100, MSS, self.random.getrandbits(16))

    def flags(self):
        if self.likely(0.5):
            return self.one_of("A", "PA", "FA", "R", "RA", "S", "SA", "F", "", "SF", "SR", "PUA")
        return "".join(flag for flag in FLAGS if self.likely(0.4))

    def size(self):
        """Who answers one line and closes gets little behind it, or that alone would be tested."""
        if self.port == CLOSE:
            return self.one_of(0, 1, 2, 3, 3, 3, 3, 30)
        return self.one_of(0, 1, 3, 30, 300, 1400, MSS)

    def payload(self):
        size = self.size()
        return f"{size}!" if self.likely(0.15) else str(size)

    # --- options ---

    def syn_options(self):
        """What a SYN says, mostly in its senses."""
        options = []
        if self.likely(0.9):
            options.append(f"m{self.one_of(MSS, MSS, MSS, MSS, 536, 0, 1, 100, 65535)}")
        if self.likely(0.6):
            options.append(f"w{self.one_of(7, 7, 0, 14, 15, 255)}")
        if self.likely(0.6):
            options.append("k")
        if self.likely(0.5):
            options.append("t+0+0")
            self.stamps = True
        if self.likely(0.1):
            options.append(self.bad_option())
        self.random.shuffle(options)
        return tuple(options)

    def bad_option(self):
        return self.one_of("x0200", "x0300", "x0801", "x02", "x0504", "x050a00", "x0100", "x00",
                           "x080a0000", "xfd04ffff", "x0202", "x030200", "x040300", "x1d02",
                           "x0101010101", "h4", "h0", "h15", "h6", "z")

    def usual_options(self):
        return ("t+0+0",) if self.stamps else ()

    def block(self):
        if self.likely(0.5):
            low = self.near(0, -MSS)
            return f"b{offset('u', low)}:{offset('u', low + self.one_of(1, 10, MSS, -5))}"
        return f"b{offset('s', self.near(0))}:{offset('u', self.near(0, 1 << 30))}"

    def odd_options(self):
        kind = self.one_of("none", "stamp", "stamp", "block", "bad", "syn")
        if kind == "none":
            return ()
        if kind == "stamp":
            value = self.one_of(0, 1, -1, -1000, -(1 << 31), 1 << 30, 1000000)
            echo = self.one_of(0, 0, 1, 1000, -1000, 1 << 30)
            return (f"t{value:+d}{echo:+d}",)
        if kind == "block":
            blocks = tuple(self.block() for _ in range(self.one_of(1, 1, 2, 3)))
            return self.usual_options() + blocks
        if kind == "bad":
            return self.usual_options() + (self.bad_option(),)
        return self.usual_options() + ("m1460", "w2", "k")

    # --- segments ---

    def sane(self):
        """A segment that a peer in its senses might send now."""
        size = self.size()
        usual = self.usual_options()
        return self.one_of(
            Step(options=usual),
            Step(flags="PA", payload=str(size), options=usual),
            Step(flags="A", payload=str(size), options=usual),
            Step(flags="FA", options=usual),
            Step(flags="FPA", payload=str(size), options=usual),
            Step(window=self.window(), options=usual),
            Step(flags="R"), Step(flags="RA"),
            Step(seq=offset("a", self.one_of(1, 3, MSS)), payload=str(size), options=usual),
            Step(seq=offset("a", -self.one_of(1, 3, 30)), payload=str(size), options=usual))

    def odd(self):
        """A sane one with some of its fields changed."""
        changes = {"seq": self.sequence_number, "ack": self.acknowledgement,
                   "flags": self.flags, "window": self.window, "payload": self.payload,
                   "urgent": lambda: self.one_of(1, 10, 65535),
                   "options": self.odd_options}
        chosen = self.random.sample(sorted(changes), self.one_of(0, 1, 1, 1, 2, 3))
        return self.sane()._replace(**{field: changes[field]() for field in chosen})

    def opening(self):
        """Nothing, a SYN, or a whole handshake."""
        syn = Step(seq="i+0", ack="s+0", flags=self.one_of(*["S"] * 8, "SEC", "SU"),
                   options=self.syn_options())
        if self.likely(0.05):
            syn = syn._replace(payload=self.payload())
        if self.likely(0.1):
            self.stamps = False
            return []
        if self.likely(0.15):
            return [syn]
        return [syn, Step(options=self.usual_options())]

    def sequence(self):
        steps = self.opening()
        steps += [self.odd() for _ in range(self.random.randint(1, 12 - len(steps)))]
        clock = self.one_of(self.random.getrandbits(32), 0xffffff00, 0x7fffff00, 1000)
        return Sequence(self.name, self.port, self.isn(), clock, steps)


def sequence(seed, number):
    return Writer(seed, number).sequence()
