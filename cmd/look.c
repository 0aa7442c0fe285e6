/* Compile, look at the nodes, plan: the first half of most commands. */
#include "cmd/look.h"

#include <stdlib.h>
#include <string.h>

#include "planner/layout.h"
#include "planner/rdma.h"

enum { MODEL_MAX = 32 << 20 };

/* A text about the model that was given as a file; false when it cannot be read. */
static bool
take_file(struct arena *a, const char *path, const char **to, size_t *n)
{
	const char *why = NULL;
	char *text;

	if (!path)
		return true;
	text = file_read(path, MODEL_MAX, n, &why);
	if (!text) {
		cli_error("cannot read '%s': %s", path, why);
		return false;
	}
	*to = arena_strndup(a, text, *n);
	free(text);
	return true;
}

/* What was found, in one message for a program. */
static void
error_json(const struct diags *d)
{
	struct str s = {0};

	if (d->v[0].at.src)
		str_printf(&s, "%s:%u: ", d->v[0].at.src->name, d->v[0].at.line);
	for (size_t i = 0; i < d->n; i++)
		str_printf(&s, "%s%s", i ? "\n" : "", d->v[i].text);
	view_error_json(str_text(&s));
	str_release(&s);
}

static bool
ask_hooks(struct look *l, const struct cli *cli, enum event event)
{
	struct diags d = {.arena = &l->c.arena};

	if (run_hooks(l->run, &l->c.arena, event, l->plan, &d))
		return true;
	fflush(stdout);
	if (cli->json)
		error_json(&d);
	diag_print(&d, stderr, cli->color_err);
	return false;
}

bool
look_show(struct look *l, const struct cli *cli)
{
	if (cli->dot)
		plan_dot(l->plan, stdout);
	else if (cli->json)
		plan_json(l->plan, stdout);
	else
		plan_text(l->plan, stdout, cli->color, cli->verbose);
	fflush(stdout);
	if (ask_hooks(l, cli, EVENT_after_plan) && ask_hooks(l, cli, EVENT_on_drift))
		return true;
	fputs("a hook stopped it; nothing was changed\n", stderr);
	return false;
}

static bool
take_weights(struct look *l, const char *path)
{
	struct err e = {0};

	if (path)
		l->c.model->texts.tensors = headers_read(&l->c.arena, path, &e);
	if (path && !l->c.model->texts.tensors)
		cli_error("%s", e.text);
	return !path || l->c.model->texts.tensors;
}

static int
look_nodes(struct look *l, const struct cli *cli)
{
	struct run_options options = {.facts_dir = cli->facts, .record_dir = cli->record,
		.parallel = (size_t)cli->parallelism, .verbose = cli->verbose,
		.modules = l->c.modules, .command = cli->command->hooks ? cli->command->name : NULL};
	struct err err = {0};

	l->layout.arena = &l->c.arena;
	if (!take_file(&l->c.arena, cli->config, &l->c.model->texts.config,
		       &l->c.model->texts.nconfig) ||
	    !take_file(&l->c.arena, cli->index, &l->c.model->texts.index,
		       &l->c.model->texts.nindex) ||
	    !take_weights(l, cli->weights))
		return EXIT_ERROR;
	l->loop = loop_new(&err);
	if (!l->loop)
		return cli_error("%s", err.text);
	if (cli->json)
		view_init_json(&l->view, cli, l->loop);
	else
		view_init(&l->view, cli, l->loop);
	l->run = run_new(l->loop, l->c.model, &options, &l->view.run);
	if (!ask_hooks(l, cli, EVENT_before_plan))
		return EXIT_ERROR;
	if (!run_observe(l->run, &l->c.arena, &err)) {
		cli_error("%s", err.text);
		if (*err.hint)
			fprintf(stderr, "hint: %s\n", err.hint);
		return EXIT_ERROR;
	}
	layout_choose(&l->c.arena, l->c.model, &l->problems, &l->layout);
	rdma_choose(&l->c.arena, l->c.model);   /* of the nodes that it takes */
	l->graph = graph_build(&l->c.arena, l->c.model, &l->problems);
	return EXIT_DONE;
}

int
look_open(struct look *l, const struct cli *cli)
{
	int code;

	*l = (struct look){0};
	code = compile_file(&l->c, cli);
	return code == EXIT_DONE ? look_nodes(l, cli) : code;
}

int
look_open_text(struct look *l, const struct cli *cli, const char *name, const char *text)
{
	int code;

	*l = (struct look){0};
	code = compile_text(&l->c, cli, name, text, strlen(text));
	return code == EXIT_DONE ? look_nodes(l, cli) : code;
}

/* How long the look took, from the slowest node; nothing for recorded ones. */
static void
time_look(struct plan *p, const struct model *m)
{
	for (size_t i = 0; i < m->nnode; i++) {
		const struct node *n = &m->node[i];

		if (!n->facts || n->facts->seconds <= p->observe_seconds)
			continue;
		p->observe_seconds = n->facts->seconds;
		p->slowest = n->name;
	}
}

/* -forget: of the nodes that left the spec, those that do not answer. One that does is
 * cleared as always. */
static bool
give_up(struct model *m, const char *const *names)
{
	for (; names && *names; names++)
		for (size_t i = 0; i < m->nnode; i++) {
			struct node *n = &m->node[i];

			if (strcmp(n->name, *names) != 0)
				continue;
			if (n->spec) {
				cli_error("-forget %s: the node is in the spec; take it out there",
					  n->name);
				return false;
			}
			n->forget = plan_blocked_by(n);
		}
	return true;
}

int
look_plan(struct look *l, const struct cli *cli, const struct plan_options *options)
{
	struct arena *a = &l->c.arena;
	struct diags diags = {.arena = a};
	const char *git;

	/* What is there can be destroyed whatever the spec asks for. */
	if (!options->destroy && diag_print(&l->layout, stderr, cli->color_err) > 0)
		return EXIT_ERROR;
	if (!give_up(l->c.model, options->forget))
		return EXIT_ERROR;
	l->plan = plan_make(a, l->graph, options, &diags);
	if (diag_print(&diags, stderr, cli->color_err) > 0 || !l->plan)
		return EXIT_ERROR;
	if (!cli->facts)
		time_look(l->plan, l->c.model);
	git = cli->facts ? "" : git_note(a, l->c.src.name);
	l->plan->spec_note = arena_printf(a, *git ? "spec %s (%s)" : "spec %s%s", l->c.src.name, git);
	return EXIT_DONE;
}

void
look_close(struct look *l)
{
	if (l->run)
		run_free(l->run);
	if (l->loop) {
		view_release(&l->view);
		loop_free(l->loop);
	}
	compiled_release(&l->c);
	*l = (struct look){0};
}

size_t
plan_blockers(const struct plan *p)
{
	size_t n = p->nunknown + p->nconflict;

	for (size_t i = 0; i < p->problems.n; i++)
		n += p->problems.v[i].severity == DIAG_ERROR;
	for (size_t i = 0; i < p->graph->model->nnode; i++)
		n += plan_blocked_by(&p->graph->model->node[i]);
	return n;
}
