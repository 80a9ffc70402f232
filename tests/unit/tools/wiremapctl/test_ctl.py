#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""wiremapctl as a person runs it.    test_ctl.py WIREMAPCTL"""

import os
import pty
import re
import signal
import subprocess
import time
import unittest

from installation import PROGRAM, Installation

MESSAGE = b"Subject: %d\n\n" + b"A line of text, and then the next one.\n" * 300


class Case(Installation):
    def maildir(self, messages):
        folder = self.root / "mail"
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
        for number in range(messages):
            (folder / "cur" / f"{number}.x:2,S").write_bytes(MESSAGE % number)
        return folder


class Users(Case):
    def test_life_of_a_user(self):
        self.run_it("user", "add", "anna", text="secret\n")
        self.run_it("user", "add", "bert", "--scheme", "sha256", text="secret\n")
        listed = self.run_it("user", "list")
        self.assertRegex(listed, r"^anna\t[0-9a-f-]{36}\nbert\t[0-9a-f-]{36}\n$")
        lines = (self.root / "users").read_text().splitlines()
        self.assertRegex(lines[0], r"^anna:\$y\$")
        self.assertRegex(lines[1], r"^bert:\$5\$")
        self.assertEqual((self.root / "users").stat().st_mode & 0o777, 0o600)
        self.assertIn("has a user anna already", self.run_it("user", "add", "anna", status=1))
        before = lines[0]
        password = self.root / "password"
        password.write_text("newer\r\nsecond line\n")
        self.run_it("user", "passwd", "anna", "--password-file", password)
        after = next(line for line in (self.root / "users").read_text().splitlines()
                     if line.startswith("anna:"))
        self.assertNotEqual(before, after)
        self.assertEqual(before.split(":")[2], after.split(":")[2])
        self.run_it("user", "del", "anna", "--mail")
        self.assertNotIn("anna", self.run_it("user", "list"))
        self.assertIn("1 accounts, 1 mailboxes", self.run_it("check"))
        self.assertIn("no user anna", self.run_it("user", "del", "anna", status=1))

    def test_bad_passwords(self):
        self.assertIn("no password came", self.run_it("user", "add", "x", status=1))
        self.assertIn("empty", self.run_it("user", "add", "x", text="\n", status=1))
        self.assertIn("longer", self.run_it("user", "add", "x", text="p" * 512 + "\n", status=1))
        self.run_it("user", "add", "x", text="p" * 511 + "\n")
        self.assertIn("no scheme", self.run_it("user", "add", "y", "--scheme", "rot13", status=1))

    def test_a_user_refused_leaves_no_account(self):
        self.assertIn("may not hold ':'", self.run_it("user", "add", "a:b", status=1, text="x\n"))
        self.assertIn("0 accounts", self.run_it("check"))

    def test_asks_twice_without_echo(self):
        for second, expected in (("secret", 0), ("other", 1)):
            child, terminal = pty.fork()
            if child == 0:
                os.execv(PROGRAM, self.command("user", "add", f"user{expected}"))
            said = b""
            for answer in ("secret", second):
                while not said.endswith(b": "):
                    said += os.read(terminal, 1024)
                os.write(terminal, answer.encode() + b"\n")
                said += b"\n"
            try:
                while chunk := os.read(terminal, 1024):
                    said += chunk
            except OSError:
                pass
            os.close(terminal)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), expected)
            self.assertNotIn(b"secret", said)


class CommandLine(Case):
    def test_wrong(self):
        for words, said in (((), "no command"), (("user",), "no such command"),
                            (("frob", "x"), "no such command: frob x;"),
                            (("user", "add"), "needs a NAME"),
                            (("user", "list", "x"), "too much: x"),
                            (("user", "list", "--flat"), "takes no --flat"),
                            (("import", "eml", "/x"), "--user"),
                            (("import", "maildir", "/x", "--user", "a", "--separator", "/"),
                             "--separator")):
            self.assertIn(said, self.run_it(*words, status=2))
        self.assertIn("usage:", self.run_it("--help"))

    def test_configuration(self):
        self.config.write_text("volumes: []\nfoo: 1\n")
        self.assertIn(":2: foo is no key", self.run_it("user", "list", status=1))
        self.config.write_text("")
        self.assertIn("--users", self.run_it("user", "list", status=1))
        self.assertIn("--volume", self.run_it("check", status=1))


