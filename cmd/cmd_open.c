/* A local port that leads to the API, through the connection to its node. */
#include <string.h>

#include "cmd/observation.h"
#include "planner/plan/answer.h"
#include "planner/plan/health.h"

bool
api_may_be_asked(struct observation *l)
{
	struct question q;

	return answer_question(&l->c.arena, l->graph, &q);
}

int
api_is_down(struct observation *l)
{
	struct health h = health_of(l->graph);
	const char *state = h.state <= HEALTH_UP ? "not up" : health_word(h.state);

	if (h.why && h.of)
		cli_error("the API of '%s' cannot be asked: it is %s (%s: %s)", l->c.cluster->name, state,
			  h.of->addr, h.why);
	else
		cli_error("the API of '%s' cannot be asked: it is %s", l->c.cluster->name, state);
	fprintf(stderr, "hint: %s\n", h.state == HEALTH_STARTING ? "'dray status' shows when it is up"
		: h.state == HEALTH_UNKNOWN ? "'dray status' shows which node does not answer"
		: "'dray apply' starts it, 'dray why' explains why an engine died");
	return EXIT_ERROR;
}

static void
open_on_ready(void *arg, int port, const struct step *server)
{
	struct observation *l = arg;
	const struct cluster *c = l->c.cluster;
	const char *name = answer_name(&l->c.arena, server->observed.have);
	const char *scheme = engine_scheme(c->engine, server->observed.have);
	const char *base = arena_printf(&l->c.arena, "%s://127.0.0.1:%d", scheme, port);
	struct str safe = {0};

	str_safe(&safe, name, strnlen(name, 200));
	printf("API     %s/v1   model '%s', on %s\n", base, str_text(&safe), server->node->name);
	print_curl(c, &(struct curl_line){.before = "try     ", .base = base, .name = str_text(&safe),
					  .kind = answer_kind(l->graph),
					  .any_certificate = strcmp(scheme, "https") == 0});
	puts("        every user of this machine can reach that port; Ctrl-C closes it");
	fflush(stdout);
	str_release(&safe);
}

static int
open_run(struct cli *cli)
{
	struct observation l;
	struct opened opened = {.port = (int)cli->port, .ready = open_on_ready, .arg = &l};
	struct err err = {0};
	int code;

	if (cli->port > 65535)
		return cli_misused(cli, "option '-port' needs a number of at most 65535, not '%lld'", cli->port);
	code = observation_open(&l, cli);
	if (code == EXIT_DONE && !api_may_be_asked(&l)) {
		code = api_is_down(&l);
	} else if (code == EXIT_DONE && !run_open(l.run, &l.c.arena, l.graph, &opened, &err)) {
		code = cli_error("%s", err.text);
		cli_hint(&err);
	}
	observation_close(&l);
	return code;
}

const struct command command_open = {
	.name = "open",
	.aka = "connect tunnel port-forward forward proxy",
	.args = "",
	.summary = "open a local port to the API",
	.doc = "Listens on a port of 127.0.0.1 here and passes each connection on to the API,\n"
	       "through the connection to its node: for a laptop that reaches the nodes only by\n"
	       "ssh, or for an API with bind: 127.0.0.1. Prints the URL and a curl command. The\n"
	       "API still asks for its key. Ctrl-C ends it. Changes nothing on the nodes.",
	.options = (const struct option_spec *const[]){&option_file, &option_port, &option_no_color, NULL},
	.run = open_run,
};
