#include "standin.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * hf download: the files of one revision into the cache layout, over plain HTTP.
 *	$HF_HOME/hub/models--ORG--NAME/{refs/REV, blobs/ETAG, snapshots/COMMIT/FILE}
 */
enum { MAX_PATTERNS = 16 };

struct job {
	const char *repo, *revision, *token, *endpoint;
	const char *include[MAX_PATTERNS], *exclude[MAX_PATTERNS];
	size_t ninclude, nexclude;
	char commit[64], top[1024];
};

struct reply {
	int fd, status;
	long long length;
	char etag[128], code[64], location[1024];
};

static int
fail(const char *fmt, const char *what)
{
	fputs("\033[1m\033[31mError: ", stderr);
	fprintf(stderr, fmt, what);
	fputs("\033[0m\n\033[90mHint: set HF_DEBUG=1 as environment variable for full traceback."
	      "\033[0m\n", stderr);
	return 1;
}

/* Sends a request and reads the head of the answer; false with errno when it cannot. */
static bool
request(const struct job *j, const char *method, const char *url, struct reply *r)
{
	char host[256], line[2048];
	const char *p = strstr(url, "://"), *path;

	*r = (struct reply){ .length = -1 };
	p = p ? p + 3 : url;
	path = strchrnul(p, '/');
	snprintf(host, sizeof host, "%.*s", (int)(path - p), p);
	r->fd = tcp_dial(host, 10000);
	if (r->fd < 0)
		return false;
	send_text(r->fd, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method,
		  *path ? path : "/", host);
	if (j->token && *j->token)
		send_text(r->fd, "Authorization: Bearer %s\r\n", j->token);
	send_text(r->fd, "\r\n");
	errno = EPIPE;
	if (!recv_line(r->fd, line, sizeof line, 10000) ||
	    sscanf(line, "HTTP/1.%*d %d", &r->status) != 1) {
		close(r->fd);
		return false;
	}
	while (recv_line(r->fd, line, sizeof line, 10000) && *line) {
		char *v = strchr(line, ':');
		if (!v)
			continue;
		*v++ = '\0';
		v += strspn(v, " \"");
		if (strcasecmp(line, "content-length") == 0)
			r->length = atoll(v);
		else if (strcasecmp(line, "x-error-code") == 0)
			snprintf(r->code, sizeof r->code, "%s", v);
		else if (strcasecmp(line, "location") == 0)
			snprintf(r->location, sizeof r->location, "%s", v);
		else if (strcasecmp(line, "x-linked-etag") == 0 ||
			 (strcasecmp(line, "etag") == 0 && !*r->etag))
			snprintf(r->etag, sizeof r->etag, "%.*s", (int)strcspn(v, "\""), v);
	}
	return true;
}

static int
explain(const struct job *j, const struct reply *r)
{
	char text[64];

	close(r->fd);
	if (strcmp(r->code, "GatedRepo") == 0)
		return fail("Access denied. Model '%s' requires approval.", j->repo);
	if (strcmp(r->code, "RevisionNotFound") == 0)
		return fail("Revision not found in model '%s'.", j->repo);
	if (strcmp(r->code, "RepoNotFound") == 0)
		return fail("Model '%s' not found.", j->repo);
	if (r->status == 401)
		return fail("%s", "Invalid credentials in Authorization header");
	snprintf(text, sizeof text, "%d %s", r->status,
		 r->status == 429 ? "Too Many Requests" : r->status >= 500 ? "Server Error" : "Client Error");
	return fail("%s", text);
}

static bool
wanted(const struct job *j, const char *name)
{
	bool in = j->ninclude == 0;

	for (size_t i = 0; i < j->ninclude; i++)
		in |= fnmatch(j->include[i], name, 0) == 0;
	for (size_t i = 0; i < j->nexclude; i++)
		in &= fnmatch(j->exclude[i], name, 0) != 0;
	return in;
}

