"""Mutations of HTTP requests: what a broken or hostile client might send. Each takes its choices from the generator given."""
import json
import re
import urllib.parse
from dataclasses import dataclass, field

DEEP = [("(", ")"), ("[", "]"), ("{", "}"), ('{"a":', "}"), ('[{"a":', "}]"), ("NOT ", ""), ("-", ""), ("!", ""), ("not ", ""),
        ("States.Array(", ")"), ("$string(", ")"), ("if_not_exists(a, ", ")"), ("list_append(a, ", ")"), ("a.", ""), ("a[0]", ""), ("- ", ""),
        ("!Sub ", ""), ("{% (", ") %}"), ("$.a[?(", ")]"), ("function($x){", "}"), ("a ? b : ", "c"), ("<a>", "</a>"), ("&a [*a,", "]")]
TEXTS = ["", " ", "\0", "\x7f", "é", "\U0001f600", "\u202e", "\ufeff", "%", "%zz", "%c3", "../../etc", "/", "//", "{{", "${", "${}", "$.", "$$.", "$[", "$..*", "<", "<>", "<a", "]]>", "'", '"', "\\",
         "\\u", "*", "**", "?", ":", "::::::", "arn:", "arn:aws:::::", "arn:aws:sqs:us-east-1:000000000000:é", "-1", "NaN", "Infinity", "1e999", "1E-400", "99999999999999999999",
         "-9223372036854775809", "0x10", "true", "null", "[]", "{}", "[null]", '{"a":null}', "rate(0 minutes)", "rate(99999999999999999999 days)", "cron(* * * * * *)", "cron(0 0 31 2 ? 9999)",
         "at(9999-12-31T23:59:59)", "2026-99-99T99:99:99Z", "0000-00-00", "0.0.0.0/0", "10.0.0.0/33", "::/129", "é:é", "PT1S", "{% %}", "{% $ %}", "{% 1/0 %}", "{% $match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', /(a+)+$/) %}",
         "{% [1..9999999999] %}", "{% (function($n){$n()})(1) %}", "{% $pad('', 999999999) %}", "States.ArrayRange(0, 999999999, 1)", "States.Format('{}')", "States.MathRandom(9, 1)", "#", "# #", ":v :v", "SELECT * FROM", "%1%", "[...]", "{ $.a[9999999999999999999] = * }"]
NUMBERS = [0, -1, 1, 2, 0.5, -0.0, 255, 65536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 1e19, 1e308, -1e308, 5e-324, 253402300800, 10**30]
SPLICES = list("()[]{}'\"\\%*?$.,:;<>=^|&#@!~`/+- \t\n0é\0") + ["\U0001f600", "..", "&&", "||", "\r\n", "999999999999"]
TYPES = ["application/json", "application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/xml", "text/plain; charset=utf-16", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "", ";;;"]
HOSTS = ["", "localhost", "127.0.0.1:99999", "fuzz-bucket.s3.amazonaws.com", "é.localhost", "..localhost", ".s3.amazonaws.com", "evil.example", "[::1]", "a" * 300 + ".localhost", "fuzz-bucket.s3.localhost.localstack.cloud:4566",
         "stream-.localhost", "127.0.0.1:4566:4566", "s3.us-east-1.amazonaws.com", "sqs.us-east-1.amazonaws.com"]
ODD_HEADERS = [("Range", "bytes=5-2"), ("Range", "bytes=-0"), ("Range", "bytes=0-18446744073709551615"), ("Range", "bytes=18446744073709551615-"), ("Range", "bytes=a-é"), ("Content-MD5", "é"), ("Content-MD5", "AAAA"), ("If-Match", '"'),
               ("If-Modified-Since", "Thu, 99 Foo 99999 99:99:99 GMT"), ("If-None-Match", "*"), ("x-amz-copy-source", "é"), ("x-amz-copy-source", "%"), ("x-amz-copy-source", "/"), ("x-amz-copy-source-range", "bytes=9-1"),
               ("x-amz-content-sha256", "0" * 64), ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ("x-amz-content-sha256", "é"), ("x-amz-decoded-content-length", "-1"), ("x-amz-decoded-content-length", "18446744073709551616"),
               ("x-amz-checksum-crc32", "zz"), ("x-amz-checksum-algorithm", "NONE"), ("x-amz-sdk-checksum-algorithm", "CRC64NVME"), ("x-amz-trailer", "x-amz-checksum-crc32c"), ("x-amz-tagging", "a=%zz&&=&a"), ("x-amz-meta-é", "é"),
               ("Expect", "100-continue"), ("Expect", "é"), ("Transfer-Encoding", "gzip"), ("Content-Encoding", "aws-chunked"), ("Content-Encoding", "gzip"), ("Content-Length", "-1"), ("Content-Length", "99999999999999999999"),
               ("Authorization", "AWS4-HMAC-SHA256 Credential="), ("Authorization", "AWS4-HMAC-SHA256 Credential=////é////"), ("Authorization", "AWS :"), ("Authorization", "Bearer"), ("Origin", "null"), ("Origin", "http://evil.example"),
               ("X-Amz-Target", "."), ("X-Amz-Target", "é.é"), ("X-Amz-Target", "DynamoDB_20120810."), ("X-Amz-Target", "AmazonSQS.CreateQueue"), ("X-Amz-Target", "Logs_20140328.StartLiveTail"), ("x-amz-invocation-type", "Event"),
               ("x-amz-log-type", "Tail"), ("Connection", "upgrade"), ("Upgrade", "h2c"), ("Cookie", "a" * 9000), ("x-amz-date", "é"), ("x-amz-security-token", "\x01")]
