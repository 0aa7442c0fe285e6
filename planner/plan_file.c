/*
 * A saved plan: the spec as it was, the options, and what was approved per step. Apply
 * plans again from that spec; only when every operation comes out the same, fingerprint
 * and all, does it go on.
 */
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/json.h"
#include "planner/plan.h"

enum { VERSION = 1, MAX_PLAN = 16 * 1024 * 1024, MAX_OPS = 100000 };
static const char FORMAT[] = "dray plan";

struct saved_op {
	const char *addr, *node, *action, *cause, *fingerprint;
};

struct saved_plan {
	const char *spec, *spec_name, *cluster;
	struct plan_options options;
	struct attrs files;             /* Lua files as they were */
	struct { struct saved_op *v; size_t n, cap; } op;       /* sorted */
};

static json_t *
words(const char **list)
{
	json_t *json = json_array();

	for (; list && *list; list++)
		json_array_append_new(json, json_kept(*list));
	return json;
}

static json_t *
from_op(const struct op *op)
{
	json_t *json = json_object(), *changes = json_array();

	json_object_set_new(json, "addr", json_kept(op->step->addr));
	json_object_set_new(json, "node", json_kept(op->step->node ? op->step->node->name : NULL));
	json_object_set_new(json, "action", json_string(action_word(op->action)));
	json_object_set_new(json, "reason", json_string(reason_word(op->reason)));
	json_object_set_new(json, "cause", json_kept(op->cause));
	for (size_t i = 0; i < op->changes.n; i++) {
		const struct change *c = &op->changes.v[i];
		json_t *change = json_object();

		json_object_set_new(change, "name", json_kept(c->name));
		/* Not even the MAC of a secret: the file may travel. */
		if (c->secret) {
			json_object_set_new(change, "sensitive", json_true());
		} else {
			json_object_set_new(change, "old", json_kept(c->old));
			json_object_set_new(change, "new", json_kept(c->new));
		}
		if (c->unknown)
			json_object_set_new(change, "unknown", json_true());
		json_array_append_new(changes, change);
	}
	json_object_set_new(json, "changes", changes);
	json_object_set_new(json, "fingerprint", json_string(op->fingerprint));
	return json;
}

static json_t *
from_files(const struct spec *s)
{
	json_t *json = json_object();
	char sha[HASH_HEX];

	for (size_t i = 0; i < s->files.n; i++) {
		hash_sha256(s->files.v[i].text, s->files.v[i].n, sha);
		json_object_set_new(json, s->files.v[i].name, json_string(sha));
	}
	return json;
}

const char *
plan_save(struct arena *a, const struct plan *plan, const char *spec_text)
{
	const struct model *m = plan->graph->model;
	json_t *json = json_object(), *options = json_object(), *ops = json_array();
	const char *name = m->spec->src ? m->spec->src->name : NULL, *copy;
	char *s;

	json_object_set_new(json, "format", json_string(FORMAT));
	json_object_set_new(json, "version", json_integer(VERSION));
	json_object_set_new(json, "cluster", json_kept(m->cluster));
	json_object_set_new(json, "spec_name", json_kept(name ? name : "cluster.yaml"));
	json_object_set_new(json, "spec", json_kept(spec_text));
	json_object_set_new(options, "destroy", json_boolean(plan->options.destroy));
	json_object_set_new(options, "purge", json_boolean(plan->options.purge));
	json_object_set_new(options, "target", words(plan->options.target));
	json_object_set_new(options, "replace", words(plan->options.replace));
	if (plan->options.forget)
		json_object_set_new(options, "forget", words(plan->options.forget));
	json_object_set_new(json, "options", options);
	if (m->spec->files.n)
		json_object_set_new(json, "files", from_files(m->spec));
	for (size_t i = 0; i < plan->n; i++)
		if (op_acts(&plan->v[i]))
			json_array_append_new(ops, from_op(&plan->v[i]));
	json_object_set_new(json, "ops", ops);
	s = json_dumps(json, JSON_INDENT(1));
	copy = arena_printf(a, "%s\n", s ? s : "{}");
	free(s);
	json_decref(json);
	return copy;
}

static int
compare(const char *addr, const char *node, const struct saved_op *op)
{
	int order = strcmp(addr, op->addr);

	return order ? order : strcmp(node, op->node);
}

static int
by_address(const void *x, const void *y)
{
	const struct saved_op *op = x;

	return compare(op->addr, op->node, y);
}

static bool
get(struct arena *a, const json_t *json, const char *name, const char **to, struct err *e)
{
	const char *s = json_string_value(json_object_get(json, name));

	if (!s)
		return err_set(e, "'%s' is missing or is not a text", name);
	*to = arena_strdup(a, s);
	return true;
}

