#!/usr/bin/env python3
"""Deploys template.yaml with CloudFormation into ministack, an AWS emulator that is not ours, and keeps it running.

    deploy_local.py --functions DIR --target FILE [--auth]

DIR holds the built functions (`parvis-<context>`). When everything is up, FILE describes it for the end-to-end suite
(`PARVIS_TARGET=FILE cargo test -p parvis-tests`); the platform runs until standard input ends. `--auth` has the emulator enforce the
roles' policies. To be run with the Python of an environment that has `ministack[full]==1.5.33`.
"""

import argparse
import io
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

import emulated
import transform
from forward import Forwarder
from local_postgres import ADMIN, Postgres, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGION = transform.REGION
STACK = "parvis"
BUCKET = "parvis-packages"
USERS = ("admin", "manager", "agent", "driver")
PARAMETERS = {"Stage": "local", "Architecture": "x86_64"}


def say(text):
    print(text, flush=True)


class Ministack:
    """The emulator as a process."""

    def __init__(self, folder, auth):
        self.port, self.mqtt_port, self.folder, self.auth = free_port(), free_port(), folder, auth
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = folder / "ministack.log"

    def __enter__(self):
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PG"))},
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "IOT_MTLS_PORT": str(self.mqtt_port), "SFTP_ENABLED": "0",
            "MINISTACK_REGION": REGION, "MINISTACK_HOST": "127.0.0.1", "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint,
            "AUTH": "true" if self.auth else "false", "TMPDIR": str(self.folder), "STATE_DIR": str(self.folder / "state"),
            "S3_DATA_DIR": str(self.folder / "s3"), "LAMBDA_EXECUTOR": "local",
            # A lambda_runtime process that is told to log as text is easier to read in the emulator's log.
            "RUST_LOG_FORMAT": "text",
        }
        program = pathlib.Path(sys.executable).with_name("ministack")
        self.process = subprocess.Popen([program], env=environment, stdout=self.log.open("wb"), stderr=subprocess.STDOUT, cwd=self.folder)
        for _ in range(300):
            if self.process.poll() is not None:
                raise SystemExit(f"ministack ended with {self.process.returncode}; see {self.log}")
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"ministack does not answer; see {self.log}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def client(self, service):
        config = Config(retries={"max_attempts": 3}, read_timeout=900, s3={"addressing_style": "path"})
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
                            config=config)


def function_zip(binary):
    """The package of a function: its binary, without debug information, under the name that Lambda starts."""
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, binary], check=True)
        content = pathlib.Path(stripped.name).read_bytes()
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
    return package.getvalue()


def upload(ministack, functions, postgres, password):
    """Packages as `sam package` does, adapts to the emulator, uploads; returns the template to create."""
    s3 = ministack.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})

    def code_uri(id, path):
        key = f"{pathlib.Path(path).name}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=function_zip(functions / f"parvis-{pathlib.Path(path).name}"))
        return f"s3://{BUCKET}/{key}"

    def location(id, path):
        if id == "Database":
            template = emulated.database(postgres.port, ADMIN, password)
        else:
            template = transform.load(ROOT / path)
            left_out.extend(f"{id}.{name}" for name in emulated.adapt(template))
        key = f"{id}.json"
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
        return f"{ministack.endpoint}/{BUCKET}/{key}"

    left_out = []
    template = transform.package(transform.load(ROOT / "template.yaml"), code_uri, location)
    values = transform.parameters(template, PARAMETERS.items())
    transformed = transform.transform(template, values)
    left_out.extend(emulated.adapt(transformed))
    say(f"left out, because ministack has no such thing: {', '.join(left_out)}")
    return transformed


def create(ministack, template):
    """Creates the stack and returns its outputs."""
    cloudformation = ministack.client("cloudformation")
    key = "template.json"
    ministack.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
    cloudformation.create_stack(
        StackName=STACK, TemplateURL=f"{ministack.endpoint}/{BUCKET}/{key}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()],
    )
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.5)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        for event in cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]:
            if "FAILED" in event["ResourceStatus"]:
                say(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}")
        raise SystemExit(f"the stack is {stack['StackStatus']}; see {ministack.log}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def physical(ministack):
    """The physical ids of the stack's resources."""
    pages = ministack.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for page in pages for resource in page["StackResourceSummaries"]}


