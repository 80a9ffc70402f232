# SPDX-License-Identifier: Apache-2.0
"""tools/test counts what happened: planted results, each of which it must call by its name."""

import json
import pathlib
import sys
import types

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import run  # noqa: E402 (found only after the path is set)


@pytest.fixture
def tally(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "TOP", tmp_path)
    return run.Tally()


def played(monkeypatch, status, effect=lambda log: None):
    """The command is not run: `effect` writes what it would have, `status` is how it ended."""
    def instead(command, log, seconds, env=None):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        effect(log)
        return status
    monkeypatch.setattr(run, "run", instead)


@pytest.mark.parametrize("results, status, counts", (
    (["OK", "OK"], 0, (2, 0, 0)), (["OK", "FAIL"], 1, (1, 1, 0)),
    (["OK", "TIMEOUT"], 1, (1, 1, 0)), (["OK", "SKIP"], 0, (1, 0, 1)),
    (["OK", "UNEXPECTEDPASS"], 1, (1, 1, 0)), (["OK", "ERROR"], 1, (1, 1, 0)),
    ([], 1, (0, 1, 0)), (["OK"], 1, (1, 1, 0)), (["OK"], None, (1, 1, 0))))
def test_meson(tally, monkeypatch, tmp_path, results, status, counts):
    def effect(_):
        (tmp_path / "b" / "meson-logs").mkdir()
        (tmp_path / "b" / "meson-logs" / "testlog.json").write_text("".join(
            json.dumps({"name": "x", "result": result}) + "\n" for result in results))
    played(monkeypatch, status, effect)
    run.meson_tests(tally, "b", 1)
    assert tally.counts() == counts


def test_results_of_an_earlier_run_are_not_counted(tally, monkeypatch, tmp_path):
    (tmp_path / "b" / "meson-logs").mkdir(parents=True)
    (tmp_path / "b" / "meson-logs" / "testlog.json").write_text('{"name": "x", "result": "OK"}\n')
    played(monkeypatch, 1)
    run.meson_tests(tally, "b", 1)
    assert tally.counts() == (0, 1, 0)


@pytest.mark.parametrize("status, said, passed", (
    (0, "stat::number_of_executed_units: 12345\n", True),
    (0, "stat::number_of_executed_units: 0\n", False), (0, "", False),
    (77, "stat::number_of_executed_units: 5\n", False),
    (None, "stat::number_of_executed_units: 5\n", False),
    (-6, "stat::number_of_executed_units: 5\n", False)))
def test_fuzz(tally, monkeypatch, tmp_path, status, said, passed):
    played(monkeypatch, status, lambda log: log.write_text(said))
    assert run.fuzz_one("fuzz_x", tmp_path / "fuzz_x", 1)[0] == passed


@pytest.mark.parametrize("self_test, status, counts", (
    ("tidy self-test: 3 of 3 as they should be", 0, (4, 0, 0)),
    ("tidy self-test: 2 of 3 as they should be", 0, (3, 1, 0)),
    ("", 0, (1, 1, 0)), ("tidy self-test: 3 of 3 as they should be", 1, (3, 2, 0))))
def test_tidy(tally, monkeypatch, self_test, status, counts):
    played(monkeypatch, status, lambda log: log.write_text(self_test))
    run.part_tidy(tally, None)
    assert tally.counts() == counts


JUNIT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure message="no"/></testcase>
<testcase name="c"><error message="broken"/></testcase>
<testcase name="d"><skipped message="not here"/></testcase>
</testsuite></testsuites>"""


def test_junit(tally, tmp_path):
    (tmp_path / "x.xml").write_text(JUNIT)
    assert run.count_junit(tally, "interop", tmp_path / "x.xml") == 2
    assert tally.counts() == (1, 2, 1)
    assert [name for name, _ in tally.failures] == ["interop: b", "interop: c"]


def test_interop_that_left_something_behind_is_red(tally, monkeypatch, tmp_path):
    """conftest.py then makes pytest end with 1, though every test in it passed."""
    (tmp_path / "tests" / "interop").mkdir(parents=True)
    (tmp_path / "tests" / "interop" / "test_x.py").write_text("")
    monkeypatch.setattr(run, "build_programs", lambda *_: True)
    played(monkeypatch, 1, lambda log: (tmp_path / "build" / "interop.xml").write_text(
        '<testsuites><testcase name="a"/></testsuites>'))
    run.part_interop(tally, None)
    assert tally.counts() == (1, 1, 0)


def test_build_that_fails(tally, monkeypatch):
    played(monkeypatch, 1)
    assert not run.build(tally, "b", {})
    assert tally.counts() == (0, 1, 0)


def test_a_command_that_hangs_is_ended(tally, tmp_path):
    assert run.run(["sleep", "60"], tmp_path / "log", 0.2) is None


@pytest.mark.parametrize("passed, failed, status", ((3, 0, 0), (3, 1, 1), (0, 0, 1)))
def test_last_line_and_exit_status(monkeypatch, capsys, passed, failed, status):
    def part(tally, _):
        for number in range(passed + failed):
            tally.add("x", number < passed)
    monkeypatch.setattr(run, "part_tidy", part)
    monkeypatch.setattr(sys, "argv", ["run.py", "--only", "tidy"])
    monkeypatch.setattr(run, "signal", types.SimpleNamespace(signal=lambda *_: None, SIGTERM=15))
    assert run.main() == status
    assert capsys.readouterr().out.splitlines()[-1] == f"{passed} passed, {failed} failed"