static bool
get_bool(const json_t *json, const char *name, bool *to, struct err *e)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_boolean(value))
		return err_set(e, "'%s' is missing or is not true or false", name);
	*to = json_is_true(value);
	return true;
}

/* An empty list is NULL, as with options that were not given. */
static bool
get_words(struct arena *a, const json_t *json, const char *name, const char ***to,
	  struct err *e)
{
	const json_t *list = json_object_get(json, name);
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > MAX_OPS)
		return err_set(e, "'%s' is missing or is not a list", name);
	*to = n ? ar_array(a, const char *, n + 1) : NULL;
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!s)
			return err_set(e, "'%s' has an entry that is not a text", name);
		(*to)[i] = arena_strdup(a, s);
	}
	return true;
}

static bool
known_keys(const json_t *json, const char *const *names, struct err *e)
{
	size_t found = 0;

	for (; *names; names++)
		found += json_object_get(json, *names) != NULL;
	return found == json_object_size(json) || err_set(e, "there is a key that this dray does "
							  "not know");
}

static bool
known_action(const char *word)
{
	for (int i = ACT_CREATE; i <= ACT_RUN; i++)
		if (strcmp(action_word((enum action)i), word) == 0)
			return true;
	return false;
}

static bool
load_op(struct arena *a, struct saved_plan *saved, const json_t *json, struct err *e)
{
	static const char *const keys[] = {"addr", "node", "action", "reason", "cause",
		"changes", "fingerprint", NULL};
	struct saved_op *op = vec_push(a, &saved->op);

	if (!json_is_object(json))
		return err_set(e, "an operation is not an object");
	if (!known_keys(json, keys, e) || !get(a, json, "addr", &op->addr, e) ||
	    !get(a, json, "action", &op->action, e) || !get(a, json, "cause", &op->cause, e) ||
	    !get(a, json, "fingerprint", &op->fingerprint, e))
		return false;
	if (json_is_null(json_object_get(json, "node")))
		op->node = "";
	else if (!get(a, json, "node", &op->node, e))
		return false;
	return known_action(op->action) || err_set(e, "'%.80s' is no action", op->action);
}

static bool
load_ops(struct arena *a, struct saved_plan *saved, const json_t *list, struct err *e)
{
	if (!json_is_array(list) || json_array_size(list) > MAX_OPS)
		return err_set(e, "'ops' is missing, is not a list, or is too long");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!load_op(a, saved, json_array_get(list, i), e))
			return false;
	if (saved->op.n)
		qsort(saved->op.v, saved->op.n, sizeof *saved->op.v, by_address);
	for (size_t i = 1; i < saved->op.n; i++)
		if (by_address(&saved->op.v[i - 1], &saved->op.v[i]) == 0)
			return err_set(e, "'%.80s' is there twice", saved->op.v[i].addr);
	return true;
}

/* Only a plan that Lua files had a part in names any. */
static bool
load_files(struct arena *a, struct saved_plan *saved, json_t *json, struct err *e)
{
	const char *name;
	json_t *sha;

	if (json && !json_is_object(json))
		return err_set(e, "'files' is not a map");
	json_object_foreach(json, name, sha) {
		if (!json_is_string(sha) || saved->files.n >= MAX_OPS)
			return err_set(e, "'files' has an entry that is not a text, or too many");
		attrs_add(a, &saved->files, name, json_string_value(sha));
	}
	attrs_sort(&saved->files);
	return true;
}

static bool
load_plan(struct arena *a, struct saved_plan *saved, const json_t *json, struct err *e)
{
	static const char *const keys[] = {"format", "version", "cluster", "spec_name", "spec",
		"options", "ops", "files", NULL};
	static const char *const option_keys[] = {"destroy", "purge", "target", "replace",
		"forget", NULL};
	const char *format = json_string_value(json_object_get(json, "format"));
	const json_t *version = json_object_get(json, "version");
	const json_t *options = json_object_get(json, "options");
	struct plan_options *o = &saved->options;

	if (!format || strcmp(format, FORMAT) != 0)
		return err_set(e, "it is not a plan of dray");
	if (!json_is_integer(version) || json_integer_value(version) != VERSION) {
		err_set(e, "it has a format version that this dray does not know");
		return err_hint(e, "make it again with 'dray plan -out'");
	}
	return known_keys(json, keys, e) && get(a, json, "cluster", &saved->cluster, e) &&
	       get(a, json, "spec_name", &saved->spec_name, e) &&
	       get(a, json, "spec", &saved->spec, e) &&
	       (json_is_object(options) || err_set(e, "'options' is missing")) &&
	       known_keys(options, option_keys, e) &&
	       get_bool(options, "destroy", &o->destroy, e) &&
	       get_bool(options, "purge", &o->purge, e) &&
	       get_words(a, options, "target", &o->target, e) &&
	       get_words(a, options, "replace", &o->replace, e) &&
	       (!json_object_get(options, "forget") ||
		get_words(a, options, "forget", &o->forget, e)) &&
	       load_files(a, saved, json_object_get(json, "files"), e) &&
	       load_ops(a, saved, json_object_get(json, "ops"), e);
}

