# SPDX-License-Identifier: Apache-2.0
"""Whole accounts, pulled by three clients that nobody here wrote, byte for byte."""

import datetime
import re
import subprocess
import urllib.parse

import pytest

import clients
from lab import mailfiles
from lab.traces import RUN

ACCOUNTS = ("demo", "big", "corpus", "spam")
PULL_SECONDS_MAX = 600


@pytest.mark.parametrize("name", ACCOUNTS)
def test_imaplib(service, account_named, name):
    account = account_named(name)
    pulled = clients.pull(service, account)
    clients.check_pulled(account, pulled)


def test_sizes_flags_and_dates(service, account_named):
    """What a Maildir says of its messages is what FETCH says."""
    account = account_named("demo")
    for folder, rows in clients.pull(service, account).items():
        wanted = {}
        for message in account.mail[folder]:
            wanted.setdefault(mailfiles.digest(message.data), []).append(message)
        for text, data in rows:
            message = wanted[mailfiles.digest(data)].pop()
            assert int(re.search(rb"RFC822\.SIZE (\d+)", text).group(1)) == len(data)
            flags = re.search(rb"FLAGS \(([^)]*)\)", text).group(1).decode().split()
            assert message.flags == set(flags) - {"\\Recent", "$Forwarded"}, text
            date = re.search(rb'INTERNALDATE "([^"]+)"', text).group(1).decode()
            when = datetime.datetime.strptime(date.strip(), "%d-%b-%Y %H:%M:%S %z")
            assert int(when.timestamp()) == message.when


def curl(service, *arguments):
    done = subprocess.run(
        service.wire.on_client("curl", "-sS", "--max-time", PULL_SECONDS_MAX, *arguments),
        capture_output=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-400:]
    return done.stdout


def url(service, account, wire_name, rest=""):
    user, password = account.user, account.password
    return (f"imap://{user}:{password}@{service.address}:{service.port}/"
            f"{urllib.parse.quote(wire_name, safe='/')}{rest}")


def uids_by_folder(service, account):
    """{wire name: (folder, [uid])}. curl itself keeps at most 300 KiB of untagged lines."""
    client = clients.Imap(service)
    client.login(account.user, account.password)
    found = {}
    for wire_name, folder in client.folders().items():
        _, data = client.select(f'"{wire_name}"', readonly=True)
        found[wire_name] = (folder, [uid for uid, _, _ in client.rows("FLAGS")]
                            if data != [b"0"] else [])
    service.leave(client)
    return found


@pytest.mark.parametrize("name", ACCOUNTS)
def test_curl(service, account_named, tmp_path, name):
    """One curl for each folder fetches every message of it over one connection."""
    account = account_named(name)
    for wire_name, (folder, uids) in uids_by_folder(service, account).items():
        script = tmp_path / "urls"
        script.write_text("".join(
            f'url = "{url(service, account, wire_name, f";UID={uid}")}"\n'
            f'output = "{tmp_path}/{uid}"\n' for uid in uids))
        curl(service, "-K", script)
        wanted = clients.digests(account.mail[folder])
        wanted.subtract(mailfiles.digest((tmp_path / str(uid)).read_bytes()) for uid in uids)
        assert not any(wanted.values()), f"{folder}: curl read other bytes"


def test_curl_headers(service, account_named):
    """What a person types to look at a mailbox."""
    account = account_named("demo")
    text = curl(service, url(service, account, "INBOX", ";UID=1;SECTION=HEADER.FIELDS%20"
                                                        "(SUBJECT%20FROM)"))
    assert re.search(rb"^Subject: ", text, re.M) and re.search(rb"^From: ", text, re.M)
    assert text.endswith(b"\r\n\r\n") and b"Message-ID" not in text


MBSYNC = """FSync no

IMAPAccount wire
Host {address}
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN
Timeout 60

IMAPStore far
Account wire

MaildirStore near
SubFolders Maildir++
Inbox {near}

Channel all
Far :far:
Near :near:
Patterns *
Sync Pull
Create Near
SyncState *
CopyArrivalDate yes
"""


def as_mbsync_stores(message):
    """It drops every CR, also those that end no line, and adds a header line of its own."""
    data = re.sub(rb"^X-TUID: \S{12}\r?\n", b"", message.data, count=1, flags=re.M)
    return message._replace(data=data.replace(b"\r", b""))


@pytest.mark.parametrize("name", ("demo", "big", "spam"))
def test_mbsync(service, account_named, tmp_path, name):
    account = account_named(name)
    near = tmp_path / f"near-{RUN}"
    script = tmp_path / "mbsyncrc"
    script.write_text(MBSYNC.format(address=service.address, port=service.port,
                                    user=account.user, password=account.password, near=near))
    done = subprocess.run(service.wire.on_client("mbsync", "-c", script, "-a"),
                          capture_output=True, timeout=PULL_SECONDS_MAX,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-800:]
    got = mailfiles.maildir_read(near)
    assert set(got) == set(account.mail)
    for folder, messages in got.items():
        wanted = account.mail[folder]
        assert clients.digests(map(as_mbsync_stores, messages)) == \
            clients.digests(map(as_mbsync_stores, wanted)), folder
        assert sorted(message.when for message in messages) == \
            sorted(message.when for message in wanted)
