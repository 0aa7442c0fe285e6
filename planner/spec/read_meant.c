/* What was probably meant by a key or a value that is wrong: the hints behind the errors of read.c. */
#include <ctype.h>
#include <string.h>

#include "planner/base/alike.h"
#include "planner/base/vec.h"
#include "planner/engines/engine.h"
#include "planner/spec/read.h"

static const struct field *
meant_named(const struct field_group *g, const char *name, size_t n)
{
	for (const struct field *f = g->field; f->name; f++)
		if (strlen(f->name) == n && strncmp(f->name, name, n) == 0)
			return f;
	return NULL;
}

/* The field of the group that the key is another word for; or NULL. */
static const struct field *
meant_field(const struct field_group *g, const char *key)
{
	for (const struct field *f = g->field; f->name; f++)
		if (alike(key, f->name, strlen(f->name)) || alike_among(key, f->aka))
			return f;
	return NULL;
}

/* The field of the group that the key misspells; or NULL. */
static const struct field *
meant_near(const struct field_group *g, const char *key)
{
	const char *names[32], *near;
	size_t n = 0;

	for (const struct field *f = g->field; f->name && n < countof(names); f++)
		names[n++] = f->name;
	near = diag_nearest(key, names, n);
	return near ? meant_named(g, near, strlen(near)) : NULL;
}

/* Groups that have such a key, by whatever name. */
struct meant_groups {
	struct { const struct field_group *group; const struct field *field; } v[8];
	size_t n;
};

static void
meant_add(struct meant_groups *to, const struct field_group *g, const struct field *f)
{
	if (!f || to->n == countof(to->v))
		return;
	for (size_t i = 0; i < to->n; i++)
		if (to->v[i].group == g)
			return;
	to->v[to->n].group = g;
	to->v[to->n++].field = f;
}

/* All those that have a key of that very name. */
static void
meant_below(struct meant_groups *to, const struct field_group *g, const char *key)
{
	meant_add(to, g, meant_named(g, key, strlen(key)));
	for (const struct field *f = g->field; f->name; f++)
		if (f->group)
			meant_below(to, f->group, key);
}

/* " (it belongs under 'ssh')", or under one of two. */
static const char *
meant_elsewhere(struct arena *a, const struct meant_groups *in, const char *key)
{
	const char *first = in->n ? in->v[0].group->name : NULL, *second = in->n > 1 ? in->v[1].group->name : NULL;

	if (in->n == 1 && !first)
		return " (it belongs at the top of the file)";
	if (in->n == 1 && strcmp(in->v[0].field->name, key) != 0)
		return arena_printf(a, " (it belongs under '%s', as '%s')", first, in->v[0].field->name);
	if (in->n == 1)
		return arena_printf(a, " (it belongs under '%s')", first);
	if (in->n == 2 && first && second)
		return arena_printf(a, " (it belongs under '%s' or '%s')", first, second);
	return "";
}

/* Keys that other tools have under ssh, and where that goes here; "": none of those. */
static const char *
meant_for_ssh(const struct field_group *g, const char *key)
{
	if (!g->name || strcmp(g->name, "ssh") != 0)
		return "";
	if (alike_among(key, "jump jumps jump_host proxy_jump bastion gateway"))
		return " (dray follows ProxyJump of ~/.ssh/config, or of the file under 'config')";
	return alike_among(key, "password") ? " (dray logs in by keys only)" : "";
}

/* An option of the engine: the key that sets it, or where it goes; "": it is not known. */
static const char *
meant_for_engine(struct arena *a, const struct field_group *g, const char *key)
{
	const struct engine *e = engine_find(NULL);

	for (const struct engine_own *own = e->own_args; own->name; own++)
		if (own->name[1] && alike(key, own->name, strlen(own->name)))
			return arena_printf(a, " (that is %s)", own->from);
	if (alike_among(key, e->usual_args))
		return arena_printf(a, " (an option of %s goes under 'engine.args')", e->server);
	if (g->name && strcmp(g->name, "engine") == 0)
		return arena_printf(a, " (if it is an option of %s, it goes under 'args')", e->server);
	return "";
}

