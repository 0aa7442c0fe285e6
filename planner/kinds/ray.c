#include <string.h>

#include "planner/base/hash.h"
#include "planner/kinds/common.h"

/*
 * The container of a Ray node, as run_cluster.sh makes it: head and worker differ in
 * the command alone. Both launchers get the same arguments and give the same result.
 */
const struct field_effect ray_fields[] = {
	{"address", EFFECT_REPLACE, "the address that Ray and vLLM announce for this node"},
	{"head", EFFECT_REPLACE, "the head's address and port that a worker joins"},
	{"port", EFFECT_REPLACE, "the port of Ray on the head"},
	{"image", EFFECT_REPLACE, "the image as written in the spec"},
	{"image_id", EFFECT_REPLACE, "fingerprint of the image's layers and settings"},
	{"hf_home", EFFECT_REPLACE, "the directory that is mounted as the model cache"},
	{"model_path", EFFECT_REPLACE, "model.path, mounted at the same place, read-only"},
	{"docker_args", EFFECT_REPLACE, "engine.docker_args"},
	{"script", EFFECT_REPLACE, "sha256 of run_cluster.sh (launcher: script)"},
	{"env.", EFFECT_REPLACE, "the environment of the container"},
	{NULL}
};

static bool
is_head(const struct step *s)
{
	return strcmp(s->kind->name, "head") == 0;
}

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
ray_want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;
	const struct node *n = s->node;
	const char *address = node_dial(n), *head = node_dial(&m->node[0]);
	const char *interface = node_interface(n), *nccl = nccl_interfaces(a, m);

	attrs_add(a, &s->want, "address", address);
	if (is_head(s))
		attrs_addf(a, &s->want, "port", "%d", RAY_PORT);
	else
		attrs_add(a, &s->want, "head",
			  head ? arena_printf(a, "%s:%d", head, RAY_PORT) : NULL);
	attrs_add(a, &s->want, "image", m->spec->engine.image.text);
	attrs_add(a, &s->want, "image_id", NULL);
	if (m->hf_home)
		attrs_add(a, &s->want, "hf_home", m->hf_home);
	if (m->spec->model.path.text)
		attrs_add(a, &s->want, "model_path", m->spec->model.path.text);
	if (m->spec->engine.docker_args.n)
		attrs_add(a, &s->want, "docker_args", words_text(a, &m->spec->engine.docker_args));
	if (m->launcher_script)
		attrs_add(a, &s->want, "script", m->spec->engine.script.sha256.text);
	attrs_add(a, &s->want, "env.HF_HUB_OFFLINE", "1");
	attrs_add(a, &s->want, "env.VLLM_HOST_IP", address);
	if (interface)
		attrs_add(a, &s->want, "env.GLOO_SOCKET_IFNAME", interface);
	if (nccl)
		attrs_add(a, &s->want, "env.NCCL_SOCKET_IFNAME", nccl);
	env_want(a, m, n, &s->want);    /* of equal names the last one stays: the user's */
	attrs_sort(&s->want);
}

static void
mount(struct arena *a, struct task *t, const char *from, const char *to)
{
	task_arg(a, t, "-v");
	task_argf(a, t, "%s:%s", from, to);
}

/* What both launchers pass behind the arguments that run_cluster.sh has itself. Name
 * and labels come last, because the last one wins. */
static void
extra_args(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	const struct model *m = s->model;
	const struct words *more = &m->spec->engine.docker_args;
	const char *json = inputs_write(a, inputs), *path = m->spec->model.path.text;
	char digest[HASH_HEX];

	hash_sha256(json, strlen(json), digest);
	if (path)
		mount(a, t, path, arena_printf(a, "%s:ro", path));
	env_args(a, t, inputs);
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

static void
args(struct arena *a, struct task *t, const char *const *list)
{
	for (; *list; list++)
		task_arg(a, t, *list);
}

static void
by_docker(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	static const char *const run[] = {"docker", "run", "-d", "--restart", "no",
		"--entrypoint", "/bin/sh", "--network", "host", "--shm-size", "10.24g",
		"--gpus", "all", NULL};

	args(a, t, run);
	if (s->model->hf_home)
		mount(a, t, s->model->hf_home, HF_HOME_INSIDE);
	extra_args(a, t, s, inputs);
	task_arg(a, t, s->model->spec->engine.image.text);
	task_arg(a, t, "-c");
	if (is_head(s))
		task_argf(a, t, "exec ray start --block --head --node-ip-address=%s --port=%d",
			  node_dial(s->node), RAY_PORT);
	else
		task_argf(a, t, "exec ray start --block --address=%s:%d --node-ip-address=%s",
			  node_dial(&s->model->node[0]), RAY_PORT, node_dial(s->node));
}

static void
by_script(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	task_arg(a, t, "bash");
	task_arg(a, t, s->model->script_path);
	task_arg(a, t, s->model->spec->engine.image.text);
	task_arg(a, t, node_dial(&s->model->node[0]));
	task_arg(a, t, is_head(s) ? "--head" : "--worker");
	task_arg(a, t, s->model->hf_home);
	extra_args(a, t, s, inputs);
}

void
ray_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	struct attrs inputs = step_inputs(a, s);
	/* Every node must run what the head runs, whatever a tag means there by now. */
	const struct step *image = step_upstream(s, "image", s->node);
	const char *name = container_name(a, m, s->kind->name);
	struct task *t = tasks_add(a, tasks, s->node, "ray-up",
		arena_printf(a, "%s %s", m->launcher_script ? "run_cluster.sh" : "docker run", name));

	t->changes = true;
	task_arg(a, t, s->kind->name);
	task_arg(a, t, name);
	task_arg(a, t, m->cluster);
	task_arg(a, t, m->launcher_script ? "script" : "container");
	task_arg(a, t, m->spec->engine.image.text);
	task_arg(a, t, attrs_value(&inputs, "image_id",
				   image && image->seen.output ? image->seen.output : "-"));
	task_arg(a, t, m->hf_home ? m->hf_home : "-");
	task_arg(a, t, script_get("image-id")->text);
	if (m->launcher_script)
		by_script(a, t, s, &inputs);
	else
		by_docker(a, t, s, &inputs);
}

void
ray_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const char *name = container_name(a, s->model, s->kind->name);
	struct task *t = tasks_add(a, tasks, s->node, "container-down",
				   arena_printf(a, "docker rm -f %s", name));

	t->changes = true;
	t->timeout_s = 180;
	task_arg(a, t, name);
	task_arg(a, t, s->model->cluster);
}