def log_in(ministack, outputs):
    """A user per role; returns their tokens. The browsers' client logs in by pages only: here it may do it by password."""
    cognito = ministack.client("cognito-idp")
    pool = outputs["UserPoolId"]
    client = json.loads(outputs["WebConfig"])["oidc"]["client_id"]
    settings = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]
    kept = {key: settings[key] for key in ("ClientName", "AllowedOAuthFlows", "AllowedOAuthScopes", "CallbackURLs") if key in settings}
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    cognito.update_user_pool_client(UserPoolId=pool, ClientId=client, ExplicitAuthFlows=flows, AllowedOAuthFlowsUserPoolClient=True, **kept)
    tokens = {}
    for user in USERS:
        name, password = f"{user}@example.org", f"Parvis-{secrets.token_urlsafe(12)}-1a"
        attributes = [{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}]
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS", UserAttributes=attributes)
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=password, Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=user)
        answer = cognito.admin_initiate_auth(
            UserPoolId=pool, ClientId=client, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
        tokens[user] = answer["AuthenticationResult"]["AccessToken"]
    return tokens


def request(method, url, token=None, body=None):
    """An HTTP request; returns status and body."""
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    message = urllib.request.Request(url, method=method, headers=headers, data=body)
    try:
        with urllib.request.urlopen(message, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def seed(api, token):
    """The default place, as the embedded stack enters it at its first start."""
    place = (ROOT / "samples/places/default.json").read_bytes()
    status, body = request("POST", f"{api}/v1/places", token, place)
    if status != 201:
        raise SystemExit(f"the default place was not created: {status} {body}")


def signed_path(ministack, host):
    """The path of an MQTT WebSocket with the signature that AWS IoT asks for."""

    def path():
        message = AWSRequest("GET", f"ws://{host}/mqtt")
        SigV4QueryAuth(Credentials("test", "test"), "iotdevicegateway", REGION, expires=300).add_auth(message)
        return "/mqtt?" + message.url.split("?", 1)[1]

    return path


def deploy(arguments, folder):
    """Everything, until standard input ends."""
    password = secrets.token_urlsafe(24)
    tools = pathlib.Path(os.environ.get("PARVIS_TOOLS", pathlib.Path.home() / ".cache/parvis/tools"))
    with Postgres(tools, folder / "postgres", password) as postgres, Ministack(folder, arguments.auth) as ministack:
        say(f"ministack answers at {ministack.endpoint}, log {ministack.log}")
        started = time.monotonic()
        outputs = create(ministack, upload(ministack, arguments.functions, postgres, password))
        ids = physical(ministack)
        say(f"the stack was created in {time.monotonic() - started:.0f} s")
        api = f"{ministack.endpoint}/_aws/execute-api/{ids['HttpApi']}/$default"
        tokens = log_in(ministack, outputs)
        seed(api, tokens["admin"])
        forwarder = Forwarder()
        host = f"data.iot.{REGION}.localhost"
        target = {
            "api": api,
            "mqtt": f"127.0.0.1:{forwarder.tls(ministack.mqtt_port)}",
            "ws": f"ws://127.0.0.1:{forwarder.websocket(ministack.port, host, signed_path(ministack, host))}/mqtt",
            "sqs": ministack.endpoint,
            "dead_letter_queue": outputs["DeadLetterQueueUrl"],
            "ingest_queue": outputs["IngestQueueUrl"],
            "tokens": tokens,
        }
        # Complete or not at all: whoever waits for the file may read it at once.
        partial = arguments.target.with_suffix(".partial")
        partial.write_text(json.dumps(target, indent=1))
        partial.rename(arguments.target)
        say(f"deployed: {arguments.target}")
        sys.stdin.read()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", type=pathlib.Path, required=True)
    parser.add_argument("--target", type=pathlib.Path, required=True)
    parser.add_argument("--auth", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parvis-ministack-") as folder:
        deploy(arguments, pathlib.Path(folder))


if __name__ == "__main__":
    main()
