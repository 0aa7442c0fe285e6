/* The GPU checks of preflight: are they there, working and free? */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/cluster.h"
#include "planner/cluster/visible.h"
#include "planner/runtimes/runtime.h"
#include "planner/steps/preflight.h"
#include "planner/layout/layout_fit.h"

/* An engine built for the CPU says so in its version. */
static bool
preflight_gpus_is_for_cpu(const struct cluster *c, const struct node *n)
{
	return c->venv && c->engine->cpu_version && n->facts->venv_engine &&
	       strstr(n->facts->venv_engine, c->engine->cpu_version);
}

/* Ranks need the same number on each node. A coordinator fills the nodes, which may differ as
 * long as they have enough together. */
static long long
preflight_gpus_gpus_needed(struct arena *a, const struct cluster *c, const struct node *n)
{
	long long world = c->tensor * c->pipeline * c->data, nodes = (long long)c->nlayout;
	long long each = nodes > 0 ? (world + nodes - 1) / nodes : 0, have = 0;

	if (n->gpus >= 0)
		return n->gpus;
	for (size_t i = 0; i < c->nlayout; i++)
		have += node_observed(&c->node[i])
			? (long long)facts_visible(a, c, &c->node[i])->gpu.n : each;
	return c->shape == SHAPE_COORDINATOR && have >= world && each > 1 ? 1 : each;
}

/* Does something of this cluster run here? Then it may be what holds the memory. */
static bool
preflight_gpus_runs_something(const struct facts *f)
{
	for (size_t i = 0; i < f->container.n; i++)
		if (strcmp(f->container.v[i].state, "running") == 0)
			return true;
	for (size_t i = 0; i < f->proc.n; i++)
		if (f->proc.v[i].alive)
			return true;
	return false;
}

/* Reports faults of single GPUs. Who holds memory is another question. */
static void
preflight_gpus_check_faults(struct arena *a, const struct node *n, const struct facts *f,
			    struct diags *out)
{
	struct gpu_faults faults = gpus_faults(a, &f->gpu);

	for (size_t i = 0; i < faults.n; i++)
		if (faults.v[i].kind != FAULT_BUSY && faults.v[i].gpu)
			diag_node(out, faults.v[i].kind == FAULT_BROKEN ? DIAG_ERROR
				  : DIAG_WARNING, n, faults.v[i].hint, "%s", faults.v[i].text);
}

/* ---- sharing: what others hold, and what the engine asks for ---- */

static const double GIB = 1024.0 * 1024 * 1024;

/* The part of each GPU that the engine asks for: as the layout has it, else the spec's, else what
 * is common. */
static double
preflight_gpus_part(const struct cluster *c)
{
	double given = c->engine->arg.memory ? spec_arg_number(c->spec, c->engine->arg.memory) : 0;

	return c->layout ? c->layout->ask->utilization : given > 0 && given <= 1 ? given : 0.9;
}

static const char *
preflight_gpus_holder(struct arena *a, const struct gpu_held *h)
{
	if (!h->most)
		return "processes that this login cannot see";
	return arena_printf(a, "pid %s of user '%s' (%s)%s%s", h->most->pid,
			    *h->most->user ? h->most->user : "-",
			    *h->most->command ? h->most->command : "-",
			    h->users < 2 ? "" : arena_printf(a, ", %zu more", h->users - 1),
			    h->others ? " and others" : "");
}

/* What there is to know or to do; where too little is left, first of all to ask for less. */
static const char *
preflight_gpus_share_hint(struct arena *a, const struct cluster *c, const struct gpu_held *h,
			  bool fits)
{
	const char *memory = c->engine->arg.memory;
	/* The engine's own context takes some before it looks at what is free. */
	int percent = (int)((h->total - h->held - GIB) / h->total * 100);

	if (fits)
		return arena_printf(a, "it is enough as long as that takes no more than %.1f GiB",
				    h->total / GIB - preflight_gpus_part(c) * h->total / GIB);
	if (!memory)
		return "wait until it has ended, or take another node";
	if (percent < 5)
		return h->most ? "wait until it has ended, or take other GPUs or another node"
			       : "look for other containers and other users' processes, or take "
				 "other GPUs or another node";
	if (!h->most)
		return arena_printf(a, "look for other containers and other users' processes, or "
				    "lower %s to at most 0.%02d", memory, percent);
	return arena_printf(a, "set engine.args: {%s: 0.%02d}, which leaves it its share; or wait "
			    "until it has ended, or take another node", memory, percent);
}

/* vLLM's rule: at its start, the part of the memory that it may use must be free. One problem,
 * for the GPU with the least left; what processes hold that nobody sees may be a moment's. */
