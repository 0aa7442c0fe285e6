/* What a call waits for: a program on a node, an HTTP answer, a time; or the recorded
 * answers in their place. */
#include "executors/script/module_private.h"

#include <string.h>

#include "executors/io/patience.h"
#include "executors/session/session.h"

enum { HTTP_MAX = 4 << 20 };

void
wait_forget(struct module_call *c)
{
	loop_cancel(c->world->loop, &c->timer);
	if (c->ask) {
		c->world->nodes.drop(c->ask);
		c->ask = NULL;
	}
	if (c->http_busy)
		http_cancel(c->world->loop, &c->http);
	c->http_busy = false;
	http_release(&c->http);
	c->http = (struct http){0};
}

static void
module_wait_refuse(struct module_call *c, const char *why)
{
	vm_refuse(c->call, module_scrubbed(c, why));
	call_go_on(c);
}

static void
module_wait_answer(struct module_call *c, const struct value *v)
{
	vm_answer(c->call, v);
	call_go_on(c);
}

static void
module_wait_refuse_later(void *arg)
{
	struct module_call *c = arg;

	c->timer = 0;
	module_wait_refuse(c, str_text(&c->http.answer));
}

/* For use inside a step: the call continues in the next turn of the loop. */
static void
module_wait_refuse_soon(struct module_call *c, const char *why)
{
	str_reset(&c->http.answer);
	str_puts(&c->http.answer, why);
	c->timer = loop_after(c->world->loop, 0, module_wait_refuse_later, c);
}

void
module_ran(struct module_call *c, const char *node, const struct result *r)
{
	struct arena *a = &c->scratch;
	struct value *v = value_map(a);

	c->ask = NULL;
	if (!r->ran) {
		module_wait_refuse(c, arena_printf(a, "%s: %s", node, r->why.text));
		return;
	}
	if (r->out.cut) {
		module_wait_refuse(c, arena_printf(a, "%s: the program printed more than %d MiB",
						   node, REQUEST_MAX_OUTPUT >> 20));
		return;
	}
	value_set_integer(a, v, "status", r->status);
	value_set(a, v, "out", value_bytes(a, str_text(&r->out), r->out.len));
	value_set(a, v, "err", value_bytes(a, str_text(&r->err), r->err.len));
	module_wait_answer(c, v);
}

/* Every user of the node can see a command line. */
static bool
module_wait_has_secret(struct module_call *c, const struct value *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		if (strcmp(module_scrubbed(c, argv->item[i]->text), argv->item[i]->text) != 0)
			return true;
	return false;
}

static void
module_wait_want_run(struct module_call *c, const struct value *d)
{
	struct module_world *w = c->world;
	const struct value *argv = value_get(d, "argv"), *input = value_get(d, "stdin");
	const char *name = value_get_text(d, "node", c->job.node);
	struct task task = {.type = TASK_SCRIPT, .script = script_get("argv"),
		.changes = c->job.changes,
		.timeout_s = (int)value_get_integer(d, "timeout", patience.lua_run)};
	const struct node *node;

	if (!w->nodes.find || w->recorded) {
		module_wait_refuse_soon(
			c, w->recorded ? "ctx:run: the observations are recorded, nothing can be "
					 "run on nodes"
				  : "ctx:run: there are no nodes yet");
		return;
	}
	node = w->nodes.find(w->nodes.arg, name);
	if (!node) {
		module_wait_refuse_soon(
			c, arena_printf(&c->scratch, "ctx:run: there is no node '%.100s'", name));
		return;
	}
	if (module_wait_has_secret(c, argv)) {
		module_wait_refuse_soon(
			c, "ctx:run: a secret must not be in argv, where every user of the node "
			   "can see it; pass it on stdin");
		return;
	}
	for (size_t i = 0; i < argv->n; i++)
		task_word(&c->scratch, &task, argv->item[i]->text);
	if (input) {
		task.input = input->text;
		task.ninput = input->n;
		task.private = true;
	}
	c->ran = true;
	c->ask = w->nodes.ask(w->nodes.arg, node, &task, c);
}

static void
module_wait_on_http(struct http *h)
{
	struct module_call *c = h->owner;
	struct arena *a = &c->scratch;
	struct value *v = value_map(a), *headers = value_map(a);
	const char *name, *value;
	size_t at = 0;

	c->http_busy = false;
	if (h->status == 0) {
		module_wait_refuse(c, arena_printf(a, "ctx:http: %s", h->err.text));
		return;
	}
	value_set_integer(a, v, "status", h->status);
	while (http_next_header(h, &at, &name, &value))
		value_set_text(a, headers, name, value);
	value_set(a, v, "headers", headers);
	value_set(a, v, "body", value_bytes(a, str_text(&h->answer), h->answer.len));
	module_wait_answer(c, v);
}

/* The connection to that node; NULL: the call was refused. */
static struct session *
module_wait_connection(struct module_call *c, const char *name)
{
	const struct module_nodes *n = &c->world->nodes;
	const struct node *node = n->find ? n->find(n->arg, name) : NULL;
	struct session *s = node && !c->world->recorded ? n->session(n->arg, node) : NULL;

	if (!s) {
		module_wait_refuse_soon(
			c, arena_printf(
				   &c->scratch,
				   n->find && !node ? "ctx:http: there is no node '%.100s'"
					      : "ctx:http: there is no connection to node '%.100s'",
				   name));
		return NULL;
	}
	return s;
}

