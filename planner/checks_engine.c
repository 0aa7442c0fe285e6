/* The checks of engine: and serve:. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "planner/base/vec.h"
#include "planner/checks.h"
#include "planner/engine_version.h"
#include "planner/layout.h"
#include "planner/read.h"

/* What dray sets itself, and from what: options of vllm serve, long and short. */
static const struct {
	const char *key, *from;
} own_args[] = {
	{"tensor-parallel-size", "'parallelism.tensor'"}, {"tp", "'parallelism.tensor'"},
	{"pipeline-parallel-size", "'parallelism.pipeline'"}, {"pp", "'parallelism.pipeline'"},
	{"distributed-executor-backend", "'engine.backend'"}, {"host", "'serve.bind'"},
	{"port", "'serve.port'"}, {"served-model-name", "'serve.name'"},
	{"api-key", "'serve.api_key'"}, {"model", "'model'"}, {"revision", "'model.revision'"},
	{"hf-token", "'model.token'"}, {"nnodes", "'nodes'"}, {"n", "'nodes'"},
	{"node-rank", "'nodes'"}, {"r", "'nodes'"}, {"master-addr", "'nodes'"},
	{"master-port", "'engine.master_port'"}, {"headless", "'nodes'"},
	{"data-parallel-size", "'parallelism.data'"}, {"dp", "'parallelism.data'"},
	{"data-parallel-size-local", "'parallelism.data'"}, {"dpl", "'parallelism.data'"},
	{"data-parallel-start-rank", "'parallelism.data'"}, {"dpr", "'parallelism.data'"},
	{"data-parallel-address", "'nodes'"}, {"dpa", "'nodes'"},
	{"data-parallel-rpc-port", "'nodes'"}, {"dpp", "'nodes'"},
};

static const struct {
	const char *name, *from;
} own_env[] = {
	{"VLLM_HOST_IP", "a node's 'address'"}, {"HF_HOME", "'shared_dir'"},
	{"HF_HUB_OFFLINE", "'model'"}, {"HF_HUB_CACHE", "'shared_dir'"},
	{"VLLM_API_KEY", "'serve.api_key'"},
};

static const struct {
	const char *option, *why;
} own_docker[] = {
	{"--name", "containers are found by dray's own names"},
	{"--detach", "containers run detached"},
	{"--rm", "a container is removed by dray, after its logs were read"},
	{"--restart", "a container that comes back by itself breaks the group"},
	{"--network", "containers use the host's network"},
	{"--net", "containers use the host's network"},
	{"--entrypoint", "dray decides what a container runs"},
	{"--cidfile", "containers are found by dray's own names"},
};

static bool
word_is(const struct word *w, const char *text)
{
	return w->text && strcmp(w->text, text) == 0;
}

/* Will it be Ray, as far as the spec says so itself? */
static bool
asks_for_ray(const struct spec *s)
{
	return word_is(&s->engine.backend, "ray") ||
	       (word_is(&s->engine.backend, "auto") && word_is(&s->engine.launcher, "script"));
}

void
check_backend_version(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;
	struct engine_version v = engine_version_of_image(e->image.text);

	if (word_is(&e->backend, "mp") && layout_of(c->spec).nodes > 1 &&
	    engine_has(v, ENGINE_NNODES) == ENGINE_NO)
		check_fail(c, e->backend.at, "vLLM v%d.%d.%d has no backend mp over several nodes: that "
			   "came with %s", v.major, v.minor, v.patch, engine_since(ENGINE_NNODES));
}

void
check_backend_launcher(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (word_is(&e->backend, "mp") && word_is(&e->launcher, "script"))
		check_fail(c, e->launcher.at, "launcher script starts Ray, which backend mp does without");
}

void
check_backend_data(struct checking *c)
{
	const struct spec *s = c->spec;

	if (s->parallelism.data.value > 1 && asks_for_ray(s))
		check_fail(c, s->parallelism.data.at, "'data' goes with backend mp, not with Ray");
}

void
check_layout_equal(struct checking *c)
{
	const struct spec *s = c->spec;
	struct layout l = layout_of(s);
	const struct spec_parallelism *p = &s->parallelism;
	long long each = l.nodes ? l.wanted / (long long)l.nodes : 0;
	long long copy = p->tensor.value * p->pipeline.value;
	bool mp = word_is(&s->engine.backend, "mp") || (p->data.value > 1 && !asks_for_ray(s));

	/* Without 'gpus', layout_choose() sees how many nodes it takes. */
	if (!mp || l.nodes < 2 || !l.known)
		return;
	if (l.wanted % (long long)l.nodes) {
		check_fail(c, p->at, "backend mp takes the same number of GPUs from each "
			   "node: %lld do not spread over %zu", l.wanted, l.nodes);
		return;
	}
	for (size_t i = 0; i < l.nodes; i++) {
		const struct spec_node *n = &s->node[i];

		if (!n->gpus.set || n->gpus.value >= each)
			continue;
		check_fail(c, n->gpus.at, "backend mp takes %lld GPUs from each of %zu nodes, node '%s' "
			   "has %lld", each, l.nodes, n->name.text ? n->name.text : "",
			   n->gpus.value);
		return;
	}
	if (each % p->tensor.value && p->tensor.value % each)
		check_fail(c, p->at, "backend mp takes %lld GPUs from each of %zu nodes, which is no whole "
			   "number of tensor groups of %lld", each, l.nodes, p->tensor.value);
	else if (each % copy && copy % each)
		check_fail(c, p->at, "backend mp takes %lld GPUs from each of %zu nodes: a copy of the "
			   "model takes %lld, which are neither whole copies a node nor whole nodes a "
			   "copy", each, l.nodes, copy);
}

