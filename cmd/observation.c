/* The first half of most commands: compile, look at the nodes, plan. */
#include "cmd/observation.h"

#include <stdlib.h>
#include <string.h>

#include "planner/cluster/decide.h"
#include "planner/base/vec.h"
#include "planner/custom/compile.h"
#include "planner/plan/health.h"
#include "planner/runtimes/runtime.h"

enum { MODEL_MAX = 32 << 20 };

/* Read a file about the model that the user gave; false if it cannot be read. */
static bool
observation_take_file(struct arena *a, const char *path, const char **to, size_t *n)
{
	struct str text = {0};

	if (!path)
		return true;
	if (!load_file(path, MODEL_MAX, &text))
		return false;
	*n = text.len;
	*to = arena_strndup(a, str_text(&text), text.len);
	str_release(&text);
	return true;
}

bool
observation_ask_hooks(struct observation *l, const struct cli *cli, enum event event)
{
	struct diags d = {.arena = &l->c.arena};
	struct str s = {0};

	if (run_hooks(l->run, &l->c.arena, event, l->plan, &d))
		return true;
	fflush(stdout);
	if (d.v[0].at.src)
		str_printf(&s, "%s:%u: ", d.v[0].at.src->name, d.v[0].at.line);
	for (size_t i = 0; i < d.n; i++)
		str_printf(&s, "%s%s", i ? "\n" : "", d.v[i].text);
	if (cli->json && !cli->view)
		view_error_json(str_text(&s));
	str_release(&s);
	diag_print(&d, stderr, cli->color_err);
	return false;
}

bool
observation_show(struct observation *l, const struct cli *cli)
{
	if (cli->dot)
		plan_dot(l->plan, stdout);
	else if (cli->json)
		plan_json(l->plan, stdout);
	else
		plan_text(l->plan, stdout, cli->color, cli->verbose);
	fflush(stdout);
	if (observation_ask_hooks(l, cli, EVENT_after_plan) &&
	    observation_ask_hooks(l, cli, EVENT_on_drift))
		return true;
	fprintf(stderr, "a hook stopped the command; %s\n", cli_unchanged());
	return false;
}

/* Look at the nodes, decide, and build the graph. */
static int
observation_observe(struct observation *l)
{
	struct err err = {0};

	if (!run_observe(l->run, &l->c.arena, &err)) {
		cli_error("%s", err.text);
		cli_hint(&err);
		return EXIT_ERROR;
	}
	cluster_decide(&l->c.arena, l->c.cluster, &l->problems);
	l->graph = graph_build(&l->c.arena, l->c.cluster, &l->problems);
	if (l->asks && !run_ask_api(l->run, &l->c.arena, l->graph, l->asks == ASKS_LOAD, &err))
		return cli_error("%s", err.text);
	diag_move_placed(&l->wrong, &l->problems);
	return EXIT_DONE;
}

/* What a run needs; nothing is asked yet. */
static int
observation_connect(struct observation *l, const struct cli *cli)
{
	struct run_options options = {.facts_dir = cli->facts, .quiet = cli_quiet(cli), .record_dir = cli->record,
		.parallel = (size_t)cli->parallelism, .verbose = cli->verbose, .verify = cli->verify,
		.modules = l->c.modules, .command = cli->command->hooks ? cli->command->name : NULL};
	struct err err = {0};

	l->loop = loop_new(&err);
	if (!l->loop)
		return cli_error("%s", err.text);
	if (cli->view)
		l->view.run = *cli->view;
	else if (cli->json)
		view_init_json(&l->view, cli, l->loop);
	else
		view_init(&l->view, cli, l->loop);
	l->run = run_new(l->loop, l->c.cluster, &options, &l->view.run);
	return EXIT_DONE;
}

static int
observation_look_nodes(struct observation *l, const struct cli *cli)
{
	struct checkpoint_texts *texts = &l->c.cluster->texts;
	struct err err = {0};

	l->wrong.arena = l->problems.arena = &l->c.arena;
	l->recorded = cli->facts != NULL;
	l->asks = cli->no_probe ? ASKS_NOTHING : (int)cli->command->asks;
	/* Ask git before the first connection, because this blocks. */
	l->c.git = cli->facts || !cli->command->hooks || cli->command->watches
		? "" : git_note(&l->c.arena, l->c.src.name, l->c.src.text, l->c.src.len);
	if (!observation_take_file(&l->c.arena, cli->config, &texts->config, &texts->nconfig) ||
	    !observation_take_file(&l->c.arena, cli->index, &texts->index, &texts->nindex))
		return EXIT_ERROR;
	if (cli->weights && !(texts->tensors = headers_read(&l->c.arena, cli->weights, &err)))
		return cli_error("%s", err.text);
	if (observation_connect(l, cli) != EXIT_DONE)
		return EXIT_ERROR;
	if (!cli->command->watches && !observation_ask_hooks(l, cli, EVENT_before_plan))
		return EXIT_ERROR;
	return observation_observe(l);
}

