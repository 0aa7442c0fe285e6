/* The part of preflight that looks at GPUs: are they there, whole and free? */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/kinds/common.h"
#include "planner/layout_fit.h"

/* "0,2" or "GPU-8f5c...": indices, or beginnings of uuids. */
static bool
is_listed(const char *list, const struct fact_gpu *g)
{
	for (const char *s = list; *s; s += strcspn(s, ","), s += *s == ',') {
		size_t n = strcspn(s += strspn(s, " "), ", ");
		char *end;
		long index = strtol(s, &end, 10);

		if (n && ((end == s + n && index == g->index) || strncmp(g->uuid, s, n) == 0))
			return true;
	}
	return false;
}

const struct facts *
facts_visible(struct arena *a, const struct model *m, const struct node *n)
{
	const char *list = env_value(m, n, "CUDA_VISIBLE_DEVICES");
	struct facts *f;

	if (!node_seen(n))
		return NULL;
	/* Parts of a GPU are not counted here. */
	if (!list || strstr(list, "MIG-"))
		return n->facts;
	f = ar_new(a, struct facts);
	*f = *n->facts;
	memset(&f->gpu, 0, sizeof f->gpu);
	memset(&f->gpuproc, 0, sizeof f->gpuproc);
	for (size_t i = 0; i < n->facts->gpu.n; i++)
		if (is_listed(list, &n->facts->gpu.v[i]))
			*vec_push(a, &f->gpu) = n->facts->gpu.v[i];
	for (size_t i = 0; i < n->facts->gpuproc.n; i++) {
		const struct fact_gpuproc *p = &n->facts->gpuproc.v[i];
		bool ours = !p->gpu[0];

		for (size_t k = 0; k < f->gpu.n; k++)
			ours = ours || strcmp(f->gpu.v[k].uuid, p->gpu) == 0;
		if (ours)
			*vec_push(a, &f->gpuproc) = *p;
	}
	return f;
}

/* vLLM takes the CPU where its own version says so. */
static bool
is_for_cpu(const struct model *m, const struct node *n)
{
	return m->venv && n->facts->venv_vllm && strstr(n->facts->venv_vllm, "cpu");
}

/* mp takes the same number from each; Ray fills the nodes, which may differ as long as they
 * have enough together. */
static long long
gpus_needed(struct arena *a, const struct model *m, const struct node *n)
{
	long long world = m->tensor * m->pipeline * m->data, nodes = (long long)m->nlayout;
	long long each = nodes > 0 ? (world + nodes - 1) / nodes : 0, have = 0;

	if (n->gpus >= 0)
		return n->gpus;
	for (size_t i = 0; i < m->nlayout; i++)
		have += node_seen(&m->node[i])
			? (long long)facts_visible(a, m, &m->node[i])->gpu.n : each;
	return m->backend == BACKEND_RAY && have >= world && each > 1 ? 1 : each;
}

/* Does something of this cluster run here? Then the memory is its own. */
static bool
runs_something(const struct facts *f)
{
	for (size_t i = 0; i < f->container.n; i++)
		if (strcmp(f->container.v[i].state, "running") == 0)
			return true;
	for (size_t i = 0; i < f->proc.n; i++)
		if (f->proc.v[i].alive)
			return true;
	return false;
}

/* A GPU that vLLM cannot have as the layout counts it. */
static void
check_gpu(struct arena *a, const struct node *n, const struct fact_gpu *g, struct problems *out)
{
	if (g->trouble)
		problem_add(a, out, DIAG_ERROR, n, "reboot the node, or take it out",
			    "GPU %d: the driver says %s", g->index, g->trouble);
	if (g->mig)
		problem_add(a, out, DIAG_WARNING, n, "nvidia-smi -mig 0, as root",
			    "GPU %d is cut up by MIG: vLLM sees one part of it only", g->index);
}

