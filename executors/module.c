/* One call of a Lua function: its steps, its waits, its end. */
#include "executors/module.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "executors/run_private.h"

enum { HTTP_MAX = 4 << 20, HTTP_SECONDS = 30, RUN_SECONDS = 600, FILE_MAX = 4 << 20 };

static void go_on(struct module_call *);

/* ---- what is answered at once ---- */

static const char *
scrubbed(struct module_call *c, const char *text)
{
	struct str s = {0};
	const char *copy;

	str_puts(&s, text ? text : "");
	secrets_scrub(c->world->secrets, &s);
	copy = arena_strdup(c->arena, str_text(&s));
	str_release(&s);
	return copy;
}

static void
on_log(void *arg, enum vm_level level, const char *text)
{
	struct module_call *c = arg;

	if (c->world->say)
		c->world->say(c->world->arg, level,
			      scrubbed(c, arena_printf(c->arena, "%s: %s", c->module->file, text)));
}

/* env:NAME, file:PATH, cmd:COMMAND, as in the spec. */
static bool
reference(const char *text, struct secret_ref *ref, struct err *e)
{
	static const struct { const char *head; int from; } heads[] = {
		{"env:", SECRET_ENV}, {"file:", SECRET_FILE}, {"cmd:", SECRET_CMD}};

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		size_t n = strlen(heads[i].head);

		if (strncmp(text, heads[i].head, n) != 0 || !text[n])
			continue;
		*ref = (struct secret_ref){.from = heads[i].from, .what = text + n};
		return true;
	}
	return err_set(e, "a secret is named by env:NAME, file:PATH or cmd:COMMAND");
}

static const char *
on_secret(void *arg, const char *text, struct err *e)
{
	struct module_call *c = arg;
	struct secret_ref ref;

	return reference(text, &ref, e) ? secrets_get(c->world->secrets, &ref, e) : NULL;
}

static bool
on_file(void *arg, const char *path, struct str *to, struct err *e)
{
	struct module_call *c = arg;

	return module_read(c->world->folder, path, FILE_MAX, to, e);
}

static double
on_now(void *arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the end ---- */

static void
forget_waits(struct module_call *c)
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
finish(struct module_call *c, bool ok)
{
	struct module_call **at = &c->world->calls;

	forget_waits(c);
	loop_cancel(c->world->loop, c->deadline);
	c->deadline = 0;
	c->ok = ok;
	c->over = true;
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	c->error.text = scrubbed(c, c->error.text);
	c->error.trace = scrubbed(c, c->error.trace);
}

static void
tell(void *arg)
{
	struct module_call *c = arg;

	c->timer = 0;
	c->then(c);
}

void
module_stop(struct module_call *c, const char *why)
{
	if (c->over)
		return;
	c->error = (struct vm_error){.text = why};
	finish(c, false);
	c->timer = loop_after(c->world->loop, 0, tell, c);
}

static void
on_deadline(void *arg)
{
	struct module_call *c = arg;

	c->deadline = 0;
	module_stop(c, arena_printf(c->arena, "%s() took longer than %d s", c->job.function,
				    c->job.timeout_s));
}

void
module_end(struct module_call *c)
{
	if (!c)
		return;
	if (!c->over)
		finish(c, false);
	loop_cancel(c->world->loop, c->timer);
	vm_call_free(c->call);
	arena_release(&c->scratch);
	free(c);
}

struct value *
module_result(struct module_call *c, size_t i)
{
	struct value *v = vm_result(c->call, c->arena, i, &c->error);

	if (!v)
		c->error.text = scrubbed(c, c->error.text);
	return v;
}

const char *
module_why(const struct module_call *c)
{
	if (c->error.at.line)
		return vm_error_line(c->arena, &c->error);
	return arena_printf(c->arena, "%s: %s", c->module->file, c->error.text);
}

/* ---- what it waits for ---- */

static void
refuse(struct module_call *c, const char *why)
{
	vm_refuse(c->call, scrubbed(c, why));
	go_on(c);
}

static void
answer(struct module_call *c, const struct value *v)
{
	vm_answer(c->call, v);
	go_on(c);
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
		if (strcmp(scrubbed(c, argv->item[i]->text), argv->item[i]->text) != 0)
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
		w->say(w->arg, VM_LOG, scrubbed(c, arena_printf(&c->scratch, "%s: ctx:%s %s", c->module->file,
							       name, value_write(&c->scratch, details))));
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

static void
wait_for(struct module_call *c)
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

/* ---- its steps ---- */

/* True: it is over. */
static bool
step(struct module_call *c)
{
	switch (vm_step(c->call)) {
	case VM_WAITS:
		wait_for(c);
		return false;
	case VM_DONE:
		finish(c, true);
		return true;
	case VM_FAILED:
		vm_failure(c->call, c->arena, &c->error);
		finish(c, false);
		return true;
	}
	return true;
}

/* After a wait, from the loop. */
static void
go_on(struct module_call *c)
{
	http_release(&c->http);
	c->http = (struct http){0};
	arena_release(&c->scratch);
	if (step(c))
		c->then(c);
}

bool
module_start(struct module_call **to, struct module_world *w, struct arena *a,
	     const struct module *script, const struct module_job *job,
	     void (*then)(struct module_call *), void *owner)
{
	struct module_call *c = xcalloc(1, sizeof *c);

	*c = (struct module_call){.world = w, .module = script, .job = *job, .arena = a,
		.then = then, .owner = owner, .next = w->calls,
		.host = {.log = on_log, .secret = on_secret, .file = on_file, .now = on_now,
			 .arg = c}};
	w->calls = c;
	*to = c;
	c->call = vm_call(script->vm, job->function, job->ctx, job->args, job->nargs, &c->host);
	if (step(c))
		return true;
	if (job->timeout_s)
		c->deadline = loop_after(w->loop, job->timeout_s * 1000L, on_deadline, c);
	return false;
}
