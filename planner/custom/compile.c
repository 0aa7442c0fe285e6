/* Spec -> cluster with the user's steps. Also finds circles among the steps of a spec with
 * other errors, so that all errors are shown together. */
#include "planner/custom/compile.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/custom/custom.h"
#include "planner/spec/places.h"
#include "planner/steps/kinds.h"

/* ---- a spec with mistakes ---- */

/* One node stands for those that are lost; the shape depends on whether there are several. */
static void
compile_take_nodes(struct arena *a, struct spec *to, const struct spec *s)
{
	size_t n = s->nnode + (s->nodes_lost || !s->nnode);

	to->node = ar_array(a, struct spec_node, n);
	to->nnode = to->capnode = n;
	for (size_t i = 0; i < n; i++) {
		const char *name = i < s->nnode ? s->node[i].name.text : NULL;

		to->node[i] = (struct spec_node){.name = {.text = name ? name : "?"},
			.host = {.text = "x"}, .executor = {.text = "ssh"}};
		if (i < s->nnode)
			to->node[i].gpus = s->node[i].gpus;
	}
}

static void
compile_take_sizes(struct spec *to, const struct spec *s)
{
	const struct spec_parallelism *p = &s->parallelism;

	to->parallelism = (struct spec_parallelism){.is_auto = true, .data.value = 1};
	if (p->tensor.value < 1 || p->pipeline.value < 1 || p->data.value < 1)
		return;
	to->parallelism = *p;
	if (!layout_of(to).nodes)
		to->parallelism.is_auto = true;
}

/* A kind whose file could not be read, by its name alone. */
static void
compile_take_kinds(struct arena *a, struct spec *to, const struct spec *s)
{
	struct custom_kinds *known = ar_new(a, struct custom_kinds);

	for (size_t i = 0; s->custom_kinds && i < s->custom_kinds->n; i++)
		*vec_push(a, known) = s->custom_kinds->v[i];
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *step = &s->steps.v[i];
		bool found = step->command.text || !step->kind.text || !step->name.text ||
			     kind_find(step->kind.text);
		struct custom_kind *new;

		for (size_t k = 0; !found && k < known->n; k++)
			found = strcmp(known->v[k]->kind.name, step->kind.text) == 0;
		if (found)
			continue;
		new = ar_new(a, struct custom_kind);
		*new = (struct custom_kind){.kind = kind_lua};
		new->kind.custom = new;
		new->kind.name = step->kind.text;
		*vec_push(a, known) = new;
	}
	to->custom_kinds = known;
}

static const char *
compile_or(struct word from, const char *otherwise)
{
	return from.text ? from.text : otherwise;
}

/* As much of the spec as a graph needs. */
static const struct spec *
compile_shape(struct arena *a, const struct spec *s)
{
	const struct spec_engine *e = &s->engine;
	bool by_path = s->model.path.text && !s->model.repo.text;
	struct spec *to = ar_new(a, struct spec);

	*to = (struct spec){
		.cluster.text = "x", .shared_dir.text = "/x",
		.engine = {.kind = e->kind, .backend.text = compile_or(e->backend, "auto"),
			.image.text = compile_or(e->image, "x"),
			.launcher.text = compile_or(e->launcher, "container"),
			.runtime.text = compile_or(e->runtime, "docker"), .venv.text = "/x"},
		.model = {.repo.text = by_path ? NULL : "x/x", .client.text = "image",
			.path.text = by_path ? s->model.path.text : NULL, .at.line = 1},
		.src = s->src,
	};
	compile_take_nodes(a, to, s);
	compile_take_sizes(to, s);
	compile_take_kinds(a, to, s);
	/* Without steps that have no address. */
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *step = &s->steps.v[i];

		if (step->command.text || (step->kind.text && step->name.text &&
					   !step->command.at.line && !kind_find(step->kind.text)))
			*vec_push(a, &to->steps) = *step;
	}
	return to;
}

/* ---- */

void
compile_check_circles(struct arena *a, const struct cluster *c, struct diags *d)
{
	struct diags all = {.arena = a};

	graph_build(a, c, &all);
	diag_move_placed(d, &all);
}

struct cluster *
cluster_compile(struct arena *a, const struct spec *s, struct diags *d)
{
	struct cluster *c;

	custom_steps_check(a, s, d);
	if (d->nerror && !s->steps.n)
		return NULL;
	c = cluster_build(a, d->nerror ? compile_shape(a, s) : s);
	if (custom_steps_build(a, c, d) && d->nerror)
		compile_check_circles(a, c, d);
	return d->nerror ? NULL : c;
}
