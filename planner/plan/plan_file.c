/*
 * A saved plan: the spec, the options, and what was approved for each step. Apply plans again
 * from that spec and continues only if every operation is the same, including its fingerprint.
 */
#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/base/json.h"
#include "planner/plan/plan.h"

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
plan_file_words(const char **list)
{
	json_t *json = json_array();

	for (; list && *list; list++)
		json_array_append_new(json, json_kept(*list));
	return json;
}

static json_t *
plan_file_from_op(const struct op *op)
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
		/* Not even the MAC of a secret: the file may be passed on. */
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
plan_file_from_files(const struct spec *s)
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
	const struct cluster *c = plan->graph->cluster;
	json_t *json = json_object(), *options = json_object(), *ops = json_array();
	const char *name = c->spec->src ? c->spec->src->name : NULL, *copy;
	char *s;

	json_object_set_new(json, "format", json_string(FORMAT));
	json_object_set_new(json, "version", json_integer(VERSION));
	json_object_set_new(json, "cluster", json_kept(c->name));
	json_object_set_new(json, "spec_name", json_kept(name ? name : "cluster.yaml"));
	json_object_set_new(json, "spec", json_kept(spec_text));
	json_object_set_new(options, "destroy", json_boolean(plan->options.destroy));
	json_object_set_new(options, "purge", json_boolean(plan->options.purge));
	json_object_set_new(options, "target", plan_file_words(plan->options.target));
	json_object_set_new(options, "replace", plan_file_words(plan->options.replace));
	if (plan->options.forget)
		json_object_set_new(options, "forget", plan_file_words(plan->options.forget));
	json_object_set_new(json, "options", options);
	if (c->spec->files.n)
		json_object_set_new(json, "files", plan_file_from_files(c->spec));
	for (size_t i = 0; i < plan->n; i++)
		if (op_acts(&plan->v[i]))
			json_array_append_new(ops, plan_file_from_op(&plan->v[i]));
	json_object_set_new(json, "ops", ops);
	s = json_dumps(json, JSON_INDENT(1));
	copy = arena_printf(a, "%s\n", s ? s : "{}");
	free(s);
	json_decref(json);
	return copy;
}

static int
plan_file_compare(const char *addr, const char *node, const struct saved_op *op)
{
	int order = strcmp(addr, op->addr);

	return order ? order : strcmp(node, op->node);
}

static int
plan_file_by_address(const void *x, const void *y)
{
	const struct saved_op *op = x;

	return plan_file_compare(op->addr, op->node, y);
}

static bool
plan_file_get(struct arena *a, const json_t *json, const char *name, const char **to, struct err *e)
{
	const char *s = json_string_value(json_object_get(json, name));

	if (!s)
		return err_set(e, "'%s' is missing or is not a string", name);
	*to = arena_strdup(a, s);
	return true;
}

static bool
plan_file_get_bool(const json_t *json, const char *name, bool *to, struct err *e)
{
	const json_t *value = json_object_get(json, name);

	if (!json_is_boolean(value))
		return err_set(e, "'%s' is missing or is not true or false", name);
	*to = json_is_true(value);
	return true;
}

/* An empty list becomes NULL, as if the option was not given. */
static bool
plan_file_get_words(struct arena *a, const json_t *json, const char *name, const char ***to,
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
			return err_set(e, "'%s' has an entry that is not a string", name);
		(*to)[i] = arena_strdup(a, s);
	}
	return true;
}

static bool
plan_file_known_keys(const json_t *json, const char *const *names, struct err *e)
{
	size_t found = 0;

	for (; *names; names++)
		found += json_object_get(json, *names) != NULL;
	return found == json_object_size(json) || err_set(e, "it has a key that this dray does not "
							  "know");
}

static bool
plan_file_known_action(const char *word)
{
	for (int i = ACT_CREATE; i <= ACT_RUN; i++)
		if (strcmp(action_word((enum action)i), word) == 0)
			return true;
	return false;
}

static bool
plan_file_load_op(struct arena *a, struct saved_plan *saved, const json_t *json, struct err *e)
{
	static const char *const keys[] = {"addr", "node", "action", "reason", "cause",
		"changes", "fingerprint", NULL};
	struct saved_op *op = vec_push(a, &saved->op);

	if (!json_is_object(json))
		return err_set(e, "an operation is not an object");
	if (!plan_file_known_keys(json, keys, e) || !plan_file_get(a, json, "addr", &op->addr, e) ||
	    !plan_file_get(a, json, "action", &op->action, e) ||
	    !plan_file_get(a, json, "cause", &op->cause, e) ||
	    !plan_file_get(a, json, "fingerprint", &op->fingerprint, e))
		return false;
	if (json_is_null(json_object_get(json, "node")))
		op->node = "";
	else if (!plan_file_get(a, json, "node", &op->node, e))
		return false;
	return plan_file_known_action(op->action) || err_set(e, "'%.80s' is not an action", op->action);
}

static bool
plan_file_load_ops(struct arena *a, struct saved_plan *saved, const json_t *list, struct err *e)
{
	if (!json_is_array(list) || json_array_size(list) > MAX_OPS)
		return err_set(e, "'ops' is missing, is not a list, or is too long");
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!plan_file_load_op(a, saved, json_array_get(list, i), e))
			return false;
	if (saved->op.n)
		qsort(saved->op.v, saved->op.n, sizeof *saved->op.v, plan_file_by_address);
	for (size_t i = 1; i < saved->op.n; i++)
		if (plan_file_by_address(&saved->op.v[i - 1], &saved->op.v[i]) == 0)
			return err_set(e, "'%.80s' is there twice", saved->op.v[i].addr);
	return true;
}

