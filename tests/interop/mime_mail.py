# SPDX-License-Identifier: Apache-2.0
"""The mail that MIME answers are compared on, and what imap/mime answers about it.

All of it can be had again, none is committed: `corpus` is ../shared/corpus beside the checkout,
`spam-assassin` an npm package that is fetched once into build/.
"""

import hashlib
import itertools
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))
from lab import mailfiles  # noqa: E402

BUILD = pathlib.Path(os.environ.get("WIREMAP_BUILD", TOP / "build")).resolve()
CACHE = TOP / "build" / "mail-cache"
SOURCES = {
    "corpus": lambda: mailfiles.corpus(TOP),
    "spam-assassin": lambda: mailfiles.spam_assassin(CACHE),
}

# The questions, in the order mime_dump.c answers them. The lists of fields are spelt there, too.
ANSWERS = ("envelope", "body", "bodystructure", "binary")
SECTIONS = (
    "HEADER.FIELDS (DATE FROM TO CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO "
    "REPLY-TO)",
    "HEADER.FIELDS (X-Mailer received X-No-Such LIST-ID mime-version)",
    "HEADER.FIELDS.NOT (Received DATE x-mailer)",
    "HEADER",
    "TEXT",
)


def key_of(message):
    return hashlib.sha256(message).hexdigest()[:10]


def digest(answer):
    return hashlib.sha256(answer).hexdigest()[:6]


def messages(source):
    """[(name, bytes as import stores them)] of every distinct message that is not empty."""
    found = {}
    for path in SOURCES[source]():
        message = mailfiles.normalised(path.read_bytes())
        if message:
            found.setdefault(key_of(message), (f"{path.parent.name}/{path.name}", message))
    return list(found.values())


def frames(data):
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        length = int(data[at:end])
        yield data[end + 1:end + 1 + length]
        at = end + 1 + length


def run(program, mails):
    """The frames a program of tests/interop prints about these messages."""
    told = b"".join(b"%d\n%s" % (len(message), message) for _, message in mails)
    done = subprocess.run([BUILD / "tests" / "interop" / program], input=told,
                          stdout=subprocess.PIPE, check=True, timeout=300)
    return list(frames(done.stdout))


def answers(mails):
    """Of each message: {envelope, body, bodystructure, binary: bytes, sections: [bytes]}."""
    told = run("mime_dump", mails)
    each = len(ANSWERS) + len(SECTIONS)
    for at in range(0, len(told), each):
        yield dict(zip(ANSWERS, told[at:at + len(ANSWERS)]),
                   sections=told[at + len(ANSWERS):at + each])


# --- reading answers -----------------------------------------------------------------------

def item_end(text, at):
    """Where the string, literal, atom or list that begins at `at` ends."""
    first = text[at:at + 1]
    if first == b'"':
        at += 1
        while text[at:at + 1] != b'"':
            at += 2 if text[at:at + 1] == b"\\" else 1
        return at + 1
    if first in (b"{", b"~"):
        end = text.index(b"}\r\n", at)
        return end + 3 + int(text[text.index(b"{", at) + 1:end])
    if first != b"(":
        while text[at:at + 1] not in (b" ", b"(", b")", b""):
            at += 1
        return at
    at += 1
    while text[at:at + 1] != b")":
        at = item_end(text, at)
        at += text[at:at + 1] == b" "
    return at + 1


def items(text):
    """The items of a list."""
    at, found = 1, []
    while text[at:at + 1] != b")":
        end = item_end(text, at)
        found.append(text[at:end])
        at = end + (text[end:end + 1] == b" ")
    return found


def string_value(item):
    if item[:1] == b'"':
        return item[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\")
    return item[item.index(b"}\r\n") + 3:] if item[:1] in (b"{", b"~") else item


def children_of(parts):
    """The structures a multipart begins with; none: not a multipart."""
    return list(itertools.takewhile(lambda part: part[:1] == b"(", parts))


def is_message(parts):
    return [part.lower() for part in parts[:2]] == [b'"message"', b'"rfc822"']


def leaves(structure, above=()):
    """The section numbers of the parts of a message that hold no others."""
    children = children_of(items(structure)) or [structure]
    for number, child in enumerate(children, 1):
        yield from part_leaves(child, above + (number,))


def part_leaves(structure, own):
    parts = items(structure)
    for number, child in enumerate(children_of(parts), 1):
        yield from part_leaves(child, own + (number,))
    if is_message(parts):
        yield from leaves(parts[8], own)
    elif not children_of(parts):
        yield ".".join(map(str, own))


# What a multipart without parts is said to hold, as the grammar wants at least one.
NO_PARTS = (b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',)


def tree(structure):
    """type/subtype(children), in lower case."""
    parts = items(structure)
    children = children_of(parts)
    if children:
        name = b"multipart/" + string_value(parts[len(children)])
    else:
        name = string_value(parts[0]) + b"/" + string_value(parts[1])
    if is_message(parts):
        children = [parts[8]]
    elif tuple(children) == NO_PARTS:
        children = []
    inside = b",".join(map(tree, children))
    return name.lower() + (b"(" + inside + b")" if children else b"")
