#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""wiremapctl export: what goes out and comes in again is the same.    test_export.py WIREMAPCTL"""

import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from installation import Installation


# Names that no directory, or no Maildir++, can have as they are, and some that it can.
NAMES = ["INBOX", "INBOX/below", "Work", "Work/2024/ä", "a.b", "a.b/c", "a", "a/b", "&", "~", "%41",
         "x.sbd", "x", "x/y", ".hidden", "...", "z.msf", "wiremap-7", "wiremap-folders", "cur",
         "new/tmp", "Entwürfe & mehr", "日本語", "語" * 120, "n" * 300, "/".join(["level"] * 32),
         " space ", "back\\slash", "quo\"te", "Tab", "subscriptions", "dovecot-uidlist", "From me"]
KEYWORDS = [f"$K{number}" for number in range(40)]
LINES = [b"From here\r\n", b">From there\r\n", b">>From\r\n", b"\r\n", b"text\r\n",
         b"X-Wiremap: 3\r\n",
         b"Status: RO\r\n", b"Content-Length: 2\r\n", b"From a@b Tue Nov 14 22:13:20 2023\r\n",
         b"\xff\x00\x80\r\n", b"\r\r\n", b"bare\n", b"no end"]


def message(dice):
    lines = dice.choices(LINES, LINES_WEIGHTS, k=dice.randrange(0, 12))
    head = dice.choice([b"", b"Subject: %d\r\n\r\n" % dice.randrange(10 ** 9), b"\r\n"])
    return head + b"".join(lines)


LINES_WEIGHTS = [9] * 9 + [3, 1, 1, 2]


def tree(path):
    """{path: (bytes, time)} of all that lies below."""
    return {str(file.relative_to(path)): (file.read_bytes(), int(file.stat().st_mtime))
            for file in sorted(path.rglob("*")) if file.is_file()}


def mail(path):
    """What of an exported Maildir says nothing of when it was made."""
    return {name: (data, changed if "/cur/" in f"/{name}" else None)
            for name, (data, changed) in tree(path).items()}


class Case(Installation):
    WHERE = "/dev/shm"  # an export ends with a sync of its file system, which others may fill

    def setUp(self):
        super().setUp()
        self.users = 0

    def user(self):
        self.users += 1
        name = f"user{self.users}"
        self.run_it("user", "add", name, "--scheme", "sha256", text="x\n")
        return name

    def source(self, seed, messages=120):
        """A Maildir with all that an export can say, made by hand."""
        dice, top = random.Random(seed), self.root / f"source{seed}"
        folders = {name: "." if name == "INBOX" else f".f{number}"
                   for number, name in enumerate(NAMES)}
        table = ["wiremap-folders 1"]
        for name, place in folders.items():
            for part in ("cur", "new", "tmp"):
                (top / place / part).mkdir(parents=True)
            (top / place / "dovecot-keywords").write_text(
                "".join(f"{number} {word}\n" for number, word in enumerate(KEYWORDS[:26])))
            table.append(f"{place}\t{dice.choice(['-', 'sent', 'trash,subscribed'])}\t{name}")
        table += ["-\tnoselect\tonly/a/name", "-\tnonexistent,subscribed\twas here"]
        (top / "wiremap-folders").write_text("\n".join(table) + "\n")
        (top / "subscriptions").write_text("INBOX\nf3\nf4\nwas here\n")
        uids, extras = {}, {}
        for number in range(messages):
            place = folders[dice.choice(NAMES)]
            flags = "".join(sorted(dice.sample("DFRST", dice.randrange(6))) +
                            sorted(dice.sample("abcxyz", dice.randrange(4))))
            words = [f"zone={dice.choice(['+0000', '-0330', '+1400'])}"]
            words += ["verbatim"]
            words += [f"keyword={dice.choice(KEYWORDS[26:])}"] * dice.randrange(2)
            words += [f"utc={dice.choice([-5, 0, 10 ** 12, 253402300800])}"] * (number % 9 == 0)
            name = f"{number}.m"
            file = top / place / "cur" / f"{name}:2,{flags}"
            file.write_bytes(message(dice))
            os.utime(file, (1, dice.randrange(1, 2 ** 33)))
            extras.setdefault(place, []).append(" ".join([name, *words]))
            uid = uids.setdefault(place, [])
            last = uid[-1][0] if uid else 0
            uid.append((last + dice.randrange(1, 9), name))
        for place, rows in uids.items():
            (top / place / "dovecot-uidlist").write_text(
                f"3 V{1000 + len(rows)} N{rows[-1][0] + 3} G{dice.randbytes(16).hex()}\n" +
                "".join(f"{uid} :{name}\n" for uid, name in rows))
            (top / place / "wiremap-messages").write_text("\n".join(extras[place]) + "\n")
        return top