static void
preflight_gpus_check_shares(struct arena *a, const struct cluster *c, const struct node *n,
			    const struct facts *f, struct diags *out)
{
	bool mine = preflight_gpus_runs_something(f), fits;
	double part = preflight_gpus_part(c), least = 0;
	const struct gpu *first = NULL;
	struct gpu_held worst = {0};
	size_t gpus = 0;

	for (size_t i = 0; i < f->gpu.n; i++) {
		struct gpu_held h = gpu_held_of(&f->gpu, &f->gpu.v[i], f->ram_kib,
						f->ram_free_kib, mine);
		double left = h.total * (1 - part) - h.held;

		if (h.total <= 0 || (h.users == 0 && left >= 0))
			continue;
		gpus++;
		if (first && left >= least)
			continue;
		first = &f->gpu.v[i];
		worst = h;
		least = left;
	}
	if (!first)
		return;
	fits = least >= 0;
	diag_node(out, fits || !worst.most ? DIAG_WARNING : DIAG_ERROR, n,
		  preflight_gpus_share_hint(a, c, &worst, fits),
		  "GPU %d has %.1f of %.1f GiB in use by %s: %s %s %.2f of it, %.1f GiB, and %s%s",
		  first->index, worst.held / GIB, worst.total / GIB, preflight_gpus_holder(a, &worst),
		  c->engine->title, fits ? "takes" : "asks for", part, worst.total * part / GIB,
		  fits ? "fits beside it" : arena_printf(a, "will refuse to start: %.1f GiB are left",
							 (worst.total - worst.held) / GIB),
		  gpus < 2 ? "" : arena_printf(a, " (and %zu more GPU%s)", gpus - 1,
					       gpus == 2 ? "" : "s"));
}

/* NCCL takes two nodes for one host by their name and boot, and refuses the same card on it twice. */
static void
preflight_gpus_check_host_hash(struct arena *a, const struct cluster *c, const struct node *n,
			       const struct node *other, struct diags *out)
{
	if (strcmp(n->facts->boot_id, other->facts->boot_id) != 0 ||
	    strcmp(n->facts->hostname, other->facts->hostname) != 0 ||
	    (env_value(c, n, "NCCL_HOSTID") && env_value(c, other, "NCCL_HOSTID")))
		return;
	diag_node(out, DIAG_ERROR, n,
		  arena_printf(a, "add to node '%s': env: {NCCL_HOSTID: %s}, and to '%s': env: {NCCL_HOSTID: %s}",
			       other->name, other->name, n->name, n->name),
		  "it has the name and boot of node '%s' and a GPU of it: NCCL ends with 'Duplicate GPU detected'",
		  other->name);
}

/* A card that is passed through twice, or two containers or names of one host: there is its memory
 * once, and each engine on it asks for its part. */
static void
preflight_gpus_check_twice(struct arena *a, const struct cluster *c, const struct node *n,
			   struct diags *out)
{
	const char *uuid = NULL, *memory = c->engine->arg.memory;
	double part = preflight_gpus_part(c);
	size_t nodes = 0;
	const struct node *other = visible_twice(a, c, n, &uuid, &nodes);

	if (!other || other->rank > n->rank)
		return;
	preflight_gpus_check_host_hash(a, c, n, other, out);
	diag_node(out, part * (double)nodes > 1 ? DIAG_ERROR : DIAG_WARNING, n,
		  !memory || part * (double)nodes <= 1
		  ? arena_printf(a, "remove one of them, or set env: {%s: ...} of each to GPUs of its own",
				 node_accelerator(c, n)->visible)
		  : arena_printf(a, "give each its share with this line under engine: args: {%s: 0.%02d}; 'auto' then "
				 "lays out by the shares. Or remove one of the nodes, or set env: {%s: ...} of each to "
				 "GPUs of its own", memory, (int)(95 / nodes), node_accelerator(c, n)->visible),
		  "GPU %s is also that of node '%s': together the engines on it ask for %.2f of its memory",
		  uuid, other->name, part * (double)nodes);
}

/* Other nodes have GPUs, and nothing says that this one should: it is not meant to compute. */
static bool
preflight_gpus_has_no_part(const struct cluster *c, const struct node *n, const struct facts *f)
{
	const char *none = f->gpu.none;

	if (n->facts->gpu.n || n->gpus >= 0 || c->nspec < 2 || f->gpu.other ||
	    (none && strcmp(none, node_accelerator(c, n)->absent) != 0))
		return false;
	for (size_t i = 0; i < c->nspec; i++)
		if (node_observed(&c->node[i]) && c->node[i].facts->gpu.n)
			return true;
	return false;
}

static void
preflight_gpus_say_no_part(struct arena *a, const struct cluster *c, const struct node *n, long long need,
			   struct diags *out)
{
	bool led = c->shape == SHAPE_COORDINATOR, head = n == &c->node[0];
	const char *why = !led ? "with ranks, each node is one of them and needs its GPUs"
			: head && c->engine->head_gpus ? c->engine->head_gpus : NULL;

