# SPDX-License-Identifier: Apache-2.0
"""wiremapd at the server's end of a wire, with accounts and a volume in a folder of its own."""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import mailfiles
from .traces import RUN
from .wire import PREFIX, SERVER, LabError, end, inside

READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 15
RUNTIME = pathlib.Path("/var/run/dpdk")
MEMORY_MB = 512  # of hugepages, enough for one core with the default limits

# A sync on other file systems promises nothing that was tested, so the store refuses them.
FILE_SYSTEMS = {"ext2/ext3", "xfs", "tmpfs"}

CONFIG = """\
volumes: ["{root}/volume"]
users: "{root}/users"
stats_file: "{root}/stats.json"
control_socket: "{root}/control"
eal:
  cores: [{core}]
  huge: {huge}
  in_memory: true
ports:
  - device: {device}
    args: "{arguments}"
addresses:
  - ip: {address}/{prefix}
listen:
  - port: {port}
imap:
  # There is no TLS yet: passwords cross this wire, which ends in the next namespace, as they are.
  plaintext_login: true
"""


def core():
    """The last CPU that we may use: what else runs here tends to use the first."""
    return max(os.sched_getaffinity(0))


def file_system(path):
    return subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True,
                          check=True).stdout.strip()


def folder(*preferred):
    """A new folder where the store will have it: under the first that is fit, else in memory."""
    for place in (*map(pathlib.Path, preferred), pathlib.Path("/tmp"), pathlib.Path("/dev/shm")):
        if place.is_dir() and file_system(place) in FILE_SYSTEMS:
            return pathlib.Path(tempfile.mkdtemp(prefix=f"wiremap-{RUN}-", dir=place))
    raise LabError("no folder on ext4, XFS or tmpfs to put the mail into")


class Server:
    """Adding accounts and starting are steps of their own, so that a person can be told."""

    def __init__(self, build, wire, port=143, huge=False, root=None, device="net_af_packet0",
                 arguments=None, prepare="true"):
        self.prepare = prepare  # for the shell, in the server's own mount namespace
        self.wire, self.port, self.address = wire, port, SERVER
        self.build = pathlib.Path(build)
        self.device, self.core = device, core()
        self.root = root or folder()
        self.config = self.root / "wiremap.yaml"
        self.log_path = self.root / "wiremapd.log"
        self.process = None
        (self.root / "volume").mkdir()
        self.config.write_text(CONFIG.format(
            root=self.root, core=self.core, huge=str(huge).lower(), device=device,
            arguments=arguments or f"iface={wire.server_device}", address=SERVER, prefix=PREFIX,
            port=port))

    def program(self, name):
        return self.build / "tools" / name / name

    def control(self, *words, accept=(0,), **options):
        """wiremapctl; LabError with what it says if its exit status is none of `accept`."""
        command = [str(self.program("wiremapctl")), "--config", str(self.config),
                   *map(str, words)]
        options = {"capture_output": True, "text": True, **options}
        done = subprocess.run(command, **options)
        if done.returncode not in accept:
            said = (done.stderr or done.stdout or "").strip()[-800:]
            raise LabError(f"wiremapctl {' '.join(map(str, words))}: {said}")
        return done.stdout

    def add(self, user, password, path, kind=None, **options):
        """A new user with the mail at `path`."""
        self.control("user", "add", user, input=password + "\n")
        return self.control("import", kind or mailfiles.kind_of(path), path, "--user", user,
                            **options)

    def start(self):
        """Returns once a client is greeted."""
        self.launch()
        self.await_greeting()

    def launch(self):
        """Returns once the server says that clients can connect."""
        told, tells = os.pipe()
        try:
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    self.wire.on_server("sh", "-c", self.prepare + ' && exec "$0" "$@"',
                                        self.program("wiremapd"), "--config", self.config,
                                        "--ready-fd", tells),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[tells],
                    start_new_session=True)
            os.close(tells)
            tells = None
            if not select.select([told], [], [], READY_SECONDS_MAX)[0] or not os.read(told, 6):
                raise LabError(f"wiremapd did not become ready:\n{self.log()}")
        finally:
            os.close(told)
            if tells is not None:
                os.close(tells)

    def await_greeting(self):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self._greets():
            if self.process.poll() is not None:
                raise LabError(f"wiremapd ended ({self.process.returncode}):\n{self.log()}")
            if time.monotonic() > deadline:
                raise LabError(f"wiremapd does not greet on {self.address}:{self.port}:\n"
                               f"{self.log()}")
            time.sleep(0.05)

    def _greets(self):
        with inside(self.wire.client):
            plug = socket.socket()
        with plug:
            plug.settimeout(1)
            try:
                plug.connect((self.address, self.port))
                return plug.recv(4) == b"* OK"
            except OSError:
                return False

    def log(self, octets=3000):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return text[-octets:]

    def stats(self):
        """All counters, not older than this call; the server writes them once a second."""
        path, asked = self.root / "stats.json", time.time()
        deadline = time.monotonic() + 5
        while not path.exists() or path.stat().st_mtime < asked:
            if time.monotonic() > deadline:
                raise LabError(f"no fresh {path}")
            time.sleep(0.05)
        return json.loads(path.read_text())

    def sessions(self):
        return sum(core["session"]["sessions"] for core in self.stats()["cores"])

    def stop(self):
        """The exit status; a server that must be killed is an error for the caller to see."""
        if self.process is None:
            return None
        end(lambda: [] if self.process.poll() is not None else [self.process.pid],
            STOP_SECONDS_MAX)
        return self.process.returncode

    def runtime_folder(self):
        """Where DPDK keeps what is not memory: an empty folder, which an orderly end removes."""
        return RUNTIME / f"wiremap-{self.process.pid}"

    def close(self):
        self.stop()
        if self.process is not None and self.process.returncode == -signal.SIGKILL:
            shutil.rmtree(self.runtime_folder(), ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)
