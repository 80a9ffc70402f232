# SPDX-License-Identifier: Apache-2.0
"""The same server over the other devices that have Linux at their far end: af_xdp and tap."""

import pathlib

import pytest

import clients
from lab.server import Server
from lab.traces import RUN
from lab.wire import CLIENT, PREFIX, LabError, Wire, run
from service import Service


class TapEnd:
    """A tap device appears where the server runs, and Linux's end of it is there too."""

    def __init__(self, wire):
        self.client = self.server = wire.server
        self.on_client = self.on_server = wire.on_server
        self.client_device = f"wmt{RUN}"

    def address(self):
        """Gives Linux an address of its own on the device, which the server has made by now."""
        # The device gave both ends one and the same MAC; a host that hears itself is not answered.
        run("ip", "-n", self.server, "link", "set", self.client_device, "address",
            "02:00:00:00:00:02")
        run("ip", "-n", self.server, "addr", "add", f"{CLIENT}/{PREFIX}", "dev",
            self.client_device)
        run("ip", "-n", self.server, "link", "set", self.client_device, "up")


@pytest.fixture
def wiremap_only(service):
    if not service.is_wiremap:
        pytest.skip("is about wiremapd")
    return service


def check_account(service, wire, server):
    """The whole demo account through imaplib, over whatever device the server has."""
    account = service.accounts["demo"]
    other = Service(wire, server, service.accounts)
    clients.check_pulled(account, clients.pull(other, account))
    other.check_healthy()


def test_af_xdp(wiremap_only, build):
    account = wiremap_only.accounts["demo"]
    with Wire() as wire:
        server = Server(build, wire, device="net_af_xdp0",
                        arguments=f"iface={wire.server_device}",
                        prepare="mount -t bpf bpf /sys/fs/bpf")
        try:
            server.add(account.user, account.password, account.maildir)
            try:
                server.launch()
            except LabError as error:
                pytest.skip(f"af_xdp cannot be had here: {str(error)[-300:]}")
            server.await_greeting()
            check_account(wiremap_only, wire, server)
        finally:
            server.close()


@pytest.mark.skipif(not pathlib.Path("/dev/net/tun").exists(), reason="no /dev/net/tun")
def test_tap(wiremap_only, build):
    account = wiremap_only.accounts["demo"]
    with Wire() as wire:
        end = TapEnd(wire)
        server = Server(build, end, device="net_tap0", arguments=f"iface={end.client_device}")
        try:
            server.add(account.user, account.password, account.maildir)
            server.launch()
            end.address()
            server.await_greeting()
            check_account(wiremap_only, end, server)
        finally:
            server.close()
