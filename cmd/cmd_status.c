/* Show whether the model is served, where, and by what; -v adds all nodes and steps. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/hush.h"
#include "cmd/observation.h"
#include "executors/io/child.h"
#include "planner/base/json.h"
#include "planner/base/limits.h"
#include "planner/base/str.h"
#include "planner/plan/answer.h"
#include "planner/plan/health.h"
#include "planner/steps/bench.h"

static const char *
status_node_word(const struct node *n)
{
	return !n->facts || n->facts->state == FACTS_UNREACHABLE ? "unreachable" : "ok";
}

/* Print a label, n bytes of text from a node made safe for a terminal, and a newline. */
static void
status_print_safe(FILE *f, const char *label, const char *text, size_t n)
{
	struct str safe = {0};

	str_safe(&safe, text, n);
	fprintf(f, "%s%s\n", label, str_text(&safe));
	str_release(&safe);
}

/* How long before the look `at` (RFC 3339) was: "6 d 4 h", "14 s". NULL: `at` is not a time. */
static const char *
status_age(struct observation *l, const char *at)
{
	const struct facts *head = l->c.cluster->node[0].facts;
	long long now = l->recorded && head && head->epoch > 0 ? head->epoch : (long long)time(NULL);
	struct tm tm = {0};

	if (!at || !strptime(at, "%Y-%m-%dT%H:%M:%S", &tm))
		return NULL;
	return str_duration(&l->c.arena, now - (long long)timegm(&tm));
}

static const struct record *
status_record(const struct health *h)
{
	return h->server ? step_record(h->server) : NULL;
}

/* ---- the lines ---- */

static void
status_print_state(FILE *f, struct observation *l, const struct cli *cli, const struct health *h)
{
	static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
	int colour = h->state <= HEALTH_UP ? 0 : h->state == HEALTH_SLOW || h->state == HEALTH_STARTING ? 1 : 2;
	struct attrs have = h->server ? h->server->observed.have : (struct attrs){0};
	struct str upper = {0};

	for (const char *p = health_word(h->state); *p; p++)
		str_putc(&upper, (char)(*p - ('a' <= *p && *p <= 'z') * ('a' - 'A')));
	fprintf(f, "%-7s %s%s%s", l->c.cluster->name, cli->color ? colours[colour] : "", str_text(&upper),
	       cli->color ? "\033[0m" : "");
	if (have.n) {
		const char *commit = attrs_value(&have, "model.commit", "");

		fprintf(f, "   '%s' = %s%s%.12s, TP %s, PP %s", attrs_value(&have, "name", l->c.cluster->served_name),
		       attrs_value(&have, "model.repo", attrs_value(&have, "model.path", "?")), *commit ? " @ " : "", commit,
		       attrs_value(&have, "tensor", "1"), attrs_value(&have, "pipeline", "1"));
	}
	putc('\n', f);
	if (h->why && h->of)
		status_print_safe(f, arena_printf(&l->c.arena, "        %s: ", h->of->addr), h->why, strlen(h->why));
	str_release(&upper);
}

static void
status_print_api(FILE *f, struct observation *l, const struct health *h)
{
	struct arena *a = &l->c.arena;
	const struct cluster *c = l->c.cluster;
	const struct answer *answer = &l->graph->answer;
	const struct record *r = status_record(h);
	struct attrs have = h->server ? h->server->observed.have : (struct attrs){0};
	const char *at = node_dial_port(a, &c->node[0], strtoll(attrs_value(&have, "port", "0"), NULL, 10));
	const char *age = r && strcmp(r->phase, "done") == 0 ? status_age(l, r->at) : NULL;

	if (!have.n || (h->server->observed.state != STATE_PRESENT && answer->state == ANSWER_NOT_ASKED))
		return;
	fprintf(f, "API     %s://%s/v1", engine_scheme(c->engine, have), at ? at : c->node[0].host);
	if (answer->state == ANSWER_SERVING && !answer->why)
		fprintf(f, "   answers in %.2f s", (double)answer->ms / 1000);
	else if (answer->state == ANSWER_NOT_ASKED)
		fprintf(f, "   not asked");
	else if (answer->why && answer->state == ANSWER_SERVING)
		fprintf(f, "   %s", answer->why);
	if (age)
		fprintf(f, "   up %s", age);
	putc('\n', f);
	if (strncmp(attrs_value(&have, "bind", ""), "127.", 4) == 0 || strcmp(attrs_value(&have, "bind", ""), "localhost") == 0)
		fputs("        from here: dray open\n", f);
}

