/* Asks nodes for their host keys, and appends keys to files of known hosts. */
#include "executors/program/host_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/child.h"
#include "executors/io/patience.h"
#include "executors/program/local_stream.h"
#include "executors/program/openssh.h"
#include "executors/ssh/known_hosts.h"
#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_place.h"
#include "planner/base/limits.h"
#include "planner/base/path.h"
#include "planner/base/vec.h"

enum {
	AT_ONCE = 8,            /* connections: sshd's MaxStartups is 10, and they may have one door */
	SAID_MAX = 8192,
	LINES_MAX = 64 * 1024,
};

/* One node that is asked. */
struct asking {
	struct asked *all;
	struct host_key *key;
	struct link *link;
	struct stream *stream;
	unsigned long timer;
	char *offered;          /* the file that ssh writes the key to */
	const char *printed;    /* by ssh -G */
	struct str said;
};

struct asked {
	struct loop *loop;
	struct arena *arena;
	struct asking *v;
	size_t n, next, running;
	bool finished;
};

static void host_keys_start(struct asked *);

/* ---- what a key means ---- */

/* Read a line "name type base64" that ssh wrote; false: it is not such a line. */
static bool
host_keys_read_line(struct arena *a, struct host_key *key, const char *text, struct str *blob)
{
	size_t n = strcspn(text, "\r\n"), name = strcspn(text, " "), type, code;
	char print[FINGERPRINT_MAX];

	if (name >= n)
		return false;
	type = strcspn(text + name + 1, " ");
	code = name + 1 + type + 1;
	if (code >= n || !bytes_base64(text + code, n - code, blob) || !blob->len)
		return false;
	known_hosts_fingerprint(blob->buf, blob->len, print);
	key->line = arena_strndup(a, text, n);
	key->name = arena_strndup(a, text, name);
	key->type = arena_strndup(a, text + name + 1, type);
	key->print = arena_strdup(a, print);
	return true;
}

/* Add the files that ssh -G printed for a word. It prints a name with spaces without quotes, so such
 * a file is not found. */
static void
host_keys_load_word(struct arena *a, struct known_hosts *known, const char *printed, const char *word)
{
	const char *files = openssh_printed_word(a, printed, word);

	for (size_t n; files && *files; files += n + (files[n] == ' ')) {
		n = strcspn(files, " ");
		known_hosts_load(known, arena_strndup(a, files, n));
	}
}

static void
host_keys_judge(struct arena *a, struct asking *q, const struct str *blob)
{
	struct host_key *key = q->key;
	const char *colon = *key->name == '[' ? strrchr(key->name, ':') : NULL;
	const char *host = colon ? arena_strndup(a, key->name + 1, (size_t)(colon - key->name) - 2) : key->name;
	const struct known_key *which = NULL;
	struct known_hosts known;

	known_hosts_init(&known, host, colon ? atoi(colon + 1) : SSH_PORT);
	known_hosts_load(&known, key->file);
	host_keys_load_word(a, &known, q->printed, "userknownhostsfile");
	host_keys_load_word(a, &known, q->printed, "globalknownhostsfile");
	key->state = HOST_KEY_REFUSED;
	switch (known_hosts_ask(&known, blob->buf, blob->len, &which)) {
	case KNOWN_OK:
		key->state = HOST_KEY_KNOWN;
		break;
	case KNOWN_NEW:
		key->state = HOST_KEY_NEW;
		key->note = which ? arena_printf(a, "%s:%u has its %s key", which->file, which->line, which->type)
			: NULL;
		break;
	case KNOWN_CHANGED:
		err_set(&key->why, "the key changed (%s %s is not the one in %s:%u)", key->type, key->print,
			which->file, which->line);
		err_hint(&key->why, "somebody may be intercepting the connection. Ask whoever runs the host; if it "
				    "was reinstalled: ssh-keygen -f %s -R '%s', then dray trust again",
			 which->file, key->name);
		break;
	case KNOWN_REVOKED:
		err_set(&key->why, "the key %s %s is revoked by %s:%u", key->type, key->print, which->file,
			which->line);
		break;
	case KNOWN_UNREAD:
		err_set(&key->why, "it is not known whether the key is revoked (%s)", known.unread);
		err_hint(&key->why, "fix or remove that line or file, then try again");
		break;
	}
	known_hosts_release(&known);
}

/* ---- asking ---- */

static void
host_keys_done(struct asking *q)
{
	struct asked *all = q->all;

	loop_cancel(all->loop, &q->timer);
	if (q->stream)
		local_stream_close(q->stream);
	q->stream = NULL;
	all->running--;
	host_keys_start(all);
}