class RoundTrip(Case):
    def test_maildir(self):
        for seed in range(3):
            first, second = self.user(), self.user()
            out, again = self.root / f"out{seed}", self.root / f"again{seed}"
            self.run_it("import", "maildir", self.source(seed), "--user", first)
            self.run_it("export", "maildir", first, out)
            self.assertIn("kept their UIDs",
                          self.run_it("import", "maildir", out, "--user", second))
            self.run_it("export", "maildir", second, again)
            self.assertEqual(mail(out), mail(again))
            self.assertIn(" 0 faults", self.run_it("check"))

    def test_mbox(self):
        for seed in range(3, 6):
            first, second = self.user(), self.user()
            self.run_it("import", "maildir", self.source(seed), "--user", first)
            self.run_it("export", "mbox", first, self.root / f"mbox{seed}")
            self.run_it("import", "mbox", self.root / f"mbox{seed}", "--user", second)
            for number, name in enumerate((first, second)):
                self.run_it("export", "maildir", name, self.root / f"out{seed}-{number}")
            one, two = (self.said(self.root / f"out{seed}-{number}") for number in (0, 1))
            self.assertEqual(one, two)
            self.run_it("export", "mbox", second, self.root / f"mbox{seed}-again")

    @staticmethod
    def said(top):
        """{mailbox: (attributes, [(bytes, date, zone, flags, keywords)])}, whatever the UIDs."""
        found = {}
        for line in (top / "wiremap-folders").read_text().splitlines()[1:]:
            place, attributes, name = line.split("\t")
            if place == "-":
                found[name] = (attributes, [])
                continue
            words = {}
            listed = top / place / "dovecot-keywords"
            for row in listed.read_text().splitlines() if listed.exists() else ():
                number, word = row.split(" ")
                words[int(number)] = word
            extra = top / place / "wiremap-messages"
            extras = dict(row.split(" ", 1) for row in extra.read_text().splitlines()) \
                if extra.exists() else {}
            rows = []
            uids = top / place / "dovecot-uidlist"
            for row in uids.read_text().splitlines()[1:] if uids.exists() else ():
                base = row.split(" :")[1]
                file = next((top / place / "cur").glob(f"{base}:2,*"))
                flags = file.name.split(":2,")[1]
                more = extras.get(base, "").split()
                keywords = {words[ord(c) - ord("a")] for c in flags if c.islower()} | {
                    word[8:] for word in more if word.startswith("keyword=")}
                text, date, zone = file.read_bytes(), int(file.stat().st_mtime), "+0000"
                for word in more:
                    date = int(word[4:]) if word.startswith("utc=") else date
                    zone = word[5:] if word.startswith("zone=") else zone
                if "verbatim" not in more:
                    text = text.replace(b"\n", b"\r\n")
                rows.append((text, date, zone, "".join(filter(str.isupper, flags)),
                             sorted(keywords)))
            found[name] = (attributes, rows)
        return found



