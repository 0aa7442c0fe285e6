/* The layout for people: the choice, its arithmetic, and the rejected ones. */
#include <stdio.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/utf8.h"
#include "planner/layout/layout_fit.h"
#include "planner/plan/view/layout_view.h"

static const double GIB = 1024.0 * 1024 * 1024;

struct printer {
	struct arena arena;
	FILE *to;
	bool color;
	const struct cluster *cluster;
	const struct layout_result *r;
};

/* Text from a node or the Hub must not control the terminal. */
static void
layout_text_safe(const struct printer *p, const char *s)
{
	struct str out = {0};

	str_safe(&out, s, strlen(s));
	fputs(str_text(&out), p->to);
	str_release(&out);
}

static void
layout_text_line(const struct printer *p, const char *before, const char *s)
{
	fputs(before, p->to);
	layout_text_safe(p, s);
	fputc('\n', p->to);
}

static void
layout_text_heading(const struct printer *p, const char *text)
{
	fprintf(p->to, "\n%s%s%s\n", p->color ? "\033[1m" : "", text, p->color ? "\033[0m" : "");
}

static bool
layout_text_same_gpu(const struct layout_node *x, const struct layout_node *y)
{
	return x->gpu && y->gpu ? strcmp(x->gpu, y->gpu) == 0 : x->gpu == y->gpu;
}

static void
layout_text_nodes(const struct printer *p)
{
	const struct layout_ask *ask = p->r->ask;

	fprintf(p->to, "cluster %s\n", p->cluster->name);
	for (size_t i = 0, like; i < ask->nnode; i = like) {
		const struct layout_node *n = &ask->node[i];

		for (like = i + 1; like < ask->nnode && ask->node[like].gpus == n->gpus &&
				   ask->node[like].memory == n->memory &&
				   layout_text_same_gpu(&ask->node[like], n);)
			like++;
		fputs(i ? "        " : "nodes   ", p->to);
		layout_text_safe(p, n->name);
		if (like - i > 1) {
			fputs(like - i > 2 ? " to " : " and ", p->to);
			layout_text_safe(p, ask->node[like - 1].name);
		}
		fprintf(p->to, ": %zu × %lld ", like - i, n->gpus);
		layout_text_safe(p, n->gpu ? n->gpu : "GPU");
		if (n->memory > 0)
			fprintf(p->to, ", %.1f GiB each%s\n", n->memory / GIB,
				n->gpu && strstr(n->gpu, " and ") ? " (the smallest)" : "");
		else
			fputs(", memory not known\n", p->to);
	}
}

static long long
layout_text_count(const struct checkpoint *f, unsigned bit)
{
	long long n = 0;

	for (long long i = 0; i < f->layers; i++)
		n += (f->layer[i] & bit) != 0;
	return n;
}

/* "BF16 1.9 GiB, F8_E4M3 640.1 GiB": shown if there are several types. */
static void
layout_text_kinds(const struct printer *p, const struct weights_real *w)
{
	for (size_t i = 0; w->nkind > 1 && i < w->nkind; i++) {
		fputs(i ? ", " : "        ", p->to);
		layout_text_safe(p, w->kind[i].dtype);
		fprintf(p->to, " %.1f GiB%s", w->kind[i].bytes / GIB, i + 1 == w->nkind ? "\n" : "");
	}
}

/* Layers that keep a state, and those that keep nothing. */
static void
layout_text_states(const struct printer *p)
{
	const struct checkpoint *f = p->r->ask->model;
	long long states = layout_text_count(f, LAYER_LINEAR);
	long long beside = layout_text_count(f, LAYER_BOTH);
	long long only = layout_text_count(f, LAYER_NO_ATTENTION);

	if (!f->known)
		return;
	if (states)
		fprintf(p->to, "        %lld layers keep a state of %.0f KiB for each sequence%s\n",
			states, state_layer(f, 1, p->r->ask->drafts) / 1024,
			beside == states ? ", beside attention" : beside ? ", some beside attention" : "");
	if (only)
		fprintf(p->to, "        %lld layers have neither a state nor attention\n", only);
}

