/* Spec -> model: ranks, roles, names and paths; no question left but those to hosts. */
#include "planner/model.h"

#include <arpa/inet.h>
#include <string.h>

#include "planner/layout.h"
#include "planner/user.h"

static bool
is_ip(const char *text)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static void
node_build(struct node *to, const struct spec_node *from, size_t rank, const char *folder)
{
	*to = (struct node){
		.name = from->name.text,
		.spec = from,
		.host = from->host.text,
		.executor = from->executor.text,
		.folder = folder,
		.role = rank == 0 ? ROLE_HEAD : ROLE_WORKER,
		.rank = rank,
		.gpus = from->gpus.set ? from->gpus.value : -1,
		.address = from->address.text ? from->address.text :
			   is_ip(from->host.text) && !from->host_shared ? from->host.text : NULL,
	};
}

/* ORG/NAME as the Hub's cache names its folder. */
static const char *
hub_name(struct arena *a, const char *repo)
{
	const char *slash = strchr(repo, '/');

	return arena_printf(a, "models--%.*s--%s", (int)(slash - repo), repo, slash + 1);
}

/* Podman asks nobody which registry is meant where Docker means its own. */
static const char *
image_name(struct arena *a, enum runtime runtime, const char *image)
{
	size_t host = image ? strcspn(image, "/") : 0;

	if (runtime != RUNTIME_PODMAN || !image)
		return image;
	if (image[host] && (memchr(image, '.', host) || memchr(image, ':', host) ||
			    (host == 9 && memcmp(image, "localhost", 9) == 0)))
		return image;
	return arena_printf(a, image[host] ? "docker.io/%s" : "docker.io/library/%s", image);
}

static enum runtime
runtime_of(const char *word)
{
	return strcmp(word, "podman") == 0 ? RUNTIME_PODMAN :
	       strcmp(word, "none") == 0 ? RUNTIME_NONE : RUNTIME_DOCKER;
}

static const char *
folder_of(struct arena *a, const struct spec *s)
{
	const char *name = s->src ? s->src->name : "", *slash = strrchr(name, '/');

	return !slash ? "." : slash == name ? "/" : arena_strndup(a, name, (size_t)(slash - name));
}

struct model *
model_build(struct arena *a, const struct spec *s, struct diags *d)
{
	struct model *m = ar_new(a, struct model);
	const char *slash;
	bool wrong;

	user_steps_check(a, s, d);
	wrong = d->nerror;
	if (wrong)
		s = user_shape(a, s);
	if (!s)
		return NULL;
	*m = (struct model){
		.spec = s,
		.folder = folder_of(a, s),
		.cluster = s->cluster.text,
		.nnode = s->nnode,
		.capnode = s->nnode,
		.nspec = s->nnode,
		.nlayout = layout_of(s).nodes,
		/* Until layout_choose() knows better. */
		.tensor = s->parallelism.tensor.set ? s->parallelism.tensor.value : 1,
		.pipeline = s->parallelism.pipeline.set ? s->parallelism.pipeline.value : 1,
		.data = s->parallelism.data.value,
		.hf_home = arena_printf(a, "%s/.cache/huggingface", s->shared_dir.text),
		.launcher_script = strcmp(s->engine.launcher.text, "script") == 0,
	};
	m->runtime = runtime_of(s->engine.runtime.text);
	if (m->runtime == RUNTIME_NONE)
		m->venv = s->engine.venv.text;
	else
		m->image = image_name(a, m->runtime, s->engine.image.text);
	if (s->engine.script.sha256.text)
		m->script_path = arena_printf(a, "%s/.dray/run_cluster-%.12s.sh",
					      s->shared_dir.text, s->engine.script.sha256.text);
	if (s->model.repo.text) {
		m->hub = hub_name(a, s->model.repo.text);
		m->served_name = s->model.repo.text;
	} else {
		slash = strrchr(s->model.path.text, '/');
		m->served_name = slash && slash[1] ? slash + 1 : s->model.path.text;
	}
	if (s->serve.name.text)
		m->served_name = s->serve.name.text;
	m->node = ar_array(a, struct node, s->nnode);
	for (size_t i = 0; i < s->nnode; i++)
		node_build(&m->node[i], &s->node[i], i, m->folder);
	model_choose_backend(a, m);
	return user_steps_build(a, m, s, d) && !wrong ? m : NULL;
}

struct node *
model_node(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->nnode; i++)
		if (strcmp(m->node[i].name, name) == 0)
			return &m->node[i];
	return NULL;
}
