#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same odd and hostile segments to Linux's TCP and to ours: where do the answers differ?

    tests/interop/differential.py [--build DIR] [--sequences N] [--seed S] [--parallel N]
                                 [--show N]

Both serve echo, discard and two kinds of answers (streamd here, kernel_services.py there); player
plays the sequences of grammar.py to both. What a segment brought is compared as in facts(); a
difference that none of rules.py explains, and that shows again, is cut down to the segments it
needs and printed, and makes the exit status 1.
"""

import argparse
import collections
import contextlib
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools")]
import grammar  # noqa: E402
import rules  # noqa: E402
from badpath import KERNEL, BadPath  # noqa: E402
from kernel_services import KernelServices  # noqa: E402
from lab.server import core  # noqa: E402
from lab.wire import PREFIX, SERVER, LabError, inside, run  # noqa: E402

GATEWAY = "198.18.0.254"
# Linux limits its answers to hostile segments; here all of them are wanted. And it takes a RST in
# TIME_WAIT unless it is told what RFC 1337 says.
SETTINGS = {"tcp_invalid_ratelimit": 0, "tcp_challenge_ack_limit": 1 << 30, "tcp_syncookies": 0,
            "tcp_rfc1337": 1, "tcp_max_syn_backlog": 1 << 16}
QUIET = 50  # sequences at once, where nothing is to disturb the answers

Answer = collections.namedtuple("Answer", "ms flags seq ack size window options")
Told = collections.namedtuple("Told", "answers sent acked digest")


class Lab:
    """streamd and Linux, each at its end of a veth whose other ends are where player plays."""

    def __init__(self, build, congestion=None):
        self.program = build / "tests" / "interop" / "player" / "player"
        self.played = 0
        with contextlib.ExitStack() as stack:
            self.path = stack.enter_context(BadPath(self.program))
            kernel, device = self.path.kernel, self.path.kernel_device
            run("ip", "-n", kernel, "route", "add", "198.19.0.0/16", "via", GATEWAY)
            with inside(kernel):
                for name, value in SETTINGS.items():
                    pathlib.Path(f"/proc/sys/net/ipv4/{name}").write_text(str(value))
                pathlib.Path("/proc/sys/net/core/somaxconn").write_text("65535")
            stack.enter_context(KernelServices(kernel, KERNEL))
            self.targets = [f"--target={self.path.server_device}m,{SERVER}",
                            f"--target={device}m,{KERNEL}"]
            file = stack.enter_context(tempfile.NamedTemporaryFile())
            file.write(b"." * (1 << 20))
            file.flush()
            program = build / "tests" / "bench" / "streamd" / "streamd"
            self._serve(stack, file.name, program, congestion)
            self.stack = stack.pop_all()

    def _serve(self, stack, file, program, congestion):
        words = ["--vdev", f"net_af_packet0,iface={self.path.server_device}", "--address",
                 f"{SERVER}/{PREFIX}", "--gateway", GATEWAY, "--no-huge", "--idle", "adaptive",
                 "--connections", 16384, "--core", core(), "--file", file]
        process = subprocess.Popen(
            self.path.on_server(program, *words,
                                *(["--congestion", congestion] if congestion else [])),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        if process.stdout.readline() != "ready\n":
            raise LabError("streamd does not start")

    def play(self, lines, parallel=400):
        """{name: (what ours told, what Linux told)}, of each a list of Told."""
        command = ["ip", "netns", "exec", self.path.middle, self.program, *self.targets,
                   f"--parallel={parallel}", f"--first={self.played}"]
        self.played += len(lines)
        done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise LabError(f"player: {done.stderr}")
        told = collections.defaultdict(dict)
        for line in done.stdout.splitlines():
            name, target, *steps = line.split(" ")
            told[name][int(target)] = [told_of(step) for step in steps]
        return {name: (both[0], both[1]) for name, both in told.items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def told_of(text):
    answers, stand = text.split("|")
    sent, acked, digest = stand.split("/")
    return Told([answer_of(answer) for answer in answers.split(";") if answer], int(sent),
                int(acked), digest)


def answer_of(text):
    ms, rest = text.split("~")
    flags, seq, ack, size, window, options = rest.split(":")
    return Answer(int(ms), flags, int(seq), int(ack), int(size), window, options)


def facts(told, before, edges):
    """What a step brought, without what only timers and the cutting of streams make of it:

    resets     each RST: flags, sequence and acknowledgement
    synack     options of a SYN-ACK
    sent       the end of the stream that was sent, a FIN counted, and its digest
    acked      how far ours was acknowledged
    answered   whether anything came that is neither old data nor a window probe
    window     0 if the last word is that it is closed
    sack       the blocks; only how many, if `edges`: where windows end is not the same for both
    """
    prompt = [answer for answer in told.answers if answer.ms < rules.PROMPT_MS]
    plain = [a for a in prompt if not set(a.flags) & set("RS") and
             (a.seq >= before.sent or a.ack > before.acked)]
    blocks = next((a.options[a.options.find("["):] for a in reversed(plain)
                   if "[" in a.options), "")
    return {
        "resets": sorted({(a.flags, a.seq, a.ack) for a in prompt if "R" in a.flags}),
        "synack": sorted({"".join(sorted(a.options)) for a in prompt if "S" in a.flags}),
        "sent": (told.sent, told.digest),
        "acked": told.acked,
        "answered": bool(plain),
        "window": plain[-1].window if plain else "",
        "sack": blocks.count("[") if edges else blocks,
    }


NOTHING = Told([], 0, 0, "")


class Verdict:
    """Where two tellings of one sequence part: `step` and `fields`, or None; and the rules that
    explained what came before, or that part."""

    def __init__(self, sequence, steps, both):
        self.rules, self.step, self.fields = [], None, []
        before = (NOTHING, NOTHING)
        for number, (ours, theirs) in enumerate(zip(*both)):
            edges = any(step.seq[0] == "e" for step in steps[:number + 1])
            mine, other = (facts(told, last, edges)
                           for told, last in zip((ours, theirs), before))
            fields = [field for field in mine if mine[field] != other[field]]
            case = rules.Case(sequence, steps, number, both, mine, other, fields)
            found = rules.explain(case) if fields else None
            if fields and found is None:
                self.step, self.fields = number, fields
                return
            if fields:
                self.rules.append(found.name)
                if found.parts:  # the two go different ways from here
                    return
            before = (ours, theirs)


def judge(lab, sequences, parallel):
    """Those of [(sequence, steps)] that differ without a rule, {name: Verdict}; rules counted."""
    lines = [grammar.text(sequence, steps) for sequence, steps in sequences]
    told = lab.play(lines, parallel)
    different, counted = {}, collections.Counter()
    for sequence, steps in sequences:
        verdict = Verdict(sequence, steps, told[sequence.name])
        counted.update(set(verdict.rules))
        if verdict.step is not None:
            different[sequence.name] = verdict, told[sequence.name]
    return different, counted


class Difference:
    """One sequence that differs, on its way to the fewest segments that show it."""

    def __init__(self, sequence, verdict, both):
        self.sequence, self.verdict, self.both = sequence, verdict, both
        self.steps = sequence.steps[:verdict.step + 1]
        self.done = False

    def tries(self):
        """The same with one segment less, each of them."""
        return [] if self.done else [
            (self.sequence._replace(name=f"{self.sequence.name}-{k}"),
             self.steps[:k] + self.steps[k + 1:]) for k in range(len(self.steps) - 1)]

    def settle(self, tries, different):
        """Takes the first try in which the same facts differ."""
        for sequence, steps in tries:
            verdict, both = different.get(sequence.name, (None, None))
            if verdict and verdict.fields == self.verdict.fields:
                self.steps, self.verdict, self.both = steps[:verdict.step + 1], verdict, both
                return
        self.done = True


def minimise(lab, differences):
    """Drops segments from all of them while the difference stays."""
    while any(not difference.done for difference in differences):
        tries = [difference.tries() for difference in differences]
        flat = [one for some in tries for one in some]
        different, _ = judge(lab, flat, 400) if flat else ({}, None)
        for difference, some in zip(differences, tries):
            difference.settle(some, different)


def show(difference):
    sequence, verdict = difference.sequence, difference.verdict
    lines = [f"{sequence.name} port {sequence.port}: differ in {', '.join(verdict.fields)}"]
    for step, ours, theirs in zip(difference.steps, *difference.both):
        lines.append("    > " + grammar.text(sequence, [step]).split(" ")[4])
        for name, told in (("ours", ours), ("linux", theirs)):
            said = " ".join(f"{a.ms}ms:{a.flags}:{a.seq}:{a.ack}:{a.size}:{a.window}:{a.options}"
                            for a in told.answers)
            lines.append(f"      {name:6}{told.sent}/{told.acked} {said}")
    return "\n".join(lines)


def campaign(lab, seed, count, parallel=400, show_max=40):
    """(how often each rule explained, texts of what differs without one, how many do)."""
    wanted = [(sequence, sequence.steps) for sequence in
              (grammar.sequence(seed, number) for number in range(count))]
    different, counted = judge(lab, wanted, parallel)
    again = [one for one in wanted if one[0].name in different]
    different, _ = judge(lab, again, QUIET) if again else ({}, None)
    differences = [Difference(sequence, *different[sequence.name])
                   for sequence, _ in again if sequence.name in different]
    minimise(lab, differences[:show_max])
    return counted, [show(difference) for difference in differences[:show_max]], len(differences)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--parallel", type=int, default=400)
    parser.add_argument("--show", type=int, default=40)
    args = parser.parse_args()
    with Lab(args.build.resolve()) as lab:
        counted, texts, count = campaign(lab, args.seed, args.sequences, args.parallel,
                                         args.show)
    print("\n\n".join(texts))
    for name, times in counted.most_common():
        print(f"{times:7} {name}")
    print(f"{args.sequences} sequences of seed {args.seed}, {count} differ without a rule")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