static void
status_print_load(FILE *f, const struct answer *answer)
{
	if (answer->state == ANSWER_NOT_ASKED || answer->running < 0)
		return;
	fprintf(f, "load    %.0f running, %.0f waiting", answer->running, answer->waiting < 0 ? 0 : answer->waiting);
	if (answer->kv >= 0)
		fprintf(f, ", KV cache %.0f %%", answer->kv * 100);
	if (answer->rate >= 0)
		fprintf(f, ", %.*f tokens/s", answer->rate < 10 ? 1 : 0, answer->rate);
	putc('\n', f);
}

static void
status_print_nodes(FILE *f, struct observation *l, const struct health *h)
{
	const struct cluster *c = l->c.cluster;

	fprintf(f, "nodes   %zu of %zu answer", h->nodes_ok, h->nodes);
	for (size_t i = 0; i < c->nspec && c->nspec <= 4; i++)
		fprintf(f, "%s%s%s", i ? ", " : ": ", c->node[i].name, i ? "" : c->nspec > 1 ? " (head)" : "");
	putc('\n', f);
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *facts = c->node[i].facts;

		if (!facts || facts->state == FACTS_OK || !facts->why)
			continue;
		fprintf(f, "        %s: ", c->node[i].name);
		status_print_safe(f, "", facts->why, strlen(facts->why));
		if (facts->hint && *facts->hint)
			status_print_safe(f, "        hint: ", facts->hint, strlen(facts->hint));
	}
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *facts = c->node[i].facts;

		if (facts && facts->lock_state && strcmp(facts->lock_state, "held") == 0) {
			const char *holder = lock_holder(&l->c.arena, facts->lock_info);

			status_print_safe(f, "lock    held by ", holder, strlen(holder));
			break;
		}
	}
}

/* Steps with a problem. The server's own steps are in the first lines already. */
static void
status_print_steps(FILE *f, const struct observation *l, const struct health *h)
{
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];
		enum health_state state = health_of_step(l->graph, s);

		if (state <= HEALTH_UP || s == h->of || s->kind->asks || h->state == HEALTH_STOPPED)
			continue;
		fprintf(f, "step    %s: %s", s->addr, health_word(state));
		if (s->observed.why)
			status_print_safe(f, ": ", s->observed.why, strlen(s->observed.why));
		else
			putc('\n', f);
	}
}

/* Summarize the plan in one line. */
static void
status_print_spec(FILE *f, const struct observation *l)
{
	size_t n = l->plan ? plan_nops(l->plan) : 0;

	if (!l->plan)
		fprintf(f, "spec    cannot be compared: 'dray plan' shows why\n");
	else if (plan_blockers(l->plan))
		fprintf(f, "spec    cannot be applied as it is: 'dray plan' shows why\n");
	else if (n)
		fprintf(f, "spec    differs from what runs in %zu step%s: 'dray plan' shows them\n", n, n == 1 ? "" : "s");
	else
		fprintf(f, "spec    what runs is what %s says\n", l->c.src.name);
}

static void
status_print_last(FILE *f, struct observation *l, const struct health *h)
{
	const char *age = h->last ? status_age(l, h->last->at) : NULL;
	struct str by = {0};

	if (!age)
		return;
	if (h->last->by)
		str_safe(&by, h->last->by, strnlen(h->last->by, 80));
	fprintf(f, "last    apply%s%s, %s ago\n", by.len ? " by " : "", str_text(&by), age);
	str_release(&by);
}

static void
status_print_table(FILE *f, const struct observation *l)
{
	const struct cluster *cluster = l->c.cluster;

	fprintf(f, "\n%-16s %-16s %-12s %-8s %s\n", "NODE", "HOST", "STATE", "GPUS", "LOCK");
	for (size_t i = 0; i < cluster->nnode; i++) {
		const struct node *n = &cluster->node[i];
		const char *lock = n->facts && n->facts->lock_state ? n->facts->lock_state : "-";
		struct str gpus = {0};

		if (n->facts && n->facts->state == FACTS_OK)
			str_printf(&gpus, "%zu", n->facts->gpu.n);
		fprintf(f, "%-16s %-16s %-12s %-8s ", n->name, n->host, status_node_word(n), str_text(&gpus));
		status_print_safe(f, "", lock, strlen(lock));
		str_release(&gpus);
	}
	fprintf(f, "\n%-24s %-12s %s\n", "STEP", "STATE", "INSTANCE");
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];
		const char *instance = s->observed.instance ? s->observed.instance : "-";

		fprintf(f, "%-24s %-12s ", s->addr, health_word(health_of_step(l->graph, s)));
		status_print_safe(f, "", instance, (size_t)instance_width(instance));
		if (s->observed.why && s->observed.state != STATE_PRESENT)
			status_print_safe(f, "    ", s->observed.why, strlen(s->observed.why));
	}
}

