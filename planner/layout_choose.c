/* Spec and facts -> what is asked of a layout, and the answer into the model. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/facts.h"
#include "planner/kinds/common.h"
#include "planner/layout.h"
#include "planner/layout_fit.h"

static const double GIB = 1024.0 * 1024 * 1024, MIB = 1024.0 * 1024;

/* ---- what is asked ---- */

static const char *
arg(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->engine.args.n; i++)
		if (strcmp(s->engine.args.v[i].key.text, key) == 0)
			return s->engine.args.v[i].value.text ? s->engine.args.v[i].value.text : "true";
	return NULL;
}

static bool
arg_flag(const struct spec *s, const char *key)
{
	const char *value = arg(s, key);

	return value && strcmp(value, "false") != 0;
}

/* A number as vLLM reads it: 32768, 32k (thousands), 32K (1024s), 1.5G. 0: none. */
static double
arg_number(const struct spec *s, const char *key)
{
	static const struct { char letter; double times; } unit[] = {{'k', 1e3}, {'m', 1e6},
		{'g', 1e9}, {'K', 1024.0}, {'M', 1024.0 * 1024}, {'G', 1024.0 * 1024 * 1024}};
	const char *value = arg(s, key);
	char *end;
	double x;

	if (!value)
		return 0;
	x = strtod(value, &end);
	if (end == value || !(x > 0) || x > 1e15)
		return 0;
	for (size_t i = 0; *end && i < countof(unit); i++)
		if (*end == unit[i].letter)
			x *= unit[i].times;
	return x;
}

static void
ask_utilization(struct arena *a, const struct model *m, struct layout_ask *ask)
{
	struct engine_version v = model_engine_version(m);
	double given = arg_number(m->spec, "gpu-memory-utilization");

	if (given > 0 && given <= 1) {
		ask->utilization = given;
		ask->utilization_from = "engine.args";
	} else if (engine_version_known(v)) {
		ask->utilization = engine_version_before(v, 0, 20, 0) ? 0.90 : 0.92;
		ask->utilization_from = arena_printf(a, "the default of vLLM v%d.%d.%d", v.major,
						     v.minor, v.patch);
	} else {
		ask->utilization = 0.90;
		ask->utilization_from = "the default of vLLM before v0.20.0";
	}
}

static void
ask_partition(struct arena *a, const struct model *m, struct layout_ask *ask)
{
	const char *text = m->nnode ? env_value(m, &m->node[0], "VLLM_PP_LAYER_PARTITION") : NULL;
	struct { long long *v; size_t n, cap; } list = {0};
	char *end;

	while (text && *text && list.n < 1024) {
		long long n = strtoll(text, &end, 10);

		if (end == text || n < 0 || n > 100000)
			return;
		*vec_push(a, &list) = n;
		text = *end == ',' ? end + 1 : end;
	}
	ask->partition = list.v;
	ask->npartition = list.n;
}

/* Seen in v0.32.0, not in v0.21.0. Between them, and where the version is not known, sizes of
 * the spec have the benefit of the doubt, and a choice is careful. */
static bool
refines(struct engine_version v, bool given)
{
	if (!engine_version_known(v) || (!engine_version_before(v, 0, 22, 0) &&
					 engine_version_before(v, 0, 32, 0)))
		return given;
	return !engine_version_before(v, 0, 32, 0);
}

/* The length of a sequence. More than the config has is refused, unless something that is not
 * read here may have made it longer. */
