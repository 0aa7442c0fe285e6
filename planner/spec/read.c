/* Tree + field table -> structs. The field decides on the type, never the value. */
#include "planner/spec/read.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { PAIRS_MAX = 1000, KEY_MAX = 128 };

static void *read_member(void *out, const struct field *f) { return (char *)out + f->offset; }

bool
read_number_all(const char *s, long long *value)
{
	bool minus = *s == '-';
	size_t n = strspn(s + minus, "0123456789");

	if (n == 0 || n > 18 || s[minus + n] != '\0' || (s[minus] == '0' && n > 1))
		return false;
	*value = strtoll(s, NULL, 10);
	return true;
}

void
read_defaults(const struct field_group *g, void *out)
{
	for (const struct field *f = g->field; f->name; f++) {
		if (f->type == FIELD_GROUP)
			read_defaults(f->group, read_member(out, f));
		else if (f->fallback && f->type == FIELD_TEXT)
			((struct word *)read_member(out, f))->text = f->fallback;
		else if (f->fallback && f->type == FIELD_NUMBER)
			read_number_all(f->fallback,
					&((struct number *)read_member(out, f))->value);
	}
}

const struct tree *
read_find(const struct tree *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (map->key[i]->type == TREE_TEXT && strcmp(map->key[i]->text, key) == 0)
			return map->item[i];
	return NULL;
}

bool
read_has_unknown(const struct field_group *g, const struct tree *map)
{
	const struct field *f;

	for (size_t i = 0; i < map->n; i++) {
		if (map->key[i]->type != TREE_TEXT)
			continue;
		for (f = g->field; f->name && strcmp(f->name, map->key[i]->text) != 0; f++)
			;
		if (!f->name)
			return true;
	}
	return false;
}

