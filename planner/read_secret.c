/* Secrets: references to them, names that look like theirs, and what is never shown. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/read.h"

/* The bytes of one that is not known by place, as data of a program: its whole line. */
static void
hide_line(struct diags *d, const struct tree *t)
{
	const char *s = t->src->text, *end = s + t->src->len, *stop;

	for (unsigned line = 1; line < t->at.line && s < end; line++) {
		stop = memchr(s, '\n', (size_t)(end - s));
		s = stop ? stop + 1 : end;
	}
	stop = memchr(s, '\n', (size_t)(end - s));
	diag_hide(d, t->src, (size_t)(s - t->src->text),
		  (size_t)((stop ? stop : end) - t->src->text));
}

void
read_hide(struct reading *r, const struct tree *t)
{
	if (t->to > t->from)
		diag_hide(r->d, t->src, t->from, t->to);
	else if (t->src && t->at.line)
		hide_line(r->d, t);
}

void
read_secret(struct reading *r, const struct field *f, const struct tree *t,
	    struct secret_ref *out)
{
	static const char *const prefix[] = {"env:", "file:", "cmd:"};
	const char *text;

	out->at = t->at;
	if (t->type == TREE_TEXT && strstr(t->text, "${env:")) {
		diag_error(r->d, t->at, "'%s' must not hold the secret itself: write env:NAME, "
			   "without '${' and '}'", f->name);
		return;
	}
	text = read_scalar(r, f->name, t, "a text such as env:NAME (no blank behind the ':')", false);
	if (!text)
		return;
	for (size_t i = 0; i < countof(prefix); i++) {
		size_t n = strlen(prefix[i]);

		if (strncmp(text, prefix[i], n) != 0)
			continue;
		text += n + strspn(text + n, " ");
		if (!*text || !read_check(r, f, f->name, text, t->at) ||
		    (i == 0 && !read_matches(r, "^[A-Za-z_][A-Za-z0-9_]*$", text))) {
			diag_error(r->d, t->at, "'%s' must be %s", f->name,
				   i == 0 ? "env: and the name of an environment variable" :
				   i == 1 ? "file: and a path" : "cmd: and a command");
			return;
		}
		out->from = i == 0 ? SECRET_ENV : i == 1 ? SECRET_FILE : SECRET_CMD;
		out->what = text;
		return;
	}
	/* Perhaps it is the secret: the line is shown with it masked. */
	read_hide(r, t);
	diag_error(r->d, t->at, "'%s' must be a reference: env:NAME, file:PATH or cmd:COMMAND, "
		   "never the secret itself", f->name);
}

static bool
ends_like_secret(const char *name, size_t n)
{
	static const char *const ends[] = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY",
		"ACCESS_KEY", "PRIVATE_KEY", "CREDENTIALS"};

	for (size_t i = 0; i < countof(ends); i++) {
		size_t m = strlen(ends[i]);

		if (n >= m && strncmp(name + n - m, ends[i], m) == 0)
			return true;
	}
	return false;
}

bool
read_names_secret(const char *name)
{
	return ends_like_secret(name, strlen(name));
}

bool
read_sets_secret(const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals && strncmp(word, "--env=", 6) == 0)
		equals = strchr(equals + 1, '=');
	return equals && ends_like_secret(word, (size_t)(equals - word));
}