/* Where a key goes that this group does not have, if it is in `parts` of it, or anywhere; or "". */
static const char *
meant_place(struct arena *a, const struct field_group *g, const char *key, const struct meant_groups *parts)
{
	struct meant_groups in = *parts;
	const char *hint = meant_for_ssh(g, key);

	if (*hint)
		return hint;
	if (!in.n)
		meant_below(&in, &spec_fields, key);
	if (in.n != 1)
		hint = meant_for_engine(a, g, key);
	return *hint ? hint : meant_elsewhere(a, &in, key);
}

const struct field *
read_unknown_key(struct reading *r, const struct field_group *g, const struct tree *map, size_t i)
{
	struct tree *key = map->key[i];
	const struct field *f = meant_field(g, key->text);
	struct meant_groups parts = {0};
	const char *hint;

	for (const struct field *part = g->field; part->name; part++)
		if (part->group)
			meant_add(&parts, part->group, meant_field(part->group, key->text));
	if (!f && !parts.n)
		f = meant_near(g, key->text);
	hint = f ? arena_printf(r->arena, " (did you mean '%s'?)", f->name)
		 : meant_place(r->arena, g, key->text, &parts);
	/* The value of a misspelt secret is hidden too. */
	if (((f && f->type == FIELD_SECRET) || read_names_secret(key->text)) &&
	    (map->item[i]->type != TREE_TEXT || secret_ref_of(map->item[i]->text).from == SECRET_NONE))
		read_hide(r, map->item[i]);
	diag_error(r->d, key->at, "unknown key '%.60s'%s%s", key->text,
		   g->name ? arena_printf(r->arena, " in '%s'", g->name) : "", hint);
	if (!f || read_find(map, f->name))
		return NULL;
	key->text = f->name;
	return f;
}

/* "KEY: VALUE" of a text that is a field of the group with its value, but for the ':' or the space
 * behind it; or NULL. */
static const char *
meant_pair(struct arena *a, const struct field_group *g, const char *text)
{
	for (const struct field *f = g->field; f->name; f++) {
		size_t n = strlen(f->name);

		if (strncmp(text, f->name, n) == 0 && text[n] && strchr(": ", text[n]) && text[n + 1] &&
		    f->type != FIELD_SECRET)
			return arena_printf(a, "%s: %.60s", f->name, text + n + 1);
	}
	return NULL;
}

/* Could the text be the value of that field? */
static bool
meant_fits(struct reading *r, const struct field *f, const char *text)
{
	long long value;

	if (f->type == FIELD_NUMBER)
		return read_number_all(text, &value) && value >= f->min && value <= f->max;
	return f->pattern && strlen(text) < 200 && read_matches(r, f->pattern, text);
}

const char *
read_as_map(struct reading *r, const struct field_group *g, const struct tree *t)
{
	const char *pair, *text = t->text;

	if (t->type != TREE_TEXT)
		return "";
	pair = meant_pair(r->arena, g, text);
	if (pair)
		return arena_printf(r->arena, " (write '%s')", pair);
	/* A word of letters alone may be anything. */
	if (!strpbrk(text, "/.:0123456789"))
		return "";
	for (const char *word = g->bare; word && *word;) {
		size_t n = strcspn(word, " ");
		const struct field *f = meant_named(g, word, n);

		if (f && meant_fits(r, f, text))
			return arena_printf(r->arena, " (write '%s: {%s: %s}')", g->name, f->name, text);
		word += n + (word[n] == ' ');
	}
	return "";
}

