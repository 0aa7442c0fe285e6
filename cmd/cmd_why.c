/* Says why an engine died, from the nodes or from logs on this machine. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cmd/observation.h"
#include "executors/io/file.h"
#include "planner/base/json.h"
#include "planner/plan/health.h"
#include "planner/why/evidence.h"
#include "planner/why/why_view.h"

enum { WHY_FILE_MAX = 64 << 20 };

/* What the nodes show goes into `shows`; NULL: there were only files. */
static void
why_print_json(const struct why *why, bool by_log, json_t *shows)
{
	const struct saying *s = why->saying;
	json_t *o = json_pack("{s:b, s:s?, s:I, s:s?, s:o, s:s?, s:s?}", "found", by_log, "log",
			      by_log ? why->log->name : NULL, "line", (json_int_t)(by_log ? why->line : 0),
			      "who", by_log && *why->who ? why->who : NULL, "text",
			      json_shown(by_log ? why->text : NULL), "means",
			      s && *s->means ? s->means : NULL, "do", s && *s->advice ? s->advice : NULL);

	if (shows)
		json_object_set_new(o, "shows", shows);
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static int
why_in_files(struct cli *cli)
{
	struct arena a = {0};
	struct why_log *logs = ar_array(&a, struct why_log, (size_t)cli->narg + 1);
	struct str text = {0}, out = {0};
	struct why why;
	struct err e;
	int code = EXIT_ERROR;

	for (int i = 0; i < cli->narg; i++) {
		const char *path = cli->arg[i];

		str_reset(&text);
		if (!file_read(open(path, O_RDONLY | O_CLOEXEC), path, WHY_FILE_MAX, &text, &e)) {
			cli_error("%s", e.text);
			goto out;
		}
		logs[i] = (struct why_log){.name = path, .text = arena_strndup(&a, str_text(&text), text.len),
			.n = text.len};
	}
	why = why_find(&a, logs, (size_t)cli->narg);
	if (cli->json) {
		why_print_json(&why, why.log != NULL, NULL);
	} else {
		why_text(&out, &why, logs, (size_t)cli->narg);
		fputs(str_text(&out), stdout);
	}
	code = why.log ? EXIT_DONE : EXIT_ERROR;
out:
	str_release(&text);
	str_release(&out);
	arena_release(&a);
	return code;
}

/* ---- on the nodes ---- */

/* Does its report say that something of the node does not run? */
static bool
why_has_state(const struct evidence *e, const char *node)
{
	for (size_t i = 0; i < e->states.n; i++)
		if (!e->states.v[i].alive && strcmp(e->states.v[i].node, node) == 0)
			return true;
	return false;
}

/* What an apply noted when it could not start the step. */
static const char *
why_failed(struct arena *a, const struct step *s, const struct record *r)
{
	return arena_printf(a, "%s failed at %s%s%s: %s", s->addr, r->at ? r->at : "?", r->by ? ", applied by " : "",
			    r->by ? r->by : "", r->failed);
}

/* Add what is known without logs: nodes that do not answer, and steps that are not up. */
static void
why_add_observed(struct observation *l, struct evidence *e)
{
	struct arena *a = &l->c.arena;
	const struct cluster *c = l->c.cluster;

	for (size_t i = 0; i < c->nspec; i++) {
		const struct facts *f = c->node[i].facts;

		if (f && f->state != FACTS_OK)
			evidence_state(a, e, c->node[i].name, arena_printf(a, "it does not answer: %s",
									   f->why ? f->why : "?"));
	}
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];
		const struct record *r = step_record(s);

		if (!s->node || s->orphan || health_of_step(l->graph, s) <= HEALTH_UP)
			continue;
		if (r && r->failed)
			evidence_state(a, e, s->node->name, why_failed(a, s, r));
		else if (s->observed.state == STATE_PRESENT && s->kind->server && l->graph->answer.why)
			evidence_state(a, e, s->node->name, arena_printf(a, "%s: %s", s->addr, l->graph->answer.why));
		else if (s->observed.why && s->observed.state != STATE_UNKNOWN && !why_has_state(e, s->node->name))
			evidence_state(a, e, s->node->name, arena_printf(a, "%s: %s", s->addr, s->observed.why));
	}
}

static json_t *
why_shows(const struct evidence *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->states.n; i++) {
		const struct evidence_state *s = &e->states.v[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "node", s->node, "runs", s->alive,
						      "text", json_shown(s->text)));
	}
	return list;
}

/* The logs are searched even if the model is served, but what they say is not called a cause then. */
static int
why_print(struct observation *l, const struct cli *cli, const struct evidence *e)
{
	struct health h = health_of(l->graph);
	bool by_log, serves = !cli->previous && h.server && h.state <= HEALTH_UP && h.nodes_ok == h.nodes;
	struct why why = evidence_why(&l->c.arena, e, &by_log);
	struct str out = {0};

	if (serves)
		by_log = false, why.saying = NULL;
	if (cli->json) {
		why_print_json(&why, by_log, why_shows(e));
	} else if (serves) {
		printf("%s is %s: nothing has failed\n", l->c.cluster->name, health_word(h.state));
	} else {
		evidence_text(&out, e, &why, by_log);
		fputs(str_text(&out), stdout);
	}
	str_release(&out);
	return serves || by_log ? EXIT_DONE : EXIT_ERROR;
}

static int
why_on_nodes(struct cli *cli)
{
	struct observation l;
	struct evidence e = {0};
	struct tasks tasks = {0};
	struct err err = {0};
	int code = observation_open(&l, cli);

	if (code == EXIT_DONE) {
		observation_logs(&l, cli->previous, &tasks);
		if (run_logs(l.run, &l.c.arena, &tasks, NULL, cli->previous ? ".kept.txt" : ".logs.txt", &e, &err)) {
			if (!cli->previous)
				why_add_observed(&l, &e);
			code = why_print(&l, cli, &e);
		} else {
			code = cli_error("%s", err.text);
		}
	}
	observation_close(&l);
	return code;
}

static int
why_run(struct cli *cli)
{
	return cli->narg ? why_in_files(cli) : why_on_nodes(cli);
}

const struct command command_why = {
	.name = "why",
	.aka = "diagnose debug",
	.args = "[FILE...]",
	.max_args = 1000,
	.summary = "say why the engine died, from all its logs",
	.doc = "Looks at the nodes, reads the logs of all ranks and of the server, and shows\n"
	       "the first line that says what was wrong, what the line means, and what to do.\n"
	       "Most lines of a failure only say that another process failed; these are\n"
	       "skipped. If no log names a cause, it shows what the nodes know: exit statuses,\n"
	       "processes that were killed, nodes that do not answer. Changes nothing.\n"
	       "With -previous, it reads what the nodes kept when the last ranks ended.\n"
	       "With files, it reads these logs instead, of ranks, Ray, docker or hf.\n"
	       "Exits 0 if a log names the cause, or if the model is served; else 1.",
	.options = (const struct option_spec *const[]){&option_file, &option_json, &option_facts, &option_record, &option_previous,
		&option_secrets, &option_no_probe, &option_no_color, NULL},
	.asks = ASKS_TOKEN,
	.run = why_run,
};
