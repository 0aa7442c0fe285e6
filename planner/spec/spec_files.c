/* files: the files of this machine that every node gets; and warnings for arguments that name a
 * file of this machine in another way. */
#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/engines/engine.h"
#include "planner/spec/checks.h"
#include "planner/spec/fields.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static const char *const modes[] = {"0644", "0600", "0755", "0700", NULL};

static const struct field carried[] = {
	{.name = "from", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec_carried, from),
	 .pattern = "^[^~]", .longest = 1024, .must = "must be a path, and '~' is not expanded",
	 .doc = "The file on this machine; its path is relative to the spec.",
	 .example = "templates/tools.jinja"},
	{.name = "as", .type = FIELD_TEXT, AT(spec_carried, as), .otherwise = "the file's own name",
	 .pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$", .longest = 100,
	 .must = "must be letters, digits, '.', '_' and '-'",
	 .doc = "What the engine uses it for: an argument that takes a file (chat-template, "
		"tool-parser-plugin, reasoning-parser-plugin, ssl-certfile, ssl-keyfile, ssl-ca-certs, "
		"log-config-file), which it then gets, or a name, by which engine.args and env can "
		"name it: " CARRIED_INSIDE "/NAME.",
	 .example = "chat-template"},
	{.name = "mode", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_carried, mode), .choices = modes,
	 .otherwise = "0600 for ssl-keyfile, else 0644",
	 .doc = "Who may read or run it on the nodes.", .example = "0600"},
	{0},
};
const struct field_group carried_fields = {
	.name = "files", .field = carried, .size = sizeof(struct spec_carried),
	.at_offset = offsetof(struct spec_carried, at), .auto_offset = NO_OFFSET,
	.bare = "from",
	.doc = "Files of this machine for the engine: chat templates, plugins, certificates. An apply "
	       "writes them to every node of the layout, beside dray's records, and containers see them "
	       "read-only in " CARRIED_INSIDE ". If a file changes, a plan shows its new hash, and an apply "
	       "restarts what uses it. Where engine.args or env names " CARRIED_INSIDE "/NAME, the engine "
	       "gets a path that has the hash of the content in it. Plans and logs never show what is in a "
	       "file. A file has at most 1 MiB.",
};

static const char *
spec_files_path(struct arena *a, const char *name)
{
	return arena_printf(a, CARRIED_INSIDE "/%s", name);
}

static bool
spec_files_is(const struct spec_carried *f, const char *name, size_t n)
{
	return f->name && strlen(f->name) == n && strncmp(f->name, name, n) == 0;
}

/* One file for several uses, such as a certificate with its key? */
static bool
spec_files_same(const struct spec_carried *x, const struct spec_carried *y)
{
	return x->from.text && y->from.text && strcmp(x->from.text, y->from.text) == 0 &&
	       (x->is_arg || y->is_arg) && y->name && spec_files_is(x, y->name, strlen(y->name));
}

/* The mode of a file for which the spec gives none. A file that is a private key in one use is
 * readable only by its owner in all. */
static const char *
spec_files_mode(const struct spec *s, const struct spec_carried *f)
{
	const struct engine_file_arg *arg;

	for (size_t i = 0; i < s->carried.n; i++) {
		arg = engine_file_arg(s->engine.kind, s->carried.v[i].as.text);
		if (arg && arg->secret && (f == &s->carried.v[i] || spec_files_same(f, &s->carried.v[i])))
			return "0600";
	}
	return "0644";
}

void
spec_carried_finish(struct arena *a, struct spec *s)
{
	for (size_t i = 0; i < s->carried.n; i++) {
		struct spec_carried *f = &s->carried.v[i];
		const struct engine_file_arg *arg = engine_file_arg(s->engine.kind, f->as.text);
		const char *slash = f->from.text ? strrchr(f->from.text, '/') : NULL;

		f->is_arg = arg;
		f->name = arg || !f->as.at.line ? slash ? slash + 1 : f->from.text : f->as.text;
		if (arg && f->name && !spec_arg_value(s, f->as.text))
			*vec_push(a, &s->engine.args) = (struct pair){f->as, {spec_files_path(a, f->name), f->as.at}};
	}
	for (size_t i = 0; i < s->carried.n; i++)
		if (!s->carried.v[i].mode.at.line)
			s->carried.v[i].mode.text = spec_files_mode(s, &s->carried.v[i]);
}

const char *
spec_carried_named(const char *text, size_t *n)
{
	static const char inside[] = CARRIED_INSIDE "/";

	for (const char *at = text; (at = strstr(at, inside)); at += sizeof inside - 1) {
		const char *name = at + sizeof inside - 1;

		if (at > text && strchr(LETTERS "/", at[-1]))
			continue;
		*n = strspn(name, LETTERS);
		if (*n)
			return name;
	}
	return NULL;
}

/* ---- checks ---- */

static bool
spec_files_clash(const struct spec_carried *x, const struct spec_carried *y)
{
	return spec_files_is(x, y->name, strlen(y->name)) &&
	       (!spec_files_same(x, y) || !x->mode.text || !y->mode.text ||
		strcmp(x->mode.text, y->mode.text) != 0);
}

void
check_files_names(struct checking *c)
{
	const struct spec *s = c->spec;

	if (s->carried.n > CARRIED_FILES)
		check_fail(c, s->carried.v[CARRIED_FILES].at, "%zu files are more than the %d that dray "
			   "carries: pack them, or put them into the image", s->carried.n, CARRIED_FILES);
	for (size_t i = 0; i < s->carried.n; i++) {
		const struct spec_carried *f = &s->carried.v[i];
		size_t k = 0, n = f->name ? strlen(f->name) : 0;

		if (n && (strspn(f->name, LETTERS) != n || strchr("._-", *f->name)))
			check_fail(c, f->from.at, "the engine cannot get a file called '%s': a name is letters, digits, "
				   "'.', '_' and '-', and begins with a letter or digit; %s", f->name,
				   f->is_arg ? "rename it" : "give it another one with 'as: NAME'");
		while (k < i && !(n && spec_files_clash(&s->carried.v[k], f)))
			k++;
		if (k == i)
			continue;
		check_fail(c, f->as.text && !f->is_arg ? f->as.at : f->from.at, "two files have the name "
			   "'%s'%s", f->name, f->is_arg ? ": rename one" : ": give one of them another "
			   "name with 'as: NAME'");
		diag_note(c->d, s->carried.v[k].from.at, "the other one");
	}
}

void
check_files_args(struct checking *c)
{
	const struct spec *s = c->spec;

	for (size_t i = 0; i < s->carried.n; i++) {
		const struct spec_carried *f = &s->carried.v[i];

		for (size_t k = 0; f->is_arg && k < s->engine.args.n; k++) {
			const struct word *key = &s->engine.args.v[k].key;

			if (strcmp(key->text, f->as.text) != 0 ||
			    (key->at.line == f->as.at.line && key->at.col == f->as.at.col))
				continue;
			check_fail(c, f->as.at, "'%s' is set twice: by this file, and in another place", f->as.text);
			diag_note(c->d, key->at, "the other place");
		}
	}
}

/* Calls f for each argument and each variable of the engine. The nodes of a range share theirs. */
static void
spec_files_each(struct checking *c, void (*f)(struct checking *, const struct pair *, void *), void *arg)
{
	const struct spec *s = c->spec;

	for (size_t i = 0; i < s->engine.args.n; i++)
		f(c, &s->engine.args.v[i], arg);
	for (size_t i = 0; i < s->engine.env.n; i++)
		f(c, &s->engine.env.v[i], arg);
	for (size_t i = 0; i < s->nnode; i++)
		for (size_t k = 0; k < s->node[i].env.n; k++)
			if (i == 0 || s->node[i].env.v != s->node[i - 1].env.v)
				f(c, &s->node[i].env.v[k], arg);
}

static void
spec_files_check_known(struct checking *c, const struct pair *p, void *arg)
{
	const struct spec *s = c->spec;
	const char *name = p->value.text, **names = ar_array(c->d->arena, const char *, s->carried.n + 1);
	size_t n = 0, nnames = 0;

	(void)arg;
	for (size_t i = 0; i < s->carried.n; i++)
		if (s->carried.v[i].name)
			names[nnames++] = s->carried.v[i].name;
	for (; name && (name = spec_carried_named(name, &n)); name += n) {
		size_t k = 0;

		while (k < s->carried.n && !spec_files_is(&s->carried.v[k], name, n))
			k++;
		if (k < s->carried.n)
			continue;
		const char *missing = arena_strndup(c->d->arena, name, n);
		const char *near = diag_hint(c->d->arena, missing, names, nnames);

		check_fail(c, p->value.at, "there is no file '%s' under 'files'%s", missing, *near ? near :
			   arena_printf(c->d->arena, ": add {from: PATH, as: %s}", missing));
	}
}

void
check_files_known(struct checking *c)
{
	const struct words *more = &c->spec->engine.docker_args;
	size_t n;

	spec_files_each(c, spec_files_check_known, NULL);
	for (size_t i = 0; i < more->n; i++)
		if (more->v[i].text && spec_carried_named(more->v[i].text, &n))
			check_fail(c, more->v[i].at, "only 'engine.args' and 'env' can name a file in '%s'",
				   CARRIED_INSIDE);
}

static void
spec_files_note_used(struct checking *c, const struct pair *p, void *arg)
{
	const struct spec *s = c->spec;
	const char *name = p->value.text;
	bool *used = arg;
	size_t n = 0;

	for (; name && (name = spec_carried_named(name, &n)); name += n)
		for (size_t k = 0; k < s->carried.n; k++)
			used[k] |= spec_files_is(&s->carried.v[k], name, n);
}

void
check_files_used(struct checking *c)
{
	const struct spec *s = c->spec;
	const struct engine_file_arg *known = s->engine.kind->carried_args;
	bool *used = ar_array(c->d->arena, bool, s->carried.n + 1);
	const char *args[16];
	size_t n = 0;

	for (; known && known->arg && n < countof(args); known++)
		args[n++] = known->arg;
	spec_files_each(c, spec_files_note_used, used);
	for (size_t i = 0; i < s->carried.n; i++) {
		const struct spec_carried *f = &s->carried.v[i];
		const char *near = f->as.text ? diag_hint(c->d->arena, f->as.text, args, n) : "";

		if (used[i] || f->is_arg || !f->name)
			continue;
		check_fail(c, f->as.text ? f->as.at : f->from.at, "nothing uses this file%s", *near ? near :
			   arena_printf(c->d->arena, ": name it in 'engine.args' or 'env' as '%s/%s'",
					CARRIED_INSIDE, f->name));
	}
}

/* Does it look like a relative path? An argument such as chat-template also takes the text itself. */
static bool
spec_files_is_loose_path(const char *s, size_t n)
{
	static const char *const ends[] = {".jinja", ".jinja2", ".j2", ".py", ".json", ".yaml", ".yml", ".pem",
		".crt", ".key", ".txt"};

	const char *equals = memchr(s, '=', n);

	if (!n || *s == '/' || (equals && equals[1] == '/') || memchr(s, '{', n) || memchr(s, ' ', n) || memchr(s, ':', n))
		return false;
	if (n > 2 && (strncmp(s, "./", 2) == 0 || strncmp(s, "../", 3) == 0))
		return true;
	for (size_t i = 0; i < countof(ends); i++) {
		size_t k = strlen(ends[i]);

		if (n > k && strncmp(s + n - k, ends[i], k) == 0)
			return true;
	}
	return false;
}

static void
spec_files_check_loose(struct checking *c, const struct pair *arg, const char *path, size_t n)
{
	const struct spec_engine *e = &c->spec->engine;
	const char *quote = strspn(path, LETTERS "/") < n ? "'" : "";

	if (memchr(path, '=', n)) /* spec_loose_paths() has it, if it is NAME=PATH */
		return;
	if (engine_file_arg(e->kind, arg->key.text))
		check_fail(c, arg->value.at, "%s looks for '%.*s' on the nodes, not beside this file: instead of "
			   "this argument, write 'files: [{from: %s%.*s%s, as: %s}]' at the top of the file, and "
			   "dray sends it to them", e->kind->server, (int)n, path, quote, (int)n, path, quote,
			   arg->key.text);
	else
		check_fail(c, arg->value.at, "%s looks for '%.*s' on the nodes, in the folder that it happens to "
			   "start in%s, not beside this file: copy it to every node and give its absolute "
			   "path%s", e->kind->server, (int)n, path, e->image.text ? " (that of the image)" : "",
			   e->image.text ? ", mounted by docker_args: [-v, '/srv/x:/srv/x:ro']" : "");
}

void
check_args_files(struct checking *c)
{
	const struct pairs *args = &c->spec->engine.args;
	const struct engine *e = c->spec->engine.kind;
	size_t n;
	const struct spec_path *loose = spec_loose_paths(c->d->arena, c->spec, &n);

	for (size_t i = 0; i < n; i++)
		check_fail(c, loose[i].at, "%s looks for '%s' on the nodes, in the folder that it happens to start in, "
			   "not beside this file: give its absolute path there%s, or ORG/NAME of the Hub",
			   e->server, loose[i].path, c->spec->engine.image.text ?
			   ", mounted by docker_args: [-v, '/srv/x:/srv/x:ro']" : "");
	for (size_t i = 0; i < args->n; i++) {
		const char *key = args->v[i].key.text, *at = args->v[i].value.text;
		const char *const *name = e->file_args;

		while (name && *name && strcmp(*name, key) != 0)
			name++;
		for (; name && *name && at && *at; at += strcspn(at, "\n"), at += *at == '\n')
			if (spec_files_is_loose_path(at, strcspn(at, "\n")))
				spec_files_check_loose(c, &args->v[i], at, strcspn(at, "\n"));
	}
}
