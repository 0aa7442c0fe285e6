/* engine.runtime: podman. */
#include <string.h>

#include "planner/runtimes/container.h"

/* Podman does not assume a registry; add the one that Docker assumes. */
static const char *
podman_image(struct arena *a, const char *image)
{
	size_t host = image ? strcspn(image, "/") : 0;

	if (!image)
		return NULL;
	if (image[host] && (memchr(image, '.', host) || memchr(image, ':', host) ||
			    (host == 9 && memcmp(image, "localhost", 9) == 0)))
		return image;
	return arena_printf(a, image[host] ? "docker.io/%s" : "docker.io/library/%s", image);
}

static const char *
podman_state(const struct facts *f)
{
	return f->podman;
}

static void
podman_check(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = n->facts;

	(void)c;
	if (strcmp(f->podman, "missing") == 0 || !*f->podman)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: sudo apt-get install podman", n->name),
			  "there is no podman command");
	else if (strcmp(f->podman, "ok") != 0)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: 'podman info' shows more", n->name),
			  "podman does not work for user '%s': %s", f->user, f->podman_detail);
	else if (f->podman_detail && strcmp(f->podman_detail, "ends with the login") == 0)
		diag_node(out, DIAG_WARNING, n,
			  arena_printf(a, "on %s: loginctl enable-linger %s", n->name, f->user),
			  "containers of user '%s' end when its last login ends", f->user);
}

/* Podman can hand over NVIDIA's GPUs only if they have CDI names. */
static const char *const *
podman_gpus(const struct cluster *c, const struct node *n)
{
	const struct accelerator *accelerator = node_accelerator(c, n);

	return node_observed(n) && n->facts->gpu.n && (n->facts->toolkit || !accelerator->toolkit)
		? accelerator->cdi : NULL;
}

/* The names that nvidia-ctk gives to slices. */
static const char *
podman_slice(struct arena *a, const struct gpu_slice *slice)
{
	return arena_printf(a, "--device nvidia.com/gpu=%d:%d", slice->gpu, slice->device);
}

static const char *
podman_gpu_setup(const struct accelerator *accelerator)
{
	return accelerator->podman_setup;
}

/* Logs go to a file, because a login may not be allowed to read the journal. */
static const char *const podman_args[] = {"--security-opt", "label=disable", "--log-driver",
	"k8s-file", NULL};

const struct runtime runtime_podman = {
	.name = "podman",
	.title = "podman",
	.contained = true,
	.shim = "podman",
	.image = podman_image,
	.state = podman_state,
	.check = podman_check,
	.args = podman_args,
	.gpus = podman_gpus,
	.slice = podman_slice,
	.gpu_setup = podman_gpu_setup,
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
