/* Inputs and records of steps as JSON. What comes back from a node is not trusted. */
#include "planner/facts/record.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"
#include "planner/base/str.h"

static json_t *
record_from_attrs(struct arena *a, const struct attrs *attrs)
{
	struct attrs sorted = *attrs;
	json_t *json = json_object();

	sorted.v = arena_grow(a, attrs->v, attrs->n * sizeof *attrs->v,
			      (attrs->n + 1) * sizeof *attrs->v);
	attrs_sort(&sorted);
	for (size_t i = 0; i < sorted.n; i++) {
		const struct attr *attr = &sorted.v[i];
		json_t *value = json_kept(attr->value);

		if (attr->secret)
			value = json_pack("{s:o}", "mac", value);
		json_object_set_new(json, attr->name, value);
	}
	return json;
}

static bool
record_to_attrs(struct arena *a, json_t *json, struct attrs *attrs)
{
	const char *name;
	json_t *value;
	bool ok = json_is_object(json);

	json_object_foreach(json, name, value) {
		if (json_is_string(value))
			attrs_add(a, attrs, name, json_string_value(value));
		else if (json_is_null(value))
			attrs_add(a, attrs, name, NULL);
		else if (json_is_string(json_object_get(value, "mac")))
			attrs_add_secret(a, attrs, name,
					 json_string_value(json_object_get(value, "mac")));
		else
			ok = false;
	}
	attrs_sort(attrs);
	return ok;
}

const char *
inputs_write(struct arena *a, const struct attrs *attrs)
{
	return json_line(a, record_from_attrs(a, attrs));
}

bool
inputs_read(struct arena *a, const char *text, size_t n, struct attrs *attrs)
{
	json_t *json = json_read_object(text, n);
	bool ok = json && record_to_attrs(a, json, attrs);

	json_decref(json);
	return ok;
}

static json_t *
record_from_memory(const struct measured *m)
{
	return json_pack("{s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:I}", "weights", m->weights, "kv", m->kv,
			 "tokens", m->tokens, "said_weights", m->said_weights, "said_kv",
			 m->said_kv, "tensor", (json_int_t)m->tensor, "pipeline",
			 (json_int_t)m->pipeline, "model", (json_int_t)m->model);
}

/* A node may say anything. */
static struct measured
record_to_memory(const json_t *o)
{
	struct measured m = {
		.weights = json_number_value(json_object_get(o, "weights")),
		.kv = json_number_value(json_object_get(o, "kv")),
		.tokens = json_number_value(json_object_get(o, "tokens")),
		.said_weights = json_number_value(json_object_get(o, "said_weights")),
		.said_kv = json_number_value(json_object_get(o, "said_kv")),
		.tensor = json_integer_value(json_object_get(o, "tensor")),
		.pipeline = json_integer_value(json_object_get(o, "pipeline")),
		.model = json_integer_value(json_object_get(o, "model")),
	};

	measured_check(&m);
	return m;
}

const char *
record_write(struct arena *a, const struct record *r)
{
	json_t *json = json_pack("{s:i}", "v", 1);

	json_set_text(json, "step", r->step);
	json_set_text(json, "node", r->node);
	json_set_text(json, "kind", r->kind);
	json_set_text(json, "phase", r->phase);
	json_set_text(json, "apply_id", r->apply_id);
	json_set_text(json, "at", r->at);
	json_set_text(json, "by", r->by);
	json_set_text(json, "failed", r->failed);
	json_set_text(json, "owner", r->owner);
	json_set_text(json, "instance", r->instance);
	json_set_text(json, "output", r->output);
	if (r->took > 0)
		json_object_set_new(json, "took", json_integer(r->took));
	if (r->memory.kv > 0)
		json_object_set_new(json, "memory", record_from_memory(&r->memory));
	json_object_set_new(json, "inputs", record_from_attrs(a, &r->inputs));
	json_object_set_new(json, "bound", record_from_attrs(a, &r->bound));
	json_object_set_new(json, "down", record_from_attrs(a, &r->down));
	return json_line(a, json);
}

/* A day at most: no start takes longer, and a node may say anything. */
static long long
record_seconds(const json_t *json)
{
	long long s = json_is_integer(json) ? json_integer_value(json) : 0;

	return s < 0 || s > 86400 ? 0 : s;
}

