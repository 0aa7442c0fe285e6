/* Events: what hooks are told, made of the plan and its operations. */
#include "planner/event.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/user.h"

static const char *const names[] = {
#define EVENT(name, doc) #name,
#include "planner/events.def"
#undef EVENT
};

static const char *const docs[] = {
#define EVENT(name, doc) doc,
#include "planner/events.def"
#undef EVENT
};

const char *
event_name(enum event event)
{
	return names[event];
}

const char *
event_doc(enum event event)
{
	return docs[event];
}

enum event
event_find(const char *name)
{
	size_t i = 0;

	while (i < EVENT_COUNT && strcmp(names[i], name) != 0)
		i++;
	return (enum event)i;
}

static struct value *
from_node(struct arena *a, const struct node *n)
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
event_base(struct arena *a, enum event event, const struct model *m, const char *command)
{
	struct value *v = value_map(a), *nodes = value_list(a);

	value_set_text(a, v, "event", event_name(event));
	value_set_text(a, v, "command", command);
	value_set_text(a, v, "cluster", m->cluster);
	value_set_text(a, v, "spec", m->spec->src ? m->spec->src->name : NULL);
	for (size_t i = 0; i < m->nnode; i++)
		value_push(a, nodes, from_node(a, &m->node[i]));
	value_set(a, v, "nodes", nodes);
	return v;
}

static struct value *
from_change(struct arena *a, const struct change *c)
{
	static const char *const effect[] = {
		[EFFECT_NONE] = "none", [EFFECT_RECORD] = "record", [EFFECT_UPDATE] = "update",
		[EFFECT_RESTART] = "restart", [EFFECT_REPLACE] = "replace",
	};
	struct value *v = value_map(a);

	value_set_text(a, v, "name", c->name);
	if (c->secret) {
		value_set(a, v, "secret", value_bool(a, true));
	} else {
		value_set_text(a, v, "old", c->old);
		value_set_text(a, v, "new", c->new);
	}
	value_set_text(a, v, "effect", effect[c->effect]);
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
	for (size_t i = 0; i < op->changes.n; i++)
		value_push(a, changes, from_change(a, &op->changes.v[i]));
	value_set(a, v, "changes", changes);
	return v;
}

static struct value *
from_problems(struct arena *a, const struct problems *problems)
{
	struct value *list = value_list(a);

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];
		struct value *v = value_map(a);

		value_set_text(a, v, "severity", p->severity == DIAG_ERROR ? "error" : "warning");
		value_set_text(a, v, "node", p->node ? p->node->name : NULL);
		value_set_text(a, v, "text", p->text);
		value_push(a, list, v);
	}
	return list;
}

static struct value *
from_layout(struct arena *a, const struct model *m)
{
	struct value *v = value_map(a);

	value_set_integer(a, v, "tensor", m->tensor);
	value_set_integer(a, v, "pipeline", m->pipeline);
	value_set_integer(a, v, "data", m->data);
	value_set_integer(a, v, "nodes", (long long)m->nlayout);
	value_set_text(a, v, "backend", m->backend == BACKEND_RAY ? "ray" : "mp");
	return v;
}

static bool
is_told(const struct op *op)
{
	return !op->excluded && op->action != ACT_NONE;
}

struct value *
event_plan(struct arena *a, const struct plan *p)
{
	const struct model *m = p->graph->model;
	const struct spec_model *model = &m->spec->model;
	struct value *v = value_map(a), *steps = value_list(a);
	size_t unchanged = 0;

	for (size_t i = 0; i < p->n; i++) {
		unchanged += p->v[i].action == ACT_NONE;
		if (is_told(&p->v[i]))
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
	value_set_text(a, v, "image", m->image);
	value_set_text(a, v, "model", model->repo.text ? model->repo.text : model->path.text);
	value_set_text(a, v, "commit", m->commit);
	value_set(a, v, "layout", from_layout(a, m));
	value_set(a, v, "problems", from_problems(a, &p->problems));
	value_set(a, v, "steps", steps);
	return v;
}

static bool
has_drifted(const struct op *op)
{
	for (size_t i = 0; i < op->changes.n; i++)
		if (user_drifted(op->step, op->changes.v[i].name, op->changes.v[i].old))
			return true;
	return false;
}

/* What happened without us: it went, or something below it is not what it was bound to.
 * What is stale or upstream of such a step only follows. */
static bool
is_drift(const struct op *op)
{
	return is_told(op) && (op->reason == REASON_GONE || op->reason == REASON_STALE ||
			       op->reason == REASON_UNRECORDED || has_drifted(op));
}

struct value *
event_drift(struct arena *a, const struct plan *p)
{
	struct value *list = NULL;

	for (size_t i = 0; i < p->n; i++) {
		if (!is_drift(&p->v[i]))
			continue;
		if (!list)
			list = value_list(a);
		value_push(a, list, event_op(a, &p->v[i]));
	}
	return list;
}
