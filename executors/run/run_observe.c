/* The look: one request to every node of the spec, then to nodes that only members.json
 * knows. */
#include "executors/run/run_looks.h"

#include <stdio.h>
#include <string.h>

#include "planner/cluster/address.h"
#include "planner/cluster/members.h"
#include "planner/base/hash.h"
#include "planner/steps/inputs.h"
#include "planner/steps/observe.h"

static struct facts *
observe_unreachable(struct arena *a, const char *why)
{
	struct facts *f = ar_new(a, struct facts);

	*f = (struct facts){.state = FACTS_UNREACHABLE, .why = arena_strdup(a, why)};
	return f;
}

/* The node says why it gives no answer, and in the next line maybe what helps. */
static struct facts *
observe_unsure(struct arena *a, const char *said)
{
	static const char mark[] = "\nhint: ";
	char *why = arena_strdup(a, last_lines(a, said, 2)), *hint = strstr(why, mark);
	struct facts *f;

	if (!hint)
		return observe_unreachable(a, last_lines(a, said, 1));
	*hint = '\0';
	f = observe_unreachable(a, why);
	f->hint = hint + sizeof mark - 1;
	return f;
}

struct facts *
facts_of(struct arena *a, const struct ask *ask)
{
	const struct result *r = &ask->request.result;
	struct facts *f;

	if (!r->ran) {
		f = observe_unreachable(a, r->why.text);
		f->hint = arena_strdup(a, r->why.hint);
		f->new_key = r->why.new_key;
		return f;
	}
	if (r->status == LOOK_UNSURE)
		return observe_unsure(a, str_text(&r->err));
	if (r->status != 0)
		return observe_unreachable(a, arena_printf(a, "the look ended with status %d: %s",
							   r->status,
							   last_lines(a, str_text(&r->err), 1)));
	f = facts_read(a, str_text(&r->out), r->out.len);
	if (!f->complete)
		return observe_unreachable(a, "the look was cut off");
	return f;
}

/* ---- recorded looks ---- */

/* Read a recorded look; "unreachable", TAB, why means that the node did not answer. */
static struct facts *
observe_recorded(struct run *r, struct arena *a, const struct node *node)
{
	static const char lost[] = "unreachable\t";
	struct str text = {0};
	struct facts *f;
	struct err e = {0};

	if (!recorded_file(r, node->name, ".txt", &text, &e))
		f = observe_unreachable(a, e.text);
	else if (strncmp(str_text(&text), lost, sizeof lost - 1) == 0)
		f = observe_unreachable(a, last_lines(a, text.buf + sizeof lost - 1, 1));
	else
		f = facts_read(a, str_text(&text), text.len);
	if (f->state == FACTS_OK && !f->complete)
		f = observe_unreachable(a, "the recorded look is incomplete");
	str_release(&text);
	return f;
}

static void
observe_keep_look(struct looking *l, const struct ask *ask, const struct facts *f)
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
observe_tell(struct run *r, const struct node *node)
{
	struct err e = {0};

	if (node->facts->state == FACTS_OK || !r->view.node_unreachable)
		return;
	err_set(&e, "%s", node->facts->why);
	r->view.node_unreachable(r->view.arg, node, &e);
}

/* With -v: which way executor auto took, and why. */
static void
observe_choice(struct run *r, const struct host *h)
{
	const char *why = session_chosen(h->session), *way = session_executor(h->session)->name;

	if (why)
		run_note(r, "%s: executor auto took %s: %s", h->name, way, why);
	else if (strcmp(host_node(h)->executor, "auto") == 0)
		run_note(r, "%s: executor auto took %s", h->name, way);
}

/* With -v: show what the look cost, counted at the socket. */
static void
observe_cost(struct run *r, const struct ask *ask, double seconds)
{
	struct session_stats stats;

	if (!r->opt.verbose || !ask->host->session)
		return;
	observe_choice(r, ask->host);
	stats = session_stats(ask->host->session);
	run_note(r, "%s: connected in %lld ms, answered after %.0f ms: %u request%s, %u round trips",
		 ask->host->name, stats.connect_ms, seconds * 1000, stats.requests,
		 stats.requests == 1 ? "" : "s", stats.turns);
}

static bool
observe_is_line_of(const char *path, const char *text)
{
	char line[128] = "";
	FILE *f = fopen(path, "re");
	bool same;

	same = f && fgets(line, sizeof line, f);
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return same && *line && strcmp(line, text) == 0;
}