static void
ask_context(struct arena *a, const struct model *m, struct layout_ask *ask)
{
	static const char *const longer[] = {"hf-overrides", "rope-scaling", "rope-theta",
		"config-format", "hf-config-path"};
	const struct modelfacts *f = ask->model;
	const char *given = arg(m->spec, "max-model-len");
	double context = arg_number(m->spec, "max-model-len");
	bool other = m->nnode && env_value(m, &m->node[0], "VLLM_ALLOW_LONG_MAX_MODEL_LEN");

	for (size_t i = 0; i < countof(longer); i++)
		other = other || arg(m->spec, longer[i]);
	ask->context_fitted = given && (strcmp(given, "auto") == 0 || strcmp(given, "-1") == 0);
	if (context > 0 && context < 1e9)
		ask->context = (long long)context;
	else
		ask->context = engine_version_before(model_engine_version(m), 0, 14, 0)
			? f->context : f->context_unasked;
	if (!other && f->context_most > 0 && ask->context > f->context_most)
		ask->context_why = arena_printf(a, "User-specified max_model_len (%lld) is greater than "
						"the derived max_model_len (%lld)", ask->context,
						f->context_most);
}

/* How much is computed at once: vLLM's own defaults go by the GPU of the head. */
static void
ask_step(const struct model *m, struct layout_ask *ask)
{
	const struct layout_node *head = &ask->node[0];
	bool large = ask->nnode && head->memory >= 70 * GIB && !(head->gpu && strstr(head->gpu, "A100"));
	/* (Seen in v0.28.0, not in v0.17.1.) */
	bool larger = large && head->memory >= 160 * GIB &&
		      !engine_version_before(model_engine_version(m), 0, 28, 0);
	double tokens = arg_number(m->spec, "max-num-batched-tokens");
	double sequences = arg_number(m->spec, "max-num-seqs");

	ask->batch_tokens = tokens > 0 && tokens < 1e7 ? (long long)tokens :
			    larger ? 16384 : large ? 8192 : 2048;
	ask->sequences = sequences > 0 && sequences < 1e6 ? (long long)sequences :
			 large ? 1024 : 256;
}

static void
ask_args(struct arena *a, const struct model *m, struct layout_ask *ask)
{
	const struct spec *s = m->spec;
	const char *kv = arg(s, "kv-cache-dtype"), *quantization = arg(s, "quantization");

	ask_context(a, m, ask);
	ask->kv_bits = kv && (strncmp(kv, "fp8", 3) == 0 || strncmp(kv, "int8", 4) == 0) ? 8 :
		       kv && strncmp(kv, "nvfp4", 5) == 0 ? 4.5 : ask->model->dtype_bits;
	ask->kv_given = arg_number(s, "kv-cache-memory-bytes");
	ask->offload = arg_number(s, "cpu-offload-gb") * GIB;
	ask->expert_parallel = arg_flag(s, "enable-expert-parallel");
	ask->eager = arg_flag(s, "enforce-eager");
	ask->dcp = (long long)arg_number(s, "decode-context-parallel-size");
	ask->other_kernels = quantization != NULL;
	ask->eplb = arg_flag(s, "enable-eplb");
	ask->more_experts = arg(s, "eplb-config") || arg(s, "num-redundant-experts");
	/* Since v0.16.0 each weight is made smaller while it is loaded. */
	ask->loads_whole = engine_version_before(model_engine_version(m), 0, 16, 0);
	ask->refines = refines(model_engine_version(m), ask->tensor > 0);
	if (quantization && ask->model->known && ask->model->quant == QUANT_NONE)
		ask->model = modelfacts_quantised(a, ask->model, quantization);
	ask_step(m, ask);
	ask_utilization(a, m, ask);
	ask_partition(a, m, ask);
}

static double
smallest_gpu(const struct facts *f)
{
	double least = 0;

	for (size_t i = 0; i < f->gpu.n; i++)
		if (f->gpu.v[i].total_mib > 0 &&
		    (least <= 0 || (double)f->gpu.v[i].total_mib * MIB < least))
			least = (double)f->gpu.v[i].total_mib * MIB;
	if (least > 0)
		return least;
	/* Where GPU and host share one memory, nvidia-smi has no number for it. */
	return f->gpu.n && !f->gpu.v[0].trouble && f->ram_kib > 0 ? (double)f->ram_kib * 1024 : 0;
}

