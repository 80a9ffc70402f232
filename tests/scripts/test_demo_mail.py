# SPDX-License-Identifier: Apache-2.0
"""tools/demo-mail: realistic, well formed, and the same from the same seed."""

import collections
import email
import email.policy
import hashlib
import pathlib
import re
import subprocess

import pytest

from lab import mailfiles


def make(top, path, *arguments):
    subprocess.run([top / "tools" / "demo-mail", *map(str, arguments), path], check=True,
                   capture_output=True)
    return path


def tree(path):
    return {str(file.relative_to(path)): (hashlib.sha256(file.read_bytes()).hexdigest(),
                                          int(file.stat().st_mtime))
            for file in path.rglob("*") if file.is_file()}


def test_same_seed_same_mail(top, tmp_path):
    first, again = (tree(make(top, tmp_path / name, "--seed", 7)) for name in "ab")
    other = tree(make(top, tmp_path / "c", "--seed", 8))
    assert first == again and first != other and len(first) == 400


def test_well_formed_and_of_every_kind(top, tmp_path):
    kinds, dates = collections.Counter(), []
    mail = mailfiles.maildir_read(make(top, tmp_path / "mail", "--messages", 800))
    for message in (message for messages in mail.values() for message in messages):
        parsed = email.message_from_bytes(message.data, policy=email.policy.default)
        for part in parsed.walk():
            assert not part.defects
            kinds[part.get_content_type()] += 1
        assert all(len(line) <= 998 for line in message.data.split(b"\n"))
        assert all(len(word) <= 75 for word in re.findall(rb"=\?\S+\?=", message.data))
        assert "\ufffd" not in str(parsed["Subject"]) and parsed["Message-ID"]
        kinds["reply"] += parsed["In-Reply-To"] is not None
        kinds["list"] += parsed["List-Id"] is not None
        dates.append(message.when)
    for kind in ("multipart/alternative", "multipart/mixed", "multipart/related",
                 "multipart/report", "multipart/signed", "message/rfc822", "text/html",
                 "text/calendar", "image/png", "application/pdf", "reply", "list"):
        assert kinds[kind], f"no {kind}"
    assert len(mail) == 10
    assert max(dates) - min(dates) > 600 * 86400
    flags = set().union(*(message.flags for messages in mail.values() for message in messages))
    assert flags == set(mailfiles.FLAG_NAMES.values())


def test_of_the_size_that_a_benchmark_wants(top, tmp_path):
    path = make(top, tmp_path / "mail", "--messages", 10000, "--flat")
    sizes = [file.stat().st_size for file in pathlib.Path(path).rglob("*:2,*")]
    sizes += [file.stat().st_size for file in (path / "new").iterdir()]
    assert len(sizes) == 10000
    assert 8192 <= sum(sizes) / len(sizes) <= 16384


def test_refuses_a_folder_that_is_in_use(top, tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(subprocess.CalledProcessError):
        make(top, tmp_path)
