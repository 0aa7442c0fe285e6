/* Writes a first spec to start from. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd/load.h"

static const char first_spec[] =
"# dray: one model over several GPU hosts. Change what is marked <-, then:\n"
"#   dray validate    checks this file\n"
"#   dray plan        shows what differs between it and the hosts\n"
"#   dray apply       makes it so\n"
"cluster: my-cluster                        # <- names everything dray makes on the hosts\n"
"\n"
"nodes:                                     # the first one is the head\n"
"  - host: 192.0.2.11                       # <- address, name or ~/.ssh/config alias\n"
"    gpus: 8\n"
"  - host: 192.0.2.12                       # <- ranges work: 192.0.2.[12-14]\n"
"    gpus: 8\n"
"\n"
"ssh: {user: ubuntu, identity: ~/.ssh/id_ed25519}    # <-\n"
"\n"
"# A directory that all nodes share (NFS and the like): the model is kept there once.\n"
"shared_dir: /home/ubuntu/shared            # <-\n"
"\n"
"model:\n"
"  repo: meta-llama/Llama-3.1-70B-Instruct  # <- ORG/NAME on the Hub\n"
"  revision: main                           # resolved to a commit, shown in the plan\n"
"  exclude: [original/*]                    # weights in a second format: not needed\n"
"  token: env:HF_TOKEN                      # a reference, never the token itself\n"
"\n"
"parallelism: {tensor: 8, pipeline: 2}      # <- GPUs of a node x nodes\n"
"\n"
"engine:\n"
"  image: vllm/vllm-openai:v0.17.1          # the last stock image with Ray in it\n"
"  backend: ray\n"
"  args: {max-model-len: 32768}             # vllm serve --max-model-len 32768\n"
"\n"
"serve: {port: 8000, name: llama-3.1-70b}   # <- the name that clients ask for\n";

static int
run(struct cli *cli)
{
	if (!cli->force && access(cli->file, F_OK) == 0)
		return cli_error("'%s' exists already; -f names another file, -force overwrites it",
				 cli->file);
	if (!file_write(cli->file, first_spec, sizeof first_spec - 1, 0644))
		return cli_error("cannot write '%s': %s", cli->file, strerror(errno));
	printf("wrote %s: change what is marked <-, then run 'dray validate' and 'dray plan'\n",
	       cli->file);
	return EXIT_DONE;
}

const struct command command_init = {
	.name = "init",
	.args = "",
	.summary = "write a first cluster.yaml to start from",
	.doc = "Writes a commented spec for two hosts of eight GPUs. Never overwrites a file unless\n"
	       "-force is given.",
	.options = (const struct option_spec *const[]){&option_file, &option_force, NULL},
	.run = run,
};
