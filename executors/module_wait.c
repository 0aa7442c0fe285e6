/* What a call waits for: a program on a node, an answer of a server, a time; or what a
 * recording has in their place. */
#include "executors/module_private.h"

#include <string.h>

#include "executors/run_private.h"

enum { HTTP_MAX = 4 << 20, HTTP_SECONDS = 30, RUN_SECONDS = 600 };

void
wait_forget(struct module_call *c)
{
	loop_cancel(c->world->loop, c->timer);
	c->timer = 0;
	if (c->ask) {
		/* Its end comes later, to nobody. */
		c->ask->then = NULL;
		run_cancel(c->ask);
		c->ask = NULL;
	}
	if (c->http_busy)
		http_cancel(c->world->loop, &c->http);
	c->http_busy = false;
	http_release(&c->http);
	c->http = (struct http){0};
}

static void
refuse(struct module_call *c, const char *why)
{
	vm_refuse(c->call, module_scrubbed(c, why));
	call_go_on(c);
}

static void
answer(struct module_call *c, const struct value *v)
{
	vm_answer(c->call, v);
	call_go_on(c);
}

static void
refuse_later(void *arg)
{
	struct module_call *c = arg;

	c->timer = 0;
	refuse(c, str_text(&c->http.answer));
}

/* From within a step: the call goes on in the next turn of the loop. */
static void
refuse_soon(struct module_call *c, const char *why)
{
	str_reset(&c->http.answer);
	str_puts(&c->http.answer, why);
	c->timer = loop_after(c->world->loop, 0, refuse_later, c);
}

static void
on_ran(struct ask *ask)
{
	struct module_call *c = ask->owner;
	const struct result *r = &ask->request.result;
	struct arena *a = &c->scratch;
	struct value *v = value_map(a);

	c->ask = NULL;
	if (!r->ran) {
		refuse(c, arena_printf(a, "%s: %s", ask->host->name, r->why));
		return;
	}
	if (r->out.cut) {
		refuse(c, arena_printf(a, "%s: the program printed more than %d MiB", ask->host->name,
				       REQUEST_MAX_OUTPUT >> 20));
		return;
	}
	value_set_integer(a, v, "status", r->status);
	value_set(a, v, "out", value_bytes(a, str_text(&r->out), r->out.len));
	value_set(a, v, "err", value_bytes(a, str_text(&r->err), r->err.len));
	answer(c, v);
}

/* What is on a command line is for everybody to see. */
static bool
has_secret(struct module_call *c, const struct value *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		if (strcmp(module_scrubbed(c, argv->item[i]->text), argv->item[i]->text) != 0)
			return true;
	return false;
}

static void
want_run(struct module_call *c, const struct value *d)
{
	struct module_world *w = c->world;
	const struct value *argv = value_get(d, "argv"), *input = value_get(d, "stdin");
	const char *name = value_get_text(d, "node", c->job.node);
	struct task task = {.type = TASK_SCRIPT, .script = script_get("argv"),
		.changes = c->job.changes,
		.timeout_s = (int)value_get_integer(d, "timeout", RUN_SECONDS)};
	const struct node *node;

	if (!w->run || w->recorded) {
		refuse_soon(c, w->run ? "ctx:run: the nodes are recorded ones, nothing can be run there"
				      : "ctx:run: there are no nodes yet");
		return;
	}
	node = name ? model_node(w->run->model, name) : &w->run->model->node[0];
	if (!node) {
		refuse_soon(c, arena_printf(&c->scratch, "ctx:run: there is no node '%.100s'", name));
		return;
	}
	if (has_secret(c, argv)) {
		refuse_soon(c, "ctx:run: a secret must not stand in argv, where everybody on the node "
			       "can see it; give it by stdin");
		return;
	}
	for (size_t i = 0; i < argv->n; i++)
		task_arg(&c->scratch, &task, argv->item[i]->text);
	if (input) {
		task.input = input->text;
		task.ninput = input->n;
	}
	c->ran = true;
	c->ask = run_ask(w->run, run_host(w->run, node), &task, on_ran, c);
	c->ask->raw = true;
}

