/* Writes a first spec to start from. */
#include <string.h>
#include <unistd.h>

#include "cmd/load.h"
#include "executors/io/file.h"
#include "planner/engines/engine.h"

static const char first_spec[] =
"# dray: one model on several GPU hosts. Change the lines marked <-, then:\n"
"#   dray validate    checks this file\n"
"#   dray plan        shows what differs between this file and the hosts\n"
"#   dray apply       makes the hosts match this file\n"
"cluster: my-cluster                        # <- in the names of all that dray makes\n"
"\n"
"nodes:                                     # the first one is the head\n"
"  - host: 192.0.2.11                       # <- address, name or ~/.ssh/config alias\n"
"    gpus: 8\n"
"  - host: 192.0.2.12                       # <- ranges work: 192.0.2.[12-14]\n"
"    gpus: 8\n"
"\n"
"ssh: {user: ubuntu, identity: ~/.ssh/id_ed25519}    # <-\n"
"\n"
"# A directory that all nodes share (such as NFS): the model is stored there once.\n"
"shared_dir: /home/ubuntu/shared            # <-\n"
"\n"
"model:\n"
"  repo: meta-llama/Llama-3.1-70B-Instruct  # <- ORG/NAME on the Hub\n"
"  revision: main                           # resolved to a commit, shown in the plan\n"
"  exclude: [original/*]                    # the weights in a second format\n"
"  token: env:HF_TOKEN                      # <- for a gated model; else remove it\n"
"\n"
"parallelism: {tensor: 8, pipeline: 2}      # <- GPUs of a node x number of nodes\n"
"\n"
"%s"
"\n"
"serve: {port: 8000, name: llama-3.1-70b}   # <- the name that clients use\n";

static int
init_run(struct cli *cli)
{
	struct err e = {0};
	struct arena a = {0};
	const char *text;
	bool written;

	if (!cli->force && access(cli->file, F_OK) == 0)
		return cli_error("'%s' already exists; use -f for another file, or -force to "
				 "overwrite it",
				 cli->file);
	text = arena_printf(&a, first_spec, engine_find(NULL)->example);
	written = file_write(cli->file, text, strlen(text), 0644, &e);
	arena_release(&a);
	if (!written)
		return cli_error("%s", e.text);
	cli_changed();
	cli_stands("'%s' is written", cli->file);
	printf("wrote %s: change the lines marked <-, then run 'dray validate' and 'dray plan'\n",
	       cli->file);
	return EXIT_DONE;
}

const struct command command_init = {
	.name = "init",
	.aka = "new",
	.args = "",
	.summary = "write a first cluster.yaml to start from",
	.doc = "Writes a commented spec for two hosts of eight GPUs. Never overwrites a file\n"
	       "unless -force is given.",
	.options = (const struct option_spec *const[]){&option_file, &option_force, NULL},
	.run = init_run,
};