class OnDisk(RoundTrip):
    """On a file system that cannot hold every time."""

    WHERE = "/tmp"
    test_maildir = test_mbox = None

    def test_what_was_there_is_there(self):
        """Not only the same twice: the source's own bytes, dates, flags, keywords and UIDs."""
        source, name = self.source(9), self.user()
        self.run_it("import", "maildir", source, "--user", name)
        self.run_it("export", "maildir", name, self.root / "out")
        wanted, got = self.said(source), self.said(self.root / "out")
        for mailbox, known in wanted.items():
            self.assertEqual(got[mailbox][1], known[1], mailbox)
        made = {mailbox: attributes for mailbox, (attributes, _) in got.items()
                if mailbox not in wanted}
        self.assertEqual({"Work/2024", "new", "only", "only/a"} - set(made), set())
        self.assertEqual({made[mailbox] for mailbox in made}, {"noselect"})
        before, after = self.lists(source), self.lists(self.root / "out")
        self.assertGreater(len(before), len(NAMES) // 2)
        for mailbox, (head, uids) in before.items():
            self.assertEqual(after[mailbox], (head, uids))

    @staticmethod
    def lists(top):
        """{mailbox: (first line of its list, its UIDs)}"""
        found = {}
        for line in (top / "wiremap-folders").read_text().splitlines()[1:]:
            place, _, name = line.split("\t")
            if (top / place / "dovecot-uidlist").exists():
                head, *rows = (top / place / "dovecot-uidlist").read_text().splitlines()
                found[name] = head, [row.split(" ")[0] for row in rows]
        return found


class Target(Case):
    def test_refusals(self):
        name = self.user()
        taken = self.root / "taken"
        taken.mkdir()
        self.assertIn("something of that name already",
                      self.run_it("export", "maildir", name, taken, status=1))
        self.assertEqual(list(taken.iterdir()), [])
        self.assertIn("No such file",
                      self.run_it("export", "mbox", name, self.root / "no" / "where", status=1))
        self.assertIn("no user zoe", self.run_it("export", "mbox", "zoe", taken, status=1))
        self.assertIn("USER PATH", self.run_it("export", "mbox", "zoe", status=2))
        self.assertEqual(sorted(file.name for file in self.root.iterdir()),
                         ["taken", "users", "volume", "wiremap.yaml"])
        self.run_it("export", "maildir", name, str(self.root / "new") + "/")
        self.assertTrue((self.root / "new" / "cur").is_dir())

    def test_nothing_half(self):
        """A signal leaves nothing; a kill nothing under the name that was asked for."""
        name = self.user()
        self.run_it("import", "maildir", self.source(1, 3000), "--user", name)
        before = set(self.root.iterdir())
        for sent in (signal.SIGTERM, signal.SIGKILL):
            process = subprocess.Popen(self.command("export", "maildir", name, self.root / "out"),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.03)
            process.send_signal(sent)
            if process.wait() == 0:
                shutil.rmtree(self.root / "out")
                continue
            left = set(self.root.iterdir()) - before
            self.assertFalse((self.root / "out").exists())
            self.assertLessEqual(len(left), sent == signal.SIGKILL)
            for one in left:
                shutil.rmtree(one)


class Killed(Case):
    def test_import_killed_anywhere(self):
        """kill -9 at points from a seed, then again until it ends: as if it had run once."""
        dice, source = random.Random(4), self.source(7, 2500)
        whole, broken = self.user(), self.user()
        self.run_it("import", "maildir", source, "--user", whole)
        started = time.monotonic()
        self.run_it("import", "maildir", source, "--user", self.user())
        took, killed = time.monotonic() - started, 0
        for attempt in range(12):
            process = subprocess.Popen(self.command("import", "maildir", source, "--user", broken),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, took))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            if attempt % 4 == 3:
                self.assertIn(" 0 faults", self.run_it("check"))
        self.assertGreater(killed, 0)
        self.run_it("import", "maildir", source, "--user", broken)
        for number, name in enumerate((whole, broken)):
            self.run_it("export", "maildir", name, self.root / f"out{number}")
        one, two = (mail(self.root / f"out{number}") for number in (0, 1))
        self.assertEqual(self.without_own(one), self.without_own(two))

    @staticmethod
    def without_own(files):
        """Empty mailboxes without a list have identities of the account's own."""
        return {name: value for name, value in files.items()
                if not (name.endswith("dovecot-uidlist") and value[0].count(b"\n") == 1)}


if __name__ == "__main__":
    unittest.main(verbosity=0)