	diag_node(out, DIAG_ERROR, n,
		  head ? arena_printf(a, "if it has none, take it out of 'nodes', so that one with GPUs comes "
				      "first; where the API must be on %s, forward port %lld to that one",
				      n->name, c->spec->serve.port.value)
		       : "if it has none, take it out of 'nodes'",
		  "0 of %lld GPUs: %s%s%s", need, node_accelerator(c, n)->absent, why ? "; " : "",
		  why ? why : "");
}

/* What helps when the tool itself says what is wrong; else what the accelerator says. */
static const char *
preflight_gpus_absent_hint(const struct accelerator *accelerator, const char *none)
{
	static const struct { const char *says, *hint; } known[] = {
		{"version mismatch", "the driver was updated while the old one is loaded: reboot the node"},
		{"couldn't communicate", "its kernel module is not loaded: was the kernel updated? reboot, or install "
					 "the driver again (dkms status)"},
		{"No devices were found", "the driver finds no card: dmesg shows why (a fault, or a card that was "
					  "passed to a virtual machine)"},
		{"no answer within", "a card hangs: dmesg shows why; reboot the node"},
		{"on the PCI bus, but there is no", "install its driver"},
	};

	for (size_t i = 0; none && i < countof(known); i++)
		if (strstr(none, known[i].says))
			return known[i].hint;
	return accelerator->absent_hint;
}

static void
preflight_gpus_check_count(struct arena *a, const struct cluster *c, const struct node *n,
			   const struct facts *f, struct diags *out)
{
	long long need = preflight_gpus_gpus_needed(a, c, n), have = (long long)f->gpu.n;
	const char *ranks = c->engine->shape[SHAPE_RANKS].word;

	const struct accelerator *accelerator = node_accelerator(c, n);
	const char *variable = NULL, *none = f->gpu.none;

	node_selects(c, n, &variable);
	/* That the first maker's tool is missing is not what a host of another maker lacks. */
	if (!none || strcmp(none, accelerators[0]->absent) == 0)
		none = none || accelerator != accelerators[0] ? accelerator->absent : NULL;
	if (have < need && preflight_gpus_has_no_part(c, n, f))
		preflight_gpus_say_no_part(a, c, n, need, out);
	else if (have < need && have && f->gpu.slice.n)
		diag_node(out, DIAG_ERROR, n, "lower parallelism, or take nodes whose GPUs are whole",
			  "%lld of %lld GPUs: a process sees one MIG slice at most", have, need);
	else if (have < need && f->gpu.n < n->facts->gpu.n)
		diag_node(out, DIAG_ERROR, n, "list more of them, or lower parallelism",
			  "%lld of %lld GPUs: %s%s selects no more of the %zu here",
			  have, need, variable, env_value(c, n, variable) ? "" : ", which the login sets,",
			  n->facts->gpu.n);
	else if (have < need)
		diag_node(out, DIAG_ERROR, n,
			  have ? "lower parallelism, or take more nodes" : preflight_gpus_absent_hint(accelerator, none),
			  "%lld of %lld GPUs%s%s", have, need, have || !none ? "" : ": ",
			  have || !none ? "" : none);
	if (c->shape == SHAPE_COORDINATOR && c->nlayout > 1 && have > need && n->gpus >= 0)
		diag_node(out, DIAG_WARNING, n,
			  ranks ? arena_printf(a, "correct 'gpus' of the node, or use backend %s", ranks)
				: "correct 'gpus' of the node",
			  "the node has %lld GPUs, but the spec says %lld: %s fills all of them, "
			  "whatever the layout", have, need, c->engine->shape[SHAPE_COORDINATOR].needs);
}

static void
preflight_gpus_check_toolkit(struct arena *a, const struct cluster *c, const struct node *n,
			     const struct facts *f, struct diags *out)
{
	const struct runtime *runtime = c->runtime;
	const struct accelerator *accelerator = node_accelerator(c, n);

	if (!f->gpu.n || f->toolkit || !accelerator->toolkit || !runtime->gpu_setup ||
	    strcmp(runtime->state(f), "ok") != 0)
		return;
	diag_node(out, DIAG_ERROR, n,
		  arena_printf(a, "on %s: install %s, then %s", n->name, accelerator->toolkit,
			       runtime->gpu_setup(accelerator)),
		  "%s cannot hand out GPUs", runtime->title);
}

/* "AMD Instinct MI300X", with its maker in front if the name does not have it. */
static const char *
preflight_gpus_name(struct arena *a, const struct accelerator *accelerator, const struct facts *f)
{
	const char *name = f->gpu.v[0].name;

	return strncmp(name, accelerator->maker, strlen(accelerator->maker)) == 0
		? name : arena_printf(a, "%s %s", accelerator->maker, *name ? name : "GPUs");
}

