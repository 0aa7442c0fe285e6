/* Collects what the nodes report about an engine that died. */
#include "executors/run/run_logs.h"

#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_looks.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

/* Bytes of all reports together, so that a large cluster does not fill the memory. */
enum { COLLECT_MAX = 256 << 20, COLLECT_LEAST = 16 << 10 };

struct collect {
	struct run *run;
	struct arena *arena;
	struct evidence *evidence;
	const struct logs_depth *depth; /* NULL: as the tasks say */
	struct str *report;             /* what each node reported, for -record */
	size_t left;
	void (*then)(void *owner);
	void *owner;
};

/* The server's log is called "serve" and not after a step of the node. */
static const char *
logs_bare(const struct run *r, const struct node *node)
{
	return node == &r->cluster->node[0] ? "serve" : NULL;
}

void
logs_read(struct ask *ask, struct arena *a, struct evidence *to)
{
	const struct result *r = &ask->request.result;
	const struct node *node = host_node(ask->host);

	if (r->ran && r->status == 0)
		evidence_read(a, to, node->name, logs_bare(ask->run, node), str_text(&r->out), r->out.len);
	else
		evidence_state(a, to, node->name, arena_printf(a, "its logs cannot be read: %s", r->ran
							       ? last_lines(a, str_text(&r->err), 1)
							       : r->why.text));
}

static void
logs_on(struct ask *ask)
{
	struct collect *c = ask->owner;
	const struct result *r = &ask->request.result;

	logs_read(ask, c->arena, c->evidence);
	if (c->report && r->ran && r->status == 0)
		str_add(&c->report[host_node(ask->host) - c->run->cluster->node], str_text(&r->out), r->out.len);
	if (--c->left == 0)
		c->then(c->owner);
}

static void
logs_set(struct arena *a, struct task *t, const char *name, size_t value)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < t->argc; i++)
		if (strncmp(t->argv[i], name, n) == 0)
			t->argv[i] = arena_printf(a, "%s%zu", name, value);
}

/* The reports of all n tasks must fit into COLLECT_MAX. */
void
logs_limit(struct arena *a, struct task *t, size_t n, const struct logs_depth *depth)
{
	size_t most = COLLECT_MAX / n, bytes = depth ? depth->bytes : DIAGNOSE_BYTES;

	if (depth)
		logs_set(a, t, "lines=", depth->lines);
	logs_set(a, t, "bytes=", bytes < most ? bytes : most < COLLECT_LEAST ? COLLECT_LEAST : most);
}

static void
logs_start(struct collect *c, struct tasks *tasks)
{
	c->left = tasks->n;
	for (size_t i = 0; i < tasks->n; i++) {
		struct task *task = &tasks->v[i].task;

		logs_limit(c->arena, task, tasks->n, c->depth);
		if (!task->timeout_s || task->timeout_s > (int)patience.diagnose)
			task->timeout_s = (int)patience.diagnose;
		run_ask(c->run, run_host(c->run, tasks->v[i].node), task, logs_on, c);
	}
	if (!tasks->n)
		c->then(c->owner);
}

void
logs_collect(struct run *r, struct arena *a, struct tasks *tasks, struct evidence *to,
	     void (*then)(void *owner), void *owner)
{
	struct collect *c = ar_new(a, struct collect);

	*c = (struct collect){.run = r, .arena = a, .evidence = to, .then = then, .owner = owner};
	logs_start(c, tasks);
}

/* ---- without an apply ---- */

static void
logs_finished(void *owner)
{
	*(bool *)owner = true;
}

/* Read the recorded reports of the nodes that have tasks. */
static void
logs_recorded(struct collect *c, const struct tasks *tasks, const char *suffix)
{
	for (size_t i = 0; i < tasks->n; i++) {
		const struct node *node = tasks->v[i].node;
		struct str text = {0};
		struct err e = {0};
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= tasks->v[k].node == node;
		if (!again && recorded_file(c->run, node->name, suffix, &text, &e))
			evidence_read(c->arena, c->evidence, node->name, logs_bare(c->run, node),
				      str_text(&text), text.len);
		str_release(&text);
	}
}

bool
run_logs(struct run *r, struct arena *a, struct tasks *tasks, const struct logs_depth *depth,
	 const char *suffix, struct evidence *to, struct err *e)
{
	struct cluster *cluster = r->cluster;
	struct collect c = {.run = r, .arena = a, .depth = depth, .evidence = to, .then = logs_finished};
	bool finished = false, ok = true;

	c.owner = &finished;
	if (r->opt.facts_dir) {
		logs_recorded(&c, tasks, suffix);
		return true;
	}
	c.report = r->opt.record_dir ? ar_array(a, struct str, cluster->nnode) : NULL;
	logs_start(&c, tasks);
	loop_run(r->loop, &finished);
	for (size_t i = 0; c.report && i < cluster->nnode; i++) {
		if (c.report[i].len && ok)
			ok = record_file(r->opt.record_dir, cluster->node[i].name, suffix,
					 c.report[i].buf, c.report[i].len, e);
		str_release(&c.report[i]);
	}
	return ok;
}
