# SPDX-License-Identifier: Apache-2.0
"""What ENVELOPE and BODYSTRUCTURE say, fact by fact, so that a library's view can be set beside it.

A fact of the envelope is one value, a fact of the leaves a list with one value per part that holds
no others. Both sides are brought into the same form: of values as they stand, runs of white space
are one space; ids are without angle brackets; an address is mailbox@host, and groups are only
their members; parameters are decoded as RFC 2231 and RFC 2047 say.
"""

import email.errors
import email.header
import re
import urllib.parse

import mime_mail

ADDRESSES = ("from", "sender", "reply-to", "to", "cc", "bcc")
IDS = ("in-reply-to", "message-id", "id")
ENVELOPE = ("date", "subject", *ADDRESSES, "in-reply-to", "message-id")
LEAF = ("parameters", "id", "description", "encoding", "octets", "lines", "md5", "disposition",
        "disposition-parameters", "location")
FACTS = ("tree", *ENVELOPE, *LEAF)

# What GMime has a name for; it takes any other encoding for none.
ENCODINGS = {b"7bit": b"7bit", b"7-bit": b"7bit", b"8bit": b"8bit", b"8-bit": b"8bit",
             b"binary": b"binary", b"base64": b"base64", b"quoted-printable": b"quoted-printable"}


def flat(value):
    return b" ".join(value.split())


def value_of(item):
    return b"" if item == b"NIL" else mime_mail.string_value(item)


def ids_of(value, bare=True):
    """What stands in angle brackets; where nothing does, all of it if it may stand bare."""
    found = re.findall(rb"<([^<>]*)>", value) or [value] * bare
    found = [re.sub(rb"\s", b"", one) for one in found]
    return tuple(one for one in found if one)


def addresses_of(item):
    """mailbox@host of the members; a group begins and ends with an address without host. What is
    not there, and what does not parse, has a name of its own in our answers, as in Dovecot's."""
    found = []
    for address in mime_mail.items(item) if item != b"NIL" else ():
        _, _, mailbox, host = map(value_of, mime_mail.items(address))
        if host == b"MISSING_DOMAIN":
            found += [mailbox] * (mailbox != b"MISSING_MAILBOX")
        elif host and host != b"SYNTAX_ERROR":
            found.append(mailbox + b"@" + host)
    return tuple(found)


def envelope_facts(envelope):
    date, subject, *addresses, answered, own = mime_mail.items(envelope)
    facts = {"date": flat(value_of(date)), "subject": flat(value_of(subject))}
    facts |= dict(zip(ADDRESSES, map(addresses_of, addresses), strict=True))
    return facts | {"in-reply-to": ids_of(value_of(answered), bare=False),
                    "message-id": ids_of(value_of(own))}


# --- parameters ----------------------------------------------------------------------------

def text_of(value, charset="utf-8"):
    for name in (charset, "utf-8"):
        try:
            return value.decode(name)
        except (UnicodeDecodeError, LookupError):
            pass
    return value.decode("latin-1")


def words_of(value):
    """RFC 2047 words, which have no place in parameters and are there all the same."""
    if b"=?" not in value:
        return text_of(value)
    try:
        return "".join(text if isinstance(text, str) else text_of(text, charset or "utf-8")
                       for text, charset in email.header.decode_header(value.decode("ascii")))
    except (UnicodeDecodeError, email.errors.HeaderParseError):
        return text_of(value)


def joined(pieces):
    """The value of RFC 2231 pieces {number: (encoded, value)}."""
    charset, whole = "utf-8", b""
    for number, (encoded, value) in sorted(pieces.items()):
        if encoded and number == 0 and value.count(b"'") >= 2:
            name, _, value = value.split(b"'", 2)
            charset = name.decode("latin-1") or charset
        whole += urllib.parse.unquote_to_bytes(value) if encoded else value
    return text_of(whole, charset)


