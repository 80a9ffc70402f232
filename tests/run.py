#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the parts of the test suite and counts what really happened. Called by tools/test.

Nothing is counted that was not run: meson's and pytest's own result files, one result for each
fuzz target, and one for each rule that tidy's self-test saw turn red. A part that could not even
start (a build that fails) is one failure; one that does not exist yet is none at all.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

TOP = pathlib.Path(__file__).resolve().parent.parent
PARTS = ("tidy", "unit", "scripts", "san", "fuzz", "interop")

# Far above what each takes on two cores; a step that hangs must fail and not eat the day.
BUILD_SECONDS_MAX = 900
TESTS_SECONDS_MAX = 900
PYTEST_SECONDS_MAX = 1200
FUZZ_SECONDS_GRACE = 90
LOG_LINES = 60

RELEASE = {"buildtype": "release", "b_lto": "true", "b_sanitize": "none", "fuzz": "false"}
# The same code without optimising every one of a hundred test programs as a whole at its link.
UNIT = {**RELEASE, "b_lto": "false"}
SANITISED = {"buildtype": "debug", "b_lto": "false", "b_sanitize": "address,undefined",
             "b_lundef": "false"}
FUZZ = {"buildtype": "debugoptimized", "b_lto": "false", "b_lundef": "false", "fuzz": "true"}
# What a hostile or hasty client can do to the server, with the sanitised server under test.
SAN_INTEROP = ("test_clients.py", "test_frames.py", "test_hostile.py", "test_tcp.py",
               "test_whole_account.py")
SANITISER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
}


class Tally:
    """What passed, failed and was skipped, with a name for everything that did not pass."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def add(self, name, passed, reason=""):
        if passed:
            self.passed += 1
        else:
            self.failures.append((name, reason))

    def skip(self, name, reason):
        self.skips.append((name, reason))

    def skips_by_reason(self):
        reasons = {}
        for name, reason in self.skips:
            reasons.setdefault(reason, []).append(name)
        return reasons.items()

    def counts(self):
        return self.passed, len(self.failures), len(self.skips)


def say(text):
    print(text, flush=True)


def tail(path, lines=LOG_LINES):
    try:
        text = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in text[-lines:]:
        say("  | " + line)


def stop(process):
    """Asks the whole group first: pytest then still removes its namespaces."""
    for number, patience in ((signal.SIGINT, 60), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


def run(command, log, seconds, env=None):
    """Exit status of the command, its output in `log`; None if it took longer than `seconds`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=TOP, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            stop(process)
            return None
        except BaseException:
            stop(process)
            raise


def why(status, seconds):
    if status is None:
        return f"did not end within {seconds} s"
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"exit status {status}"


def build(tally, folder, options, targets=(), compiler=None):
    """Sets the folder up with these options and builds. False after a counted failure."""
    directory = TOP / folder
    settings = [f"-D{key}={value}" for key, value in options.items()]
    configured = (directory / "meson-private" / "coredata.dat").exists()
    setup = ["meson", "configure", directory] if configured else ["meson", "setup", directory]
    env = {"CC": compiler} if compiler else None
    log = directory / "test-build.log"
    for command in ([*setup, *settings], ["ninja", "-C", directory, *targets]):
        status = run(command, log, BUILD_SECONDS_MAX, env)
        if status != 0:
            tally.add(f"build {folder}", False, why(status, BUILD_SECONDS_MAX))
            tail(log)
            return False
    return True


def count_tap(tally, name, result, text):
    """Each script of tests/packet is a test of its own; how many did not pass."""
    lines = re.findall(r"^(not )?ok \d+ - (.*)$", text, re.M)
    planned = int(re.search(r"^1\.\.(\d+)$", text, re.M).group(1))
    for refused, script in lines:
        tally.add(f"{name}: {pathlib.Path(script).name}", not refused)
    bad = sum(bool(refused) for refused, _ in lines)
    if len(lines) != planned or (result != "OK" and not bad):
        tally.add(name, False, f"{len(lines)} of {planned} scripts, {result}")
        bad += 1
    return bad