static void
layout_text_shape(const struct printer *p)
{
	const struct checkpoint *f = p->r->ask->model;
	const char *name = p->cluster->source->name(&p->cluster->spec->model);

	fputs("model   ", p->to);
	layout_text_safe(p, name ? name : "-");
	if (p->cluster->commit)
		fprintf(p->to, " @ %.12s", p->cluster->commit);
	fputs("\n        ", p->to);
	layout_text_safe(p, *f->architecture ? f->architecture : "architecture not known");
	if (f->layers && f->heads) {
		fprintf(p->to, ", %lld layers, hidden %lld, ", f->layers, f->hidden);
		if (f->mla.kv_rank)
			fprintf(p->to, "%lld heads, latent KV of %lld + %lld (MLA)", f->heads,
				f->mla.kv_rank, f->mla.rope);
		else
			fprintf(p->to, "%lld heads, %lld KV heads × %lld", f->heads, f->kv_heads,
				f->head_dim);
	}
	fprintf(p->to, ", %s%s%s\n", f->dtype, *f->quant_name ? ", weights in " : "", f->quant_name);
	if (f->moe.experts && layout_text_count(f, LAYER_MOE)) {
		fprintf(p->to, "        %lld experts of width %lld", f->moe.experts,
			f->moe.intermediate);
		/* Which layers have them is the architecture's. */
		if (f->known)
			fprintf(p->to, " in %lld layers", layout_text_count(f, LAYER_MOE));
		fprintf(p->to, ", %lld chosen per token\n", f->moe.chosen);
	}
	if (layout_text_count(f, LAYER_WINDOW))
		fprintf(p->to, "        %lld layers see only %lld tokens\n",
			layout_text_count(f, LAYER_WINDOW), f->window);
	layout_text_states(p);
	if (f->weight_bytes > 0)
		fprintf(p->to, "        %.1f GiB of weights, by %s\n", f->weight_bytes / GIB,
			f->weight_from);
	if (f->real)
		layout_text_kinds(p, f->real);
	else if (f->known && f->weight_bytes > 0)
		layout_text_line(p, "        split by its shapes, an estimate: ", f->real_why);
	if (f->why)
		layout_text_line(p, "        not estimated: ", f->why);
}

static void
layout_text_stages(const struct printer *p)
{
	const struct layout_try *t = &p->r->best;
	bool all = p->r->ask->model->ends_everywhere;
	struct layout_stage s, next;

	layout_text_heading(p, "stages, per GPU");
	for (long long k = 0, same; k < t->pipeline; k = same) {
		s = layout_stage(p->r->ask, t, k);
		for (same = k + 1; same < t->pipeline; same++) {
			next = layout_stage(p->r->ask, t, same);
			if (next.layers != s.layers || next.weights != s.weights || next.last ||
			    next.room != s.room)
				break;
		}
		fprintf(p->to, same - k > 1 ? "  %lld to %lld" : "  %lld     ", k + 1, same);
		fprintf(p->to, "  %4lld layers%s%s  %7.2f GiB\n", s.layers,
			s.first || all ? " + embedding" : "            ", s.last || all ? " + head" : "       ",
			s.weights / GIB);
	}
}

/* Columns on a terminal: printf counts bytes, and a × has two. */
static int layout_text_width(const char *s) { return (int)utf8_count(s, strlen(s)); }

static void
layout_text_row(const struct printer *p, const char *what, double bytes, const char *why)
{
	fprintf(p->to, "  %s%*s%9.2f GiB%s%s%s\n", what, 31 - layout_text_width(what), "",
		bytes / GIB, why ? "   (" : "", why ? why : "", why ? ")" : "");
}

/* What counts besides tokens. */
static const char *
layout_text_sequence_why(struct arena *a, const struct layout_ask *ask, const struct layout_kv *kv)
{
	const char *windows = layout_text_count(ask->model, LAYER_WINDOW) ? "windows counted" : NULL;

	if (kv->state <= 0)
		return windows;
	return arena_printf(a, "%s%sa state of %.0f block%s of %lld tokens", windows ? windows : "",
			    windows ? ", " : "", kv->state, kv->state > 1 ? "s" : "", kv->tokens);
}

