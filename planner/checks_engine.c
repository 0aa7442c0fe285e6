/* The checks of engine: and serve:. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/checks.h"
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
	{"master-port", "'nodes'"}, {"headless", "'nodes'"},
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

void
check_backend_supported(struct checking *c)
{
	const struct word *backend = &c->spec->engine.backend;

	if (word_is(backend, "mp"))
		check_fail(c, backend->at, "backend mp is not in this release: write ray");
}

void
check_runtime_supported(struct checking *c)
{
	const struct word *runtime = &c->spec->engine.runtime;

	if (runtime->text && strcmp(runtime->text, "docker") != 0)
		check_fail(c, runtime->at, "runtime %s is not in this release: write docker",
			   runtime->text);
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
	static const char *const stock[] = {"vllm/vllm-openai", "docker.io/vllm/vllm-openai"};
	const struct word *image = &c->spec->engine.image;
	const char *tag;
	size_t n;
	char *end;
	long major, minor;

	if (!image->text || !(tag = tag_of(image->text, &n)))
		return;
	for (size_t i = 0; i < countof(stock); i++) {
		if (n != strlen(stock[i]) || memcmp(image->text, stock[i], n) != 0)
			continue;
		major = strtol(tag + (*tag == 'v'), &end, 10);
		if (end == tag + (*tag == 'v') || *end != '.')
			return;
		minor = strtol(end + 1, NULL, 10);
		if (major > 0 || minor >= 18)
			check_fail(c, image->at, "vLLM's own images have no Ray since v0.18.0: take "
				   "v0.17.1 or an image with Ray added");
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
	const char *what = port->value == 6379 ? "Ray's head port" :
		port->value == 8265 ? "Ray's dashboard port" :
		port->value >= 10001 && port->value <= 19999 ? "among Ray's worker ports "
		"(10001 to 19999)" : NULL;

	if (what)
		check_fail(c, port->at, "port %lld is %s: take another one", port->value, what);
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
