# SPDX-License-Identifier: Apache-2.0
"""Letters for a demo mailbox: each kind of message that real folders hold, as bytes.

A `Desk` writes them; everything it decides comes from the generator it is given, so a seed
replays to the byte. Lines end in LF, as a Maildir has them. The messages are put together by
hand and not with Python's email package, because ten thousand of them are wanted in seconds.
"""

import base64
import binascii
import html
import struct
import textwrap
import time
import zlib

from . import words

TEXT_COLUMNS = 72
ENCODED_WORD_OCTETS_MAX = 75  # RFC 2047, section 2
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
ZONES = (0, 60, 120, -300, -480, 330, 540)  # minutes east of UTC
SENTENCES = 1500


class Letter:
    """A finished message and what its place in a folder needs to know."""

    def __init__(self, data, when, message_id, subject, sender, references=()):
        self.data = data
        self.when = when
        self.message_id = message_id
        self.subject = subject
        self.sender = sender
        self.references = references


def first_name(person):
    return person[0].split(",")[-1].split()[0]


def date_header(when, zone):
    moment = time.gmtime(when + zone * 60)
    sign, minutes = ("-", -zone) if zone < 0 else ("+", zone)
    return "%s, %d %s %d %02d:%02d:%02d %s%02d%02d" % (
        DAYS[moment.tm_wday], moment.tm_mday, MONTHS[moment.tm_mon - 1], moment.tm_year,
        moment.tm_hour, moment.tm_min, moment.tm_sec, sign, minutes // 60, minutes % 60)


def encoded_word(text, charset, encoding):
    raw = text.encode(charset)
    if encoding == "B":
        coded = base64.b64encode(raw).decode()
    else:
        coded = "".join(chr(octet) if octet < 128 and chr(octet).isalnum() else
                        "_" if octet == 32 else f"={octet:02X}" for octet in raw)
    return f"=?{charset}?{encoding}?{coded}?="


def encoded_words(text, charset="utf-8", encoding="B"):
    """RFC 2047: encoded words of at most 75 octets, cut between characters, folded."""
    if text.isascii():
        return text
    finished, current = [], ""
    for letter in text:
        if len(encoded_word(current + letter, charset, encoding)) > ENCODED_WORD_OCTETS_MAX:
            finished.append(encoded_word(current, charset, encoding))
            current = ""
        current += letter
    return "\n ".join([*finished, encoded_word(current, charset, encoding)])


def address(person, charset="utf-8", encoding="B"):
    name, local, domain = person
    if not name.isascii():
        shown = encoded_words(name, charset, encoding)
    elif any(mark in name for mark in ",\"'."):
        shown = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    else:
        shown = name
    return f"{shown} <{local}@{domain}>"


def base64_lines(data):
    return base64.encodebytes(data)


def quoted_printable(text):
    return binascii.b2a_qp(text.encode("utf-8"), istext=True)


def png(width, height, shade):
    """A real picture: one grey, scan lines without a filter."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\0" + bytes([shade]) * width for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0,
                                                            0, 0)) + \
        chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


class Desk:
    def __init__(self, generator):
        self.random = generator
        self.count = 0
        self.sentences = [self._sentence() for _ in range(SENTENCES)]

    # --- words -----------------------------------------------------------------------------

    def _sentence(self):
        pick = self.random.choice
        text = f"{pick(words.WHO)} {pick(words.DID)} {pick(words.WHAT)}"
        if self.random.random() < 0.6:
            text += f", {pick(words.THEN)}"
        return text + pick(("." * 9) + "!")

    def paragraphs(self, number):
        return [" ".join(self.random.choices(self.sentences, k=self.random.randint(2, 7)))
                for _ in range(number)]

    def text(self, sender, to, size=None):
        size = size or self.random.choice((1, 1, 2, 2, 3, 4, 6, 9))
        lines = [f"{self.random.choice(words.GREETINGS)} {first_name(to)},", ""]
        for paragraph in self.paragraphs(size):
            lines += textwrap.wrap(paragraph, TEXT_COLUMNS) + [""]
        lines += [self.random.choice(words.CLOSINGS) + ",", first_name(sender)]
        if self.random.random() < 0.4:
            lines += ["", "-- ", sender[0], f"{sender[2]} | +00 000 {sender[1]}"]
        return "\n".join(lines) + "\n"

    def subject(self):
        if self.random.random() < 0.2:
            return self.random.choice(words.SUBJECTS_ELSEWHERE)
        return self.random.choice(words.SUBJECTS).format(n=self.random.randint(2, 99))

    def people(self, number):
        return self.random.sample(words.PEOPLE, number)

    def message_id(self, domain):
        self.count += 1
        return f"<{self.count:06d}.{self.random.getrandbits(48):012x}@{domain}>"

    def boundary(self):
        return f"=_{self.random.getrandbits(64):016x}_={self.count}"

    def encoded_subject(self, subject):
        """Some mailers write Q, some B, some a charset of their region."""
        for charset, codes in (("iso-2022-jp", "B"), ("koi8-r", "B"), ("iso-8859-15", "Q")):
            if self.random.random() < 0.5:
                try:
                    subject.encode(charset)
                    return encoded_words(subject, charset, codes)
                except UnicodeEncodeError:
                    continue
        return encoded_words(subject, "utf-8", self.random.choice("BQ"))

    # --- parts: bytes that begin with their own header -------------------------------------

    def part_text(self, text, subtype="plain"):
        if text.isascii() and self.random.random() < 0.6:
            head, body = f"text/{subtype}; charset=us-ascii", text.encode()
            return f"Content-Type: {head}\nContent-Transfer-Encoding: 7bit\n\n".encode() + body
        if self.random.random() < 0.3:
            return (f"Content-Type: text/{subtype}; charset=utf-8\n"
                    "Content-Transfer-Encoding: 8bit\n\n").encode() + text.encode()
        if self.random.random() < 0.7:
            return (f"Content-Type: text/{subtype}; charset=\"utf-8\"\n"
                    "Content-Transfer-Encoding: quoted-printable\n\n").encode() + \
                quoted_printable(text)
        return (f"Content-Type: text/{subtype}; charset=UTF-8\n"
                "Content-Transfer-Encoding: base64\n\n").encode() + base64_lines(text.encode())

    def part_html(self, text):
        style = "font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:1.5"
        rows = "".join(f'<tr><td style="padding:8px 16px;{style}">{html.escape(block)}</td></tr>\n'
                       for block in text.split("\n\n"))
        page = ('<!DOCTYPE html>\n<html><head><meta charset="utf-8"><style>'
                f"body{{{style};margin:0}} .wide{{width:600px}} a{{color:#036}}</style></head>\n"
                f'<body><table class="wide" cellpadding="0" cellspacing="0">\n{rows}</table>\n'
                "</body></html>\n")
        return self.part_text(page, "html")

    def part_file(self):
        name, kind = self.random.choice(words.ATTACHMENTS)
        size = min(int(self.random.lognormvariate(9.8, 1.0)), 400_000)
        if name.isascii():
            names = f'filename="{name}"'
        else:
            coded = "".join(chr(octet) if chr(octet).isalnum() and octet < 128 else "%%%02X" % octet
                            for octet in name.encode())
            names = f"filename*=utf-8''{coded}"
        return (f"Content-Type: {kind}\nContent-Disposition: attachment;\n\t{names};\n\tsize={size}"
                "\nContent-Transfer-Encoding: base64\n\n").encode() + \
            base64_lines(self.random.randbytes(size))

    def part_picture(self, content_id):
        data = png(self.random.randint(16, 64), self.random.randint(16, 64),
                   self.random.randrange(256))
        return (f"Content-Type: image/png; name=\"logo.png\"\nContent-ID: <{content_id}>\n"
                "Content-Disposition: inline\nContent-Transfer-Encoding: base64\n\n").encode() + \
            base64_lines(data)

    def multipart(self, subtype, parts, parameters=""):
        mark = self.boundary()
        head = f"Content-Type: multipart/{subtype};{parameters}\n boundary=\"{mark}\"\n\n"
        preamble = "This is a multi-part message in MIME format.\n" \
            if self.random.random() < 0.4 else ""
        line = b"\n--" + mark.encode()
        return head.encode() + preamble.encode() + \
            b"".join(line + b"\n" + part for part in parts) + line + b"--\n"

    # --- whole messages --------------------------------------------------------------------

    def trace(self, sender, when):
        """What the servers on the way put on top of a letter from outside."""
        relay, number = f"mx{self.random.randint(1, 4)}.mail.example", self.random.getrandbits(40)
        signature = textwrap.wrap(base64.b64encode(self.random.randbytes(256)).decode(), 70)
        return (
            f"Return-Path: <{sender[1]}@{sender[2]}>\n"
            f"Received: from out.{sender[2]} (out.{sender[2]} [192.0.2.{number % 254 + 1}])\n"
            f"\tby {relay} (Postfix) with ESMTPS id {number:010X}\n"
            f"\tfor <robin@mail.example>; {date_header(when, 0)}\n"
            f"Authentication-Results: {relay}; dkim=pass header.d={sender[2]};\n\tspf=pass "
            f"smtp.mailfrom={sender[2]}\n"
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={sender[2]};\n\ts=s1; "
            "h=from:to:subject:date:message-id:mime-version;\n\tb=" + "\n\t ".join(signature) +
            f"\nReceived: by out.{sender[2]} with LMTP id {number:x}; "
            f"{date_header(when - 2, 60)}\n")

    def letter(self, sender, to, subject, when, part, extra="", copies=(), references=(),
               outside=True):
        identity = self.message_id(sender[2])
        head = self.trace(sender, when) if outside else ""
        head += f"Date: {date_header(when, self.random.choice(ZONES))}\n"
        head += f"From: {address(sender)}\nTo: {address(to, encoding='Q')}\n"
        if copies:
            head += "Cc: " + ",\n\t".join(address(person) for person in copies) + "\n"
        head += f"Subject: {self.encoded_subject(subject)}\nMessage-ID: {identity}\n"
        if references:
            head += f"In-Reply-To: {references[-1]}\nReferences: " + "\n ".join(references) + "\n"
        head += extra + "MIME-Version: 1.0\n"
        return Letter(head.encode() + part, when, identity, subject, sender, references)

    def thread(self, begin, owner, length):
        """A conversation in which the owner writes too; newest quotes what it answers."""
        others = self.people(self.random.randint(1, 3))
        subject, letters, when, quoted = self.subject(), [], begin, ""
        for number in range(length):
            sender = owner if number and self.random.random() < 0.4 else self.random.choice(others)
            to = others[0] if sender is owner else owner
            text = self.text(sender, to)
            if quoted:
                text = quoted + "\n" + text
            part = self.part_text(text) if self.random.random() < 0.5 else self.multipart(
                "alternative", [self.part_text(text), self.part_html(text)])
            references = tuple(letter.message_id for letter in letters[-8:])
            letters.append(self.letter(
                sender, to, ("Re: " if number else "") + subject, when, part,
                copies=others[1:] if len(others) > 1 else (), references=references,
                outside=sender is not owner))
            quoted = f"On {date_header(when, 0)}, {sender[0]} wrote:\n" + "".join(
                f"> {line}\n" for line in text.split("\n")[:14])
            when += int(self.random.expovariate(1 / 20000)) + 120
        return letters

    def note(self, when, owner):
        sender = self.people(1)[0]
        return self.letter(sender, owner, self.subject(), when,
                           self.part_text(self.text(sender, owner)))

    def elsewhere(self, when, owner):
        sender = self.people(1)[0]
        return self.letter(sender, owner, self.random.choice(words.SUBJECTS_ELSEWHERE), when,
                           self.part_text(self.random.choice(words.BODIES_ELSEWHERE)))

    def with_files(self, when, owner):
        sender = self.people(1)[0]
        text = self.text(sender, owner, 2)
        body = self.multipart("alternative", [self.part_text(text), self.part_html(text)])
        files = [self.part_file() for _ in range(self.random.choice((1, 1, 1, 2, 3)))]
        return self.letter(sender, owner, self.subject(), when,
                           self.multipart("mixed", [body, *files]))

    def newsletter(self, when, owner):
        shop = self.random.choice(words.SHOPS)
        text = "\n\n".join(self.paragraphs(self.random.randint(8, 28)))
        content_id = f"logo.{self.random.getrandbits(32):x}@{shop[2]}"
        page = self.multipart("related", [
            self.part_html(f"cid:{content_id}\n\n{text}"), self.part_picture(content_id)],
            " type=\"text/html\";")
        return self.letter(
            shop, owner, f"{shop[0]}: {self.random.choice(words.WHAT)}", when,
            self.multipart("alternative", [self.part_text(text), page]),
            f"List-Unsubscribe: <https://{shop[2]}/u/{self.random.getrandbits(64):016x}>\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\nPrecedence: bulk\n")

    def forwarded(self, when, owner):
        inner = self.random.choice((self.note, self.elsewhere, self.with_files))(
            when - 86400, owner)
        sender = self.people(1)[0]
        nested = (b"Content-Type: message/rfc822\nContent-Disposition: attachment;\n\t"
                  b"filename=\"forwarded.eml\"\n\n") + inner.data
        return self.letter(sender, owner, "Fwd: " + inner.subject, when,
                           self.multipart("mixed", [self.part_text(self.text(sender, owner, 1)),
                                                    nested]))

    def bounce(self, when, owner):
        daemon = ("Mail Delivery System", "MAILER-DAEMON", "mx1.mail.example")
        lost = self.letter(owner, self.people(1)[0], self.subject(), when - 60,
                           self.part_text("Did you get my last message?\n"), outside=False)
        headers = lost.data.split(b"\n\n", 1)[0] + b"\n"
        status = (b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx1.mail.example\n"
                  b"\nFinal-Recipient: rfc822; nobody@example.invalid\nAction: failed\n"
                  b"Status: 5.1.1\n")
        return self.letter(
            daemon, owner, "Undelivered Mail Returned to Sender", when,
            self.multipart("report", [
                self.part_text("I could not deliver your message.\n"), status,
                b"Content-Type: text/rfc822-headers\n\n" + headers],
                " report-type=delivery-status;"), "Auto-Submitted: auto-replied\n")

    def invitation(self, when, owner):
        sender, subject = self.people(1)[0], self.subject()
        start = time.strftime("%Y%m%dT%H0000Z", time.gmtime(when + 7 * 86400))
        event = ("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//demo//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\n"
                 f"UID:{self.random.getrandbits(64):x}@{sender[2]}\nDTSTART:{start}\n"
                 f"SUMMARY:{subject}\nEND:VEVENT\nEND:VCALENDAR\n")
        calendar = (b"Content-Type: text/calendar; charset=utf-8; method=REQUEST\n"
                    b"Content-Transfer-Encoding: 8bit\n\n") + event.encode()
        return self.letter(sender, owner, "Invitation: " + subject, when, self.multipart(
            "alternative", [self.part_text(self.text(sender, owner, 1)), calendar]))

    def signed(self, when, owner):
        sender = self.people(1)[0]
        seal = "\n".join(textwrap.wrap(base64.b64encode(self.random.randbytes(360)).decode(), 64))
        signature = ("Content-Type: application/pgp-signature; name=\"signature.asc\"\n\n"
                     f"-----BEGIN PGP SIGNATURE-----\n\n{seal}\n-----END PGP SIGNATURE-----\n")
        return self.letter(sender, owner, self.subject(), when, self.multipart(
            "signed", [self.part_text(self.text(sender, owner)), signature.encode()],
            " micalg=pgp-sha256;\n protocol=\"application/pgp-signature\";"))

    def posting(self, when, owner, mailing_list, earlier):
        """One message of a list; half of the time an answer to an earlier one."""
        name, host, _ = mailing_list
        sender = self.people(1)[0]
        text = self.text(sender, ("all", name, host))
        references = ()
        subject = f"[{name}] {self.subject()}"
        if earlier and self.random.random() < 0.6:
            parent = self.random.choice(earlier[-12:])
            references = (*parent.references[-6:], parent.message_id)
            subject = parent.subject if parent.subject.startswith("Re:") \
                else "Re: " + parent.subject
            text = f"{parent.sender[0]} wrote:\n> " + \
                "\n> ".join(textwrap.wrap(self.random.choice(self.sentences))) + "\n\n" + text
        return self.letter(
            sender, (name, name, host), subject, when, self.part_text(text),
            f"List-Id: {name} <{name}.{host}>\nList-Post: <mailto:{name}@{host}>\n"
            f"List-Archive: <https://{host}/{name}/>\nPrecedence: list\n"
            f"Sender: {name}-bounces@{host}\n", references=references)
