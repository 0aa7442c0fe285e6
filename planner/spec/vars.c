#include "planner/spec/vars.h"

#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"

static size_t
vars_name_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
}

/* The variable's value; expands it first if needed. */
static const char *
vars_value_of(struct vars *vars, const char *name, struct loc at)
{
	struct var *var = NULL, *outer = vars->open;
	const char **names, *hint;

	for (size_t i = 0; i < vars->n && !var; i++)
		if (strcmp(vars->v[i].name, name) == 0)
			var = &vars->v[i];
	if (!var) {
		names = ar_array(vars->arena, const char *, vars->n + 1);
		for (size_t i = 0; i < vars->n; i++)
			names[i] = vars->v[i].name;
		hint = diag_hint(vars->arena, name, names, vars->n);
		diag_error(vars->d, at, "unknown variable '%.60s'%s", name,
			   *hint ? hint : " (write '$${' for a literal '${')");
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

/* What the ${...} at s stands for; *len is its length. */
static const char *
vars_reference(struct vars *vars, const struct tree *t, const char *s, size_t *len)
{
	bool env = strncmp(s, "${env:", 6) == 0;
	const char *name = s + (env ? 6 : 2), *end = name + vars_name_length(name);
	const char *value;
	struct loc at;
	char *copy;

	if (*end != '}') {
		const char *close = strchr(end, '}');

		*len = close ? (size_t)(close + 1 - s) : strlen(s);
		if (!close)
			diag_error(vars->d, tree_find(t, s, 2), "'${' without '}' "
				   "(write '$${' for a literal '${')");
		else
			diag_error(vars->d, tree_find(t, s, *len), "a variable is ${name} or "
				   "${env:NAME} (write '$${' for a literal '${')");
		return NULL;
	}
	*len = (size_t)(end + 1 - s);
	copy = arena_strndup(vars->arena, name, (size_t)(end - name));
	at = tree_find(t, s, *len);
	if (env) {
		bool is_name = *copy && !strchr(copy, '-') && !(*copy >= '0' && *copy <= '9');

		value = is_name && vars->env ? vars->env(copy) : NULL;
		if (!value)
			diag_error(vars->d, at, is_name ? "environment variable '%.60s' is not set" :
				   "'%.60s' is not the name of an environment variable", copy);
		return value;
	}
	if (!*copy) {
		diag_error(vars->d, at, "a variable needs a name: ${name}");
		return NULL;
	}
	return vars_value_of(vars, copy, at);
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
			value = vars_reference(vars, t, s, &len);
			good = good && value;
			if (value)
				str_puts(&out, value);
		} else {
			str_putc(&out, *s);
		}
	}
	vars->total += out.len;
	if (good && (out.cut || vars->total > VARS_MAX_TOTAL))
		diag_error(vars->d, t->at, "too long once its variables are expanded (at most %d "
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
		if (!*key->text || key->text[vars_name_length(key->text)] != '\0')
			diag_error(vars->d, key->at, "the name of a variable must be letters, digits, "
				   "'_' and '-'");
		else if (item->type != TREE_TEXT)
			diag_error(vars->d, item->at, "variable '%s' must be a string", key->text);
		else
			*vec_push(vars->arena, vars) = (struct var){.name = key->text, .tree = item};
	}
	for (size_t i = 0; i < vars->n; i++)
		vars_value_of(vars, vars->v[i].name, vars->v[i].tree->at);
}
