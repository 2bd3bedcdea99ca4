"""One stack of CloudFormation: made, described, deleted."""

import json
import time

from deployment.template import BUCKET

CREATED_WITHIN = 300
DELETED_WITHIN = 120


class Stack:
    """A stack and everything nested in it."""

    def __init__(self, ministack, name, template, parameters):
        self.cloudformation = ministack.client("cloudformation")
        self.name = name
        key = f"{name}.json"
        ministack.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(template).encode())
        self.cloudformation.create_stack(
            StackName=name,
            TemplateURL=f"{ministack.url}/{BUCKET}/{key}",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self._wait("CREATE_COMPLETE", CREATED_WITHIN)
        self.resources = self._resources(name)

    def _wait(self, wanted, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self._status()
            if status == wanted:
                return
            if "IN_PROGRESS" not in status:
                raise SystemExit(f"stack {self.name} is {status}, not {wanted}:\n" + "\n".join(self._failures()))
            time.sleep(0.2)
        raise SystemExit(f"stack {self.name} is not {wanted} within {seconds} s:\n" + "\n".join(self._failures()))

    def _status(self):
        try:
            return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"]
        except self.cloudformation.exceptions.ClientError as error:
            if "does not exist" in str(error):
                return "DELETE_COMPLETE"
            raise

    def _failures(self):
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
                for event in events if "FAILED" in event["ResourceStatus"]]

    def _resources(self, name):
        """Physical ids by logical id; those of nested stacks as `Nested.Resource`."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        found = {}
        for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
            id, physical = resource["LogicalResourceId"], resource["PhysicalResourceId"]
            if not resource["ResourceStatus"].endswith("_COMPLETE"):
                raise SystemExit(f"{name}: {id} is {resource['ResourceStatus']}")
            found[id] = (resource["ResourceType"], physical)
            if resource["ResourceType"] == "AWS::CloudFormation::Stack":
                found |= {f"{id}.{inner}": what for inner, what in self._resources(physical).items()}
        return found

    def physical(self, logical_id):
        """The physical id of one resource."""
        return self.resources[logical_id][1]

    def of_type(self, kind):
        """Physical ids of a type, by logical id."""
        return {id: physical for id, (resource_type, physical) in self.resources.items() if resource_type == kind}

    def outputs(self):
        """The stack's outputs."""
        stack = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def delete(self):
        """Deletes the stack and waits until it is gone."""
        self.cloudformation.delete_stack(StackName=self.name)
        self._wait("DELETE_COMPLETE", DELETED_WITHIN)
