# SPDX-License-Identifier: Apache-2.0
"""The quickstart after its packages are there: build, mail, server, a client, a summary."""

import argparse
import contextlib
import email
import email.header
import email.policy
import json
import pathlib
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

from . import mailfiles
from .hugepages import Hugepages
from .server import MEMORY_MB, Server, folder
from .wire import LabError, Wire, run

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build"
RECORD = BUILD / "quickstart.json"
USER, PORT = "demo", 143
NEWEST = 5  # headers to show
BODY_LINES = 12
CURL_SECONDS_MAX = 60
IMPORTED_BUT_FOR_SOME = 3  # wiremapctl's exit status


def step(name, text):
    print(f"  {name:<10} {text}", flush=True)


def build():
    """Configures build/ if nobody has, and builds the two programs that are needed here."""
    begun = time.monotonic()
    BUILD.mkdir(exist_ok=True)
    log = BUILD / "quickstart-build.log"
    commands = [["ninja", "-C", BUILD, "tools/wiremapd/wiremapd",
                 "tools/wiremapctl/wiremapctl"]]
    if not (BUILD / "build.ninja").exists():
        commands.insert(0, ["meson", "setup", BUILD, TOP])
        step("build", "release, into build/ (a minute or two the first time) ...")
    with open(log, "wb") as output:
        for command in commands:
            done = subprocess.run(command, cwd=TOP, stdout=output, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL)
            if done.returncode:
                text = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
                raise LabError(f"the build failed; the end of {log}:\n{text}")
    step("build", f"build/tools/wiremapd, {time.monotonic() - begun:.0f} s")


class Client:
    """curl in the client's namespace."""

    def __init__(self, wire, server, password):
        self.wire = wire
        self.base = f"imap://{USER}:{password}@{server.address}:{server.port}/"

    def command(self, *arguments):
        return self.wire.on_client("curl", "-sS", "--max-time", CURL_SECONDS_MAX, *arguments)

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise LabError("curl: " + done.stderr.decode(errors="replace").strip())
        return done.stdout

    def url(self, mailbox, rest=""):
        return self.base + urllib.parse.quote(mailbox, safe="/") + rest

    def mailboxes(self):
        """{name: messages} of what can be opened, in the server's order."""
        found = {}
        for line in self.run(self.base, "-X", 'LIST "" "*"').splitlines():
            match = re.match(rb'\* LIST \(([^)]*)\) \S+ "?([^"]+)"?', line)
            if match and b"\\Noselect" not in match.group(1):
                name = match.group(2).decode()
                answer = self.run(self.base, "-X", f'STATUS "{name}" (MESSAGES)')
                found[name] = int(re.search(rb"MESSAGES (\d+)", answer).group(1))
        return found

    def fetch(self, mailbox, numbers, section=""):
        """(seconds, what curl wrote) for messages by number, over one connection."""
        begun = time.monotonic()
        section = urllib.parse.quote(section, safe="()")
        text = self.run(*(self.url(mailbox, f";MAILINDEX={number}" +
                                   (f";SECTION={section}" if section else ""))
                          for number in numbers))
        return time.monotonic() - begun, text


def readable(value):
    with contextlib.suppress(Exception):  # foreign bytes: what cannot be decoded is shown raw
        value = str(email.header.make_header(email.header.decode_header(value)))
    return " ".join(value.split())


def show_headers(text):
    """One line for each message: what curl wrote is header blocks, each with its empty line."""
    for block in text.decode(errors="replace").split("\r\n\r\n"):
        unfolded = re.sub(r"\r\n(?=[ \t])", "", block)
        fields = {name.lower(): readable(value) for name, _, value in
                  (line.partition(":") for line in unfolded.split("\r\n")) if name}
        if fields:
            date = fields.get("date", "")[:16]
            sender = re.sub(r"\s*<.*", "", fields.get("from", "")).strip('" ')
            print(f"    {date:<17} {sender[:24]:<24}  {fields.get('subject', '')[:50]}")


def readable_body(data):
    """The text of a message for a person's eye; the raw bytes where it cannot be made out."""
    with contextlib.suppress(Exception):
        message = email.message_from_bytes(data, policy=email.policy.default)
        part = message.get_body(preferencelist=("plain", "html"))
        if part is not None:
            return part.get_content()
    return data.decode(errors="replace")


def show_body(data):
    lines = [line for line in readable_body(data).splitlines() if line.strip()]
    for line in lines[:BODY_LINES]:
        print(f"    {line[:92]}")
    if len(lines) > BODY_LINES:
        print(f"    ... and {len(lines) - BODY_LINES} more lines")


def add_mail(server, password, mail, root):
    if mail is None:
        mail = root / "mail"
        said = run(TOP / "tools" / "demo-mail", mail).stdout.strip()
        step("mail", f"generated: {said}")
    else:
        step("mail", f"{mailfiles.kind_of(mail)} {mail}")
    # On a terminal wiremapctl draws a progress bar there; otherwise its lines would be noise.
    on_terminal = sys.stderr.isatty()
    said = server.add(USER, password, mail, accept=(0, IMPORTED_BUT_FOR_SOME),
                      stderr=None if on_terminal else subprocess.PIPE,
                      stdout=subprocess.PIPE, capture_output=False)
    step("import", said.strip())