# The largest body that the endpoint takes of JSON and forms.
LARGEST = 16 * 1024 * 1024
# Bodies longer than this are not taken apart again.
LONG = 100_000


@dataclass
class Request:
    """A request on its way to be broken; `sending` says how its bytes go out."""

    service: str
    operation: str
    method: str
    path: str
    headers: list
    body: bytes
    sending: str = "whole"
    cut: float = 1.0
    mutations: list = field(default_factory=list)

    def header(self, name, value):
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()] + [(name, value)]

    def is_json(self):
        return self.body[:1] == b"{"

    def is_form(self):
        return self.body.startswith(b"Action=")


def text(random, old=""):
    """A text of another making, or the old one with something done to it."""
    way = random.randrange(7)
    if way == 0 or not isinstance(old, str):
        return random.choice(TEXTS)
    if way == 1:
        return old + random.choice(TEXTS)
    if way == 2:
        opening, closing = random.choice(DEEP)
        depth = random.choice([3, 60, 120, 1000, 20000])
        return opening * depth + old[:200] + closing * depth
    if way == 3:
        return random.choice(["a", "é", "a*", "\U0001f600", " ", "0", ","]) * random.choice([255, 2049, 70_000, 300_000])
    if way == 4 and len(old) > 1:
        end = random.randrange(len(old))
        return old[:end] + old[end + random.randrange(1, 4):]
    spliced = list(old)
    for _ in range(random.choice([1, 1, 2, 5])):
        spliced.insert(random.randint(0, len(spliced)), random.choice(SPLICES))
    return "".join(spliced)