static void
host_keys_on_said(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct asking *q = arg;

	(void)is_stderr;
	if (q->said.len < SAID_MAX)
		str_add(&q->said, bytes, n);
}

static void
host_keys_fail(struct asking *q, const struct err *why)
{
	const struct openssh_who who = {.name = q->key->node->name, .host = q->key->node->host,
		.by_hand = openssh_by_hand(q->all->arena, q->key->node)};

	q->key->state = HOST_KEY_FAILED;
	if (why)
		q->key->why = *why;
	else
		openssh_explain(str_text(&q->said), q->said.len, &who, &q->key->why);
}

static void
host_keys_on_end(void *arg, const struct err *why)
{
	struct asking *q = arg;
	struct str text = {0}, blob = {0};
	struct err e = {0};

	if (bytes_file(q->offered, LINES_MAX, &text, NULL, &e) &&
	    host_keys_read_line(q->all->arena, q->key, str_text(&text), &blob))
		host_keys_judge(q->all->arena, q, &blob);
	else
		host_keys_fail(q, why);
	str_release(&text);
	str_release(&blob);
	host_keys_done(q);
}

static void
host_keys_late(void *arg)
{
	struct asking *q = arg;
	struct err e = {0};

	q->timer = 0;
	err_set(&e, "it showed no host key within %u s", patience.connect + patience.login);
	host_keys_fail(q, &e);
	host_keys_done(q);
}

static const char *const *
host_keys_argv(struct asking *q, struct err *e)
{
	/* ssh knows no host with these, and may write down a new key, but it does not log in. */
	static const char *const options[] = {
		"BatchMode=yes", "StrictHostKeyChecking=accept-new", "GlobalKnownHostsFile=/dev/null",
		"HashKnownHosts=no", "CheckHostIP=no", "UpdateHostKeys=no", "VerifyHostKeyDNS=no",
		"PubkeyAuthentication=no", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no",
		"GSSAPIAuthentication=no", "HostbasedAuthentication=no", "ControlMaster=no", "ControlPath=none",
		"PermitLocalCommand=no", "RemoteCommand=none", "ClearAllForwardings=yes", "RequestTTY=no",
		"Tunnel=no", "LogLevel=INFO",
	};
	struct arena *a = q->all->arena;
	struct openssh_words w = {0};

	*vec_push(a, &w) = "ssh";
	*vec_push(a, &w) = "-a";
	*vec_push(a, &w) = "-x";
	for (size_t i = 0; i < countof(options); i++)
		openssh_option(a, &w, options[i]);
	openssh_option(a, &w, arena_printf(a, "ConnectTimeout=%u", patience.connect));
	/* The first UserKnownHostsFile counts, so the spec's is not used. */
	openssh_option(a, &w, arena_printf(a, "UserKnownHostsFile=%s", q->offered));
	if (!openssh_options(a, q->key->node, &w, e))
		return NULL;
	*vec_push(a, &w) = "--";
	*vec_push(a, &w) = q->key->node->host;
	*vec_push(a, &w) = "true";
	*vec_push(a, &w) = NULL;
	return w.v;
}

/* The file that a login of this node's executor reads first. */
static bool
host_keys_find_file(struct asking *q, struct err *e)
{
	struct arena *a = q->all->arena;
	struct host_key *key = q->key;
	struct ssh_place place;
	const char *hash;

	q->printed = openssh_printed(a, key->node, e);
	if (!q->printed)
		return false;
	hash = openssh_printed_word(a, q->printed, "hashknownhosts");
	key->hashed = hash && strcasecmp(hash, "yes") == 0;
	key->file = openssh_known_hosts(a, key->node);
	if (!key->file && strcmp(key->node->executor, "ssh") == 0) {
		ssh_place_read(a, key->node, &place);
		key->file = place.known_hosts;
	}
	if (!key->file) {
		const char *files = openssh_printed_word(a, q->printed, "userknownhostsfile");

		key->file = files ? arena_strndup(a, files, strcspn(files, " ")) : NULL;
	}
	if (!key->file || strcasecmp(key->file, "none") == 0 || strcmp(key->file, "/dev/null") == 0)
		return err_set(e, "its ssh configuration has no file of known hosts (UserKnownHostsFile)");
	return true;
}

