"""Packages the functions and makes of template.yaml what ministack can deploy; every deviation from what AWS gets is named."""

import io
import json
import pathlib
import subprocess
import zipfile

import transform

BUCKET = "parvis-packages"
# What ministack 1.5.33 has no provisioner for; docs/operations/ministack.md says how each is checked instead.
UNSUPPORTED = ("AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::IoT::Authorizer")
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "x-amazon-apigateway-any-method")


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


def package_nested(template, root, s3, endpoint, deviations):
    """Uploads the nested templates and points Location there."""
    for logical_id, application in transform.of_type(template, "AWS::Serverless::Application").items():
        path = application["Properties"]["Location"]
        nested = transform.load(root / path)
        drop_unsupported(nested, deviations)
        stand_in_for_master_secret(nested, deviations)
        key = pathlib.Path(path).with_suffix(".json").name
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(nested).encode())
        application["Properties"]["Location"] = f"{endpoint}/{BUCKET}/{key}"


def drop_unsupported(template, deviations):
    """Takes out resources without a provisioner, and what depends on them."""
    resources = template["Resources"]
    gone = {id for id, resource in resources.items() if resource["Type"] in UNSUPPORTED}
    gone |= {id for id, resource in resources.items() if any(refers(resource.get("Properties"), lost) for lost in gone)}
    for id in sorted(gone):
        deviations.append(f"left out {resources[id]['Type']} {id}")
        del resources[id]


def stand_in_for_master_secret(template, deviations):
    """ministack's clusters make no secret for ManageMasterUserPassword; one of the template's own takes its place."""
    wanted = {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}
    for output in template.get("Outputs", {}).values():
        if output["Value"] == wanted:
            output["Value"] = {"Ref": "MasterSecret"}
            template["Resources"]["MasterSecret"] = {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"GenerateSecretString": {
                    "SecretStringTemplate": '{"username":"parvis_admin"}', "GenerateStringKey": "password", "ExcludePunctuation": True}},
            }
            deviations.append("a secret of the template's own stands for the one that RDS makes for the administrator")


def refers(value, logical_id):
    """Whether a value refers to a resource by Ref or Fn::GetAtt."""
    if isinstance(value, dict):
        if value.get("Ref") == logical_id or logical_id in (value.get("Fn::GetAtt") or [])[:1]:
            return True
        return any(refers(item, logical_id) for item in value.values())
    return isinstance(value, list) and any(refers(item, logical_id) for item in value)


def point_at_postgres(template, port, deviations):
    """Endpoints of the database: ministack's clusters are metadata only."""
    for id, function in transform.of_type(template, "AWS::Serverless::Function").items():
        variables = function["Properties"].get("Environment", {}).get("Variables", {})
        if "PGHOST" in variables:
            variables.update(PGHOST="127.0.0.1", PGPORT=str(port), PGSSLMODE="disable")
            deviations.append(f"PGHOST, PGPORT and PGSSLMODE of {id} name the PostgreSQL beside ministack")


def expand_http_api(template, deviations):
    """Makes resources of the OpenAPI body that SAM writes into an HTTP API, which ministack does not read."""
    resources = template["Resources"]
    for api_id, api in transform.of_type(template, "AWS::ApiGatewayV2::Api").items():
        properties = api["Properties"]
        body = properties.pop("Body")
        # Only for APIs with a body.
        properties.pop("FailOnWarnings", None)
        properties.update(Name=body["info"]["title"], ProtocolType="HTTP", CorsConfiguration=cors(body))
        resources.update(authorizers(api_id, body))
        integrations = {}
        for path, operations in body["paths"].items():
            for method in METHODS:
                if method in operations:
                    add_route(resources, integrations, api_id, path, method, operations[method])
        deviations.append(f"{api_id}: the OpenAPI body became {len(integrations)} integration and one resource per route")


def cors(body):
    """The CORS extension as a property."""
    return {name[0].upper() + name[1:]: value for name, value in body["x-amazon-apigateway-cors"].items()}


def authorizers(api_id, body):
    """The security schemes as resources."""
    made = {}
    for name, scheme in body["components"]["securitySchemes"].items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        jwt = authorizer["jwtConfiguration"]
        made[f"{api_id}{name}Authorizer"] = {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": {"Ref": api_id},
                "Name": name,
                "AuthorizerType": authorizer["type"].upper(),
                "IdentitySource": [authorizer["identitySource"]],
                "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
            },
        }
    return made


def add_route(resources, integrations, api_id, path, method, operation):
    """One operation as a route with its integration, which routes to the same function share."""
    integration = operation["x-amazon-apigateway-integration"]
    key = json.dumps(integration, sort_keys=True)
    if key not in integrations:
        integrations[key] = f"{api_id}Integration{len(integrations) + 1}"
        resources[integrations[key]] = {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": api_id},
                "IntegrationType": integration["type"].upper(),
                "IntegrationUri": integration["uri"],
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            },
        }
    properties = {
        "ApiId": {"Ref": api_id},
        "RouteKey": route_key(method, path),
        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integrations[key]}]]},
    }
    for requirement in operation.get("security", []):
        for name in requirement:
            properties.update(AuthorizationType="JWT", AuthorizerId={"Ref": f"{api_id}{name}Authorizer"})
    count = sum(1 for resource in resources.values() if resource["Type"] == "AWS::ApiGatewayV2::Route")
    resources[f"{api_id}Route{count + 1}"] = {"Type": "AWS::ApiGatewayV2::Route", "Properties": properties}


def route_key(method, path):
    """`GET /v1/places`, as HTTP APIs name their routes."""
    return f"{'ANY' if method.startswith('x-') else method.upper()} {path}"


def prepare(root, binaries, cache, ministack, postgres_port, values):
    """The template to deploy, and in what it deviates from what AWS gets."""
    s3 = ministack.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    deviations = []
    template = transform.load(root / "template.yaml")
    package_functions(template, binaries, s3, cache)
    package_nested(template, root, s3, ministack.url, deviations)
    drop_unsupported(template, deviations)
    point_at_postgres(template, postgres_port, deviations)
    transformed = transform.transform(template, transform.parameters(template, values))
    expand_http_api(transformed, deviations)
    return transformed, deviations
