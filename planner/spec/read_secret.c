/* Secrets: references, names that suggest a secret, and what is never shown. */
#include <ctype.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/spec/read.h"

void
read_hide(struct reading *r, const struct tree *t)
{
	const char *line;
	size_t n;

	if (t->to > t->from) {
		diag_hide(r->d, t->src, t->from, t->to);
		return;
	}
	/* Data from a program has no byte positions, so its whole line is hidden. */
	line = t->src && t->at.line ? diag_line(t->src, t->at.line, &n) : NULL;
	if (line)
		diag_hide(r->d, t->src, (size_t)(line - t->src->text),
			  (size_t)(line - t->src->text) + n);
}

void
read_secret(struct reading *r, const struct field *f, const struct tree *t, struct secret_ref *out)
{
	struct secret_ref ref;
	const char *text;

	out->at = t->at;
	if (t->type == TREE_TEXT && strstr(t->text, "${env:")) {
		diag_error(r->d, t->at, "'%s' must not hold the secret itself: write env:NAME, "
			   "without '${' and '}'", f->name);
		return;
	}
	if (t->type == TREE_TEXT && *t->text == '$' && read_matches(r, "^[$][A-Z_][A-Z0-9_]*$", t->text)) {
		diag_error(r->d, t->at, "'%s' must be a reference, as no shell reads this file (write 'env:%s')",
			   f->name, t->text + 1);
		return;
	}
	text = read_scalar(r, f->name, t, "a string such as env:NAME (no space after the ':')", false);
	if (!text)
		return;
	ref = secret_ref_of(text);
	if (ref.from != SECRET_NONE) {
		if (!*ref.what || !read_check(r, f, f->name, ref.what, t->at) ||
		    (ref.from == SECRET_ENV && !read_matches(r, "^[A-Za-z_][A-Za-z0-9_]*$", ref.what))) {
			diag_error(r->d, t->at, "'%s' must be %s", f->name,
				   ref.from == SECRET_ENV ? "env: and the name of an environment variable" :
				   ref.from == SECRET_FILE ? "file: and a path" : "cmd: and a command");
			return;
		}
		out->from = ref.from;
		out->what = ref.what;
		return;
	}
	/* It may be the secret itself, so it is masked in the line that is shown. */
	read_hide(r, t);
	diag_error(r->d, t->at, "'%s' must be a reference: env:NAME, file:PATH or cmd:COMMAND, "
		   "never the secret itself", f->name);
}

/* Are the first n letters the same, in either case, with '-' for '_'? */
static bool
read_secret_same(const char *name, const char *upper, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((name[i] == '-' ? '_' : toupper((unsigned char)name[i])) != upper[i])
			return false;
	return true;
}

static bool
read_secret_ends_like_secret(const char *name, size_t n)
{
	static const char *const ends[] = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY",
		"ACCESS_KEY", "PRIVATE_KEY", "CREDENTIALS"};

	for (size_t i = 0; i < countof(ends); i++) {
		size_t m = strlen(ends[i]);

		if (n >= m && read_secret_same(name + n - m, ends[i], m))
			return true;
	}
	return false;
}

bool
read_names_secret(const char *name)
{
	return read_secret_ends_like_secret(name, strlen(name));
}

bool
read_sets_secret(const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals && strncmp(word, "--env=", 6) == 0)
		equals = strchr(equals + 1, '=');
	return equals && read_secret_ends_like_secret(word, (size_t)(equals - word));
}
