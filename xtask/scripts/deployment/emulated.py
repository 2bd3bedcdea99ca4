"""What has to be changed in a template for ministack 1.5.33, and nothing else: every change here is a gap of the emulator.
docs/operations/ministack.md says how what it hides is checked instead."""

import json

# Resource types that ministack refuses.
NOT_EMULATED = {
    # Browsers' MQTT login; the embedded stack runs it.
    "AWS::IoT::Authorizer",
    # Two halves of a reference cycle between security groups; nothing filters packets in the emulator.
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress",
}


def leave_out(template):
    """Takes out what is not emulated, and whatever refers to it."""
    resources = template["Resources"]
    left_out = {id for id, resource in resources.items() if resource["Type"] in NOT_EMULATED}
    while True:
        more = {id for id, resource in resources.items() if id not in left_out and refers(resource, left_out)}
        if not more:
            break
        left_out |= more
    for id in left_out:
        del resources[id]
    return sorted(left_out)


def refers(value, ids):
    """Whether a value refers to one of these resources."""
    if isinstance(value, dict):
        if value.get("Ref") in ids or (isinstance(value.get("Fn::GetAtt"), list) and value["Fn::GetAtt"][0] in ids):
            return True
        return any(refers(item, ids) for item in value.values())
    return isinstance(value, list) and any(refers(item, ids) for item in value)


def expand_apis(template):
    """SAM describes an HTTP API as one OpenAPI document, which the emulator ignores: make resources of it."""
    for id, api in list(template["Resources"].items()):
        if api["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in api["Properties"]:
            template["Resources"].update(api_resources(id, api["Properties"]["Body"]))


def api_resources(id, body):
    """The explicit resources of an OpenAPI document as SAM writes it."""
    reference = {"Ref": id}
    cors = body.get("x-amazon-apigateway-cors", {})
    properties = {"Name": {"Ref": "AWS::StackName"}, "ProtocolType": "HTTP"}
    if cors:
        # As the body writes it; ministack's CloudFormation passes the names on to an API that knows them in lower case only.
        properties["CorsConfiguration"] = cors
    resources = {id: {"Type": "AWS::ApiGatewayV2::Api", "Properties": properties}}
    for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        source = authorizer["identitySource"]
        jwt = authorizer["jwtConfiguration"]
        resources[f"{id}Authorizer{name}"] = {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": reference, "Name": name, "AuthorizerType": "JWT",
                "IdentitySource": source if isinstance(source, list) else [source],
                "JwtConfiguration": {"Issuer": jwt["issuer"], "Audience": jwt["audience"]},
            },
        }
    integrations = {}
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            integration = operation.get("x-amazon-apigateway-integration")
            if integration is None:
                continue
            key = json.dumps(integration["uri"], sort_keys=True)
            integration_id = integrations.setdefault(key, f"{id}Integration{len(integrations)}")
            resources[integration_id] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": reference, "IntegrationType": "AWS_PROXY", "IntegrationUri": integration["uri"],
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                },
            }
            route = {
                "ApiId": reference, "RouteKey": f"{method.upper()} {path}",
                "Target": {"Fn::Sub": f"integrations/${{{integration_id}}}"}, "AuthorizationType": "NONE",
            }
            for requirement in operation.get("security", []):
                (name,) = requirement
                route |= {"AuthorizationType": "JWT", "AuthorizerId": {"Ref": f"{id}Authorizer{name}"}}
            resources[f"{id}Route{len(resources)}"] = {"Type": "AWS::ApiGatewayV2::Route", "Properties": route}
    return resources
