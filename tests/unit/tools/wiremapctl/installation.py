#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the tests of wiremapctl share: the program, and a server's files to run it upon."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)


class Installation(unittest.TestCase):
    WHERE = "/tmp"

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="wiremap-ctl-", dir=self.WHERE))
        (self.root / "volume").mkdir(mode=0o700)
        self.config = self.root / "wiremap.yaml"
        self.config.write_text(f"volumes: [{self.root}/volume]\nusers: {self.root}/users\n")

    def tearDown(self):
        shutil.rmtree(self.root)

    def command(self, *words):
        return [PROGRAM, "--config", str(self.config), *map(str, words)]

    def run_it(self, *words, status=0, text=""):
        done = subprocess.run(self.command(*words), input=text, capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr
