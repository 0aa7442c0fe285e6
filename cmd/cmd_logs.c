/* Shows the logs of all ranks and of the server in the order of time. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cmd/observation.h"
#include "planner/base/json.h"
#include "planner/base/limits.h"
#include "planner/base/str.h"
#include "planner/why/evidence.h"
#include "planner/why/log_line.h"
#include "planner/why/log_merge.h"

enum { LOGS_TAIL = 100, LOGS_NAMES = 64 };

/* What was asked for. */
struct logs {
	const struct cli *cli;
	struct observation *l;
	struct arena *arena;
	const char *of;                 /* a step, a kind or a node; "": all */
	struct log_wanted wanted;
	regex_t grep;
	bool has_grep;
	const char *name[LOGS_NAMES];   /* of logs that have a colour */
	size_t nname;
	int width;                      /* of the longest name so far */
};

/* ---- the words of the command line ---- */

/* A time as log_line has it: ms since the year began, with months of 31 days. */
static long long
logs_time(const struct tm *tm)
{
	return ((((tm->tm_mon + 1) * 31LL + tm->tm_mday) * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60000LL +
		tm->tm_sec * 1000LL;
}

/* Read "10m" or "2026-11-22T20:00:00"; false: it is neither. */
static bool
logs_read_since(const char *text, long long *since)
{
	static const struct { char unit; long long seconds; } units[] = {{'s', 1}, {'m', 60}, {'h', 3600},
		{'d', 86400}};
	struct tm tm = {0};
	time_t then = time(NULL);
	char *end;
	long long n = strtoll(text, &end, 10);
	const char *rest;

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (end > text && n >= 0 && n < 100000 && *end == units[i].unit && !end[1]) {
			then -= (time_t)(n * units[i].seconds);
			gmtime_r(&then, &tm);
			*since = logs_time(&tm);
			return true;
		}
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || (*rest && strcmp(rest, "Z") != 0))
		return false;
	*since = logs_time(&tm);
	return true;
}

static bool
logs_read_words(const struct cli *cli, struct logs *logs)
{
	char why[200];
	int wrong;

	*logs = (struct logs){.cli = cli, .of = cli->narg ? cli->arg[0] : "", .wanted = {.since = -1}};
	if (cli->follow && (cli->facts || cli->previous)) {
		cli_misused(cli, "-f follows what runs now, so it does not go with %s",
			    cli->facts ? "-facts" : "-previous");
		return false;
	}
	logs->wanted.tail = cli->tail ? (size_t)cli->tail : cli->since || cli->grep ? 0 : LOGS_TAIL;
	if (cli->since && !logs_read_since(cli->since, &logs->wanted.since)) {
		cli_misused(cli, "option '-since' needs a time like 10m, 2h or 2026-11-22T20:00:00, not '%s'",
			    cli->since);
		return false;
	}
	if (!cli->grep)
		return true;
	wrong = regcomp(&logs->grep, cli->grep, REG_EXTENDED | REG_NOSUB);
	if (wrong) {
		regerror(wrong, &logs->grep, why, sizeof why);
		cli_misused(cli, "option '-grep' cannot use '%s': %s", cli->grep, why);
		return false;
	}
	logs->has_grep = true;
	logs->wanted.grep = &logs->grep;
	return true;
}

/* ---- which logs ---- */

/* Is the log "rank[gpu-2]" or "serve" of that step, kind or node? */
static bool
logs_is_of(const struct observation *l, const char *name, const char *of)
{
	const char *bracket = strchr(name, '[');
	size_t kind = bracket ? (size_t)(bracket - name) : strlen(name), n = strlen(of);

	if (!of[0] || strcmp(name, of) == 0 || (n == kind && memcmp(name, of, n) == 0))
		return true;
	if (!bracket)
		return strcmp(l->c.cluster->node[0].name, of) == 0;
	return strlen(bracket + 1) == n + 1 && memcmp(bracket + 1, of, n) == 0;
}

static bool
logs_step_is(const struct observation *l, const struct step *s, const char *of, const char *node)
{
	return logs_is_of(l, s->addr, of) && (!node || (s->node && strcmp(s->node->name, node) == 0));
}

/* Does `of` mean a server, or what one runs in? On that node; NULL: on any. */
static bool
logs_is_server(const struct observation *l, const char *of, const char *node)
{
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];

		if (s->kind->server && logs_step_is(l, s, of, node))
			return true;
		for (size_t k = 0; s->kind->server && k < s->deps.n; k++)
			if (s->deps.v[k].edge == EDGE_INSTANCE && logs_step_is(l, s->deps.v[k].on, of, node))
				return true;
	}
	return false;
}

