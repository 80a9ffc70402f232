# SPDX-License-Identifier: Apache-2.0
"""A private Dovecot: the yardstick that shows a test to be right before it judges Wiremap."""

import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from .traces import RUN
from .wire import LabError, end, run

UID = 65534  # nobody

CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
protocols = imap
listen = {address}
ssl = no
shutdown_clients = yes
stats_writer_socket_path =
default_internal_user = dovecot
default_login_user = dovenull
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {root}/users
}}
first_valid_uid = 1
mail_location = maildir:~
mail_max_userip_connections = 0
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  client_limit = 4096
}}
service imap-login {{
  process_limit = 1024
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 1024
}}
"""


class Dovecot:
    """`accounts` is {user: (password, Maildir)}; each Maildir is copied, never touched."""

    def __init__(self, accounts, address="127.0.0.1", port=None, prefix=()):
        self.address, self.port = address, port or free_port(address)
        self.root = pathlib.Path(tempfile.mkdtemp(prefix=f"wiremap-{RUN}-dovecot-"))
        self.process = None
        try:
            self._prepare(accounts)
            self._start(list(prefix))
        except BaseException:
            self.close()
            raise

    def _prepare(self, accounts):
        self.root.chmod(0o755)
        lines = []
        for user, (password, maildir) in accounts.items():
            home = self.root / "mail" / user
            shutil.copytree(maildir, home, copy_function=shutil.copy2)
            run("chown", "-R", f"{UID}:{UID}", home)
            lines.append(f"{user}:{password}:{UID}:{UID}::{home}::\n")
        (self.root / "users").write_text("".join(lines))
        (self.root / "users").chmod(0o644)
        (self.root / "dovecot.conf").write_text(
            CONFIG.format(root=self.root, address=self.address, port=self.port))

    def _start(self, prefix):
        with open(self.root / "stderr", "wb") as errors:
            self.process = subprocess.Popen(
                [*prefix, "dovecot", "-F", "-c", self.root / "dovecot.conf"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        deadline = time.monotonic() + 20
        while not (self.root / "run" / "master.pid").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LabError("dovecot did not start: " + self.log()[-800:])
            time.sleep(0.05)

    def log(self):
        text = ""
        for name in ("stderr", "dovecot.log"):
            path = self.root / name
            text += path.read_text(errors="replace") if path.exists() else ""
        return text

    def close(self):
        if self.process is not None:
            end(lambda: [] if self.process.poll() is not None else [self.process.pid])
        shutil.rmtree(self.root, ignore_errors=True)


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address if address.startswith("127.") else "", 0))
        return probe.getsockname()[1]
