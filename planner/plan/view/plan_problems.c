/* The problems of a plan, below its operations: of nodes, of conflicts, and nodes that are silent. */
#include <string.h>

#include "planner/plan/reconcile.h"
#include "planner/plan/view/plan_value.h"

enum { MAX_NAMES = 4 };

static const char *const YELLOW = "\033[33m", *const RED = "\033[31m";

static void
problems_mark(struct str *to, bool color, const char *with, const char *mark)
{
	str_printf(to, "  %s%s%s ", color ? with : "", mark, color ? "\033[0m" : "");
}

/* Does a problem already describe this conflict? Then it is shown once. */
static bool
problems_is_told(const struct plan *plan, const struct op *op)
{
	for (size_t i = 0; i < plan->problems.n; i++)
		if (strcmp(plan->problems.v[i].text, op->cause) == 0 &&
		    plan->problems.v[i].node == op->step->node)
			return true;
	return false;
}

/* Do they say the same, of two nodes? */
static bool
problems_is_alike(const struct diag *x, const struct diag *y)
{
	return x->node && y->node && x->severity == y->severity && strcmp(x->text, y->text) == 0 &&
	       (x->hint ? y->hint && strcmp(x->hint, y->hint) == 0 : !y->hint);
}

/* Problem i of the plan with all nodes that have it, unless one before was the same. */
static void
problems_lines(struct str *to, const struct plan *plan, size_t i, bool color)
{
	const struct diag *p = &plan->problems.v[i];
	bool error = p->severity == DIAG_ERROR;
	const char *name[MAX_NAMES];
	struct arena a = {0};
	size_t n = 0;

	for (size_t k = 0; k < plan->problems.n; k++) {
		const struct diag *other = &plan->problems.v[k];

		if (k != i && !problems_is_alike(other, p))
			continue;
		if (k < i)
			return;
		if (other->node && n < MAX_NAMES)
			name[n] = other->node->name;
		n += other->node != NULL;
	}
	problems_mark(to, color, error ? RED : YELLOW, error ? "! error:" : "! warning:");
	if (n)
		str_printf(to, "%s: ", str_names(&a, name, n, MAX_NAMES));
	str_safe(to, p->text, strlen(p->text));
	if (p->hint) {
		str_puts(to, "\n    hint: ");
		str_safe(to, p->hint, strlen(p->hint));
	}
	str_putc(to, '\n');
	arena_release(&a);
}

static bool
problems_has_new_key(const struct node *node)
{
	return node->spec && node->facts && node->facts->state == FACTS_UNREACHABLE && node->facts->new_key;
}

/* Nodes whose host keys are not known are one block, with one command for all of them. False: there
 * are not several. */
static bool
problems_new_keys(struct str *to, const struct plan *plan, bool color)
{
	static const char stage[] = "verify host key: ";
	const struct cluster *c = plan->graph->cluster;
	size_t n = 0, unknown = 0;

	for (size_t i = 0; i < c->nnode; i++)
		n += problems_has_new_key(&c->node[i]);
	if (n < 2)
		return false;
	problems_mark(to, color, RED, "!");
	str_printf(to, "%zu nodes are unreachable: their host keys are not known", n);
	for (size_t i = 0; i < c->nnode; i++) {
		const char *why = c->node[i].facts ? c->node[i].facts->why : NULL;

		if (!problems_has_new_key(&c->node[i]) || !why)
			continue;
		why += strncmp(why, stage, sizeof stage - 1) == 0 ? sizeof stage - 1 : 0;
		str_printf(to, "\n      %s: ", c->node[i].name);
		str_safe(to, why, strlen(why));
	}
	for (size_t i = 0; i < plan->n; i++)
		unknown += plan->v[i].action == ACT_UNKNOWN && problems_has_new_key(plan->v[i].step->node);
	str_puts(to, "\n    hint: dray trust shows the fingerprints of all, and adds the keys if you say so\n");
	if (unknown)
		str_printf(to, "    %zu steps on them are unknown; apply will refuse\n", unknown);
	return true;
}

/* Nodes that gave no answer, with what is unknown on each. */
static void
problems_silent_nodes(struct str *to, const struct plan *plan, bool color)
{
	const struct cluster *c = plan->graph->cluster;
	bool several = problems_new_keys(to, plan, color);
	struct str s = {0};

	for (size_t i = 0; i < c->nnode; i++) {
		if ((several && problems_has_new_key(&c->node[i])) || !plan_silence(&s, plan, &c->node[i]))
			continue;
		problems_mark(to, color, RED, "!");
		for (const char *p = str_text(&s); *p; p++) {
			str_putc(to, *p);
			if (*p == '\n')
				str_puts(to, "    ");
		}
		str_putc(to, '\n');
		str_reset(&s);
	}
	str_release(&s);
}

bool
plan_problems(struct str *to, const struct plan *plan, bool color)
{
	size_t before = to->len;

	for (size_t i = 0; i < plan->problems.n; i++)
		problems_lines(to, plan, i, color);
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].action != ACT_CONFLICT || plan->v[i].excluded ||
		    problems_is_told(plan, &plan->v[i]))
			continue;
		problems_mark(to, color, RED, "!");
		plan_headline(to, &plan->v[i]);
		str_putc(to, '\n');
	}
	problems_silent_nodes(to, plan, color);
	return to->len > before;
}
