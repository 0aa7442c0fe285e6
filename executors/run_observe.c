/* The look: one request to every node, then to those that only members.json knows. */
#include "executors/run_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "planner/base/hash.h"
#include "planner/observe.h"

enum { MAX_FACTS = 64 * 1024 * 1024 };

struct looking {
	struct run *run;
	struct arena *arena;
	struct err err;                 /* a mistake of ours: -record cannot be written */
	size_t left;
	bool finished;
	long long began;
};

static struct facts *
unreachable(struct arena *a, const char *why)
{
	struct facts *f = ar_new(a, struct facts);

	*f = (struct facts){.state = FACTS_UNREACHABLE, .why = arena_strdup(a, why)};
	return f;
}

struct facts *
facts_of(struct arena *a, const struct ask *ask)
{
	const struct result *r = &ask->request.result;
	struct facts *f;

	if (!r->ran)
		return unreachable(a, r->why);
	if (r->status != 0)
		return unreachable(a, arena_printf(a, "the look ended with status %d: %s", r->status,
						   last_lines(a, str_text(&r->err), 1)));
	f = facts_read(a, str_text(&r->out), r->out.len);
	if (!f->complete)
		return unreachable(a, "the look was cut off");
	return f;
}

/* ---- recorded looks ---- */

static bool
write_file(const char *dir, const char *name, const char *suffix, const void *bytes, size_t n,
	   struct err *e)
{
	struct str path = {0};
	FILE *f;
	bool ok;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", dir);
	str_printf(&path, "%s/%s%s", dir, name, suffix);
	f = fopen(path.buf, "we");
	ok = f && fwrite(bytes, 1, n, f) == n;
	if (f && fclose(f) != 0)
		ok = false;
	if (!ok)
		err_sys(e, "write '%s'", path.buf);
	str_release(&path);
	return ok;
}