/* Is a node that another node named this very machine? Names don't matter: the boot id does. */
static bool
observe_is_this_machine(const struct node *node)
{
	const struct facts *f = node->facts;

	return node->named_by && f->state == FACTS_OK &&
	       observe_is_line_of("/proc/sys/kernel/random/boot_id", f->boot_id) &&
	       observe_is_line_of("/etc/machine-id", f->machine_id);
}

static void
observe_looked(struct ask *ask)
{
	struct looking *l = ask->owner;
	struct node *node = host_node(ask->host);

	node->facts = facts_of(l->arena, ask);
	if (observe_is_this_machine(node)) {
		node->no_way = "it is this machine, and dray changes nothing here because "
			       "another node says so";
		node->facts = observe_unreachable(l->arena, node->no_way);
	}
	node->facts->seconds = (double)(loop_clock() - l->began) / 1000;
	/* The look found the lock that we hold. */
	if (ask->host->locked)
		node->facts->lock_state = "ours";
	observe_cost(l->run, ask, node->facts->seconds);
	observe_keep_look(l, ask, node->facts);
	observe_tell(l->run, node);
	if (--l->left == 0)
		l->finished = true;
}

/* Look at the nodes from..nnode, all at once. Each takes one request after the connect. */
static void
observe_look_at(struct looking *l, size_t from)
{
	struct run *r = l->run;
	struct cluster *c = r->cluster;

	for (size_t i = from; i < c->nnode; i++) {
		struct node *node = &c->node[i];
		struct task task = {0};

		if (node->no_way) {
			node->facts = observe_unreachable(l->arena, node->no_way);
			observe_tell(r, node);
			continue;
		}
		if (r->opt.facts_dir) {
			node->facts = observe_recorded(r, l->arena, node);
			observe_tell(r, node);
			continue;
		}
		observe_task(l->arena, c, node, r->opt.verify, &task);
		l->left++;
		run_ask(r, run_host(r, node), &task, observe_looked, l);
	}
}

void
looking_wait(struct looking *l)
{
	l->finished = l->left == 0;
	loop_run(l->run->loop, &l->finished);
}

/* Nodes that left the spec are named by nodes that are still in it, or by each other. */
static void
observe_look_at_members(struct looking *l)
{
	struct cluster *c = l->run->cluster;
	size_t from = 0, to;

	c->ncut = 0;
	for (int round = 0; round < 4 && from < c->nnode; round++, from = to) {
		to = c->nnode;
		for (size_t i = from; i < to; i++) {
			const struct facts *f = c->node[i].facts;

			if (f && f->state == FACTS_OK && f->members)
				members_merge(l->arena, c, c->node[i].name, f->members,
					      strlen(f->members));
		}
		observe_look_at(l, to);
		looking_wait(l);
	}
}

static bool
observe_read_api_key(struct run *r, struct arena *a, struct err *e)
{
	struct cluster *c = r->cluster;
	const struct secret_ref *ref = &c->spec->serve.api_key;
	char hex[HASH_HEX];
	const char *key;

	const char *made = c->mac_key;          /* made by an earlier look of this run */

	cluster_find_key(c);
	if (!c->mac_key) {
		if (!made)
			hash_random(hex);
		c->mac_key = made ? made : arena_strdup(a, hex);
		c->mac_key_new = true;
	}
	/* Only a plan compares the key: destroy and status don't need it. */
	if (ref->from == SECRET_NONE || run_destroys(r) || !r->opt.command)
		return true;
	if (r->opt.quiet) {
		c->api_key_mac = run_unread(r, a, NULL, "api_key");
		return true;
	}
	key = run_secret(r, ref, e);
	if (!key)
		return err_wrap(e, "serve.api_key");
	hash_mac(c->mac_key, key, strlen(key), hex);
	c->api_key_mac = arena_strdup(a, hex);
	return true;
}

/* ---- addresses that the spec leaves out ---- */

struct dialling {
	struct looking *look;
	struct addresses *list;
};

static size_t
observe_index_of(const struct addresses *list, const char *name)
{
	size_t i = 0;

	while (i < list->n && strcmp(list->v[i].node->name, name) != 0)
		i++;
	return i;
}

static void
observe_dialled(struct ask *ask)
{
	struct dialling *d = ask->owner;
	struct looking *l = d->look;
	const struct result *r = &ask->request.result;
	size_t i = observe_index_of(d->list, ask->host->name);

	if (r->ran && r->status == 0 && i < d->list->n)
		addresses_take(l->arena, d->list, i, str_text(&r->out), r->out.len);
	if (i < d->list->n && d->list->v[i].dialled && l->run->opt.record_dir && !l->err.text[0])
		record_file(l->run->opt.record_dir, ask->host->name, ".reach.txt",
			    d->list->v[i].dialled, strlen(d->list->v[i].dialled), &l->err);
	if (--l->left == 0)
		l->finished = true;
}

