/* hooks:, steps: and free maps: lists of groups, and maps that stay trees. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/spec/read.h"
#include "planner/base/value.h"

enum { GROUPS_MAX = 1000 };

/* Every list of structs begins like this: struct { T *v; size_t n, cap; }. */
struct list {
	void *v;
	size_t n, cap;
};

void
read_groups(struct reading *r, const struct field *f, const struct tree *t, void *to)
{
	struct list list = {0};
	char *item;

	if (t->type == TREE_BAD || tree_is_empty(t))
		return;
	if (t->type != TREE_LIST) {
		diag_error(r->d, t->at, "'%s' must be a list: a '-' before each", f->name);
		return;
	}
	if (t->n > GROUPS_MAX) {
		diag_error(r->d, t->at, "'%s' has more than %d entries", f->name, GROUPS_MAX);
		return;
	}
	list.v = item = arena_calloc(r->arena, t->n + 1, f->group->size);
	list.cap = t->n + 1;
	for (size_t i = 0; i < t->n; i++) {
		const struct tree *one = t->item[i];

		if (one->type == TREE_BAD)
			continue;
		if (one->type != TREE_MAP) {
			diag_error(r->d, one->at, "an entry of '%s' must be a map of keys and values%s",
				   f->name, f->group->bare && one->type == TREE_TEXT
				   ? arena_printf(r->arena, ": {%s: %s}", f->group->bare, one->text) : "");
			continue;
		}
		read_defaults(f->group, item);
		read_group(r, f->group, one, item);
		if (f->group == &step_fields)
			read_step_done(r, one, (struct spec_step *)(void *)item);
		else if (f->group == &hook_fields)
			read_hook_done(r, one, (struct spec_hook *)(void *)item);
		item += f->group->size;
		list.n++;
	}
	memcpy(to, &list, sizeof list);
}

/* ---- free maps ---- */

static struct tree *
read_custom_copy(struct reading *r, const struct tree *t, int depth)
{
	struct tree *new = ar_new(r->arena, struct tree);

	*new = *t;
	if (depth > VALUE_MAX_DEPTH) {
		diag_error(r->d, t->at, "lists and maps are nested more than %d levels deep here",
			   VALUE_MAX_DEPTH);
		new->type = TREE_BAD;
		return new;
	}
	if (t->type == TREE_TEXT) {
		new->text = read_expand(r, t);
		if (!new->text)
			new->type = TREE_BAD;
		return new;
	}
	new->item = ar_array(r->arena, struct tree *, t->n + 1);
	for (size_t i = 0; i < t->n; i++) {
		if (t->type == TREE_MAP && t->key[i]->type == TREE_TEXT &&
		    read_names_secret(t->key[i]->text) && t->item[i]->type == TREE_TEXT)
			read_hide(r, t->item[i]);
		new->item[i] = read_custom_copy(r, t->item[i], depth + 1);
	}
	return new;
}

static const struct tree bad = {.type = TREE_BAD};

const struct tree *
read_tree(struct reading *r, const struct field *f, const struct tree *t)
{
	if (t->type == TREE_BAD)
		return &bad;
	if (tree_is_empty(t))
		return NULL;
	if (t->type != TREE_MAP) {
		diag_error(r->d, t->at, "'%s' must be a map: {KEY: VALUE}", f->name);
		return &bad;
	}
	return read_custom_copy(r, t, 1);
}

bool
read_is_bad(const struct tree *t)
{
	if (t->type == TREE_BAD)
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (read_is_bad(t->item[i]))
			return true;
	return false;
}

static struct value *
read_custom_plain(struct arena *a, const char *text)
{
	static const char digits[] = "0123456789";
	const char *start = text + (*text == '-'), *rest = start + strspn(start, digits);

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return value_bool(a, *text == 't');
	if (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)
		return value_nil(a);
	if (rest == start || (rest - start > 1 && *start == '0'))       /* 007 is a string */
		return value_text(a, text);
	if (!*rest && rest - start <= 18)
		return value_integer(a, strtoll(text, NULL, 10));
	if (*rest == '.' && rest[1] && !rest[1 + strspn(rest + 1, digits)])
		return value_number(a, strtod(text, NULL));
	return value_text(a, text);
}