static bool
read_file(const char *dir, const char *name, const char *suffix, struct str *to, struct err *e)
{
	struct str path = {0};
	char buf[16 * 1024];
	size_t n;
	FILE *f;
	bool ok;

	str_printf(&path, "%s/%s%s", dir, name, suffix);
	f = fopen(path.buf, "re");
	to->max = MAX_FACTS;
	while (f && (n = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(to, buf, n);
	ok = f && !ferror(f);
	if (!ok)
		err_sys(e, "read '%s'", path.buf);
	if (f)
		fclose(f);
	str_release(&path);
	return ok;
}

/* A recorded look; "unreachable", TAB, why stands for a node that did not answer. */
static struct facts *
recorded(struct run *r, struct arena *a, const struct node *node)
{
	static const char lost[] = "unreachable\t";
	struct str text = {0};
	struct facts *f;
	struct err e = {0};

	if (!read_file(r->opt.facts_dir, node->name, ".txt", &text, &e))
		f = unreachable(a, e.text);
	else if (strncmp(str_text(&text), lost, sizeof lost - 1) == 0)
		f = unreachable(a, last_lines(a, text.buf + sizeof lost - 1, 1));
	else
		f = facts_read(a, str_text(&text), text.len);
	if (f->state == FACTS_OK && !f->complete)
		f = unreachable(a, "the recorded look has no end");
	str_release(&text);
	return f;
}

static void
record(struct looking *l, const struct ask *ask, const struct facts *f)
{
	const struct result *r = &ask->request.result;
	const char *dir = l->run->opt.record_dir, *why;

	if (!dir || l->err.text[0])
		return;
	why = f->state == FACTS_OK ? NULL : arena_printf(l->arena, "unreachable\t%s\n", f->why);
	write_file(dir, ask->host->name, ".txt", why ? why : str_text(&r->out),
		   why ? strlen(why) : r->out.len, &l->err);
}

/* ---- the look ---- */

static void
seen(struct run *r, const struct node *node)
{
	struct err e = {0};

	if (node->facts->state == FACTS_OK || !r->view.node_unreachable)
		return;
	err_set(&e, "%s", node->facts->why);
	r->view.node_unreachable(r->view.arg, node, &e);
}

/* With -v: what the look cost, counted at the socket. */
static void
cost(struct run *r, const struct ask *ask, double seconds)
{
	struct session_stats stats;

	if (!r->opt.verbose || !ask->host->session)
		return;
	stats = session_stats(ask->host->session);
	run_note(r, "%s: connected in %lld ms, answered after %.0f ms: %u request%s, %u round trips",
		 ask->host->name, stats.connect_ms, seconds * 1000, stats.requests,
		 stats.requests == 1 ? "" : "s", stats.turns);
}

static void
looked(struct ask *ask)
{
	struct looking *l = ask->owner;
	struct node *node = host_node(ask->host);

	node->facts = facts_of(l->arena, ask);
	node->facts->seconds = (double)(loop_now() - l->began) / 1000;
	cost(l->run, ask, node->facts->seconds);
	record(l, ask, node->facts);
	seen(l->run, node);
	if (--l->left == 0)
		l->finished = true;
}

/* Nodes from..nnode: all at once, each one request behind the connect. */
static void
look_at(struct looking *l, size_t from)
{
	struct run *r = l->run;
	struct model *m = r->model;

	for (size_t i = from; i < m->nnode; i++) {
		struct node *node = &m->node[i];
		struct task task = {0};

		if (r->opt.facts_dir) {
			node->facts = recorded(r, l->arena, node);
			seen(r, node);
			continue;
		}
		observe_task(l->arena, m, node, &task);
		l->left++;
		run_ask(r, run_host(r, node), &task, looked, l);
	}
}

static void
wait(struct looking *l)
{
	l->finished = l->left == 0;
	loop_run(l->run->loop, &l->finished);
}

/* Nodes that left the spec are named by those that are still in it, or by each other. */
static void
look_at_members(struct looking *l)
{
	struct model *m = l->run->model;
	size_t from = 0, to;

	for (int round = 0; round < 4 && from < m->nnode; round++, from = to) {
		to = m->nnode;
		for (size_t i = from; i < to; i++) {
			const struct facts *f = m->node[i].facts;

			if (f && f->state == FACTS_OK && f->members)
				members_merge(l->arena, m, f->members, strlen(f->members));
		}
		look_at(l, to);
		wait(l);
	}
}

static bool
read_api_key(struct run *r, struct arena *a, struct err *e)
{
	struct model *m = r->model;
	const struct secret_ref *ref = &m->spec->serve.api_key;
	char hex[HASH_HEX];
	const char *key;

	for (size_t i = 0; i < m->nnode && !m->mac_key; i++) {
		const struct facts *f = m->node[i].facts;

		if (f && f->state == FACTS_OK && f->mac_key && *f->mac_key)
			m->mac_key = f->mac_key;
	}
	if (!m->mac_key) {
		hash_random(hex);
		m->mac_key = arena_strdup(a, hex);
	}
	if (ref->from == SECRET_NONE)
		return true;
	key = run_secret(r, ref, e);
	if (!key)
		return err_wrap(e, "serve.api_key");
	hash_mac(m->mac_key, key, strlen(key), hex);
	m->api_key_mac = arena_strdup(a, hex);
	return true;
}

static void
recorded_hub(struct run *r, struct arena *a)
{
	struct model *m = r->model;
	const char *why = NULL;
	struct str text = {0};
	struct err e = {0};

	if (!m->spec->model.at.line || m->spec->model.path.text)
		return;
	if (!read_file(r->opt.facts_dir, "hub", ".json", &text, &e))
		m->commit_why = arena_strdup(a, e.text);
	else if (!model_read_hub(a, m, str_text(&text), text.len, &why))
		m->commit_why = why ? why : "hub.json cannot be read";
	str_release(&text);
}

bool
run_observe(struct run *r, struct arena *a, struct err *e)
{
	struct looking l = {.run = r, .arena = a, .began = loop_now()};

	if (r->opt.facts_dir)
		recorded_hub(r, a);
	else
		r->lookup = lookup_start(r, a, &l.left, &l.finished);
	look_at(&l, 0);
	wait(&l);
	look_at_members(&l);
	if (r->lookup) {
		const char *json = lookup_text(r->lookup);

		if (json && r->opt.record_dir && !l.err.text[0])
			write_file(r->opt.record_dir, "hub", ".json", json, strlen(json), &l.err);
		lookup_finish(r->lookup);
		r->lookup = NULL;
	}
	if (l.err.text[0])
		return err_set(e, "%s", l.err.text);
	return read_api_key(r, a, e);
}