/* Memory in use by what cannot be seen from here: one warning, of the first such GPU. */
static void
check_gpus_free(struct arena *a, const struct model *m, const struct node *n,
		const struct facts *f, struct problems *out)
{
	double part = m->layout ? m->layout->ask->utilization : 0;
	const struct fact_gpu *first = NULL;
	size_t more = 0;

	for (size_t i = 0; i < f->gpu.n; i++) {
		const struct fact_gpu *g = &f->gpu.v[i];
		double total = (double)g->total_mib;

		if (g->used_mib <= 0 || total - (double)g->used_mib >= total * part)
			continue;
		more += first != NULL;
		first = first ? first : g;
	}
	if (!first || f->gpuproc.n || runs_something(f))
		return;
	problem_add(a, out, DIAG_WARNING, n, "look for containers and users whose processes cannot be "
		    "seen from here, or lower gpu-memory-utilization",
		    "GPU %d has %.1f of %.1f GiB in use by nobody that can be seen: vLLM will want "
		    "%.1f GiB of it and refuse to start%s", first->index,
		    (double)first->used_mib / 1024, (double)first->total_mib / 1024,
		    (double)first->total_mib * part / 1024, more == 0 ? "" :
		    arena_printf(a, " (and %zu more GPU%s)", more, more == 1 ? "" : "s"));
}

static void
check_count(struct arena *a, const struct model *m, const struct node *n, const struct facts *f,
	    struct problems *out)
{
	long long need = gpus_needed(a, m, n), have = (long long)f->gpu.n;

	if (have < need && f->gpu.n < n->facts->gpu.n)
		problem_add(a, out, DIAG_ERROR, n, "name more of them, or lower parallelism",
			    "%lld of %lld GPUs: CUDA_VISIBLE_DEVICES leaves no more of the %zu here",
			    have, need, n->facts->gpu.n);
	else if (have < need)
		problem_add(a, out, DIAG_ERROR, n,
			    have ? "lower parallelism, or take more nodes"
				 : "nvidia-smi must work for the login user",
			    "%lld of %lld GPUs%s%s", have, need, f->gpunone ? ": " : "",
			    f->gpunone ? f->gpunone : "");
	if (m->backend == BACKEND_RAY && m->nlayout > 1 && have > need && n->gpus >= 0)
		problem_add(a, out, DIAG_WARNING, n, "write gpus: as it is, or use backend mp",
			    "%lld GPUs are here, the spec says %lld: Ray fills them all, whatever the "
			    "layout", have, need);
}

static void
check_toolkit(struct arena *a, const struct model *m, const struct node *n, const struct facts *f,
	      struct problems *out)
{
	bool podman = m->runtime == RUNTIME_PODMAN;

	if (!f->gpu.n || f->toolkit || m->runtime == RUNTIME_NONE ||
	    strcmp(podman ? f->podman : f->docker, "ok") != 0)
		return;
	problem_add(a, out, DIAG_ERROR, n,
		    arena_printf(a, "on %s: install nvidia-container-toolkit, then sudo nvidia-ctk %s",
				 n->name, podman ? "cdi generate --output=/etc/cdi/nvidia.yaml" :
				 "runtime configure && sudo systemctl restart docker"),
		    "%s cannot hand out GPUs", podman ? "podman" : "Docker");
}

static void
check_alike(struct arena *a, const struct node *n, const struct facts *f, struct problems *out)
{
	for (size_t i = 1; i < f->gpu.n; i++)
		if (strcmp(f->gpu.v[i].name, f->gpu.v[0].name) != 0) {
			problem_add(a, out, DIAG_WARNING, n, NULL,
				    "GPUs are not all alike: %s and %s", f->gpu.v[0].name,
				    f->gpu.v[i].name);
			return;
		}
}

void
preflight_gpus(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	const struct facts *f = facts_visible(a, m, n);

	/* The user tells Ray what the node has: then nobody counts devices. */
	if (env_value(m, n, "RAY_OVERRIDE_RESOURCES") || is_for_cpu(m, n))
		return;
	check_count(a, m, n, f, out);
	check_toolkit(a, m, n, f, out);
	for (size_t i = 0; i < f->gpuproc.n; i++) {
		const struct fact_gpuproc *p = &f->gpuproc.v[i];

		problem_add(a, out, DIAG_ERROR, n, "end it, or take another node",
			    "GPU memory is held by pid %s of user '%s' (%s MiB): %s", p->pid,
			    p->user, p->used_mib, p->command);
	}
	for (size_t i = 0; i < f->gpu.n; i++)
		check_gpu(a, n, &f->gpu.v[i], out);
	check_gpus_free(a, m, n, f, out);
	check_alike(a, n, f, out);
}
