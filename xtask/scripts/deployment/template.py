"""Packages the functions and makes of template.yaml what ministack can deploy; every deviation from what AWS gets is named."""

import io
import json
import pathlib
import subprocess
import zipfile

import transform
from deployment import emulated
from deployment.postgres import ADMIN

BUCKET = "parvis-packages"


def package_functions(template, binaries, s3, cache):
    """Uploads each function's binary as `bootstrap` in a zip and points CodeUri there."""

    def upload(logical_id, code_uri):
        name = pathlib.Path(code_uri).name
        key = f"{name}.zip"
        s3.put_object(Bucket=BUCKET, Key=key, Body=zip_of(binaries / f"parvis-{name}", cache))
        return {"Bucket": BUCKET, "Key": key}

    for logical_id, function in transform.of_type(template, "AWS::Serverless::Function").items():
        properties = function["Properties"]
        properties["CodeUri"] = upload(logical_id, properties["CodeUri"])
        function.pop("Metadata", None)


def zip_of(binary, cache):
    """The zip of a binary without its debug information; kept, because both runs deploy the same."""
    target = cache / f"{binary.name}.zip"
    if not target.exists():
        stripped = cache / binary.name
        subprocess.run(["strip", "-o", stripped, binary], check=True)
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(entry, stripped.read_bytes(), compresslevel=1)
        target.write_bytes(buffer.getvalue())
        stripped.unlink()
    return target.read_bytes()


def package_nested(template, root, s3, endpoint, password, deviations):
    """Uploads the nested templates and points Location there."""
    for logical_id, application in transform.of_type(template, "AWS::Serverless::Application").items():
        path = application["Properties"]["Location"]
        nested = transform.load(root / path)
        leave_out(nested, deviations)
        stand_in_for_master_secret(nested, password, deviations)
        key = pathlib.Path(path).with_suffix(".json").name
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(nested).encode())
        application["Properties"]["Location"] = f"{endpoint}/{BUCKET}/{key}"


def leave_out(template, deviations):
    """Takes out what ministack refuses; docs/operations/ministack.md says how each is checked instead."""
    resources = template["Resources"]
    math = {id for id, alarm in transform.of_type(template, "AWS::CloudWatch::Alarm").items() if "Metrics" in alarm["Properties"]}
    for id in math:
        del resources[id]
    if math and (dangling := [id for id, resource in resources.items() if emulated.refers(resource, math)]):
        raise SystemExit(f"{dangling} refer to alarms that were left out")
    kinds = {id: resource["Type"] for id, resource in resources.items()}
    deviations.extend(f"left out the alarm {id}, which computes with several metrics" for id in sorted(math))
    deviations.extend(f"left out {kinds[id]} {id}" for id in emulated.leave_out(template))


def stand_in_for_master_secret(template, password, deviations):
    """ministack's clusters make no secret for ManageMasterUserPassword; one of the template's own takes its place."""
    wanted = {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}
    for output in template.get("Outputs", {}).values():
        if output["Value"] == wanted:
            output["Value"] = {"Ref": "MasterSecret"}
            template["Resources"]["MasterSecret"] = {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"SecretString": json.dumps({"username": ADMIN, "password": password})},
            }
            deviations.append("a secret of the template's own stands for the one that RDS makes for the administrator")


def point_at_postgres(template, postgres, deviations):
    """The address of the database: ministack's clusters are metadata only."""
    for id, function in transform.of_type(template, "AWS::Serverless::Function").items():
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        if "PGHOST" in variables:
            variables.update(PGHOST="127.0.0.1", PGPORT=str(postgres.port), PGSSLROOTCERT=str(postgres.authority))
            deviations.append(f"PGHOST, PGPORT and PGSSLROOTCERT of {id} name the PostgreSQL beside ministack")


def name_batch_actions(template, deviations):
    """On AWS `sqs:SendMessage` allows SendMessageBatch too, and there is no other action for it; ministack asks for one."""
    for id, function in transform.of_type(template, "AWS::Serverless::Function").items():
        for policy in function["Properties"].get("Policies", []):
            for statement in policy["Statement"]:
                # What depends on a condition sends nothing to queues.
                if statement.get("Action") == "sqs:SendMessage":
                    statement["Action"] = ["sqs:SendMessage", "sqs:SendMessageBatch"]
                    deviations.append(f"the role of {id} also names sqs:SendMessageBatch, which AWS takes as sqs:SendMessage")


def prepare(root, binaries, cache, ministack, postgres, values):
    """The template to deploy, and in what it deviates from what AWS gets."""
    s3 = ministack.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": transform.REGION})
    deviations = []
    template = transform.load(root / "template.yaml")
    package_functions(template, binaries, s3, cache)
    package_nested(template, root, s3, ministack.url, postgres.password, deviations)
    point_at_postgres(template, postgres, deviations)
    name_batch_actions(template, deviations)
    transformed = transform.transform(template, transform.parameters(template, values))
    emulated.expand_apis(transformed)
    deviations.append("the OpenAPI body of HttpApi became routes, an integration and an authorizer")
    leave_out(transformed, deviations)
    return transformed, deviations