struct record *
record_read(struct arena *a, const char *text, size_t n)
{
	json_t *json = json_read_object(text, n);
	struct record *r = NULL;
	const char *phase = json_string_value(json_object_get(json, "phase"));

	if (!phase || !json_is_string(json_object_get(json, "step")) ||
	    (strcmp(phase, "intent") != 0 && strcmp(phase, "done") != 0 && strcmp(phase, "stopped") != 0))
		goto out;
	r = ar_new(a, struct record);
	*r = (struct record){
		.step = json_get_text(a, json, "step"),
		.node = json_get_text(a, json, "node"),
		.kind = json_get_text(a, json, "kind"),
		.phase = json_get_text(a, json, "phase"),
		.apply_id = json_get_text(a, json, "apply_id"),
		.at = json_get_text(a, json, "at"),
		.by = json_get_text(a, json, "by"),
		.failed = json_get_text(a, json, "failed"),
		.owner = json_get_text(a, json, "owner"),
		.instance = json_get_text(a, json, "instance"),
		.output = json_get_text(a, json, "output"),
	};
	r->took = record_seconds(json_object_get(json, "took"));
	r->memory = record_to_memory(json_object_get(json, "memory"));
	record_to_attrs(a, json_object_get(json, "inputs"), &r->inputs);
	record_to_attrs(a, json_object_get(json, "bound"), &r->bound);
	record_to_attrs(a, json_object_get(json, "down"), &r->down);
out:
	json_decref(json);
	return r;
}

const char *
lock_apply(struct arena *a, const char *info, const char **who)
{
	json_t *json = info ? json_read_object(info, strcspn(info, "\n")) : NULL;
	const char *apply = json_get_text(a, json, "apply"), *name = json_get_text(a, json, "who"),
		   *host = json_get_text(a, json, "host");
	struct str safe = {0};

	if (name && host)
		str_printf(&safe, "%.64s on %.64s", name, host);
	*who = safe.len ? arena_strdup(a, safe.buf) : "somebody";
	str_release(&safe);
	json_decref(json);
	return apply;
}

/* Before the name of the script that holds it, in a line of its own: lockfile.sh. */
static const char RUNS[] = "runs ";

const char *
lock_holder(struct arena *a, const char *info)
{
	size_t line = info ? strcspn(info, "\n") : 0;
	json_t *json = info ? json_read_object(info, line) : NULL;
	const char *next = info && info[line] ? info + line + 1 : "";
	const char *login = *next && strncmp(next, RUNS, strlen(RUNS)) != 0 ? next : NULL;
	const char *who = NULL, *host = NULL, *since = NULL, *apply = NULL, *text;
	struct str safe = {0};
	int pid = 0;

	if (json && json_unpack(json, "{s:s, s:s, s:i, s:s, s:s}", "who", &who, "host", &host,
				"pid", &pid, "since", &since, "apply", &apply) == 0)
		text = arena_printf(a, "%s on %s, process %d, since %s (apply %s)", who, host, pid,
				    since, apply);
	else
		text = info && *info && strcmp(info, "-") != 0 ? info
							       : "an unknown holder";
	str_safe(&safe, text, strcspn(text, "\n"));
	if (login) {
		str_puts(&safe, ", as login '");
		str_safe(&safe, login, strcspn(login, "\n"));
		str_putc(&safe, '\'');
		next += strcspn(next, "\n");
		next += *next == '\n';
	}
	if (strncmp(next, RUNS, strlen(RUNS)) == 0) {
		size_t name = strcspn(next += strlen(RUNS), " \n");

		str_puts(&safe, "; it runs '");
		str_safe(&safe, next, name);
		if (next[name] == ' ' && strspn(next + name + 1, "0123456789") > 0)
			str_printf(&safe, "'" LOCK_FOR "%lld s", strtoll(next + name + 1, NULL, 10));
		else
			str_puts(&safe, "' there");
	}
	text = arena_strdup(a, str_text(&safe));
	str_release(&safe);
	json_decref(json);
	return text;
}

bool
record_is_stopped(const struct record *r)
{
	return r->phase && strcmp(r->phase, "stopped") == 0;
}

bool
record_is_custom(const struct record *r)
{
	return r->step[strcspn(r->step, ".[")] == '.';
}