bool
read_matches(struct reading *r, const char *pattern, const char *text)
{
	for (size_t i = 0; i < r->regex.n; i++)
		if (r->regex.v[i].pattern == pattern)
			return regexec(&r->regex.v[i].regex, text, 0, NULL, 0) == 0;
	struct reading_regex *new = vec_push(r->arena, &r->regex);

	new->pattern = pattern;
	if (regcomp(&new->regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	return regexec(&new->regex, text, 0, NULL, 0) == 0;
}

void
reading_release(struct reading *r)
{
	for (size_t i = 0; i < r->regex.n; i++)
		regfree(&r->regex.v[i].regex);
}

/* Is it one of the choices, or does it match the pattern? */
static bool
read_choice(struct reading *r, const struct field *f, const char *name, const char *text,
	    struct loc at)
{
	const char *all = f->choices[0], *other = f->pattern ? f->must : NULL;
	size_t n = 0;

	for (; f->choices[n]; n++)
		if (strcmp(f->choices[n], text) == 0)
			return true;
	if (other && read_matches(r, f->pattern, text))
		return true;
	/* "image or host", "docker, podman or none" */
	for (size_t i = 1; i < n; i++)
		all = arena_printf(r->arena, "%s%s%s", all, i + 1 < n || other ? ", " : " or ",
				   f->choices[i]);
	diag_error(r->d, at, "'%s' must be %s%s%s%s", name, all, other ? " or " : "",
		   other ? other : "", diag_hint(r->arena, text, f->choices, n));
	return false;
}

bool
read_check(struct reading *r, const struct field *f, const char *name, const char *text,
	   struct loc at)
{
	size_t len = strlen(text), longest = f->longest ? f->longest : FIELD_LONGEST;

	if (len > longest) {
		diag_error(r->d, at, "'%s' has %zu characters (at most %zu)", name, len, longest);
		return false;
	}
	for (const char *s = text; *s; s++) {
		if ((unsigned char)*s >= 0x20 && *s != 0x7f)
			continue;
		if ((f->flags & FIELD_LINES) && (*s == '\n' || *s == '\t'))
			continue;
		diag_error(r->d, at, *s == '\n' ? "'%s' must be one line" :
			   "'%s' contains a control character", name);
		return false;
	}
	if (f->choices)
		return read_choice(r, f, name, text, at);
	if (f->pattern && !read_matches(r, f->pattern, text)) {
		diag_error(r->d, at, "'%s' %s%s", name, f->must, f->meant ? f->meant(r->arena, text) : "");
		return false;
	}
	return true;
}

const char *
read_expand(struct reading *r, const struct tree *t)
{
	return r->as_is ? t->text : vars_expand(&r->vars, t);
}

const char *
read_scalar(struct reading *r, const char *name, const struct tree *t, const char *wanted,
	    bool may_be_empty)
{
	const char *text;

	if (t->type == TREE_BAD)
		return NULL;
	if (t->type != TREE_TEXT) {
		diag_error(r->d, t->at, "'%s' must be %s, not a %s", name, wanted,
			   t->type == TREE_LIST ? "list" : "map");
		return NULL;
	}
	if (tree_is_empty(t)) {
		diag_error(r->d, t->at, "'%s' has no value", name);
		return NULL;
	}
	if (t->plain && (strcmp(t->text, "~") == 0 || strcmp(t->text, "null") == 0)) {
		diag_error(r->d, t->at, "'%s' is null (leave the key out, or quote the string)", name);
		return NULL;
	}
	text = read_expand(r, t);
	if (text && !*text && !may_be_empty) {
		diag_error(r->d, t->at, "'%s' is empty", name);
		return NULL;
	}
	return text;
}

static void
read_text(struct reading *r, const struct field *f, const struct tree *t, struct word *out)
{
	const char *text = read_scalar(r, f->name, t, "a string", false);

	*out = (struct word){.at = t->at};
	/* A range is checked after it is expanded: the pattern is for single names. */
	if (text && ((f->flags & FIELD_RANGE) || read_check(r, f, f->name, text, t->at)))
		out->text = text;
}

static void
read_number(struct reading *r, const struct field *f, const struct tree *t, struct number *out)
{
	const char *text = read_scalar(r, f->name, t, "a number", false), *digits;
	long long value;

	out->at = t->at;
	if (!text)
		return;
	if ((f->flags & FIELD_AUTO) && strcmp(text, "auto") == 0) {
		out->is_auto = true;
		return;
	}
	digits = text + (*text == '-');
	if (!read_number_all(text, &value) || value < f->min || value > f->max) {
		diag_error(r->d, t->at, "'%s' must be a whole number%s%s from %lld to %lld%s%s%s%s", f->name,
			   f->unit ? " of " : "", f->unit ? f->unit : "", f->min, f->max,
			   *digits == '0' && strspn(digits, "0123456789") == strlen(digits) &&
			   digits[1] ? ", without leading zeros" : "",
			   f->must && strcmp(text, "0") == 0 ? ": " : "",
			   f->must && strcmp(text, "0") == 0 ? f->must : "", read_as_number(r, f, text));
		return;
	}
	out->value = value;
	out->set = true;
}

static void
read_item(struct reading *r, const struct field *f, const struct tree *t, struct words *out)
{
	const char *text;

	if (t->type == TREE_TEXT && read_sets_secret(t->text))
		read_hide(r, t);
	text = read_scalar(r, f->name, t, "a list of strings", false);
	if (text && read_check(r, f, f->name, text, t->at))
		*vec_push(r->arena, out) = (struct word){text, t->at};
}

static void
read_texts(struct reading *r, const struct field *f, const struct tree *t, struct words *out)
{
	if (t->type == TREE_BAD || tree_is_empty(t))
		return;
	if (t->type == TREE_LIST) {
		for (size_t i = 0; i < t->n; i++)
			read_item(r, f, t->item[i], out);
	} else if ((f->flags & FIELD_ONE) && t->type == TREE_TEXT) {
		read_item(r, f, t, out);
	} else {
		diag_error(r->d, t->at, f->flags & FIELD_ONE ? "'%s' must be a string or a list: [a, b]"
			   : "'%s' must be a list: [a, b]", f->name);
	}
}

/* The value of an engine argument: a string, or several strings, one per line. */
static const char *
read_arg_value(struct reading *r, const struct field *f, const char *key, const struct tree *t)
{
	const char *text, *all = NULL;

	if (t->type != TREE_LIST) {
		if (t->type == TREE_MAP) {
			diag_error(r->d, t->at, "'%s' must be a string, a list, true or false "
				   "(quote JSON: '{\"a\": 1}')", key);
			return NULL;
		}
		if (tree_is_empty(t)) {
			diag_error(r->d, t->at, "'%s' has no value (true gives the option alone)", key);
			return NULL;
		}
		text = read_scalar(r, key, t, "a string", true);
		return text && read_check(r, f, key, text, t->at) ? text : NULL;
	}
	for (size_t i = 0; i < t->n; i++) {
		text = read_scalar(r, key, t->item[i], "a list of strings", false);
		if (!text || !read_check(r, f, key, text, t->item[i]->at))
			return NULL;
		all = all ? arena_printf(r->arena, "%s\n%s", all, text) : text;
	}
	if (!all)
		diag_error(r->d, t->at, "'%s' has no value", key);
	return all;
}

static void
read_pair(struct reading *r, const struct field *f, const struct tree *key,
	  const struct tree *item, struct pairs *out)
{
	const char *name = key->text, *text;

	if (strlen(name) > KEY_MAX || !read_matches(r, f->key_pattern, name)) {
		diag_error(r->d, key->at, "key '%.60s' in '%s' %s", name, f->name, f->key_must);
		return;
	}
	if (read_names_secret(name) && item->type == TREE_TEXT)
		read_hide(r, item);
	if (f->type == FIELD_ARGS) {    /* to engines '_' and '-' are the same, so also in a plan, ... */
		char *copy = arena_strdup(r->arena, name);

		for (char *s = copy; *s && *s != '.'; s++)      /* ... but not in a key of an option's JSON */
			*s = *s == '_' ? '-' : *s;
		name = copy;
	}
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->v[i].key.text, name) == 0) {    /* tree_read() reports equal keys */
			diag_error(r->d, key->at, "'%s' is given twice ('_' and '-' are the same)",
				   name);
			diag_note(r->d, out->v[i].key.at, "first given here");
			return;
		}
	text = f->type == FIELD_ARGS ? read_arg_value(r, f, name, item)
				     : read_scalar(r, name, item, "a string", true);
	if (text && (f->type == FIELD_ARGS || read_check(r, f, name, text, item->at)))
		*vec_push(r->arena, out) = (struct pair){{name, key->at}, {text, item->at}};
}

