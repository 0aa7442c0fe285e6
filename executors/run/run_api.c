/* The API of the observed server, through the connection to its node: one question whose answer
 * is streamed, and a local port. */
#include <stdlib.h>
#include <string.h>

#include "executors/http/http.h"
#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "executors/session/forward.h"
#include "planner/base/limits.h"
#include "planner/plan/answer.h"

enum { CHAT_MAX = 64 << 20 };           /* bytes of one streamed answer */

/* The connection to the server's node, if it can open connections from there. */
static struct session *
api_session(struct run *r, const struct question *q, struct err *e)
{
	const struct node *n = q->server->node;
	struct session *s = run_host(r, n)->session;

	if (!s || session_lost(s)) {
		err_set(e, "the connection to '%s' is gone", n->name);
		return NULL;
	}
	if (session_executor(s)->tunnel)
		return s;
	err_set(e, "the executor of '%s' cannot open connections from the node", n->name);
	err_hint(e, "ask on the node itself: curl %s", q->models_url);
	return NULL;
}

/* ---- ask ---- */

struct chatting {
	struct run *run;
	struct asked *asked;
	struct http http;
	unsigned long stall;
	long long began;
	const char *no_text;            /* the kind of question that it answers instead */
	bool finished;
};

static void
api_on_stall(void *arg)
{
	struct chatting *c = arg;

	c->stall = 0;
	http_cancel(c->run->loop, &c->http);
	err_set(&c->http.err, "no token within %u s", patience.chat);
	c->http.status = 0;
	c->finished = true;
}

static void
api_watch(struct chatting *c)
{
	loop_cancel(c->run->loop, &c->stall);
	c->stall = loop_after(c->run->loop, patience.chat * 1000L, api_on_stall, c);
}

static void
api_on_bytes(struct http *h, const char *bytes, size_t n)
{
	struct chatting *c = h->owner;
	struct chat *chat = &c->asked->chat;
	long long before = chat->pieces;

	chat_take(chat, bytes, n);
	if (chat->pieces > before) {
		if (!before)
			c->asked->first_ms = loop_clock() - c->began;
		c->asked->last_ms = loop_clock() - c->began;
		api_watch(c);
	}
	if (chat->text.len || chat->thought.len)
		c->asked->said(c->asked);
}

static void
api_on_end(struct http *h)
{
	struct chatting *c = h->owner;

	c->finished = true;
}

static bool
api_result(struct chatting *c, struct err *e)
{
	const struct http *h = &c->http;
	const struct chat *chat = &c->asked->chat;
	char says[304];

	if (c->no_text)
		return err_set(e, "the model gives no text"),
		       err_hint(e, "'dray open' opens a port for requests of your own, such as /v1/embeddings");
	if (h->status == 401)
		return err_set(e, "the API refuses the key of serve.api_key");
	if (h->status && h->status != 200) {
		web_api_message(c->run, h, says, sizeof says);
		return err_set(e, "the API answers with status %ld: %s", h->status, says);
	}
	if (chat->error[0])
		return err_set(e, "the API says: %s", chat->error);
	if (!h->status)
		return err_set(e, "%s%s", chat->pieces ? "the answer broke off: " : "the API does not answer: ",
			       h->err.text);
	if (!chat->ended && chat->pieces)
		return err_set(e, "the answer broke off");
	return chat->pieces || err_set(e, "the API answers without a single token");
}

/* Asks for text, by a question of that kind. False: the kind gives none. */
static bool
api_ask(struct chatting *c, struct arena *a, const struct question *q, const struct task_ask *ask)
{
	const char *name = answer_name(a, q->server->observed.have);
	const struct asked *asked = c->asked;
	struct session *via = c->http.via;
	const char *bearer = c->http.bearer;
	bool chat = strcmp(ask->kind, "chat") == 0;

	if (!chat && strcmp(ask->kind, "completion") != 0) {
		c->no_text = ask->kind;
		return false;
	}
	http_release(&c->http);
	c->http = (struct http){.method = "POST", .url = ask->url, .timeout_ms = CHAT_LIMIT * 1000L,
		.max = CHAT_MAX, .via = via, .own_port = true, .bearer = bearer, .done = api_on_end,
		.chunk = api_on_bytes, .owner = c,
		.body = (chat ? chat_body : chat_completion_body)(a, name, asked->system, asked->prompt,
								  asked->max_tokens)};
	c->finished = false;
	c->began = loop_clock();
	api_watch(c);
	http_start(c->run->loop, &c->http);
	loop_run(c->run->loop, &c->finished);
	loop_cancel(c->run->loop, &c->stall);
	return true;
}

