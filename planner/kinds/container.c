#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/vec.h"
#include "planner/kinds/common.h"

/*
 * The container that a part of the engine runs in: what it is made of as inputs of its
 * step, and the words that start it. Ray nodes and ranks have it from here.
 */

/* vLLM copies NCCL_* of the driver to all workers, so every node gets the same list
 * of exact names. */
static const char *
nccl_interfaces(struct arena *a, const struct model *m)
{
	const char *list = NULL;
	const char *seen[16];
	size_t n = 0;

	for (size_t i = 0; i < m->nlayout && n < 16; i++) {
		const char *name = node_interface(&m->node[i]);
		bool known = !name;

		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(seen[k], name) == 0;
		if (known)
			continue;
		seen[n++] = name;
		list = list ? arena_printf(a, "%s,%s", list, name) : arena_printf(a, "=%s", name);
	}
	return list;
}

void
engine_want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;
	const char *address = node_dial(s->node), *interface = node_interface(s->node);
	const char *nccl = nccl_interfaces(a, m);

	attrs_add(a, &s->want, "address", address);
	runtime_want(a, s);
	if (m->image) {
		attrs_add(a, &s->want, "image", m->image);
		attrs_add(a, &s->want, "image_id", NULL);
	}
	if (m->hf_home)
		attrs_add(a, &s->want, "hf_home", m->hf_home);
	if (m->spec->model.path.text && m->image)
		attrs_add(a, &s->want, "model_path", m->spec->model.path.text);
	if (m->spec->engine.docker_args.n)
		attrs_add(a, &s->want, "docker_args", words_text(a, &m->spec->engine.docker_args));
	attrs_add(a, &s->want, "env.HF_HUB_OFFLINE", "1");
	attrs_add(a, &s->want, "env.VLLM_HOST_IP", address);
	if (interface)
		attrs_add(a, &s->want, "env.GLOO_SOCKET_IFNAME", interface);
	if (nccl)
		attrs_add(a, &s->want, "env.NCCL_SOCKET_IFNAME", nccl);
	rdma_want(a, m, s->node, &s->want);
	env_want(a, m, s->node, &s->want);      /* of equal names the last one stays: the user's */
	attrs_sort(&s->want);
}

static bool
is_common(const struct step *s, const char *name)
{
	static const char *const names[] = {"NCCL_SOCKET_IFNAME", "NCCL_IB_HCA", "NCCL_DEBUG"};

	for (size_t i = 0; i < countof(names); i++)
		if (strncmp(name, "env.", 4) == 0 && strcmp(name + 4, names[i]) == 0)
			return !env_value(s->model, s->node, names[i]);
	return strncmp(name, "rdma.", 5) == 0;
}

static void
take_common(struct arena *a, const struct step *s, const struct attrs *from, bool common,
	    struct attrs *to)
{
	for (size_t i = 0; i < from->n; i++)
		if (is_common(s, from->v[i].name) == common)
			*vec_push(a, to) = from->v[i];
}

void
engine_keep_common(struct arena *a, struct step *s)
{
	const struct model *m = s->model;
	struct attrs want = {0};
	size_t seen = 0;

	while (seen < m->nlayout && node_seen(&m->node[seen]))
		seen++;
	if (seen == m->nlayout || !s->seen.have.n || s->orphan)
		return;
	take_common(a, s, &s->want, false, &want);
	take_common(a, s, &s->seen.have, true, &want);
	attrs_sort(&want);
	s->want = want;
}

static void
mount(struct arena *a, struct task *t, const char *from, const char *to)
{
	task_arg(a, t, "-v");
	task_argf(a, t, "%s:%s", from, to);
}

static void
args(struct arena *a, struct task *t, const char *const *list)
{
	for (; *list; list++)
		task_arg(a, t, *list);
}

/* Podman's own way to GPUs are the names that nvidia-ctk gave them; where it gave none
 * there is no way to say "all". Logs go to a file, because not every login may read the
 * journal. */
static void
podman_args(struct arena *a, struct task *t, const struct step *s)
{
	static const char *const always[] = {"--security-opt", "label=disable", "--log-driver",
		"k8s-file", NULL};
	static const char *const gpus[] = {"--device", "nvidia.com/gpu=all", NULL};

	if (s->model->runtime != RUNTIME_PODMAN)
		return;
	args(a, t, always);
	if (node_seen(s->node) && s->node->facts->gpu.n && s->node->facts->toolkit)
		args(a, t, gpus);
}