def places(value, path=()):
    """Every place within a JSON value."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield from places(member, (*path, name))


def other(random, old):
    """A value in the place of the old one."""
    if isinstance(old, str) and old[:1] in ("{", "[") and random.random() < 0.7:
        try:
            return json.dumps(tree(random, json.loads(old)), ensure_ascii=random.random() < 0.5)
        except ValueError:
            pass
    if isinstance(old, str) and random.random() < 0.7:
        return text(random, old)
    if isinstance(old, (int, float)) and not isinstance(old, bool) and random.random() < 0.7:
        return random.choice(NUMBERS)
    deep = []
    for _ in range(random.choice([1, 60, 110])):
        deep = random.choice([[deep], {"a": deep}, {"Fn::Not": [deep]}, {"$or": [deep, 1]}])
    return random.choice([None, True, [], {}, [None], "", text(random), random.choice(NUMBERS), deep, [old] * 300, {"a": old}, {"": old}, {"S": 1}, {"N": "x"}])


def tree(random, value):
    """A JSON value with one place changed, taken out, doubled or renamed."""
    found = list(places(value))
    path = random.choice(found[1:] or found)
    if not path:
        return other(random, value)
    inner = value
    for name in path[:-1]:
        inner = inner[name]
    last, way = path[-1], random.randrange(10)
    if way == 0:
        del inner[last]
    elif way == 1 and isinstance(inner, dict):
        inner[text(random, str(last))] = inner.pop(last)
    elif way == 2 and isinstance(inner, list):
        inner.extend([inner[last]] * random.choice([1, 10, 200]))
    else:
        inner[last] = other(random, inner[last])
    return value


def members(request, random):
    if len(request.body) > LONG:
        return flipped(request, random)
    if request.is_json():
        value = json.loads(request.body)
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            value = tree(random, value)
        request.body = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    elif request.is_form():
        pairs = urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True)
        at = random.randrange(min(2, len(pairs) - 1), len(pairs))
        name, value = pairs[at]
        way = random.randrange(8)
        if way == 0:
            del pairs[at]
        elif way == 1:
            pairs[at] = (random.choice([name + ".1", name + ".member.1", name + ".", "." + name, name + ".18446744073709551616", name + ".1" * 40, name + ".entry.99999999.key", text(random, name)]), value)
        elif way == 2:
            pairs += [(f"{name}.member.{n}", value) for n in range(300)]
        else:
            pairs[at] = (name, str(other(random, value)))
        request.body = urllib.parse.urlencode(pairs, errors="surrogatepass").encode()
    elif request.body[:1] == b"<":
        xml = request.body.decode()
        spots = list(re.finditer(r">([^<]*)<|<(/?\w+)", xml))
        spot = random.choice(spots)
        group = 1 if spot[1] is not None else 2
        xml = xml[:spot.start(group)] + text(random, spot[group])[:100_000] + xml[spot.end(group):]
        request.body = xml.encode("utf-8", "surrogatepass")
    else:
        return path(request, random)


def doubled(request, random):
    """A member twice, in a way that no serializer writes."""
    if request.is_json() and len(request.body) > 2:
        request.body = request.body[:-1] + b"," + request.body[1:]
    else:
        request.body += b"&" + request.body


def flipped(request, random):
    body = bytearray(request.body or b"{}")
    for _ in range(random.choice([1, 1, 3, 20])):
        body[random.randrange(len(body))] = random.choice([0, 0xFF, 0xC3, 0xED, 0x80, *b'"{}[]<>&=%,', random.randrange(256)])
    request.body = bytes(body)


def ended(request, random):
    request.body = request.body[: random.randrange(len(request.body))] if request.body else b"{"


def replaced(request, random):
    depth = random.choice([100, 127, 129, 5000, 100_000])
    request.body = random.choice([b"null", b"[]", b'"a"', b"0", b"{", b"\xff\xfe", b"\0" * 999, b"{}" * 2, b"{" * depth, b"[" * depth, b'{"a":' * depth, b"<a>" * depth, b"<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>",
                                  b"Action", b"Action=", b"&&&==&%", b"Action=%ff", b"a.1.1.1=" * 99, b"<?xml version='9' encoding='utf-32'?>", b"- " * depth, b'{"\\ud800":"\\udc00"}', b"1e999", b"PK\x03\x04" + b"\xff" * 99])


def headers(request, random):
    for _ in range(random.choice([1, 1, 2])):
        name, value = random.choice(ODD_HEADERS)
        if random.random() < 0.3:
            request.headers.append((name, value))
        else:
            request.header(name, value)
    if any(n in ("Expect", "Transfer-Encoding", "Content-Length") for n, _ in request.headers):
        request.sending = "odd"


def many_headers(request, random):
    request.headers += [(f"x-amz-meta-{n}", "é" * random.choice([1, 50])) for n in range(random.choice([60, 99, 300, 2000]))]


def spliced_header(request, random):
    at = random.randrange(len(request.headers))
    name, value = request.headers[at]
    request.headers[at] = (name, re.sub(r"[\r\n\0]", "", text(random, value))[:9000])


def kind(request, random):
    request.header("Content-Type", random.choice(TYPES))


def target(request, random):
    chosen = dict((n.lower(), v) for n, v in request.headers).get("x-amz-target")
    if chosen:
        request.header("X-Amz-Target", random.choice([text(random, chosen)[:9000], chosen.split(".")[0], chosen + ".", chosen.lower(), "AWSLogs." + chosen]).translate({10: None, 13: None, 0: None}))
    else:
        request.method = random.choice(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO"])


def host(request, random):
    request.header("Host", random.choice(HOSTS))


def path(request, random):
    way = random.randrange(6)
    where, _, query = request.path.partition("?")
    odd = urllib.parse.quote(text(random, "a")[:3000].encode("utf-8", "surrogatepass"), safe=random.choice(["", "/", "/%=&"]))
    if way == 0:
        where = where + random.choice(["/", "//", "/..", "/%2e%2e", "/%00", "/%ff%fe", "%", "%2", "/" + odd])
    elif way == 1 and where.count("/") > 1:
        parts = where.split("/")
        parts[random.randrange(1, len(parts))] = odd
        where = "/".join(parts)
    elif way == 2:
        query += "&" + random.choice(["uploads", "uploadId=" + odd, "partNumber=99999", "partNumber=0&uploadId=a", "tagging", "acl", "policy", "versionId=" + odd, "list-type=2&max-keys=-1", "list-type=2&max-keys=99999999999", "continuation-token=" + odd,
                                      "list-type=2&delimiter=%C3&start-after=" + odd, "encoding-type=url&marker=%ff", "delete", "versions", "notification", "select&select-type=2", "torrent", "MaxItems=-1", "Marker=" + odd, "Action=" + odd, "=", "%zz=%zz", "MaxResults=1e9",
                                      "X-Amz-Signature=a&X-Amz-Date=20261121T000000Z&X-Amz-Expires=99999999999999999", "X-Amz-Signature=a&X-Amz-Date=é&X-Amz-Expires=1".replace("é", "%C3%A9"), "Signature=a&AWSAccessKeyId=a&Expires=-1", "response-expires=" + odd, "response-content-type=%0d%0a"])
    elif way == 3:
        where = random.choice(["*", "/", "//", "/" + "a" * 9000, "/" + "a/" * 3000, "http://127.0.0.1/x", "/fuzz-bucket/" + odd, "/" + odd + "/k", "/2015-03-31/functions/" + odd + "/invocations", "/tags/" + odd, "/schedules/" + odd, "/_localstack/health", "/_vaultscope/trace", "/_vaultscope/ecs/" + odd, "/_vaultscope/" + odd, "/000000000000/fuzz"])
    else:
        query = "&".join(urllib.parse.quote_plus(text(random, pair)[:3000].encode("utf-8", "surrogatepass"), safe="=%") for pair in query.split("&") or [""])
    request.path = where + ("?" + query if query else "")


def truncated(request, random):
    request.sending, request.cut = random.choice(["half closed", "reset"]), random.random()
    request.body = request.body or b"x" * 100


def chunked(request, random):
    request.sending = "chunked"


def bad_chunks(request, random):
    request.sending = "bad chunks"
    size = f"{len(request.body):x}".encode()
    request.body = random.choice([b"zz\r\n" + request.body, b"ffffffffffffffffff\r\n" + request.body, size + b"\r\n" + request.body + b"0\r\n\r\n", b"-1\r\n", size + b"\n" + request.body + b"\n0\n\n", size + b";" + b"a" * 20000 + b"\r\n" + request.body + b"\r\n0\r\n\r\n",
                                  size + b"\r\n" + request.body + b"\r\n0\r\n" + b"a: b\r\n" * 3000 + b"\r\n", b"0\r\n" + b"\xff: \xff\r\n\r\n", size + b"\r\n" + request.body[:-1], b"\r\n\r\n"])


def frames(request, random):
    """The body in frames of aws-chunked, most of them bad."""
    body = request.body
    size = f"{len(body):x}".encode()
    signed = b";chunk-signature=" + b"0" * 64
    trailer = b"0\r\nx-amz-checksum-crc32:" + random.choice([b"AAAAAA==", b"", b"\xff", b"a" * 9000]) + b"\r\n\r\n"
    request.body = random.choice([size + b"\r\n" + body + b"\r\n" + trailer, size + signed + b"\r\n" + body + b"\r\n0" + signed + b"\r\n\r\n", b"zz\r\n" + body, b"ffffffffffffffff\r\n" + body, b"fffffffffffffffff0\r\n" + body, size + b"\r\n" + body, b"a" * 70_000, body,
                                  b"0\r\n" + b"a:b\r\n" * 9000 + b"\r\n", b"", size + b"\r\n" + body + b"XX0\r\n\r\n", b"-1\r\n\r\n", size + b";" + b"x" * 70_000, b"0\r\n\r\n" + body])
    request.header("Content-Encoding", "aws-chunked")
    request.header("x-amz-content-sha256", random.choice(["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-"]))
    request.header("x-amz-decoded-content-length", random.choice([str(len(body)), str(len(body)), "0", "1", "99999999", "a"]))


def oversize(request, random):
    if request.service == "s3" and request.operation in ("PutObject", "UploadPart"):
        return frames(request, random)
    request.body = request.body[:-1] + random.choice([b" ", b"a", b"[", b"\xff"]) * random.choice([300_000, 1_500_000, 1_500_000, LARGEST + 1])


WEIGHTS = {members: 50, doubled: 2, flipped: 8, ended: 3, replaced: 4, headers: 7, many_headers: 1, spliced_header: 3, kind: 2, target: 3, host: 2, path: 8, truncated: 4, chunked: 1, bad_chunks: 3, frames: 1, oversize: 2}


def mutate(request, random):
    """Breaks a request in one to three ways."""
    weights = dict(WEIGHTS)
    if request.service == "s3":
        weights.update({frames: 25, headers: 30, path: 30})
    for mutation in random.choices(list(weights), weights.values(), k=random.choice([1, 1, 1, 2, 3])):
        request.mutations.append(mutation.__name__)
        try:
            mutation(request, random)
        except (ValueError, TypeError, IndexError, RecursionError):
            request.mutations.append("(could not)")
    return request
