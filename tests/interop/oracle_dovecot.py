#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Records what Dovecot 2.3 answers about mail that can be had again.

    tests/interop/oracle_dovecot.py [--raw FILE]

Writes digests_dovecot.json.gz beside itself: for each message (a prefix of its SHA-256) a digest
of each answer. --raw FILE keeps the answers themselves, for looking at a difference; they hold
foreign mail and are not committed. Not run in CI; run it again after an upgrade of Dovecot or
when the questions below change. Dovecot runs as its plain `imap` binary on a pipe (no port, no
login) over a Maildir in a temporary directory.
"""

import argparse
import base64
import gzip
import hashlib
import json
import os
import pathlib
import pwd
import re
import subprocess
import sys
import tempfile

import mime_mail

IMAP = "/usr/lib/dovecot/imap"
DIGESTS = pathlib.Path(__file__).resolve().parent / "digests_dovecot.json.gz"
ROOM = 500  # messages in one mailbox

# The questions, in a fixed order: mime_dump.c knows the same by the same names.
FIELDS = {
    "fields": "HEADER.FIELDS (DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE "
              "IN-REPLY-TO REPLY-TO)",
    "fields-odd": "HEADER.FIELDS (X-Mailer received X-No-Such LIST-ID mime-version)",
    "fields-not": "HEADER.FIELDS.NOT (Received DATE x-mailer)",
    "header": "HEADER",
    "text": "TEXT",
}
CONFIG = """
mail_location = maildir:{box}
log_path = {box}.log
mail_fsync = never
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
ssl = no
base_dir = {box}/base
stats_writer_socket_path =
mail_plugins =
"""


class Dovecot:
    def __init__(self, folder):
        user, group = os.getuid(), os.getgid()
        if user == 0:  # Dovecot refuses to read root's mail
            user, group = pwd.getpwnam("nobody")[2:4]
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user, group)
        config = folder / "dovecot.conf"
        config.write_text(CONFIG.format(box=folder / "box", user=user, group=group))
        env = dict(os.environ, HOME=str(folder), USER="oracle", IMAPLOGINTAG="a",
                   MAIL=f"maildir:{folder / 'box'}")
        self.start = lambda: subprocess.Popen([IMAP, "-c", str(config)], env=env,
                                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.count = 0
        self.open()

    def open(self):
        self.process = self.start()
        self.command("SELECT INBOX")

    def response(self):
        """One response, its literals included."""
        whole = b""
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise EOFError("Dovecot ended")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if not literal:
                return whole[:-2]
            whole += self.process.stdout.read(int(literal.group(1)))

    def command(self, text):
        self.count += 1
        tag = b"t%d" % self.count
        self.process.stdin.write(tag + b" " + text.encode() + b"\r\n")
        self.process.stdin.flush()
        answers = []
        while True:
            response = self.response()
            if response.startswith(tag + b" "):
                return answers, response[len(tag) + 1:]
            answers.append(response)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


def item_end(text, at):
    """Where the string, literal, atom or list that begins at `at` ends."""
    if text[at:at + 1] == b'"':
        return re.compile(rb'"(?:[^"\\]|\\.)*"', re.S).match(text, at).end()
    if text[at:at + 1] in (b"{", b"~"):
        literal = re.compile(rb"~?\{(\d+)\}\r\n").match(text, at)
        return literal.end() + int(literal.group(1))
    if text[at:at + 1] != b"(":
        return re.compile(rb"[^ ()]*").match(text, at).end()
    at += 1
    while text[at:at + 1] != b")":
        at = item_end(text, at)
        if text[at:at + 1] == b" ":
            at += 1
    return at + 1


def string_value(item):
    if item[:1] == b'"':
        return re.sub(rb"\\(.)", rb"\1", item[1:-1], flags=re.S)
    return item[item.index(b"}\r\n") + 3:] if item[:1] in (b"{", b"~") else item


def fetch_items(response):
    """{name: exact bytes of the value} of one FETCH response."""
    head = re.match(rb"\* (\d+) FETCH \(", response)
    if not head:
        return None, {}
    at, items = head.end(), {}
    while response[at:at + 1] != b")":
        name_end = re.compile(rb"[^ \[]*(?:\[[^\]]*\])?").match(response, at).end()
        name = response[at:name_end].decode()
        end = item_end(response, name_end + 1)
        items[name] = response[name_end + 1:end]
        at = end + 1 if response[end:end + 1] == b" " else end
    return int(head.group(1)), items


def leaf_paths(structure, prefix=""):
    """The section numbers of the parts that are not multiparts, in order."""
    children, at = [], 1
    while structure[at:at + 1] == b"(":
        end = item_end(structure, at)
        children.append(structure[at:end])
        at = end
    if not children:
        yield (prefix or "1")
        if re.match(rb'\("message" "rfc822" ', structure, re.I):
            at = 1
            for _ in range(8):
                at = item_end(structure, at) + 1
            yield from leaf_paths_inside(structure[at:item_end(structure, at)], prefix or "1")
        return
    for number, child in enumerate(children, 1):
        yield from leaf_paths(child, f"{prefix}.{number}" if prefix else str(number))


def leaf_paths_inside(structure, prefix):
    """A message's parts are numbered below it; its only part, if no multipart, is number 1."""
    if structure[1:2] == b"(":
        yield from leaf_paths(structure, prefix)
    else:
        yield from leaf_paths(structure, f"{prefix}.1")


