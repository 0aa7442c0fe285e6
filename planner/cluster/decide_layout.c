/* Spec and facts -> the question for a layout; its answer -> the cluster. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/base/diag.h"
#include "planner/base/path.h"
#include "planner/cluster/decide.h"
#include "planner/cluster/visible.h"
#include "planner/layout/layout_fit.h"
#include "planner/spec/places.h"

static const double GIB = 1024.0 * 1024 * 1024;

/* ---- the question ---- */

/* "NVIDIA L40S", or all models of a node: "NVIDIA L40S and NVIDIA A100-SXM4-40GB". */
static const char *
layout_gpu_names(struct arena *a, const struct facts *f)
{
	const char *names = f->gpu.v[0].name;

	for (size_t i = 1, k; i < f->gpu.n; i++) {
		for (k = 0; k < i && strcmp(f->gpu.v[k].name, f->gpu.v[i].name) != 0;)
			k++;
		if (k == i)
			names = arena_printf(a, "%s and %s", names, f->gpu.v[i].name);
	}
	return names;
}

/* Every node of the spec. *silent: the first whose GPUs are not known. */
static struct layout_node *
layout_ask_nodes(struct arena *a, const struct cluster *c, const struct node **silent)
{
	struct layout_node *list = ar_array(a, struct layout_node, c->nspec + 1);

	for (size_t i = 0; i < c->nspec; i++) {
		const struct node *n = &c->node[i];
		const struct facts *f = facts_visible(a, c, n);

		list[i] = (struct layout_node){.name = n->name,
			.gpus = n->gpus >= 0 ? n->gpus : f ? (long long)f->gpu.n : 0};
		if (f && f->gpu.n) {
			list[i].gpu = layout_gpu_names(a, f);
			list[i].memory = gpus_memory(&f->gpu, f->ram_kib);
			list[i].reserved = gpus_reserved(&f->gpu);
			list[i].nvlink_domain = gpus_joined(&f->gpu);
		}
		if (list[i].gpus < 1 && !*silent)
			*silent = n;
	}
	return list;
}

/* The bytes of the files that an engine loads: safetensors at the top, else *.bin there. */
static double
layout_weight_files(const struct manifest *list, enum checkpoint_format format)
{
	static const char *const ends[] = {".safetensors", ".bin"};
	double bytes = 0;

	for (size_t e = 0; e < countof(ends) && bytes <= 0; e++)
		for (size_t i = 0; list && i < list->n; i++) {
			const char *path = list->v[i].path;

			if (path_ends(path, ends[e]) && !strchr(path, '/') &&
			    (format == FORMAT_MISTRAL || strncmp(path, "consolidated", 12) != 0))
				bytes += (double)list->v[i].size;
		}
	return bytes;
}

static struct layout_ask *
layout_ask_of(struct arena *a, struct cluster *c, const struct node **silent)
{
	const struct spec_parallelism *p = &c->spec->parallelism;
	const struct facts *head = c->nnode && node_observed(&c->node[0]) ? c->node[0].facts : NULL;
	struct layout_ask *ask = ar_new(a, struct layout_ask);

	if (!c->texts.config)
		c->source->texts(a, &c->spec->model, c->cached ? c->cached : head, c->commit, &c->texts);
	if (!c->texts.config && !c->texts.why && c->commit_why)
		c->texts.why = arena_printf(a, "its config.json is not known: %s", c->commit_why);
	if (c->texts.file_bytes <= 0)
		c->texts.file_bytes = layout_weight_files(c->manifest, c->texts.format);
	c->checkpoint = checkpoint_read(a, &c->texts);
	*ask = (struct layout_ask){
		.engine = c->engine,
		.model = c->checkpoint,
		.node = layout_ask_nodes(a, c, silent),
		.nnode = c->nspec,
		.tensor = p->is_auto || p->tensor.is_auto ? 0 : p->tensor.value,
		.pipeline = p->is_auto || p->pipeline.is_auto ? 0 : p->pipeline.value,
		.data = c->data,
		/* The number of nodes is not known yet; one node can have either shape. */
		.mp = cluster_several_shape(a, c) == SHAPE_RANKS,
	};
	c->engine->ask(a, c, ask);
	measured_look(c, ask);
	return ask;
}

/* ---- the answer ---- */

static const char *
layout_note(struct arena *a, const struct layout_result *r)
{
	const struct layout_ask *ask = r->ask;
	const char *weights, *layers = layout_partition_text(a, &r->best);

	if (!r->usable || r->best.fit == FIT_UNKNOWN || !ask->model->known)
		return NULL;
	weights = arena_printf(a, "weights %s GiB per GPU", layout_weights_text(a, ask, &r->best));
	if (layers)
		weights = arena_printf(a, "layers %s, %s", layers, weights);
	if (!ask->context)
		return weights;
	if (ask->context_fitted && r->context_fits)
		return arena_printf(a, "%s, KV for 1 × %lld tokens", weights, r->context_fits);
	return arena_printf(a, "%s, KV for %.1f × %lld tokens", weights, r->best.sequences, ask->context);
}

