/* The tasks of dray bench, and what its result belongs to. */
#include "planner/steps/bench.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/plan/answer.h"
#include "planner/plan/health.h"
#include "planner/runtimes/container.h"
#include "planner/steps/coordinator.h"
#include "planner/steps/engine_inputs.h"

bool
bench_aim(struct arena *a, const struct graph *g, struct bench_load *load, const struct step **server)
{
	struct question q;
	struct attrs have;

	if (!answer_question(a, g, &q))
		return false;
	*server = q.server;
	have = q.server->observed.have;
	load->url = arena_printf(a, "%s://%s:%s", engine_scheme(g->cluster->engine, have),
				 answer_host(a, attrs_value(&have, "bind", "0.0.0.0")), attrs_value(&have, "port", ""));
	load->name = answer_name(a, have);
	return true;
}

/* The step whose container or process has the environment and the paths of the server. */
static const struct step *
bench_home(const struct graph *g, const struct step *server)
{
	if (server->kind->group)
		return server;
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->kind == &kind_head && !g->v[i]->orphan)
			return g->v[i];
	return server;
}

void
bench_task(struct arena *a, const struct graph *g, const struct step *server, const struct bench_load *load,
	   struct task *t)
{
	const struct engine *e = g->cluster->engine;
	const struct step *home = bench_home(g, server);
	const struct runtime *runtime = runtime_there(server);
	struct attrs all = {0}, inputs = server->observed.have, around = home->observed.have;
	struct bench_load aimed = *load;
	bool key = attrs_get(&inputs, "api_key") != NULL;

	for (size_t i = 0; home != server && i < around.n; i++)
		attrs_add(a, &all, around.v[i].name, around.v[i].value);
	for (size_t i = 0; i < inputs.n; i++)
		attrs_add(a, &all, inputs.v[i].name, inputs.v[i].value);
	aimed.model = engine_model(a, &all);
	*t = (struct task){.timeout_s = BENCH_LIMIT, .secrets = key ? TASK_API_KEY : TASK_NO_SECRET};
	t->script = script_with(a, e->bench_script, "bench-run");
	if (runtime->contained) {
		container_task(a, t, runtime);
		task_arg(a, t, "container", container_name(a, g->cluster, home->kind->name));
	}
	task_arg(a, t, "what", arena_printf(a, "%lld at a time", load->concurrency));
	task_arg(a, t, "key", key ? "yes" : NULL);
	task_words(a, t);
	task_wordf(a, t, "DRAY_STALL=%d", BENCH_STALL);
	task_wordf(a, t, "DRAY_KEY=%s", key ? e->bench_key_env : "");
	task_wordf(a, t, "DRAY_VENV=%s", runtime->contained ? "" : attrs_value(&all, "venv", ""));
	if (!runtime->contained && attrs_get(&all, "hf_home"))
		task_wordf(a, t, "HF_HOME=%s", attrs_value(&all, "hf_home", ""));
	env_words(a, t, &all);
	task_word(a, t, "sh");
	task_word(a, t, "-c");
	task_word_kept(a, t, script_get("bench-inside")->text);
	task_word(a, t, "dray-bench");
	e->bench(a, &aimed, &all, t);
}

void
bench_keep(struct arena *a, const struct cluster *c, const struct bench *b, struct task *t)
{
	*t = (struct task){.script = script_with(a, "state", "put-bench"), .timeout_s = RECORD_LIMIT};
	task_arg(a, t, "cluster", c->name);
	t->input = arena_printf(a, "%s\n", bench_write(a, b));
	t->ninput = strlen(t->input);
}

const char *
bench_inputs(struct arena *a, const struct graph *g)
{
	char *digest = arena_alloc(a, HASH_HEX);
	struct str all = {0};

	for (size_t i = 0; i < g->n; i++) {
		const struct step *s = g->v[i];
		struct attrs have = s->observed.have;

		if (s->kind->engine && !s->orphan)
			str_printf(&all, "%s %s\n", s->addr, inputs_write(a, &have));
	}
	hash_sha256(str_text(&all), all.len, digest);
	str_release(&all);
	return digest;
}

const char *
bench_layout(struct arena *a, const struct graph *g, const struct step *server)
{
	struct attrs have = server->observed.have;
	const char *data = attrs_value(&have, "data", "1");
	size_t nodes = 0;

	for (size_t i = 0; i < g->n; i++)
		if (g->v[i]->kind->engine && !g->v[i]->orphan && (!g->v[i]->kind->server || g->v[i]->kind->group))
			nodes++;
	return arena_printf(a, "TP %.20s × PP %.20s%s%.20s, %zu node%s", attrs_value(&have, "tensor", "1"),
			    attrs_value(&have, "pipeline", "1"), strcmp(data, "1") == 0 ? "" : " × DP ",
			    strcmp(data, "1") == 0 ? "" : data, nodes, nodes == 1 ? "" : "s");
}

long long
bench_context(const struct step *server)
{
	const struct engine *e = server->cluster->engine;
	struct attrs have = server->observed.have;
	char name[80];
	long long n;

	if (!e->arg.context || strlen(e->arg.context) > 60)
		return 0;
	strcpy(name, "args.");
	strcat(name, e->arg.context);
	n = strtoll(attrs_value(&have, name, "0"), NULL, 10);
	return n > 0 && n <= BENCH_TOKENS_MOST ? n : 0;
}

bool
bench_last(struct arena *a, const struct graph *g, struct bench *b)
{
	const struct cluster *c = g->cluster;
	const struct facts *head = c->nnode ? c->node[0].facts : NULL;

	return head && head->bench && bench_read(a, head->bench, strlen(head->bench), b) &&
		strcmp(b->inputs, bench_inputs(a, g)) == 0;
}
