/* The checks of engine: and serve:. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/spec/checks.h"
#include "planner/engines/engine.h"
#include "planner/spec/places.h"
#include "planner/spec/read.h"

static const struct {
	const char *option, *why;
} own_docker[] = {
	{"--name", "dray finds containers by their names"},
	{"--detach", "containers run detached"},
	{"--rm", "dray removes containers, after it has read their logs"},
	{"--restart", "a container that restarts by itself breaks the group"},
	{"--network", "containers use the host's network"},
	{"--net", "containers use the host's network"},
	{"--entrypoint", "dray decides what a container runs"},
	{"--cidfile", "dray finds containers by their names"},
};

/* Does the user name that shape? */
static bool
checks_engine_names(const struct spec *s, enum shape shape)
{
	return engine_shape_is(s->engine.kind, shape, s->engine.backend.text);
}

/* Will there be a coordinator, judging by the spec alone? */
static bool
checks_engine_coordinated(const struct spec *s)
{
	return checks_engine_names(s, SHAPE_COORDINATOR) ||
	       (word_is(&s->engine.backend, "auto") &&
		word_is(&s->engine.launcher, "script"));
}

void
check_backend_version(struct checking *c)
{
	const struct spec *s = c->spec;
	const struct spec_parallelism *p = &s->parallelism;
	const struct spec_engine *e = &s->engine;
	struct layout l = layout_of(s);
	bool ranks = checks_engine_names(s, SHAPE_RANKS);
	bool by_data = p->data.value > 1 && !checks_engine_coordinated(s);
	const char *other = e->kind->shape[SHAPE_COORDINATOR].word, *instead = NULL, *why;

	if ((!ranks && !by_data) || l.nodes < 2 || !l.wanted)
		return;
	/* Copies that fit into one node are separate engines, which do not span nodes. If no GPU
	 * counts are given, assume that pipeline stages are for nodes. */
	if (l.known ? p->data.value >= (long long)l.nodes : p->pipeline.value <= 1 || p->data.value > 1)
		return;
	if (!by_data && other)
		instead = arena_printf(c->d->arena, "backend %s", other);
	why = e->kind->refuses(c->d->arena, e->kind->version_of_image(e->image.text, true), SHAPE_RANKS,
			       instead);
	if (why)
		check_fail(c, ranks ? e->backend.at : e->image.at, "%s", why);
}

void
check_backend_launcher(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (checks_engine_names(c->spec, SHAPE_RANKS) && word_is(&e->launcher, "script"))
		check_fail(c, e->launcher.at, "launcher script starts %s, but backend %s does not use it",
			   e->kind->shape[SHAPE_COORDINATOR].needs, e->backend.text);
}

void
check_backend_data(struct checking *c)
{
	const struct spec *s = c->spec;

	if (s->parallelism.data.value > 1 && checks_engine_coordinated(s))
		check_fail(c, s->parallelism.data.at, "'data' goes with backend %s, not with %s",
			   s->engine.kind->shape[SHAPE_RANKS].word,
			   s->engine.kind->shape[SHAPE_COORDINATOR].needs);
}

void
check_layout_equal(struct checking *c)
{
	const struct spec *s = c->spec;
	struct layout l = layout_of(s);
	const struct spec_parallelism *p = &s->parallelism;
	long long each = l.nodes ? l.wanted / (long long)l.nodes : 0;
	long long copy = p->tensor.value * p->pipeline.value;
	const char *word = s->engine.kind->shape[SHAPE_RANKS].word;
	bool mp = checks_engine_names(s, SHAPE_RANKS) ||
		  (p->data.value > 1 && !checks_engine_coordinated(s));

	/* Without 'gpus', cluster_decide() finds out how many nodes it takes. */
	if (!mp || l.nodes < 2 || !l.known)
		return;
	if (l.wanted % (long long)l.nodes) {
		check_fail(c, p->at, "backend %s takes the same number of GPUs from each node: %lld "
			   "cannot be split over %zu nodes", word, l.wanted, l.nodes);
		return;
	}
	for (size_t i = 0; i < l.nodes; i++) {
		const struct spec_node *n = &s->node[i];

		if (!n->gpus.set || n->gpus.value >= each)
			continue;
		check_fail(c, n->gpus.at, "backend %s takes %lld GPUs from each of %zu nodes, but node "
			   "'%s' has %lld", word, each, l.nodes, n->name.text ? n->name.text : "",
			   n->gpus.value);
		return;
	}
	if (each % p->tensor.value && p->tensor.value % each)
		check_fail(c, p->at, "backend %s takes %lld GPUs from each of %zu nodes, which is not a "
			   "whole number of tensor groups of %lld", word, each, l.nodes, p->tensor.value);
	else if (each % copy && copy % each)
		check_fail(c, p->at, "backend %s takes %lld GPUs from each of %zu nodes, and a copy of "
			   "the model takes %lld: a node must hold whole copies, or a copy must take "
			   "whole nodes", word, each, l.nodes, copy);
}

