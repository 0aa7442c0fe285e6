/* Lets the engine's parser read the arguments of a server that is going to start. */
#include <stdlib.h>
#include <string.h>

#include "executors/run/run_looks.h"
#include "planner/steps/trial.h"

struct trial {
	struct run *run;
	struct arena *arena;
	const char *printed;            /* NULL: no answer */
	bool finished;
};

static void
options_on_answer(struct ask *ask)
{
	struct trial *t = ask->owner;
	const struct result *r = &ask->request.result;

	if (r->ran && r->status == 0)
		t->printed = arena_strdup(t->arena, str_text(&r->out));
	t->finished = true;
}

/* The server that the plan starts, if what it will run in is there; else NULL. */
static const struct step *
options_server(struct run *r, const struct plan *p)
{
	const struct step *server = NULL;
	bool pulled = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct op *op = &p->v[i];
		bool first = op->step->node == &r->cluster->node[0];

		if (op->excluded || op->action == ACT_NONE || op->action == ACT_DESTROY ||
		    op->action == ACT_UNKNOWN || op->action == ACT_CONFLICT || op->record_only || !first)
			continue;
		pulled |= strcmp(op->step->kind->name, "image") == 0;
		if (op->step->kind->server && !op->step->orphan)
			server = op->step;
	}
	if (server && pulled && !r->earlier && r->cluster->spec->engine.args.n)
		run_note(r, "%s: apply reads 'engine.args' by its own parser once the image is on '%s', before it "
			 "stops anything", r->cluster->engine->server, server->node->name);
	return server && !pulled && node_observed(server->node) && run_host(r, server->node)->session ? server : NULL;
}

void
run_try_options(struct run *r, struct arena *a, const struct plan *p, struct diags *d)
{
	struct trial t = {.run = r, .arena = a};
	const struct step *server = r->opt.facts_dir || p->options.destroy ? NULL : options_server(r, p);
	struct task task;
	struct str key = {0};
	/* A plan writes nothing. */
	bool keep = r->opt.command && strcmp(r->opt.command, "apply") == 0;

	if (!server || !trial_task(a, server, keep, false, &task))
		return;
	for (size_t i = 0; i < task.argc; i++)
		str_printf(&key, "%s\n", task.argv[i]);
	/* An apply plans twice or more; one trial is enough. */
	if (r->tried && strcmp(r->tried, str_text(&key)) == 0) {
		str_release(&key);
		return;
	}
	run_ask(r, run_host(r, server->node), &task, options_on_answer, &t);
	loop_run(r->loop, &t.finished);
	if (t.printed)
		trial_refused(server, t.printed, d);
	free(r->tried);
	r->tried = key.buf;
}
