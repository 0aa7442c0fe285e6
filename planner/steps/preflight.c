#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/accelerator.h"
#include "planner/cluster/address.h"
#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/base/bytes.h"
#include "planner/plan/graph.h"
#include "planner/cluster/rdma.h"
#include "planner/cluster/route.h"
#include "planner/runtimes/runtime.h"
#include "planner/steps/image.h"
#include "planner/steps/preflight.h"

/*
 * Preflight makes nothing true. It checks what observe.sh saw for problems that would
 * otherwise show up late, and says what to do. What only a write can show is in prove().
 */
static void
preflight_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_preflight;

	(void)a;
	for (size_t i = 0; i < c->nlayout; i++)
		graph_add(b, &kind_preflight, &c->node[i], true);
}

/* Adds to the hint that one of the user's steps may fix it. */
const char *
preflight_or_by_step(struct arena *a, const struct cluster *c, const char *hint)
{
	return c->custom.n ? arena_printf(a, "%s; if one of your steps does that, run it first: "
					"dray apply -target STEP", hint) : hint;
}

/* The lines that the format of the model's files needs in engine.args, or NULL. */
static const char *
preflight_format_args(struct arena *a, const struct cluster *c)
{
	const struct engine_format *f = c->engine->format_args;
	const char *lines = NULL;

	for (; c->checkpoint && f && f->arg; f++)
		if (f->format == c->checkpoint->format && !spec_arg_value(c->spec, f->arg))
			lines = arena_printf(a, "%s%s%s: %s", lines ? lines : "", lines ? ", " : "", f->arg,
					     f->value);
	return lines ? arena_printf(a, "{%s}", lines) : NULL;
}

static void
preflight_check_model(struct arena *a, const struct cluster *c, const struct node *n,
		      struct diags *out)
{
	const struct node *head = &c->node[0];
	const char *hint = "put the model there, on every node", *line;
	const char *missing = c->source->missing(a, &c->spec->model, n->facts, &hint);

	if (missing)
		diag_node(out, DIAG_ERROR, n, preflight_or_by_step(a, c, hint), "%s", missing);
	else if (n != head && node_observed(head) && c->source->differs &&
		 (line = c->source->differs(a, &c->spec->model, n->facts, head->facts, head->name)))
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "copy the folder from %s again, whole", head->name),
			  "%s", line);
	if (n == head && (line = preflight_format_args(a, c)))
		diag_node(out, DIAG_WARNING, n, arena_printf(a, "add to engine.args: %s", line),
			  c->checkpoint->format == FORMAT_MISTRAL
				  ? "the model is in Mistral's own format (params.json), which %s may not find "
				    "out by itself"
				  : "%s makes a tokenizer from the GGUF file itself, which is slow and not always "
				    "right", c->engine->title);
}

/* The node's candidates if none of them could be chosen, or NULL. */
static const struct address_node *
preflight_address_unchosen(const struct cluster *c, const struct node *n)
{
	for (size_t i = 0; c->addresses && c->nlayout > 1 && i < c->addresses->n; i++)
		if (c->addresses->v[i].node == n && !c->addresses->v[i].given &&
		    !c->addresses->v[i].chosen)
			return &c->addresses->v[i];
	return NULL;
}

static const char *
preflight_own_addresses(struct arena *a, const struct facts *f)
{
	const char *list = "none";

	for (size_t i = 0, n = 0; i < f->addr.n && n < 8; i++) {
		const struct fact_addr *own = &f->addr.v[i];

		if (address_is_loopback(own->address))
			continue;
		list = arena_printf(a, "%s%s%s (%s)", n ? list : "", n ? ", " : "", own->address,
				    own->interface);
		n++;
	}
	return list;
}

/* An address on lo is fine for Ray and vLLM, but NCCL cannot be told to use it. */
static void
preflight_check_lo(struct arena *a, const struct cluster *c, const struct node *n,
		   struct diags *out)
{
	const char *instead = route_interfaces(a, c, n), *address = node_dial(n);

	if (!route_is_on_lo(c, n) || env_value(c, n, "NCCL_SOCKET_IFNAME"))
		return;
	if (instead)
		diag_node(out, DIAG_WARNING, n,
			  "the other nodes must reach the addresses there too; else set NCCL_SOCKET_IFNAME "
			  "and GLOO_SOCKET_IFNAME in engine.env",
			  "its address %s is on lo, where NCCL takes 127.0.0.1: it is told %s instead",
			  address, instead);
	else
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: move %s/32 to an interface of its own (ip link add dummy0 "
				       "type dummy), or give the cards addresses and set "
				       "NCCL_SOCKET_IFNAME in engine.env", n->name, address),
			  "its address %s is on lo, where NCCL takes 127.0.0.1, and no other interface has "
			  "an address that other nodes can dial", address);
}

