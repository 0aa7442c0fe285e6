/* The step graph for Graphviz: content edges dashed, instance edges bold. */
#include <string.h>

#include "planner/plan.h"

static const char *
color(const struct op *op)
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
quoted(FILE *to, const struct step *step)
{
	char at = step->orphan ? '@' : '\0';

	fputc('"', to);
	for (const char *s = step->addr; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', to);
		fputc((unsigned char)*s < 0x20 ? '?' : *s, to);
	}
	/* A step of the same address may have been left on another node. */
	if (at && step->node && !strchr(step->addr, '['))
		fprintf(to, "%c%s", at, step->node->name);
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
		quoted(to, op->step);
		fprintf(to, " [fillcolor = %s, tooltip = \"%s\"];\n", color(op),
			action_word(op->action));
	}
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *step = plan->v[i].step;

		for (size_t k = 0; k < step->deps.n; k++) {
			fputc('\t', to);
			quoted(to, step);
			fputs(" -> ", to);
			quoted(to, step->deps.v[k].on);
			fprintf(to, " [style = %s];\n", style[step->deps.v[k].edge]);
		}
	}
	fputs("}\n", to);
}