static void
layout_text_arithmetic(struct printer *p)
{
	const struct layout_ask *ask = p->r->ask;
	const struct layout_try *t = &p->r->best;
	const struct layout_stage s = layout_stage(ask, t, t->worst);
	const struct layout_overhead o = s.over;
	struct arena *a = &p->arena;

	layout_text_heading(p, t->pipeline > 1 ? arena_printf(a, "memory of a GPU of stage %lld, "
		"the one with the least room", t->worst + 1) : "memory of a GPU");
	layout_text_row(p, "total", s.total, NULL);
	if (s.memory < s.total)
		layout_text_row(p, "- kept by the driver", s.total - s.memory, NULL);
	layout_text_row(p, arena_printf(a, "× %.2f", ask->utilization), s.memory * ask->utilization,
			arena_printf(a, "gpu_memory_utilization: %s", ask->utilization_from));
	layout_text_row(p, "- weights", s.weights, ask->offload > 0 ? "without cpu-offload-gb" : NULL);
	layout_text_row(p, "- libraries, NCCL", o.context, "assumed");
	if (o.graphs > 0)
		layout_text_row(p, "- CUDA graphs", o.graphs, "assumed");
	layout_text_row(p, "- activations", o.activations,
			arena_printf(a, "assumed, for %lld tokens and %lld sequences at once%s%s",
				     ask->batch_tokens, ask->sequences, o.runner ? ", " : "",
				     o.runner ? o.runner : ""));
	if (s.corrected > 0 || s.corrected < 0)
		layout_text_row(p, s.corrected < 0 ? "- less than estimated" : "+ more than estimated",
				s.corrected < 0 ? -s.corrected : s.corrected,
				"at the last start of this model");
	layout_text_row(p, "= KV cache", s.room, ask->kv_given > 0 ? "kv-cache-memory-bytes" : NULL);
	if (!ask->model->known || !ask->context)
		return;
	fprintf(p->to, "  one token                      %9.0f bytes   (%.3g-bit KV)\n", s.kv.token,
		ask->kv_bits);
	layout_text_row(p, arena_printf(a, "one sequence of %lld", ask->context),
			s.kv.block * s.kv.blocks, layout_text_sequence_why(a, ask, &s.kv));
	fprintf(p->to, "  = %.1f sequences of %lld tokens\n", s.sequences, ask->context);
	if (o.graphs_beyond > 0)
		fprintf(p->to, "  CUDA graphs take about %.1f GiB more, outside of the part that %s "
			"may use\n", o.graphs_beyond / GIB, ask->engine->title);
}

static void
layout_text_compared(const struct printer *p, const char *what, double estimated, double measured)
{
	fprintf(p->to, "  %-31s", what);
	if (estimated > 0)
		fprintf(p->to, "%9.2f GiB estimated,", estimated);
	fprintf(p->to, "%9.2f GiB measured\n", measured);
}

/* The memory that an earlier start printed, beside the estimate. */
static void
layout_text_measured(struct printer *p)
{
	const struct measured *m = p->r->ask->measured;

	if (!m)
		return;
	layout_text_heading(p, arena_printf(&p->arena, "memory of a GPU at the last start of this "
		"model, TP %lld × PP %lld", m->tensor, m->pipeline));
	if (m->weights > 0)
		layout_text_compared(p, "weights", m->said_weights, m->weights);
	layout_text_compared(p, "KV cache", m->said_kv, m->kv);
	if (m->tokens > 0)
		fprintf(p->to, "  %-31s%9.0f tokens\n", "", m->tokens);
}

/* Sizes that do not divide the heads: most of a large cluster, for one reason. */
static bool
layout_text_is_of_heads(const struct printer *p, const struct layout_reject *x)
{
	return (x->fit == FIT_RULE || x->fit == FIT_GPUS) && p->r->ask->model->heads % x->tensor != 0;
}

static bool
layout_text_is_of_gpus(const struct printer *p, const struct layout_reject *x)
{
	return x->fit == FIT_GPUS && !layout_text_is_of_heads(p, x);
}

static size_t
layout_text_count_rejects(const struct printer *p,
			  bool (*is)(const struct printer *, const struct layout_reject *))
{
	size_t n = 0;

	for (size_t i = 0; i < p->r->reject.n; i++)
		n += is(p, &p->r->reject.v[i]);
	return n;
}

/* Several sizes with the same reason, in one line. */
static void
layout_text_reject_sizes(struct printer *p,
			 bool (*is)(const struct printer *, const struct layout_reject *),
			 const char *why)
{
	enum { SHOWN = 20 };
	size_t n = layout_text_count_rejects(p, is), k = 0;

	for (size_t i = 0; i < p->r->reject.n && k < SHOWN; i++)
		if (is(p, &p->r->reject.v[i]))
			fprintf(p->to, k++ ? ", %lld" : "  TP %lld", p->r->reject.v[i].tensor);
	if (n > k)
		fprintf(p->to, " and %zu more", n - k);
	if (n)
		fprintf(p->to, "\n      %s\n", why);
}

