/* Hosts, their sessions, and how the run half sends a request. */
#include "executors/run/run_looks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "planner/base/utf8.h"

/* A line that Lua code logs. The view shows it as a note; a warning is marked as one. */
static void
run_on_say(void *arg, enum vm_level level, const char *line)
{
	run_note(arg, "%s%s", level == VM_WARN ? "warning: " : "", line);
}

struct run *
run_new(struct loop *loop, struct cluster *c, const struct run_options *options,
	const struct run_view *view)
{
	struct run *r = xcalloc(1, sizeof *r);

	*r = (struct run){.loop = loop, .cluster = c};
	if (options)
		r->opt = *options;
	if (view)
		r->view = *view;
	r->modules = r->opt.modules;
	r->world = (struct module_world){.loop = loop, .secrets = &r->secrets, .nodes = run_modules(r),
		.folder = r->modules ? r->modules->folder : "", .recorded = r->opt.facts_dir != NULL, .quiet = r->opt.quiet,
		.say = run_on_say, .arg = r};
	return r;
}

void
run_renew(struct run *r, struct cluster *c)
{
	const struct cluster *then = r->cluster;

	cluster_keep_outside(c, then);
	r->earlier = then;
	r->cluster = c;
	r->plan_value = NULL;
}

static void
run_ask_free(struct ask *a)
{
	struct ask **at = &a->run->asks;

	while (*at && *at != a)
		at = &(*at)->next;
	if (*at)
		*at = a->next;
	if (a->secret.buf)
		explicit_bzero(a->secret.buf, a->secret.cap);
	str_release(&a->secret);
	result_release(&a->request.result);
	free(a);
}

void
run_free(struct run *r)
{
	if (!r)
		return;
	while (r->world.calls)
		module_end(r->world.calls);
	for (size_t i = 0; i < r->nhost; i++) {
		session_close(r->host[i]->session);
		free(r->host[i]);
	}
	while (r->asks)
		run_ask_free(r->asks);
	free(r->host);
	free(r->tried);
	recorded_release(r);
	secrets_release(&r->secrets);
	free(r);
}

const char *
run_secret(struct run *r, const struct secret_ref *ref, struct err *e)
{
	return secrets_get(&r->secrets, ref, e);
}

bool
run_destroys(const struct run *r)
{
	return r->opt.command && (strcmp(r->opt.command, "destroy") == 0 || strcmp(r->opt.command, "stop") == 0);
}

void
run_note(struct run *r, const char *fmt, ...)
{
	struct str s = {0};
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&s, fmt, ap);
	va_end(ap);
	secrets_scrub(&r->secrets, &s);
	if (r->view.note)
		r->view.note(r->view.arg, str_text(&s));
	str_release(&s);
}

const char *
run_time(struct arena *a)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, text);
}

const char *
last_lines(struct arena *a, const char *text, size_t n)
{
	size_t len = strlen(text);
	const char *at;

	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	for (at = text + len; at > text; at--) {
		if (at[-1] == '\n' && --n == 0)
			break;
	}
	return arena_strndup(a, at, len - (size_t)(at - text));
}

struct node *
host_node(const struct host *h)
{
	return cluster_node(h->run->cluster, h->name);
}

void
run_find_ports(struct run *r)
{
	struct cluster *c = r->cluster;

	for (size_t i = 0; c->nspec > 1 && !r->opt.facts_dir && i < c->nspec; i++) {
		const struct executor *ex = executor_find(c->node[i].executor);

		c->node[i].port = ex && ex->port ? ex->port(&c->node[i]) : 0;
	}
}

/* Found by name, because the cluster's array of nodes moves when members are merged. */
struct host *
run_host(struct run *r, const struct node *node)
{
	for (size_t i = 0; i < r->nhost; i++) {
		if (strcmp(r->host[i]->name, node->name) == 0)
			return r->host[i];
	}
	struct host *h = xcalloc(1, sizeof *h);

	*h = (struct host){.run = r, .name = node->name};
	r->host = xrealloc(r->host, (r->nhost + 1) * sizeof(struct host *));
	r->host[r->nhost++] = h;
	return h;
}

