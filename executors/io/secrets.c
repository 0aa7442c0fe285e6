/* Reads secrets from the environment, a file or a command. No shell is involved. */
#include "executors/io/secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/io/child.h"
#include "executors/io/file.h"
#include "executors/io/patience.h"
#include "executors/io/scrub.h"

struct secret {
	int from;
	char *what, *value;
};

struct missing {
	struct missing *next;
	int from;
	char *what;
	struct err why;
};

/* Splits "a 'b c' \"d\" e\\ f" into words, as a shell without expansions does. The words and
 * the array are one block: free() it. False: a quote is not closed. */
static bool
secrets_split_words(const char *line, char ***words)
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

static bool
secrets_from_command(const char *line, struct str *to, struct err *e)
{
	char **argv = NULL;
	bool ok = secrets_split_words(line, &argv) && argv[0];
	int status = 0;

	if (!ok) {
		err_set(e, argv[0] ? "a quote is not closed" : "no command");
	} else {
		const struct capture how = {.argv = argv, .env = environ, .ms = patience.secret * 1000L,
			.max = SECRET_MAX + 2};

		ok = child_capture(&how, to, &status, e);
	}
	if (ok && to->len <= SECRET_MAX && status != 0)
		ok = WIFEXITED(status) ? err_set(e, "'%s' ended with status "
						    "%d", argv[0], WEXITSTATUS(status))
				       : err_set(e, "'%s' was killed", argv[0]);
	free(argv);
	return ok;
}

static bool
secrets_from_file(const char *path, struct str *to, struct err *e)
{
	const char *home = getenv("HOME");
	struct str full = {0};
	struct stat st;
	int fd;
	bool ok;

	if (strncmp(path, "~/", 2) == 0 && home)
		str_printf(&full, "%s%s", home, path + 1);
	else
		str_puts(&full, path);
	/* Without O_NONBLOCK, open() of a fifo waits for a writer, perhaps for ever. */
	fd = open(full.buf, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		ok = err_sys(e, "open");
	else if (!S_ISREG(st.st_mode))
		ok = err_set(e, "it is not a regular file; a command can read a pipe or a device: "
			     "cmd:cat FILE");
	else if (st.st_size > SECRET_MAX + 2)
		ok = err_set(e, "it is longer than %d bytes", SECRET_MAX);
	else
		ok = file_read(dup(fd), path, SECRET_MAX + 2, to, e);
	if (fd >= 0)
		close(fd);
	str_release(&full);
	return ok;
}

static bool
secrets_from_env(const char *name, struct str *to, struct err *e)
{
	const char *value = getenv(name);

	if (!value)
		return err_set(e, "the variable is not set");
	str_puts(to, value);
	return true;
}

static bool
secrets_check(struct str *s, struct err *e)
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
		return err_set(e, "it has more than one line or contains a NUL");
	return true;
}

static void
secrets_wipe(struct str *s)
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

/* Longer ones come first, because a secret may contain another one. */
static struct secret *
secrets_insert(struct secrets *list, size_t length)
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
	*ref = secret_ref_of(text);
	return (ref->from != SECRET_NONE && *ref->what) ||
	       err_set(e, "a secret must be env:NAME, file:PATH or cmd:COMMAND");
}

/* exec() resets this for programs that we start. It would break the leak check of the sanitizers. */
void
secrets_keep_memory(void)
{
#ifndef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Remember that a command failed, so that it is not run again for the next caller. */
static void
secrets_miss(struct secrets *list, const struct secret_ref *ref, const struct err *why)
{
	struct missing *m = xcalloc(1, sizeof *m);

	*m = (struct missing){.next = list->missing, .from = (int)ref->from,
		.what = xstrdup(ref->what), .why = *why};
	list->missing = m;
}

const char *
secrets_get(struct secrets *list, const struct secret_ref *ref, struct err *e)
{
	/* It must not move while it grows: no copy may stay in memory. */
	struct str value = {0}, name = {0};
	struct secret *s;
	bool ok;

	for (size_t i = 0; i < list->n; i++) {
		s = &list->v[i];
		if (s->from == (int)ref->from && strcmp(s->what, ref->what) == 0)
			return s->value;
	}
	for (const struct missing *m = list->missing; m; m = m->next)
		if (m->from == (int)ref->from && strcmp(m->what, ref->what) == 0) {
			*e = m->why;
			return NULL;
		}
	secrets_keep_memory();
	value.buf = xcalloc(1, value.cap = SECRET_MAX + 2 * 4096);
	ok = ref->from == SECRET_ENV    ? secrets_from_env(ref->what, &value, e)
	     : ref->from == SECRET_FILE ? secrets_from_file(ref->what, &value, e)
	     : ref->from == SECRET_CMD  ? secrets_from_command(ref->what, &value, e)
					: err_set(e, "no secret is named");
	if (!ok || !secrets_check(&value, e)) {
		secret_name(ref, &name);
		err_wrap(e, "read the secret '%s'", name.buf);
		str_release(&name);
		secrets_wipe(&value);
		if (ref->from == SECRET_CMD)
			secrets_miss(list, ref, e);
		return NULL;
	}
	s = secrets_insert(list, strlen(value.buf));
	*s = (struct secret){.from = (int)ref->from, .what = xstrdup(ref->what),
			     .value = xstrdup(value.buf)};
	secrets_wipe(&value);
	return s->value;
}

const char *
secrets_sample(struct secrets *list, const struct secret_ref *ref)
{
	struct secret *s;
	char text[64];

	for (size_t i = 0; i < list->n; i++) {
		s = &list->v[i];
		if (s->from == (int)ref->from && strcmp(s->what, ref->what) == 0)
			return s->value;
	}
	snprintf(text, sizeof text, "https://sample-secret-%zu.invalid/", list->n + 1);
	s = secrets_insert(list, strlen(text));
	*s = (struct secret){.from = (int)ref->from, .what = xstrdup(ref->what), .value = xstrdup(text)};
	return s->value;
}

void
secrets_scrub(const struct secrets *list, struct str *text)
{
	for (size_t i = 0; i < list->n; i++)
		scrub(text, list->v[i].value);
}

void
secrets_release(struct secrets *list)
{
	for (size_t i = 0; i < list->n; i++) {
		explicit_bzero(list->v[i].value, strlen(list->v[i].value));
		free(list->v[i].value);
		free(list->v[i].what);
	}
	while (list->missing) {
		struct missing *m = list->missing;

		list->missing = m->next;
		free(m->what);
		free(m);
	}
	free(list->v);
	*list = (struct secrets){0};
}