/* Start as many as may run. */
static void
host_keys_start(struct asked *all)
{
	static const struct stream_events events = {.data = host_keys_on_said, .closed = host_keys_on_end};

	while (all->next < all->n && all->running < AT_ONCE) {
		struct asking *q = &all->v[all->next++];
		struct child_how how = {.dir = ".", .whole_env = true, .set = openssh_env};
		struct err e = {0};

		q->offered = openssh_socket(&e);
		if (q->offered && host_keys_find_file(q, &e))
			how.argv = host_keys_argv(q, &e);
		if (!how.argv) {
			host_keys_fail(q, &e);
			continue;
		}
		all->running++;
		q->stream = local_stream_start(q->link, &how, &events, q);
		local_stream_eof(q->stream);
		q->timer = loop_after(all->loop, (patience.connect + patience.login) * 1000L, host_keys_late, q);
	}
	all->finished = !all->running && all->next == all->n;
}

void
host_keys_ask(struct loop *loop, struct arena *a, struct host_key *key, size_t n)
{
	static const struct link_events nothing = {0};
	struct asked all = {.loop = loop, .arena = a, .n = n, .v = arena_calloc(a, n + 1, sizeof *all.v)};

	for (size_t i = 0; i < n; i++)
		all.v[i] = (struct asking){.all = &all, .key = &key[i],
			.link = local_stream_link(loop, &nothing, NULL, NULL, NULL)};
	host_keys_start(&all);
	if (!all.finished)
		loop_run(loop, &all.finished);
	for (size_t i = 0; i < n; i++) {
		local_stream_shut(all.v[i].link);
		openssh_socket_free(all.v[i].offered);
		str_release(&all.v[i].said);
	}
}

/* ---- adding ---- */

/* Replace the names in the lines by hashes, with ssh's own tool. */
static bool
host_keys_hash(struct str *lines, struct err *e)
{
	char *path = openssh_socket(e);
	const char *const argv[] = {"ssh-keygen", "-q", "-H", "-f", path, NULL};
	const struct capture c = {.argv = (char *const *)(intptr_t)argv, .env = environ, .alone = true,
		.ms = SSH_G_LIMIT * 1000L, .max = LINES_MAX};
	struct str printed = {0};
	int fd, status = 0;
	bool ok;

	if (!path)
		return false;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ok = fd >= 0 && write(fd, lines->buf, lines->len) == (ssize_t)lines->len;
	if (fd >= 0)
		close(fd);
	ok = (ok || err_sys(e, "write '%s'", path)) && child_capture(&c, &printed, &status, e) &&
	     (status == 0 || err_set(e, "ssh-keygen -H failed"));
	str_reset(lines);
	ok = ok && bytes_file(path, SIZE_MAX / 2, lines, NULL, e);
	str_release(&printed);
	/* ssh-keygen keeps the names in clear beside it. */
	str_puts(&printed, path);
	str_puts(&printed, ".old");
	unlink(printed.buf);
	str_release(&printed);
	openssh_socket_free(path);
	return ok;
}

/* Append in one write, so that nobody who reads or appends meanwhile sees a part of it. */
static bool
host_keys_append(struct arena *a, const char *file, struct str *lines, struct err *e)
{
	struct str whole = {0};
	struct stat st;
	char last = '\n';
	bool ok;
	int fd;

	mkdir(path_folder(a, file), 0700);
	fd = open(file, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "open '%s'", file);
	ok = flock(fd, LOCK_EX) == 0 && fstat(fd, &st) == 0 &&
	     (!st.st_size || pread(fd, &last, 1, st.st_size - 1) == 1);
	if (last != '\n')
		str_putc(&whole, '\n');
	str_add(&whole, lines->buf, lines->len);
	ok = ok && write(fd, whole.buf, whole.len) == (ssize_t)whole.len && fsync(fd) == 0;
	if (!ok)
		err_sys(e, "write '%s'", file);
	close(fd);
	str_release(&whole);
	return ok;
}

/* Is there a key before this one that goes to the same file? */
static bool
host_keys_was(const struct host_key *key, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (key[k].state == HOST_KEY_NEW && strcmp(key[k].file, key[i].file) == 0)
			return true;
	return false;
}

bool
host_keys_add(struct arena *a, const struct host_key *key, size_t n, struct err *e)
{
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++) {
		struct str lines[2] = {{0}, {0}};       /* as they are, to be hashed */

		if (key[i].state != HOST_KEY_NEW || host_keys_was(key, i))
			continue;
		for (size_t k = i; k < n; k++)
			if (key[k].state == HOST_KEY_NEW && strcmp(key[k].file, key[i].file) == 0)
				str_printf(&lines[key[k].hashed], "%s\n", key[k].line);
		ok = !lines[1].len || host_keys_hash(&lines[1], e);
		str_add(&lines[0], str_text(&lines[1]), lines[1].len);
		ok = ok && host_keys_append(a, key[i].file, &lines[0], e);
		str_release(&lines[0]);
		str_release(&lines[1]);
	}
	return ok;
}
