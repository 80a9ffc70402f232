# SPDX-License-Identifier: Apache-2.0
"""ENVELOPE, BODY, BODYSTRUCTURE, sections and sizes of real mail, beside what others make of it.

Dovecot's answers were recorded by oracle_dovecot.py and are compared to the byte. GMime is asked
here and now, and compared fact by fact (mime_facts.py): the tree of parts, all ten fields of the
message's ENVELOPE, and what BODYSTRUCTURE says of every part that holds no others. Left out, as
GMime has nothing like it: display names as they stand, source routes, and Content-Language. Of
messages within messages only the parts are compared.

A collection that cannot be had is skipped, with the reason.
"""

import functools
import gzip
import json
import pathlib

import pytest

import mime_facts
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
    """{(key, fact)} that may differ."""
    lines = REASONS.read_text().splitlines()
    named = {line.split(":")[0].split()[1] for line in lines if line.startswith("reason ")}
    listed, used = set(), set()
    for line in lines:
        if line and line[0] != "#" and not line.startswith("reason "):
            key, reason, facts, _ = line.split(" ", 3)
            assert reason in named, line
            used.add(reason)
            listed |= {(key, fact) for fact in facts.split(",")}
    assert used == named, f"reasons of no message: {named - used}"
    return listed


@functools.cache
def both_views():
    """[(key, our facts, GMime's facts)] of all messages."""
    if not (mime_mail.BUILD / "tests" / "interop" / "mime_gmime").exists():
        pytest.skip("libgmime-3.0-dev was not there when this was built")
    views = []
    for source in SOURCES:
        mails = obtained(source)
        theirs = mime_mail.run("mime_gmime", [(name, message) for name, message, _ in mails])
        views += [(mime_mail.key_of(message), mime_facts.ours(answer), mime_facts.gmimes(told))
                  for (_, message, answer), told in zip(mails, theirs, strict=True)]
    return views


def hold_beside_gmime(fact, views):
    """At most 1 % of all messages differ in a fact, each with its reason, and no reason is idle."""
    listed = {key for key, other in reasons() if other == fact}
    differ = {key for key, our, their in views if fact in mime_facts.differing(our, their)}
    assert differ <= listed, f"without a reason: {sorted(differ - listed)[:9]}"
    assert listed <= differ, f"not different: {sorted(listed - differ)}"
    assert len(differ) * 100 <= len(views)


@pytest.mark.parametrize("fact", mime_facts.FACTS)
def test_as_gmime_sees_it(fact):
    hold_beside_gmime(fact, both_views())


def test_reasons_are_for_facts_that_are_compared():
    assert {fact for _, fact in reasons()} <= set(mime_facts.FACTS)


# What ENVELOPE and BODYSTRUCTURE say of a message, and one word of it wrong.
SAID = (b'("Mon, 1 Jan 2024 00:00:00 +0000" "hi" (("A" NIL "a" "x")) (("A" NIL "a" "x"))'
        b' (("A" NIL "a" "x")) ((NIL NIL "list" NIL)(NIL NIL "b" "y")(NIL NIL NIL NIL))'
        b' ((NIL NIL "c" "z")) ((NIL NIL "d" "w")) "<1@x>" "<2@x>")',
        b'("text" "plain" ("charset" "utf-8") "<3@x>" "note" "8bit" 12 2 "sum"'
        b' ("inline" ("filename" "f.txt")) NIL "there")')
FAULTS = {
    "tree": (b'"plain"', b'"html"'), "date": (b"Mon", b"Tue"), "subject": (b'"hi"', b'"ho"'),
    "from": (b'"hi" (("A" NIL "a"', b'"hi" (("A" NIL "b"'), "to": (b'"b" "y"', b'"b" "x"'),
    "sender": (b'"x")) (("A" NIL "a" "x")) (("A"', b'"x")) (("A" NIL "a" "y")) (("A"'),
    "reply-to": (b'"x")) ((NIL', b'"y")) ((NIL'), "cc": (b'"c" "z"', b'"e" "z"'),
    "bcc": (b'((NIL NIL "d" "w"))', b"NIL"), "in-reply-to": (b"<1@x>", b"<1@y>"),
    "message-id": (b"<2@x>", b"<2@y>"), "parameters": (b"utf-8", b"utf-7"),
    "id": (b'"<3@x>"', b"NIL"), "description": (b"note", b"nota"), "encoding": (b"8bit", b"7bit"),
    "octets": (b" 12 ", b" 13 "), "lines": (b" 2 ", b" 3 "), "md5": (b'"sum"', b"NIL"),
    "disposition": (b"inline", b"attachment"), "disposition-parameters": (b"f.txt", b"g.txt"),
    "location": (b"there", b"here"),
}


@pytest.mark.parametrize("fact", mime_facts.FACTS)
def test_a_wrong_fact_is_seen(fact):
    """In the form facts are compared in, and only there."""
    good, bad = [mime_facts.ours(dict(zip(("envelope", "bodystructure"), said, strict=True)))
                 for said in (SAID, [part.replace(*FAULTS[fact]) for part in SAID])]
    assert {one for one in mime_facts.FACTS if good[one] != bad[one]} == {fact}
    with pytest.raises(AssertionError, match="without a reason"):
        hold_beside_gmime(fact, [("no such key", good, bad)])


@pytest.mark.parametrize("source", SOURCES)
def test_wrong_answers_are_seen(source):
    """One byte too much in every answer, and both comparisons are red."""
    obtained(source)
    with pytest.raises(AssertionError):
        differing(source, lambda known, message, answer:
                  mime_mail.digest(answer["envelope"] + b" ") != known[0])
    assert mime_mail.tree(b'(("text" "plain" NIL) "mixed")') == b"multipart/mixed(text/plain)"