/* "NVIDIA L40S", or of all that are there "NVIDIA L40S and NVIDIA A100-SXM4-40GB". */
static const char *
gpu_names(struct arena *a, const struct facts *f)
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

/* Every node of the spec; the first that nothing is known of in *silent. */
static struct layout_node *
ask_nodes(struct arena *a, const struct model *m, const struct node **silent)
{
	struct layout_node *list = ar_array(a, struct layout_node, m->nspec + 1);

	for (size_t i = 0; i < m->nspec; i++) {
		const struct node *n = &m->node[i];
		const struct facts *f = facts_visible(a, m, n);

		list[i] = (struct layout_node){.name = n->name,
			.gpus = n->gpus >= 0 ? n->gpus : f ? (long long)f->gpu.n : 0};
		if (f && f->gpu.n) {
			list[i].gpu = gpu_names(a, f);
			list[i].memory = smallest_gpu(f);
			list[i].island = f->island;
		}
		if (list[i].gpus < 1 && !*silent)
			*silent = n;
	}
	return list;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && strcmp(s + n - k, end) == 0;
}

/* The weight files that vLLM loads: safetensors in the top folder, else *.bin there. */
static double
weight_files(const struct manifest *list)
{
	static const char *const ends[] = {".safetensors", ".bin"};
	double bytes = 0;

	for (size_t e = 0; e < countof(ends) && bytes <= 0; e++)
		for (size_t i = 0; list && i < list->n; i++) {
			const char *path = list->v[i].path;

			if (ends_with(path, ends[e]) && !strchr(path, '/') &&
			    strncmp(path, "consolidated", 12) != 0)
				bytes += (double)list->v[i].size;
		}
	return bytes;
}

/* model.path: what the head has there; every node has the same. */
static void
texts_of_path(struct arena *a, struct model *m)
{
	const struct facts *f = m->nnode && node_seen(&m->node[0]) ? m->node[0].facts : NULL;
	struct modeltexts *t = &m->texts;

	if (!m->spec->model.path.text || t->config)
		return;
	if (!f || !f->model_config) {
		t->why = arena_printf(a, "there is no config.json in '%s'", m->spec->model.path.text);
		return;
	}
	t->config = f->model_config;
	t->nconfig = strlen(t->config);
	if (f->model_total > 0) {
		t->index = arena_printf(a, "{\"metadata\": {\"total_size\": %lld}}", f->model_total);
		t->nindex = strlen(t->index);
	}
	t->file_bytes = (double)f->model_bytes;
}

static struct layout_ask *
ask_of(struct arena *a, struct model *m, const struct node **silent)
{
	const struct spec_parallelism *p = &m->spec->parallelism;
	struct layout_ask *ask = ar_new(a, struct layout_ask);

	texts_of_path(a, m);
	if (!m->texts.config && !m->texts.why && m->commit_why)
		m->texts.why = arena_printf(a, "its config.json is not known: %s", m->commit_why);
	if (m->texts.file_bytes <= 0)
		m->texts.file_bytes = weight_files(m->manifest);
	m->shape = modelfacts_read(a, &m->texts);
	*ask = (struct layout_ask){
		.model = m->shape,
		.node = ask_nodes(a, m, silent),
		.nnode = m->nspec,
		.tensor = p->is_auto || p->tensor.is_auto ? 0 : p->tensor.value,
		.pipeline = p->is_auto || p->pipeline.is_auto ? 0 : p->pipeline.value,
		.data = m->data,
		/* With how many nodes is not known yet; one does with either. */
		.mp = model_several_backend(a, m) == BACKEND_MP,
	};
	ask_args(a, m, ask);
	return ask;
}

/* ---- what comes of it ---- */

/* While a node or the Hub does not answer: what the engine was started with, as the head's
 * record has it, lest silence somewhere looks like a change of the layout. */