int
observation_again(struct observation *l)
{
	struct diags diags = {.arena = &l->c.arena};

	l->c.cluster = cluster_compile(&l->c.arena, l->c.spec, &diags);
	l->problems = (struct diags){.arena = &l->c.arena};
	l->wrong = (struct diags){.arena = &l->c.arena};
	run_renew(l->run, l->c.cluster);
	return observation_observe(l);
}

int
observation_open(struct observation *l, const struct cli *cli)
{
	int code;

	*l = (struct observation){0};
	code = compile_file(&l->c, cli);
	return code == EXIT_DONE ? observation_look_nodes(l, cli) : code;
}

int
observation_reach(struct observation *l, const struct cli *cli)
{
	int code;

	*l = (struct observation){0};
	code = compile_file(&l->c, cli);
	return code == EXIT_DONE ? observation_connect(l, cli) : code;
}

int
observation_open_text(struct observation *l, const struct cli *cli, const char *name, const char *text)
{
	int code;

	*l = (struct observation){0};
	code = compile_text(&l->c, cli, name, text, strlen(text));
	return code == EXIT_DONE ? observation_look_nodes(l, cli) : code;
}

/* -forget: mark nodes that left the spec and do not answer. A node that answers is cleaned up
 * as usual. */
static bool
observation_give_up(struct cluster *c, const char *const *names)
{
	for (; names && *names; names++)
		for (size_t i = 0; i < c->nnode; i++) {
			struct node *n = &c->node[i];

			if (strcmp(n->name, *names) != 0)
				continue;
			if (n->spec) {
				cli_error("-forget %s: the node is in the spec; remove it from there "
					  "first", n->name);
				return false;
			}
			n->forget = plan_blocked_by(n);
		}
	return true;
}

int
observation_plan(struct observation *l, const struct cli *cli, const struct plan_options *options)
{
	struct arena *a = &l->c.arena;
	struct diags diags = {.arena = a};
	const struct cluster *c = l->c.cluster;
	const char *git = l->c.git;

	/* Errors in the spec do not prevent a destroy. */
	if (!options->destroy && diag_print(&l->wrong, stderr, cli->color_err) > 0)
		return EXIT_ERROR;
	if (!observation_give_up(l->c.cluster, options->forget))
		return EXIT_ERROR;
	l->plan = plan_make(a, l->graph, options, &diags);
	/* Not in each look of status -watch, because the engine takes seconds for it. */
	if (l->plan && !cli->watch)
		run_try_options(l->run, a, l->plan, &diags);
	if (diag_print(&diags, stderr, cli->color_err) > 0 || !l->plan)
		return EXIT_ERROR;
	/* How long the look took: the time of the slowest node. Recorded ones have none. */
	for (size_t i = 0; i < c->nnode && !cli->facts; i++) {
		const struct facts *f = c->node[i].facts;

		if (!f || f->seconds <= l->plan->observe_seconds)
			continue;
		l->plan->observe_seconds = f->seconds;
		l->plan->slowest = c->node[i].name;
	}
	l->plan->spec_note = arena_printf(a, *git ? "spec %s (%s)" : "spec %s%s", l->c.src.name, git);
	return EXIT_DONE;
}

void
observation_logs(struct observation *l, bool previous, struct tasks *tasks)
{
	struct arena *a = &l->c.arena;
	const struct step *server = health_of(l->graph).server;
	struct tasks all = {0};

	if (previous)
		kept_logs(a, l->c.cluster, &all);
	else if (server && server->kind->diagnose)
		server->kind->diagnose(a, server, &all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].node->facts && all.v[i].node->facts->state == FACTS_OK)
			*vec_push(a, tasks) = all.v[i];
}

void
observation_close(struct observation *l)
{
	if (l->run)
		run_free(l->run);
	if (l->loop) {
		view_release(&l->view);
		loop_free(l->loop);
	}
	compiled_release(&l->c);
	*l = (struct observation){0};
}

size_t
plan_blockers(const struct plan *p)
{
	size_t n = p->nunknown + p->nconflict;

	for (size_t i = 0; i < p->problems.n; i++)
		n += p->problems.v[i].severity == DIAG_ERROR;
	for (size_t i = 0; i < p->graph->cluster->nnode; i++)
		n += plan_blocked_by(&p->graph->cluster->node[i]);
	return n;
}
