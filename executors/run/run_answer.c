/*
 * Ask the running API for one token, and compare the result with the engine's metrics. If no
 * answer comes in time, the engine is busy when other requests get tokens, and hangs when
 * none does.
 *
 *	metrics -> completion -+-> a status: done; with_rate: metrics again
 *	                       +-> timeout: metrics again, or the list of models
 */
#include <jansson.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "executors/run/run_looks.h"
#include "planner/plan/answer.h"

enum { ANSWER_MAX = 4 << 20, RATE_MS = 1000 };

struct asking {
	struct run *run;
	struct arena *arena;
	struct session *via;
	struct question question;
	size_t at;                      /* which of the questions is asked */
	struct answer answer;
	const char *bearer;
	struct http http;               /* the request that runs */
	struct engine_load then, now;
	long long then_at, now_at;      /* 0: unknown */
	bool with_rate;
	long long began;
	unsigned long timer;
	bool finished;
};

static void
answer_ask(struct asking *q, const char *url, const char *body, long ms, void (*done)(struct http *))
{
	http_release(&q->http);
	q->http = (struct http){.method = body ? "POST" : "GET", .url = url, .body = body,
		.bearer = q->bearer, .timeout_ms = ms, .via = q->via, .own_port = true, .done = done, .owner = q,
		.max = ANSWER_MAX};
	http_start(q->run->loop, &q->http);
}

static void
answer_end(struct asking *q, enum answer_state state, const char *why)
{
	q->answer.state = state;
	q->answer.why = why;
	q->finished = true;
}

/* Read the metrics. Returns when they were read, or 0 if they say nothing. */
static long long
answer_read_load(struct asking *q, const struct http *h, struct engine_load *load)
{
	if (h->status != 200)
		return 0;
	q->run->cluster->engine->load(str_text(&h->answer), h->answer.len, load);
	q->answer.running = load->running;
	q->answer.waiting = load->waiting;
	q->answer.kv = load->kv;
	return load->progress >= 0 ? loop_clock() : 0;
}

static double
answer_rate(const struct asking *q)
{
	double seconds = (double)(q->now_at - q->then_at) / 1000;

	if (!q->then_at || !q->now_at || q->then.tokens < 0 || q->now.tokens < q->then.tokens || seconds <= 0)
		return -1;
	return (q->now.tokens - q->then.tokens) / seconds;
}

/* No token came in time. Did other requests get tokens, or did the engine take a step? */
static void
answer_judge(struct asking *q, bool api_answers)
{
	struct arena *a = q->arena;
	int limit = q->question.task.timeout_s;
	bool known = q->then_at && q->now_at, moved = known && q->now.progress > q->then.progress;

	q->answer.rate = answer_rate(q);
	if (!api_answers)
		answer_end(q, ANSWER_SILENT, arena_printf(a, "the API does not answer within %d s", limit));
	else if (moved && q->answer.rate >= 0 && q->answer.rate < 1)
		answer_end(q, ANSWER_SLOW, arena_printf(a, "slow: all requests together get %.2f tokens "
							"per second", q->answer.rate));
	else if (moved)
		answer_end(q, ANSWER_SERVING, arena_printf(a, "busy: no answer within %d s, but other "
							   "requests get tokens", limit));
	else
		answer_end(q, ANSWER_HANGS, arena_printf(a, "a completion hangs: no token within %d s%s", limit,
							 known ? ", and no other request gets one" : ""));
}

static void
answer_on_models(struct http *h)
{
	answer_judge(h->owner, h->status != 0);
}

static void
answer_on_late_load(struct http *h)
{
	struct asking *q = h->owner;

	q->now_at = answer_read_load(q, h, &q->now);
	if (h->status)
		answer_judge(q, true);
	else
		answer_ask(q, q->question.models_url, NULL, patience.metrics * 1000L, answer_on_models);
}

static void
answer_on_rate(struct http *h)
{
	struct asking *q = h->owner;

	q->now_at = answer_read_load(q, h, &q->now);
	q->answer.rate = answer_rate(q);
	q->finished = true;
}

static void
answer_ask_rate(void *arg)
{
	struct asking *q = arg;

	q->timer = 0;
	answer_ask(q, q->question.metrics_url, NULL, patience.metrics * 1000L, answer_on_rate);
}

static void answer_ask_token(struct asking *);

static void
answer_on_status(struct asking *q, const struct http *h)
{
	json_t *root = json_loadb(str_text(&h->answer), h->answer.len, 0, NULL);
	bool tokens = web_has_tokens(root);
	char says[304];

	json_decref(root);
	web_api_message(q->run, h, says, sizeof says);
	if (h->status == 401)
		answer_end(q, ANSWER_REFUSES, "the API refuses the key of serve.api_key");
	else if (engine_ask_unfit(h->status, says) && q->at + 1 < q->question.task.nask) {
		q->at++;
		answer_ask_token(q);
		return;
	} else if (h->status != 200)
		answer_end(q, ANSWER_REFUSES, arena_printf(q->arena, "the API answers with status %ld: %s",
							   h->status, says));
	else if (!tokens)
		answer_end(q, ANSWER_REFUSES, "the API answers without a single token");
	else
		answer_end(q, ANSWER_SERVING, NULL);
	if (q->answer.state != ANSWER_SERVING || !q->with_rate || !q->then_at || q->then.running <= 0)
		return;
	q->finished = false;
	q->timer = loop_after(q->run->loop, RATE_MS, answer_ask_rate, q);
}

