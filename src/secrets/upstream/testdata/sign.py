"""Signs requests as botocore does: a JSON list on standard input, a JSON list on standard output."""
import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNERS = {
    ('s3', 'header'): botocore.auth.S3SigV4Auth,
    ('s3', 'query'): botocore.auth.S3SigV4QueryAuth,
    ('other', 'header'): botocore.auth.SigV4Auth,
    ('other', 'query'): botocore.auth.SigV4QueryAuth,
}


def sign(one):
    when = datetime.datetime.strptime(one['timestamp'], '%Y%m%dT%H%M%SZ')
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: when
    request = AWSRequest(method=one['method'], url=one['url'], data=one.get('body', '').encode('latin1'))
    for name, value in one.get('headers', []):
        request.headers.add_header(name, value)
    if one.get('trailing'):
        request.context['checksum'] = {'request_algorithm': {'in': 'trailer'}}
    if one.get('unsigned'):
        request.context['payload_signing_enabled'] = False
    kind = 's3' if one['service'] == 's3' else 'other'
    where = one.get('where', 'header')
    more = {'expires': one['expires']} if where == 'query' else {}
    credentials = Credentials(one['accessKey'], one['secretKey'], one.get('sessionToken'))
    SIGNERS[kind, where](credentials, one['service'], one['region'], **more).add_auth(request)
    return {'url': request.url, 'headers': [[name, value] for name, value in request.headers.items()]}


json.dump([sign(one) for one in json.load(sys.stdin)], sys.stdout)
