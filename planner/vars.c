#include "planner/vars.h"

#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"

static struct var *
find(struct vars *vars, const char *name)
{
	for (size_t i = 0; i < vars->n; i++)
		if (strcmp(vars->v[i].name, name) == 0)
			return &vars->v[i];
	return NULL;
}

static size_t
name_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
}

/* The variable's value, expanded now if it was not yet. */
static const char *
value_of(struct vars *vars, const char *name, struct loc at)
{
	struct var *var = find(vars, name), *outer = vars->open;
	const char **names, *hint;

	if (!var) {
		names = ar_array(vars->arena, const char *, vars->n + 1);
		for (size_t i = 0; i < vars->n; i++)
			names[i] = vars->v[i].name;
		hint = diag_hint(vars->arena, name, names, vars->n);
		diag_error(vars->d, at, "unknown variable '%.60s'%s", name,
			   *hint ? hint : " (write '$${' for a plain '${')");
		return NULL;
	}
	if (var->state == VAR_OPEN) {
		if (outer == var)
			diag_error(vars->d, at, "variable '%s' refers to itself", name);
		else
			diag_error(vars->d, at, "variables '%s' and '%s' refer to each other",
				   name, outer->name);
		return NULL;
	}
	if (var->state == VAR_NEW) {
		var->state = VAR_OPEN;
		vars->open = var;
		var->value = vars_expand(vars, var->tree);
		vars->open = outer;
		var->state = VAR_DONE;
	}
	return var->value;
}

static const char *
environment(struct vars *vars, const char *name, struct loc at)
{
	const char *value = NULL;

	if (!*name || strchr(name, '-') || (*name >= '0' && *name <= '9')) {
		diag_error(vars->d, at, "'%.60s' is not the name of an environment variable", name);
		return NULL;
	}
	if (vars->env)
		value = vars->env(name);
	if (!value)
		diag_error(vars->d, at, "environment variable '%.60s' is not set", name);
	return value;
}

/* What the ${...} at s stands for; *len is how much of the text it takes. */
static const char *
reference(struct vars *vars, const struct tree *t, const char *s, size_t *len)
{
	bool env = strncmp(s, "${env:", 6) == 0;
	const char *name = s + (env ? 6 : 2), *end = name + name_length(name);
	char *copy;

	if (*end != '}') {
		const char *close = strchr(end, '}');

		*len = close ? (size_t)(close + 1 - s) : strlen(s);
		if (!close)
			diag_error(vars->d, tree_find(t, s, 2), "'${' without '}' "
				   "(write '$${' for a plain '${')");
		else
			diag_error(vars->d, tree_find(t, s, *len), "a variable is ${name} or "
				   "${env:NAME} (write '$${' for a plain '${')");
		return NULL;
	}
	*len = (size_t)(end + 1 - s);
	copy = arena_strndup(vars->arena, name, (size_t)(end - name));
	if (env)
		return environment(vars, copy, tree_find(t, s, *len));
	if (!*copy) {
		diag_error(vars->d, tree_find(t, s, *len), "a variable needs a name: ${name}");
		return NULL;
	}
	return value_of(vars, copy, tree_find(t, s, *len));
}

const char *
vars_expand(struct vars *vars, const struct tree *t)
{
	struct str out = {.max = VARS_MAX_TEXT};
	const char *s = t->text, *copy = NULL;
	bool good = true;

	if (!strstr(s, "${"))
		return s;
	for (size_t len; *s; s += len) {
		const char *value;

		len = 1;
		if (strncmp(s, "$${", 3) == 0) {
			str_puts(&out, "${");
			len = 3;
		} else if (strncmp(s, "${", 2) == 0) {
			value = reference(vars, t, s, &len);
			good = good && value;
			if (value)
				str_puts(&out, value);
		} else {
			str_putc(&out, *s);
		}
	}
	vars->total += out.len;
	if (good && (out.cut || vars->total > VARS_MAX_TOTAL))
		diag_error(vars->d, t->at, "too long once its variables are put in (at most %d "
			   "bytes)", VARS_MAX_TEXT);
	else if (good)
		copy = arena_strndup(vars->arena, str_text(&out), out.len);
	str_release(&out);
	return copy;
}

void
vars_read(struct vars *vars, const struct tree *map)
{
	for (size_t i = 0; map && i < map->n; i++) {
		const struct tree *key = map->key[i], *item = map->item[i];

		if (key->type != TREE_TEXT || item->type == TREE_BAD)
			continue;
		if (vars->n == VARS_MAX) {
			diag_error(vars->d, key->at, "more than %d variables", VARS_MAX);
			break;
		}
		if (!*key->text || key->text[name_length(key->text)] != '\0')
			diag_error(vars->d, key->at, "the name of a variable is letters, digits, "
				   "'_' and '-'");
		else if (item->type != TREE_TEXT)
			diag_error(vars->d, item->at, "variable '%s' must be a text", key->text);
		else
			*vec_push(vars->arena, vars) = (struct var){.name = key->text, .tree = item};
	}
	for (size_t i = 0; i < vars->n; i++)
		value_of(vars, vars->v[i].name, vars->v[i].tree->at);
}
