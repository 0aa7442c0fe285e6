/* How containers, and the server in the head's container, are observed and started. */
#include "planner/runtimes/container.h"

#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/plan/observed.h"
#include "planner/plan/owner.h"
#include "planner/runtimes/carried.h"

const char *
container_name(struct arena *a, const struct cluster *c, const char *kind)
{
	return arena_printf(a, "dray-%s-%s", c->name, kind);
}

const char *
known_container(struct arena *a, const struct step *s, const char *kind)
{
	const struct fact_container *c = find_container(s->node, container_name(a, s->cluster, kind));

	return c && container_is_ours(s->cluster, c) && *c->id ? c->id : NULL;
}

/* ---- observe ---- */

static const char *
container_exit_words(struct arena *a, const struct fact_container *c)
{
	const char *since = c->started && *c->started && strcmp(c->started, "-") != 0
		? arena_printf(a, "; started %.19s", c->started) : "";

	if (!c->state || strcmp(c->state, "exited") != 0)
		return arena_printf(a, "its container is %s", c->state ? c->state : "not running");
	if (c->exit_code == 137)
		return arena_printf(a, "its container was killed, exit 137%s", since);
	return arena_printf(a, "its container exited with %d%s", c->exit_code, since);
}

static void
container_conflict(struct arena *a, struct step *s, const struct fact_container *c,
		  struct diags *problems)
{
	observe_conflict(s, problems,
		     arena_printf(a, "a container '%s' that is not ours is in the way (id %.12s, %s)",
				  c->name, c->id, c->state ? c->state : "state unknown"),
		     arena_printf(a, "on %s: docker rename %.12s another-name, or choose another "
				  "cluster name", s->node->name, c->id));
}

void
container_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const char *name = container_name(a, s->cluster, s->kind->name);
	const struct fact_container *c = find_container(s->node, name);
	const struct record *r = step_record(s);
	bool done = r && r->phase && strcmp(r->phase, "done") == 0;

	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || observe_silent(a, s, runtime_there(s)))
		return;
	if (c && !container_is_ours(s->cluster, c)) {
		if (s->orphan)
			return;
		if (c->foreign && strcmp(c->cluster, s->cluster->name) == 0)
			observe_other_owner(a, s, problems, c);
		else
			container_conflict(a, s, c, problems);
		return;
	}
	/* A container with another step address has the node's old name; the orphan of that name
	 * takes it down. */
	if (c && c->step && strcmp(c->step, s->addr) != 0)
		c = NULL;
	if (!c) {
		if (done) {
			s->observed.state = STATE_GONE;
			s->observed.instance = NULL;
			s->observed.why = "its container is gone";
		}
		if (!s->orphan)
			observe_other_cluster(a, s, problems);
		return;
	}
	struct attrs inputs = {0};

	if (c->inputs && inputs_read(a, c->inputs, strlen(c->inputs), &inputs))
		s->observed.have = inputs;
	s->observed.instance = c->id;
	if (observe_unstopped(s))
		return;
	if (r && !done) {
		if (inputs.n && container_runs(c))
			observe_coming(a, s);
		return;
	}
	if (!container_runs(c)) {
		s->observed.state = STATE_GONE;
		s->observed.why = container_exit_words(a, c);
	} else if (!r) {
		s->observed.state = STATE_PRESENT;
		s->observed.adopted = true;
	} else if (!r->instance || strcmp(r->instance, c->id) != 0) {
		s->observed.state = STATE_INTERRUPTED;
		s->observed.why = "its container is not the one that was recorded";
	}
}

/* ---- start ---- */

static void
container_args(struct arena *a, struct task *t, const char *const *list)
{
	for (; list && *list; list++)
		task_word(a, t, *list);
}

/* Adds the words of an input that words_text() made. */
static void
container_words(struct arena *a, struct task *t, struct attrs *inputs, const char *name)
{
	size_t n;
	const char **word = words_of(a, attrs_value(inputs, name, ""), &n);

	for (size_t i = 0; i < n; i++)
		task_word(a, t, word[i]);
}

static void
container_mount(struct arena *a, struct task *t, const char *from, const char *to)
{
	task_word(a, t, "-v");
	task_wordf(a, t, "%s:%s", from, to);
}

/* model.path, and what its links lead to. */
static void
container_model(struct arena *a, struct task *t, struct attrs *inputs)
{
	const char *path = attrs_value(inputs, "model_path", NULL);
	size_t n;
	const char **word = words_of(a, attrs_value(inputs, "model_links", ""), &n);

	if (path)
		container_mount(a, t, path, arena_printf(a, "%s:ro", path));
	for (size_t i = 0; path && i < n; i++) {
		task_word(a, t, "-v");
		task_word(a, t, word[i]);
	}
}

void
container_files(struct arena *a, struct task *t, struct attrs *inputs)
{
	const char *folder = attrs_value(inputs, "files_dir", NULL);

	if (folder && carried_mountable(folder))
		container_mount(a, t, folder, CARRIED_INSIDE ":ro");
}