/* An image, or an environment, that was built for the GPUs of another maker. */
static void
preflight_gpus_check_image(struct arena *a, const struct cluster *c, const struct node *n,
			   const struct facts *f, struct diags *out)
{
	bool wheel = c->venv && !c->sif;
	const char *image = c->image ? c->image : c->sif ? c->sif : n->facts->venv_engine;
	const char *made = image ? c->engine->image_for(image) : NULL;
	const struct accelerator *here = node_accelerator(c, n), *other = made ? accelerator_find(made) : NULL;

	if (f->gpu.n && made && other != here && (n == &c->node[0] || !node_observed(&c->node[0]) ||
	    !c->node[0].facts->gpu.n || node_accelerator(c, &c->node[0]) == here))
		diag_node(out, DIAG_ERROR, n,
			  wheel ? arena_printf(a, "install a build for those, as %s's documents say",
					       c->engine->title)
				: arena_printf(a, "set engine.image: %s",
					       c->engine->image_instead(a, image, here->name)),
			  "%s '%s' is built for GPUs of %s, but this node has %s",
			  wheel ? c->engine->title : "image", image, other ? other->maker : made,
			  preflight_gpus_name(a, here, f));
	if (f->gpu.n && c->launcher_script && !here->flag_all)
		diag_node(out, DIAG_ERROR, n, "remove 'launcher': dray then starts the containers itself",
			  "launcher script passes --gpus all, which does not hand over %s",
			  preflight_gpus_name(a, here, f));
	if (f->gpu.n && *f->gpu.closed && !c->runtime->gpu_groups)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: sudo usermod -aG render,video %s, then log in again",
				       n->name, f->user),
			  "user '%s' may not open %s", f->user, f->gpu.closed);
}

static void
preflight_gpus_check_alike(const struct node *n, const struct facts *f,
			   struct diags *out)
{
	for (size_t i = 1; i < f->gpu.n; i++)
		if (strcmp(f->gpu.v[i].name, f->gpu.v[0].name) != 0) {
			diag_node(out, DIAG_WARNING, n, NULL,
				  "GPUs are not all alike: %s and %s", f->gpu.v[0].name,
				  f->gpu.v[i].name);
			return;
		}
}

/* Slices have no numbers, and some engines know nothing else. A container gets the slice alone. */
static void
preflight_gpus_check_words(struct arena *a, const struct cluster *c, const struct node *n,
			   struct diags *out)
{
	const char *variable, *list = node_selects(c, n, &variable);
	struct engine_version v = engine_version_read(n->facts->venv_engine ? n->facts->venv_engine : "");

	if (!list || !strstr(list, "MIG-") || c->runtime->contained || !c->engine->uuids_since ||
	    (engine_version_known(v) &&
	     engine_version_compare(v, engine_version_read(c->engine->uuids_since)) >= 0))
		return;
	diag_node(out, DIAG_WARNING, n,
		  arena_printf(a, "take %s %s or later, or engine.image: a container gets that slice alone",
			       c->engine->title, c->engine->uuids_since),
		  "%s names a slice, which %s before %s cannot read: it ends with '%s'", variable,
		  c->engine->title, c->engine->uuids_since, c->engine->uuids_error);
}

/* GPUs that are built for NVLink between hosts, where it is not set up: said once. */
static void
preflight_gpus_check_domain(const struct cluster *c, const struct node *n, const struct facts *f,
			    struct diags *out)
{
	const struct accelerator *accelerator = node_accelerator(c, n);
	const char *const *name = accelerator->domain_names;

	if (c->nlayout < 2 || !f->gpu.n || !name || *f->gpu_domain)
		return;
	while (*name && !strstr(f->gpu.v[0].name, *name))
		name++;
	if (*name)
		diag_node(out, DIAG_WARNING, n, accelerator->domain_setup,
			  "%s can use NVLink to other hosts, but there is no %s: NCCL takes the network between nodes",
			  f->gpu.v[0].name, accelerator->domain_device);
}

void
preflight_gpus(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = facts_visible(a, c, n);
	const char *told = c->engine->resources_env;

	/* If the user tells the coordinator what the node has, devices are not counted. */
	if ((told && env_value(c, n, told)) || preflight_gpus_is_for_cpu(c, n))
		return;
	preflight_gpus_check_count(a, c, n, f, out);
	preflight_gpus_check_image(a, c, n, f, out);
	preflight_gpus_check_toolkit(a, c, n, f, out);
	preflight_gpus_check_words(a, c, n, out);
	preflight_gpus_check_domain(c, n, f, out);
	preflight_gpus_check_faults(a, n, f, out);
	preflight_gpus_check_shares(a, c, n, f, out);
	preflight_gpus_check_twice(a, c, n, out);
	preflight_gpus_check_alike(n, f, out);
}
