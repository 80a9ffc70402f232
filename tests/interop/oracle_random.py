#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks Dovecot and imap/mime the same about random broken mail, and prints where they part.

    tests/interop/oracle_random.py [--seed N] [--messages N]

For working on imap/mime, not part of tools/test: the differences that are left (white space behind
an unterminated word, NULs in broken parameters) are rarer than one in a thousand of these.
"""

import argparse
import random
import sys

import mime_mail
import oracle_dovecot

ADDRESSES = ("a", "b c", '"q"', '"q w"', '"q\\"x"', "<", ">", "@", "@", ".", "..", ",", ",", ";",
             ":", "(c)", "(c (d))", "(", "\\", "[1.2]", "[", "]", "x@y.z", "<x@y.z>",
             '"N M" <x@y.z>', "\u00e9", "\r\n ", "\r\n\t", " ", "  ", "=?utf-8?q?a?=",
             "G: a@b, c@d;", "<@r,@s:x@y>", '"', "<>", "x@[1.2.3.4]", "<x@y")
WORDS = ("a", "word", '"', "\\", "  ", " ", "\t", "\r\n ", "\u00e9", "=?x?=", "<id@x>", ";", "{5}")
TYPES = ("text", "/", "text/plain", "text/html", "message/rfc822", "multipart/mixed", ";", ";",
         "; ", "charset", "=", "; charset=utf-8", '; name="a b"', "; n*0=a", "; n*1*=%41",
         "; n*=x'y'z", "; N*0=c", "; a==?utf-8?b?xx?=", '"', "\\", "(c)", "(", " ", "\r\n ",
         "\u00e9", "[", "inline", "attachment", "base64", "en", ", fi", '; x="a\\"b"', "; b=b")
BOUNDARIES = ("b", "bb", "b--", "--b", "x y", "a" * 75, "a" * 90)
ENDS = ("\r\n", "\r\n", "\r\n", "\n", "")
BODIES = ("", "text\r\n", "text", "\r\n", "--\r\n", "a\n--b\r\n", "--b--")
FIELDS = {
    ADDRESSES: ("From", "To", "Cc", "Bcc", "Sender", "Reply-To"),
    WORDS: ("Subject", "Date", "Message-ID", "In-Reply-To", "Content-ID", "Content-Location"),
    TYPES: ("Content-Type", "Content-Type", "Content-Disposition", "MIME-Version",
            "Content-Transfer-Encoding", "Content-Language"),
}


def header(dice):
    lines = []
    for words, names in FIELDS.items():
        for name in dice.sample(names, dice.randrange(4)):
            value = "".join(dice.choices(words, k=dice.randrange(8)))
            lines.append(name + dice.choice((":", ": ", " : ", ":\r\n ")) + value)
    dice.shuffle(lines)
    return lines


def message(dice, depth=0):
    lines, body = header(dice), dice.choice(BODIES)
    kind = dice.random() if depth < 4 else 1
    if kind < .5:
        boundary = dice.choice(BOUNDARIES)
        subtype = dice.choice(("mixed", "digest"))
        lines.insert(dice.randrange(len(lines) + 1),
                     f'Content-Type: multipart/{subtype}; boundary="{boundary}"')
        body = ""
        for _ in range(dice.randrange(4)):
            body += "--" + boundary + dice.choice(("", "", " ", "z", "--")) + dice.choice(ENDS)
            body += message(dice, depth + 1) + dice.choice(ENDS)
        body += dice.choice(("", f"--{boundary}--\r\n"))
    elif kind < .65:
        lines.insert(0, "Content-Type: message/rfc822")
        body = message(dice, depth + 1)
    return "\r\n".join(lines) + dice.choice(("\r\n\r\n", "\r\n\r\n", "\r\n", "")) + body


def compare(mails):
    differences = 0
    recorded = oracle_dovecot.record(mails)
    for (_, mail), (_, theirs), ours in zip(mails, recorded, mime_mail.answers(mails)):
        for question in ("envelope", "body", "bodystructure"):
            if ours[question] != theirs[question]:
                differences += 1
                print(mail, "\n  ours  ", ours[question], "\n  theirs", theirs[question])
                break
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=2000)
    options = parser.parse_args()
    dice, mails = random.Random(options.seed), {}
    while len(mails) < options.messages:
        mails[mime_mail.mailfiles.normalised(message(dice).encode())] = None
    mails = [(str(number), mail) for number, mail in enumerate(mails) if mail]
    differences = sum(compare(mails[at:at + oracle_dovecot.ROOM])
                      for at in range(0, len(mails), oracle_dovecot.ROOM))
    print(f"{differences} of {len(mails)} differ", file=sys.stderr)


if __name__ == "__main__":
    main()
