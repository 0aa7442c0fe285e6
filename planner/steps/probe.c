/* Kind probe: a question to the API, which proves that the model is served. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/plan/answer.h"
#include "planner/steps/inputs.h"
#include "planner/plan/observed.h"

static void
probe_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_probe;
	struct step *s;

	const char *kind = c->spec->probe.kind.text;

	if (!c->spec->model.at.line || (kind && strcmp(kind, "none") == 0))
		return;
	s = graph_add(b, &kind_probe, &c->node[0], false);
	attrs_add(a, &s->want, "model", c->served_name);
	attrs_addf(a, &s->want, "port", "%lld", c->spec->serve.port.value);
	attrs_add(a, &s->want, "prompt", c->spec->probe.prompt.text);
	if (kind && strcmp(kind, "auto") != 0)
		attrs_add(a, &s->want, "kind", kind);
	attrs_addf(a, &s->want, "max_tokens", "%lld", c->spec->probe.max_tokens.value);
	attrs_sort(&s->want);
	for (size_t i = 0; i < b->graph->n; i++)
		if (b->graph->v[i]->kind->server)
			graph_dep(b, s, b->graph->v[i], EDGE_INSTANCE, NULL);
}

static void
probe_observe(struct arena *a, struct step *s, struct diags *problems)
{
	(void)problems;
	observe_record(a, s);
	/* An interrupted probe is just asked again; there is nothing to clean up. */
	if (s->observed.state == STATE_INTERRUPTED)
		s->observed.state = STATE_ABSENT;
}

/* The step whose API it asks: the server on its node, or NULL. */
static const struct step *
probe_server(const struct step *s)
{
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].on->kind->server && s->deps.v[i].on->node == s->node)
			return s->deps.v[i].on;
	return NULL;
}

static void
probe_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct engine *e = s->cluster->engine;
	const struct step *server = probe_server(s);
	struct attrs want = s->want, of = server ? server->want : (struct attrs){0};
	const char *base = arena_printf(a, "%s://%s:%s", engine_scheme(e, of),
					answer_host(a, attrs_value(&of, "bind", "0.0.0.0")),
					attrs_value(&want, "port", ""));
	struct step_task *st = vec_push(a, tasks);

	*st = (struct step_task){.node = s->node,
		.task = {.type = TASK_PROBE,
			 .secrets = attrs_get(&of, "api_key") ? TASK_API_KEY : TASK_NO_SECRET,
			 .timeout_s = (int)s->cluster->spec->probe.timeout.value}};
	answer_asks(a, e, attrs_value(&want, "kind", NULL), base, attrs_value(&want, "model", ""),
		    attrs_value(&want, "prompt", "Hello"),
		    strtoll(attrs_value(&want, "max_tokens", "1"), NULL, 10), &st->task);
	st->what = arena_printf(a, "POST %s", st->task.url);
}

static void
probe_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	(void)a, (void)s, (void)tasks;
}

/* The logs of the server and its ranks say why there was no answer. */
static void
probe_diagnose(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct step *server = probe_server(s);

	if (server)
		server->kind->diagnose(a, server, tasks);
}

static const struct field_effect fields[] = {
	{"model", EFFECT_UPDATE, "the served name that is asked for"},
	{"port", EFFECT_UPDATE, "the port of the API"},
	{"prompt", EFFECT_UPDATE, "probe.prompt"},
	{"max_tokens", EFFECT_UPDATE, "probe.max_tokens"},
	{"kind", EFFECT_UPDATE, "probe.kind"},
	{NULL}
};

const struct kind kind_probe = {
	.name = "probe",
	.doc = "one real question to the model, through the head's connection",
	.verb = "run",
	.asks = true,
	.fields = fields,
	.plan = probe_plan,
	.observe = probe_observe,
	.up = probe_up,
	.down = probe_down,
	.diagnose = probe_diagnose,
};