static void
run_on_lost(void *arg, const struct err *e)
{
	struct host *h = arg;

	h->locked = false;
	h->err = *e;
}

bool
host_lost(const struct host *h)
{
	return h->session && session_lost(h->session);
}

void
host_reset(struct host *h)
{
	session_close(h->session);
	h->session = NULL;
	h->locked = false;
}

static void
run_scrub_why(struct run *r, struct result *result)
{
	struct str why = {0};

	str_puts(&why, result->why.text);
	secrets_scrub(&r->secrets, &why);
	err_set(&result->why, "%s", str_text(&why));
	str_release(&why);
}

/* Make the output of a program printable: bytes that are not UTF-8 become \xNN. */
static void
run_make_text(struct str *s)
{
	struct str text = {0};
	uint32_t code;

	for (size_t i = 0, len; i < s->len; i += len) {
		len = utf8_next(s->buf + i, s->len - i, &code);
		if (code == UTF8_BAD || code == 0)
			str_printf(&text, "\\x%02x", (unsigned char)s->buf[i]);
		else
			str_add(&text, s->buf + i, len);
	}
	text.cut = s->cut;
	str_release(s);
	*s = text;
}

static void
run_on_done(struct request *q)
{
	struct ask *a = q->owner;

	if (!a->raw) {
		secrets_scrub(&a->run->secrets, &q->result.out);
		secrets_scrub(&a->run->secrets, &q->result.err);
		run_make_text(&q->result.err);
	}
	secrets_scrub(&a->run->secrets, &q->result.facts);
	run_scrub_why(a->run, &q->result);
	if (a->then)
		a->then(a);
	run_ask_free(a);
}

static void
run_on_progress(struct request *q, const char *text)
{
	struct ask *a = q->owner;
	struct str s = {0};

	if (!a->progress || !a->then)
		return;
	str_puts(&s, text);
	secrets_scrub(&a->run->secrets, &s);
	a->progress(a, str_text(&s));
	str_release(&s);
}

/* Add one line for each secret of the mask, in the order of enum task_secret. */
static bool
run_add_secrets(struct ask *a, struct err *e)
{
	const struct spec *spec = a->run->cluster->spec;
	const struct { unsigned bit; const struct secret_ref *ref; } all[] = {
		{TASK_TOKEN, &spec->model.token}, {TASK_API_KEY, &spec->serve.api_key},
		{TASK_ACCESS_KEY, &spec->model.access_key}, {TASK_SECRET_KEY, &spec->model.secret_key},
		{TASK_SESSION_TOKEN, &spec->model.session_token}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const char *value;

		if (!(a->request.task.secrets & all[i].bit))
			continue;
		value = secrets_get(&a->run->secrets, all[i].ref, e);
		if (!value)
			return false;
		str_puts(&a->secret, value);
		str_putc(&a->secret, '\n');
	}
	return true;
}

static void
run_ask_refused(void *arg)
{
	struct ask *a = arg;

	run_on_done(&a->request);
}

struct ask *
run_ask(struct run *r, struct host *h, const struct task *task, void (*then)(struct ask *),
	void *owner)
{
	struct ask *a = xcalloc(1, sizeof *a);

	*a = (struct ask){.run = r, .host = h, .then = then, .owner = owner, .next = r->asks};
	r->asks = a;
	a->request = (struct request){
		.task = *task, .done = run_on_done, .progress = run_on_progress, .owner = a};
	if (!run_add_secrets(a, &a->request.result.why)) {
		loop_after(r->loop, 0, run_ask_refused, a);
		return a;
	}
	a->request.secret = a->secret.buf;
	a->request.nsecret = a->secret.len;
	if (!h->session)
		h->session = session_open(r->loop, host_node(h), run_on_lost, h);
	session_send(h->session, &a->request);
	return a;
}

void
run_cancel(struct ask *a)
{
	if (a->host->session)
		session_cancel(a->host->session, &a->request);
}
