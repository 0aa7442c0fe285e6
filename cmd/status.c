/* What runs now, node by node and step by step. */
#include <string.h>

#include "cmd/look.h"
#include "planner/base/str.h"
#include "planner/json.h"

static const char *
state_word(const struct step *s)
{
	switch (s->seen.state) {
	case SEEN_UNKNOWN:
		return "unknown";
	case SEEN_ABSENT:
		return "absent";
	case SEEN_GONE:
		return "gone";
	case SEEN_PRESENT:
		return "up";
	case SEEN_INTERRUPTED:
		return "interrupted";
	case SEEN_CONFLICT:
		return "conflict";
	}
	return "unknown";
}

static const char *
node_word(const struct node *n)
{
	return !n->facts || n->facts->state == FACTS_UNREACHABLE ? "unreachable" : "ok";
}

/* What a node may have said, of n bytes, up to the end of the line. */
static void
print_safe(const char *text, size_t n)
{
	struct str safe = {0};

	str_safe(&safe, text, n);
	printf("%s\n", str_text(&safe));
	str_release(&safe);
}

static void
print_why(const char *label, const char *why)
{
	printf("    %s", label);
	print_safe(why, strlen(why));
}

static void
print_text(struct look *l)
{
	const struct model *m = l->c.model;

	printf("cluster %s\n\n", m->cluster);
	printf("%-16s %-16s %-12s %-8s %s\n", "NODE", "HOST", "STATE", "GPUS", "LOCK");
	for (size_t i = 0; i < m->nnode; i++) {
		const struct node *n = &m->node[i];
		const char *lock = n->facts && n->facts->lock_state ? n->facts->lock_state : "-";
		struct str gpus = {0};

		if (n->facts && n->facts->state == FACTS_OK)
			str_printf(&gpus, "%zu", n->facts->gpu.n);
		printf("%-16s %-16s %-12s %-8s ", n->name, n->host, node_word(n), str_text(&gpus));
		print_safe(lock, strlen(lock));
		if (n->facts && n->facts->why)
			print_why("", n->facts->why);
		if (n->facts && n->facts->lock_info && n->facts->lock_state &&
		    strcmp(n->facts->lock_state, "held") == 0)
			print_why("lock held by ", lock_holder(&l->c.arena,
							       n->facts->lock_info));
		str_release(&gpus);
	}
	printf("\n%-24s %-12s %s\n", "STEP", "STATE", "INSTANCE");
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];
		const char *instance = s->seen.instance ? s->seen.instance : "-";

		printf("%-24s %-12s ", s->addr, state_word(s));
		print_safe(instance, (size_t)instance_width(instance));
		if (s->seen.why && s->seen.state != SEEN_PRESENT)
			print_why("", s->seen.why);
	}
}

static void
print_json(const struct look *l)
{
	const struct model *m = l->c.model;
	json_t *nodes = json_array(), *steps = json_array(), *o;

	for (size_t i = 0; i < m->nnode; i++) {
		const struct node *n = &m->node[i];

		json_array_append_new(nodes,
				      json_pack("{s:s, s:s, s:s, s:o}", "name", n->name, "host", n->host,
						"state", node_word(n), "lock",
						json_shown(n->facts ? n->facts->lock_state : NULL)));
	}
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];

		json_array_append_new(steps,
				      json_pack("{s:s, s:s, s:o, s:o}", "addr", s->addr, "state",
						state_word(s), "instance", json_shown(s->seen.instance),
						"why", json_shown(s->seen.why)));
	}
	o = json_pack("{s:s, s:s, s:o, s:o}", "type", "status", "cluster", m->cluster, "nodes", nodes,
		      "steps", steps);
	json_dumpf(o, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
}

/* Exit 0 only when everything that the spec wants is up. */
static int
health(const struct look *l)
{
	for (size_t i = 0; i < l->c.model->nnode; i++)
		if (strcmp(node_word(&l->c.model->node[i]), "ok") != 0)
			return EXIT_ERROR;
	for (size_t i = 0; i < l->graph->n; i++)
		if (l->graph->v[i]->seen.state != SEEN_PRESENT)
			return EXIT_ERROR;
	return EXIT_DONE;
}

static int
run(struct cli *cli)
{
	struct look l;
	int code = look_open(&l, cli);

	if (code == EXIT_DONE) {
		if (cli->json)
			print_json(&l);
		else
			print_text(&l);
		code = health(&l);
	}
	look_close(&l);
	return code;
}

const struct command command_status = {
	.name = "status",
	.args = "",
	.summary = "what runs now, node by node and step by step",
	.doc = "Looks at every node and prints which steps are up. Changes nothing. Exits 0 when\n"
	       "all nodes answer and everything the spec wants is up, else 1. Whether it is up as\n"
	       "the spec wants it is what 'dray plan' tells.",
	.options = (const struct option_spec *const[]){&option_file, &option_json, &option_facts,
		&option_no_color, &option_verbose, NULL},
	.run = run,
};