def ask(dovecot, number):
    """Everything asked about one message: {question: answer bytes}."""
    wanted = " ".join(["RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE"] +
                      [f"BODY.PEEK[{section}]" for section in FIELDS.values()])
    answers, _ = dovecot.command(f"FETCH {number} ({wanted})")
    items = {}
    for response in answers:
        found, more = fetch_items(response)
        items.update(more if found == number else {})
    result = {"size": items["RFC822.SIZE"], "envelope": items["ENVELOPE"],
              "body": items["BODY"], "bodystructure": items["BODYSTRUCTURE"]}
    sections = [value for name, value in items.items() if name.startswith("BODY[")]
    for name, value in zip(FIELDS, sections, strict=True):
        result[name] = string_value(value)
    result["binary"] = b" ".join(binary_size(dovecot, number, path)
                                 for path in leaf_paths(items["BODYSTRUCTURE"]))
    return result


def binary_size(dovecot, number, path):
    try:
        answers, status = dovecot.command(f"FETCH {number} BINARY.SIZE[{path}]")
    except EOFError:  # it hangs up on broken quoted-printable or base64
        dovecot.close()
        dovecot.open()
        return b"%s:NO" % path.encode()
    if not status.startswith(b"OK"):
        return b"%s:NO" % path.encode()
    for response in answers:
        for value in fetch_items(response)[1].values():
            return b"%s:%s" % (path.encode(), value)
    return b"%s:NIL" % path.encode()


def digest(answer):
    return hashlib.sha256(answer).hexdigest()[:16]


def record(mails):
    """{key: {question: answer}} of up to ROOM messages, asked in a fresh mailbox."""
    with tempfile.TemporaryDirectory(prefix="wiremap-oracle-") as scratch:
        folder = pathlib.Path(scratch)
        for name in ("cur", "new", "tmp"):
            (folder / "box" / name).mkdir(parents=True)
        for number, (_, message) in enumerate(mails):
            path = folder / "box" / "cur" / f"{10 ** 9 + number}.M1P1.oracle:2,S"
            path.write_bytes(message)
        dovecot = Dovecot(folder)
        answers = {}
        for number, (name, message) in enumerate(mails, 1):
            answer = ask(dovecot, number)
            if int(answer["size"]) != len(message):
                raise SystemExit(f"{name}: {int(answer['size'])} bytes, not {len(message)}")
            answers[mime_mail.key_of(message)] = answer
        dovecot.close()
        return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=pathlib.Path, help="keep the answers themselves here")
    options = parser.parse_args()
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True)
    whole, raw = {"dovecot": version.stdout.strip(), "digests": {}}, {}
    for source in mime_mail.SOURCES:
        mails = list(mime_mail.messages(source))
        whole["digests"][source] = {}
        for at in range(0, len(mails), ROOM):
            for key, answer in record(mails[at:at + ROOM]).items():
                whole["digests"][source][key] = {question: digest(value)
                                                 for question, value in answer.items()}
                raw[key] = {question: base64.b64encode(value).decode()
                            for question, value in answer.items()}
            print(f"{source}: {min(at + ROOM, len(mails))} of {len(mails)}", file=sys.stderr)
    DIGESTS.write_bytes(gzip.compress(json.dumps(whole, sort_keys=True).encode(), mtime=0))
    if options.raw:
        options.raw.write_text(json.dumps(raw))


if __name__ == "__main__":
    main()
