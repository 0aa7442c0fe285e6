/* The look: one request to every node, then to those that only members.json knows. */
#include "executors/run_private.h"

#include <string.h>

#include "planner/address.h"
#include "planner/base/hash.h"
#include "planner/observe.h"
#include "planner/rdma.h"
#include "planner/tensors.h"

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

/* A recorded look; "unreachable", TAB, why stands for a node that did not answer. */
static struct facts *
recorded(struct run *r, struct arena *a, const struct node *node)
{
	static const char lost[] = "unreachable\t";
	struct str text = {0};
	struct facts *f;
	struct err e = {0};

	if (!recorded_file(r, node->name, ".txt", &text, &e))
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
	record_file(dir, ask->host->name, ".txt", why ? why : str_text(&r->out),
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
		m->mac_key_new = true;
	}
	/* Only a plan compares it: who takes all away, or looks what is up, needs no key. */
	if (ref->from == SECRET_NONE || run_destroys(r) || !r->opt.command)
		return true;
	key = run_secret(r, ref, e);
	if (!key)
		return err_wrap(e, "serve.api_key");
	hash_mac(m->mac_key, key, strlen(key), hex);
	m->api_key_mac = arena_strdup(a, hex);
	return true;
}

/* config.json or the index, where the recorder had it and nobody gave another. */
static void
recorded_text(struct run *r, struct arena *a, const char *name, const char **to, size_t *n)
{
	struct str text = {0};
	struct err e = {0};

	if (!*to && recorded_file(r, name, ".json", &text, &e)) {
		*to = arena_strndup(a, str_text(&text), text.len);
		*n = text.len;
	}
	str_release(&text);
}

static void
record_model(struct looking *l)
{
	const struct modeltexts *t = &l->run->model->texts;
	const char *dir = l->run->opt.record_dir;

	if (t->hub && !l->err.text[0])
		record_file(dir, "hub", ".json", t->hub, t->nhub, &l->err);
	if (t->config && !l->err.text[0])
		record_file(dir, "config", ".json", t->config, t->nconfig, &l->err);
	if (t->index && !l->err.text[0])
		record_file(dir, "index", ".json", t->index, t->nindex, &l->err);
	if (t->tensors && !l->err.text[0]) {
		const char *text = tensors_write(l->arena, t->tensors);

		record_file(dir, "tensors", ".tsv", text, strlen(text), &l->err);
	}
}

static void
recorded_tensors(struct run *r, struct arena *a)
{
	struct modeltexts *t = &r->model->texts;
	struct str text = {.max = TENSORS_MAX_TEXT};
	struct err e = {0};

	if (!t->tensors && recorded_file(r, "tensors", ".tsv", &text, &e))
		t->tensors = tensors_read(a, str_text(&text), text.len, &t->tensors_why);
	str_release(&text);
}

static void
recorded_hub(struct run *r, struct arena *a)
{
	struct model *m = r->model;
	const char *why = NULL;
	struct str text = {0};
	struct err e = {0};

	recorded_text(r, a, "config", &m->texts.config, &m->texts.nconfig);
	recorded_text(r, a, "index", &m->texts.index, &m->texts.nindex);
	recorded_tensors(r, a);
	if (!m->spec->model.at.line || m->spec->model.path.text)
		return;
	if (!recorded_file(r, "hub", ".json", &text, &e)) {
		m->commit_why = arena_strdup(a, e.text);
	} else {
		m->texts.hub = arena_strndup(a, str_text(&text), text.len);
		m->texts.nhub = text.len;
		if (!model_read_hub(a, m, m->texts.hub, text.len, &why))
			m->commit_why = why ? why : "hub.json cannot be read";
	}
	str_release(&text);
}

/* ---- addresses that are not written ---- */

struct dialling {
	struct looking *look;
	struct addresses *list;
};

static size_t
index_of(const struct addresses *list, const char *name)
{
	size_t i = 0;

	while (i < list->n && strcmp(list->v[i].node->name, name) != 0)
		i++;
	return i;
}

static void
dialled(struct ask *ask)
{
	struct dialling *d = ask->owner;
	struct looking *l = d->look;
	const struct result *r = &ask->request.result;
	size_t i = index_of(d->list, ask->host->name);

	if (r->ran && r->status == 0 && i < d->list->n)
		addresses_take(l->arena, d->list, i, str_text(&r->out), r->out.len);
	if (l->run->opt.record_dir && !l->err.text[0])
		record_file(l->run->opt.record_dir, ask->host->name, ".reach.txt",
			   str_text(&r->out), r->out.len, &l->err);
	if (--l->left == 0)
		l->finished = true;
}

static void
recorded_dial(struct looking *l, struct addresses *list, size_t i)
{
	struct str text = {0};
	struct err e = {0};

	if (recorded_file(l->run, list->v[i].node->name, ".reach.txt", &text, &e))
		addresses_take(l->arena, list, i, str_text(&text), text.len);
	str_release(&text);
}

bool
run_dial(struct run *r, struct arena *a, struct addresses *list, bool wide, struct err *e)
{
	struct looking l = {.run = r, .arena = a};
	struct dialling d = {&l, list};

	for (size_t i = 0; i < list->n; i++) {
		struct task task;

		if (!address_task(a, list, i, wide, &task))
			continue;
		if (r->opt.facts_dir) {
			recorded_dial(&l, list, i);
			continue;
		}
		l.left++;
		run_ask(r, run_host(r, list->v[i].node), &task, dialled, &d);
	}
	wait(&l);
	return l.err.text[0] ? err_set(e, "%s", l.err.text) : true;
}

/* Nodes whose address is not written get the one that all others reach. What runs
 * already keeps its address while that holds; else everything there is is tried. */
static bool
choose_addresses(struct run *r, struct arena *a, struct err *e)
{
	struct model *m = r->model;
	struct addresses *list = addresses_list(a, m->node, m->nlayout);
	bool open = addresses_open(list);

	if (!open)
		addresses_keep(list);
	else if (!run_dial(r, a, list, false, e))
		return false;
	if (open && !addresses_choose(list)) {
		list = addresses_list(a, m->node, m->nlayout);
		if (!run_dial(r, a, list, true, e))
			return false;
		addresses_choose(list);
	}
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].chosen && !list->v[i].given)
			m->node[i].address = list->v[i].chosen->address;
	m->addresses = open ? list : NULL;
	return true;
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
	if (r->lookup)
		lookup_finish(r->lookup);
	if (!r->opt.facts_dir)
		weights_find(r, a);
	if (r->opt.record_dir)
		record_model(&l);
	r->lookup = NULL;
	if (l.err.text[0])
		return err_set(e, "%s", l.err.text);
	if (!choose_addresses(r, a, e))
		return false;
	rdma_choose(a, r->model);
	model_choose_backend(a, r->model);
	return read_api_key(r, a, e) && run_look_user(r, a, e);
}