/* A fast network that is not used is said once, for all nodes. */
static void
preflight_check_fabric(struct arena *a, const struct cluster *c, const struct node *n,
		       struct diags *out)
{
	const char *hint, *unused = rdma_unused(a, c, &hint), *slow;

	if (unused && n == &c->node[0])
		diag_node(out, DIAG_WARNING, NULL, hint, "%s", unused);
	slow = unused ? NULL : rdma_slow_card(a, c, n, &hint);
	if (slow)
		diag_node(out, DIAG_WARNING, n, hint, "%s", slow);
}

/* The node that the others dial at that address; NULL: it was dialled in vain, as the public address of
 * a machine whose own one was found. */
static const struct node *
preflight_whose(const struct cluster *c, const char *address)
{
	for (size_t i = 0; i < c->nlayout; i++) {
		const char *dial = node_dial(&c->node[i]);

		if (dial && strcmp(dial, address) == 0)
			return &c->node[i];
	}
	return NULL;
}

static const char wsl_hint[] =
	"WSL2 is behind Windows' own network: write networkingMode=mirrored under [wsl2] in %UserProfile%\\.wslconfig, "
	"let the ports in by Windows' firewall, and run wsl --shutdown";

static bool
preflight_is_wsl(const struct node *n)
{
	return node_observed(n) && strstr(n->facts->kernel, "icrosoft");
}

static void
preflight_check_address(struct arena *a, const struct cluster *c, const struct node *n,
			struct diags *out)
{
	const struct facts *f = n->facts;
	const char *address = node_dial(n);
	const char *hint = preflight_is_wsl(n) ? wsl_hint
		: arena_printf(a, "set 'address' of node '%s' to one that the other nodes reach", n->name);

	if (preflight_address_unchosen(c, n))
		diag_node(out, DIAG_ERROR, n, hint, "no address that all other nodes reach: %s",
			  address_story(a, preflight_address_unchosen(c, n)));
	else if (!address)
		diag_node(out, DIAG_ERROR, n, hint, "no address that other nodes can dial");
	else if (strncmp(address, "127.", 4) == 0 && c->nlayout > 1)
		diag_node(out, DIAG_ERROR, n, hint, "address %s means every node itself", address);
	else if (!node_interface(n))
		diag_node(out, DIAG_ERROR, n, hint, "no interface has address %s; it has %s",
			  address, preflight_own_addresses(a, f));
	preflight_check_lo(a, c, n, out);
	/* Debian and Ubuntu have it so by default. It matters only where Gloo looks the name up, because
	 * it is told no interface. */
	if (strncmp(f->resolve_address, "127.", 4) == 0 && c->nlayout > 1 && !route_interfaces(a, c, n) &&
	    !env_value(c, n, "GLOO_SOCKET_IFNAME"))
		diag_node(out, DIAG_WARNING, n, "correct /etc/hosts there, or set GLOO_SOCKET_IFNAME in engine.env",
			  "its own name '%s' resolves to %s, which other nodes cannot reach",
			  f->resolve_name, f->resolve_address);
	if (rdma_missing(a, c, n))
		diag_node(out, DIAG_WARNING, n, "NCCL will use TCP on all nodes",
			  "no RDMA: %s", rdma_missing(a, c, n));
	for (size_t i = 0; i < f->reach.n; i++) {
		const struct node *other = preflight_whose(c, f->reach.v[i].address);

		if (strcmp(f->reach.v[i].state, "no") == 0 && other)
			diag_node(out, DIAG_ERROR, n,
				  preflight_is_wsl(other) ? wsl_hint
				  : "an engine uses many ports between its nodes: open all of them",
				  "cannot reach %s: %s", f->reach.v[i].address,
				  f->reach.v[i].detail);
	}
}

static const struct fact_image *
preflight_own_image(const struct cluster *c, const struct node *n)
{
	for (size_t i = 0; i < n->facts->image.n; i++)
		if (c->image && strcmp(n->facts->image.v[i].ref, c->image) == 0)
			return &n->facts->image.v[i];
	return NULL;
}

/* Compares with earlier nodes what must be the same on all nodes. */
static void
preflight_compare(struct arena *a, const struct cluster *c, const struct node *n,
		  struct diags *out)
{
	const struct node *head = &c->node[0];
	const struct facts *f = n->facts, *first = head->facts;
	const struct fact_image *one, *two;

