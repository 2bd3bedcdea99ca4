#!/usr/bin/env python3
"""Deploys template.yaml by CloudFormation into ministack and runs the end-to-end suite against it.

    deploy_local.py --binaries DIR --test PROGRAM... [--round open|enforced] [--keep] [FILTER...]

Run by `cargo xtask deploy-local`, with the Python that ministack is installed in and the functions built. Twice: once with every
request allowed (`open`), once with AUTH=true, where a function may do only what its role's policies say (`enforced`).
"""

import argparse
import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time

import transform
from deployment import created, privilege, target, template
from deployment.postgres import Postgres
from deployment.servers import Ministack, Provider
from deployment.stack import Stack

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARAMETERS = {
    "Stage": "local",
    "Architecture": "x86_64",
    # Messages of a batch that was not done come again while the suite still waits for them.
    "IngestVisibilitySeconds": "20",
    "InvitationsFrom": "parvis@example.org",
    # The tests' receiver of webhooks stands beside ministack.
    "WebhookPrivateHosts": "127.0.0.1",
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
    with contextlib.ExitStack() as running:
        # PostgreSQL runs under an account that must reach its data.
        folder = pathlib.Path(running.enter_context(tempfile.TemporaryDirectory(prefix="parvis-postgres-", dir="/var/tmp")))
        postgres = running.enter_context(Postgres(tools(), folder / "postgres", secrets.token_urlsafe(24)))
        ministack = running.enter_context(Ministack(logs, enforce=name == "enforced"))
        provider = running.enter_context(Provider(logs, binaries))
        parameters = PARAMETERS | {"PaymentEndpoint": provider.url}
        timer.done(f"PostgreSQL, the payment provider and ministack started on {ministack.url}")
        if options.keep:
            running.push(wait_for_enter)
        prepared, deviations = template.prepare(ROOT, binaries, cache, ministack, postgres, parameters)
        for deviation in deviations:
            say(f"deviation: {deviation}")
        timer.done("packaged")
        source = transform.load(ROOT / "template.yaml")
        stack = Stack(ministack, "parvis", prepared, parameters)
        timer.done(f"CREATE_COMPLETE with {len(stack.resources)} resources")
        for line in created.check(ministack, stack, postgres, source, prepared, parameters):
            say(f"asserted: {line}")
        timer.done("what was created is what the template says")
        test(name, ministack, stack, logs, timer, options)
        if name == "enforced":
            for line in privilege.check(ministack, stack, logs):
                say(f"asserted: {line}")
            timer.done("policies are enforced, and allow no more than they should")
        created.delete(ministack, stack, source)
        timer.done("deleted; what must be retained is there, the rest is gone")


def tools():
    """The cache of tools, as xtask/src/tools.rs has it."""
    return pathlib.Path(os.environ.get("PARVIS_TOOLS", pathlib.Path.home() / ".cache/parvis/tools"))


def wait_for_enter(kind, *_):
    """Leaves what failed running for a look at it."""
    if kind:
        say("kept running (--keep); press Enter to stop")
        sys.stdin.readline()


def test(name, ministack, stack, logs, timer, options):
    """Makes users and devices, and runs the suite."""
    tokens = target.people(ministack, stack)
    tls = target.test_certificate(ministack, logs)
    described = target.describe(ministack, stack, tokens, tls, TIMEZONE)
    file = logs / "target.json"
    file.write_text(json.dumps(described, indent=1))
    target.seed(described["api"], tokens["admin"], [json.loads((ROOT / "samples/places/default.json").read_text())])
    timer.done("users logged in, devices have certificates, the default place exists")
    failed = [program.name for program in options.test if not passes(program, file, options.filter)]
    if failed:
        raise SystemExit(f"round `{name}`: failed: {', '.join(failed)}")
    timer.done(f"the end-to-end suite passed in the round `{name}`")


def passes(program, target_file, filters):
    """Runs one test program of the suite against the deployment, with the output of what it leaves out."""
    # In the directory where cargo would run it. What a test does not do here it says, hence --nocapture.
    arguments = [program, "--nocapture", *filters]
    return subprocess.run(arguments, cwd=ROOT / "tests", env=os.environ | {"PARVIS_TARGET": str(target_file)}).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="after a failure, keep everything running until Enter is pressed")
    parser.add_argument("--round", choices=ROUNDS, action="append", help="only this round")
    parser.add_argument("--binaries", type=pathlib.Path, required=True, help="where the built functions are")
    parser.add_argument("--test", type=pathlib.Path, action="append", default=[], help="a test program to run against it")
    parser.add_argument("filter", nargs="*", help="only tests with such names")
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