static void
answer_on_ask(struct http *h)
{
	struct asking *q = h->owner;
	long limit = q->question.task.timeout_s * 1000L;

	q->answer.ms = loop_clock() - q->began;
	if (h->status)
		answer_on_status(q, h);
	else if (q->answer.ms + 100 < limit)
		answer_end(q, ANSWER_SILENT, arena_printf(q->arena, "the API does not answer: %s", h->err.text));
	else if (q->question.metrics_url)
		answer_ask(q, q->question.metrics_url, NULL, patience.metrics * 1000L, answer_on_late_load);
	else
		answer_ask(q, q->question.models_url, NULL, patience.metrics * 1000L, answer_on_models);
}

static void
answer_ask_token(struct asking *q)
{
	q->began = loop_clock();
	answer_ask(q, q->question.task.ask[q->at].url, q->question.task.ask[q->at].body, q->question.task.timeout_s * 1000L,
		   answer_on_ask);
}

static void
answer_on_load(struct http *h)
{
	struct asking *q = h->owner;

	q->then_at = answer_read_load(q, h, &q->then);
	answer_ask_token(q);
}

/* With probe.kind none the list of models has to do. */
static void
answer_on_list(struct http *h)
{
	struct asking *q = h->owner;

	q->answer.ms = loop_clock() - q->began;
	if (h->status == 200)
		answer_end(q, ANSWER_SERVING, NULL);
	else if (h->status == 401)
		answer_end(q, ANSWER_REFUSES, "the API refuses the key of serve.api_key");
	else if (h->status)
		answer_end(q, ANSWER_REFUSES, arena_printf(q->arena, "the API answers with status %ld", h->status));
	else
		answer_end(q, ANSWER_SILENT, arena_printf(q->arena, "the API does not answer: %s", h->err.text));
}

/* Can the API be asked? That needs a connection to the node, and the key if there is one. */
static bool
answer_has_way(struct asking *q)
{
	struct run *r = q->run;
	const struct secret_ref *key = &r->cluster->spec->serve.api_key;
	struct err e = {0};

	q->via = run_host(r, &r->cluster->node[0])->session;
	if (!q->via || session_lost(q->via) || !session_executor(q->via)->tunnel)
		return false;
	if (!(q->question.task.secrets & TASK_API_KEY))
		return true;
	if (r->opt.quiet || key->from == SECRET_NONE)
		return false;
	q->bearer = run_secret(r, key, &e);
	return q->bearer != NULL;
}

static bool
answer_recorded(struct run *r, struct arena *a, struct answer *answer)
{
	struct str text = {0};
	struct err e = {0};
	bool ok = recorded_file(r, r->cluster->node[0].name, ".answer.txt", &text, &e) &&
		answer_read(a, str_text(&text), text.len, answer);

	str_release(&text);
	return ok;
}

bool
run_ask_api(struct run *r, struct arena *a, struct graph *g, bool with_rate, struct err *e)
{
	struct asking q = {.run = r, .arena = a, .with_rate = with_rate,
		.answer = {.running = -1, .waiting = -1, .rate = -1, .kv = -1}};
	const char *line;

	g->answer = q.answer;
	if (!answer_question(a, g, &q.question))
		return true;
	if (r->opt.facts_dir) {
		if (answer_recorded(r, a, &q.answer))
			answer_take(a, g, &q.answer);
		return true;
	}
	if (!answer_has_way(&q))
		return true;
	/* Wait less for a person, and in the second look, as the first one has waited already. */
	if ((with_rate || r->earlier) && q.question.task.timeout_s > (int)patience.ask_status)
		q.question.task.timeout_s = (int)patience.ask_status;
	q.began = loop_clock();
	if (q.question.no_question)
		answer_ask(&q, q.question.models_url, NULL, q.question.task.timeout_s * 1000L, answer_on_list);
	else if (q.question.metrics_url)
		answer_ask(&q, q.question.metrics_url, NULL, patience.metrics * 1000L, answer_on_load);
	else
		answer_ask_token(&q);
	loop_run(r->loop, &q.finished);
	http_release(&q.http);
	answer_take(a, g, &q.answer);
	line = answer_write(a, &q.answer);
	return !r->opt.record_dir ||
		record_file(r->opt.record_dir, r->cluster->node[0].name, ".answer.txt", line, strlen(line), e);
}
