# SPDX-License-Identifier: Apache-2.0
"""What a path of mail is taken for: tools/quickstart --mail must not guess wrong."""

import pathlib

import pytest

from lab import mailfiles


@pytest.mark.parametrize("name, content, kind", (
    ("a", b"From x Mon Jan  1 00:00:00 2024\nSubject: y\n\n", "mbox"),
    ("a.eml", b"From x Mon Jan  1 00:00:00 2024\nSubject: y\n\n", "eml"),
    ("a", b"Subject: y\n\nText\n", "eml"), ("a.eml", b"\nText\n", "eml")))
def test_kind_of_a_file(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert mailfiles.kind_of(tmp_path / name) == kind


@pytest.mark.parametrize("folders, kind", (
    (("cur", "new", "tmp"), "maildir"), ((".Sent/cur", ".Sent/new"), "maildir")))
def test_kind_of_a_folder(tmp_path, folders, kind):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    assert mailfiles.kind_of(tmp_path) == kind


def test_no_mail_is_refused_with_a_reason(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n")
    (tmp_path / "passwd").write_bytes(b"root:x:0:0:root:/root:/bin/sh\n")
    for path, reason in ((tmp_path, "neither"), (tmp_path / "picture.png", "neither"),
                         (tmp_path / "passwd", "neither"),
                         (pathlib.Path("/nothing/here"), "no such")):
        with pytest.raises(ValueError, match=reason):
            mailfiles.kind_of(path)