static void
observe_recorded_dial(struct looking *l, struct addresses *list, size_t i)
{
	struct str text = {0};
	struct err e = {0};

	if (recorded_file(l->run, list->v[i].node->name, ".reach.txt", &text, &e))
		addresses_take(l->arena, list, i, str_text(&text), text.len);
	str_release(&text);
}

bool
run_dial(struct run *r, struct arena *a, struct addresses *list, struct err *e)
{
	struct looking l = {.run = r, .arena = a};
	struct dialling d = {&l, list};

	for (size_t i = 0; i < list->n; i++) {
		struct task task;

		if (!address_task(a, list, i, &task))
			continue;
		if (r->opt.facts_dir) {
			observe_recorded_dial(&l, list, i);
			continue;
		}
		l.left++;
		run_ask(r, run_host(r, list->v[i].node), &task, observe_dialled, &d);
	}
	looking_wait(&l);
	if (l.err.text[0])
		*e = l.err;
	return !l.err.text[0];
}

/* Choose addresses by letting the nodes dial each other: first what would be chosen, then the
 * next best where that is not reached. Results for the same addresses from an earlier look of
 * this run are reused. */
static bool
observe_find_addresses(struct run *r, struct arena *a, struct err *e)
{
	enum { ROUNDS = 8 };            /* each may take some seconds */
	struct cluster *c = r->cluster;
	struct addresses *then = r->earlier ? r->earlier->addresses : NULL;

	addresses_leave_outer(c->node, c->nlayout);
	c->addresses = addresses_list(a, c->node, c->nlayout);
	if (!addresses_open(c->addresses))
		return true;
	if (then && addresses_same(then, c->addresses)) {
		c->addresses = then;
		return true;
	}
	if (r->opt.facts_dir) { /* what was recorded is there at once */
		addresses_ask_all(c->addresses);
		return run_dial(r, a, c->addresses, e);
	}
	for (int round = 0; round < ROUNDS && addresses_ask(c->addresses); round++)
		if (!run_dial(r, a, c->addresses, e))
			return false;
	return true;
}

/* Run the command of a secret before connecting anywhere, because the loop waits for it. The
 * result is kept. */
static void
observe_read_secrets(struct run *r)
{
	const struct secret_ref *key = &r->cluster->spec->serve.api_key;
	struct err e;

	if (key->from != SECRET_NONE && !run_destroys(r) && r->opt.command && !r->opt.facts_dir)
		run_secret(r, key, &e);
}

/* With -v: that not every pair of nodes was tried. */
static void
observe_sample(struct run *r)
{
	size_t peer[ADDRESS_PEERS], others = r->cluster->nlayout - 1;
	size_t dialled = address_peers(r->cluster->nlayout, 0, peer);

	if (r->opt.verbose && !r->opt.facts_dir && r->cluster->nlayout && dialled < others)
		run_note(r, "each node dials %zu of the %zu others", dialled, others);
}

bool
run_observe(struct run *r, struct arena *a, struct err *e)
{
	struct looking l = {.run = r, .arena = a, .began = loop_clock(),
		.extra = ar_array(a, struct lookup *, r->cluster->nextra + 1)};

	if (!lookup_read_ca(r, a, e))
		return false;
	observe_read_secrets(r);
	if (r->opt.facts_dir)
		recorded_model(r, a);
	else if (!r->earlier && !hub_is_commit(r->cluster->spec->model.revision.text))
		r->lookup = lookup_start(r, a, &l.left, &l.finished);
	if (!r->opt.facts_dir && !r->earlier)
		settle_ask_extras(&l, false);
	run_find_ports(r);
	observe_look_at(&l, 0);
	looking_wait(&l);
	observe_look_at_members(&l);
	observe_sample(r);
	if (!r->earlier) {
		settle_model(&l);
		settle_extras(&l);
	}
	if (!r->opt.facts_dir && !r->earlier)
		weights_find(r, a);
	if (r->opt.record_dir && !r->earlier)
		record_model(r, a, &l.err);
	r->lookup = NULL;
	if (l.err.text[0]) {
		*e = l.err;
		return false;
	}
	return observe_find_addresses(r, a, e) && observe_read_api_key(r, a, e) &&
	       run_observe_custom(r, a, e);
}
