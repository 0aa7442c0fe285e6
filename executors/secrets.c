/* Secrets from the environment, a file, or a command; never from a shell line. */
#include "executors/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/child.h"
#include "executors/loop.h"

enum { SHORTEST = 4, CMD_MS = 60000 };

struct secret {
	int from;
	char *what, *value, *in_json;   /* in_json: NULL where it is the same */
};

/* "a 'b c' \"d\" e\\ f" -> words, as a shell without expansions would. Frees with the
 * array: one block holds all. False: a quote is open. */
static bool
split_words(const char *line, char ***words)
{
	size_t room = strlen(line);
	char **v = xcalloc(1, (room / 2 + 2) * sizeof *v + room + 2);
	char *to = (char *)(v + room / 2 + 2), quote = 0;
	size_t n = 0;
	bool inside = false;

	for (; *line; line++) {
		if (!quote && (*line == ' ' || *line == '\t')) {
			if (inside)
				*to++ = '\0';
			inside = false;
			continue;
		}
		if (!inside)
			v[n++] = to;
		inside = true;
		if (*line == quote)
			quote = 0;
		else if (!quote && (*line == '\'' || *line == '"'))
			quote = *line;
		else if (*line == '\\' && quote != '\'' && line[1])
			*to++ = *++line;
		else
			*to++ = *line;
	}
	*to = '\0';
	*words = v;
	return !quote;
}

/* All that fd gives, until its end or the deadline. */
static bool
read_all(int fd, long long deadline, struct str *to, struct err *e)
{
	char buf[4096];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long long left = deadline - loop_now();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		ssize_t n;

		if (ready == 0)
			return err_set(e, "no end within %d s", CMD_MS / 1000);
		if (ready < 0 && errno == EINTR)
			continue;
		n = read(fd, buf, sizeof buf);
		if (n > 0)
			str_add(to, buf, (size_t)n);
		explicit_bzero(buf, sizeof buf);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "read");
		if (to->len > SECRET_MAX + 2)
			return true;
	}
}

static bool
spawn(char **argv, int out, pid_t *pid, struct err *e)
{
	posix_spawn_file_actions_t act;
	posix_spawnattr_t attr;

	posix_spawn_file_actions_init(&act);
	posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&act, out, 1);
	child_attr(&attr, false);
	errno = child_spawn(pid, argv, &act, &attr, environ);
	bool ok = errno == 0 || err_sys(e, "start '%s'", argv[0]);

	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&act);
	return ok;
}

static bool
from_command(const char *line, struct str *to, struct err *e)
{
	char **argv = NULL;
	int fds[2] = {-1, -1}, status = 0;
	pid_t pid = 0;
	bool ok = false;

	if (!split_words(line, &argv) || !argv[0]) {
		err_set(e, argv[0] ? "a quote is not closed" : "no command");
		goto out;
	}
	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(e, "make a pipe");
		goto out;
	}
	if (!spawn(argv, fds[1], &pid, e))
		goto out;
	close(fds[1]);
	fds[1] = -1;
	ok = read_all(fds[0], loop_now() + CMD_MS, to, e);
	if (!ok || to->len > SECRET_MAX)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ok && to->len <= SECRET_MAX && status != 0)
		ok = WIFEXITED(status) ? err_set(e, "'%s' ended with %d", argv[0], WEXITSTATUS(status))
				       : err_set(e, "'%s' was killed", argv[0]);
out:
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	free(argv);
	return ok;
}

static bool
from_file(const char *path, struct str *to, struct err *e)
{
	const char *home = getenv("HOME");
	struct str full = {0};
	int fd;
	bool ok;

	if (strncmp(path, "~/", 2) == 0 && home)
		str_printf(&full, "%s%s", home, path + 1);
	else
		str_puts(&full, path);
	fd = open(full.buf, O_RDONLY | O_CLOEXEC);
	ok = fd >= 0 ? read_all(fd, loop_now() + CMD_MS, to, e) : err_sys(e, "open");
	if (fd >= 0)
		close(fd);
	str_release(&full);
	return ok;
}

static bool
from_env(const char *name, struct str *to, struct err *e)
{
	const char *value = getenv(name);

	if (!value)
		return err_set(e, "the variable is not set");
	str_puts(to, value);
	return true;
}

static bool
check(struct str *s, struct err *e)
{
	if (s->len && s->buf[s->len - 1] == '\n')
		s->buf[--s->len] = '\0';
	if (s->len && s->buf[s->len - 1] == '\r')
		s->buf[--s->len] = '\0';
	if (!s->len)
		return err_set(e, "it is empty");
	if (s->len > SECRET_MAX)
		return err_set(e, "it is longer than %d bytes", SECRET_MAX);
	if (memchr(s->buf, '\0', s->len) || memchr(s->buf, '\n', s->len))
		return err_set(e, "it has more than one line, or a NUL");
	return true;
}

