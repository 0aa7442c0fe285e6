/* The API's answer to a request for one token, as part of an observation. */
#include "planner/plan/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"

static const char *const answer_words[] = {
	[ANSWER_NOT_ASKED] = NULL, [ANSWER_SERVING] = "serving", [ANSWER_SLOW] = "slow",
	[ANSWER_HANGS] = "hangs", [ANSWER_REFUSES] = "refuses", [ANSWER_SILENT] = "down",
};

const char *
answer_word(enum answer_state state)
{
	return answer_words[state];
}

/* The step whose process has the API, if it is up. */
static const struct step *
answer_server(const struct graph *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct step *s = g->v[i];

		if (s->kind->server && s->node == &g->cluster->node[0] && !s->orphan)
			return s->observed.state == STATE_PRESENT ? s : NULL;
	}
	return NULL;
}

const char *
answer_host(struct arena *a, const char *bind)
{
	if (strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0 ||
	    strcmp(bind, "localhost") == 0)
		return "127.0.0.1";
	return strchr(bind, ':') ? arena_printf(a, "[%s]", bind) : bind;
}

const char *
answer_name(struct arena *a, struct attrs have)
{
	const char *names = attrs_value(&have, "name", "");

	return arena_strndup(a, names, strcspn(names, " "));
}

/* Does all of the engine run: the ranks, and what the server lives in? If not, that is the
 * cause, and a question would only wait for its answer. */
static bool
answer_all_runs(const struct graph *g, const struct step *server)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->kind->server && !g->v[i]->orphan && g->v[i]->observed.state != STATE_PRESENT)
			return false;
	for (size_t i = 0; i < server->deps.n; i++)
		if (server->deps.v[i].edge == EDGE_INSTANCE &&
		    server->deps.v[i].on->observed.state != STATE_PRESENT)
			return false;
	return true;
}

void
answer_asks(struct arena *a, const struct engine *e, const char *kind, const char *base,
	    const char *model, const char *prompt, long long max_tokens, struct task *t)
{
	const struct engine_ask *only = engine_ask_find(e, kind), *ask = only ? only : e->asks;
	struct { struct task_ask *v; size_t n, cap; } list = {0};

	for (; ask->kind; ask++) {
		*vec_push(a, &list) = (struct task_ask){.kind = ask->kind,
			.url = arena_printf(a, "%s%s", base, ask->path),
			.body = ask->body(a, model, prompt, max_tokens)};
		if (only)
			break;
	}
	t->ask = list.v;
	t->nask = list.n;
	t->url = list.v[0].url;
	t->body = list.v[0].body;
}

/* The word of the spec; with auto, what the last probe found. */
const char *
answer_kind(const struct graph *g)
{
	const char *word = g->cluster->spec->probe.kind.text;

	if (!word || strcmp(word, "auto") != 0)
		return word;
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->kind->asks && !g->v[i]->orphan && g->v[i]->observed.output &&
		    engine_ask_find(g->cluster->engine, g->v[i]->observed.output))
			return g->v[i]->observed.output;
	return word;
}

bool
answer_question(struct arena *a, const struct graph *g, struct question *q)
{
	const struct engine *e = g->cluster->engine;
	const struct step *server = answer_server(g);
	struct attrs have = server ? server->observed.have : (struct attrs){0};
	const char *name = attrs_value(&have, "name", NULL), *port = attrs_value(&have, "port", NULL);
	long long patience = g->cluster->spec->probe.timeout.value;
	const char *base, *kind = answer_kind(g);

	if (!server || !name || !port || !answer_all_runs(g, server))
		return false;
	base = arena_printf(a, "%s://%s:%s", engine_scheme(e, have),
			    answer_host(a, attrs_value(&have, "bind", "0.0.0.0")), port);
	*q = (struct question){.server = server,
		.models_url = arena_printf(a, "%s%s", base, e->models_path),
		.metrics_url = e->metrics_path ? arena_printf(a, "%s%s", base, e->metrics_path) : NULL,
		.no_question = kind && strcmp(kind, "none") == 0,
		.task = {.type = TASK_PROBE, .timeout_s = patience < ASK_LIMIT ? (int)patience : ASK_LIMIT,
			 .secrets = attrs_get(&have, "api_key") ? TASK_API_KEY : TASK_NO_SECRET}};
	answer_asks(a, e, kind, base, answer_name(a, have), "Hello", 1, &q->task);
	return true;
}

/* ---- as text ---- */

static const char *
answer_number(struct arena *a, double v)
{
	return v < 0 ? "-" : arena_printf(a, "%.4g", v);
}

const char *
answer_write(struct arena *a, const struct answer *answer)
{
	char *why = arena_strdup(a, answer->why ? answer->why : "-");

	for (char *p = why; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\\' || *p == 0x7f)
			*p = ' ';
	return arena_printf(a, "answer\t%s\t%lld\t%s\t%s\t%s\t%s\t%s\n",
			    answer_word(answer->state) ? answer_word(answer->state) : "-", answer->ms,
			    answer_number(a, answer->running), answer_number(a, answer->waiting),
			    answer_number(a, answer->rate), answer_number(a, answer->kv), why);
}

static double
answer_number_of(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	return end != text && !*end && v >= 0 && v < 1e12 ? v : -1;
}

bool
answer_read(struct arena *a, const char *text, size_t n, struct answer *answer)
{
	char *field[9], *line = arena_strndup(a, text, n);
	size_t fields;

	line[strcspn(line, "\n")] = '\0';
	fields = facts_split(line, field, 9);
	*answer = (struct answer){.running = -1, .waiting = -1, .rate = -1, .kv = -1};
	if (fields < 8 || strcmp(field[0], "answer") != 0)
		return false;
	for (int i = ANSWER_SERVING; i <= ANSWER_SILENT; i++)
		if (strcmp(answer_words[i], field[1]) == 0)
			answer->state = (enum answer_state)i;
	answer->ms = (long long)answer_number_of(field[2]);
	answer->running = answer_number_of(field[3]);
	answer->waiting = answer_number_of(field[4]);
	answer->rate = answer_number_of(field[5]);
	answer->kv = answer_number_of(field[6]);
	answer->why = strcmp(field[7], "-") == 0 ? NULL : field[7];
	return true;
}

/* ---- into the graph ---- */

void
answer_take(struct arena *a, struct graph *g, const struct answer *answer)
{
	const struct step *server = answer_server(g);
	bool dead = answer->state == ANSWER_HANGS || answer->state == ANSWER_SILENT;

	g->answer = *answer;
	for (size_t i = 0; i < g->n; i++) {
		struct step *s = g->v[i];

		if (s == server && dead) {
			s->observed.state = STATE_GONE;
			s->observed.why = answer->why;
		}
		if (s->kind->asks && s->observed.state == STATE_PRESENT &&
		    (dead || answer->state == ANSWER_REFUSES)) {
			s->observed.state = STATE_ABSENT;
			s->observed.why = arena_printf(a, "asked again: %s", answer->why);
		}
	}
}
