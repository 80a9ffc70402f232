# SPDX-License-Identifier: Apache-2.0
"""ENVELOPE, BODY, BODYSTRUCTURE, sections and sizes of real mail, beside what others make of it.

Dovecot's answers were recorded by oracle_dovecot.py and are compared to the byte; GMime is asked
here and now, for the tree of parts. A collection that cannot be had is skipped, with the reason.
"""

import functools
import gzip
import json
import pathlib

import pytest

import mime_mail
import oracle_dovecot

HERE = pathlib.Path(__file__).resolve().parent
REASONS = HERE / "mime_reasons.txt"
SOURCES = sorted(mime_mail.SOURCES)


@functools.cache
def recorded():
    return json.loads(gzip.decompress(oracle_dovecot.DIGESTS.read_bytes()))["digests"]


@functools.cache
def obtained(source):
    """[(name, message, answers)]"""
    try:
        mails = mime_mail.messages(source)
    except mime_mail.mailfiles.Unobtainable as reason:
        pytest.skip(str(reason))
    return [(name, message, answer) for (name, message), answer
            in zip(mails, mime_mail.answers(mails), strict=True)]


def differing(source, differs):
    """Names of messages for which differs(recorded, message, answers); all must be recorded."""
    known = recorded()[source]
    found = [name for name, message, answer in obtained(source)
             if differs(known[mime_mail.key_of(message)], message, answer)]
    allowed = len(obtained(source)) // 100
    assert len(found) <= allowed, f"{len(found)} of {len(obtained(source))} differ: {found[:9]}"
    return found


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("place, question", enumerate(("envelope", "body", "bodystructure")))
def test_as_dovecot_answers(source, place, question):
    found = differing(source, lambda known, message, answer:
                      mime_mail.digest(answer[question]) != known[place])
    assert found == []


def sections_of(message, sections):
    """As Dovecot sends them: no NUL, and an empty line behind HEADER.FIELDS where the header has
    none, which RFC 3501 6.4.5 does not want there."""
    nul_free = [section.replace(b"\0", b"\x80") for section in sections]
    if b"\r\n\r\n" not in message and not message.startswith(b"\r\n"):
        nul_free[:2] = [section + b"\r\n" for section in nul_free[:2]]
    return b"\0".join(nul_free)


@pytest.mark.parametrize("source", SOURCES)
def test_sections_as_dovecot_sends_them(source):
    found = differing(source, lambda known, message, answer: mime_mail.digest(
        sections_of(message, answer["sections"])) != known[3])
    assert found == []


@pytest.mark.parametrize("source", SOURCES)
def test_decoded_sizes_as_dovecot_has_them(source):
    """BINARY.SIZE of every leaf that Dovecot can decode; the part that an empty multipart is said
    to hold is not there to be asked for, and has size 0 for Dovecot."""
    found = differing(source, lambda known, message, answer: not {
        size for size in known[4].encode().split() if not size.endswith(b":0")
    } <= set(answer["binary"].split()))
    assert found == []


def reasons():
    lines = REASONS.read_text().splitlines()
    named = {line.split(":")[0].split()[1] for line in lines if line.startswith("reason ")}
    listed = {}
    for line in lines:
        if line and line[0] != "#" and not line.startswith("reason "):
            key, reason, _ = line.split(" ", 2)
            assert reason in named, line
            listed[key] = reason
    return listed


def test_tree_of_parts_as_gmime_sees_it():
    """At most 1 % of all messages differ, each with its reason, and no reason is idle."""
    if not (mime_mail.BUILD / "tests" / "interop" / "mime_gmime").exists():
        pytest.skip("libgmime-3.0-dev was not there when this was built")
    listed, differ, total = reasons(), set(), 0
    for source in SOURCES:
        mails = obtained(source)
        theirs = mime_mail.run("mime_gmime", [(name, message) for name, message, _ in mails])
        total += len(mails)
        differ |= {mime_mail.key_of(message) for (_, message, answer), tree
                   in zip(mails, theirs, strict=True)
                   if mime_mail.tree(answer["bodystructure"]) != tree}
    assert differ <= set(listed), f"without a reason: {sorted(differ - set(listed))}"
    assert set(listed) <= differ, f"not different: {sorted(set(listed) - differ)}"
    assert len(differ) * 100 <= total


@pytest.mark.parametrize("source", SOURCES)
def test_wrong_answers_are_seen(source):
    """One byte too much in every answer, and both comparisons are red."""
    obtained(source)
    with pytest.raises(AssertionError):
        differing(source, lambda known, message, answer:
                  mime_mail.digest(answer["envelope"] + b" ") != known[0])
    assert mime_mail.tree(b'(("text" "plain" NIL) "mixed")') == b"multipart/mixed(text/plain)"
