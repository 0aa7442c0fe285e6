# fetch.py - downloads the files of a model that is not on the Hub, into a folder as hf makes it:
# blobs named by their hashes, and a snapshot of links to them. python3 alone, 3.6 or later.
#	dir       the model's folder in the cache of models
#	commit    the name of the snapshot
#	revision  what names it until there is another one
#	auth      bearer: the first line of stdin is a token. cookie: it is one for ModelScope. aws: requests are signed for S3 with an access
#	          key, a secret key and perhaps a session token, a line each
#	region    of the bucket
#	limit     seconds without a byte
# stdin: the lines of auth and "begin", then a line for each file, SIZE, TAB, BLOB, TAB, PATH, TAB, URL, TAB, ETAG
# ("-": none is known), and "end". What is whole is left as it is, half a file is continued, and a
# file gets its name after its hash was verified.
import hashlib
import hmac
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

AT_ONCE = 8         # files
TRIES = 6           # of a file without any progress
PIECE = 1 << 20     # bytes

arg = dict(word.split("=", 1) for word in sys.argv[1:])
home, commit, auth = arg["dir"], arg["commit"], arg.get("auth", "")
limit = int(arg["limit"])
snapshot = os.path.join(home, "snapshots", commit)
secrets = []
noting = threading.Lock()
stop = threading.Event()


class Failed(Exception):
    """It makes no sense to try again."""


def origin(url):
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