static void
layout_text_rejected(struct printer *p)
{
	enum { LINE = 100 };
	const struct layout_result *r = p->r;
	int column = r->ask->data > 1 ? 30 : 24;
	bool many = layout_text_count_rejects(p, layout_text_is_of_gpus) > 1;
	long long have = 0;

	if (r->reject.n)
		layout_text_heading(p, "not taken");
	for (size_t i = 0; i < r->reject.n; i++) {
		const struct layout_reject *x = &r->reject.v[i];
		const char *name = layout_reject_name(&p->arena, r->ask, x);

		if (layout_text_is_of_heads(p, x) || (many && layout_text_is_of_gpus(p, x)))
			continue;
		if (column + 2 + layout_text_width(x->why) > LINE)
			fprintf(p->to, "  %s\n      ", name);
		else
			fprintf(p->to, "  %s%*s", name, column - layout_text_width(name), "");
		layout_text_safe(p, x->why);
		fputc('\n', p->to);
	}
	for (size_t i = 0; i < r->ask->nnode; i++)
		have += r->ask->node[i].gpus;
	if (many)
		layout_text_reject_sizes(p, layout_text_is_of_gpus, arena_printf(&p->arena,
			"World size is larger than the number of available GPUs (%lld)", have));
	layout_text_reject_sizes(p, layout_text_is_of_heads, arena_printf(&p->arena,
		"Total number of attention heads (%lld) must be divisible by tensor parallel size",
		r->ask->model->heads));
}

static void
layout_text_chosen(struct printer *p)
{
	const struct layout_result *r = p->r;
	const struct layout_try *t = &r->best;
	const char *engine = r->ask->engine->title;

	fprintf(p->to, "\nlayout  ");
	if (!r->usable && !r->fixed) {
		fputs("none: nothing fits\n", p->to);
		return;
	}
	fprintf(p->to, "%s%s%s", p->color ? "\033[1m" : "",
		layout_name(&p->arena, r->ask, t->tensor, t->pipeline), p->color ? "\033[0m" : "");
	if (t->nodes)
		fprintf(p->to, " over %zu node%s", t->nodes, t->nodes == 1 ? "" : "s");
	fprintf(p->to, ", %s (%s)\n", p->cluster->engine->shape[p->cluster->shape].word,
		r->fixed ? "as the spec says" : "chosen");
	if (p->cluster->layout_note)
		layout_text_line(p, "        ", p->cluster->layout_note);
	if (!r->usable && r->reject.n)
		layout_text_line(p, "        refused: ", r->reject.v[0].why);
	if (r->ask->context_why)
		fprintf(p->to, "        %s will refuse to start:\n        %s\n", engine, r->ask->context_why);
	if (t->fit == FIT_UNKNOWN && r->usable && !r->fixed)
		fputs("        takes all GPUs: nothing says how many are enough\n", p->to);
	if (t->spans && r->usable)
		fputs("        tensor groups span several nodes: each layer will wait for the network\n",
		      p->to);
	if (t->fit == FIT_FULL)
		fprintf(p->to, "        no room for a KV cache: %s will refuse to start (estimate)\n", engine);
	if (t->fit == FIT_SHORT)
		fprintf(p->to, "        too little for the context asked for: %s will refuse to start "
			"(estimate)\n", engine);
}

void
layout_text(const struct cluster *c, FILE *to, bool color)
{
	struct printer p = {.to = to, .color = color, .cluster = c, .r = c->layout};
	const struct layout_result *r = c->layout;

	layout_text_nodes(&p);
	layout_text_shape(&p);
	layout_text_chosen(&p);
	if (r->usable && r->best.fit != FIT_UNKNOWN) {
		if (r->ask->model->known)
			layout_text_stages(&p);
		layout_text_arithmetic(&p);
	}
	layout_text_measured(&p);
	if (!r->fixed)
		layout_text_rejected(&p);
	if (r->advice.n)
		layout_text_heading(&p, layout_works(r) ? "fewer nodes" : "what would make it fit");
	for (size_t i = 0; i < r->advice.n; i++)
		fprintf(to, "  %s\n", r->advice.v[i]);
	arena_release(&p.arena);
}