static void
wipe(struct str *s)
{
	if (s->buf)
		explicit_bzero(s->buf, s->cap);
	str_release(s);
}

void
secret_name(const struct secret_ref *ref, struct str *to)
{
	static const char *const from[] = {
		[SECRET_NONE] = "none", [SECRET_ENV] = "env", [SECRET_FILE] = "file",
		[SECRET_CMD] = "cmd"};

	str_printf(to, "%s:%s", from[ref->from], ref->what ? ref->what : "");
}

/* How JSON writes it: tables are shown so. */
static char *
in_json(const char *value)
{
	size_t n = 0;
	char *text;

	if (!strpbrk(value, "\"\\\t"))
		return NULL;
	text = xcalloc(2, strlen(value) + 1);
	for (; *value; value++) {
		if (strchr("\"\\\t", *value))
			text[n++] = '\\';
		text[n++] = (char)(*value == '\t' ? 't' : *value);
	}
	return text;
}

/* Longer ones come first: a secret may have another one in it. */
static struct secret *
insert(struct secrets *list, size_t length)
{
	size_t at = 0;

	list->v = xrealloc(list->v, (list->n + 1) * sizeof *list->v);
	while (at < list->n && strlen(list->v[at].value) >= length)
		at++;
	memmove(list->v + at + 1, list->v + at, (list->n++ - at) * sizeof *list->v);
	return &list->v[at];
}

bool
secret_refer(const char *text, struct secret_ref *ref, struct err *e)
{
	static const struct { const char *head; int from; } heads[] = {
		{"env:", SECRET_ENV}, {"file:", SECRET_FILE}, {"cmd:", SECRET_CMD}};

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		size_t n = strlen(heads[i].head);

		if (strncmp(text, heads[i].head, n) != 0 || !text[n])
			continue;
		*ref = (struct secret_ref){.from = heads[i].from, .what = text + n};
		return true;
	}
	return err_set(e, "a secret is named by env:NAME, file:PATH or cmd:COMMAND");
}

const char *
secrets_get(struct secrets *list, const struct secret_ref *ref, struct err *e)
{
	/* Never moved while it grows, so that no copy stays behind. */
	struct str value = {0}, name = {0};
	struct secret *s;
	bool ok;

	for (size_t i = 0; i < list->n; i++) {
		s = &list->v[i];
		if (s->from == (int)ref->from && strcmp(s->what, ref->what) == 0)
			return s->value;
	}
	value.buf = xcalloc(1, value.cap = SECRET_MAX + 2 * 4096);
	ok = ref->from == SECRET_ENV    ? from_env(ref->what, &value, e)
	     : ref->from == SECRET_FILE ? from_file(ref->what, &value, e)
	     : ref->from == SECRET_CMD  ? from_command(ref->what, &value, e)
					: err_set(e, "no secret is named");
	if (!ok || !check(&value, e)) {
		secret_name(ref, &name);
		err_wrap(e, "read the secret '%s'", name.buf);
		str_release(&name);
		wipe(&value);
		return NULL;
	}
	s = insert(list, strlen(value.buf));
	*s = (struct secret){.from = (int)ref->from, .what = xstrdup(ref->what),
			     .value = xstrdup(value.buf), .in_json = in_json(value.buf)};
	wipe(&value);
	return s->value;
}

static void
mask(struct str *text, const char *value)
{
	const char *at = text->buf, *hit;
	size_t n = strlen(value);
	struct str clean = {0};

	if (n < SHORTEST || !text->len || !memmem(text->buf, text->len, value, n))
		return;
	while ((hit = memmem(at, text->len - (size_t)(at - text->buf), value, n))) {
		str_add(&clean, at, (size_t)(hit - at));
		str_puts(&clean, "(secret)");
		at = hit + n;
	}
	str_add(&clean, at, text->len - (size_t)(at - text->buf));
	clean.max = text->max;
	clean.cut = text->cut;
	wipe(text);
	*text = clean;
}

void
secrets_scrub(const struct secrets *list, struct str *text)
{
	for (size_t i = 0; i < list->n; i++) {
		mask(text, list->v[i].value);
		if (list->v[i].in_json)
			mask(text, list->v[i].in_json);
	}
}

void
secrets_release(struct secrets *list)
{
	for (size_t i = 0; i < list->n; i++) {
		explicit_bzero(list->v[i].value, strlen(list->v[i].value));
		if (list->v[i].in_json)
			explicit_bzero(list->v[i].in_json, strlen(list->v[i].in_json));
		free(list->v[i].in_json);
		free(list->v[i].value);
		free(list->v[i].what);
	}
	free(list->v);
	*list = (struct secrets){0};
}