static bool
keep_recorded(struct arena *a, struct model *m, bool fixed, const char *why)
{
	const struct facts *f = m->nnode && node_seen(&m->node[0]) ? m->node[0].facts : NULL;

	for (size_t i = 0; f && i < f->record.n; i++) {
		struct attrs inputs = f->record.v[i].inputs;
		long long tensor = strtoll(attrs_value(&inputs, "tensor", "0"), NULL, 10);
		long long pipeline = strtoll(attrs_value(&inputs, "pipeline", "0"), NULL, 10);
		long long nodes = strtoll(attrs_value(&inputs, "nodes", "0"), NULL, 10);

		if (tensor < 1 || pipeline < 1 || nodes < 1 || nodes > (long long)m->nspec)
			continue;
		if (fixed && (tensor != m->tensor || pipeline != m->pipeline))
			continue;
		m->tensor = tensor;
		m->pipeline = pipeline;
		m->nlayout = (size_t)nodes;
		model_choose_backend(a, m);
		if (!fixed)
			m->layout_note = arena_printf(a, "as recorded: %s", why);
		return true;
	}
	return false;
}

static const char *
note(struct arena *a, const struct layout_result *r)
{
	const struct layout_ask *ask = r->ask;
	struct layout_stage s;

	if (!r->usable || r->best.fit == FIT_UNKNOWN || !ask->model->known)
		return NULL;
	s = layout_stage(ask, &r->best, r->best.worst);
	if (!ask->context)
		return arena_printf(a, "weights %.1f of %.1f GiB per GPU", r->best.weights / GIB,
				    s.memory / GIB);
	if (ask->context_fitted && r->context_fits)
		return arena_printf(a, "weights %.1f of %.1f GiB per GPU, KV for 1 × %lld tokens",
				    r->best.weights / GIB, s.memory / GIB, r->context_fits);
	return arena_printf(a, "weights %.1f of %.1f GiB per GPU, KV for %.1f × %lld tokens",
			    r->best.weights / GIB, s.memory / GIB, r->best.sequences, ask->context);
}

static const char *
first_advice(const struct layout_result *r)
{
	return r->advice.n ? r->advice.v[0] : NULL;
}

/* What is wrong with the nodes that it takes. */
static void
warn_nodes(struct arena *a, const struct model *m, const struct layout_result *r,
	   struct problems *out)
{
	const struct layout_try *t = &r->best;
	size_t unused = m->nspec - t->nodes;
	long long most = 0, idle = -t->tensor * t->pipeline * r->ask->data;

	for (size_t i = 0; i < t->nodes; idle += r->ask->node[i++].gpus)
		most = r->ask->node[i].gpus > most ? r->ask->node[i].gpus : most;
	if (t->spans)
		problem_add(a, out, DIAG_WARNING, NULL, NULL, "%s",
			    layout_spans_why(a, t->tensor, most));
	if (t->uneven && t->nodes > 1 && idle > 0)
		problem_add(a, out, DIAG_WARNING, NULL, NULL, "the nodes of the layout have different "
			    "numbers of GPUs: %lld stay%s idle", idle, idle == 1 ? "s" : "");
	if (unused && t->nodes && !(r->fixed && layout_of(m->spec).wanted < (long long)m->nspec))
		problem_add(a, out, DIAG_WARNING, NULL, NULL, "node '%s'%s not used: %s needs %zu",
			    m->node[t->nodes].name, unused == 1 ? " is" :
			    arena_printf(a, " and %zu more are", unused - 1),
			    layout_name(a, r->ask, t->tensor, t->pipeline), t->nodes);
}