class Redirects(urllib.request.HTTPRedirectHandler):
    """Secrets stay with their host, and what is encrypted stays encrypted."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise Failed("%s redirects to %s, which is not encrypted" % (req.full_url, newurl))
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new and origin(req.full_url) != origin(newurl):
            for name in list(new.headers):
                if name.lower() in ("authorization", "cookie") or name.lower().startswith("x-amz-"):
                    del new.headers[name]
        return new


opener = urllib.request.build_opener(Redirects)


def signed(url):
    """The headers that prove to S3 who asks (AWS Signature Version 4). The URL is escaped as S3 wants."""
    parts = urllib.parse.urlsplit(url)
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = "%s/%s/s3/aws4_request" % (now[:8], arg["region"])
    headers = {"host": parts.netloc, "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), "x-amz-date": now}
    if len(secrets) > 2:
        headers["x-amz-security-token"] = secrets[2]
    names = ";".join(sorted(headers))
    request = "\n".join(["GET", parts.path or "/", parts.query] +
                        ["%s:%s" % (name, headers[name]) for name in sorted(headers)] +
                        ["", names, headers["x-amz-content-sha256"]])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + secrets[1]).encode()
    for word in scope.split("/") + [to_sign]:
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        secrets[0], scope, names, key.hex())
    del headers["host"]
    return headers


def ask(url, start, etag):
    """Opens the file from a byte on."""
    request = urllib.request.Request(url, headers={"User-Agent": "dray", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", "bytes=%d-" % start)
    if etag != "-":
        request.add_header("If-Match", etag)
    if auth == "bearer" and secrets:
        request.add_header("Authorization", "Bearer " + secrets[0])
    if auth == "cookie" and secrets:
        request.add_header("Cookie", "m_session_id=" + secrets[0])
    if auth == "aws":
        for name, value in signed(url).items():
            request.add_header(name, value)
    return opener.open(request, timeout=limit)


def hash_of(size, blob):
    """What counts as the name of the blob, or None."""
    if len(blob) == 64:
        return hashlib.sha256()
    if len(blob) == 40:
        return hashlib.sha1(b"blob %d\0" % size)
    return hashlib.md5() if len(blob) == 32 else None


def hashed(path, size, blob):
    """The hash of as much of a file as is there."""
    state = hash_of(size, blob)
    if state:
        with open(path, "rb") as f:
            for piece in iter(lambda: f.read(PIECE), b""):
                state.update(piece)
    return state


def is_right(state, blob):
    return state is None or state.hexdigest() == blob


def append(part, size, blob, url, etag, state):
    """Continues a part, and returns the hash of what is there then."""
    at = os.path.getsize(part)
    with ask(url, at, etag) as answer, open(part, "r+b") as f:
        if at and answer.status == 206:
            said = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
            if not said or int(said.group(1)) != at:
                raise Failed("%s: the server sent another part than was asked for" % url)
            f.seek(at)
        elif at:
            state = hash_of(size, blob)
            at = 0
            f.truncate(0)
        while at <= size and not stop.is_set():
            piece = answer.read(PIECE)
            if not piece:
                break
            f.write(piece)
            if state:
                state.update(piece)
            at += len(piece)
    return state


def explain(error, url):
    """The error if trying again is of no use, else None."""
    if isinstance(error, urllib.error.HTTPError):
        if error.code in (401, 403):
            said = re.search(rb"<Code>(\w+)</Code>", error.read(4096))
            return "the server refuses %s (status %d%s)" % (
                url, error.code, ", " + said.group(1).decode() if said else "")
        if error.code in (404, 410):
            return "the server has no %s any more" % url
        if error.code == 412:
            return "%s has changed since the plan: plan again" % url
    reason = getattr(error, "reason", error)
    if "CERTIFICATE_VERIFY_FAILED" in str(reason):
        return "%s: %s (model.ca names the authorities to trust)" % (url, reason)
    return None


def fetch(part, size, blob, path, url, etag):
    """Brings all of the file into part."""
    tries, wrong = 0, False
    open(part, "ab").close()
    if os.path.getsize(part) > size:
        os.truncate(part, 0)
    state = hashed(part, size, blob)
    while not stop.is_set():
        before = os.path.getsize(part)
        error = None
        if before < size:
            try:
                state = append(part, size, blob, url, etag, state)
            except Failed:
                raise
            except urllib.error.HTTPError as e:
                if e.code == 416:
                    os.truncate(part, 0)
                why = explain(e, url)
                if why:
                    raise Failed(why)
                error = "%s: status %d" % (url, e.code)
            except Exception as e:
                if getattr(e, "errno", None) == 28:
                    raise Failed("no space left in '%s'" % home)
                why = explain(e, url)
                if why:
                    raise Failed(why)
                error = "%s: %s" % (url, getattr(e, "reason", e))
            if error:
                state = hashed(part, size, blob)
        now = os.path.getsize(part)
        if now > size:
            os.truncate(part, 0)
            raise Failed("'%s': the server sends more than the %d bytes that its list says" % (path, size))
        if now == size and is_right(state, blob):
            return
        if now == size:
            os.truncate(part, 0)
            state = hash_of(size, blob)
            if wrong or not before:
                raise Failed("'%s' is not the file that the list says: its hash is another" % path)
            wrong = True    # what was there from before may be of another file
            continue
        tries = 0 if now > before else tries + 1
        if tries == TRIES:
            raise Failed(error or "%s: the server sent only %d of %d bytes" % (url, now, size))
        stop.wait(min(2 ** tries, 30))


def note(place, blob):
    """What the file is like now that it is verified: a look sees by that if it changes."""
    seen = os.stat(place)
    with noting, open(os.path.join(home, ".dray-verified"), "a") as f:
        f.write("%d %d %s\n" % (seen.st_size, seen.st_mtime_ns // 10**9, blob))


def is_there(place, size, blob):
    return os.path.isfile(place) and os.path.getsize(place) == size and \
        is_right(hashed(place, size, blob), blob)


def bring(line):
    size, blob, path, url, etag = line
    link = os.path.join(snapshot, path)
    os.makedirs(os.path.dirname(link), exist_ok=True)
    place = os.path.join(home, "blobs", blob) if blob != "-" else link
    if not is_there(place, size, blob):
        part = place + ".incomplete"
        fetch(part, size, blob, path, url, etag)
        if stop.is_set():
            return
        os.replace(part, place)
    if blob != "-":
        note(place, blob)
        to = os.path.relpath(place, os.path.dirname(link))
        if not os.path.islink(link) or os.readlink(link) != to:
            if os.path.lexists(link + ".new.incomplete"):
                os.remove(link + ".new.incomplete")
            os.symlink(to, link + ".new.incomplete")
            os.replace(link + ".new.incomplete", link)


def guarded(lines):
    """All files of one blob, one after the other."""
    try:
        for line in lines:
            if not stop.is_set():
                bring(line)
    except BaseException:
        stop.set()
        raise


def read_list():
    lines = sys.stdin.read().split("\n")
    if "begin" not in lines or "end" not in lines:
        raise Failed("the list of files was cut off")
    secrets.extend(lines[:lines.index("begin")])
    groups = {}
    for text in lines[lines.index("begin") + 1:lines.index("end")]:
        size, blob, path, url, etag = text.split("\t")
        groups.setdefault(blob if blob != "-" else path, []).append((int(size), blob, path, url, etag))
    return list(groups.values())


def main():
    os.umask(0o022)
    groups = read_list()
    os.makedirs(snapshot, exist_ok=True)
    os.makedirs(os.path.join(home, "blobs"), exist_ok=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [pool.submit(guarded, lines) for lines in groups]
    for one in done:
        one.result()
    if not re.match(r"[0-9a-f]{40}$", arg["revision"]):
        name = os.path.join(home, "refs", arg["revision"])
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name + ".new", "w") as f:
            f.write(commit)
        os.replace(name + ".new", name)


try:
    main()
except Failed as e:
    sys.exit(str(e))
except OSError as e:
    sys.exit("no space left in '%s'" % home if e.errno == 28 else str(e))
