/* Shows what the nodes have: GPUs, links, network cards, RDMA, addresses. */
#include <string.h>

#include "cmd/load.h"
#include "cmd/view.h"
#include "executors/io/file.h"
#include "planner/discover/discover.h"

static int
discover_show(struct arena *a, const struct cli *cli, const struct discovery *found)
{
	struct diags problems = {.arena = a};
	struct err e = {0};
	const char *json;
	int code = EXIT_DONE;

	discovery_warn(a, found, &problems);
	for (size_t i = 0; i < found->n; i++)
		if (!found->v[i].facts)
			code = EXIT_ERROR;
	json = cli->json || cli->save ? discovery_json(a, found, &problems) : NULL;
	if (cli->save && !file_write(cli->save, json, strlen(json), 0644, &e))
		return cli_error("%s", e.text);
	if (cli->save)
		cli_stands("'%s' is written", cli->save);
	if (cli->json)
		fputs(json, stdout);
	else
		discovery_text(found, &problems, stdout, cli->color);
	return code;
}

static int
discover_run(struct cli *cli)
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
		c.cluster = cluster_local(&c.arena);
	else
		code = compile_file(&c, cli);
	if (code != EXIT_DONE)
		goto out;
	loop = loop_new(&err);
	r = loop ? run_new(loop, c.cluster, &options, NULL) : NULL;
	found = r ? run_discover(r, &c.arena, &err) : NULL;
	code = found ? discover_show(&c.arena, cli, found) : cli_error("%s", err.text);
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
	.aka = "scan facts inventory",
	.args = "",
	.summary = "show what the nodes have",
	.doc = "Looks at every node of the spec, or with -local at this machine. It shows the\n"
	       "GPUs and their links, network cards, RDMA ports, memory, disks, Docker and\n"
	       "the clock. Then the nodes dial each other, and it shows which address of each\n"
	       "node all others reach. It changes nothing, and warns about problems that\n"
	       "would otherwise show up late. Exits 0 if every node answered, else 1.",
	.options = (const struct option_spec *const[]){&option_file, &option_local, &option_json,
		&option_save, &option_facts, &option_secrets, &option_record, &option_no_color, NULL},
	.run = discover_run,
};
