"""doveadm's HTTP listeners: webmail's, support's, and postern-worker's own."""

import base64
import json
import re
import urllib.parse
from http.client import HTTPConnection

WEBMAIL, SUPPORT, WORKER = "webmail", "support", "worker"
DOORS = [WEBMAIL, SUPPORT, WORKER]


def url(sandbox, door):
    return {WEBMAIL: sandbox.doveadm_http_url, SUPPORT: sandbox.doveadm_support_url,
            WORKER: sandbox.doveadm_worker_url}[door]


def worker_password(sandbox):
    with open(sandbox.worker_secrets_file, encoding="ascii") as file:
        return re.search(r"\[doveadm\]\npassword = (\S+)\n", file.read())[1]


def encode(text):
    return base64.b64encode(text.encode()).decode()


def key(sandbox, door):
    """The Authorization header that opens the door."""
    if door == WEBMAIL:
        return "X-Dovecot-API " + encode(sandbox.doveadm_api_key)
    password = sandbox.doveadm_support_password if door == SUPPORT else worker_password(sandbox)
    return "Basic " + encode("doveadm:" + password)


def post(address, authorization, calls):
    """The HTTP status and what came back, None for nothing."""
    place = urllib.parse.urlsplit(address)
    # Not urllib's own client: it says "Connection: close", and then Dovecot says nothing to refuse.
    connection = HTTPConnection(place.hostname, place.port, timeout=20)
    try:
        connection.request("POST", place.path, json.dumps(calls).encode(),
                           {"Authorization": authorization, "Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if response.status == 200 else None
    finally:
        connection.close()


def http(sandbox, *commands, door=WEBMAIL):
    """Posts [name, parameters] pairs; returns what came back for each: kind and content."""
    calls = [[name, parameters, f"tag{i}"] for i, (name, parameters) in enumerate(commands)]
    status, answers = post(url(sandbox, door), key(sandbox, door), calls)
    assert status == 200
    assert [tag for *_, tag in answers] == [f"tag{i}" for i in range(len(calls))]
    return [(kind, content) for kind, content, _ in answers]


def http_rows(sandbox, name, door=WEBMAIL, **parameters):
    (kind, rows), = http(sandbox, [name, parameters], door=door)
    assert kind == "doveadmResponse", rows
    return rows


def support_rows(sandbox, name, **parameters):
    return http_rows(sandbox, name, door=SUPPORT, **parameters)