static void
warn(struct arena *a, const struct model *m, const struct layout_result *r, struct problems *out)
{
	const struct layout_ask *ask = r->ask;
	const struct layout_try *t = &r->best;

	if (t->fit == FIT_SHORT)
		problem_add(a, out, DIAG_WARNING, NULL, first_advice(r), "the KV cache has room for "
			    "%.2f sequences of %lld tokens: vLLM will refuse to start (estimate)",
			    t->sequences, ask->context);
	if (t->fit == FIT_FULL)
		problem_add(a, out, DIAG_WARNING, NULL, first_advice(r), "weights of %.1f GiB per GPU "
			    "leave no room for a KV cache (estimate)", t->weights / GIB);
	if (ask->context_why)
		problem_add(a, out, DIAG_WARNING, NULL, "lower max-model-len, or set engine.env: "
			    "{VLLM_ALLOW_LONG_MAX_MODEL_LEN: 1}", "vLLM will refuse to start: %s",
			    ask->context_why);
	/* With 'gpus' for every node, the checks of the spec said it. */
	if (!r->fixed || !layout_of(m->spec).known)
		warn_nodes(a, m, r, out);
	if (r->fixed)
		return;
	if (t->fit == FIT_UNKNOWN)
		problem_add(a, out, DIAG_WARNING, NULL, NULL, "the layout is not estimated: %s",
			    ask->model->weight_bytes <= 0 && ask->model->why ? ask->model->why
			    : "the memory of the GPUs is not known");
	else if (!ask->model->known)
		problem_add(a, out, DIAG_WARNING, NULL, NULL, "the KV cache is not estimated: %s",
			    ask->model->why);
}

/* Numbers of the spec that cannot work. That GPUs are missing is preflight's to say. */
static void
refuse(struct arena *a, const struct layout_result *r, struct problems *out)
{
	const struct layout_try *t = &r->best;
	const char *name = layout_name(a, r->ask, t->tensor, t->pipeline);

	if (t->fit == FIT_RULE)
		problem_add(a, out, DIAG_ERROR, NULL, first_advice(r), "vLLM refuses %s: %s", name,
			    t->rule);
	else if (t->fit == FIT_TOO_BIG && r->reject.n)
		problem_add(a, out, DIAG_ERROR, NULL, first_advice(r), "%s does not fit: %s", name,
			    r->reject.v[0].why);
}

/* `auto` that has no answer: the error, its reasons, and what would help. */
static void
fail(struct arena *a, const struct model *m, const struct layout_result *r, struct diags *d)
{
	enum { SHOWN = 12 };
	const struct spec_parallelism *p = &m->spec->parallelism;
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
}

static bool
is_auto(const struct layout_ask *ask)
{
	return !ask->tensor || !ask->pipeline;
}

void
layout_choose(struct arena *a, struct model *m, struct problems *out, struct diags *d)
{
	const struct node *silent = NULL;
	struct layout_ask *ask;
	struct layout_result *r;

	model_choose_backend(a, m);
	ask = ask_of(a, m, &silent);
	if (silent) {
		if (!keep_recorded(a, m, !is_auto(ask), "not every node answers") && is_auto(ask))
			diag_error(d, m->spec->parallelism.at, "'auto' needs to know the GPUs of every "
				   "node: '%s' %s (or write 'gpus' for it)", silent->name,
				   node_seen(silent) ? "has none" : "does not answer");
		return;
	}
	if (is_auto(ask) && !m->texts.config &&
	    keep_recorded(a, m, false, "the model cannot be looked up now"))
		return;
	r = m->layout = layout_search(a, ask);
	m->layout_note = note(a, r);
	if (is_auto(ask) && !r->usable) {
		fail(a, m, r, d);
		return;
	}
	/* What Ray is told of GPUs says nothing of the nodes that sizes of the spec take. */
	if (is_auto(ask) ||
	    (r->best.nodes && !env_value(m, &m->node[0], "RAY_OVERRIDE_RESOURCES"))) {
		m->tensor = r->best.tensor;
		m->pipeline = r->best.pipeline;
		m->nlayout = r->best.nodes;
		model_choose_backend(a, m);
	}
	if (r->usable)
		warn(a, m, r, out);
	else
		refuse(a, r, out);
}

bool
layout_works(const struct layout_result *r)
{
	return r->found && !r->ask->context_why;
}