struct value *
spec_value(struct arena *a, const struct tree *t)
{
	struct value *v;

	switch (t ? t->type : TREE_BAD) {
	case TREE_TEXT:
		return t->plain ? read_custom_plain(a, t->text) : value_text(a, t->text);
	case TREE_LIST:
		v = value_list(a);
		for (size_t i = 0; i < t->n; i++)
			value_push(a, v, spec_value(a, t->item[i]));
		return v;
	case TREE_MAP:
		v = value_map(a);
		for (size_t i = 0; i < t->n; i++)
			if (t->key[i]->type == TREE_TEXT)
				value_set(a, v, t->key[i]->text, spec_value(a, t->item[i]));
		return v;
	case TREE_BAD:
		break;
	}
	return value_nil(a);
}

/* ---- checks of several keys ---- */

void
read_hook_done(struct reading *r, const struct tree *t, struct spec_hook *h)
{
	const struct tree *on = read_find(t, "on");

	if (on && on->type == TREE_LIST && on->n == 0)
		diag_error(r->d, on->at, "'on' is empty: such a hook would never be called");
	for (size_t i = 0; i < h->on.n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(h->on.v[i].text, h->on.v[k].text) == 0) {
				diag_error(r->d, h->on.v[i].at, "'%s' is given twice",
					   h->on.v[i].text);
				break;
			}
}

/* ${env:TOKEN} would put the secret into plans and records. */
static void
read_custom_refuse_secrets(struct reading *r, const struct tree *t, const char *key)
{
	const struct tree *value = read_find(t, key);
	const char *s = value && value->type == TREE_TEXT ? value->text : "";

	while ((s = strstr(s, "${env:"))) {
		size_t n = strcspn(s += 6, "}");

		if (!read_names_secret(arena_strndup(r->arena, s, n)))
			continue;
		diag_error(r->d, tree_find(value, s - 6, n + 7), "'%s' must not hold a secret: plans "
			   "and records show it", key);
	}
}

/* Keys that belong to the other sort of step. */
static void
read_custom_not_with(struct reading *r, const struct tree *t, const char *key, const char *other)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->key[i]->type == TREE_TEXT && strcmp(t->key[i]->text, key) == 0)
			diag_error(r->d, t->key[i]->at, "'%s' does not go with '%s'", key, other);
}

void
read_step_done(struct reading *r, const struct tree *t, struct spec_step *s)
{
	static const char *const of_command[] = {"run", "check", "undo", "creates"},
		*const of_kind[] = {"name", "with"}, *const scripts[] = {"run", "check", "undo"};
	bool command = read_find(t, "command"), kind = read_find(t, "kind");
	const struct tree *node = read_find(t, "node"), *nodes = read_find(t, "nodes");

	if (command && kind)
		read_custom_not_with(r, t, "kind", "command");
	else if (!command && !kind)
		diag_error(r->d, t->at, "a step needs 'command' (its name) and 'run', or 'kind' and "
			   "'name'");
	for (size_t i = 0; command && i < countof(of_kind); i++)
		read_custom_not_with(r, t, of_kind[i], "command");
	for (size_t i = 0; kind && !command && i < countof(of_command); i++)
		read_custom_not_with(r, t, of_command[i], "kind");
	if (command && !kind && !read_find(t, "run"))
		diag_error(r->d, t->at, "'run' is missing in this step");
	if (kind && !command && !read_find(t, "name"))
		diag_error(r->d, t->at, "'name' is missing in this step");
	if (node && nodes)
		read_custom_not_with(r, t, "node", "nodes");
	else if (!node && !nodes)
		diag_error(r->d, t->at, "a step needs 'node' or 'nodes': where it runs");
	else if (nodes && (tree_is_empty(nodes) || (nodes->type == TREE_LIST && nodes->n == 0)))
		diag_error(r->d, nodes->at, "'nodes' is empty");
	if (!read_find(t, "with") && read_has_unknown(&step_fields, t))
		s->with = &bad;
	if (s->node.text && !nodes)
		*vec_push(r->arena, &s->nodes) = s->node;
	for (size_t i = 0; i < countof(scripts); i++)
		read_custom_refuse_secrets(r, t, scripts[i]);
}
