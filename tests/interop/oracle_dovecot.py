#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records what Dovecot 2.3 answers about mail that can be had again.

    tests/interop/oracle_dovecot.py [--raw FILE]

Writes digests_dovecot.json.gz beside itself: for each message, named by a prefix of its SHA-256,
a digest of ENVELOPE, of BODY, of BODYSTRUCTURE and of its sections, and the sizes BINARY.SIZE
gives. --raw FILE keeps the answers themselves, for looking at a difference; they hold foreign
mail and are not committed. Not run by tools/test: run it again after an upgrade of Dovecot, or
when the questions change. Dovecot runs as its plain `imap` program on a pipe, with no port and no
login, over a Maildir in a temporary directory.
"""

import argparse
import base64
import gzip
import json
import os
import pathlib
import pwd
import re
import subprocess
import sys
import tempfile

import mime_mail
from mime_mail import mailfiles

IMAP = "/usr/lib/dovecot/imap"
DIGESTS = pathlib.Path(__file__).resolve().parent / "digests_dovecot.json.gz"
ROOM = 500  # messages in one mailbox
CONFIG = """
mail_location = maildir:{folder}/box
log_path = {folder}/log
mail_fsync = never
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
base_dir = {folder}/base
stats_writer_socket_path =
"""


class Dovecot:
    """One mailbox of these messages, opened."""

    def __init__(self, folder, contents):
        mailfiles.maildir_write(folder / "box", contents)
        user, group = os.getuid(), os.getgid()
        if user == 0:  # Dovecot refuses to read root's mail
            user, group = pwd.getpwnam("nobody")[2:4]
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user, group)
        self.config = folder / "dovecot.conf"
        self.config.write_text(CONFIG.format(folder=folder, user=user, group=group))
        self.env = dict(os.environ, HOME=str(folder), USER="oracle", IMAPLOGINTAG="a")
        self.tags = 0
        self.open()

    def open(self):
        self.process = subprocess.Popen([IMAP, "-c", self.config], env=self.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.command("SELECT INBOX")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)

    def response(self):
        """One response, its literals included."""
        whole = b""
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise EOFError("Dovecot hung up")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole[:-2]
            whole += self.process.stdout.read(int(literal.group(1)))

    def command(self, text):
        """(untagged responses, how the tagged one ends)"""
        self.tags += 1
        tag = b"t%d " % self.tags
        self.process.stdin.write(tag + text.encode() + b"\r\n")
        self.process.stdin.flush()
        untagged = []
        while True:
            response = self.response()
            if response.startswith(tag):
                return untagged, response[len(tag):]
            untagged.append(response)

    def fetch(self, number, wanted):
        """{name: exact bytes of its value}; None: it says NO, or hangs up."""
        try:
            untagged, status = self.command(f"FETCH {number} ({wanted})")
        except EOFError:  # as it does on broken base64 and quoted-printable
            self.close()
            self.open()
            return None
        found = {}
        for response in untagged:
            if response.startswith(b"* %d FETCH (" % number):
                found.update(named(response[response.index(b"("):]))
        return found if status.startswith(b"OK") else None


def named(fetched):
    """The pairs of a FETCH response's list. Names of sections hold spaces and brackets."""
    at, found = 1, {}
    while fetched[at:at + 1] != b")":
        name = re.compile(rb"[^ \[]*(?:\[[^\]]*\])?").match(fetched, at).group()
        at += len(name) + 1
        end = mime_mail.item_end(fetched, at)
        found[name] = fetched[at:end]
        at = end + (fetched[end:end + 1] == b" ")
    return found


def ask(dovecot, number):
    """Everything asked about one message, in the form of mime_mail.answers()."""
    wanted = " ".join(["RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE"] +
                      [f"BODY.PEEK[{section}]" for section in mime_mail.SECTIONS])
    found = dovecot.fetch(number, wanted)
    structure = found[b"BODYSTRUCTURE"]
    return {"size": int(found[b"RFC822.SIZE"]), "envelope": found[b"ENVELOPE"],
            "body": found[b"BODY"], "bodystructure": structure,
            "binary": b" ".join(binary_sizes(dovecot, number, structure)),
            "sections": [mime_mail.string_value(value) for name, value in found.items()
                         if name.startswith(b"BODY[")]}


def binary_sizes(dovecot, number, structure):
    """"path:size" of the leaves it can convert."""
    for path in mime_mail.leaves(structure):
        for value in (dovecot.fetch(number, f"BINARY.SIZE[{path}]") or {}).values():
            yield b"%s:%s" % (path.encode(), value)


def record(mails):
    """[(key, answers)] of up to ROOM messages."""
    with tempfile.TemporaryDirectory(prefix="wiremap-oracle-") as scratch:
        dovecot = Dovecot(pathlib.Path(scratch), [message for _, message in mails])
        recorded = []
        for number, (name, message) in enumerate(mails, 1):
            answer = ask(dovecot, number)
            if answer["size"] != len(message):
                raise SystemExit(f"{name}: {answer['size']} bytes, not {len(message)}")
            recorded.append((mime_mail.key_of(message), answer))
        dovecot.close()
    return recorded


def digests(answer):
    """What the file keeps: [envelope, body, bodystructure, sections, binary sizes as they are]."""
    return [mime_mail.digest(answer["envelope"]), mime_mail.digest(answer["body"]),
            mime_mail.digest(answer["bodystructure"]),
            mime_mail.digest(b"\0".join(answer["sections"])), answer["binary"].decode()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--raw", type=pathlib.Path, help="keep the answers themselves here")
    options = parser.parse_args()
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True)
    whole, raw = {"dovecot": version.stdout.strip(), "digests": {}}, {}
    for source in mime_mail.SOURCES:
        mails = mime_mail.messages(source)
        recorded = whole["digests"][source] = {}
        for at in range(0, len(mails), ROOM):
            for key, answer in record(mails[at:at + ROOM]):
                recorded[key] = digests(answer)
                raw[key] = {name: base64.b64encode(value).decode()
                            for name, value in answer.items() if isinstance(value, bytes)}
            print(f"{source}: {min(at + ROOM, len(mails))} of {len(mails)}", file=sys.stderr)
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    DIGESTS.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    if options.raw:
        options.raw.write_text(json.dumps(raw))


if __name__ == "__main__":
    main()