def meson_tests(tally, folder, jobs, env=None, slower=1):
    directory = TOP / folder
    results = directory / "meson-logs" / "testlog.json"
    results.unlink(missing_ok=True)
    log = directory / "test-run.log"
    status = run(["meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs",
                  "--num-processes", jobs, "-t", slower, "--no-suite", "interop",
                  "--no-suite", "bench"], log, TESTS_SECONDS_MAX, env)
    bad = 0
    if results.exists():
        for line in results.read_text().splitlines():
            test = json.loads(line)
            name, result = f"{folder}: {test['name']}", test["result"]
            if result == "SKIP":
                tally.skip(name, "the test says so")
            elif re.search(r"^1\.\.\d+$", test.get("stdout", ""), re.M):
                bad += count_tap(tally, name, result, test["stdout"])
            else:
                passed = result in ("OK", "EXPECTEDFAIL")
                tally.add(name, passed, result)
                bad += not passed
    if status != 0 and bad == 0:
        tally.add(f"{folder}: meson test", False, why(status, TESTS_SECONDS_MAX))
        bad = 1
    if bad:
        tail(log)


def part_unit(tally, options):
    if build(tally, "build-unit", UNIT):
        meson_tests(tally, "build-unit", options.jobs)


def part_san(tally, options):
    if not build(tally, "build-san", SANITISED, compiler="clang"):
        return
    meson_tests(tally, "build-san", options.jobs, SANITISER_ENV, slower=5)
    pytest_run(tally, "san interop", [TOP / "tests" / "interop" / name for name in SAN_INTEROP],
               {**SANITISER_ENV, "WIREMAP_BUILD": str(TOP / "build-san")})


def programs(folder):
    """Name and path of every program meson knows there, after a successful set-up."""
    text = subprocess.run(["meson", "introspect", "--targets", str(TOP / folder)],
                          capture_output=True, text=True, check=True).stdout
    return sorted((target["name"], pathlib.Path(target["filename"][0]))
                  for target in json.loads(text) if target["type"] == "executable")


def fuzz_targets():
    return [(name, path) for name, path in programs("build-fuzz") if name.startswith("fuzz_")]


def build_programs(tally):
    """What a user gets, and what the interop tests run beside it; no unit test."""
    if not build(tally, "build", RELEASE, targets=["build.ninja"]):
        return False
    folders = (TOP / "build" / "tools", TOP / "build" / "tests" / "interop",
               TOP / "build" / "tests" / "bench" / "streamd")
    targets = [path.relative_to(TOP / "build") for _, path in programs("build")
               if any(folder in path.parents for folder in folders)]
    return not targets or build(tally, "build", RELEASE, targets=targets)


def fuzz_one(name, program, seconds):
    """(passed, reason, log): replays the committed corpus, then searches for `seconds`."""
    short = name.removeprefix("fuzz_")
    work = TOP / "build-fuzz" / "found" / short
    work.mkdir(parents=True, exist_ok=True)
    committed = TOP / "tests" / "fuzz" / "corpus" / short
    dictionary = TOP / "tests" / "fuzz" / f"{short}.dict"
    log = TOP / "build-fuzz" / f"{name}.log"
    command = [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2560",
               "-print_final_stats=1", f"-artifact_prefix={work.parent}/{short}-"]
    command += [f"-dict={dictionary}"] if dictionary.exists() else []
    command += [work] + ([committed] if committed.is_dir() else [])
    status = run(command, log, seconds + FUZZ_SECONDS_GRACE, SANITISER_ENV)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)",
                         log.read_text(errors="replace"))
    if status != 0:
        return False, why(status, seconds + FUZZ_SECONDS_GRACE), log
    if executed is None or int(executed.group(1)) == 0:
        return False, "executed nothing", log
    return True, f"{int(executed.group(1)):,} executions", log