static const char *
layout_first_advice(const struct layout_result *r)
{
	return r->advice.n ? r->advice.v[0] : NULL;
}

/* Problems with the nodes of the layout. */
static void
layout_warn_nodes(struct arena *a, const struct cluster *c, const struct layout_result *r,
			 struct diags *out)
{
	const struct layout_try *t = &r->best;
	size_t unused = c->nspec - t->nodes;
	long long most = 0, idle = -t->tensor * t->pipeline * r->ask->data;

	for (size_t i = 0; i < t->nodes; idle += r->ask->node[i++].gpus)
		most = r->ask->node[i].gpus > most ? r->ask->node[i].gpus : most;
	if (t->spans)
		diag_node(out, DIAG_WARNING, NULL, NULL, "%s",
			  layout_spans_why(a, t->tensor, most));
	if (t->uneven && t->nodes > 1 && idle > 0)
		diag_node(out, DIAG_WARNING, NULL, NULL, "the nodes of the layout have different "
			  "numbers of GPUs: %lld stay%s idle", idle, idle == 1 ? "s" : "");
	if (unused && t->nodes && !(r->fixed && layout_of(c->spec).wanted < (long long)c->nspec))
		diag_node(out, DIAG_WARNING, NULL, NULL, "node '%s'%s not used: %s needs %zu",
			  c->node[t->nodes].name, unused == 1 ? " is" :
			  arena_printf(a, " and %zu more are", unused - 1),
			  layout_name(a, r->ask, t->tensor, t->pipeline), t->nodes);
}

/* What the engine uses beyond its part of the memory must be there. */
static void
layout_warn_graphs(const struct layout_ask *ask, const struct layout_try *t, struct diags *out)
{
	struct layout_stage s;
	double beyond = 0;

	if (t->fit > FIT_SHORT || t->fit == FIT_UNKNOWN || ask->kv_given > 0)
		return;
	s = layout_stage(ask, t, t->worst);
	beyond = s.memory * (1 - ask->utilization);
	if (s.over.graphs_beyond > beyond)
		diag_node(out, DIAG_WARNING, NULL, "lower gpu-memory-utilization, or set "
			  "enforce-eager", "CUDA graphs take about %.1f GiB beyond the part of the "
			  "memory that %s may use, which leaves %.1f GiB (estimate)",
			  s.over.graphs_beyond / GIB, ask->engine->title, beyond / GIB);
}

static void
layout_warn(struct arena *a, const struct cluster *c, const struct layout_result *r,
		   struct diags *out)
{
	const struct layout_ask *ask = r->ask;
	const struct layout_try *t = &r->best;

	if (t->fit == FIT_SHORT)
		diag_node(out, DIAG_WARNING, NULL, layout_first_advice(r),
			  "the KV cache has room for only "
			  "%.2f sequences of %lld tokens: %s will refuse to start (estimate)",
			  t->sequences, ask->context, ask->engine->title);
	if (t->fit == FIT_FULL)
		diag_node(out, DIAG_WARNING, NULL, layout_first_advice(r),
			  "weights of %.1f GiB per GPU "
			  "leave no room for a KV cache (estimate)",
			  t->weights / GIB);
	layout_warn_graphs(ask, t, out);
	if (ask->context_why)
		diag_node(out, DIAG_WARNING, NULL, ask->engine->context_hint,
			  "%s will refuse to start: %s", ask->engine->title, ask->context_why);
	/* With 'gpus' for every node, the checks of the spec reported it. */
	if (!r->fixed || !layout_of(c->spec).known)
		layout_warn_nodes(a, c, r, out);
	if (r->fixed)
		return;
	if (t->fit == FIT_UNKNOWN)
		diag_node(out, DIAG_WARNING, NULL, NULL, "the layout is not estimated: %s",
			  ask->model->weight_bytes <= 0 && ask->model->why ? ask->model->why
			  : "the memory of the GPUs is not known");
	else if (!ask->model->known)
		diag_node(out, DIAG_WARNING, NULL, NULL, "the KV cache is not estimated: %s",
			  ask->model->why);
}

/* Sizes of the spec that cannot work. Missing GPUs are reported by preflight. */
static void
layout_refuse(struct arena *a, const struct layout_result *r, struct diags *out)
{
	const struct layout_try *t = &r->best;
	const char *name = layout_name(a, r->ask, t->tensor, t->pipeline);

	if (t->fit == FIT_RULE)
		diag_node(out, DIAG_ERROR, NULL, layout_first_advice(r),
			  "%s refuses %s: %s", r->ask->engine->title, name, t->rule);
	else if (t->fit == FIT_TOO_BIG && r->reject.n)
		diag_node(out, DIAG_ERROR, NULL, layout_first_advice(r),
			  "%s does not fit: %s", name, r->reject.v[0].why);
}