static void
on_http(struct http *h)
{
	struct module_call *c = h->owner;
	struct arena *a = &c->scratch;
	struct value *v = value_map(a), *headers = value_map(a);
	const char *name, *value;
	size_t at = 0;

	c->http_busy = false;
	if (h->status == 0) {
		refuse(c, arena_printf(a, "ctx:http: %s", h->err.text));
		return;
	}
	value_set_integer(a, v, "status", h->status);
	while (http_next_header(h, &at, &name, &value))
		value_set_text(a, headers, name, value);
	value_set(a, v, "headers", headers);
	value_set(a, v, "body", value_bytes(a, str_text(&h->answer), h->answer.len));
	answer(c, v);
}

/* To that node; NULL: it is refused already. */
static struct session *
connection(struct module_call *c, const char *name)
{
	struct run *r = c->world->run;
	const struct node *node = r ? model_node(r->model, name) : NULL;
	struct session *s = node && !c->world->recorded ? run_host(r, node)->session : NULL;

	if (!s || session_lost(s)) {
		refuse_soon(c, arena_printf(&c->scratch, r && !node ? "ctx:http: there is no node '%.100s'"
					    : "ctx:http: there is no connection to node '%.100s'", name));
		return NULL;
	}
	return s;
}

static void
want_http(struct module_call *c, const struct value *d)
{
	const struct value *headers = value_get(d, "headers"), *body = value_get(d, "body");
	long seconds = (long)value_get_integer(d, "timeout", HTTP_SECONDS);
	struct arena *a = &c->scratch;
	const char *node = value_get_text(d, "node", NULL);
	struct session *via = NULL;
	size_t n = headers ? headers->n : 0;
	struct http_header *list = ar_array(a, struct http_header, n + 1);

	if (node && !(via = connection(c, node)))
		return;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct http_header){headers->key[i], headers->item[i]->text};
	c->http = (struct http){
		.method = arena_strdup(a, value_get_text(d, "method", body ? "POST" : "GET")),
		.url = arena_strdup(a, value_get_text(d, "url", "")),
		.via = via, .header = list, .nheader = n, .timeout_ms = seconds * 1000, .max = HTTP_MAX,
		.done = on_http, .owner = c,
	};
	if (body) {
		c->http.body = arena_strndup(a, body->text, body->n);
		c->http.nbody = body->n;
	}
	c->http_busy = true;
	http_start(c->world->loop, &c->http);
}

static void
on_slept(void *arg)
{
	struct module_call *c = arg;

	c->timer = 0;
	answer(c, NULL);
}

static void
want_sleep(struct module_call *c, const struct value *d)
{
	const struct value *s = value_get(d, "seconds");
	double seconds = !s ? 0 : s->type == VALUE_INTEGER ? (double)s->integer : s->number;

	c->timer = loop_after(c->world->loop, (long)(seconds * 1000), on_slept, c);
}

/* What the world would have answered had all gone well. */
static const struct value *
good_answer(struct arena *a, enum vm_want want)
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
in_words(struct arena *a, enum vm_want want, const struct value *d)
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

/* The next answer of a recording, as the world would have given it. */
static void
pretend(void *arg)
{
	static const char *const names[] = {[VM_RUN] = "run", [VM_HTTP] = "http", [VM_SLEEP] = "sleep"};
	struct module_call *c = arg;
	struct module_world *w = c->world;
	const struct value *details, *v = NULL;
	enum vm_want want = vm_wants(c->call, &details);
	const char *name = names[want];

	c->timer = 0;
	if (w->say)
		w->say(w->arg, VM_LOG, module_scrubbed(c, arena_printf(&c->scratch, "%s: %s", c->module->file,
								in_words(&c->scratch, want, details))));
	if (w->answers && w->nanswered < w->answers->n && want != VM_SLEEP)
		v = w->answers->item[w->nanswered++];
	if (want == VM_SLEEP)
		answer(c, NULL);
	else if (v && value_get_text(v, "error", NULL))
		refuse(c, value_get_text(v, "error", ""));
	else if (v && !value_get(v, name))
		refuse(c, arena_printf(&c->scratch, "ctx:%s: answer number %zu of the recording is not "
				       "for it", name, w->nanswered));
	else
		answer(c, v ? value_get(v, name) : good_answer(&c->scratch, want));
}

void
wait_begin(struct module_call *c)
{
	const struct value *details;
	enum vm_want want = vm_wants(c->call, &details);

	if (c->world->dry)
		c->timer = loop_after(c->world->loop, 0, pretend, c);
	else if (want == VM_RUN)
		want_run(c, details);
	else if (want == VM_HTTP)
		want_http(c, details);
	else
		want_sleep(c, details);
}
