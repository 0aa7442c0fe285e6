#ifndef FAKE_PLAN_H
#define FAKE_PLAN_H

/*
 * Six small kinds shaped like the real ones, for tests that set by hand what was observed:
 * image (kept), download (kept), head, worker (on each other node), serve (restarts), probe
 * (runs). Everything is there and correct until `tweak` changes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/plan/plan.h"

struct fake {
	struct arena arena;
	struct cluster cluster;
	struct spec spec;
	struct source src;
	struct facts *facts;            /* one per node */
	struct spec_node *spec_node;
	struct graph *graph;
	struct plan *plan;
	struct diags diags;
	struct diags problems;
	char *text;
};

/* Set it before fake_make(): it is called for each step, which is correct by then. */
static void (*tweak)(struct arena *, struct step *);

static void
fake_nothing(struct arena *a, const struct step *s, struct tasks *t)
{
	(void)a, (void)s, (void)t;
}

static void
fake_see(struct arena *a, struct step *s, struct diags *p)
{
	(void)p;
	s->observed = (struct observed){.state = STATE_PRESENT,
		.instance = arena_printf(a, "i-%s", s->addr)};
	if (s->kind->keep)
		s->observed.output = arena_printf(a, "out-%s", s->addr);
	for (size_t i = 0; i < s->want.n; i++)
		if (s->want.v[i].secret)
			attrs_add_secret(a, &s->observed.have, s->want.v[i].name, s->want.v[i].value);
		else
			attrs_add(a, &s->observed.have, s->want.v[i].name, s->want.v[i].value);
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct dep *dep = &s->deps.v[i];

		if (dep->edge == EDGE_INSTANCE)
			attrs_add(a, &s->observed.bound, dep->on->addr, dep->on->observed.instance);
		if (dep->edge == EDGE_CONTENT)
			attrs_add(a, &s->observed.have, dep->input, dep->on->observed.output);
	}
	if (tweak)
		tweak(a, s);
}

static const struct field_effect fake_fields[] = {
	{"label", EFFECT_NONE, ""}, {"note", EFFECT_UPDATE, ""}, {"args.", EFFECT_REPLACE, ""},
	{"args.hot", EFFECT_UPDATE, ""}, {"dray.", EFFECT_REPLACE, "", .later = true},
	{.name = NULL},
};

static struct kind fake_image, fake_download, fake_head, fake_worker, fake_serve, fake_probe;

static void
plan_image(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	for (size_t i = 0; i < c->nlayout; i++)
		attrs_add(a, &graph_add(b, &fake_image, &c->node[i], true)->want, "ref", "v:1");
}

static void
plan_download(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	struct step *s = graph_add(b, &fake_download, &c->node[0], false);

	attrs_add(a, &s->want, "commit", "abc");
	graph_dep_all(b, s, "image", EDGE_ORDER, NULL);
}

static void
plan_ray(struct arena *a, const struct cluster *c, struct graph_builder *b, const struct kind *kind,
	 struct node *node)
{
	struct step *s = graph_add(b, kind, node, true);

	(void)c;
	attrs_add(a, &s->want, "env.A", "1");
	attrs_add(a, &s->want, "note", "n");
	attrs_add(a, &s->want, "label", "l");
	graph_dep(b, s, graph_find(b->graph, arena_printf(a, "image[%s]", node->name)),
		  EDGE_CONTENT, "image_id");
	if (kind == &fake_worker)
		graph_dep_all(b, s, "head", EDGE_INSTANCE, NULL);
}

static void
plan_head(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	plan_ray(a, c, b, &fake_head, &c->node[0]);
}

static void
plan_worker(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	for (size_t i = 1; i < c->nlayout; i++)
		plan_ray(a, c, b, &fake_worker, &c->node[i]);
}

static void
plan_serve(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	struct step *s = graph_add(b, &fake_serve, &c->node[0], false);

	attrs_add(a, &s->want, "args.len", "100");
	attrs_add(a, &s->want, "args.hot", "x");
	attrs_add(a, &s->want, "port", "8000");
	attrs_add_secret(a, &s->want, "api_key", "mac-1");
	graph_dep_all(b, s, "head", EDGE_INSTANCE, NULL);
	graph_dep_all(b, s, "worker", EDGE_INSTANCE, NULL);
	graph_dep_all(b, s, "download", EDGE_CONTENT, "commit");
}