/* Name and labels come last, because the last one wins. */
void
engine_extra_args(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	const struct model *m = s->model;
	const struct words *more = &m->spec->engine.docker_args;
	const char *json = inputs_write(a, inputs), *path = m->spec->model.path.text;
	char digest[HASH_HEX];

	hash_sha256(json, strlen(json), digest);
	if (path)
		mount(a, t, path, arena_printf(a, "%s:ro", path));
	podman_args(a, t, s);
	env_args(a, t, inputs);
	rdma_args(a, t, inputs);
	for (size_t i = 0; i < more->n; i++)
		task_arg(a, t, more->v[i].text);
	task_arg(a, t, "--name");
	task_arg(a, t, container_name(a, m, s->kind->name));
	task_arg(a, t, "--label");
	task_argf(a, t, "dray.cluster=%s", m->cluster);
	task_arg(a, t, "--label");
	task_argf(a, t, "dray.step=%s", s->addr);
	task_arg(a, t, "--label");
	task_argf(a, t, "dray.digest=%s", digest);
	task_arg(a, t, "--label");
	task_argf(a, t, "dray.inputs=%s", json);
}

void
engine_run(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	static const char *const run[] = {"docker", "run", "-d", "--restart", "no",
		"--entrypoint", "/bin/sh", "--network", "host", "--shm-size", "10.24g", NULL};
	static const char *const gpus[] = {"--gpus", "all", NULL};

	args(a, t, run);
	if (s->model->runtime == RUNTIME_DOCKER)
		args(a, t, gpus);
	if (s->model->hf_home)
		mount(a, t, s->model->hf_home, HF_HOME_INSIDE);
	engine_extra_args(a, t, s, inputs);
	task_arg(a, t, s->model->image);
}

void
number_arg(struct arena *a, struct task *t, const char *option, long long value)
{
	task_arg(a, t, option);
	task_argf(a, t, "%lld", value);
}

void
engine_serve_args(struct arena *a, struct task *t, const struct model *m, struct attrs *inputs,
		  bool api)
{
	task_arg(a, t, "vllm");
	task_arg(a, t, "serve");
	task_arg(a, t, model_inside(a, m, attrs_value(inputs, "model.commit", "unknown")));
	if (api) {
		task_arg(a, t, "--served-model-name");
		task_arg(a, t, m->served_name);
		task_arg(a, t, "--host");
		task_arg(a, t, m->spec->serve.bind.text);
		number_arg(a, t, "--port", m->spec->serve.port.value);
	}
	number_arg(a, t, "--tensor-parallel-size", m->tensor);
	number_arg(a, t, "--pipeline-parallel-size", m->pipeline);
}

void
engine_user_args(struct arena *a, struct task *t, const struct pairs *list)
{
	for (size_t i = 0; i < list->n; i++) {
		size_t n;
		const char **word = spec_arg(a, list->v[i].key.text, list->v[i].value.text, &n);

		for (size_t k = 0; k < n; k++)
			task_arg(a, t, word[k]);
	}
}

void
engine_serve_want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;
	const struct spec *spec = m->spec;

	if (spec->model.path.text) {
		attrs_add(a, &s->want, "model.path", spec->model.path.text);
	} else {
		attrs_add(a, &s->want, "model.repo", spec->model.repo.text);
		attrs_add(a, &s->want, "model.commit", model_commit(m));
	}
	attrs_addf(a, &s->want, "tensor", "%lld", m->tensor);
	attrs_addf(a, &s->want, "pipeline", "%lld", m->pipeline);
	attrs_addf(a, &s->want, "nodes", "%zu", m->nlayout);
	for (size_t i = 0; i < spec->engine.args.n; i++) {
		const struct pair *arg = &spec->engine.args.v[i];

		attrs_add(a, &s->want, arena_printf(a, "args.%s", arg->key.text),
			  arg->value.text ? arg->value.text : "true");
	}
	attrs_sort(&s->want);
}

void
engine_api_want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;

	attrs_add(a, &s->want, "name", m->served_name);
	attrs_add(a, &s->want, "bind", m->spec->serve.bind.text);
	attrs_addf(a, &s->want, "port", "%lld", m->spec->serve.port.value);
	if (m->api_key_mac)
		attrs_add_secret(a, &s->want, "api_key", m->api_key_mac);
	attrs_sort(&s->want);
}