/* Could it have a log at all? A node of the spec; a server, or what it runs in; or their kinds. */
static bool
logs_is_known(const struct observation *l, const char *of)
{
	const struct cluster *c = l->c.cluster;

	for (size_t i = 0; i < c->nspec; i++)
		if (strcmp(c->node[i].name, of) == 0)
			return true;
	return logs_is_server(l, of, NULL);
}

static void
logs_keep(const struct observation *l, struct evidence *e, const char *of)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->logs.n; i++)
		if (logs_is_of(l, e->logs.v[i].name, of))
			e->logs.v[kept++] = e->logs.v[i];
	e->logs.n = kept;
}

/* ---- the lines ---- */

/* A log keeps its colour, whatever logs are shown with it. */
static const char *
logs_colour(struct logs *logs, const char *name)
{
	static const char *const colours[] = {"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"};
	size_t i = 0;

	while (i < logs->nname && strcmp(logs->name[i], name) != 0)
		i++;
	if (i == logs->nname && i < LOGS_NAMES)
		logs->name[logs->nname++] = arena_strdup(logs->arena, name);
	return colours[i % (sizeof colours / sizeof *colours)];
}

static void
logs_print_line(struct logs *logs, const struct log_entry *entry)
{
	struct log_line whole;
	struct str safe = {0};

	log_line_whole(&whole, entry->text, entry->n);
	str_safe(&safe, whole.text, strlen(whole.text));
	if (logs->cli->color)
		printf("\033[%sm%-*s |\033[0m %s\n", logs_colour(logs, entry->log->name), logs->width,
		       entry->log->name, str_text(&safe));
	else
		printf("%-*s | %s\n", logs->width, entry->log->name, str_text(&safe));
	str_release(&safe);
}

