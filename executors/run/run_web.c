/* Tasks that run on this side: fetch pinned bytes, ask for one completion. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors/run/run_act.h"
#include "executors/run/run_looks.h"
#include "planner/base/hash.h"

enum { MAX_FETCH = 16 * 1024 * 1024 };

static void
web_end(struct web *w)
{
	w->busy = false;
	w->then(w);
}

static void __attribute__((format(printf, 2, 3)))
web_fail(struct web *w, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&s, fmt, ap);
	va_end(ap);
	secrets_scrub(&w->run->secrets, &s);
	err_set(&w->why, "%s", str_text(&s));
	str_release(&s);
}

/* ---- fetch ---- */

static bool
web_has_sha(const struct str *s, const char *want, char got[HASH_HEX])
{
	hash_sha256(str_text(s), s->len, got);
	return strcasecmp(got, want) == 0;
}

static bool
web_from_cache(struct web *w)
{
	char sha[HASH_HEX];

	w->bytes.max = MAX_FETCH;
	if (cache_read("fetch", w->task->sha256, &w->bytes) &&
	    web_has_sha(&w->bytes, w->task->sha256, sha))
		return true;
	str_release(&w->bytes);
	return false;
}

static void
web_on_fetched(struct http *h)
{
	struct web *w = h->owner;
	char got[HASH_HEX];

	w->bytes = h->answer;
	h->answer = (struct str){0};
	if (h->status == 0)
		web_fail(w, "%s", h->err.text);
	else if (h->status != 200)
		web_fail(w, "'%s' answered with status %ld", w->task->url, h->status);
	else if (!web_has_sha(&w->bytes, w->task->sha256, got))
		web_fail(w, "'%s' has the wrong contents%s: expected sha256 %s, got %s", w->task->url,
			 strncmp(str_text(&w->bytes), "404: Not Found", 14) == 0
				 ? " (they say '404: Not Found')" : "", w->task->sha256, got);
	else
		cache_write("fetch", w->task->sha256, w->bytes.buf, w->bytes.len);
	web_end(w);
}

static void
web_end_later(void *arg)
{
	struct web *w = arg;

	w->timer = 0;
	web_end(w);
}

/* ---- probe ---- */

/* A list of vectors, ranks or probabilities. */
static bool
web_has_numbers(const json_t *root)
{
	static const char *const lists[] = {"data", "results"};
	static const char *const numbers[] = {"embedding", "relevance_score", "score", "probs"};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
			json_t *one = json_array_get(json_object_get(root, lists[i]), 0);
			json_t *number = json_object_get(one, numbers[k]);

			if (json_is_number(number) || json_array_size(number) || json_string_length(number))
				return true;
		}
	return false;
}

/* Did the model contribute: is there at least one completion token, some content, or numbers? */
bool
web_has_tokens(const json_t *root)
{
	json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
	json_t *message = json_object_get(choice, "message");
	static const char *const texts[] = {"content", "reasoning_content", "reasoning"};

	if (!choice)
		return web_has_numbers(root);
	if (json_integer_value(json_object_get(json_object_get(root, "usage"),
					       "completion_tokens")) > 0)
		return true;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (json_string_length(json_object_get(message, texts[i])) > 0)
			return true;
	}
	return json_string_length(json_object_get(choice, "text")) > 0;
}

/* The error message of the API: "message", inside "error" or not, or "detail". */
void
web_api_message(const struct run *r, const struct http *h, char *to, size_t n)
{
	struct str whole = {0};

	json_t *root = json_loadb(str_text(&h->answer), h->answer.len, 0, NULL);
	json_t *error = json_object_get(root, "error");
	const char *text = json_string_value(json_object_get(error ? error : root, "message"));

	if (!text)
		text = json_string_value(json_object_get(root, "detail"));
	if (!text)
		text = h->answer.len ? h->answer.buf : "(an empty answer)";
	str_puts(&whole, text);
	secrets_scrub(&r->secrets, &whole);
	str_cut(to, n, whole.buf);
	str_release(&whole);
	json_decref(root);
}

static void web_ask(struct web *, const char *url, const char *body, long ms,
		    void (*done)(struct http *));

/* Append the served model names to the failure. */
static void
web_on_models(struct http *h)
{
	struct web *w = h->owner;
	json_t *root = json_loadb(str_text(&h->answer), h->answer.len, 0, NULL), *model;
	struct str text = {0};
	size_t i;

	str_puts(&text, w->why.text);
	json_array_foreach(json_object_get(root, "data"), i, model) {
		const char *id = json_string_value(json_object_get(model, "id"));

		if (id)
			str_printf(&text, "%s'%s'", i ? ", " : "; it serves ", id);
	}
	if (h->status != 200)
		str_puts(&text, "; its list of models cannot be read either");
	secrets_scrub(&w->run->secrets, &text);
	err_set(&w->why, "%s", str_text(&text));
	str_release(&text);
	json_decref(root);
	web_end(w);
}