def parameters_of(item):
    """{(name, value)}, without boundary."""
    words = [value_of(word) for word in mime_mail.items(item)] if item != b"NIL" else []
    plain, pieces = {}, {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        name = name.lower()
        piece = re.fullmatch(rb"([^*]+)(?:\*(\d{1,4}))?(\*?)", name)
        if piece is None or piece[2] is None and not piece[3]:
            plain.setdefault(name, words_of(value))
        else:
            pieces.setdefault(piece[1], {}).setdefault(int(piece[2] or 0), (piece[3], value))
    return kept(plain | {name: joined(found) for name, found in pieces.items()})


def kept(parameters):
    """As a set, without boundary, and without the charset that is meant where none stands."""
    flattened = {(name, " ".join(value.split())) for name, value in parameters.items()}
    return frozenset((name, value.lower() if name == b"charset" else value)
                     for name, value in flattened
                     if name != b"boundary" and (name, value.lower()) != (b"charset", "us-ascii"))


# --- parts ---------------------------------------------------------------------------------

def leaf_structures(structure):
    parts = mime_mail.items(structure)
    children = mime_mail.children_of(parts)
    if mime_mail.is_message(parts):
        children = [parts[8]]
    elif not children:
        yield parts
    elif tuple(children) == mime_mail.NO_PARTS:
        children = []
    for child in children:
        yield from leaf_structures(child)


def leaf_facts(parts):
    text = value_of(parts[0]).lower() == b"text"
    md5, disposition, _, location = parts[8 if text else 7:]
    how, parameters = mime_mail.items(disposition) if disposition != b"NIL" else (b"NIL", b"NIL")
    return {
        "parameters": parameters_of(parts[2]),
        "id": ids_of(value_of(parts[3])),
        "description": flat(value_of(parts[4])),
        "encoding": ENCODINGS.get(value_of(parts[5]).lower(), b"7bit"),
        "octets": parts[6],
        **({"lines": parts[7]} if text else {}),
        "md5": flat(value_of(md5)),
        "disposition": value_of(how).lower(),
        "disposition-parameters": parameters_of(parameters),
        "location": flat(value_of(location)),
    }


def ours(answer):
    """{fact: value} of the answers of mime_dump."""
    facts = {"tree": mime_mail.tree(answer["bodystructure"])}
    facts |= envelope_facts(answer["envelope"])
    facts |= {fact: [] for fact in LEAF}
    for parts in leaf_structures(answer["bodystructure"]):
        for fact, value in leaf_facts(parts).items():
            facts[fact].append(value)
    return facts


# --- GMime ---------------------------------------------------------------------------------

def gmime_value(fact, words):
    if fact in ("parameters", "disposition-parameters"):
        pairs = (word.split(b"=", 1) for word in words)
        return kept({urllib.parse.unquote_to_bytes(name).lower():
                    text_of(urllib.parse.unquote_to_bytes(value)) for name, value in pairs})
    words = tuple(map(urllib.parse.unquote_to_bytes, words))
    if fact in ADDRESSES:
        words = (re.sub(rb'^"([^"\\]*)"(?=@)', rb"\1", word) for word in words)
    if fact in ADDRESSES or fact in IDS:
        return tuple(re.sub(rb"\s", b"", word) for word in words if word)
    whole = flat(b" ".join(words))
    if fact == "encoding":
        return ENCODINGS.get(whole, b"7bit")
    return whole.lower() if fact == "disposition" else whole


def gmimes(told):
    """{fact: value} of a frame of mime_gmime; only an empty tree where GMime sees no message."""
    if not told:
        return {"tree": b""}
    facts = {fact: [] for fact in LEAF}
    for line in told.splitlines():
        fact, *words = line.split()
        fact = fact.decode()
        if fact == "tree":
            facts[fact] = b" ".join(words)
        elif fact in LEAF:
            facts[fact].append(gmime_value(fact, words))
        else:
            facts[fact] = gmime_value(fact, words)
    for default in ("sender", "reply-to"):
        facts[default] = facts.get(default) or facts.get("from")
    return facts


def differing(our, their):
    """The facts that differ. Parts are compared where both see the same tree."""
    same_tree = our["tree"] == their["tree"]
    return {fact for fact, value in their.items()
            if our[fact] != value and (same_tree or fact not in LEAF)}
