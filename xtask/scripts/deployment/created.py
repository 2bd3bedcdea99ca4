"""What a deployment must have made: compared with the template, service by service, because CREATE_COMPLETE alone says little."""

import json
import re
import time

import psycopg2

import transform
from deployment import elsewhere
from deployment.check import conclude, expect, known_gap
from deployment.postgres import ADMIN, DATABASE

# What CloudFormation should have put a value for. A lone "${" is none: ministack makes up secrets with punctuation, whatever is excluded.
UNRESOLVED = re.compile(r"{{resolve:|\${[A-Za-z0-9.:]+}")


def check(ministack, stack, postgres, source, template, values):
    """Asserts; yields one line per thing asserted. `source` is the template as written, `template` what was deployed."""
    context = (ministack, stack, source, template, values)
    for part in (functions, mappings, rules, routes, schedules, tables, queues, *elsewhere.PARTS):
        yield part(*context)
    yield schema(postgres)
    conclude("the deployment")


def functions(ministack, stack, source, template, values):
    """Configuration, environment and role of every function."""
    client, iam = ministack.client("lambda"), ministack.client("iam")
    made = stack.of_type("AWS::Lambda::Function")
    wanted = transform.of_type(template, "AWS::Lambda::Function")
    expect("functions", set(made), set(transform.of_type(source, "AWS::Serverless::Function")))
    for id, resource in wanted.items():
        properties = resource["Properties"]
        found = client.get_function_configuration(FunctionName=made[id])
        context = id.removesuffix("Function")
        for name, value in {
            "Runtime": "provided.al2023", "Handler": "bootstrap", "Architectures": [values["Architecture"]], "State": "Active",
            "MemorySize": properties["MemorySize"], "Timeout": properties["Timeout"],
        }.items():
            expect(f"{id} {name}", found[name], value)
        expect(f"{id} log group", found["LoggingConfig"]["LogGroup"], stack.physical(f"{context}Logs"))
        expect(f"{id} tracing", found["TracingConfig"]["Mode"], "Active")
        expect(f"{id} variables", set(found["Environment"]["Variables"]), set(properties["Environment"]["Variables"]))
        unresolved = [name for name, value in found["Environment"]["Variables"].items() if UNRESOLVED.search(value)]
        expect(f"{id} unresolved variables", unresolved, [])
        subnets = found.get("VpcConfig", {}).get("SubnetIds", [])
        if "VpcConfig" in properties:
            known_gap(f"{id} subnets", len(subnets), 2)
        else:
            expect(f"{id} subnets", subnets, [])
        role(iam, stack, template, values, f"{id}Role")
    return f"{len(made)} functions with their configuration, log groups, variables, roles and policies"


def role(iam, stack, template, values, id):
    """The inline policies of a role: as many statements as the template has, with the same actions, on named resources."""
    name, properties = stack.physical(id), template["Resources"][id]["Properties"]
    policies = {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}
    expect(f"{id} policies", set(iam.list_role_policies(RoleName=name)["PolicyNames"]), set(policies))
    for policy, wanted in policies.items():
        found = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        statements = transform.chosen(template, values, wanted["Statement"])
        expect(f"{id} {policy}", [s["Action"] for s in found["Statement"]], [s["Action"] for s in statements])
        for statement in found["Statement"]:
            if "NotResource" in statement:
                # Phones: what is left when everything of SNS that has an ARN is taken away.
                expect(f"{id} {policy} all but", (statement["Action"], statement["NotResource"]), ("sns:Publish", "arn:aws:sns:*:*:*"))
                continue
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            expect(f"{id} {policy} resources", [r for r in resources if not str(r).startswith("arn:aws:") or r.endswith(":*")], [])
    attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]}
    expect(f"{id} managed policies", attached, set(properties.get("ManagedPolicyArns", [])))


