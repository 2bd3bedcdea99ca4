#!/usr/bin/env python3
"""Makes of the SAM template what CloudFormation gets to see.

    transform.py OUT_DIR [--template template.yaml]

Anchors and merge keys are expanded, as `sam package` does; code and nested templates get made-up places in S3; the SAM transform
runs as it does in CloudFormation (aws-sam-translator is its source). OUT_DIR receives `template.json` and one JSON file per
nested template. Nothing is sent anywhere.
"""

import argparse
import copy
import json
import os
import pathlib

import yaml

REGION = "eu-west-3"


class Loader(yaml.SafeLoader):
    """YAML with the short intrinsic functions, read into their long form."""


def _intrinsic(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _intrinsic)
# Dates are text to CloudFormation (`Version: 2012-10-17`).
Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path):
    """Reads a template; what was shared through anchors is copied, because the transform changes its input."""
    with open(path, encoding="utf-8") as file:
        return copy_all(yaml.load(file, Loader))


def copy_all(value):
    """A copy in which no two places share a part (unlike `copy.deepcopy`, which keeps the sharing)."""
    if isinstance(value, dict):
        return {key: copy_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_all(item) for item in value]
    return copy.copy(value)


def of_type(template, kind):
    """The resources of a type, by logical id."""
    return {id: resource for id, resource in template["Resources"].items() if resource["Type"] == kind}


def nested(template):
    """The files of the nested templates, by logical id."""
    applications = of_type(template, "AWS::Serverless::Application")
    return {id: resource["Properties"]["Location"] for id, resource in applications.items()}


def package(template, code_uri, location):
    """Replaces local paths: `code_uri(logical_id, path)` and `location(logical_id, path)` say by what."""
    for id, function in of_type(template, "AWS::Serverless::Function").items():
        function["Properties"]["CodeUri"] = code_uri(id, function["Properties"]["CodeUri"])
        # What `sam build` uses and takes out.
        function.pop("Metadata", None)
    for id, application in of_type(template, "AWS::Serverless::Application").items():
        application["Properties"]["Location"] = location(id, application["Properties"]["Location"])
    return template


def parameters(template, given=()):
    """The template's defaults, overridden by what is given."""
    defaults = {name: parameter.get("Default") for name, parameter in template.get("Parameters", {}).items()}
    return {**{name: value for name, value in defaults.items() if value is not None}, **dict(given)}


def holds(template, values, condition):
    """Whether a condition holds, by its name or as written; knows the functions that our conditions use."""
    if isinstance(condition, str):
        condition = template["Conditions"][condition]
    ((function, operands),) = condition.items()
    if function == "Fn::Not":
        return not holds(template, values, operands[0])
    if function != "Fn::Equals":
        raise SystemExit(f"conditions with {function} are not known here")
    known = parameters(template, values)
    first, second = (str(known[operand["Ref"]] if isinstance(operand, dict) else operand) for operand in operands)
    return first == second


def chosen(template, values, items):
    """What is left of a list when its conditions are decided."""
    left = []
    for item in items:
        while isinstance(item, dict) and "Fn::If" in item:
            condition, then, otherwise = item["Fn::If"]
            item = then if holds(template, values, condition) else otherwise
        if item != {"Ref": "AWS::NoValue"}:
            left.append(item)
    return left


def transform(template, values):
    """Runs the SAM transform."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    # The managed policies that SAM attaches by itself, which it otherwise asks IAM for.
    managed = {
        name: f"arn:aws:iam::aws:policy/service-role/{name}"
        for name in ("AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSLambdaDynamoDBExecutionRole",
                     "AWSLambdaSQSQueueExecutionRole", "AWSLambdaKinesisExecutionRole")
    } | {"AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
         "AWSXrayWriteOnlyAccess": "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"}
    return Translator(managed, Parser()).translate(template, values)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--template", type=pathlib.Path, default=pathlib.Path("template.yaml"))
    arguments = arguments.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    template = load(arguments.template)
    for path in nested(template).values():
        target = arguments.out / pathlib.Path(path).with_suffix(".json").name
        target.write_text(json.dumps(load(arguments.template.parent / path), indent=1))
    package(
        template,
        code_uri=lambda id, path: f"s3://parvis-packages/{path.replace('/', '-')}.zip",
        location=lambda id, path: f"https://s3.{REGION}.amazonaws.com/parvis-packages/{pathlib.Path(path).name}",
    )
    transformed = transform(template, parameters(template))
    (arguments.out / "template.json").write_text(json.dumps(transformed, indent=1))


if __name__ == "__main__":
    main()