static bool
without_containers(const struct spec_engine *e)
{
	return word_is(&e->runtime, "none");
}

void
check_runtime_needs(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (!e->at.line || !e->runtime.text)
		return;
	if (!without_containers(e)) {
		if (!was_given(&e->image))
			check_fail(c, e->at, "'engine' needs an 'image', or runtime none and a 'venv'");
		if (was_given(&e->venv))
			check_fail(c, e->venv.at, "'venv' goes with runtime none: containers have what "
				   "they need in their image");
		return;
	}
	if (!was_given(&e->venv))
		check_fail(c, e->runtime.at, "runtime none needs 'venv': the virtual environment on "
			   "the nodes that has vLLM in it");
	if (word_is(&e->launcher, "script"))
		check_fail(c, e->launcher.at, "launcher script starts containers, which runtime none "
			   "does without");
	if (e->docker_args.n)
		check_fail(c, e->docker_args.v[0].at, "'docker_args' are for containers, which runtime "
			   "none does without");
}

void
check_runtime_image(struct checking *c)
{
	const struct spec_engine *e = &c->spec->engine;

	if (without_containers(e) && was_given(&e->image))
		check_fail(c, e->image.at, "'image' has no effect with runtime none");
}

/* The tag of an image reference, or NULL; the name without it in *name_len. */
static const char *
tag_of(const char *image, size_t *name_len)
{
	const char *slash = strrchr(image, '/'), *last = slash ? slash + 1 : image;
	const char *colon = strchr(last, ':');

	*name_len = colon ? (size_t)(colon - image) : strlen(image);
	return colon ? colon + 1 : NULL;
}

void
check_image_pinned(struct checking *c)
{
	const struct word *image = &c->spec->engine.image;
	const char *tag;
	size_t n;

	if (!image->text || strchr(image->text, '@'))
		return;
	tag = tag_of(image->text, &n);
	if (!tag)
		check_fail(c, image->at, "the image has no tag: every node may get another one");
	else if (strcmp(tag, "latest") == 0)
		check_fail(c, image->at, "the tag 'latest' moves: every node may get another image");
}

void
check_image_has_ray(struct checking *c)
{
	const struct word *image = &c->spec->engine.image;

	if (asks_for_ray(c->spec) &&
	    engine_has(engine_version_of_image(image->text), ENGINE_RAY_INSIDE) == ENGINE_NO)
		check_fail(c, image->at, "vLLM's own images have no Ray since v0.18.0: take v0.17.1, "
			   "an image with Ray added, or backend mp");
}

/* Options that the image's vLLM is too old for. */
void
check_args_version(struct checking *c)
{
	struct engine_version v = engine_version_of_image(c->spec->engine.image.text);
	const struct pairs *args = &c->spec->engine.args;

	for (size_t i = 0; i < args->n; i++) {
		const char *since = engine_lacks_option(v, args->v[i].key.text);

		if (since)
			check_fail(c, args->v[i].key.at, "vLLM v%d.%d.%d has no option --%s: it came "
				   "with %s", v.major, v.minor, v.patch, args->v[i].key.text, since);
	}
}

/* 32768, 32k, 1.5K, and what stands for as much as there is room for. */
static bool
is_length(const char *s)
{
	char *end;
	double x = strtod(s, &end);

	if (strcmp(s, "auto") == 0 || strcmp(s, "-1") == 0)
		return true;
	return isdigit((unsigned char)*s) && x > 0 && (!*end || (strchr("kmgtKMGT", *end) && !end[1]));
}

/* What vLLM would refuse minutes later. */
void
check_args_numbers(struct checking *c)
{
	const struct pairs *args = &c->spec->engine.args;

	for (size_t i = 0; i < args->n; i++) {
		const char *key = args->v[i].key.text, *s = args->v[i].value.text;
		char *end;
		double x = s ? strtod(s, &end) : 0;

		if (strcmp(key, "gpu-memory-utilization") == 0 && (!s || end == s || *end || !(x > 0) ||
								     x > 1))
			check_fail(c, args->v[i].value.at, "gpu-memory-utilization is a number above 0 "
				   "and at most 1");
		if (strcmp(key, "max-model-len") == 0 && (!s || !is_length(s)))
			check_fail(c, args->v[i].value.at, "max-model-len is a number of tokens such as "
				   "32768 or 32k, or auto");
	}
}

