/* engine.runtime: docker. */
#include <string.h>

#include "planner/runtimes/container.h"

static const char *
docker_image(struct arena *a, const char *image)
{
	(void)a;
	return image;
}

static const char *
docker_state(const struct facts *f)
{
	return f->docker;
}

static void
docker_check(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = n->facts;

	(void)c;
	if (strcmp(f->docker, "ok") == 0)
		return;
	if (strcmp(f->docker, "denied") == 0)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: sudo usermod -aG docker %s, then log in again",
				       n->name, f->user),
			  "user '%s' may not use Docker", f->user);
	else if (strcmp(f->docker, "down") == 0)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: sudo systemctl start docker", n->name),
			  "Docker does not answer: %s", f->docker_detail);
	else if (strcmp(f->docker, "podman") == 0)
		diag_node(out, DIAG_ERROR, n, "set engine.runtime: podman",
			  "the docker command is podman's (podman-docker), which lacks some of Docker's options");
	else
		diag_node(out, DIAG_ERROR, n,
			  strcmp(f->podman, "ok") == 0
			  ? "podman is there: set engine.runtime: podman to use it"
			  : f->pod ? "this host is a container itself: set engine: {runtime: none, venv: FOLDER}, where "
				     "FOLDER/bin has vllm (/usr/local in vLLM's own image)"
			  : arena_printf(a, "on %s: sudo apt-get install docker.io, or Docker's own "
					 "packages", n->name),
			  "there is no docker command");
}

static const char *const *
docker_gpus(const struct cluster *c, const struct node *n)
{
	const struct accelerator *accelerator = node_accelerator(c, n);
	bool soc = node_observed(n) && accelerator->soc && strstr(n->facts->kernel, accelerator->soc);

	return soc ? accelerator->docker_soc : accelerator->docker;
}

static const char *
docker_slice(struct arena *a, const struct gpu_slice *slice)
{
	return arena_printf(a, "--gpus device=%s", slice->uuid);
}

static const char *
docker_gpu_setup(const struct accelerator *accelerator)
{
	return accelerator->docker_setup;
}

const struct runtime runtime_docker = {
	.name = "docker",
	.title = "Docker",
	.contained = true,
	.shim = "docker",
	.image = docker_image,
	.state = docker_state,
	.check = docker_check,
	.gpus = docker_gpus,
	.slice = docker_slice,
	.gpu_groups = true,
	.launcher_gpus = true,
	.gpu_setup = docker_gpu_setup,
	.observe = container_observe,
	.up = container_up,
	.down = container_down,
	.clear_beside = container_clear_beside,
	.up_beside = container_up_beside,
	.down_beside = container_down_beside,
	.trial = container_trial,
	.guard = container_guard,
	.diagnose = container_diagnose,
	.place = container_place,
};