/* Only plans that used Lua files have it. */
static bool
plan_file_load_files(struct arena *a, struct saved_plan *saved, json_t *json, struct err *e)
{
	const char *name;
	json_t *sha;

	if (json && !json_is_object(json))
		return err_set(e, "'files' is not a map");
	json_object_foreach(json, name, sha) {
		if (!json_is_string(sha) || saved->files.n >= MAX_OPS)
			return err_set(e, "'files' has an entry that is not a string, or too many");
		attrs_add(a, &saved->files, name, json_string_value(sha));
	}
	attrs_sort(&saved->files);
	return true;
}

static bool
plan_file_load_plan(struct arena *a, struct saved_plan *saved, const json_t *json, struct err *e)
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
	return plan_file_known_keys(json, keys, e) &&
	       plan_file_get(a, json, "cluster", &saved->cluster, e) &&
	       plan_file_get(a, json, "spec_name", &saved->spec_name, e) &&
	       plan_file_get(a, json, "spec", &saved->spec, e) &&
	       (json_is_object(options) || err_set(e, "'options' is missing")) &&
	       plan_file_known_keys(options, option_keys, e) &&
	       plan_file_get_bool(options, "destroy", &o->destroy, e) &&
	       plan_file_get_bool(options, "purge", &o->purge, e) &&
	       plan_file_get_words(a, options, "target", &o->target, e) &&
	       plan_file_get_words(a, options, "replace", &o->replace, e) &&
	       (!json_object_get(options, "forget") ||
		plan_file_get_words(a, options, "forget", &o->forget, e)) &&
	       plan_file_load_files(a, saved, json_object_get(json, "files"), e) &&
	       plan_file_load_ops(a, saved, json_object_get(json, "ops"), e);
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
		ok = plan_file_load_plan(a, saved, json, e);
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
plan_file_node_name(const struct op *op)
{
	return op->step->node ? op->step->node->name : "";
}

static const struct saved_op *
plan_file_find(const struct saved_plan *saved, const struct op *op)
{
	const struct saved_op key = {.addr = op->step->addr, .node = plan_file_node_name(op)};

	return saved->op.n
		       ? bsearch(&key, saved->op.v, saved->op.n, sizeof key, plan_file_by_address)
		       : NULL;
}

static void
plan_file_told(struct str *s, const char *action, const char *cause)
{
	str_printf(s, " %s", action);
	if (cause) {
		str_puts(s, " (because ");
		str_safe(s, cause, strlen(cause));
		str_putc(s, ')');
	}
}

/* Adds a line if the two operations differ. */
static void
plan_file_compare_ops(struct str *s, const struct op *op, const struct saved_op *then)
{
	bool acts = op_acts(op);

	if ((!acts && !then) || (acts && then && strcmp(op->fingerprint, then->fingerprint) == 0))
		return;
	str_printf(s, "  %s: approved:", op->step->addr);
	plan_file_told(s, then ? then->action : "nothing", then ? then->cause : NULL);
	if (acts && then && strcmp(then->action, action_word(op->action)) == 0 &&
	    strcmp(then->cause, op->cause) == 0) {
		str_puts(s, "; now: the same, but with other values\n");
		return;
	}
	str_puts(s, "; now:");
	plan_file_told(s,
		       op->action == ACT_NONE || op->excluded ? "nothing" : action_word(op->action),
		       op->cause);
	str_putc(s, '\n');
}

/* The name decides which containers and records are affected. */
static void
plan_file_compare_cluster(struct str *s, const char *then, const char *now)
{
	if (strcmp(then, now) == 0)
		return;
	str_puts(s, "  the plan is for cluster '");
	str_safe(s, then, strlen(then));
	str_printf(s, "', but the spec in it for '%s'\n", now);
}

/* Approving a plan approves what its Lua files do. */
static void
plan_file_compare_files(struct str *s, struct attrs then, const struct spec *spec)
{
	char now[HASH_HEX];

	for (size_t i = 0; i < spec->files.n; i++) {
		const struct spec_file *f = &spec->files.v[i];
		const char *sha = attrs_value(&then, f->name, NULL);

		hash_sha256(f->text, f->n, now);
		if (!sha || strcmp(sha, now) != 0)
			str_printf(s, "  %s: the file has changed since\n", f->name);
	}
}

const char *
plan_stale(struct arena *a, const struct saved_plan *saved, const struct plan *plan)
{
	struct str s = {0};
	bool *met = ar_array(a, bool, saved->op.n + 1);
	const char *copy;

	plan_file_compare_cluster(&s, saved->cluster, plan->graph->cluster->name);
	plan_file_compare_files(&s, saved->files, plan->graph->cluster->spec);
	for (size_t i = 0; i < plan->n; i++) {
		const struct saved_op *then = plan_file_find(saved, &plan->v[i]);

		if (then)
			met[then - saved->op.v] = true;
		plan_file_compare_ops(&s, &plan->v[i], then);
	}
	for (size_t i = 0; i < saved->op.n; i++) {
		if (met[i])
			continue;
		str_printf(&s, "  %s: approved:", saved->op.v[i].addr);
		plan_file_told(&s, saved->op.v[i].action, saved->op.v[i].cause);
		str_puts(&s, "; now: no such step\n");
	}
	copy = s.len ? arena_strdup(a, str_text(&s)) : NULL;
	str_release(&s);
	return copy;
}