/* As other programs write them; vLLM would refuse the word behind its option. */
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
				check_fail(c, args->v[i].value.at, "'%s' is a text, and becomes --%s %s: "
					   "only true and false stand for --%s and --no-%s", s, key, s, key,
					   key);
	}
}

void
check_script_pinned(struct checking *c)
{
	const struct spec_script *s = &c->spec->engine.script;

	if (was_given(&s->url) && !was_given(&s->sha256))
		check_fail(c, s->url.at, "'url' needs 'sha256' beside it: a script is run only when it "
			   "is the one that was meant");
	else if (was_given(&s->sha256) && !was_given(&s->url))
		check_fail(c, s->sha256.at, "'sha256' needs 'url' beside it");
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
		const char *key = args->v[i].key.text;
		size_t len = strlen(key);

		if (strncmp(key, "no-", 3) == 0)
			key += 3, len -= 3;
		/* vllm's parser takes the beginning of an option for the option. */
		for (size_t k = 0; k < countof(own_args); k++) {
			if (strcmp(key, own_args[k].key) != 0 &&
			    (len < 5 || strncmp(key, own_args[k].key, len) != 0))
				continue;
			check_fail(c, args->v[i].key.at, "dray sets '%s' from %s", own_args[k].key,
				   own_args[k].from);
			break;
		}
	}
}

/* Run f on engine.env and each node's env; nodes of one range share theirs. */
static void
each_env(struct checking *c, void (*f)(struct checking *, const struct pair *))
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
reserved(struct checking *c, const struct pair *p)
{
	for (size_t i = 0; i < countof(own_env); i++)
		if (strcmp(p->key.text, own_env[i].name) == 0)
			check_fail(c, p->key.at, "dray sets %s from %s", p->key.text, own_env[i].from);
}

static bool
is_own_env(const char *name)
{
	for (size_t i = 0; i < countof(own_env); i++)
		if (strcmp(name, own_env[i].name) == 0)
			return true;
	return false;
}

static void
secret(struct checking *c, const struct pair *p)
{
	const char *instead = strstr(p->key.text, "HF_") || strstr(p->key.text, "HUGGING") ?
		" (use model.token)" : "";

	if (read_names_secret(p->key.text) && !is_own_env(p->key.text))
		check_fail(c, p->key.at, "'%s' looks like a secret, and docker inspect shows it%s",
			   p->key.text, instead);
}

void check_env_reserved(struct checking *c) { each_env(c, reserved); }

void
check_env_secret(struct checking *c)
{
	const struct words *args = &c->spec->engine.docker_args;

	each_env(c, secret);
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

/* -d alone or among other flags without a value: -dit. */
static bool
detaches(const char *text)
{
	return text[0] == '-' && text[1] != '-' && strspn(text + 1, "ditP") == strlen(text + 1) &&
	       strchr(text, 'd');
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
		if (detaches(text))
			check_fail(c, args->v[i].at, "dray sets -d itself: containers run detached");
		if ((strcmp(text, "--label") == 0 || strcmp(text, "-l") == 0) && i + 1 < args->n)
			label = args->v[i + 1].text;
		else if (strncmp(text, "--label=", 8) == 0)
			label = text + 8;
		else if (strncmp(text, "-l", 2) == 0 && text[2])
			label = text + 2 + (text[2] == '=');
		if (label && strncmp(label, "dray.", 5) == 0)
			check_fail(c, args->v[i].at, "labels that start with 'dray.' are dray's own");
	}
}

void
check_serve_port(struct checking *c)
{
	const struct number *port = &c->spec->serve.port;
	bool several = c->spec->nnode != 1;     /* one node alone needs neither */
	bool ray = asks_for_ray(c->spec) || (several && !word_is(&c->spec->engine.backend, "mp"));
	const char *what =
		ray && port->value == 6379 ? "Ray's head port" :
		ray && port->value == 8265 ? "Ray's dashboard port" :
		ray && port->value >= 10001 && port->value <= 19999 ? "among Ray's worker ports "
		"(10001 to 19999)" :
		several && !asks_for_ray(c->spec) && port->value == c->spec->engine.master_port.value
		? "engine.master_port, where the ranks meet" : NULL;

	if (what)
		check_fail(c, number_given(port) ? port->at : c->spec->engine.master_port.at,
			   "port %lld is %s: take another one", port->value, what);
}

void
check_serve_bind(struct checking *c)
{
	const struct word *bind = &c->spec->serve.bind;
	unsigned char bytes[16];

	if (bind->text && inet_pton(AF_INET, bind->text, bytes) != 1 &&
	    inet_pton(AF_INET6, bind->text, bytes) != 1)
		check_fail(c, bind->at, "'bind' must be an IP address ('%s' is none)", bind->text);
}