static void
plan_probe(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	struct step *s = graph_add(b, &fake_probe, &c->node[0], false);

	attrs_add(a, &s->want, "note", "hello");
	graph_dep_all(b, s, "serve", EDGE_INSTANCE, NULL);
}

static struct kind fake_image = {.name = "image", .keep = true, .plan = plan_image,
	.observe = fake_see, .up = fake_nothing, .down = fake_nothing},
fake_download = {.name = "download", .keep = true, .plan = plan_download, .observe = fake_see,
	.up = fake_nothing, .down = fake_nothing},
fake_head = {.name = "head", .fields = fake_fields, .plan = plan_head, .observe = fake_see,
	.up = fake_nothing, .down = fake_nothing},
fake_worker = {.name = "worker", .fields = fake_fields, .plan = plan_worker, .observe = fake_see,
	.up = fake_nothing, .down = fake_nothing},
fake_serve = {.name = "serve", .fields = fake_fields, .restarts = true, .plan = plan_serve,
	.observe = fake_see, .up = fake_nothing, .down = fake_nothing},
fake_probe = {.name = "probe", .fields = fake_fields, .verb = "run", .plan = plan_probe,
	.observe = fake_see, .up = fake_nothing, .down = fake_nothing};

static const struct kind *const fake_kinds[] = {&fake_image, &fake_download, &fake_head,
	&fake_worker, &fake_serve, &fake_probe, NULL};

/* Nodes a, b, c, ..., of which the first `layout` are used; nothing is planned yet. */
static void
fake_nodes(struct fake *f, size_t n, size_t layout)
{
	memset(f, 0, sizeof *f);
	f->src = (struct source){.name = "cluster.yaml"};
	f->spec.src = &f->src;
	f->problems.arena = &f->arena;
	f->cluster = (struct cluster){.name = "x", .spec = &f->spec,
		.source = source_of(&f->spec.model),
		.engine = engine_find(NULL), .nnode = n, .capnode = n, .nspec = n, .nlayout = layout, .tensor = 1, .pipeline = (long long)layout,
		.node = ar_array(&f->arena, struct node, n)};
	f->facts = ar_array(&f->arena, struct facts, n);
	f->spec_node = ar_array(&f->arena, struct spec_node, n);
	for (size_t i = 0; i < n; i++) {
		f->facts[i] = (struct facts){.state = FACTS_OK, .complete = true};
		f->cluster.node[i] = (struct node){.rank = i, .spec = &f->spec_node[i],
			.name = i < 26 ? arena_printf(&f->arena, "%c", (char)('a' + i))
				       : arena_printf(&f->arena, "n%zu", i),
			.host = "h", .executor = "ssh", .facts = &f->facts[i]};
	}
	f->diags.arena = &f->arena;
}

static void
fake_make_of(struct fake *f, const struct kind *const *list, const struct plan_options *options)
{
	char *text = NULL;
	size_t n;
	FILE *to;

	f->graph = graph_build_of(&f->arena, &f->cluster, &f->problems, list);
	f->plan = plan_make(&f->arena, f->graph, options ? options : &(struct plan_options){0},
			    &f->diags);
	if (!f->plan)
		return;
	to = open_memstream(&text, &n);
	plan_text(f->plan, to, false, false);
	fclose(to);
	free(f->text);
	f->text = text;
}

static inline void
fake_make(struct fake *f, const struct plan_options *options)
{
	fake_make_of(f, fake_kinds, options);
}

static void
fake_release(struct fake *f)
{
	free(f->text);
	arena_release(&f->arena);
	tweak = NULL;
}

static inline struct op *
op_at(const struct fake *f, const char *addr)
{
	struct step *s = graph_find(f->graph, addr);

	if (!s)
		abort();
	return &f->plan->v[s->index];
}

/* "worker[b]" in the `tweak` hook. */
static inline bool
is_step(const struct step *s, const char *addr)
{
	return strcmp(s->addr, addr) == 0;
}

/* A record on a node, as facts_read() returns it. */
static inline void
fake_record(struct fake *f, size_t node, const char *step, const char *kind, const char *instance)
{
	struct record *r = ar_new(&f->arena, struct record);

	*r = (struct record){.step = step, .kind = kind, .phase = "done", .instance = instance,
		.node = f->cluster.node[node].name};
	f->facts[node].record.v = r;
	f->facts[node].record.n = f->facts[node].record.cap = 1;
}

#endif