struct saved_plan *
plan_load(struct arena *a, const char *bytes, size_t n, struct err *e)
{
	struct saved_plan *saved = ar_new(a, struct saved_plan);
	json_error_t error;
	json_t *json = NULL;
	bool ok;

	if (n > MAX_PLAN) {
		ok = err_set(e, "it is larger than %d MiB", MAX_PLAN / 1024 / 1024);
	} else if (!(json = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &error))) {
		ok = err_set(e, "line %d: %s", error.line, error.text);
	} else {
		ok = load_plan(a, saved, json, e);
	}
	json_decref(json);
	if (ok)
		return saved;
	err_wrap(e, "saved plan");
	return NULL;
}

const char *
saved_plan_spec(const struct saved_plan *saved)
{
	return saved->spec;
}

const char *
saved_plan_spec_name(const struct saved_plan *saved)
{
	return saved->spec_name;
}

struct plan_options
saved_plan_options(const struct saved_plan *saved)
{
	return saved->options;
}

static const char *
node_name(const struct op *op)
{
	return op->step->node ? op->step->node->name : "";
}

static const struct saved_op *
find(const struct saved_plan *saved, const struct op *op)
{
	const struct saved_op key = {.addr = op->step->addr, .node = node_name(op)};

	return saved->op.n ? bsearch(&key, saved->op.v, saved->op.n, sizeof key, by_address)
			   : NULL;
}

static void
told(struct str *s, const char *action, const char *cause)
{
	str_printf(s, " %s", action);
	if (cause) {
		str_puts(s, " (because ");
		str_safe(s, cause, strlen(cause));
		str_putc(s, ')');
	}
}

/* One line when the two are not the same act on the same thing. */
static void
compare_ops(struct str *s, const struct op *op, const struct saved_op *then)
{
	bool acts = op_acts(op);

	if ((!acts && !then) || (acts && then && strcmp(op->fingerprint, then->fingerprint) == 0))
		return;
	str_printf(s, "  %s: approved was", op->step->addr);
	told(s, then ? then->action : "nothing", then ? then->cause : NULL);
	if (acts && then && strcmp(then->action, action_word(op->action)) == 0 &&
	    strcmp(then->cause, op->cause) == 0) {
		str_puts(s, "; it still is, but what it would change looks different now\n");
		return;
	}
	str_puts(s, "; now it is");
	told(s, op->action == ACT_NONE || op->excluded ? "nothing" : action_word(op->action),
	     op->cause);
	str_putc(s, '\n');
}

/* What a Lua file does is approved with the plan. */
static void
compare_files(struct str *s, struct attrs then, const struct spec *spec)
{
	char now[HASH_HEX];

	for (size_t i = 0; i < spec->files.n; i++) {
		const struct spec_file *f = &spec->files.v[i];
		const char *sha = attrs_value(&then, f->name, NULL);

		hash_sha256(f->text, f->n, now);
		if (!sha || strcmp(sha, now) != 0)
			str_printf(s, "  %s: the file was changed since\n", f->name);
	}
}

const char *
plan_stale(struct arena *a, const struct saved_plan *saved, const struct plan *plan)
{
	struct str s = {0};
	bool *met = ar_array(a, bool, saved->op.n + 1);
	const char *copy;

	compare_files(&s, saved->files, plan->graph->model->spec);
	for (size_t i = 0; i < plan->n; i++) {
		const struct saved_op *then = find(saved, &plan->v[i]);

		if (then)
			met[then - saved->op.v] = true;
		compare_ops(&s, &plan->v[i], then);
	}
	for (size_t i = 0; i < saved->op.n; i++) {
		if (met[i])
			continue;
		str_printf(&s, "  %s: approved was", saved->op.v[i].addr);
		told(&s, saved->op.v[i].action, saved->op.v[i].cause);
		str_puts(&s, "; now there is no such step\n");
	}
	copy = s.len ? arena_strdup(a, str_text(&s)) : NULL;
	str_release(&s);
	return copy;
}