def mappings(ministack, stack, source, template, values):
    """Every event source mapping with its batches, filters and partial failures."""
    client = ministack.client("lambda")
    wanted = transform.of_type(template, "AWS::Lambda::EventSourceMapping")
    for id, resource in wanted.items():
        properties = resource["Properties"]
        found = client.get_event_source_mapping(UUID=stack.physical(id))
        expect(f"{id} state", found["State"], "Enabled")
        function = stack.physical(properties["FunctionName"]["Ref"])
        expect(f"{id} function", found["FunctionArn"].split(":")[6], function)
        source_id, attribute = properties["EventSourceArn"]["Fn::GetAtt"]
        name = stack.physical(source_id).rsplit("/", 1)[-1]
        expect(f"{id} source", name in found["EventSourceArn"] and ("/stream/" in found["EventSourceArn"]) == (attribute == "StreamArn"), True)
        expect(f"{id} partial failures", found["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        size = properties["BatchSize"]
        if isinstance(size, dict):
            (_, size, _) = size["Fn::If"]  # The window is the default of one second here, hence the larger batches.
        expect(f"{id} batch size", found["BatchSize"], size)
        if "StartingPosition" in properties:
            expect(f"{id} start", found["StartingPosition"], properties["StartingPosition"])
        expect(f"{id} filters", found.get("FilterCriteria", {}).get("Filters", []), properties.get("FilterCriteria", {}).get("Filters", []))
    listed = {mapping["UUID"] for mapping in client.list_event_source_mappings()["EventSourceMappings"]}
    expect("mappings", listed, {stack.physical(id) for id in wanted})
    return f"{len(wanted)} event source mappings with batch sizes, filters and partial failures"


def rules(ministack, stack, source, template, values):
    """Every IoT rule: its SQL, its queue, its error action, its role."""
    client = ministack.client("iot")
    wanted = transform.of_type(source, "AWS::IoT::TopicRule")
    outputs = stack.outputs()
    for id, resource in wanted.items():
        rule = client.get_topic_rule(ruleName=stack.physical(id))["rule"]
        payload = resource["Properties"]["TopicRulePayload"]
        expect(f"{id} SQL", rule["sql"].split(), payload["Sql"].split())
        expect(f"{id} version", rule["awsIotSqlVersion"], payload["AwsIotSqlVersion"])
        expect(f"{id} disabled", rule["ruleDisabled"], False)
        (action,) = rule["actions"]
        queues = ("PlateQueueUrl", "PlateDeadLetterQueueUrl") if payload["Sql"].endswith("/plate'") else ("IngestQueueUrl", "DeadLetterQueueUrl")
        for what, sqs, queue in zip(("action", "error action"), (action["sqs"], rule["errorAction"]["sqs"]), queues, strict=True):
            expect(f"{id} {what}", (sqs["queueUrl"], sqs["useBase64"]), (outputs[queue], False))
            expect(f"{id} {what} role", sqs["roleArn"].rsplit("/", 1)[-1], stack.physical("RulesRole"))
    return f"{len(wanted)} IoT rules with SQL, queue and error action"


def routes(ministack, stack, source, template, values):
    """Exactly the routes of the functions' events, those with an authorizer behind the user pool; the stage serves them."""
    client, api = ministack.client("apigatewayv2"), stack.physical("HttpApi")
    wanted = {}
    for function in transform.of_type(source, "AWS::Serverless::Function").values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                properties = event["Properties"]
                wanted[f"{properties['Method']} {properties['Path']}"] = "JWT" if "Auth" in properties else "NONE"
    found = client.get_routes(ApiId=api, MaxResults="500")["Items"]
    expect("routes", {route["RouteKey"]: route["AuthorizationType"] for route in found}, wanted)
    authorizers = {authorizer["Name"]: authorizer for authorizer in client.get_authorizers(ApiId=api)["Items"]}
    pool = stack.physical("Identity.UserPool")
    clients = {"Login": stack.physical("Identity.WebClient"), "Operators": stack.physical("Identity.OperatorClient")}
    expect("authorizers", set(authorizers), set(clients))
    for name, authorizer in authorizers.items():
        expect(f"{name} audience", authorizer["JwtConfiguration"]["Audience"], [clients[name]])
        expect(f"{name} issuer", authorizer["JwtConfiguration"]["Issuer"], f"https://cognito-idp.{transform.REGION}.amazonaws.com/{pool}")
    behind = {f"{route['RouteKey']}": route.get("AuthorizerId") for route in found if route["AuthorizationType"] == "JWT"}
    for key, authorizer in behind.items():
        name = "Operators" if "/v1/operator/" in key else "Login"
        expect(f"authorizer of {key}", authorizer, authorizers[name]["AuthorizerId"])
    cors = client.get_api(ApiId=api)["CorsConfiguration"]
    expect("CORS headers", cors.get("AllowHeaders"), source["Resources"]["HttpApi"]["Properties"]["CorsConfiguration"]["AllowHeaders"])
    (stage,) = client.get_stages(ApiId=api)["Items"]
    expect("stage", (stage["StageName"], stage["AutoDeploy"]), ("$default", True))
    return f"{len(found)} routes, {sum(1 for kind in wanted.values() if kind == 'JWT')} of them for tokens of the user pool only"


def schedules(ministack, stack, source, template, values):
    """Every schedule, its function and its input."""
    client = ministack.client("scheduler")
    wanted = transform.of_type(template, "AWS::Scheduler::Schedule")
    for id, resource in wanted.items():
        properties = resource["Properties"]
        found = client.get_schedule(Name=stack.physical(id))
        expect(f"{id} expression", found["ScheduleExpression"], properties["ScheduleExpression"])
        expect(f"{id} state", found["State"], "ENABLED")
        expect(f"{id} input", found["Target"]["Input"], properties["Target"]["Input"])
        expect(f"{id} target", found["Target"]["Arn"].split(":")[6], stack.physical(properties["Target"]["Arn"]["Fn::GetAtt"][0]))
        role(ministack.client("iam"), stack, template, values, properties["Target"]["RoleArn"]["Fn::GetAtt"][0])
    return f"{len(wanted)} schedule with its target and input"


def tables(ministack, stack, source, template, values):
    """Keys, billing, streams, and what a table must keep or forget."""
    client = ministack.client("dynamodb")
    wanted = transform.of_type(source, "AWS::DynamoDB::Table")
    for id, resource in wanted.items():
        properties, name = resource["Properties"], stack.physical(id)
        found = client.describe_table(TableName=name)["Table"]
        expect(f"{id} keys", found["KeySchema"], properties["KeySchema"])
        expect(f"{id} billing", found["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        expect(f"{id} stream", found.get("StreamSpecification", {}).get("StreamViewType"),
               properties.get("StreamSpecification", {}).get("StreamViewType"))
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        known_gap(f"{id} TTL", (ttl["TimeToLiveStatus"], ttl.get("AttributeName")), ("ENABLED", "expires_at"))
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        if properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
            known_gap(f"{id} PITR", recovery, "ENABLED")
        else:
            expect(f"{id} PITR", recovery, "DISABLED")
    return f"{len(wanted)} tables with keys, billing and streams"


def queues(ministack, stack, source, template, values):
    """Redrive, visibility, retention and encryption of the queues."""
    client, outputs = ministack.client("sqs"), stack.outputs()
    attributes = {key: client.get_queue_attributes(QueueUrl=outputs[f"{key}Url"], AttributeNames=["All"])["Attributes"]
                  for key in ("IngestQueue", "DeadLetterQueue", "PlateQueue", "PlateDeadLetterQueue")}
    for queue, letters in (("IngestQueue", "DeadLetterQueue"), ("PlateQueue", "PlateDeadLetterQueue")):
        redrive = json.loads(attributes[queue]["RedrivePolicy"])
        expect(f"{queue} redrive target", redrive["deadLetterTargetArn"], attributes[letters]["QueueArn"])
        expect(f"{queue} receives before the dead-letter queue", int(redrive["maxReceiveCount"]), 5)
        expect(f"{queue} visibility", attributes[queue]["VisibilityTimeout"], values["IngestVisibilitySeconds"])
    for name, found in attributes.items():
        expect(f"{name} retention", found["MessageRetentionPeriod"], "86400" if name.startswith("Plate") else "1209600")
        expect(f"{name} encryption", found["SqsManagedSseEnabled"], "true")
    return f"{len(attributes)} queues with redrive, visibility, retention and encryption"


def schema(postgres):
    """What the migration, run by the custom resource, has left in the database."""
    with psycopg2.connect(host="127.0.0.1", port=postgres.port, user=ADMIN, password=postgres.password, dbname=DATABASE,
                          sslmode="require") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolcanlogin, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'parvis_app'")
        expect("the functions' role", cursor.fetchone(), (True, False, False))
        cursor.execute("SELECT relname FROM pg_class JOIN pg_roles ON relowner = pg_roles.oid "
                       "WHERE relkind = 'p' AND rolname = 'parvis_app' ORDER BY relname")
        expect("partitioned tables", {name for (name,) in cursor} >= {"parking_reading", "parking_transition"}, True)
        cursor.execute("SELECT count(*), bool_and(success) FROM _sqlx_migrations")
        count, success = cursor.fetchone()
        expect("migrations", (count > 0, success), (True, True))
    return f"the migration has run: role, {count} migration(s), partitioned tables"


def delete(ministack, stack, source):
    """Deletes the stack: what the template retains must still be there, everything else must be gone."""
    tables = stack.of_type("AWS::DynamoDB::Table")
    retained = {tables[id] for id, resource in transform.of_type(source, "AWS::DynamoDB::Table").items()
                if resource["DeletionPolicy"].startswith("Retain")}
    functions = set(stack.of_type("AWS::Lambda::Function").values())
    elsewhere.allow_deletion(ministack, stack)
    stack.delete()
    # Tables are deleted a moment after the stack says so.
    deadline = time.monotonic() + 10
    while (left := set(ministack.client("dynamodb").list_tables()["TableNames"])) != retained and time.monotonic() < deadline:
        time.sleep(0.2)
    expect("tables left", left, retained)
    listed = {function["FunctionName"] for function in ministack.client("lambda").list_functions()["Functions"]}
    expect("functions left", listed & functions, set())
    expect("rules left", ministack.client("iot").list_topic_rules()["rules"], [])
    # Retained as well, but in a nested stack.
    known_gap("user pools kept", len(ministack.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]), 1)
    conclude("what the deletion left")
