#include <string.h>

#include "planner/base/vec.h"
#include "planner/kinds/common.h"

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_probe;
	struct step *s;

	if (!m->spec->model.at.line)
		return;
	s = graph_add(b, &kind_probe, &m->node[0], false);
	attrs_add(a, &s->want, "model", m->served_name);
	attrs_addf(a, &s->want, "port", "%lld", m->spec->serve.port.value);
	attrs_add(a, &s->want, "prompt", m->spec->probe.prompt.text);
	attrs_addf(a, &s->want, "max_tokens", "%lld", m->spec->probe.max_tokens.value);
	attrs_sort(&s->want);
	graph_dep_all(b, s, "serve", EDGE_INSTANCE, NULL);
	graph_dep_all(b, s, "rank", EDGE_INSTANCE, NULL);
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	(void)problems;
	see_record(a, s);
	/* A question that was not answered is asked again; there is nothing to clean up. */
	if (s->seen.state == SEEN_INTERRUPTED)
		s->seen.state = SEEN_ABSENT;
}

/* Where the API answers as the head node sees it. */
static const char *
api_host(struct arena *a, const struct model *m)
{
	const char *bind = m->spec->serve.bind.text;

	if (!bind || strcmp(bind, "0.0.0.0") == 0 || strcmp(bind, "::") == 0 ||
	    strcmp(bind, "localhost") == 0)
		return "127.0.0.1";
	return strchr(bind, ':') ? arena_printf(a, "[%s]", bind) : bind;
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	const struct spec_probe *probe = &m->spec->probe;
	const char *url = arena_printf(a, "http://%s:%lld/v1/chat/completions", api_host(a, m),
				       m->spec->serve.port.value);
	struct step_task *st = vec_push(a, tasks);

	*st = (struct step_task){.node = s->node, .what = arena_printf(a, "POST %s", url),
		.task = {.type = TASK_PROBE, .url = url,
			 .body = arena_printf(a, "{\"model\":%s,\"messages\":[{\"role\":\"user\","
					      "\"content\":%s}],\"max_tokens\":%lld}",
					      json_text(a, m->served_name),
					      json_text(a, probe->prompt.text ? probe->prompt.text : "Hello"),
					      probe->max_tokens.value),
			 .secrets = m->spec->serve.api_key.from ? TASK_API_KEY : TASK_NO_SECRET,
			 .timeout_s = (int)probe->timeout.value}};
}

static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	(void)a, (void)s, (void)tasks;
}

/* Why there was no answer is in the logs of the server and of its ranks. */
static void
blame(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct step *serve = step_upstream(s, "serve", NULL);

	if (!serve)
		serve = step_upstream(s, "rank", s->node);

	if (serve)
		serve->kind->blame(a, serve, tasks);
}

static const struct field_effect fields[] = {
	{"model", EFFECT_UPDATE, "the served name that is asked for"},
	{"port", EFFECT_UPDATE, "where the API answers"},
	{"prompt", EFFECT_UPDATE, "probe.prompt"},
	{"max_tokens", EFFECT_UPDATE, "probe.max_tokens"},
	{NULL}
};

const struct kind kind_probe = {
	.name = "probe",
	.doc = "one real completion with tokens in it, through the head's connection",
	.verb = "run",
	.fields = fields,
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
	.blame = blame,
};