void
check_runtime_needs(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (!e->at.line || !e->runtime.text)
		return;
	if (!word_is(&e->runtime, "none")) {
		if (!was_given(&e->image))
			check_fail(c, e->at, "'engine' needs an 'image', or runtime none and a 'venv'");
		if (was_given(&e->venv))
			check_fail(c, e->venv.at, "'venv' is only for runtime none: a container uses "
				   "what is in its image");
		return;
	}
	if (!was_given(&e->venv))
		check_fail(c, e->runtime.at, "runtime none needs 'venv': the virtual environment on "
			   "the nodes that has %s in it", e->kind->title);
	if (word_is(&e->launcher, "script"))
		check_fail(c, e->launcher.at, "launcher script starts containers, but runtime none has "
			   "none");
	if (e->docker_args.n)
		check_fail(c, e->docker_args.v[0].at, "'docker_args' are for containers, but runtime "
			   "none has none");
}

void
check_image_has_ray(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;
	const char *why = e->kind->image_lacks(e->image.text, SHAPE_COORDINATOR);

	if (checks_engine_coordinated(c->spec) && why)
		check_fail(c, e->image.at, "%s", why);
}

/* Options that the version of the image does not have yet. */
void
check_args_version(struct checking *c)
{
	const struct engine *engine = c->spec->engine.kind;
	struct engine_version v = engine->version_of_image(c->spec->engine.image.text, false);
	const struct pairs *args = &c->spec->engine.args;

	for (size_t i = 0; i < args->n; i++) {
		const char *since = engine->arg_since(v, args->v[i].key.text);

		if (since)
			check_fail(c, args->v[i].key.at, "%s v%d.%d.%d has no option --%s: it came "
				   "with %s", engine->title, v.major, v.minor, v.patch, args->v[i].key.text, since);
	}
}

/* 32768, 32k, 1.5K, or auto and -1: as long as fits. */
static bool
checks_engine_is_length(const char *s)
{
	char *end;
	double x = strtod(s, &end);

	if (strcmp(s, "auto") == 0 || strcmp(s, "-1") == 0)
		return true;
	return isdigit((unsigned char)*s) && x > 0 && (!*end || (strchr("kmgtKMGT", *end) && !end[1]));
}

/* Numbers that the engine would refuse only minutes later. */
void
check_args_numbers(struct checking *c)
{
	const struct pairs *args = &c->spec->engine.args;
	const struct engine_arg_names *names = &c->spec->engine.kind->arg;

	for (size_t i = 0; i < args->n; i++) {
		const char *key = args->v[i].key.text, *s = args->v[i].value.text;
		char *end;
		double x = s ? strtod(s, &end) : 0;

		if (names->memory && strcmp(key, names->memory) == 0 &&
		    (!s || end == s || *end || !(x > 0) || x > 1))
			check_fail(c, args->v[i].value.at, "%s must be above 0 and at most 1", key);
		if (names->context && strcmp(key, names->context) == 0 &&
		    (!s || !checks_engine_is_length(s)))
			check_fail(c, args->v[i].value.at, "%s must be a number of tokens such as "
				   "32768 or 32k, or auto", key);
	}
}

