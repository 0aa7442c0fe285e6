/* The layout for programs: one object on one line, sizes in bytes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"
#include "planner/layout/layout_fit.h"
#include "planner/plan/view/layout_view.h"

static const char *
layout_json_fit_word(enum fit fit)
{
	static const char *const words[] = {
		[FIT_OK] = "ok", [FIT_UNKNOWN] = "not_estimated", [FIT_SHORT] = "short",
		[FIT_FULL] = "no_kv_cache", [FIT_TOO_BIG] = "too_big", [FIT_RULE] = "rule",
		[FIT_GPUS] = "gpus",
	};

	return words[fit];
}

static json_t *layout_json_bytes(double x) { return json_integer((json_int_t)x); }

static json_t *
layout_json_model_object(const struct checkpoint *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "architecture", json_shown(f->architecture));
	json_object_set_new(o, "layers", json_integer(f->layers));
	json_object_set_new(o, "hidden", json_integer(f->hidden));
	json_object_set_new(o, "heads", json_integer(f->heads));
	json_object_set_new(o, "kv_heads", json_integer(f->kv_heads));
	json_object_set_new(o, "experts", json_integer(f->moe.experts));
	json_object_set_new(o, "quantization", json_shown(*f->quant_name ? f->quant_name : NULL));
	json_object_set_new(o, "weight_bytes", layout_json_bytes(f->weight_bytes));
	json_object_set_new(o, "weight_from", json_shown(f->weight_from));
	json_object_set_new(o, "spread_by", json_string(f->real ? "tensors" : f->known ? "shapes" : "mean"));
	json_object_set_new(o, "not_estimated", json_shown(f->why));
	return o;
}

static json_t *
layout_json_stage_list(const struct layout_result *r)
{
	json_t *list = json_array();

	for (long long k = 0; k < r->best.pipeline; k++) {
		struct layout_stage s = layout_stage(r->ask, &r->best, k);
		json_t *o = json_object();

		json_object_set_new(o, "layers", json_integer(s.layers));
		json_object_set_new(o, "weight_bytes", layout_json_bytes(s.weights));
		json_object_set_new(o, "memory_bytes", layout_json_bytes(s.memory));
		json_object_set_new(o, "kv_cache_bytes", layout_json_bytes(s.room));
		json_object_set_new(o, "kv_bytes_per_token", layout_json_bytes(s.kv.token));
		json_object_set_new(o, "sequences", json_real(s.sequences));
		json_array_append_new(list, o);
	}
	return list;
}

/* Why this layout was chosen. */
static const char *
layout_json_why_chosen(const struct layout_result *r)
{
	if (r->best.rule)
		return r->best.rule;
	if (r->fixed)
		return "as the spec says";
	if (r->best.fit == FIT_UNKNOWN)
		return "all GPUs: nothing says how many are enough";
	if (r->best.fit == FIT_SHORT)
		return "of those that start, the one with the most room for the context";
	if (r->best.spans)
		return "no tensor group inside a node fits";
	return r->best.nodes == 1 ? "fits on one node" : "the fewest nodes that fit";
}

/* The memory that an earlier start of the model printed, and the estimate (said_*); bytes. */
static json_t *
layout_json_measured(const struct measured *m)
{
	static const double GIB = 1024.0 * 1024 * 1024;
	json_t *o = m ? json_object() : json_null();

	if (!m)
		return o;
	json_object_set_new(o, "tensor", json_integer(m->tensor));
	json_object_set_new(o, "pipeline", json_integer(m->pipeline));
	json_object_set_new(o, "weight_bytes", layout_json_bytes(m->weights * GIB));
	json_object_set_new(o, "kv_cache_bytes", layout_json_bytes(m->kv * GIB));
	json_object_set_new(o, "kv_cache_tokens", json_integer((json_int_t)m->tokens));
	json_object_set_new(o, "said_weight_bytes", layout_json_bytes(m->said_weights * GIB));
	json_object_set_new(o, "said_kv_cache_bytes", layout_json_bytes(m->said_kv * GIB));
	return o;
}

