"""Who uses the deployment: people with roles, devices with certificates, and the file that tells the tests."""

import base64
import hashlib
import html
import json
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request

from transform import REGION

ROLES = ("admin", "manager", "agent", "driver")
PASSWORD = "Test-Parvis-2026"


class _KeepRedirects(urllib.request.HTTPRedirectHandler):
    """Shows redirects instead of following them: the last one goes to the web application, which is not served here."""

    def redirect_request(self, *_):
        return None


def people(ministack, stack):
    """Makes one user per role and logs each in as the web application does; returns the access tokens by role."""
    cognito = ministack.client("cognito-idp")
    pool, client = stack.physical("Identity.UserPool"), stack.physical("Identity.WebClient")
    tokens = {}
    for role in ROLES:
        email = f"{role}@parvis.example"
        cognito.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS",
                                  UserAttributes=[{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}])
        cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=PASSWORD, Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=role)
        tokens[role] = log_in(ministack.url, f"{stack.outputs()['WebUrl']}/login/callback", client, email)
    return tokens


def log_in(base, callback, client, email):
    """The authorization code flow with PKCE of a public client; returns the access token."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    opener = urllib.request.build_opener(_KeepRedirects)
    query = {"response_type": "code", "client_id": client, "redirect_uri": callback, "scope": "openid email profile",
             "state": secrets.token_urlsafe(8), "code_challenge": challenge, "code_challenge_method": "S256"}
    page = opener.open(f"{base}/oauth2/authorize?{urllib.parse.urlencode(query)}").read().decode()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    form = {name: html.unescape(value) for name, value in hidden.items()} | {"username": email, "password": PASSWORD}
    try:
        answer = opener.open(f"{base}/login", urllib.parse.urlencode(form).encode())
        raise SystemExit(f"the login of {email} led nowhere: {answer.status} {answer.read()[:500]!r}")
    except urllib.error.HTTPError as redirect:
        location = redirect.headers.get("location", "")
        if redirect.code not in (302, 303) or not location.startswith(callback):
            raise SystemExit(f"the login of {email} failed: {redirect.code} {redirect.read()[:500]!r}") from redirect
    answered = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
    if answered["state"] != [query["state"]]:
        raise SystemExit("the login answered with another state")
    grant = {"grant_type": "authorization_code", "client_id": client, "redirect_uri": callback,
             "code": answered["code"][0], "code_verifier": verifier}
    with urllib.request.urlopen(f"{base}/oauth2/token", urllib.parse.urlencode(grant).encode()) as response:
        return json.load(response)["access_token"]


def certificate(ministack, policies, directory, name):
    """A device certificate with policies; returns its id and the files that a client needs."""
    iot = ministack.client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    for policy in policies:
        iot.attach_policy(policyName=policy, target=made["certificateArn"])
    with urllib.request.urlopen(f"{ministack.url}/_ministack/iot/ca.pem") as response:
        authority = response.read()
    files = {"ca": authority, "certificate": made["certificatePem"].encode(), "key": made["keyPair"]["PrivateKey"].encode()}
    paths = {}
    for part, content in files.items():
        path = directory / f"{name}-{part}.pem"
        path.write_bytes(content)
        paths[part] = str(path)
    return made["certificateArn"], paths


def test_certificate(ministack, directory):
    """The certificate of the tests' devices, which stand for all devices of the city: its policy allows every topic."""
    policy = "parvis-tests"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    ministack.client("iot").create_policy(policyName=policy, policyDocument=json.dumps(document))
    return certificate(ministack, [policy], directory, "tests")[1]


def seed(api, token, places):
    """Creates the places of a file as an administrator does."""
    for place in places:
        request = urllib.request.Request(f"{api}/v1/places", json.dumps(place).encode(), method="POST", headers={
            "authorization": f"Bearer {token}", "content-type": "application/json"})
        with urllib.request.urlopen(request) as response:
            if response.status != 201:
                raise SystemExit(f"{place['id']} was not created: {response.status}")


def describe(ministack, stack, tokens, tls, timezone):
    """What crates/testkit wants to know of a deployment (PARVIS_TARGET)."""
    outputs = stack.outputs()
    iot_host = f"data.iot.{REGION}.localhost:{ministack.port}"
    # Under AUTH=true the WebSocket of IoT wants a signature; that of root is not verified.
    credential = urllib.parse.urlencode({"X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                                         "X-Amz-Credential": f"test/20260101/{REGION}/iotdevicegateway/aws4_request"})
    return {
        "api": f"{ministack.url}/_aws/execute-api/{stack.physical('HttpApi')}/$default",
        "mqtt": f"localhost:{ministack.mqtt_port}",
        "mqtt_tls": tls,
        "ws": f"ws://localhost:{ministack.port}/mqtt?{credential}",
        "ws_host": iot_host,
        "sqs": ministack.url,
        "dead_letter_queue": outputs["DeadLetterQueueUrl"],
        "ingest_queue": outputs["IngestQueueUrl"],
        "timezone": timezone,
        "tokens": tokens,
    }
