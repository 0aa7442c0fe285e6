/* What the nodes are and have: GPUs, links, network cards, RDMA, addresses. */
#include <errno.h>
#include <string.h>

#include "cmd/load.h"
#include "cmd/view.h"
#include "planner/discover.h"

/* A cluster of this machine, for which nobody wrote a spec. */
static void
local_model(struct compiled *c)
{
	static const struct spec nothing;
	struct model *m;

	*c = (struct compiled){0};
	m = ar_new(&c->arena, struct model);
	*m = (struct model){.spec = &nothing, .cluster = "local", .nnode = 1, .capnode = 1,
		.nspec = 1, .nlayout = 1, .served_name = ""};
	m->node = ar_new(&c->arena, struct node);
	*m->node = (struct node){.name = "localhost", .host = "localhost", .executor = "local",
		.gpus = -1};
	c->model = m;
}

static int
show(struct arena *a, const struct cli *cli, const struct discovery *found)
{
	struct problems problems = {0};
	const char *json;
	int code = EXIT_DONE;

	discovery_warn(a, found, &problems);
	for (size_t i = 0; i < found->n; i++)
		if (!found->v[i].machine)
			code = EXIT_ERROR;
	json = cli->json || cli->save ? discovery_json(a, found, &problems) : NULL;
	if (cli->save && !file_write(cli->save, json, strlen(json), 0644))
		return cli_error("cannot write '%s': %s", cli->save, strerror(errno));
	if (cli->json)
		fputs(json, stdout);
	else
		discovery_text(found, &problems, stdout, cli->color);
	return code;
}

static int
run(struct cli *cli)
{
	struct compiled c = {0};
	struct run_options options = {.facts_dir = cli->facts, .record_dir = cli->record,
		.parallel = (size_t)cli->parallelism, .verbose = cli->verbose};
	struct loop *loop = NULL;
	struct run *r = NULL;
	struct discovery *found = NULL;
	struct err err = {0};
	int code = EXIT_DONE;

	if (cli->local)
		local_model(&c);
	else
		code = compile_file(&c, cli);
	if (code != EXIT_DONE)
		goto out;
	loop = loop_new(&err);
	r = loop ? run_new(loop, c.model, &options, NULL) : NULL;
	found = r ? run_discover(r, &c.arena, &err) : NULL;
	code = found ? show(&c.arena, cli, found) : cli_error("%s", err.text);
out:
	if (r)
		run_free(r);
	if (loop)
		loop_free(loop);
	compiled_release(&c);
	return code;
}

const struct command command_discover = {
	.name = "discover",
	.args = "",
	.summary = "show what the nodes are and have",
	.doc = "Looks at every node of the spec, or with -local at this machine, and shows its GPUs\n"
	       "and how they are joined, network cards, RDMA ports, memory, disks, Docker and the\n"
	       "clock; then the nodes dial each other, and the address of each that all others reach\n"
	       "is shown. Changes nothing. Warns of what would cost an hour later. Exits 0 when every\n"
	       "node answered, else 1.",
	.options = (const struct option_spec *const[]){&option_file, &option_local, &option_json,
		&option_save, &option_facts, &option_record, &option_no_color, NULL},
	.run = run,
};