static void
logs_print_json(const struct log_entry *entry)
{
	struct log_line whole;
	json_t *o;

	log_line_whole(&whole, entry->text, entry->n);
	o = json_pack("{s:s, s:o}", "log", entry->log->name, "text", json_shown(whole.text));
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void
logs_print(struct logs *logs, struct arena *a, const struct evidence *e)
{
	struct log_merged lines = log_merge(a, e->logs.v, e->logs.n, &logs->wanted);

	for (size_t i = 0; i < e->logs.n; i++)
		if ((int)strlen(e->logs.v[i].name) > logs->width)
			logs->width = (int)strlen(e->logs.v[i].name);
	for (size_t i = 0; i < lines.n; i++)
		if (logs->cli->json)
			logs_print_json(&lines.v[i]);
		else
			logs_print_line(logs, &lines.v[i]);
}

static void
logs_tell(const char *node, const char *what, const char *text)
{
	struct str safe = {0};

	str_safe(&safe, text, strlen(text));
	fprintf(stderr, "%s: %s%s\n", node, what, str_text(&safe));
	str_release(&safe);
}

/* Does `of` mean that node, or a server there? Else a log of it is shown, of what is not in the spec. */
static bool
logs_has_node(struct observation *l, const struct evidence *e, const char *of, const char *node)
{
	if (!*of || logs_is_of(l, arena_printf(&l->c.arena, "?[%s]", node), of) || logs_is_server(l, of, node))
		return true;
	for (size_t i = 0; i < e->logs.n; i++)
		if (logs_is_of(l, e->logs.v[i].name, node))
			return true;
	return false;
}

/* What does not run, and what cannot be read; on stderr, so that the lines can be piped. */
static void
logs_print_states(struct observation *l, const struct evidence *e, const char *of)
{
	fflush(stdout);
	for (size_t i = 0; i < e->states.n; i++) {
		const struct evidence_state *s = &e->states.v[i];

		if (!s->alive && logs_has_node(l, e, of, s->node))
			logs_tell(s->node, "", s->text);
	}
}

static void
logs_print_silent(struct observation *l, const struct evidence *e, const char *of)
{
	const struct cluster *c = l->c.cluster;

	for (size_t i = 0; i < c->nspec; i++) {
		const struct facts *f = c->node[i].facts;

		if ((!f || f->state != FACTS_OK) && logs_has_node(l, e, of, c->node[i].name))
			logs_tell(c->node[i].name, "it does not answer: ", f && f->why ? f->why : "?");
	}
}

/* What is new in a round of -f. The lines before it were shown, so all of it counts. */
static bool
logs_show_news(void *arg, struct arena *a, const struct evidence *news)
{
	struct logs *logs = arg;
	struct evidence e = *news;

	logs_keep(logs->l, &e, logs->of);
	logs_print(logs, a, &e);
	logs_print_states(logs->l, &e, logs->of);
	logs->wanted.tail = 0;
	logs->wanted.since = -1;
	return fflush(stdout) == 0 && !ferror(stdout);
}

static int
logs_show(struct observation *l, const struct cli *cli, struct logs *logs)
{
	const struct log_wanted *w = &logs->wanted;
	bool all = w->since >= 0 || w->grep;
	struct logs_depth depth = {.lines = all || w->tail > LOGS_LINES ? LOGS_LINES : w->tail, .bytes = LOGS_BYTES};
	struct evidence e = {0};
	struct tasks tasks = {0};
	struct err err = {0};

	observation_logs(l, cli->previous, &tasks);
	if (*logs->of && !logs_is_known(l, logs->of))
		return cli_error("'%s' is neither a node of the spec nor a step with a log%s", logs->of,
				 strchr(logs->of, '.')
				 ? " (in 'dray logs' the spec is -file FILE, because -f follows)" : "");
	if (cli->follow) {
		logs_print_silent(l, &e, logs->of);
		run_follow(l->run, &tasks, &depth, logs_show_news, logs);
		return tasks.n ? EXIT_DONE : cli_error("no node that has a log answers");
	}
	if (!run_logs(l->run, &l->c.arena, &tasks, &depth, cli->previous ? ".kept.txt" : ".logs.txt", &e, &err))
		return cli_error("%s", err.text);
	logs_keep(l, &e, logs->of);
	logs_print(logs, &l->c.arena, &e);
	if (!cli->previous || !e.logs.n) {
		logs_print_states(l, &e, logs->of);
		logs_print_silent(l, &e, logs->of);
	}
	if (!e.logs.n)
		fprintf(stderr, "there is no log%s%s\n", *logs->of ? " of " : "", logs->of);
	return e.logs.n ? EXIT_DONE : EXIT_ERROR;
}

static int
logs_run(struct cli *cli)
{
	struct observation l;
	struct logs logs;
	int code;

	if (!logs_read_words(cli, &logs))
		return EXIT_USAGE;
	code = observation_open(&l, cli);
	logs.l = &l;
	logs.arena = &l.c.arena;
	if (code == EXIT_DONE)
		code = logs_show(&l, cli, &logs);
	observation_close(&l);
	if (logs.has_grep)
		regfree(&logs.grep);
	return code;
}

const struct command command_logs = {
	.name = "logs",
	.args = "[STEP|NODE]",
	.max_args = 1,
	.summary = "show the logs of all ranks and of the server, in the order of time",
	.doc = "Reads the logs on all nodes and merges them by the times of their lines, which\n"
	       "count as UTC. Each line begins with its step. Logs of containers and processes\n"
	       "that have ended are shown, too; stderr names those at the end. An address (serve,\n"
	       "'rank[gpu-2]'), a kind (rank) or a node selects logs. Changes nothing. Exits 1 if\n"
	       "there is no log.\n"
	       "\n"
	       "-previous shows the last logs that the nodes kept: when a rank, head, worker or\n"
	       "server is removed or restarted, its log is kept beside the records, five of each.\n"
	       "\n"
	       "-f follows the logs. The spec is -file FILE in this command.",
	.options = (const struct option_spec *const[]){&option_spec_file, &option_follow, &option_tail, &option_since, &option_grep, &option_previous,
		&option_json, &option_facts, &option_record, &option_secrets, &option_no_color, NULL},
	.run = logs_run,
};