/* What the fullest GPU needs, and what is left. */
static void
layout_json_add_sizes(json_t *o, const struct layout_result *r)
{
	const struct layout_stage worst = layout_stage(r->ask, &r->best, r->best.worst);
	const struct layout_overhead over = worst.over;
	json_t *assumed = json_object();

	json_object_set_new(o, "weight_bytes", layout_json_bytes(r->best.weights));
	json_object_set_new(o, "memory_bytes", layout_json_bytes(worst.memory));
	json_object_set_new(o, "kv_cache_bytes", layout_json_bytes(worst.room));
	json_object_set_new(o, "sequences", r->ask->model->known && r->ask->context
			    ? json_real(r->best.sequences) : json_null());
	json_object_set_new(o, "context", json_integer(r->ask->context));
	json_object_set_new(o, "context_refused", json_shown(r->ask->context_why));
	json_object_set_new(o, "gpu_memory_utilization", json_real(r->ask->utilization));
	json_object_set_new(assumed, "context_bytes", layout_json_bytes(over.context));
	json_object_set_new(assumed, "graph_bytes", layout_json_bytes(over.graphs));
	json_object_set_new(assumed, "graph_bytes_beyond", layout_json_bytes(over.graphs_beyond));
	json_object_set_new(assumed, "reserved_bytes", layout_json_bytes(worst.total - worst.memory));
	json_object_set_new(assumed, "activation_bytes", layout_json_bytes(over.activations));
	json_object_set_new(o, "assumed", assumed);
	json_object_set_new(o, "measured", layout_json_measured(r->ask->measured));
	json_object_set_new(o, "stages", layout_json_stage_list(r));
}

static json_t *
layout_json_chosen_object(const struct cluster *c)
{
	const struct layout_result *r = c->layout;
	json_t *o = json_object();

	json_object_set_new(o, "tensor", json_integer(r ? r->best.tensor : c->tensor));
	json_object_set_new(o, "pipeline", json_integer(r ? r->best.pipeline : c->pipeline));
	if (c->partition)
		json_object_set_new(o, "partition", json_shown(c->partition));
	json_object_set_new(o, "data", json_integer(r ? r->ask->data : c->data));
	json_object_set_new(o, "nodes", json_integer((json_int_t)(r ? r->best.nodes : c->nlayout)));
	json_object_set_new(o, "backend", json_string(c->engine->shape[c->shape].word));
	json_object_set_new(o, "backend_reason", json_shown(c->shape_why));
	json_object_set_new(o, "fixed", r ? json_boolean(r->fixed) : json_null());
	json_object_set_new(o, "fit", json_string(layout_json_fit_word(r ? r->best.fit : FIT_UNKNOWN)));
	json_object_set_new(o, "reason", json_shown(r ? layout_json_why_chosen(r) : c->layout_note));
	if (r && r->best.fit != FIT_UNKNOWN && r->usable)
		layout_json_add_sizes(o, r);
	return o;
}

static json_t *
layout_json_reject_list(const struct layout_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->reject.n; i++) {
		const struct layout_reject *x = &r->reject.v[i];
		json_t *o = json_object();

		json_object_set_new(o, "tensor", json_integer(x->tensor));
		json_object_set_new(o, "pipeline_from", x->from ? json_integer(x->from) : json_null());
		json_object_set_new(o, "pipeline_to", x->from ? json_integer(x->to) : json_null());
		json_object_set_new(o, "fit", json_string(layout_json_fit_word(x->fit)));
		json_object_set_new(o, "reason", json_shown(x->why));
		json_array_append_new(list, o);
	}
	return list;
}

static const char *
layout_json_message(struct arena *a, const struct cluster *c)
{
	const struct layout_result *r = c->layout;

	if (r && !r->usable && !r->fixed)
		return "layout none: nothing fits";
	return arena_printf(a, "layout TP %lld × PP %lld%s over %zu node%s%s%s",
		r ? r->best.tensor : c->tensor, r ? r->best.pipeline : c->pipeline,
		c->data > 1 ? arena_printf(a, " × DP %lld", c->data) : "",
		r ? r->best.nodes : c->nlayout, (r ? r->best.nodes : c->nlayout) == 1 ? "" : "s",
		c->layout_note ? ", " : "", c->layout_note ? c->layout_note : "");
}

void
layout_json(const struct cluster *c, FILE *to, bool all)
{
	const struct layout_result *r = c->layout;
	json_t *o = json_object(), *advice = json_array();
	struct arena a = {0};
	size_t rejected = r && !r->fixed ? r->reject.n : 0;

	for (size_t i = 0; r && i < r->advice.n; i++)
		json_array_append_new(advice, json_shown(r->advice.v[i]));
	json_object_set_new(o, "@level", json_string(!r || r->usable ? "info" : "error"));
	json_object_set_new(o, "@message", json_shown(layout_json_message(&a, c)));
	json_object_set_new(o, "@module", json_string("dray.ui"));
	json_object_set_new(o, "type", json_string("layout"));
	json_object_set_new(o, "model", r ? layout_json_model_object(r->ask->model) : json_null());
	json_object_set_new(o, "chosen", !r || r->usable || r->fixed ? layout_json_chosen_object(c)
								     : json_null());
	json_object_set_new(o, "rejected_count", json_integer((json_int_t)rejected));
	if (all)
		json_object_set_new(o, "rejected", rejected ? layout_json_reject_list(r) : json_array());
	json_object_set_new(o, "advice", advice);
	json_dumpf(o, to, JSON_COMPACT | JSON_REAL_PRECISION(6));
	fputc('\n', to);
	json_decref(o);
	arena_release(&a);
}