def stop_command(server, wire, pages):
    pid = server.process.pid
    words = [f"kill {pid} 2>/dev/null; while kill -0 {pid} 2>/dev/null; do sleep 0.1; done",
             f"ip netns del {wire.client}; ip netns del {wire.server}",
             f"rm -rf {shlex.quote(str(server.root))} {shlex.quote(str(RECORD))}", pages.undo()]
    return "; ".join(word for word in words if word)


def keep(server, wire, pages, client, password, mailbox):
    stop = stop_command(server, wire, pages)
    RECORD.write_text(json.dumps({
        "namespace": wire.client, "address": server.address, "port": server.port, "user": USER,
        "password": password, "mailbox": mailbox, "pid": server.process.pid, "stop": stop,
    }, indent=2) + "\n")
    print(f"\nIt keeps running; {RECORD.relative_to(TOP)} says the same as this.\n\n"
          f"  read    ip netns exec {wire.client} curl '{client.url(mailbox, ';MAILINDEX=1')}'\n"
          f"  a shell on the client's end    ip netns exec {wire.client} bash\n"
          f"  its log and configuration      {server.root}\n"
          f"  stop    tools/quickstart --stop")


def session(options, stack):
    """Brings everything up and looks at it; what must go again is on the stack."""
    wire = stack.enter_context(Wire())
    pages = Hugepages(MEMORY_MB)
    stack.callback(pages.close)
    step("memory", f"{MEMORY_MB} MiB of hugepages" if pages.got else
         "ordinary pages: no hugepages are to be had here")
    root = folder(BUILD)
    stack.callback(shutil.rmtree, root, ignore_errors=True)
    server = Server(BUILD, wire, PORT, huge=pages.got, root=root)
    stack.callback(server.close)
    password = secrets.token_urlsafe(9)
    add_mail(server, password, options.mail, root)
    begun = time.monotonic()
    server.start()
    step("server", f"wiremapd on {server.device} ({wire.server_device}), core {server.core}, "
         f"up in {time.monotonic() - begun:.1f} s")
    step("client", f"curl on Linux's TCP in {wire.client}, to {server.address}:{server.port}")

    client = Client(wire, server, password)
    mailboxes = client.mailboxes()
    mailbox = "INBOX" if mailboxes.get("INBOX") else max(mailboxes, key=mailboxes.get)
    count = mailboxes[mailbox]
    step("found", f"{sum(mailboxes.values())} messages in {len(mailboxes)} mailboxes, "
         f"{count} in {mailbox}")
    if count == 0:
        raise LabError("there is no message to fetch")
    numbers = range(max(1, count - NEWEST + 1), count + 1)
    seconds, headers = client.fetch(mailbox, numbers, "HEADER.FIELDS (DATE FROM SUBJECT)")
    print(f"\n  the headers of the last {len(numbers)} messages of {mailbox}, "
          f"in {seconds * 1000:.0f} ms with curl's start and login\n")
    show_headers(headers)
    seconds, body = client.fetch(mailbox, [count])
    print(f"\n  message {count}, whole: {len(body)} bytes in {seconds * 1000:.0f} ms\n")
    show_body(body)
    return server, wire, pages, client, password, mailbox


def stop_kept():
    if not RECORD.exists():
        print("nothing is running: no build/quickstart.json")
        return 1
    return subprocess.run(["sh", "-c", json.loads(RECORD.read_text())["stop"]]).returncode


def already_running():
    with contextlib.suppress(OSError, ValueError, KeyError):
        pid = json.loads(RECORD.read_text())["pid"]
        return "wiremapd" in pathlib.Path(f"/proc/{pid}/comm").read_text()
    return False


def main():
    parser = argparse.ArgumentParser(prog="tools/quickstart")
    parser.add_argument("--mail", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--stop", action="store_true", help="end what --keep left running")
    options = parser.parse_args()
    if options.stop:
        return stop_kept()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda which, _: sys.exit(128 + which))
    print("wiremap quickstart", flush=True)
    try:
        if options.mail is not None:
            mailfiles.kind_of(options.mail)  # a wrong path is better known before the build
        if options.keep and already_running():
            raise LabError("one is running already: tools/quickstart --stop")
        build()
        with contextlib.ExitStack() as stack:
            # Removing must not be cut short by a second Ctrl-C.
            stack.callback(lambda: signal.signal(
                signal.SIGINT, signal.default_int_handler))
            try:
                made = session(options, stack)
                if options.keep:
                    keep(*made)
                    stack.pop_all()
                    return 0
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
    except (LabError, ValueError, OSError) as error:
        print(f"\ntools/quickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything is removed again", file=sys.stderr)
        return 130
    print("\nAll of it is removed again. What to try next:\n"
          "  tools/quickstart --keep              leave it running and look around\n"
          "  tools/quickstart --mail ~/Maildir    the same with your own mail\n"
          "  tools/test                           every test\n"
          "  tools/bench                          how fast it is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
