"""ministack, in the place of AWS."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from deployment.postgres import free_port
from transform import REGION

ACCOUNT = "000000000000"
# What ministack takes for the account's root, whose requests need no policy; everybody else's do under AUTH=true.
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
STOPS_WITHIN = 20


def wait_until(what, seconds, probe):
    """Repeats `probe` until it gives something true; its last exception is the reason when time is over."""
    deadline = time.monotonic() + seconds
    reason = "no answer"
    while time.monotonic() < deadline:
        try:
            found = probe()
            if found:
                return found
        except Exception as error:  # noqa: BLE001 - whatever is wrong now may be right in a moment
            reason = f"{type(error).__name__}: {error}"
        time.sleep(0.1)
    raise TimeoutError(f"{what} not within {seconds} s: {reason}")


class Server:
    """A child process in a group of its own, with its output in a file."""

    def __init__(self, name, command, logs, stop_signal=signal.SIGTERM, **options):
        self.name = name
        self.log = logs / f"{name}.log"
        self.stop_signal = stop_signal
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=True, **options)

    def alive(self):
        """Raises when the process has ended."""
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace").splitlines()[-5:]
            raise SystemExit(f"{self.name} ended with {self.process.returncode}; {self.log} ends with\n" + "\n".join(tail))

    def stop(self):
        """Stops the process and waits; kills what does not stop."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                pass
        try:
            # Functions that ministack started and left behind are of its group.
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Provider:
    """The payment provider that moves no money, on a free port of the loopback interface."""

    def __init__(self, logs, binaries):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.server = Server("provider", [str(binaries / "parvis"), "provider", "--port", str(port)], logs, stop_signal=signal.SIGINT)
        wait_until("the payment provider", 20, self._ready)

    def _ready(self):
        self.server.alive()
        with socket.create_connection(("127.0.0.1", int(self.url.rsplit(":", 1)[1])), timeout=2):
            return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()


class Ministack:
    """ministack on free ports of the loopback interface."""

    def __init__(self, logs, enforce):
        self.port, self.mqtt_port = free_port(), free_port()
        self.url = f"http://localhost:{self.port}"
        self.directory = tempfile.mkdtemp(prefix="parvis-ministack-")
        # Functions inherit its environment, hence nothing of ours but what a process needs.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.directory,
            "TMPDIR": self.directory,
            "STATE_DIR": f"{self.directory}/state",
            "S3_DATA_DIR": f"{self.directory}/s3",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_PORT": str(self.mqtt_port),
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "LAMBDA_EXECUTOR": "local",
            "AUTH": "true" if enforce else "false",
        }
        self.server = Server("ministack", [sys.executable, "-m", "ministack"], logs, env=environment, cwd=self.directory)
        wait_until("ministack", 60, self._ready)

    def _ready(self):
        self.server.alive()
        with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as answer:
            return json.load(answer)

    def client(self, service, **credentials):
        """A boto3 client, as the account's root unless credentials say otherwise."""
        import boto3
        from botocore.config import Config

        config = Config(region_name=REGION, retries={"max_attempts": 2}, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, config=config, **(credentials or ROOT))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
