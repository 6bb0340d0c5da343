# A target that says what it understood of a request, with the parsers of Python's own library.
import json, posixpath, sys, urllib.parse
from wsgiref.simple_server import WSGIRequestHandler, make_server


def understood(environ):
    path = environ.get('PATH_INFO', '')
    query = urllib.parse.parse_qs(environ.get('QUERY_STRING', ''), keep_blank_values=True)
    body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
    said = {
        'method': environ['REQUEST_METHOD'],
        'path': path,
        # What a file server makes of it.
        'normal': posixpath.normpath(path.encode('latin-1').decode('utf-8', 'replace')),
        'query': query,
        'header': environ.get('HTTP_X_ROLE', '').strip(),
    }
    try:
        said['json'] = json.loads(body)
    except ValueError:
        said['form'] = urllib.parse.parse_qs(body.decode('latin-1'), keep_blank_values=True)
    return said


def application(environ, start_response):
    said = understood(environ)
    try:
        answer = json.dumps(said, allow_nan=False).encode()
    except ValueError:
        # NaN has no place in what is answered; what stands beside it has.
        said['json'] = {name: value for name, value in said['json'].items() if isinstance(value, str)}
        answer = json.dumps(said).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(answer)))])
    return [answer]


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


with make_server('127.0.0.1', int(sys.argv[1]), application, handler_class=Quiet) as server:
    server.serve_forever()