void
env_args(struct arena *a, struct task *t, struct attrs *from)
{
	attrs_sort(from);
	for (size_t i = 0; i < from->n; i++) {
		const struct attr *attr = &from->v[i];

		if (strncmp(attr->name, "env.", 4) != 0 || !attr->value)
			continue;
		task_word(a, t, "-e");
		task_wordf(a, t, "%s=%s", attr->name + 4, carried_text(a, from, attr->value));
	}
}

static void
container_rdma_args(struct arena *a, struct task *t, const struct attrs *inputs)
{
	for (size_t i = 0; i < inputs->n; i++) {
		const struct attr *attr = &inputs->v[i];

		if (strncmp(attr->name, "rdma.", 5) != 0 || !attr->value)
			continue;
		task_wordf(a, t, "--%s", attr->name + 5);
		task_word(a, t, attr->value);
	}
}

/* What run_cluster.sh does not add itself: mounts, environment, the user's docker_args, name,
 * labels. Name and labels come last, because the last one wins. */
static void
container_extra_args(struct arena *a, struct task *t, const struct start *start)
{
	const struct step *s = start->step;
	const struct cluster *c = s->cluster;
	struct attrs *inputs = start->inputs;
	const char *json = inputs_write(a, inputs);
	char digest[HASH_HEX];

	hash_sha256(json, strlen(json), digest);
	container_model(a, t, inputs);
	container_files(a, t, inputs);
	container_args(a, t, c->runtime->args);
	if (!start->launcher || !c->runtime->launcher_gpus)
		container_words(a, t, inputs, "gpus");
	env_args(a, t, inputs);
	container_rdma_args(a, t, inputs);
	container_words(a, t, inputs, "docker_args");
	task_word(a, t, "--name");
	task_word(a, t, container_name(a, c, s->kind->name));
	task_word(a, t, "--label");
	task_wordf(a, t, "dray.cluster=%s", c->name);
	task_word(a, t, "--label");
	task_wordf(a, t, "dray.step=%s", s->addr);
	task_word(a, t, "--label");
	task_wordf(a, t, "dray.digest=%s", digest);
	task_word(a, t, "--label");
	task_wordf(a, t, "dray.inputs=%s", json);
}

/* Does the user give it the host's shared memory? Podman then refuses a size for it, which Docker
 * ignores. */
static bool
container_has_host_shm(struct attrs *inputs)
{
	const char *args = attrs_value(inputs, "docker_args", "");

	return strcmp(runtime_of(*inputs)->name, "podman") == 0 &&
	       (strstr(args, "--ipc=host") || strstr(args, "--ipc host"));
}

/* The words that start a detached container, up to the image. What follows are arguments of
 * /bin/sh in it. */
static void
container_run(struct arena *a, struct task *t, const struct start *start)
{
	static const char *const run[] = {"docker", "run", "-d", "--restart", "no",
		"--entrypoint", "/bin/sh", "--network", "host", NULL};
	static const char *const shm[] = {"--shm-size", "10.24g", NULL};
	const char *home = attrs_value(start->inputs, "hf_home", NULL);

	container_args(a, t, run);
	if (!container_has_host_shm(start->inputs))
		container_args(a, t, shm);
	if (home)
		container_mount(a, t, home, HF_HOME_INSIDE);
	container_extra_args(a, t, start);
	task_word(a, t, attrs_value(start->inputs, "image", ""));
	task_word(a, t, "-c");
}

void
container_trial(struct arena *a, struct attrs *inputs, const char *files, struct task *t)
{
	static const char *const run[] = {"docker", "run", "--rm", "--network", "none", NULL};

	container_args(a, t, run);
	container_args(a, t, runtime_of(*inputs)->args);
	container_model(a, t, inputs);
	container_files(a, t, inputs);
	env_args(a, t, inputs);
	container_words(a, t, inputs, "docker_args");
	task_word(a, t, "-e");
	task_wordf(a, t, "DRAY_FILES=%s", files);
	task_word(a, t, "--entrypoint");
	task_word(a, t, "/bin/sh");
	task_word(a, t, attrs_value(inputs, "image", ""));
	task_word(a, t, "-c");
}

/* The address that a worker joins, without the port: run_cluster.sh adds the port. */
static const char *
container_without_port(struct arena *a, const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon ? arena_strndup(a, address, (size_t)(colon - address)) : address;
}

static void
container_launch(struct arena *a, struct task *t, const struct start *start)
{
	const char *join = attrs_value(start->inputs, "head", NULL);

	task_word(a, t, "bash");
	task_word(a, t, start->launcher);
	task_word(a, t, attrs_value(start->inputs, "image", ""));
	task_word(a, t, join ? container_without_port(a, join)
			    : attrs_value(start->inputs, "address", ""));
	task_word(a, t, join ? "--worker" : "--head");
	task_word(a, t, attrs_value(start->inputs, "hf_home", ""));
	container_extra_args(a, t, start);
}