/* Does the answer say that the model is for another kind of question? */
static bool
api_is_unfit(const struct chatting *c)
{
	char says[304];

	if (!c->http.status || c->http.status == 200)
		return false;
	web_api_message(c->run, &c->http, says, sizeof says);
	return engine_ask_unfit(c->http.status, says);
}

bool
run_chat(struct run *r, struct arena *a, const struct graph *g, struct asked *asked, struct err *e)
{
	struct chatting c = {.run = r, .asked = asked};
	struct question q;
	bool ok;

	if (!answer_question(a, g, &q))
		return err_set(e, "the API does not run");
	c.http.via = api_session(r, &q, e);
	if (!c.http.via)
		return false;
	if (q.task.secrets & TASK_API_KEY) {
		if (r->cluster->spec->serve.api_key.from == SECRET_NONE)
			return err_set(e, "the API wants a key, and the spec has no serve.api_key");
		c.http.bearer = run_secret(r, &r->cluster->spec->serve.api_key, e);
		if (!c.http.bearer)
			return err_wrap(e, "serve.api_key");
	}
	for (size_t i = 0; i < q.task.nask; i++) {
		if (!api_ask(&c, a, &q, &q.task.ask[i]) || !api_is_unfit(&c))
			break;
		*e = (struct err){0};
	}
	ok = api_result(&c, e);
	http_release(&c.http);
	return ok;
}

/* ---- open ---- */

struct opening {
	struct run *run;
	struct session *via;
	unsigned long timer;
	bool finished, lost;
};

static void
api_on_failed(void *arg, const char *why)
{
	struct opening *o = arg;

	run_note(o->run, "%s", why);
}

static void
api_on_interrupt(void *arg, int count)
{
	struct opening *o = arg;

	(void)count;
	o->finished = true;
}

/* Notice a lost connection. Nothing else would, because no request waits for the node. */
static void
api_look(void *arg)
{
	struct opening *o = arg;

	o->timer = 0;
	o->lost = session_lost(o->via);
	o->finished |= o->lost;
	if (!o->finished)
		o->timer = loop_after(o->run->loop, OPEN_EVERY * 1000L, api_look, o);
}

bool
run_open(struct run *r, struct arena *a, const struct graph *g, const struct opened *opened, struct err *e)
{
	struct opening o = {.run = r};
	struct forward_to to = {.failed = api_on_failed, .arg = &o};
	struct forward *forward;
	struct question q;
	struct attrs have;
	const char *host;
	int port = opened->port;

	if (!answer_question(a, g, &q))
		return err_set(e, "the API does not run");
	have = q.server->observed.have;
	host = answer_host(a, attrs_value(&have, "bind", "0.0.0.0"));
	/* (In a URL an IPv6 address has brackets.) */
	to.host = *host == '[' ? arena_strndup(a, host + 1, strlen(host) - 2) : host;
	to.port = (int)strtol(attrs_value(&have, "port", "0"), NULL, 10);
	o.via = api_session(r, &q, e);
	if (!o.via)
		return false;
	if (!port)
		port = to.port;
	forward = forward_open(r->loop, o.via, &to, &port, e);
	if (!forward && !opened->port) {
		port = 0;
		forward = forward_open(r->loop, o.via, &to, &port, e);
	}
	if (!forward)
		return err_hint(e, "choose another one with -port N");
	loop_interrupt(r->loop, api_on_interrupt, &o);
	opened->ready(opened->arg, port, q.server);
	api_look(&o);
	loop_run(r->loop, &o.finished);
	loop_interrupt(r->loop, NULL, NULL);
	loop_cancel(r->loop, &o.timer);
	forward_close(forward);
	return !o.lost || err_set(e, "the connection to '%s' was lost", q.server->node->name);
}
