/* A plan for programs: NDJSON in Terraform's framing. One object a line, each with @level,
 * @message and @module; the version line comes first. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/json.h"
#include "planner/plan/view/layout_view.h"
#include "planner/plan/reconcile.h"

static json_t *
plan_json_line(const char *level, const char *type, const char *message)
{
	json_t *json = json_object();

	json_object_set_new(json, "@level", json_string(level));
	json_object_set_new(json, "@message", json_shown(message));
	json_object_set_new(json, "@module", json_string("dray.ui"));
	json_object_set_new(json, "type", json_string(type));
	return json;
}

static void
plan_json_print(FILE *to, json_t *json)
{
	json_dumpf(json, to, JSON_COMPACT);
	fputc('\n', to);
	json_decref(json);
}

/* Omits the MAC of a secret: it would let a reader verify a guess of the secret. */
static json_t *
plan_json_changes(const struct op *op)
{
	json_t *list = json_array();

	for (size_t i = 0; i < op->changes.n; i++) {
		const struct change *c = &op->changes.v[i];
		json_t *json = json_object();

		json_object_set_new(json, "name", json_shown(c->name));
		if (c->secret) {
			json_object_set_new(json, "sensitive", json_true());
		} else {
			json_object_set_new(json, "old", json_shown(c->old));
			json_object_set_new(json, "new", json_shown(c->new));
		}
		if (c->unknown)
			json_object_set_new(json, "unknown", json_true());
		json_object_set_new(json, "effect", json_string(kind_effect_word(op->step->kind, c->effect)));
		json_array_append_new(list, json);
	}
	return list;
}

static void
plan_json_planned_change(FILE *to, const struct op *op)
{
	struct str s = {0};
	json_t *json, *change = json_object();

	plan_headline(&s, op);
	json = plan_json_line("info", "planned_change", str_text(&s));
	json_object_set_new(change, "resource", json_pack("{s:o, s:o, s:o}",
		"addr", json_shown(op->step->addr), "kind", json_shown(op->step->kind->name),
		"node", json_shown(op->step->node ? op->step->node->name : NULL)));
	json_object_set_new(change, "action", json_string(action_word(op->action)));
	json_object_set_new(change, "reason", json_string(reason_word(op->reason)));
	json_object_set_new(change, "cause", json_shown(op->cause));
	json_object_set_new(change, "changes", plan_json_changes(op));
	if (op->record_only)
		json_object_set_new(change, "record_only", json_true());
	if (op->awaits)
		json_object_set_new(change, "awaits", json_true());
	json_object_set_new(json, "change", change);
	plan_json_print(to, json);
	str_release(&s);
}

static void
plan_json_diagnostic(FILE *to, const struct diag *p)
{
	static const char *const words[] = {
		[DIAG_ERROR] = "error", [DIAG_WARNING] = "warn", [DIAG_NOTE] = "info",
	};
	struct str s = {0};
	json_t *json, *d = json_object();

	if (p->node)
		str_printf(&s, "%s: ", p->node->name);
	str_puts(&s, p->text);
	json = plan_json_line(words[p->severity], "diagnostic", str_text(&s));
	json_object_set_new(d, "severity", json_string(p->severity == DIAG_ERROR ? "error" :
			    p->severity == DIAG_WARNING ? "warning" : "note"));
	json_object_set_new(d, "node", json_shown(p->node ? p->node->name : NULL));
	json_object_set_new(d, "summary", json_shown(p->text));
	json_object_set_new(d, "hint", json_shown(p->hint));
	json_object_set_new(json, "diagnostic", d);
	plan_json_print(to, json);
	str_release(&s);
}

static void
plan_json_unreachable(FILE *to, const struct plan *plan, const struct node *node)
{
	struct str s = {0};
	json_t *json;

	if (plan_silence(&s, plan, node)) {
		for (size_t i = 0; i < s.len; i++)
			if (s.buf[i] == '\n')
				s.buf[i] = ' ';
		json = plan_json_line(node->forget ? "warn" : "error", "node_unreachable",
				      str_text(&s));
		json_object_set_new(json, "node", json_shown(node->name));
		json_object_set_new(json, "why", json_shown(node->facts ? node->facts->why : NULL));
		plan_json_print(to, json);
	}
	str_release(&s);
}

static void
plan_json_summary(FILE *to, const struct plan *plan)
{
	const struct { const char *name; size_t n; } counts[] = {
		{"add", plan->nadd}, {"change", plan->nchange}, {"replace", plan->nreplace},
		{"restart", plan->nrestart}, {"remove", plan->ndestroy}, {"run", plan->nrun},
		{"unknown", plan->nunknown}, {"conflict", plan->nconflict},
		{"kept", plan->nkept}, {"excluded", plan->nexcluded},
	};
	struct str s = {0};
	json_t *json, *numbers = json_object();

	plan_summary(&s, plan);
	json = plan_json_line("info", "change_summary", str_text(&s));
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		json_object_set_new(numbers, counts[i].name, json_integer((json_int_t)counts[i].n));
	json_object_set_new(numbers, "operation",
			    json_string(plan->options.stop ? "stop"
			    : plan->options.destroy ? "destroy" : "plan"));
	json_object_set_new(json, "changes", numbers);
	if (plan->downtime)
		json_object_set_new(json, "downtime_seconds", plan->downtime_s
				    ? json_integer((json_int_t)plan->downtime_s) : json_null());
	plan_json_print(to, json);
	str_release(&s);
}

void
plan_json(const struct plan *plan, FILE *to)
{
	const struct cluster *c = plan->graph->cluster;
	json_t *json = plan_json_line("info", "version", "dray, format 1.0 of its JSON output");

	json_object_set_new(json, "ui", json_string("1.0"));
	json_object_set_new(json, "cluster", json_shown(c->name));
	json_object_set_new(json, "commit", json_shown(c->commit));
	plan_json_print(to, json);
	if (!plan->options.destroy)
		layout_json(c, to, false);
	for (size_t i = 0; i < plan->n; i++)
		if (plan->v[i].action != ACT_NONE && !plan->v[i].excluded)
			plan_json_planned_change(to, &plan->v[i]);
	for (size_t i = 0; i < plan->problems.n; i++)
		plan_json_diagnostic(to, &plan->problems.v[i]);
	for (size_t i = 0; i < c->nnode; i++)
		plan_json_unreachable(to, plan, &c->node[i]);
	plan_json_summary(to, plan);
}