/* A completion that hangs looks like an API that is down. The list of models tells them
 * apart, although its 200 proves nothing about completions. */
static void
web_on_alive(struct http *h)
{
	struct web *w = h->owner;

	if (h->status)
		web_fail(
			w,
			"the API answers but a completion hangs: no answer within %d s (a rank may have "
			"died)",
			w->task->timeout_s);
	else
		web_fail(w, "the API does not answer: %s", w->why.text);
	web_end(w);
}

static void
web_ask_models(struct web *w, void (*done)(struct http *))
{
	const char *host = strstr(w->task->url, "://"), *at = host ? strchr(host + 3, '/') : NULL;

	str_reset(&w->url);
	str_add(&w->url, w->task->url, at ? (size_t)(at - w->task->url) : strlen(w->task->url));
	str_puts(&w->url, w->run->cluster->engine->models_path);
	web_ask(w, w->url.buf, NULL, 5000, done);
}

static void web_on_completion(struct http *);

/* Asks the next question, if the model is not for the one that was asked. */
static bool
web_ask_else(struct web *w, const struct http *h, const char *says)
{
	size_t next = w->asked ? (size_t)(w->asked - w->task->ask) + 1 : 0;

	if (!engine_ask_unfit(h->status, says) || next >= w->task->nask)
		return false;
	w->asked++;
	web_ask(w, w->asked->url, w->asked->body, w->task->timeout_s * 1000L, web_on_completion);
	return true;
}

static void
web_on_completion(struct http *h)
{
	struct web *w = h->owner;
	json_t *root = NULL;
	char says[304];

	web_api_message(w->run, h, says, sizeof says);
	if (h->status == 0) {
		web_fail(w, "%s", h->err.text);
		web_ask_models(w, web_on_alive);
		return;
	}
	if (web_ask_else(w, h, says))
		return;
	if (engine_ask_unfit(h->status, says) && w->task->nask > 1) {
		web_fail(w, "the model answers nothing that dray can ask; probe: {kind: none} asks nothing (%s)",
			 says);
		web_end(w);
		return;
	}
	if (h->status == 404) {
		web_fail(w, "the API does not know the model: %s", says);
		web_ask_models(w, web_on_models);
		return;
	}
	if (h->status == 401)
		web_fail(w, "the API refuses the key of serve.api_key: %s", says);
	else if (h->status == 400 && strstr(says, "chat template"))
		web_fail(w,
			 "the model has no chat template: give one with engine.args, as in "
			 "'chat-template: FILE' (%s)",
			 says);
	else if (h->status != 200)
		web_fail(w, "the API answered with status %ld: %s", h->status, says);
	else if (!(root = json_loadb(str_text(&h->answer), h->answer.len, 0, NULL)))
		web_fail(w, "the API's answer is not JSON: %s", says);
	else if (!web_has_tokens(root))
		web_fail(w, "the API answered without a single token: %s", str_text(&h->answer));
	json_decref(root);
	web_end(w);
}

/* ---- both ---- */

static void
web_ask(struct web *w, const char *url, const char *body, long ms, void (*done)(struct http *))
{
	const struct secret_ref *key = &w->run->cluster->spec->serve.api_key;
	const char *bearer = NULL;
	struct err e = {0};

	http_release(&w->http);
	if (w->task->secrets & TASK_API_KEY)
		bearer = run_secret(w->run, key, &e);
	w->http = (struct http){.method = body ? "POST" : "GET", .url = url, .body = body,
		.bearer = bearer, .timeout_ms = ms, .via = w->via, .own_port = w->via, .done = done, .owner = w,
		.max = MAX_FETCH};
	http_start(w->run->loop, &w->http);
}

void
web_start(struct run *r, struct web *w, const struct task *task, struct session *via)
{
	void (*then)(struct web *) = w->then;
	void *owner = w->owner;
	long ms = task->timeout_s * 1000L;

	*w = (struct web){.asked = task->ask, .run = r, .task = task, .then = then, .owner = owner, .busy = true};
	if (task->type == TASK_PROBE) {
		w->via = via;
		web_ask(w, task->url, task->body, ms, web_on_completion);
	} else if (web_from_cache(w)) {
		w->timer = loop_after(r->loop, 0, web_end_later, w);
	} else {
		web_ask(w, task->url, NULL, ms, web_on_fetched);
	}
}

void
web_cancel(struct web *w)
{
	if (!w->busy)
		return;
	http_cancel(w->run->loop, &w->http);
	err_set(&w->why, "interrupted");
	if (!w->timer)
		w->timer = loop_after(w->run->loop, 0, web_end_later, w);
}

void
web_release(struct web *w)
{
	http_release(&w->http);
	str_release(&w->bytes);
	str_release(&w->url);
}
