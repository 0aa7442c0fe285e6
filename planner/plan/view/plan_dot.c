/* The step graph for Graphviz: content edges dashed, instance edges bold. */
#include <string.h>

#include "planner/plan/plan.h"

static const char *
plan_dot_color(const struct op *op)
{
	switch (op->excluded ? ACT_NONE : op->action) {
	case ACT_CREATE:
	case ACT_RUN: return "palegreen";
	case ACT_UPDATE:
	case ACT_RESTART: return "khaki";
	case ACT_REPLACE:
	case ACT_DESTROY: return "lightcoral";
	case ACT_UNKNOWN:
	case ACT_CONFLICT: return "orange";
	case ACT_NONE: break;
	}
	return "white";
}

static void
plan_dot_quoted(FILE *to, const struct step *step)
{
	fputc('"', to);
	for (const char *s = step->addr; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', to);
		fputc((unsigned char)*s < 0x20 ? '?' : *s, to);
	}
	/* Another node may have an orphan of the same address. */
	if (step->orphan && step->node && !strchr(step->addr, '['))
		fprintf(to, "@%s", step->node->name);
	fputc('"', to);
}

void
plan_dot(const struct plan *plan, FILE *to)
{
	static const char *const style[] = {
		[EDGE_ORDER] = "dotted", [EDGE_CONTENT] = "dashed", [EDGE_INSTANCE] = "bold",
	};

	fputs("digraph dray {\n\trankdir = BT;\n\tnode [shape = box, style = filled];\n", to);
	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];

		fputc('\t', to);
		plan_dot_quoted(to, op->step);
		fprintf(to, " [fillcolor = %s, tooltip = \"%s\"];\n", plan_dot_color(op),
			action_word(op->action));
	}
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *step = plan->v[i].step;

		for (size_t k = 0; k < step->deps.n; k++) {
			fputc('\t', to);
			plan_dot_quoted(to, step);
			fputs(" -> ", to);
			plan_dot_quoted(to, step->deps.v[k].on);
			fprintf(to, " [style = %s];\n", style[step->deps.v[k].edge]);
		}
	}
	fputs("}\n", to);
}