/* The seconds of "5m" or "2h"; 0: it is not such a time. */
static long long
meant_seconds(const char *text)
{
	static const struct { const char *unit; long long seconds; } units[] = {{"s", 1}, {"sec", 1},
		{"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	size_t n = strspn(text, "0123456789");
	long long value = 0;

	if (n == 0 || n > 6)
		return 0;
	for (size_t i = 0; i < n; i++)
		value = 10 * value + (text[i] - '0');
	text += n + strspn(text + n, " ");
	for (size_t i = 0; i < countof(units); i++)
		if (strcmp(text, units[i].unit) == 0)
			return value * units[i].seconds;
	return 0;
}

const char *
read_as_number(struct reading *r, const struct field *f, const char *text)
{
	long long seconds = f->unit && strcmp(f->unit, "seconds") == 0 ? meant_seconds(text) : 0;

	if (seconds >= f->min && seconds <= f->max && seconds)
		return arena_printf(r->arena, " (write %lld)", seconds);
	if (f->otherwise && !strpbrk(text, "0123456789"))
		return arena_printf(r->arena, " (without it: %s)", f->otherwise);
	return "";
}

/* " (a range is written gpu-[1-4])" for "gpu-{1..4}" and "gpu-1..4", or "". */
static const char *
meant_range(struct arena *a, const char *text)
{
	const char *dots = strstr(text, ".."), *from = dots, *to = dots ? dots + 2 : NULL, *end;
	size_t n, m;

	if (!dots)
		return "";
	while (from > text && isdigit((unsigned char)from[-1]))
		from--;
	n = (size_t)(dots - from);
	m = strspn(to, "0123456789");
	end = to + m;
	if (!n || !m)
		return "";
	if (from > text && from[-1] == '{' && *end == '}') {
		from--;
		end++;
	}
	return arena_printf(a, " (a range is written '%.*s[%.*s-%.*s]%s')", (int)(from - text), text, (int)n,
			    dots - n, (int)m, to, end);
}

const char *
meant_host(struct arena *a, const char *text)
{
	const char *at = strchr(text, '@'), *range = meant_range(a, text);

	if (*range)
		return range;
	if (strncmp(text, "ssh://", 6) == 0 && text[6])
		return arena_printf(a, " (without 'ssh://')");
	if (!at || at == text || !at[1] || strpbrk(text, " ,{}'\":") || strchr(at + 1, '@'))
		return "";
	return arena_printf(a, " (write '{host: %s, ssh: {user: %.*s}}')", at + 1, (int)(at - text), text);
}

/* Behind the server of a URL of a hub, or behind hf://; the text itself where there is none. */
static const char *
meant_repo_path(const char *text)
{
	static const char *const starts[] = {"hf://", "huggingface://", "modelscope://", "huggingface.co/", "hf.co/",
		"https://huggingface.co/", "https://hf.co/", "https://modelscope.cn/models/",
		"https://www.modelscope.cn/models/"};
	const char *host = strstr(text, "://"), *path;

	for (size_t i = 0; i < countof(starts); i++)
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return text + strlen(starts[i]);
	path = host ? strchr(host + 3, '/') : NULL;
	return path ? path + 1 : text;
}

const char *
meant_repo(struct arena *a, const char *text)
{
	const char *org = meant_repo_path(text), *rest;
	size_t n = strcspn(org, "/?#@"), m = org[n] == '/' ? strcspn(org + n + 1, "/?#@") : 0;
	const char *repo = arena_printf(a, "%.*s", (int)(n + 1 + m), org), *revision = NULL;

	for (const char *c = repo; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-/", *c))
			return "";
	if (!n || !m || strcmp(repo, text) == 0 || n + m > 190)
		return "";
	rest = org + n + 1 + m;
	if (*rest == '@')
		revision = rest + 1;
	else if (strncmp(rest, "/tree/", 6) == 0 && strcmp(rest + 6, "main") != 0)
		revision = rest + 6;
	else if (org == text && (*rest != '/' || rest[1]))
		return "";              /* a file of it, perhaps: what must be told already says so */
	return revision && *revision && strlen(revision) < 200
	       ? arena_printf(a, " (write 'repo: %s, revision: %s')", repo, revision)
	       : arena_printf(a, " (did you mean '%s'?)", repo);
}

const char *
meant_bind(struct arena *a, const char *text)
{
	(void)a;
	if (strcmp(text, "localhost") == 0)
		return " (did you mean '127.0.0.1'?)";
	return alike_among(text, "all any * everywhere public") ? " (0.0.0.0 is all addresses)" : "";
}

const char *
meant_folder(struct arena *a, const char *text)
{
	const char *colon = strchr(text, ':');

	(void)a;
	if (*text == '~')
		return " (each login has its own '~')";
	if (colon && colon > text && colon[1] == '/' && colon[2] != '/')
		return " (mount it on the nodes, and give the folder where it is)";
	return "";
}