/* Warn if the URL, headers or body contain a secret and travel unencrypted. */
static void
module_wait_warn_clear(struct module_call *c, const struct value *d)
{
	const char *url = value_get_text(d, "url", ""), *all;

	if (!str_in_clear(url) || value_get_text(d, "node", NULL) || !c->world->say)
		return;
	all = value_write(&c->scratch, d);
	if (strcmp(module_scrubbed(c, all), all) != 0)
		c->world->say(c->world->arg, VM_WARN, module_scrubbed(c, arena_printf(&c->scratch,
			"%s: a secret goes to '%s' unencrypted: use https://", c->module->file, url)));
}

static void
module_wait_want_http(struct module_call *c, const struct value *d)
{
	const struct value *headers = value_get(d, "headers"), *body = value_get(d, "body");
	long seconds = (long)value_get_integer(d, "timeout", patience.http);
	struct arena *a = &c->scratch;
	const char *node = value_get_text(d, "node", NULL);
	struct session *via = NULL;
	size_t n = headers ? headers->n : 0;
	struct http_header *list = ar_array(a, struct http_header, n + 1);

	if (c->world->quiet) {
		module_wait_refuse_soon(c, arena_printf(a, "ctx:http: %s", c->world->quiet));
		return;
	}
	if (node && !(via = module_wait_connection(c, node)))
		return;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct http_header){headers->key[i], headers->item[i]->text};
	c->http = (struct http){
		.method = arena_strdup(a, value_get_text(d, "method", body ? "POST" : "GET")),
		.url = arena_strdup(a, value_get_text(d, "url", "")),
		.via = via, .header = list, .nheader = n, .timeout_ms = seconds * 1000, .max = HTTP_MAX,
		.done = module_wait_on_http, .owner = c,
	};
	if (body) {
		c->http.body = arena_strndup(a, body->text, body->n);
		c->http.nbody = body->n;
	}
	c->http_busy = true;
	http_start(c->world->loop, &c->http);
}

static void
module_wait_on_slept(void *arg)
{
	struct module_call *c = arg;

	c->timer = 0;
	module_wait_answer(c, NULL);
}

static void
module_wait_want_sleep(struct module_call *c, const struct value *d)
{
	const struct value *s = value_get(d, "seconds");
	double seconds = !s ? 0 : s->type == VALUE_INTEGER ? (double)s->integer : s->number;

	c->timer = loop_after(c->world->loop, (long)(seconds * 1000), module_wait_on_slept, c);
}

/* The answer to expect if all goes well. */
static const struct value *
module_wait_good_answer(struct arena *a, enum vm_want want)
{
	struct value *v = value_map(a);

	value_set_integer(a, v, "status", want == VM_HTTP ? 200 : 0);
	value_set_text(a, v, want == VM_HTTP ? "body" : "out", "");
	if (want == VM_HTTP)
		value_set(a, v, "headers", value_map(a));
	else
		value_set_text(a, v, "err", "");
	return v;
}

/* "ctx:http POST https://... BODY": what a call would do. */
static const char *
module_wait_in_words(struct arena *a, enum vm_want want, const struct value *d)
{
	const struct value *argv = value_get(d, "argv"), *input = value_get(d, "stdin");
	const char *node = value_get_text(d, "node", NULL), *copy;
	struct str s = {0};

	if (want == VM_SLEEP)
		str_printf(&s, "ctx:sleep %s", value_write(a, value_get(d, "seconds")));
	else if (want == VM_HTTP)
		str_printf(&s, "ctx:http %s %s %s", value_get_text(d, "method", ""),
			   value_get_text(d, "url", ""), value_get_text(d, "body", ""));
	else
		str_puts(&s, "ctx:run");
	for (size_t i = 0; want == VM_RUN && i < argv->n; i++) {
		str_putc(&s, ' ');
		str_shquote(&s, argv->item[i]->text);
	}
	if (input)
		str_printf(&s, " with %zu bytes on stdin", input->n);
	if (node)
		str_printf(&s, want == VM_HTTP ? " (through %s)" : " (on %s)", node);
	copy = arena_strdup(a, s.buf);
	str_release(&s);
	return copy;
}

/* Give the next recorded answer. */
static void
module_wait_pretend(void *arg)
{
	static const char *const names[] = {[VM_RUN] = "run", [VM_HTTP] = "http", [VM_SLEEP] = "sleep"};
	struct module_call *c = arg;
	struct module_world *w = c->world;
	const struct value *details, *v = NULL;
	enum vm_want want = vm_wants(c->call, &details);
	const char *name = names[want];

	c->timer = 0;
	if (w->say)
		w->say(w->arg, VM_LOG,
		       module_scrubbed(
			       c, arena_printf(&c->scratch, "%s: %s", c->module->file,
					       module_wait_in_words(&c->scratch, want, details))));
	if (w->answers && w->nanswered < w->answers->n && want != VM_SLEEP)
		v = w->answers->item[w->nanswered++];
	if (want == VM_SLEEP)
		module_wait_answer(c, NULL);
	else if (v && value_get_text(v, "error", NULL))
		module_wait_refuse(c, value_get_text(v, "error", ""));
	else if (v && !value_get(v, name))
		module_wait_refuse(c,
				   arena_printf(&c->scratch,
						"ctx:%s: answer number %zu of the recording is for "
						"another function",
						name, w->nanswered));
	else
		module_wait_answer(c, v ? value_get(v, name)
					: module_wait_good_answer(&c->scratch, want));
}

void
wait_begin(struct module_call *c)
{
	const struct value *details;
	enum vm_want want = vm_wants(c->call, &details);

	if (want == VM_HTTP && (c->world->dry || !c->world->quiet))
		module_wait_warn_clear(c, details);
	if (c->world->dry)
		c->timer = loop_after(c->world->loop, 0, module_wait_pretend, c);
	else if (want == VM_RUN)
		module_wait_want_run(c, details);
	else if (want == VM_HTTP)
		module_wait_want_http(c, details);
	else
		module_wait_want_sleep(c, details);
}
