/* What decides which steps wait for which, of a spec that is wrong elsewhere: the rest is
 * taken from one that is right, so that circles are told together with other mistakes. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout.h"
#include "planner/user.h"

static const char right[] = "cluster: x\nnodes: [x]\nshared_dir: /x\nmodel: {repo: x/x}\n"
	"parallelism: auto\nengine: {image: 'x:1'}\n";

/* One stands for those that are lost: whether there are several decides about Ray. */
static void
take_nodes(struct arena *a, struct spec *to, const struct spec *s)
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
take_engine(struct spec *to, const struct spec *s)
{
	const struct { struct word *to; const struct word *from; } all[] = {
		{&to->engine.backend, &s->engine.backend}, {&to->engine.image, &s->engine.image},
		{&to->engine.launcher, &s->engine.launcher}, {&to->engine.runtime, &s->engine.runtime},
	};
	const struct spec_parallelism *p = &s->parallelism;

	for (size_t i = 0; i < countof(all); i++)
		if (all[i].from->text)
			*all[i].to = *all[i].from;
	to->engine.venv.text = "/x";
	if (s->model.path.text && !s->model.repo.text) {
		to->model.path = s->model.path;
		to->model.repo = (struct word){0};
	}
	if (p->tensor.value < 1 || p->pipeline.value < 1 || p->data.value < 1)
		return;
	to->parallelism = *p;
	if (!layout_of(to).nodes)
		to->parallelism.is_auto = true;
}

/* A kind whose file is not to be had, by its name alone. */
static void
take_kinds(struct arena *a, struct spec *to, const struct spec *s)
{
	struct user_kinds *known = ar_new(a, struct user_kinds);

	for (size_t i = 0; s->user_kinds && i < s->user_kinds->n; i++)
		*vec_push(a, known) = s->user_kinds->v[i];
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *step = &s->steps.v[i];
		bool found = step->command.text || !step->kind.text || !step->name.text ||
			     kind_find(step->kind.text);
		struct user_kind *new;

		for (size_t k = 0; !found && k < known->n; k++)
			found = strcmp(known->v[k]->kind.name, step->kind.text) == 0;
		if (found)
			continue;
		new = ar_new(a, struct user_kind);
		*new = (struct user_kind){.kind = kind_lua};
		new->kind.name = step->kind.text;
		*vec_push(a, known) = new;
	}
	to->user_kinds = known;
}

/* Without those that have no address. */
static void
take_steps(struct arena *a, struct spec *to, const struct spec *s)
{
	for (size_t i = 0; i < s->steps.n; i++) {
		const struct spec_step *step = &s->steps.v[i];

		if (step->command.text || (step->kind.text && step->name.text &&
					   !step->command.at.line && !kind_find(step->kind.text)))
			*vec_push(a, &to->steps) = *step;
	}
}

const struct spec *
user_shape(struct arena *a, const struct spec *s)
{
	struct source *src = ar_new(a, struct source);
	struct diags quiet = {.arena = a};
	struct spec *to;

	if (!s->steps.n)
		return NULL;
	*src = (struct source){.name = "", .text = right, .len = sizeof right - 1};
	to = spec_read(a, src, NULL, &quiet);
	if (!to)
		return NULL;
	take_nodes(a, to, s);
	take_engine(to, s);
	take_kinds(a, to, s);
	take_steps(a, to, s);
	return to;
}