class Import(Case):
    def setUp(self):
        super().setUp()
        self.run_it("user", "add", "anna", "--scheme", "sha256", text="x\n")

    def test_twice(self):
        folder = self.maildir(30)
        self.assertIn("30 messages imported into 1 mailboxes of anna, 0 were",
                      self.run_it("import", "maildir", folder, "--user", "anna"))
        self.assertIn("0 messages imported into 1 mailboxes of anna, 30 were",
                      self.run_it("import", "maildir", folder, "--user", "anna"))
        self.assertIn("30 messages, ", self.run_it("check"))

    def test_skips_and_says_so(self):
        folder = self.maildir(3)
        (folder / "cur" / "9.gone:2,").symlink_to("/nonexistent")
        said = self.run_it("import", "maildir", folder, "--user", "anna", status=3)
        self.assertRegex(said, r"skipped .*9\.gone:2,: No such file")
        self.assertIn("3 messages imported", said)
        self.assertIn("1 skipped", said)

    def test_what_is_not_there(self):
        self.assertIn("no mail is there",
                      self.run_it("import", "mbox", "/nonexistent", "--user", "anna", status=1))
        self.assertIn("no user zoe: add it with",
                      self.run_it("import", "eml", "/tmp", "--user", "zoe", status=1))

    def test_uids_are_kept(self):
        folder = self.maildir(4)
        listed = folder / "dovecot-uidlist"
        listed.write_text("3 V1500000000 N20 G" + "ab" * 16 + "\n"
                          "3 S1 :2.x:2,\n5 :0.x\n9 :1.x\n12 :gone.x\n")
        words = ("import", "maildir", folder, "--user", "anna")
        for added in (4, 0):
            said = self.run_it(*words)
            self.assertIn(f"{added} messages imported", said)
            self.assertIn("1 mailboxes kept their UIDs", said)
        (folder / "cur" / "7.x:2,").write_bytes(MESSAGE % 7)
        listed.write_text("3 V1500000000 N20\n3 :2.x\n5 :0.x\n9 :1.x\n20 :3.x\n21 :7.x\n")
        self.assertIn("1 mailboxes kept their UIDs", self.run_it(*words))
        listed.write_text("3 V1500000000 N20\n3 :1.x\n5 :0.x\n9 :2.x\n")
        said = self.run_it(*words, status=3)
        self.assertRegex(said, r"cur/1\.x:2,S: UID 3 was given to another message here: "
                               r"the mailbox gets a new UIDVALIDITY")
        self.assertIn("0 messages imported", said)
        said = self.run_it(*words, status=3)
        self.assertRegex(said, r"uidlist: UIDVALIDITY 1500000000, but mail is here under \d+: "
                               r"its mail gets new UIDs")
        self.assertIn("5 messages, ", self.run_it("check"))

    def test_a_broken_uidlist_loses_nothing(self):
        folder = self.maildir(3)
        (folder / "dovecot-uidlist").write_text("3 V1500000000 N20\n7 :0.x\n6 :1.x\n")
        (folder / "dovecot-keywords").write_text("0 work\nx y\n")
        said = self.run_it("import", "maildir", folder, "--user", "anna", status=3)
        self.assertIn("dovecot-uidlist:3: the UID is not above that of the line before: "
                      "its mail gets new UIDs", said)
        self.assertIn("dovecot-keywords:2: the line does not begin with a number", said)
        self.assertIn("3 messages imported", said)

    def test_killed_and_run_again(self):
        folder = self.maildir(1500)
        words = self.command("import", "maildir", folder, "--user", "anna")
        killed = 0
        for attempt in range(60):
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(0.005 + attempt * 0.01)
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            self.assertIn(" 0 faults", self.run_it("check"))
            if process.returncode == 0:
                break
        self.assertGreater(killed, 0)
        self.run_it("import", "maildir", folder, "--user", "anna")
        self.assertIn("1500 messages, ", self.run_it("check"))

    def test_stopped_and_run_again(self):
        folder = self.maildir(1500)
        words = self.command("import", "maildir", folder, "--user", "anna")
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        self.assertIn(process.returncode, (130, 0))
        added = int(re.match(r"(\d+) messages imported", said)[1])
        self.assertIn(f"{added} messages, ", self.run_it("check"))
        self.assertIn(f"{1500 - added} messages imported",
                      self.run_it("import", "maildir", folder, "--user", "anna"))

    def test_one_at_a_time(self):
        folder = self.maildir(1500)
        words = self.command("import", "maildir", folder, "--user", "anna")
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(0.1)
            done = subprocess.run(self.command("check"), capture_output=True, text=True,
                                  timeout=60)
            if process.poll() is None:
                self.assertEqual(done.returncode, 1)
                self.assertIn("in use", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=0)
