"""What the nested templates must have made: network, database, login, web, devices, alarms; and the log groups."""

import json

from deployment.check import expect


def log_groups(ministack, stack, source, template, values):
    """Every log group, with a retention."""
    wanted = stack.of_type("AWS::Logs::LogGroup")
    found = {group["logGroupName"]: group.get("retentionInDays") for group in
             ministack.client("logs").describe_log_groups(logGroupNamePrefix=f"/parvis/{values['Stage']}/")["logGroups"]}
    expect("log groups", found, dict.fromkeys(wanted.values(), 30))
    return f"{len(found)} log groups with retention"


def network(ministack, stack, source, template, values):
    """Private subnets with gateway endpoints, and no other way out."""
    client, vpc = ministack.client("ec2"), stack.physical("Network.Vpc")
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    endpoints = client.describe_vpc_endpoints(Filters=in_vpc)["VpcEndpoints"]
    expect("endpoints", {(e["ServiceName"].rsplit(".", 1)[-1], e["VpcEndpointType"]) for e in endpoints},
           {("dynamodb", "Gateway"), ("s3", "Gateway")})
    expect("NAT gateways", client.describe_nat_gateways(Filters=in_vpc)["NatGateways"], [])
    attached = client.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]
    expect("internet gateways", attached, [])
    subnets = client.describe_subnets(Filters=in_vpc)["Subnets"]
    expect("subnets", len({subnet["AvailabilityZone"] for subnet in subnets}), 2)
    expect("public subnets", [subnet["SubnetId"] for subnet in subnets if subnet["MapPublicIpOnLaunch"]], [])
    return "a network with 2 private subnets and 2 gateway endpoints, no other way out"


def database(ministack, stack, source, template, values):
    """The cluster as RDS would be asked for it (ministack runs none)."""
    client = ministack.client("rds")
    (cluster,) = client.describe_db_clusters(DBClusterIdentifier=stack.physical("Database.Cluster"))["DBClusters"]
    for name, value in {"Engine": "aurora-postgresql", "DatabaseName": "parvis", "StorageEncrypted": True,
                        "IAMDatabaseAuthenticationEnabled": True, "DeletionProtection": True, "BackupRetentionPeriod": 14}.items():
        expect(f"cluster {name}", cluster[name], value)
    (writer,) = client.describe_db_instances(DBInstanceIdentifier=stack.physical("Database.Writer"))["DBInstances"]
    expect("writer", (writer["DBInstanceClass"], writer["PubliclyAccessible"]), ("db.serverless", False))
    return "the cluster: encrypted, IAM login, protected; its writer is not public"


def identity(ministack, stack, source, template, values):
    """The user pool, its groups, and the browsers' client, which has no secret."""
    client, pool = ministack.client("cognito-idp"), stack.physical("Identity.UserPool")
    groups = {group["GroupName"] for group in client.list_groups(UserPoolId=pool)["Groups"]}
    expect("groups", groups, {"admin", "manager", "agent", "driver"})
    policy = client.describe_user_pool(UserPoolId=pool)["UserPool"]["Policies"]["PasswordPolicy"]
    expect("password length", policy["MinimumLength"], 12)
    web = client.describe_user_pool_client(UserPoolId=pool, ClientId=stack.physical("Identity.WebClient"))["UserPoolClient"]
    expect("secret of the web client", "ClientSecret" in web, False)
    expect("flows of the web client", (web["AllowedOAuthFlows"], web["ExplicitAuthFlows"]), (["code"], ["ALLOW_REFRESH_TOKEN_AUTH"]))
    return "the user pool with 4 groups and a public client (code with PKCE)"


def web(ministack, stack, source, template, values):
    """A private bucket behind the distribution."""
    client, bucket = ministack.client("s3"), stack.physical("Web.Bucket")
    blocked = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    expect("public access", set(blocked.values()), {True})
    expect("versioning", client.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
    distribution = ministack.client("cloudfront").get_distribution(Id=stack.physical("Web.Distribution"))["Distribution"]
    settings = distribution["DistributionConfig"]
    expect("viewers", settings["DefaultCacheBehavior"]["ViewerProtocolPolicy"], "redirect-to-https")
    expect("WebUrl", stack.outputs()["WebUrl"], f"https://{distribution['DomainName']}")
    return "web hosting: private bucket, HTTPS only"


def devices(ministack, stack, source, template, values):
    """The device policies as IoT keeps them: nothing to subscribe to, nothing on all topics, within IoT's limit."""
    client = ministack.client("iot")
    policies = stack.of_type("AWS::IoT::Policy")
    for id, name in policies.items():
        document = client.get_policy(policyName=name)["policyDocument"]
        expect(f"{id} size", len(document) <= 2048, True)
        statements = json.loads(document)["Statement"]
        for statement in statements:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            expect(f"{id} actions", set(actions) <= {"iot:Connect", "iot:Publish", "iot:RetainPublish"}, True)
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            if statement["Effect"] == "Allow":
                expect(f"{id} resources", all("iot:Connection.Thing." in resource for resource in resources), True)
        # Whoever may publish on topics that end in `*` could have the broker keep plates.
        open_ended = [s for s in statements if "iot:RetainPublish" in s["Action"] and any(r.endswith("*") for r in s["Resource"])]
        denied = [s for s in statements if s["Effect"] == "Deny" and s["Action"] == "iot:RetainPublish" and s["Resource"].endswith(":topic/*/plate")]
        expect(f"{id} keeps no plates", not open_ended or len(denied) == 1, True)
        # Nor bring them onto the queue that keeps messages for two weeks: Basic Ingest does not ask a rule's topic filter.
        past_the_rule = [r for s in statements if s["Effect"] == "Allow" and "iot:Publish" in s["Action"] for r in s["Resource"]
                         if "_messages/" in r and r.endswith(("*", "/plate"))]
        denied = [s for s in statements if s["Effect"] == "Deny" and s["Action"] == "iot:Publish" and s["Resource"].endswith(":topic/$aws/rules/*_messages/*/plate")]
        expect(f"{id} sends plates by their own rules", not past_the_rule or len(denied) == 1, True)
    return f"{len(policies)} device policies, each bound to the thing of the certificate"


def alarms(ministack, stack, source, template, values):
    """The alarms that ministack can keep, all of them with somebody to tell."""
    wanted = set(stack.of_type("AWS::CloudWatch::Alarm").values())
    found = {alarm["AlarmName"]: alarm["AlarmActions"] for alarm in ministack.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    expect("alarms", set(found), wanted)
    expect("alarms that tell nobody", [name for name, actions in found.items() if not actions], [])
    return f"{len(found)} alarms"


PARTS = (log_groups, network, database, identity, web, devices, alarms)


def allow_deletion(ministack, stack):
    """What an operator does before a deployment that is really meant to go."""
    ministack.client("rds").modify_db_cluster(DBClusterIdentifier=stack.physical("Database.Cluster"), DeletionProtection=False)