/* The body into a temporary file, renamed when whole; it goes again on any error. */
static int
save(struct reply *r, const char *blob)
{
	char tmp[2560], buf[65536];
	long long got = 0;
	ssize_t n;
	int fd, err = 0;

	snprintf(tmp, sizeof tmp, "%s.%08x.incomplete", blob, (unsigned)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		err = errno;
	while (!err && got != r->length && (n = read(r->fd, buf, sizeof buf)) > 0) {
		for (ssize_t at = 0, k; at < n && !err; at += k) {
			k = write(fd, buf + at, (size_t)(n - at));
			if (k < 0)
				err = errno, k = 0;
		}
		got += n;
	}
	close(r->fd);
	if (fd >= 0 && close(fd) < 0 && !err)
		err = errno;
	if (!err && r->length >= 0 && got != r->length) {
		unlink(tmp);
		fprintf(stderr, "httpcore.RemoteProtocolError: peer closed connection without sending "
			"complete message body (received %lld bytes, expected %lld)\n", got, r->length);
		return 1;
	}
	if (!err && rename(tmp, blob) < 0)
		err = errno;
	if (err) {
		unlink(tmp);
		fprintf(stderr, "OSError: [Errno %d] %s\n", err, strerror(err));
	}
	return err != 0;
}

static int
fetch(const struct job *j, const char *name)
{
	char url[2048], blob[2048], link[2048], target[1024];
	size_t up = 2;
	struct reply r;

	snprintf(url, sizeof url, "%s/%s/resolve/%s/%s", j->endpoint, j->repo, j->commit, name);
	if (!request(j, "HEAD", url, &r))
		return fail("Local entry not found. %s", strerror(errno));
	if (r.status != 200 && r.status != 302)
		return explain(j, &r);
	close(r.fd);
	snprintf(blob, sizeof blob, "%s/blobs/%s", j->top, r.etag);
	if (access(blob, F_OK) != 0) {
		if (r.status == 302) {
			sleep_ms(demand_ms("hf-slow", 0));
			snprintf(url, sizeof url, "%s", r.location);
		}
		if (!request(j, "GET", url, &r))
			return fail("Local entry not found. %s", strerror(errno));
		if (r.status != 200)
			return explain(j, &r);
		if (save(&r, blob))
			return 1;
	}
	for (const char *p = name; (p = strchr(p, '/')); p++)
		up++;
	snprintf(link, sizeof link, "%s/snapshots/%s/%s", j->top, j->commit, name);
	*target = '\0';
	for (size_t i = 0; i < up; i++)
		strcat(target, "../");
	snprintf(target + strlen(target), sizeof target - strlen(target), "blobs/%s",
		 strrchr(blob, '/') + 1);
	unlink(link);
	if (!make_dirs(link) || symlink(target, link) < 0) {
		fprintf(stderr, "OSError: [Errno %d] %s\n", errno, strerror(errno));
		return 1;
	}
	return 0;
}

/* The answer of the API: the commit and the names of the files. NULL after an error. */
static char *
list_files(struct job *j)
{
	char url[1024], *text;
	size_t n = 0, cap = 1 << 20;
	struct reply r;
	ssize_t k;

	snprintf(url, sizeof url, "%s/api/models/%s/revision/%s", j->endpoint, j->repo, j->revision);
	if (!request(j, "GET", url, &r)) {
		fail("Local entry not found. %s", strerror(errno));
		return NULL;
	}
	if (r.status != 200) {
		explain(j, &r);
		return NULL;
	}
	text = calloc(1, cap);
	while (text && n + 1 < cap && (k = read(r.fd, text + n, cap - n - 1)) > 0)
		n += (size_t)k;
	close(r.fd);
	if (!text || !json_text(text, "sha", j->commit, sizeof j->commit)) {
		fail("%s", "the hub's answer has no commit in it");
		free(text);
		return NULL;
	}
	return text;
}

static bool
make_tree(const struct job *j)
{
	char path[2048];
	FILE *f;

	snprintf(path, sizeof path, "%s/blobs/", j->top);
	if (!make_dirs(path))
		return false;
	snprintf(path, sizeof path, "%s/snapshots/%s/", j->top, j->commit);
	if (!make_dirs(path))
		return false;
	if (strcmp(j->revision, j->commit) == 0)
		return true;
	snprintf(path, sizeof path, "%s/refs/%s", j->top, j->revision);
	if (!make_dirs(path) || !(f = fopen(path, "w")))
		return false;
	fputs(j->commit, f);
	return fclose(f) == 0;
}

static int
download(struct job *j, const char *cache)
{
	char name[512], slug[256];
	char *text = list_files(j);
	int total = 0, done = 0, rc = 0;

	if (!text)
		return 1;
	snprintf(slug, sizeof slug, "%s", j->repo);
	char *slash = strchr(slug, '/');
	snprintf(j->top, sizeof j->top, "%s/models--%.*s--%s", cache,
		 slash ? (int)(slash - slug) : 0, slug, slash ? slash + 1 : slug);
	if (!make_tree(j)) {
		fprintf(stderr, "OSError: [Errno %d] %s: '%s'\n", errno, strerror(errno), j->top);
		free(text);
		return 1;
	}
	for (const char *p = text; (p = json_text(p, "rfilename", name, sizeof name));)
		total += wanted(j, name);
	for (const char *p = text; !rc && (p = json_text(p, "rfilename", name, sizeof name));) {
		if (!wanted(j, name))
			continue;
		fprintf(stderr, "\rFetching %d files: %3d%%|          | %d/%d [00:00<00:00]", total,
			100 * done / total, done, total);
		rc = fetch(j, name);
		done++;
	}
	free(text);
	if (rc)
		return rc;
	fprintf(stderr, "\rFetching %d files: 100%%|##########| %d/%d [00:00<00:00]\n", total, total, total);
	printf("Downloaded\n  path: %s/snapshots/%s\n", j->top, j->commit);
	return 0;
}

int
hf_main(int argc, char **argv)
{
	struct job j = { .revision = "main", .token = getenv("HF_TOKEN"),
			 .endpoint = getenv("HF_ENDPOINT") };
	const char *home = getenv("HF_HOME"), *cache = getenv("HF_HUB_CACHE");
	char path[512], token_file[512], *saved;

	if (argc > 1 && (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0)) {
		puts("huggingface_hub version: 2.4.0");
		return 0;
	}
	if (argc < 3 || strcmp(argv[1], "download") != 0) {
		fputs("Usage: hf download [OPTIONS] REPO_ID [FILENAMES]...\n", stderr);
		return 2;
	}
	snprintf(path, sizeof path, "%s%s/hub", home ? home : getenv("HOME") ? getenv("HOME") : "/root",
		 home ? "" : "/.cache/huggingface");
	for (int i = 2; i < argc; i++) {
		const char *v = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--revision") == 0)
			j.revision = v;
		else if (strcmp(argv[i], "--cache-dir") == 0)
			cache = v;
		else if (strcmp(argv[i], "--token") == 0)
			j.token = v;
		else if (strcmp(argv[i], "--include") == 0 && j.ninclude < MAX_PATTERNS)
			j.include[j.ninclude++] = v;
		else if (strcmp(argv[i], "--exclude") == 0 && j.nexclude < MAX_PATTERNS)
			j.exclude[j.nexclude++] = v;
		else if (strcmp(argv[i], "--quiet") == 0 || strcmp(argv[i], "-q") == 0)
			continue;
		else if (strcmp(argv[i], "--max-workers") != 0 && strcmp(argv[i], "--type") != 0 &&
			 strcmp(argv[i], "--repo-type") != 0 && strcmp(argv[i], "--format") != 0) {
			if (argv[i][0] == '-') {
				fprintf(stderr, "Error: No such option: %s\n", argv[i]);
				return 2;
			}
			if (j.repo && j.ninclude < MAX_PATTERNS)
				j.include[j.ninclude++] = argv[i];
			else
				j.repo = argv[i];
			continue;
		}
		i++;
	}
	if (!j.endpoint || strncmp(j.endpoint, "http://", 7) != 0)
		return fail("%s", "Local entry not found. this hf speaks plain HTTP to HF_ENDPOINT only");
	if (!j.token || !*j.token) {
		snprintf(token_file, sizeof token_file, "%s", getenv("HF_TOKEN_PATH") ? getenv("HF_TOKEN_PATH") : "");
		saved = *token_file ? read_file(token_file) : NULL;
		if (saved) {
			saved[strcspn(saved, "\r\n")] = '\0';
			j.token = saved;
		}
	}
	return download(&j, cache ? cache : path);
}
