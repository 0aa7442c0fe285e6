/* The GPU checks of preflight: are they there, working and free? */
#include <string.h>

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

/* Reports faults that keep the engine from using a GPU. */
static void
preflight_gpus_check_faults(struct arena *a, const struct node *n, const struct facts *f,
			    struct diags *out)
{
	struct gpu_faults faults = gpus_faults(a, &f->gpu);

	for (size_t i = 0; i < faults.n; i++)
		if (faults.v[i].kind == FAULT_BUSY)
			diag_node(out, DIAG_ERROR, n, faults.v[i].hint, "%s",
				  faults.v[i].text);
	for (size_t i = 0; i < faults.n; i++)
		if (faults.v[i].kind == FAULT_BROKEN || faults.v[i].kind == FAULT_CUT_UP)
			diag_node(out, faults.v[i].kind == FAULT_BROKEN ? DIAG_ERROR
				  : DIAG_WARNING, n, faults.v[i].hint, "%s", faults.v[i].text);
}

/* Memory used by processes that are not visible: one warning, for the first such GPU. */
static void
preflight_gpus_check_gpus_free(struct arena *a, const struct cluster *c, const struct node *n,
			       const struct facts *f, struct diags *out)
{
	double part = c->layout ? c->layout->ask->utilization : 0;
	const char *memory = c->engine->arg.memory;
	const struct gpu *first = NULL;
	size_t more = 0;

	for (size_t i = 0; i < f->gpu.n; i++) {
		const struct gpu *g = &f->gpu.v[i];
		double total = (double)g->total_mib;

		if (total <= 0 || g->used_mib <= 0 || total - (double)g->used_mib >= total * part)
			continue;
		more += first != NULL;
		first = first ? first : g;
	}
	if (!first || f->gpu.user.n || preflight_gpus_runs_something(f))
		return;
	diag_node(out, DIAG_WARNING, n,
		  arena_printf(a, "look for other containers and other users' processes%s%s",
			       memory ? ", or lower " : "", memory ? memory : ""),
		  "GPU %d has %.1f of %.1f GiB in use by processes that this login cannot see: %s needs "
		  "%.1f GiB and will refuse to start%s", first->index,
		  (double)first->used_mib / 1024, (double)first->total_mib / 1024, c->engine->title,
		  (double)first->total_mib * part / 1024, more == 0 ? "" :
		  arena_printf(a, " (and %zu more GPU%s)", more, more == 1 ? "" : "s"));
}

static void
preflight_gpus_check_count(struct arena *a, const struct cluster *c, const struct node *n,
			   const struct facts *f, struct diags *out)
{
	long long need = preflight_gpus_gpus_needed(a, c, n), have = (long long)f->gpu.n;
	const char *ranks = c->engine->shape[SHAPE_RANKS].word;

	if (have < need && !node_accelerator(n)->docker)
		diag_node(out, DIAG_ERROR, n, "take nodes with other GPUs",
			  "%lld of %lld GPUs: %s", have, need, f->gpu.none);
	else if (have < need && f->gpu.n < n->facts->gpu.n)
		diag_node(out, DIAG_ERROR, n, "list more of them, or lower parallelism",
			  "%lld of %lld GPUs: %s selects no more of the %zu here",
			  have, need, node_accelerator(n)->visible, n->facts->gpu.n);
	else if (have < need)
		diag_node(out, DIAG_ERROR, n,
			  have ? "lower parallelism, or take more nodes"
			       : arena_printf(a, "%s must work for the login user",
					      node_accelerator(n)->tool),
			  "%lld of %lld GPUs%s%s", have, need, f->gpu.none ? ": " : "",
			  f->gpu.none ? f->gpu.none : "");
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
	const struct accelerator *accelerator = node_accelerator(n);

	if (!f->gpu.n || f->toolkit || !runtime->gpu_setup || strcmp(runtime->state(f), "ok") != 0)
		return;
	diag_node(out, DIAG_ERROR, n,
		  arena_printf(a, "on %s: install %s, then %s", n->name, accelerator->toolkit,
			       runtime->gpu_setup(accelerator)),
		  "%s cannot hand out GPUs", runtime->title);
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

void
preflight_gpus(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = facts_visible(a, c, n);
	const char *told = c->engine->resources_env;

	/* If the user tells the coordinator what the node has, devices are not counted. */
	if ((told && env_value(c, n, told)) || preflight_gpus_is_for_cpu(c, n))
		return;
	preflight_gpus_check_count(a, c, n, f, out);
	preflight_gpus_check_toolkit(a, c, n, f, out);
	preflight_gpus_check_faults(a, n, f, out);
	preflight_gpus_check_gpus_free(a, c, n, f, out);
	preflight_gpus_check_alike(n, f, out);
}
