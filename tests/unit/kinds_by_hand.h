#ifndef KINDS_BY_HAND_H
#define KINDS_BY_HAND_H

/* A cluster and the facts of two nodes, written in a test; for the tests of the kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/custom/compile.h"
#include "planner/plan/graph.h"
#include "planner/runtimes/container.h"
#include "planner/steps/engine_inputs.h"
#include "planner/steps/inputs.h"
#include "planner/steps/kinds.h"
#include "planner/steps/observe.h"
#include "tests/unit/task_args.h"

#define COMMIT "4bd66bfde98f87a10cf200e11b699a1c50d75378"
#define SHA "f37a33e80e231c9c52fa7ca3b93fb75f63f7b15fcd5ec860fcc4537cc5a0aaeb"

static struct arena arena;
static struct diags problems = {.arena = &arena};
static struct source source;
static struct cluster *model;
static struct graph *graph;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	problems = (struct diags){.arena = &arena};
	return 0;
}

/* For the next case of the same test: keep the memory, drop what was found. */
static inline void
again(void)
{
	problems = (struct diags){.arena = &arena};
}

static const char base_spec[] =
	"cluster: c1\n"
	"nodes:\n"
	"  - {name: n1, host: 192.0.2.1, gpus: 2}\n"
	"  - {name: n2, host: 192.0.2.2, gpus: 2, env: {ZONE: b}}\n"
	"shared_dir: /srv\n"
	"model: {repo: org/name, token: 'env:POISON', exclude: ['orig/*']}\n"
	"parallelism: {tensor: 2, pipeline: 2}\n";

static void
build_text(const char *text)
{
	struct diags d = {.arena = &arena};
	struct spec *spec;

	source = (struct source){.name = "t.yaml", .text = text, .len = strlen(text)};
	spec = spec_read(&arena, &source, NULL, &d);
	if (d.nerror)
		diag_print(&d, stderr, false);
	assert_int_equal(d.nerror, 0);
	model = cluster_compile(&arena, spec, &d);
	assert_non_null(model);
}

static void
build_model(const char *more)
{
	build_text(arena_printf(&arena, "%s%s", base_spec, more ? more :
		"engine: {backend: ray, image: 'vllm/vllm-openai:v0.17.1'}\nserve: {name: tiny}\n"));
	model->commit = COMMIT;
	model->manifest = ar_new(&arena, struct manifest);
	model->manifest->v = ar_array(&arena, struct manifest_file, 2);
	model->manifest->v[0] = (struct manifest_file){"config.json", 700, "aa"};
	model->manifest->v[1] = (struct manifest_file){"model.safetensors", 5000, "bb"};
	model->manifest->n = 2;
	model->manifest->bytes = 5700;
}

/* A healthy node with nothing of ours on it, and whatever lines the case adds. */
static void
seen_as(size_t i, const char *lines)
{
	const char *text = arena_printf(&arena,
		"id\tm%zu\tb%zu\tn%zu\tubuntu\t1000\t1000\t/home/ubuntu\t1000000\n"
		"os\t6.1\tx86_64\tDebian\n"
		"docker\tok\t27.0\t-\ntoolkit\tyes\n"
		"gpu\t0\tGPU-%zu0\tH100\t81559\t0\t575.1\ngpu\t1\tGPU-%zu1\tH100\t81559\t0\t575.1\n"
		"addr\teth0\t192.0.2.%zu\t24\naddr\tlo\t127.0.0.1\t8\n"
		"shared\t/srv\tnfs\t1:2\t900000000\tyes\nshm\t9000000\n%send\n",
		i + 1, i + 1, i + 1, i, i, i + 1, lines ? lines : "");

	model->node[i].facts = facts_read(&arena, text, strlen(text));
	assert_true(model->node[i].facts->complete);
}

static inline void
build(const char *spec, const char *first, const char *second)
{
	build_model(spec);
	seen_as(0, first);
	seen_as(1, second);
	graph = graph_build(&arena, model, &problems);
}

static inline struct step *
step(const char *addr)
{
	struct step *s = graph_find(graph, addr);

	assert_non_null(s);
	return s;
}

static inline bool
told(enum severity severity, const char *words)
{
	for (size_t i = 0; i < problems.n; i++)
		if (problems.v[i].severity == severity && strstr(problems.v[i].text, words))
			return true;
	return false;
}

/* The words of the task from the i-th on, separated by spaces. */
static inline const char *
words(const struct task *t, size_t i)
{
	const char *all = "";

	for (; i < t->argc; i++)
		all = arena_printf(&arena, "%s%s%s", all, *all ? " " : "", t->argv[i]);
	return all;
}

static inline struct tasks
up(const char *addr)
{
	struct tasks tasks = {0};
	struct step *s = step(addr);

	graph_resolve(&arena, s);
	s->kind->up(&arena, s, &tasks);
	assert_true(tasks.n > 0);
	for (size_t i = 0; i < tasks.n; i++)
		if (tasks.v[i].task.script && strstr(tasks.v[i].task.script->text, "\nargs '"))
			assert_args_fit(&tasks.v[i].task);
	return tasks;
}

/* The record of a step as a node shows it. */
static inline const char *
record(const char *addr, const char *kind, const char *phase, const char *instance,
       const char *inputs)
{
	return arena_printf(&arena, "record\t%s\t{\"step\":\"%s\",\"kind\":\"%s\",\"phase\":\"%s\","
			    "\"apply_id\":\"a1\",\"at\":\"t\",%s%s%s\"inputs\":%s,\"bound\":{},"
			    "\"down\":{}}\n", addr, addr, kind, phase,
			    instance ? "\"instance\":\"" : "", instance ? instance : "",
			    instance ? "\"," : "", inputs);
}

#endif
