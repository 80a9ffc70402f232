# SPDX-License-Identifier: Apache-2.0
"""A server as its clients see it: where it is, how to get there, and whether it is well."""

import itertools
import socket
import time

import clients
from lab import mailfiles
from lab.server import Server
from lab.wire import PREFIX, SERVER, inside, run

PORT = 143


class Service:
    def __init__(self, wire, server, accounts):
        self.wire, self.server, self.accounts = wire, server, accounts
        self.address, self.port = SERVER, PORT
        self.is_wiremap = isinstance(server, Server)
        self.strangers = itertools.count(100)

    def stranger(self):
        """A further address at the client's end. What it does wrong is held against it alone."""
        address = f"198.18.0.{next(self.strangers)}"
        run("ip", "-n", self.wire.client, "addr", "add", f"{address}/{PREFIX}", "dev",
            self.wire.client_device)
        return address

    def connect(self, receive_buffer=None, timeout=clients.TIMEOUT, port=None, source=None):
        with inside(self.wire.client):
            plug = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plug.settimeout(timeout)
        if receive_buffer:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            if source:
                plug.bind((source, 0))
            plug.connect((self.address, port or self.port))
        except BaseException:
            plug.close()
            raise
        return plug

    @staticmethod
    def leave(client):
        """Logs out and waits for the server to close: nothing lingers in the next test."""
        try:
            client.logout()
        except (OSError, client.abort):
            client.shutdown()

    def log_in(self, name="demo", mailbox=None, **options):
        """A Raw client, logged in; with the mailbox open if one is named."""
        account = self.accounts[name]
        raw = clients.Raw(self, **options)
        raw.login(account.user, account.password)
        if mailbox:
            assert raw.command(b"e", b"EXAMINE " + mailbox)[-1].startswith(b"e OK")
        return raw

    def check_healthy(self):
        """A stranger comes, is served the first message right, and goes."""
        wanted = clients.digests(self.accounts["demo"].mail[()])
        with self.log_in(mailbox=b"INBOX") as raw:
            line = raw.command(b"f", b"FETCH 1 BODY.PEEK[]")[0]
            assert mailfiles.digest(clients.literal_of(line)) in wanted
            assert raw.command(b"q", b"LOGOUT")[-1].startswith(b"q OK")
            assert raw.rest() == b""

    def sessions(self):
        """How many sessions the server says it has; None if it cannot say."""
        return self.server.sessions() if self.is_wiremap else None

    def await_sessions(self, wanted, seconds=20):
        """Waits until no more than `wanted` sessions are left."""
        deadline = time.monotonic() + seconds
        while wanted is not None and (now := self.sessions()) > wanted:
            assert time.monotonic() < deadline, f"{now} sessions remain, {wanted} were before"
            time.sleep(0.1)
