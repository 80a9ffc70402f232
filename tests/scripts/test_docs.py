# SPDX-License-Identifier: Apache-2.0
"""What the documents and the packaging say is what the programs read."""

import re
import shutil
import subprocess

import pytest


def keys_of_the_program(top):
    """{group or "": {keys}} from the tables in tools/config/keys.c."""
    text = (top / "tools" / "config" / "keys.c").read_text()
    found = {}
    for group, body in re.findall(r"config_key (\w+)_keys\[\] = \{(.*?)\n\};", text, re.S):
        names = re.findall(r"\b[A-Z]+\(\w+, (\w+)", body) + re.findall(r'\.name = "(\w+)"', body)
        found["" if group == "root" else group] = set(names)
    return found


def keys_of_the_manual(top):
    text = (top / "docs" / "operating.md").read_text()
    text = text[text.index("## The configuration"):]
    found, group = {"": set()}, ""
    for line in text.splitlines():
        if title := re.match(r"### `(\w+)`", line):
            group = title.group(1)
            found[group] = set()
        elif line.startswith("## ") and "configuration" not in line:
            break
        elif row := re.match(r"\| (`[^|]*?)\*? \|", line):
            found[group] |= set(re.findall(r"`([\w.]+)`", row.group(1)))
    return found


def test_every_key_is_in_the_manual(top):
    program, manual = keys_of_the_program(top), keys_of_the_manual(top)
    top_level = program.pop("") - set(program)
    written = {key for key in manual.pop("")}
    assert {key for key in written if "." not in key} == top_level
    for key in written:
        if "." in key:
            group, name = key.split(".")
            manual.setdefault(group, set()).add(name)
    assert manual == program


@pytest.mark.parametrize("login", ("true", "false"))
def test_sample_configuration_is_accepted(top, build, tmp_path, login):
    """With its paths, user and card put where this machine has some."""
    text = (top / "packaging" / "wiremap.yaml").read_text()
    for sample, here in (("/srv/wiremap", f"{tmp_path}/volume"),
                         ("/etc/wiremap", str(tmp_path)), ("/run/wiremap", str(tmp_path)),
                         ("user: wiremap\n", ""), ("group: wiremap\n", ""),
                         ("cores: [2, 3]", "cores: [0]"), ("queues: 2", "queues: 1"),
                         ("cpus: [0, 1]", "cpus: [0]"),
                         ("plaintext_login: false", f"plaintext_login: {login}")):
        assert sample in text
        text = text.replace(sample, here)
    (tmp_path / "volume").mkdir(mode=0o755)
    path = tmp_path / "wiremap.yaml"
    path.write_text(text)
    subprocess.run([build / "tools/wiremapctl/wiremapctl", "--config", path, "user", "add", "u"],
                   input="password\n", text=True, check=True, capture_output=True)
    done = subprocess.run([build / "tools/wiremapd/wiremapd", "--config", path, "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stdout


def test_unit_is_one_that_systemd_understands(top, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    text = (top / "packaging" / "wiremapd.service").read_text()
    path = tmp_path / "wiremapd.service"
    path.write_text(text.replace("/usr/local/bin/wiremapd", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True,
                          env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"})
    assert "wiremapd.service:" not in done.stderr, done.stderr


def scripts_of_the_manual(top):
    """The patterns TOPIC/NAME in the last column of docs/tcp.md's table; a topic holds on."""
    text = (top / "docs" / "tcp.md").read_text()
    table = text[text.index("## Section by section"):text.index("## Deliberate differences")]
    found = []
    for row in re.findall(r"^\| .* \| ([a-z_0-9]+/[a-z_0-9*/, ]+) \|$", table, re.M):
        topic = None
        for name in row.split(", "):
            topic, name = name.split("/") if "/" in name else (topic, name)
            found.append(f"{topic}/{name}.pkt")
    return found


def test_every_script_of_the_manual_is_there(top):
    scripts = top / "tests" / "packet" / "scripts"
    named = scripts_of_the_manual(top)
    assert len(named) > 80
    assert not [name for name in named if not list(scripts.glob(name))]
    for topic in scripts.iterdir():
        assert any(name.startswith(topic.name + "/") for name in named), topic.name


def test_every_topic_is_run(top):
    folder = top / "tests" / "packet"
    listed = re.search(r"topics = \[(.*?)\]", (folder / "meson.build").read_text(), re.S).group(1)
    assert re.findall(r"'(\w+)'", listed) == sorted(
        topic.name for topic in (folder / "scripts").iterdir())


def test_example_of_the_packet_language_is_a_script(top):
    text = (top / "tests" / "packet" / "README.md").read_text()
    example = text[text.index("## A whole script"):text.index("When a script fails")]
    lines = [line.removeprefix("    ") for line in example.splitlines()[1:]]
    script = top / "tests" / "packet" / "scripts" / "newreno" / "from_the_readme.pkt"
    assert "\n".join(lines).strip() == script.read_text().strip()
