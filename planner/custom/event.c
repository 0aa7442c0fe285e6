/* Events: what hooks get, made from the plan and its operations. */
#include "planner/custom/event.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/custom/custom.h"

static const char *const names[] = {
#define EVENT(name) #name,
#include "planner/spec/events.def"
#undef EVENT
};

const char *event_name(enum event event) { return names[event]; }

enum event
event_find(const char *name)
{
	size_t i = 0;

	while (i < EVENT_COUNT && strcmp(names[i], name) != 0)
		i++;
	return (enum event)i;
}

static struct value *
event_from_node(struct arena *a, const struct node *n)
{
	struct value *v = value_map(a), *labels = value_map(a);

	value_set_text(a, v, "name", n->name);
	value_set_text(a, v, "host", n->host);
	value_set_text(a, v, "address", n->address);
	value_set_integer(a, v, "rank", (long long)n->rank);
	value_set_text(a, v, "role", n->role == ROLE_HEAD ? "head" : "worker");
	for (size_t i = 0; n->spec && i < n->spec->labels.n; i++) {
		const struct pair *p = &n->spec->labels.v[i];

		value_set_text(a, labels, p->key.text, p->value.text);
	}
	value_set(a, v, "labels", labels);
	value_set(a, v, "in_spec", value_bool(a, n->spec != NULL));
	return v;
}

struct value *
event_base(struct arena *a, enum event event, const struct cluster *c, const char *command)
{
	struct value *v = value_map(a), *nodes = value_list(a);

	value_set_text(a, v, "event", event_name(event));
	value_set_text(a, v, "command", command);
	value_set_text(a, v, "cluster", c->name);
	value_set_text(a, v, "spec", c->spec->src ? c->spec->src->name : NULL);
	for (size_t i = 0; i < c->nnode; i++)
		value_push(a, nodes, event_from_node(a, &c->node[i]));
	value_set(a, v, "nodes", nodes);
	return v;
}

struct value *
event_op(struct arena *a, const struct op *op)
{
	struct value *v = value_map(a), *changes = value_list(a);
	const struct step *s = op->step;

	value_set_text(a, v, "address", s->addr);
	value_set_text(a, v, "kind", s->kind->name);
	value_set_text(a, v, "node", s->node ? s->node->name : NULL);
	value_set_text(a, v, "action", action_word(op->action));
	value_set_text(a, v, "reason", reason_word(op->reason));
	value_set_text(a, v, "cause", op->cause);
	for (size_t i = 0; i < op->changes.n; i++) {
		const struct change *c = &op->changes.v[i];
		struct value *change = value_map(a);

		value_set_text(a, change, "name", c->name);
		if (c->secret) {
			value_set(a, change, "secret", value_bool(a, true));
		} else {
			value_set_text(a, change, "old", c->old);
			value_set_text(a, change, "new", c->new);
		}
		value_set_text(a, change, "effect", kind_effect_word(s->kind, c->effect));
		value_push(a, changes, change);
	}
	value_set(a, v, "changes", changes);
	return v;
}

static struct value *
event_from_problems(struct arena *a, const struct diags *problems)
{
	struct value *list = value_list(a);

	for (size_t i = 0; i < problems->n; i++) {
		const struct diag *p = &problems->v[i];
		struct value *v = value_map(a);

		value_set_text(a, v, "severity", p->severity == DIAG_ERROR ? "error" : "warning");
		value_set_text(a, v, "node", p->node ? p->node->name : NULL);
		value_set_text(a, v, "text", p->text);
		value_push(a, list, v);
	}
	return list;
}

static bool event_is_told(const struct op *op) { return !op->excluded && op->action != ACT_NONE; }

struct value *
event_plan(struct arena *a, const struct plan *p)
{
	const struct cluster *c = p->graph->cluster;
	struct value *v = value_map(a), *steps = value_list(a), *layout = value_map(a);
	size_t unchanged = 0;

	for (size_t i = 0; i < p->n; i++) {
		unchanged += p->v[i].action == ACT_NONE;
		if (event_is_told(&p->v[i]))
			value_push(a, steps, event_op(a, &p->v[i]));
	}
	value_set_integer(a, v, "add", (long long)p->nadd);
	value_set_integer(a, v, "change", (long long)p->nchange);
	value_set_integer(a, v, "replace", (long long)p->nreplace);
	value_set_integer(a, v, "restart", (long long)p->nrestart);
	value_set_integer(a, v, "destroy", (long long)p->ndestroy);
	value_set_integer(a, v, "run", (long long)p->nrun);
	value_set_integer(a, v, "unknown", (long long)p->nunknown);
	value_set_integer(a, v, "conflict", (long long)p->nconflict);
	value_set_integer(a, v, "unchanged", (long long)unchanged);
	value_set_text(a, v, "image", c->image ? c->image : c->sif);
	value_set_text(a, v, "model", c->source->name(&c->spec->model));
	value_set_text(a, v, "commit", c->commit);
	value_set_integer(a, layout, "tensor", c->tensor);
	value_set_integer(a, layout, "pipeline", c->pipeline);
	value_set_integer(a, layout, "data", c->data);
	value_set_integer(a, layout, "nodes", (long long)c->nlayout);
	value_set_text(a, layout, "backend", c->engine->shape[c->shape].word);
	value_set(a, v, "layout", layout);
	value_set(a, v, "problems", event_from_problems(a, &p->problems));
	value_set(a, v, "steps", steps);
	return v;
}

struct value *
event_drift(struct arena *a, const struct plan *p)
{
	struct value *list = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct op *op = &p->v[i];
		/* Changes from outside: the step is gone, or what it is bound to is another
		 * instance. Steps that only follow from these do not count. */
		bool drift = op->reason == REASON_GONE || op->reason == REASON_STALE ||
			     op->reason == REASON_UNRECORDED;

		for (size_t k = 0; k < op->changes.n && !drift; k++)
			drift = custom_drifted(op->step, op->changes.v[k].name, op->changes.v[k].old);
		if (!drift || !event_is_told(op))
			continue;
		if (!list)
			list = value_list(a);
		value_push(a, list, event_op(a, op));
	}
	return list;
}

struct value *
event_outage(struct arena *a, enum event event, const struct outage *o, struct value *v)
{
	value_set_text(a, v, "state", o->state);
	value_set_text(a, v, "why", o->why);
	value_set_text(a, v, "since", o->since);
	if (event == EVENT_on_down) {
		value_set_text(a, v, "cause", o->cause);
		return v;
	}
	value_set(a, v, "seconds", value_number(a, o->seconds));
	value_set(a, v, "repaired", value_bool(a, o->repaired));
	return v;
}