/* True, yes and the like, as other programs spell them: the engine would refuse the word. */
void
check_args_words(struct checking *c)
{
	static const char *const words[] = {"true", "false", "yes", "no"};
	const struct pairs *args = &c->spec->engine.args;

	for (size_t i = 0; i < args->n; i++) {
		const char *key = args->v[i].key.text, *s = args->v[i].value.text;

		for (size_t k = 0; s && k < countof(words); k++)
			if (strcasecmp(s, words[k]) == 0 && strcmp(s, "true") != 0 &&
			    strcmp(s, "false") != 0)
				check_fail(c, args->v[i].value.at, "'%s' is a string and becomes --%s %s: "
					   "write true for --%s, false for --no-%s", s, key, s, key,
					   key);
	}
}

void
check_script_pinned(struct checking *c)
{
	const struct spec_script *s = &c->spec->engine.script;

	if (was_given(&s->url) && !was_given(&s->sha256))
		check_fail(c, s->url.at, "'url' needs 'sha256': dray runs the script only if its bytes "
			   "are the expected ones");
	else if (was_given(&s->sha256) && !was_given(&s->url))
		check_fail(c, s->sha256.at, "'sha256' needs 'url'");
}

void
check_script_used(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (e->script.at.line && word_is(&e->launcher, "container"))
		check_fail(c, e->script.at, "'script' has no effect without 'launcher: script'");
}

void
check_args_reserved(struct checking *c)
{
	const struct pairs *args = &c->spec->engine.args;

	for (size_t i = 0; i < args->n; i++) {
		const char *name;
		const char *from = engine_own_arg(c->spec->engine.kind, args->v[i].key.text, &name);

		if (from)
			check_fail(c, args->v[i].key.at, "dray sets '%s' from %s", name, from);
	}
}

void
check_args_refused(struct checking *c)
{
	const struct pairs *args = &c->spec->engine.args;
	const struct engine *e = c->spec->engine.kind;

	for (size_t i = 0; i < args->n; i++)
		for (const struct engine_refused *r = e->refused_args; r && r->name; r++) {
			const char *value = args->v[i].value.text;

			if (strcmp(args->v[i].key.text, r->name) != 0 || (value && strcmp(value, "false") == 0) ||
			    (r->unless && value && strcmp(value, r->unless) == 0))
				continue;
			check_fail(c, args->v[i].key.at, "dray cannot work with '%s': %s", r->name, r->why);
		}
}

void
check_args_needed(struct checking *c)
{
	const struct pairs *args = &c->spec->engine.args;
	const struct engine *e = c->spec->engine.kind;

	for (size_t i = 0; i < args->n; i++)
		for (const struct engine_needed *need = e->needed_args; need && need->arg; need++)
			if (strcmp(args->v[i].key.text, need->arg) == 0 && spec_arg_flag(c->spec, need->arg) &&
			    !spec_arg_flag(c->spec, need->needs))
				check_fail(c, args->v[i].key.at, "%s refuses '%s' without '%s': add %s: %s",
					   e->title, need->arg, need->needs, need->needs, need->value);
}

/* Calls f for engine.env and each node's env. The nodes of one range share theirs. */
static void
checks_engine_each_env(struct checking *c, void (*f)(struct checking *, const struct pair *))
{
	const struct spec *s = c->spec;

	for (size_t i = 0; i < s->engine.env.n; i++)
		f(c, &s->engine.env.v[i]);
	for (size_t i = 0; i < s->nnode; i++)
		for (size_t k = 0; k < s->node[i].env.n; k++)
			if (i == 0 || s->node[i].env.v != s->node[i - 1].env.v)
				f(c, &s->node[i].env.v[k]);
}

static void
checks_engine_reserved(struct checking *c, const struct pair *p)
{
	const char *from = engine_own_env(c->spec->engine.kind, p->key.text);

	if (from)
		check_fail(c, p->key.at, "dray sets %s from %s", p->key.text, from);
}

static void
checks_engine_secret(struct checking *c, const struct pair *p)
{
	const char *instead = strstr(p->key.text, "HF_") || strstr(p->key.text, "HUGGING") ?
		" (use model.token)" : "";

	if (read_names_secret(p->key.text) && !engine_own_env(c->spec->engine.kind, p->key.text))
		check_fail(c, p->key.at, "'%s' looks like a secret, and docker inspect shows it%s",
			   p->key.text, instead);
}

void check_env_reserved(struct checking *c) { checks_engine_each_env(c, checks_engine_reserved); }