/* The last benchmark of what runs now. */
static void
status_print_bench(FILE *f, struct observation *l)
{
	struct arena *a = &l->c.arena;
	struct bench b;
	const struct bench_step *best;
	struct str line = {0};

	if (!bench_last(a, l->graph, &b))
		return;
	best = bench_best(&b);
	str_printf(&line, "%.1f tokens/s with %lld at a time, first token after %s (p99 %s)", best->tokens,
		   best->concurrency, bench_time(a, best->ttft), bench_time(a, best->ttft_p99));
	putc('\n', f);
	status_print_safe(f, "bench   ", line.buf, line.len);
	str_reset(&line);
	str_printf(&line, "%.10s %.5s UTC%s%s: %s%s%.12s, %s, %lld + %lld tokens", b.at, strlen(b.at) > 11 ? b.at + 11 : "",
		   *b.by ? " by " : "", b.by, b.model, *b.commit ? " @ " : "", b.commit, b.layout, b.input, b.output);
	status_print_safe(f, "        ", line.buf, line.len);
	str_release(&line);
}

static void
status_print_text(FILE *f, struct observation *l, const struct cli *cli, const struct health *h)
{
	status_print_state(f, l, cli, h);
	status_print_api(f, l, h);
	status_print_load(f, &l->graph->answer);
	status_print_nodes(f, l, h);
	status_print_steps(f, l, h);
	status_print_spec(f, l);
	status_print_last(f, l, h);
	if (h->state == HEALTH_HANGS || h->state == HEALTH_FAILED || h->state == HEALTH_DOWN)
		fprintf(f, "why     'dray why' looks for the cause in all logs, 'dray logs' shows them\n");
	if (cli->verbose) {
		status_print_table(f, l);
		status_print_bench(f, l);
	}
}

/* ---- JSON ---- */

static json_t *
status_number(double v)
{
	return v < 0 ? json_null() : json_real(v);
}

static void
status_print_json(FILE *f, struct observation *l, const struct health *h, size_t flags)
{
	struct bench bench;
	const struct cluster *cluster = l->c.cluster;
	const struct answer *answer = &l->graph->answer;
	json_t *nodes = json_array(), *steps = json_array(), *o;

	for (size_t i = 0; i < cluster->nnode; i++) {
		const struct node *n = &cluster->node[i];

		json_array_append_new(nodes,
				      json_pack("{s:s, s:s, s:s, s:o}", "name", n->name, "host", n->host,
						"state", status_node_word(n), "lock",
						json_shown(n->facts ? n->facts->lock_state : NULL)));
	}
	for (size_t i = 0; i < l->graph->n; i++) {
		const struct step *s = l->graph->v[i];

		json_array_append_new(steps, json_pack("{s:s, s:s, s:o, s:o}", "addr", s->addr,
						       "state", health_word(health_of_step(l->graph, s)),
						       "instance", json_shown(s->observed.instance), "why",
						       json_shown(s->observed.why)));
	}
	o = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "type", "status", "cluster", cluster->name,
		      "state", health_word(h->state), "why", json_shown(h->why), "nodes", nodes, "steps", steps,
		      "changes", l->plan ? json_integer((json_int_t)plan_nops(l->plan)) : json_null(),
		      "last_apply", h->last ? json_pack("{s:o, s:o, s:o}", "id", json_shown(h->last->apply_id),
							"at", json_shown(h->last->at), "by",
							json_shown(h->last->by)) : json_null());
	if (answer->state != ANSWER_NOT_ASKED)
		json_object_set_new(o, "answer",
				    json_pack("{s:s, s:f, s:o, s:o, s:o, s:o}", "state",
					      answer_word(answer->state), "seconds", (double)answer->ms / 1000,
					      "running", status_number(answer->running), "waiting",
					      status_number(answer->waiting), "kv_cache", status_number(answer->kv),
					      "tokens_per_second", status_number(answer->rate)));
	if (bench_last(&l->c.arena, l->graph, &bench)) {
		const char *line = bench_write(&l->c.arena, &bench);

		json_object_set_new(o, "bench", json_read_object(line, strlen(line)));
	}
	if (flags == JSON_COMPACT) {
		char now[32];

		hush_time(now);
		json_object_set_new(o, "time", json_string(now));
	}
	json_dumpf(o, f, flags | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
	putc('\n', f);
	json_decref(o);
}

/* Exit 0 only when the model is served, all nodes answer and everything the spec wants is up. */
static int
status_health(const struct observation *l, const struct health *h)
{
	if (h->nodes_ok < h->nodes || (h->server && h->state > HEALTH_UP))
		return EXIT_ERROR;
	for (size_t i = 0; i < l->graph->n; i++)
		if (l->graph->v[i]->observed.state != STATE_PRESENT &&
		    !(l->graph->v[i]->orphan && l->graph->v[i]->observed.state == STATE_ABSENT))
			return EXIT_ERROR;
	return EXIT_DONE;
}

