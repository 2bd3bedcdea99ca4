"""Under AUTH=true: that policies are really enforced, and that a device's certificate is worth no more than its policy says."""

import contextlib
import json
import socket
import ssl

from botocore.exceptions import ClientError

from deployment.check import conclude, expect, known_gap
from deployment.target import certificate

PATIENCE = 5
CONNACK, PUBACK = 0x20, 0x40


def check(ministack, stack, directory):
    """Asserts; yields one line per thing asserted."""
    yield nobody_without_a_policy(ministack, stack)
    yield function_without_its_policy(ministack, stack)
    yield device(ministack, stack, directory)
    conclude("what policies allow")


def denied(call, **arguments):
    """Whether a call is refused for want of a permission."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return False


def nobody_without_a_policy(ministack, stack):
    """A user without policies may nothing: enforcement is on, and what passes below means something."""
    iam = ministack.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    tables = ministack.client("dynamodb", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    expect("a user without policies is refused", denied(tables.list_tables), True)
    iam.delete_access_key(UserName="nobody", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="nobody")
    return "a user without policies is refused"


def function_without_its_policy(ministack, stack):
    """A function whose role loses its policy fails; so the flows that pass do so because of the template's policies."""
    iam, client = ministack.client("iam"), ministack.client("lambda")
    role, function = stack.physical("IngestFunctionRole"), stack.physical("IngestFunction")
    silence = json.dumps({"task": "find-silent-sensors"})
    expect("ingest with its policy", "FunctionError" in client.invoke(FunctionName=function, Payload=silence), False)
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=name)
    answer = client.invoke(FunctionName=function, Payload=silence)
    expect("ingest without its policy fails", "FunctionError" in answer, True)
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    return "ingest works with its policy and fails without it"


def device(ministack, stack, directory):
    """A space sensor of the template's policy connects as itself only, publishes nobody else's topics, and subscribes to nothing."""
    iot, name = ministack.client("iot"), "sensor-north-1"
    attributes = {"place": "hall", "place_zone": "North", "space": "1"}
    iot.create_thing(thingName=name, attributePayload={"attributes": attributes})
    arn, files = certificate(ministack, [stack.physical("Devices.SpaceSensorPolicy")], directory, name)
    iot.attach_thing_principal(thingName=name, principal=arn)
    expect("a sensor connects as itself", answer(ministack, files, name), CONNACK)
    expect("a sensor connects as another", answer(ministack, files, "sensor-north-2"), None)
    own, other = "hall/parking/North/place_1", "hall/parking/North/place_2"
    expect("a sensor publishes for another space", answer(ministack, files, name, publish(other)), None)
    expect("a sensor subscribes", answer(ministack, files, name, subscribe("hall/parking/#")), None)
    # ministack knows no thing attributes in policies, so what is allowed by them is refused as well.
    known_gap("a sensor publishes for its own space", answer(ministack, files, name, publish(own)), PUBACK)
    return "a sensor's certificate connects as itself, and neither speaks for another nor listens"


def answer(ministack, files, client_id, packet=None):
    """The kind of packet that the broker answers with: to a CONNECT, or to `packet` after it; None when it hangs up."""
    context = ssl.create_default_context(cafile=files["ca"])
    context.load_cert_chain(files["certificate"], files["key"])
    with contextlib.closing(socket.create_connection(("localhost", ministack.mqtt_port), PATIENCE)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            for sent in filter(None, (connect(client_id), packet)):
                connection.sendall(sent)
                header = connection.recv(2)
                if len(header) < 2:
                    return None
                connection.recv(header[1])
            return header[0] & 0xF0


def connect(client_id):
    """CONNECT of MQTT 3.1.1 with a clean session."""
    return _packet(0x10, _text("MQTT") + bytes([4, 2, 0, 60]) + _text(client_id))


def publish(topic):
    """PUBLISH with QoS 1."""
    return _packet(0x32, _text(topic) + b"\0\1" + b"{}")


def subscribe(topic_filter):
    """SUBSCRIBE to one filter."""
    return _packet(0x82, b"\0\1" + _text(topic_filter) + b"\0")


def _packet(kind, body):
    # Short enough for a length of one byte.
    return bytes([kind, len(body)]) + body


def _text(text):
    return len(text).to_bytes(2, "big") + text.encode()