/* A task with the first arguments of all scripts that start a container. */
static struct task *
container_up_task(struct arena *a, const struct start *start, struct tasks *tasks,
		  const struct script *script, const char *what)
{
	const struct step *s = start->step;
	bool key = attrs_get(start->inputs, "api_key") != NULL;
	struct task *t = tasks_add(a, tasks, s->node, NULL, what);

	t->script = owner_script(a, script);
	container_task(a, t, s->cluster->runtime);
	t->changes = true;
	t->secrets = key ? TASK_API_KEY : TASK_NO_SECRET;
	return t;
}

void
container_named(struct arena *a, struct task *t, const struct step *s, const struct kind *kind)
{
	task_arg(a, t, "name", container_name(a, s->cluster, kind->name));
	task_arg(a, t, "cluster", s->cluster->name);
	task_arg(a, t, "known", known_container(a, s, kind->name));
}

static void
container_up_image(struct arena *a, struct task *t, const struct start *start)
{
	task_arg(a, t, "image", attrs_value(start->inputs, "image", NULL));
	task_arg(a, t, "image_id", attrs_value(start->inputs, "image_id", NULL));
	task_arg(a, t, "image_id_sh", container_text(a, start->step->cluster->runtime, "image-id"));
	task_arg(a, t, "hf_home", attrs_value(start->inputs, "hf_home", NULL));
}

/* Starts a node of the coordinator. */
static struct task *
container_up_node(struct arena *a, const struct start *start, struct tasks *tasks)
{
	const struct cluster *c = start->step->cluster;
	const char *name = container_name(a, c, start->step->kind->name);
	struct task *t = container_up_task(
		a, start, tasks, engine_script(a, c->engine, script_with(a, "container-up", "join-up")),
		start->launcher ? arena_printf(a, "run_cluster.sh %s", name)
				: arena_printf(a, "%s run %s", c->runtime->name, name));

	container_named(a, t, start->step, start->step->kind);
	task_arg(a, t, "worker", attrs_get(start->inputs, "head") ? "yes" : NULL);
	task_arg(a, t, "launcher", start->launcher ? "yes" : NULL);
	container_up_image(a, t, start);
	task_arg_int(a, t, "stall", JOIN_STALL);
	task_arg_int(a, t, "longest", JOIN_LIMIT);
	task_arg(a, t, "await", start_awaited(start));
	task_words(a, t);
	if (start->launcher) {
		container_launch(a, t, start);
		return t;
	}
	container_run(a, t, start);
	task_word(a, t, "exec \"$@\"");
	task_word(a, t, "dray-node");
	return t;
}

/* Runs in the container before the engine. The key comes through a pipe that is removed once it
 * was read, so inspect, command lines and disks never show it. */
static const char with_key[] =
	"umask 077; mkfifo /tmp/dray.key && IFS= read -r %s </tmp/dray.key && "
	"rm /tmp/dray.key && export %s && exec \"$@\"";
static const char without_key[] = "exec \"$@\"";

/* Starts one rank of a group. */
static struct task *
container_up_rank(struct arena *a, const struct start *start, struct tasks *tasks)
{
	const struct cluster *c = start->step->cluster;
	struct attrs *inputs = start->inputs;
	bool key = attrs_get(inputs, "api_key") != NULL;
	struct task *t = container_up_task(
		a, start, tasks,
		engine_script(a, c->engine, script_behind(a, "container-up",
							  script_with(a, "serve-log", "rank-up"))),
		arena_printf(a, "%s run %s: %s", c->runtime->name,
			     container_name(a, c, start->step->kind->name), start->what));

	container_named(a, t, start->step, start->step->kind);
	task_arg(a, t, "first", start->until == START_ANSWERS ? "yes" : NULL);
	container_up_image(a, t, start);
	start_server_args(a, t, start);
	task_arg(a, t, "alone", c->nlayout < 2 ? "yes" : NULL);
	task_arg(a, t, "await", start_awaited(start));
	task_words(a, t);
	container_run(a, t, start);
	if (key)
		task_wordf(a, t, with_key, c->engine->api_key_env, c->engine->api_key_env);
	else
		task_word(a, t, without_key);
	task_word(a, t, "dray-rank");
	return t;
}

struct task *
container_up(struct arena *a, const struct start *start, struct tasks *tasks)
{
	return start->until == START_JOINED ? container_up_node(a, start, tasks)
					    : container_up_rank(a, start, tasks);
}

struct task *
container_up_beside(struct arena *a, const struct start *start, const struct kind *in,
		    struct tasks *tasks)
{
	const struct step *s = start->step;
	struct attrs *inputs = start->inputs;
	struct task *t;

	t = container_up_task(a, start, tasks,
			      engine_script(a, s->cluster->engine,
					    script_with(a, "serve-log", "serve-up")),
			      arena_printf(a, "%s, in %s", start->what,
					   container_name(a, s->cluster, in->name)));
	container_named(a, t, s, in);
	start_server_args(a, t, start);
	task_arg(a, t, "inputs", inputs_write(a, inputs));
	task_arg(a, t, "files", carried_list(a, inputs));
	task_arg(a, t, "await", start_awaited(start));
	task_words(a, t);
	env_words(a, t, inputs);
	task_words(a, t);
	return t;
}
