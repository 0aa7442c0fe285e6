/* The last applies, as the nodes keep them; and their specs. */
#include <string.h>

#include "cmd/observation.h"
#include "planner/base/json.h"
#include "planner/base/limits.h"
#include "planner/base/str.h"

enum { SHORT_ID = 8 };

/* Ask the nodes of the spec. l must be closed in any case. */
int
history_open(struct observation *l, const struct cli *cli, struct history *h)
{
	struct err err = {0};
	int code = observation_reach(l, cli);
	struct str safe = {0};

	if (code != EXIT_DONE)
		return code;
	if (run_history(l->run, &l->c.arena, h, &err)) {
		/* stdout may be for a spec or a program. */
		if (h->silent)
			str_safe_lines(&safe, h->silent, "");
		if (safe.len)
			fprintf(stderr, "%s\n", str_text(&safe));
		str_release(&safe);
		return code;
	}
	cli_error("%s", err.text);
	cli_hint(&err);
	return EXIT_ERROR;
}

const struct history_entry *
history_need(const struct history *h, const char *id)
{
	bool many;
	const struct history_entry *e = history_find(h, id, &many);

	if (!e)
		cli_error(many ? "several applies begin with '%s'" : "no apply '%s' is in the history of the nodes", id);
	else if (!e->spec)
		cli_error("the spec of apply %s was longer than %d KiB and was not kept", e->id, HISTORY_BYTES / 1024);
	if (!e)
		fputs("hint: 'dray history' lists them\n", stderr);
	return e && e->spec ? e : NULL;
}

static const char *
history_down(struct arena *a, long long down)
{
	return down == HISTORY_NOT_DOWN ? "-" : down < 0 ? "not back" : str_duration(a, down);
}

static void
history_print_text(struct arena *a, const struct history *h)
{
	if (!h->n) {
		puts("No apply is in the history of the nodes.");
		return;
	}
	printf("%-8s  %-19s  %-20s  %-8s  %-12s  %-12s  %s\n", "ID", "WHEN (UTC)", "BY", "COMMAND", "RESULT",
	       "TOOK", "API DOWN");
	for (size_t i = 0; i < h->n; i++) {
		const struct history_entry *e = &h->v[i];
		struct str by = {0}, what = {0};

		str_safe(&by, e->by, strlen(e->by));
		str_safe(&what, e->what, strlen(e->what));
		printf("%.*s  %.10s %.8s  %-20s  %-8s  %-12s  %-12s  %s\n          %s\n", SHORT_ID, e->id, e->at,
		       e->at + 11, str_text(&by), e->command,
		       strcmp(e->result, "begun") == 0 ? "did not end" : e->result,
		       e->seconds < 0 ? "-" : str_duration(a, e->seconds),
		       strcmp(e->result, "begun") == 0 ? "-" : history_down(a, e->down), str_text(&what));
		str_release(&by);
		str_release(&what);
	}
}

static void
history_print_json(const struct history *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++) {
		const struct history_entry *e = &h->v[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:b}", "id", e->id,
			"at", e->at, "by", json_shown(e->by), "command", e->command, "result", e->result, "what",
			json_shown(e->what), "seconds", e->seconds < 0 ? json_null() : json_integer(e->seconds),
			"down_seconds", e->down == HISTORY_NOT_DOWN ? json_integer(0)
				: e->down < 0 ? json_null() : json_integer(e->down),
			"has_spec", e->spec != NULL));
	}
	json_dumpf(list, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(list);
}

static int
history_run(struct cli *cli)
{
	bool show = cli->narg == 2 && strcmp(cli->arg[0], "show") == 0;
	const struct history_entry *e;
	struct history h = {0};
	struct observation l;
	int code;

	if (cli->narg && !show)
		return cli_misused(cli, "use 'dray history' or 'dray history show ID'");
	code = history_open(&l, cli, &h);
	if (code == EXIT_DONE && show) {
		e = history_need(&h, cli->arg[1]);
		code = e ? EXIT_DONE : EXIT_ERROR;
		if (e)
			fputs(e->spec, stdout);
	} else if (code == EXIT_DONE && cli->json) {
		history_print_json(&h);
	} else if (code == EXIT_DONE) {
		history_print_text(&l.c.arena, &h);
	}
	observation_close(&l);
	return code;
}

const struct command command_history = {
	.name = "history",
	.args = "[show ID]",
	.max_args = 2,
	.summary = "list the last applies: who, when, what, and how long the API was down",
	.doc = "Asks the nodes of the spec for the last 50 applies (also restarts, stops and\n"
	       "destroys of a part): when, by whom, the result, what was changed, how long it\n"
	       "took, and how long the API was down for it. Each node keeps a copy; a full\n"
	       "destroy removes them. 'dray history show ID' prints the spec of that apply as\n"
	       "the nodes have it: read it before you use it. 'dray plan -from ID' plans it.",
	.options = (const struct option_spec *const[]){&option_file, &option_json, &option_no_color, NULL},
	.run = history_run,
};
