/* vLLM's and Ray's arguments: as inputs of their steps, and as words of the command line. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/limits.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/plan/kind.h"

/* ---- inputs ---- */

/* Some versions do not know the variable. What apply finds out later, when it looks into the
 * image, must not change the plan. */
static bool
vllm_argv_knows_timeout(const struct cluster *c)
{
	return !engine_version_before(c->venv ? cluster_engine_version(c)
				      : vllm_version_of_image(c->spec->engine.image.text, false),
				      0, 14, 0);
}

void
vllm_want(struct arena *a, const struct step *s, enum engine_role role, struct attrs *want)
{
	const struct cluster *c = s->cluster;
	long long copy = c->tensor * c->pipeline, each = copy * c->data / (long long)c->nlayout;

	if (role != ENGINE_SERVER)
		attrs_add(a, want, "env.VLLM_HOST_IP", node_dial(s->node));
	/* vLLM's own timeout is too short for a large model; ours follows the log. */
	if (role == ENGINE_SERVER || (role == ENGINE_RANK && vllm_argv_knows_timeout(c)))
		attrs_addf(a, want, "env.VLLM_ENGINE_READY_TIMEOUT_S", "%d", ENGINE_READY_LIMIT);
	if (c->partition && (role == ENGINE_SERVER || role == ENGINE_RANK))
		attrs_add(a, want, arena_printf(a, "env.%s", engine_vllm.partition_env), c->partition);
	if (role == ENGINE_SERVER)
		attrs_add(a, want, "env.RAY_ADDRESS",
			  node_dial_port(a, &c->node[0], c->spec->engine.ray_port.value));
	if (role == ENGINE_SERVER || (role == ENGINE_RANK && copy > 1))
		attrs_add(a, want, "dray.distributed-executor-backend",
			  role == ENGINE_SERVER ? "ray" : "mp");
	/* Over the network vLLM's own all-reduce deadlocks (0.26 and later try to use it). */
	if (role == ENGINE_RANK && c->tensor > each)
		attrs_add(a, want, "dray.disable-custom-all-reduce", "true");
	if (role == ENGINE_RANK && s->node->rank > 0)
		attrs_add(a, want, "dray.headless", "true");
}

/* ---- command line ---- */

static void
vllm_argv_ray(struct arena *a, enum engine_role role, struct attrs *inputs, struct task *t)
{
	task_word(a, t, "ray");
	task_word(a, t, "start");
	task_word(a, t, "--block");
	if (role == ENGINE_HEAD) {
		task_word(a, t, "--head");
		task_wordf(a, t, "--port=%s", attrs_value(inputs, "port", ""));
	} else {
		task_wordf(a, t, "--address=%s", attrs_value(inputs, "head", ""));
	}
	task_wordf(a, t, "--node-ip-address=%s", attrs_value(inputs, "address", ""));
	if (role == ENGINE_HEAD && attrs_get(inputs, "venv"))
		task_word(a, t, "--temp-dir="); /* process-up.sh adds the folder */
}

static long long
vllm_argv_number(struct attrs *inputs, const char *name)
{
	return strtoll(attrs_value(inputs, name, "1"), NULL, 10);
}

static void
vllm_argv_option(struct arena *a, struct task *t, const char *option, const char *value)
{
	task_word(a, t, option);
	task_word(a, t, value);
}

static void
vllm_argv_count(struct arena *a, struct task *t, const char *option, long long value)
{
	vllm_argv_option(a, t, option, arena_printf(a, "%lld", value));
}

/* If each node holds whole copies of the model, they are separate engines that meet at the
 * head's port. If a copy takes several nodes, it is one engine over ranks; the rank then
 * decides the copy. */
static void
vllm_argv_spread(struct arena *a, struct attrs *inputs, struct task *t)
{
	long long nodes = vllm_argv_number(inputs, "nodes"), data = vllm_argv_number(inputs, "data");
	long long rank = strtoll(attrs_value(inputs, "rank", "0"), NULL, 10), inside = data / nodes;
	const char *master = attrs_value(inputs, "master", ""), *colon = strrchr(master, ':');
	const char *port = colon ? colon + 1 : "";
	size_t n = colon ? (size_t)(colon - master) : 0;
	const char *head = *master == '[' ? arena_strndup(a, master + 1, n - 2)
					  : arena_strndup(a, master, n);

	if (data > 1)
		vllm_argv_count(a, t, "--data-parallel-size", data);
	if (nodes > 1 && data > 1)
		vllm_argv_count(a, t, "--data-parallel-rpc-port", DATA_RPC_PORT);
	if (nodes > 1 && data > 1 && inside > 0) {
		vllm_argv_count(a, t, "--data-parallel-size-local", inside);
		vllm_argv_option(a, t, "--data-parallel-address", head);
		if (rank > 0)
			vllm_argv_count(a, t, "--data-parallel-start-rank", rank * inside);
	} else if (nodes > 1) {
		vllm_argv_count(a, t, "--nnodes", nodes);
		vllm_argv_count(a, t, "--node-rank", rank);
		vllm_argv_option(a, t, "--master-addr", head);
		vllm_argv_option(a, t, "--master-port", port);
	}
}

/* Is it an option that a rank without an API (--headless) refuses? */
static bool
vllm_argv_of_api(const char *option)
{
	return strcmp(option, "api-server-count") == 0 || strcmp(option, "asc") == 0;
}

/* The inputs with a prefix, as options: those that dray adds, and the user's. */
static void
vllm_argv_options(struct arena *a, struct attrs *inputs, const char *prefix, struct task *t)
{
	bool headless = attrs_get(inputs, "dray.headless");
	size_t skip = strlen(prefix);

	for (size_t i = 0; i < inputs->n; i++) {
		const struct attr *attr = &inputs->v[i];
		const char **word;
		size_t n;

		if (strncmp(attr->name, prefix, skip) != 0 || (headless && vllm_argv_of_api(attr->name + skip)))
			continue;
		word = spec_arg(a, attr->name + skip, attr->value, &n);
		for (size_t k = 0; k < n; k++)
			task_word(a, t, word[k]);
	}
}

/* The names that the model has, with a space between. */
static void
vllm_argv_names(struct arena *a, struct task *t, const char *names)
{
	char *save = NULL, *name = strtok_r(arena_strdup(a, names), " ", &save);

	for (; name; name = strtok_r(NULL, " ", &save))
		task_word(a, t, name);
}

void
vllm_argv(struct arena *a, enum engine_role role, struct attrs *inputs, const char *model,
	  struct task *t)
{
	if (role == ENGINE_HEAD || role == ENGINE_WORKER) {
		vllm_argv_ray(a, role, inputs, t);
		return;
	}
	task_word(a, t, "vllm");
	task_word(a, t, "serve");
	task_word(a, t, model);
	if (attrs_get(inputs, "port")) {
		task_word(a, t, "--served-model-name");
		vllm_argv_names(a, t, attrs_value(inputs, "name", ""));
		vllm_argv_option(a, t, "--host", attrs_value(inputs, "bind", ""));
		vllm_argv_option(a, t, "--port", attrs_value(inputs, "port", ""));
	}
	vllm_argv_option(a, t, "--tensor-parallel-size", attrs_value(inputs, "tensor", "1"));
	vllm_argv_option(a, t, "--pipeline-parallel-size", attrs_value(inputs, "pipeline", "1"));
	if (role == ENGINE_RANK)
		vllm_argv_spread(a, inputs, t);
	vllm_argv_options(a, inputs, "dray.", t);
	vllm_argv_options(a, inputs, "args.", t);
}