/* The part of a look that counts as a change when it differs: no times and no load. */
static void
status_key(struct str *key, const struct observation *l, const struct health *h)
{
	const struct cluster *c = l->c.cluster;

	str_printf(key, "%s %s\n", health_word(h->state), h->of ? h->of->addr : "-");
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *facts = c->node[i].facts;

		str_printf(key, "%s %s\n", status_node_word(&c->node[i]),
			   facts && facts->lock_state ? facts->lock_state : "-");
	}
	for (size_t i = 0; i < l->graph->n; i++)
		str_printf(key, "%s %s\n", l->graph->v[i]->addr, health_word(health_of_step(l->graph, l->graph->v[i])));
	str_printf(key, "%s %zu %zu", h->last ? h->last->apply_id : "-", l->plan ? plan_nops(l->plan) : 0,
		   l->plan ? plan_blockers(l->plan) : 1);
}

/* Look, and print what was seen. */
static int
status_look(struct cli *cli, FILE *f, struct str *key)
{
	struct observation l;
	struct plan_options options = {0};
	struct health h;
	int code = observation_open(&l, cli);

	if (code == EXIT_DONE) {
		observation_plan(&l, cli, &options);
		h = health_of(l.graph);
		if (cli->json)
			status_print_json(f, &l, &h, key ? JSON_COMPACT : JSON_INDENT(2));
		else
			status_print_text(f, &l, cli, &h);
		if (key)
			status_key(key, &l, &h);
		code = status_health(&l, &h);
	}
	observation_close(&l);
	return code;
}

/* Show a page in place of the last one, which it covers line by line. */
static void
status_show_page(const char *now, const char *text)
{
	printf("\033[H%s   Ctrl-C ends it\033[K\n\033[K\n", now);
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		printf("%.*s\033[K\n", (int)n, text);
	}
	fputs("\033[J", stdout);
}

/* -watch: look again and again, until a signal; its status is that of the last look. */
static int
status_watch(struct cli *cli)
{
	const char *term = getenv("TERM");
	bool place = !cli->json && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0, first = true;
	long long every = cli->every ? cli->every : STATUS_EVERY;
	struct str last = {0};
	struct hush hush = {0};
	int code;

	for (;; first = false) {
		struct str key = {0};
		char *text = NULL, now[32];
		size_t n = 0;
		FILE *f;

		hush_begin(&hush);
		f = open_memstream(&text, &n);
		code = status_look(cli, f, &key);
		fclose(f);
		hush_time(now);
		child_interrupts(code);
		if (first && !key.len)
			break;
		if (place && first)
			fputs("\033[2J", stdout);
		if (place)
			status_show_page(now, key.len ? text : "the look failed\n");
		else if (cli->json && (first || strcmp(str_text(&last), str_text(&key)) != 0))
			fputs(text, stdout);
		else if (first || strcmp(str_text(&last), str_text(&key)) != 0)
			printf("%s%s\n%s", first ? "" : "\n", now, key.len ? text : "the look failed\n");
		cli_flush();
		hush_end(&hush);
		str_release(&last);
		last = key;
		free(text);
		nanosleep(&(struct timespec){.tv_sec = (time_t)every}, NULL);
	}
	hush_end(&hush);
	hush_release(&hush);
	return code;
}

static int
status_run(struct cli *cli)
{
	if (!cli->watch && cli->every)
		return cli_misused(cli, "-every is the time between two looks of -watch, which is missing");
	return cli->watch ? status_watch(cli) : status_look(cli, stdout, NULL);
}

const struct command command_status = {
	.name = "status",
	.aka = "ls ps list show info state health",
	.args = "",
	.summary = "show whether the model is served, where, how busy, and who applied it",
	.doc = "Looks at every node, asks the API for one token, and says in a few lines\n"
	       "whether the model is served: serving, slow, hangs, starting, failed, down or\n"
	       "stopped. Lists problems; -v lists all nodes and steps. Changes nothing. Exits 0\n"
	       "if the model is served, all nodes answer and everything that the spec wants is\n"
	       "up, else 1. With -no-probe it does not ask for a token; then a model that hangs\n"
	       "looks as if it were up.\n"
	       "\n"
	       "With -watch it looks again and again. On a terminal it shows each look in place,\n"
	       "otherwise it prints a look that differs from the last one. Ctrl-C ends it with\n"
	       "the exit status of the last look.",
	.options = (const struct option_spec *const[]){&option_file, &option_json, &option_watch, &option_every, &option_facts, &option_secrets,
		&option_no_probe, &option_no_color, &option_verbose, NULL},
	.asks = ASKS_LOAD,
	.run = status_run,
};