	for (size_t i = 0; i < n->rank; i++) {
		const struct node *other = &c->node[i];

		if (node_observed(other) && *f->machine_id && strcmp(other->facts->machine_id, f->machine_id) == 0) {
			diag_node(out, strcmp(other->facts->boot_id, f->boot_id) == 0
				  ? DIAG_ERROR : DIAG_WARNING, n,
				  strcmp(other->facts->boot_id, f->boot_id) == 0
				  ? "two entries under 'nodes' are one machine: remove one"
				  : "are the disks cloned? then recreate /etc/machine-id on one of them",
				  "it has the machine-id of node '%s'", other->name);
			break;
		}
	}
	if (n == head || !node_observed(head))
		return;
	if (llabs(f->epoch - first->epoch) > 30)
		diag_node(out, DIAG_WARNING, n, "run a time service on all nodes",
			  "its clock is %lld s away from that of %s", llabs(f->epoch - first->epoch),
			  head->name);
	if (f->gpu.n && first->gpu.n && strcmp(f->gpu.v[0].vendor, first->gpu.v[0].vendor) != 0)
		diag_node(out, DIAG_ERROR, n, "take nodes with GPUs of one maker",
			  "GPUs of %s here, of %s on %s: one model cannot be split over both",
			  accelerator_of(&f->gpu)->maker, accelerator_of(&first->gpu)->maker, head->name);
	else if (f->gpu.n && first->gpu.n && strcmp(f->gpu.v[0].driver, first->gpu.v[0].driver) != 0)
		diag_node(out, DIAG_WARNING, n, "use one driver version on all nodes",
			  "driver %s here, %s on %s", f->gpu.v[0].driver, first->gpu.v[0].driver,
			  head->name);
	one = preflight_own_image(c, node_alike(c, n));
	two = preflight_own_image(c, n);
	head = node_alike(c, n);
	if (one && two && strcmp(one->id, two->id) != 0 && !one->digests && !c->archive && !image_spreads(c))
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "engine.pull: once takes it from %s", head->name),
			  "image '%s' is not the same as on %s, and no registry has that one", one->ref,
			  head->name);
}

static void
preflight_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct cluster *c = s->cluster;
	const struct node *n = s->node;

	s->observed = (struct observed){.state = node_observed(n) ? STATE_PRESENT : STATE_UNKNOWN};
	if (!node_observed(n) || s->orphan)
		return;
	c->runtime->check(a, c, n, problems);
	preflight_gpus(a, c, n, problems);
	preflight_store(a, c, n, problems);
	preflight_check_model(a, c, n, problems);
	preflight_contents(a, c, n, problems);
	preflight_image(a, c, n, problems);
	preflight_check_address(a, c, n, problems);
	preflight_check_fabric(a, c, n, problems);
	preflight_env(a, c, n, problems);
	preflight_named(a, c, n, problems);
	preflight_host(a, c, n, problems);
	preflight_compare(a, c, n, problems);
}

/* The head writes a file in the shared directory and every other node must read it: types and
 * numbers of file systems do not prove that two mounts are the same. */
static void
preflight_prove(struct arena *a, const struct graph *g, struct tasks *tasks)
{
	const struct cluster *c = g->cluster;
	const char *dir = c->store_proved ? c->store : NULL;
	const struct facts *f = c->nnode ? c->node[0].facts : NULL;
	char hex[HASH_HEX];
	const char *nonce;

	if (!dir || !f || !c->nlayout)
		return;
	nonce = arena_printf(a, "%s %s %s %lld", c->name, f->machine_id, f->boot_id, f->epoch);
	hash_sha256(nonce, strlen(nonce), hex);
	for (size_t i = 0; i <= c->nlayout; i++) {
		struct node *n = &c->node[i % c->nlayout];
		const char *act = i == 0 ? "write" : i == c->nlayout ? "remove" : "read";
		struct task *t;

		t = tasks_add(a, tasks, n, "sentinel",
			      arena_printf(a, "%s a file in %s", act, dir));
		t->changes = true;
		t->timeout_s = FILE_LIMIT;
		task_arg(a, t, "act", act);
		task_arg(a, t, "dir", dir);
		task_arg(a, t, "cluster", c->name);
		task_arg(a, t, "nonce", hex);
		task_arg(a, t, "node", n->name);
	}
}

static const struct field_effect fields[] = {{NULL}};

const struct kind kind_preflight = {
	.name = "preflight",
	.doc = "what must be right on a node before anything starts there",
	.fields = fields,
	.plan = preflight_plan,
	.observe = preflight_observe,
	.prove = preflight_prove,
};