void
check_env_secret(struct checking *c)
{
	const struct words *args = &c->spec->engine.docker_args;

	checks_engine_each_env(c, checks_engine_secret);
	for (size_t i = 0; i < args->n; i++)
		if (read_sets_secret(args->v[i].text))
			check_fail(c, args->v[i].at, "this looks like a secret, and docker inspect "
				   "shows it");
}

void
check_docker_args_words(struct checking *c)
{
	const struct words *args = &c->spec->engine.docker_args;

	for (size_t i = 0; i < args->n; i++) {
		const char *text = args->v[i].text;
		size_t n = strcspn(text, " =");

		if (i == 0 && text[0] != '-')
			check_fail(c, args->v[i].at, "the first of 'docker_args' must be an option");
		if (text[0] == '-' && text[n] == ' ')
			check_fail(c, args->v[i].at, "docker takes this as one word: write two items, "
				   "'%.*s' and '%s'", (int)n, text, text + n + strspn(text + n, " "));
	}
}

void
check_docker_args_reserved(struct checking *c)
{
	const struct words *args = &c->spec->engine.docker_args;

	for (size_t i = 0; i < args->n; i++) {
		const char *text = args->v[i].text, *label = NULL;
		size_t n = strcspn(text, "=");

		for (size_t k = 0; k < countof(own_docker); k++)
			if (strlen(own_docker[k].option) == n &&
			    strncmp(text, own_docker[k].option, n) == 0)
				check_fail(c, args->v[i].at, "dray sets %s itself: %s",
					   own_docker[k].option, own_docker[k].why);
		/* -d alone or with other flags that take no value: -dit. */
		if (text[0] == '-' && text[1] != '-' && strchr(text, 'd') &&
		    strspn(text + 1, "ditP") == strlen(text + 1))
			check_fail(c, args->v[i].at, "dray sets -d itself: containers run detached");
		if ((strcmp(text, "--label") == 0 || strcmp(text, "-l") == 0) && i + 1 < args->n)
			label = args->v[i + 1].text;
		else if (strncmp(text, "--label=", 8) == 0)
			label = text + 8;
		else if (strncmp(text, "-l", 2) == 0 && text[2])
			label = text + 2 + (text[2] == '=');
		if (label && strncmp(label, "dray.", 5) == 0)
			check_fail(c, args->v[i].at, "labels that start with 'dray.' are reserved for dray");
	}
}

/* Which of the coordinator's ports that is, or NULL. The user may move the first. */
static const char *
checks_engine_taken(struct checking *c, long long port, bool first)
{
	const struct engine_port *taken = c->spec->engine.kind->ports;

	if (first && taken && port == c->spec->engine.ray_port.value)
		return taken->what;
	while (taken && taken->what && (++taken)->what)
		if (port >= taken->from && port <= taken->to)
			return taken->from == taken->to ? taken->what
				: arena_printf(c->d->arena, "%s (%d to %d)", taken->what, taken->from, taken->to);
	return NULL;
}

void
check_serve_port(struct checking *c)
{
	const struct number *port = &c->spec->serve.port, *ray = &c->spec->engine.ray_port;
	bool several = c->spec->nnode != 1;     /* a single node needs neither */
	const char *what = NULL;

	if (checks_engine_coordinated(c->spec) ||
	    (several && !checks_engine_names(c->spec, SHAPE_RANKS))) {
		what = checks_engine_taken(c, port->value, true);
		if (checks_engine_taken(c, ray->value, false))
			check_fail(c, ray->at, "port %lld is %s: choose another one", ray->value,
				   checks_engine_taken(c, ray->value, false));
	}
	if (!what && several && !checks_engine_coordinated(c->spec) &&
	    port->value == c->spec->engine.master_port.value)
		what = "engine.master_port, where the ranks meet";
	if (what)
		check_fail(c, number_given(port) ? port->at : c->spec->engine.master_port.at,
			   "port %lld is %s: choose another one", port->value, what);
}

void
check_serve_bind(struct checking *c)
{
	const struct word *bind = &c->spec->serve.bind;

	if (bind->text && !str_ip(bind->text, NULL))
		check_fail(c, bind->at, "'bind' must be an IP address ('%s' is not one)", bind->text);
}