static void
read_pairs(struct reading *r, const struct field *f, const struct tree *t, struct pairs *out)
{
	if (t->type == TREE_BAD || tree_is_empty(t))
		return;
	if (t->type != TREE_MAP) {
		diag_error(r->d, t->at, "'%s' must be a map: {KEY: VALUE}", f->name);
		return;
	}
	if (t->n > PAIRS_MAX) {
		diag_error(r->d, t->at, "'%s' has more than %d keys", f->name, PAIRS_MAX);
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->key[i]->type == TREE_TEXT)
			read_pair(r, f, t->key[i], t->item[i], out);
}

static void
read_field(struct reading *r, const struct field *f, const struct tree *t, void *out)
{
	void *to = read_member(out, f);

	switch (f->type) {
	case FIELD_TEXT:
		read_text(r, f, t, to);
		break;
	case FIELD_NUMBER:
		read_number(r, f, t, to);
		break;
	case FIELD_SECRET:
		read_secret(r, f, t, to);
		break;
	case FIELD_TEXTS:
		read_texts(r, f, t, to);
		break;
	case FIELD_PAIRS:
	case FIELD_ARGS:
		read_pairs(r, f, t, to);
		break;
	case FIELD_GROUP:
		if (t->type == TREE_TEXT && f->group->auto_offset != NO_OFFSET &&
		    strcmp(t->text, "auto") == 0) {
			*(bool *)(void *)((char *)to + f->group->auto_offset) = true;
			*(struct loc *)(void *)((char *)to + f->group->at_offset) = t->at;
		} else if (t->type != TREE_BAD) {
			read_group(r, f->group, t, to);
		}
		break;
	case FIELD_NODES:
		read_nodes(r, f, t, out);
		break;
	case FIELD_LEFT:
		read_left(r, f, t, out);
		break;
	case FIELD_GROUPS:
		read_groups(r, f, t, to);
		break;
	case FIELD_TREE:
		*(const struct tree **)to = read_tree(r, f, t);
		break;
	case FIELD_VARS:
		/* vars_read() checked names and values. */
		for (size_t i = 0; i < r->vars.n; i++)
			if (r->vars.v[i].value)
				*vec_push(r->arena, (struct pairs *)to) = (struct pair){
					{r->vars.v[i].name, r->vars.v[i].tree->at},
					{r->vars.v[i].value, r->vars.v[i].tree->at}};
		break;
	}
}

void
read_group(struct reading *r, const struct field_group *g, const struct tree *map, void *out)
{
	const struct field *f;

	if (map->type != TREE_MAP && !tree_is_empty(map)) {
		diag_error(r->d, map->at, "'%s' must be %sa map of keys and values%s",
			   g->name ? g->name : "the file",
			   g->auto_offset != NO_OFFSET ? "auto or " : "", read_as_map(r, g, map));
		return;
	}
	if (g->at_offset != NO_OFFSET)
		*(struct loc *)(void *)((char *)out + g->at_offset) = map->at;
	for (size_t i = 0; i < map->n; i++) {
		if (map->key[i]->type != TREE_TEXT)
			continue;
		for (f = g->field; f->name && strcmp(f->name, map->key[i]->text) != 0; f++)
			;
		if (!f->name)
			f = read_unknown_key(r, g, map, i);
		if (f)
			read_field(r, f, map->item[i], out);
	}
	for (f = g->field; f->name; f++)
		if ((f->flags & FIELD_REQUIRED) && !read_find(map, f->name))
			diag_error(r->d, map->at, g->name ? "'%s' is missing in '%s'" :
				   "'%s' is missing", f->name, g->name);
}