/* A node of the layout with a card of an earlier one. */
struct repeat {
	const struct node *node, *other;
};

/* The first of them: a card has its memory once, so 'auto' counts no more nodes, unless the engines
 * on it share that. */
static struct repeat
layout_repeat(struct arena *a, const struct cluster *c, const struct layout_ask *ask)
{
	for (size_t i = 1; i < c->nlayout; i++) {
		const char *uuid;
		size_t nodes = 0;
		const struct node *n = &c->node[i], *other = visible_twice(a, c, n, &uuid, &nodes);

		if (other && other->rank < n->rank && ask->utilization * (double)nodes > 1)
			return (struct repeat){n, other};
	}
	return (struct repeat){0};
}

/* `auto` finds no layout: the error, the reasons, and what would help. */
static void
layout_fail(struct arena *a, const struct cluster *c, const struct layout_result *r,
		   const struct repeat *twice, struct diags *d)
{
	enum { SHOWN = 12 };
	const struct spec_parallelism *p = &c->spec->parallelism;
	struct loc at = p->tensor.is_auto ? p->tensor.at : p->pipeline.is_auto ? p->pipeline.at : p->at;

	diag_error(d, at, "no layout of the model fits these nodes");
	for (size_t i = 0; i < r->reject.n && i < SHOWN; i++) {
		const struct layout_reject *x = &r->reject.v[i];

		diag_note(d, (struct loc){0}, "%s: %s", layout_reject_name(a, r->ask, x), x->why);
	}
	if (r->reject.n > SHOWN)
		diag_note(d, (struct loc){0}, "and %zu more: 'dray explain layout' shows all",
			  r->reject.n - SHOWN);
	for (size_t i = 0; i < r->advice.n; i++)
		diag_note(d, (struct loc){0}, "it would fit %s", r->advice.v[i]);
	if (twice->node)
		diag_note(d, (struct loc){0}, "node '%s'%s not counted: it has a GPU of node '%s', whose memory is "
			  "there once", twice->node->name,
			  twice->node->rank + 1 < c->nspec ? " and those behind it are" : " is", twice->other->name);
}

static bool
layout_is_auto(const struct layout_ask *ask)
{
	return !ask->tensor || !ask->pipeline;
}

static void
layout_say_silent(struct arena *a, const struct cluster *c, const struct node *silent, struct diags *d)
{
	const char *variable, *what = "does not answer", *hint = "write 'gpus' for it, or set tensor and pipeline";

	if (node_observed(silent) && silent->facts->gpu.n && node_selects(c, silent, &variable)) {
		what = arena_printf(a, "has %s='%s', which selects none of its %zu", variable,
				    node_selects(c, silent, &variable), silent->facts->gpu.n);
		hint = env_value(c, silent, variable) ? "correct it, or remove it"
			: "its login sets that; write another list in its env";
	} else if (node_observed(silent)) {
		what = "shows none";
		hint = "take it out of 'nodes' if it has none: a node without GPUs cannot serve";
	}
	diag_error(d, c->spec->parallelism.at, "'auto' needs to know the GPUs of every node, but '%s' %s (%s)",
		   silent->name, what, hint);
}

void
decide_layout(struct arena *a, struct cluster *c, struct diags *d)
{
	const struct node *silent = NULL;
	const char *told = c->engine->resources_env;
	struct repeat twice = {0};
	struct layout_ask *ask;
	struct layout_result *r;

	ask = layout_ask_of(a, c, &silent);
	if (silent) {
		if (!decide_recorded(a, c, !layout_is_auto(ask),
				     "not every node answers") &&
		    layout_is_auto(ask))
			layout_say_silent(a, c, silent, d);
		return;
	}
	if (layout_is_auto(ask) && !c->texts.config &&
	    decide_recorded(a, c, false, "the model cannot be looked up"))
		return;
	r = layout_search(a, ask);
	if (layout_is_auto(ask) && r->usable && r->best.nodes > 1) {
		size_t all = c->nlayout;

		c->nlayout = r->best.nodes;
		twice = layout_repeat(a, c, ask);
		c->nlayout = all;
		if (twice.node) {
			ask->nnode = (size_t)(twice.node - c->node);
			r = layout_search(a, ask);
		}
	}
	c->layout = r;
	c->layout_note = layout_note(a, r);
	if (layout_is_auto(ask) && !r->usable) {
		layout_fail(a, c, r, &twice, d);
		return;
	}
	/* If the user tells the coordinator about GPUs, observed GPUs do not decide how many nodes
	 * the sizes of the spec take. */
	if (layout_is_auto(ask) ||
	    (r->best.nodes && !(told && env_value(c, &c->node[0], told)))) {
		c->tensor = r->best.tensor;
		c->pipeline = r->best.pipeline;
		c->nlayout = r->best.nodes;
	}
	if (r->usable)
		c->partition = layout_partition_text(a, &r->best);
	if (r->usable)
		layout_warn(a, c, r, d);
	else
		layout_refuse(a, r, d);
}