def part_fuzz(tally, options):
    # The targets are known only once the folder is set up; nothing else need be built.
    if not build(tally, "build-fuzz", FUZZ, targets=["build.ninja"], compiler="clang"):
        return
    targets = fuzz_targets()
    if not targets:
        say("  no fuzz targets here yet")
        return
    # All that build are built; one that does not is its own failure and hides no other.
    log = TOP / "build-fuzz" / "test-build.log"
    paths = {name: f"tests/fuzz/{name}" for name, _ in targets}
    run(["ninja", "-C", "build-fuzz", "-k", "0", *paths.values()], log, BUILD_SECONDS_MAX)
    for name, program in list(targets):
        if run(["ninja", "-C", "build-fuzz", paths[name]], log, BUILD_SECONDS_MAX) != 0:
            tally.add(name, False, "does not build")
            tail(log, 20)
            targets.remove((name, program))
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        waiting = {name: pool.submit(fuzz_one, name, program, options.fuzz_seconds)
                   for name, program in targets}
        for name, future in waiting.items():
            passed, reason, log = future.result()
            tally.add(name, passed, reason)
            say(f"  {name}: {reason}")
            if not passed:
                tail(log)
    finally:
        pool.shutdown(cancel_futures=True)


def part_tidy(tally, _):
    log = TOP / "build" / "test-tidy.log"
    status = run([sys.executable, "-B", "tools/tidy"], log, 120)
    tally.add("tidy", status == 0, why(status, 120))
    if status != 0:
        tail(log)
    log = TOP / "build" / "test-tidy-self.log"
    status = run([sys.executable, "-B", "tools/tidy", "--self-test"], log, 300)
    counted = re.search(r"tidy self-test: (\d+) of (\d+)", log.read_text(errors="replace"))
    passed, total = (int(counted.group(1)), int(counted.group(2))) if counted else (0, 1)
    for number in range(total):
        tally.add("tidy --self-test", number < passed, "a planted fault was not seen")
    if status != 0 and passed == total:
        tally.add("tidy --self-test", False, why(status, 300))
    if status != 0:
        tail(log)


def count_junit(tally, part, path):
    """Results of pytest's own file; how many failed."""
    bad = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{part}: {case.get('name', '?')}"
        fault = next((kind for kind in ("failure", "error")
                      if case.find(kind) is not None), None)
        if fault is not None:
            tally.add(name, False, (case.find(fault).get("message") or "")[:200])
            bad += 1
        elif case.find("skipped") is not None:
            tally.skip(name, case.find("skipped").get("message", ""))
        else:
            tally.add(name, True)
    return bad


def pytest_run(tally, name, paths, env=None):
    stem = name.replace(" ", "-")
    results, log = TOP / "build" / f"{stem}.xml", TOP / "build" / f"test-{stem}.log"
    results.unlink(missing_ok=True)
    status = run([sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-ra",
                  "--tb=short", f"--junitxml={results}", *paths], log, PYTEST_SECONDS_MAX, env)
    bad = count_junit(tally, name, results) if results.exists() else 0
    if status != 0 and bad == 0:
        tally.add(name, False, why(status, PYTEST_SECONDS_MAX))
        bad = 1
    if bad:
        tail(log, 4 * LOG_LINES)


def pytest_tests(tally, name):
    folder = TOP / "tests" / name
    if not any(folder.glob("test_*.py")):
        say(f"  no {name} tests here yet")
    elif build_programs(tally):
        pytest_run(tally, name, [folder])


def part_scripts(tally, _):
    pytest_tests(tally, "scripts")


def part_interop(tally, _):
    pytest_tests(tally, "interop")


def main():
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="may be given repeatedly")
    parser.add_argument("--fuzz-seconds", type=int, default=20, help="for each target (20)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                        help="tests and fuzz targets at once (one for each CPU)")
    options = parser.parse_args()
    # Ctrl-C and a polite kill both unwind through run(), which stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    total = Tally()
    steps = {"unit": part_unit, "san": part_san, "fuzz": part_fuzz, "tidy": part_tidy,
             "scripts": part_scripts, "interop": part_interop}
    for name in PARTS:
        if options.only and name not in options.only:
            continue
        before, begun = total.counts(), time.monotonic()
        say(f"{name} ...")
        steps[name](total, options)
        passed, failed, skipped = (now - was for now, was in zip(total.counts(), before))
        say(f"{name}: {passed} passed, {failed} failed, {skipped} skipped "
            f"({time.monotonic() - begun:.0f} s)")

    for reason, names in total.skips_by_reason():
        say(f"skipped: {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "") +
            f": {reason}")
    for name, reason in total.failures:
        say(f"FAILED: {name}: {reason}")
    passed, failed, _ = total.counts()
    say(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
