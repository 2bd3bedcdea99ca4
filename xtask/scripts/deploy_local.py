#!/usr/bin/env python3
"""Deploys template.yaml by CloudFormation into ministack and runs the end-to-end suite against it.

    deploy_local.py [--keep] [--round open|enforced] [-- arguments of cargo test]

Run by `cargo xtask deploy-local`, with the Python that ministack is installed in and the functions built. Twice: once with every
request allowed (`open`), once with AUTH=true, where a function may do only what its role's policies say (`enforced`).
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from deployment import created, target, template
from deployment.servers import Ministack, Postgres, wait_until
from deployment.stack import Stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARAMETERS = {
    "Stage": "local",
    "Architecture": "x86_64",
    # Messages of a batch that was not done come again while the suite still waits for them.
    "IngestVisibilitySeconds": "20",
}
TIMEZONE = "Europe/Paris"
ROUNDS = ("open", "enforced")


def say(text):
    """Progress, beside the output of what is called."""
    print(f"deploy-local: {text}", file=sys.stderr, flush=True)


class Timer:
    """Says how long each part took."""

    def __init__(self):
        self.last = time.monotonic()

    def done(self, what):
        now = time.monotonic()
        say(f"{what} ({now - self.last:.1f} s)")
        self.last = now


def run_round(name, binaries, logs, cache, options):
    """Starts, deploys, asserts, tests, deletes."""
    timer = Timer()
    started = []
    try:
        postgres = Postgres(logs, database="parvis", administrator="parvis_admin")
        started.append(postgres)
        ministack = Ministack(logs, enforce=name == "enforced")
        started.append(ministack)
        timer.done(f"PostgreSQL and ministack started on {ministack.url}")
        prepared, deviations = template.prepare(ROOT, binaries, cache, ministack, postgres.port, PARAMETERS)
        for deviation in deviations:
            say(f"deviation: {deviation}")
        timer.done("packaged")
        stack = Stack(ministack, "parvis", prepared, PARAMETERS)
        timer.done(f"CREATE_COMPLETE with {len(stack.resources)} resources")
        for line in created.check(ministack, stack, postgres, prepared):
            say(f"asserted: {line}")
        timer.done("what was created is what the template says")
        test(name, ministack, stack, logs, timer, options)
        created.delete(ministack, stack)
        timer.done("deleted; what must be retained is there, the rest is gone")
    finally:
        if options.keep and sys.exc_info()[0]:
            say("kept running (--keep); press Enter to stop")
            sys.stdin.readline()
        for server in reversed(started):
            server.stop()


def test(name, ministack, stack, logs, timer, options):
    """Makes users and devices, and runs the suite."""
    tokens = target.people(ministack, stack)
    tls = target.test_certificate(ministack, logs)
    described = target.describe(ministack, stack, tokens, tls, TIMEZONE)
    file = logs / "target.json"
    file.write_text(json.dumps(described, indent=1))
    target.seed(described["api"], tokens["admin"], [json.loads((ROOT / "samples/places/default.json").read_text())])
    timer.done("users logged in, devices have certificates, the default place exists")
    command = [os.environ.get("CARGO", "cargo"), "test", "--locked", "--package", "parvis-e2e", "--no-fail-fast", *options.cargo]
    environment = os.environ | {"PARVIS_TARGET": str(file)}
    if subprocess.run(command, cwd=ROOT, env=environment).returncode != 0:
        raise SystemExit(f"the end-to-end suite failed in the round `{name}`")
    timer.done(f"the end-to-end suite passed in the round `{name}`")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="after a failure, keep everything running until Enter is pressed")
    parser.add_argument("--round", choices=ROUNDS, action="append", help="only this round")
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="where the built functions are")
    parser.add_argument("cargo", nargs="*", help="further arguments of `cargo test`")
    options = parser.parse_args()
    logs = pathlib.Path(tempfile.mkdtemp(prefix="parvis-deploy-local-"))
    try:
        for name in options.round or ROUNDS:
            say(f"round `{name}`")
            of_round = logs / name
            of_round.mkdir()
            run_round(name, options.binaries, of_round, logs, options)
    except BaseException:
        say(f"FAILED; logs are in {logs}")
        raise
    say(f"passed; logs are in {logs}")


if __name__ == "__main__":
    main()
