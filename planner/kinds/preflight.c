#include <stdlib.h>
#include <string.h>

#include "planner/address.h"
#include "planner/base/hash.h"
#include "planner/kinds/common.h"
#include "planner/rdma.h"

/*
 * Nothing to make true: preflight reads what observe.sh saw, and says what would go
 * wrong later, with the remedy. What only a write can show is prove()'s.
 */
static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_preflight;

	(void)a;
	for (size_t i = 0; i < m->nlayout; i++)
		graph_add(b, &kind_preflight, &m->node[i], true);
}

static void
check_docker(struct arena *a, const struct node *n, struct problems *out)
{
	const struct facts *f = n->facts;

	if (strcmp(f->docker, "ok") == 0)
		return;
	if (strcmp(f->docker, "denied") == 0)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "on %s: sudo usermod -aG docker %s, then log in anew",
					 n->name, f->user),
			    "user '%s' may not use Docker", f->user);
	else if (strcmp(f->docker, "down") == 0)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "on %s: sudo systemctl start docker", n->name),
			    "Docker does not answer: %s", f->docker_detail);
	else
		problem_add(a, out, DIAG_ERROR, n,
			    strcmp(f->podman, "ok") == 0
			    ? "podman is there: write engine.runtime: podman to take it"
			    : arena_printf(a, "on %s: sudo apt-get install docker.io, or Docker's own "
					   "packages", n->name),
			    "there is no docker command");
}

static void
check_podman(struct arena *a, const struct node *n, struct problems *out)
{
	const struct facts *f = n->facts;

	if (strcmp(f->podman, "missing") == 0 || !*f->podman)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "on %s: sudo apt-get install podman", n->name),
			    "there is no podman command");
	else if (strcmp(f->podman, "ok") != 0)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "on %s: podman info tells more", n->name),
			    "podman does not work for user '%s': %s", f->user, f->podman_detail);
	else if (f->podman_detail && strcmp(f->podman_detail, "ends with the login") == 0)
		problem_add(a, out, DIAG_WARNING, n,
			    arena_printf(a, "on %s: loginctl enable-linger %s", n->name, f->user),
			    "containers of user '%s' end when the last login of it does", f->user);
}

/* The virtual environment has what the steps call, and the same versions as the head's:
 * Ray refuses others, ranks of others hang. */
static void
check_venv(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	const struct facts *f = n->facts, *first = m->node[0].facts;
	const char *hint = arena_printf(a, "on %s: python3 -m venv %s, then %s/bin/pip install vllm%s",
					n->name, m->venv, m->venv,
					m->backend == BACKEND_RAY ? " ray" : "");

	if (strcmp(f->venv_state, "ok") != 0) {
		problem_add(a, out, DIAG_ERROR, n, hint, strcmp(f->venv_state, "missing") == 0
			    ? "engine.venv '%s' is not there" : "engine.venv '%s' has no vllm in it",
			    m->venv);
		return;
	}
	if (m->backend == BACKEND_RAY && !f->venv_ray)
		problem_add(a, out, DIAG_ERROR, n, hint, "engine.venv '%s' has no Ray in it", m->venv);
	if (m->spec->model.repo.text && n == &m->node[0] && !f->venv_hf)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "on %s: %s/bin/pip install huggingface_hub", n->name, m->venv),
			    "engine.venv '%s' has no hf command", m->venv);
	if (n == &m->node[0] || !node_seen(&m->node[0]) || !f->venv_vllm || !first->venv_vllm)
		return;
	if (strcmp(f->venv_vllm, first->venv_vllm) != 0)
		problem_add(a, out, DIAG_ERROR, n, "install the same version on all nodes",
			    "vLLM %s here, %s on %s", f->venv_vllm, first->venv_vllm, m->node[0].name);
	if (m->backend == BACKEND_RAY && f->venv_ray && first->venv_ray &&
	    strcmp(f->venv_ray, first->venv_ray) != 0)
		problem_add(a, out, DIAG_ERROR, n, "install the same version on all nodes",
			    "Ray %s here, %s on %s", f->venv_ray, first->venv_ray, m->node[0].name);
}

static void
check_runtime(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	if (m->runtime == RUNTIME_NONE)
		check_venv(a, m, n, out);
	else if (m->runtime == RUNTIME_PODMAN)
		check_podman(a, n, out);
	else
		check_docker(a, n, out);
}

static bool
is_network_fs(const char *type)
{
	static const char *const names[] = {"nfs", "nfs4", "lustre", "gpfs", "ceph", "cephfs",
		"fuse", "cifs", "smb", "smb2", "9p", "beegfs", "glusterfs", "afs", "ocfs2", "gfs",
		"gfs2", "vboxsf", "virtiofs", "wekafs", "daos", "bcachefs-net", NULL};

	for (size_t i = 0; names[i]; i++)
		if (strncmp(type, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static long long
bytes_missing(const struct model *m)
{
	const struct facts *f = m->node[0].facts;
	long long missing = m->manifest ? m->manifest->bytes : 0;

	for (size_t i = 0; m->commit && i < f->file.n; i++)
		if (strncmp(f->file.v[i].path, m->commit, 40) == 0 && f->file.v[i].size > 0)
			missing -= f->file.v[i].size;
	return missing;
}

/* Where a step of the user's may bring what is missing. */
static const char *
or_by_step(struct arena *a, const struct model *m, const char *hint)
{
	return m->user.n ? arena_printf(a, "%s; a step of yours that does goes first, alone: "
					"dray apply -target STEP", hint) : hint;
}

static void
check_shared(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	const struct facts *f = n->facts, *first = m->node[0].facts;
	const char *dir = m->spec->shared_dir.text;
	bool head = n == &m->node[0];

	if (!dir)
		return;
	if (strcmp(f->shared_state, "missing") == 0) {
		problem_add(a, out, DIAG_ERROR, n,
			    or_by_step(a, m, arena_printf(a, "mount it there, or for one node: "
							  "mkdir -p %s", dir)),
			    "shared_dir '%s' is not there", dir);
		return;
	}
	if (strcmp(f->shared_state, "yes") != 0)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "on %s: sudo chown %s %s", n->name, f->user, dir),
			    "user '%s' may not write to shared_dir '%s'", f->user, dir);
	if (head && bytes_missing(m) > f->shared_free_kib * 1024)
		problem_add(a, out, DIAG_ERROR, n, "free space there, or choose another shared_dir",
			    "shared_dir '%s' has %s free, the model needs %s more", dir,
			    bytes_text(a, f->shared_free_kib * 1024),
			    bytes_text(a, bytes_missing(m)));
	if (head || !node_seen(&m->node[0]) || !*first->shared_fs)
		return;
	if (strcmp(f->shared_fs, first->shared_fs) != 0)
		problem_add(a, out, DIAG_WARNING, n, "apply proves it with a file before anything else",
			    "shared_dir '%s' is %s here and %s on %s: is it the same directory?", dir,
			    f->shared_fs, first->shared_fs, m->node[0].name);
	else if (!is_network_fs(f->shared_fs) && !f->members) /* an apply proved it */
		problem_add(a, out, DIAG_WARNING, n, "apply proves it with a file before anything else",
			    "shared_dir '%s' is on a local file system (%s)", dir, f->shared_fs);
}

static void
check_path(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	if (m->spec->model.path.text && !n->facts->file.n)
		problem_add(a, out, DIAG_ERROR, n,
			    or_by_step(a, m, "put the model there, on every node"),
			    "model.path '%s' has no config.json", m->spec->model.path.text);
}

/* How it stands with the addresses of a node for which none could be chosen, or NULL. */
static const struct address_node *
address_unchosen(const struct model *m, const struct node *n)
{
	for (size_t i = 0; m->addresses && m->nlayout > 1 && i < m->addresses->n; i++)
		if (m->addresses->v[i].node == n && !m->addresses->v[i].given &&
		    !m->addresses->v[i].chosen)
			return &m->addresses->v[i];
	return NULL;
}

static const char *
own_addresses(struct arena *a, const struct facts *f)
{
	const char *list = "none";

	for (size_t i = 0, n = 0; i < f->addr.n && n < 8; i++) {
		const struct fact_addr *own = &f->addr.v[i];

		if (address_is_loopback(own->address))
			continue;
		list = arena_printf(a, "%s%s%s (%s)", n ? list : "", n ? ", " : "", own->address,
				    own->interface);
		n++;
	}
	return list;
}

static void
check_address(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	const struct facts *f = n->facts;
	const char *address = node_dial(n);
	const char *hint = arena_printf(a, "set address: of node '%s' to one that the other nodes "
					"reach", n->name);

	if (address_unchosen(m, n))
		problem_add(a, out, DIAG_ERROR, n, hint, "no address that all other nodes reach: %s",
			    address_story(a, address_unchosen(m, n)));
	else if (!address)
		problem_add(a, out, DIAG_ERROR, n, hint, "no address that other nodes could dial");
	else if (strncmp(address, "127.", 4) == 0 && m->nlayout > 1)
		problem_add(a, out, DIAG_ERROR, n, hint, "address %s means each node itself", address);
	else if (!node_interface(n))
		problem_add(a, out, DIAG_ERROR, n, hint, "no interface has address %s; it has %s",
			    address, own_addresses(a, f));
	if (strncmp(f->resolve_address, "127.", 4) == 0 && m->nlayout > 1)
		problem_add(a, out, DIAG_WARNING, n,
			    "correct /etc/hosts there; dray names the interface to Gloo and NCCL itself",
			    "its own name '%s' means %s: what looks itself up by name talks to itself",
			    f->resolve_name, f->resolve_address);
	if (rdma_missing(a, m, n))
		problem_add(a, out, DIAG_WARNING, n, "NCCL talks over TCP then, on all nodes",
			    "no RDMA: %s", rdma_missing(a, m, n));
	for (size_t i = 0; i < f->reach.n; i++)
		if (strcmp(f->reach.v[i].state, "no") == 0)
			problem_add(a, out, DIAG_ERROR, n,
				    "nodes of one engine talk on many ports: open everything between them",
				    "cannot reach %s: %s", f->reach.v[i].address,
				    f->reach.v[i].detail);
}

static const struct fact_image *
own_image(const struct model *m, const struct node *n)
{
	for (size_t i = 0; i < n->facts->image.n; i++)
		if (m->image && strcmp(n->facts->image.v[i].ref, m->image) == 0)
			return &n->facts->image.v[i];
	return NULL;
}

/* An image brings its CUDA, and that asks for a driver. */
static void
check_driver(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	struct engine_version v = model_engine_version(m);
	const char *has = n->facts->gpu.n ? n->facts->gpu.v[0].driver : "";
	long major = strtol(has, NULL, 10);
	int least = engine_driver(v);

	if (major > 0 && major < least)
		problem_add(a, out, DIAG_WARNING, n,
			    "update it, or on data-centre GPUs set engine.env: "
			    "{VLLM_ENABLE_CUDA_COMPATIBILITY: 1}",
			    "driver %s is older than %d, which the CUDA of vLLM v%d.%d.%d's image asks for",
			    has, least, v.major, v.minor, v.patch);
}

/* What must be alike on all nodes, compared with the nodes before this one. */
static void
compare(struct arena *a, const struct model *m, const struct node *n, struct problems *out)
{
	const struct node *head = &m->node[0];
	const struct facts *f = n->facts, *first = head->facts;
	const struct fact_image *one, *two;

	for (size_t i = 0; i < n->rank; i++) {
		const struct node *other = &m->node[i];

		if (node_seen(other) && *f->machine_id && strcmp(other->facts->machine_id, f->machine_id) == 0) {
			problem_add(a, out, strcmp(other->facts->boot_id, f->boot_id) == 0
				    ? DIAG_ERROR : DIAG_WARNING, n,
				    strcmp(other->facts->boot_id, f->boot_id) == 0
				    ? "two entries under nodes: are one machine"
				    : "cloned disks: make /etc/machine-id anew on one of them",
				    "it has the machine-id of node '%s'", other->name);
			break;
		}
	}
	if (n == head || !node_seen(head))
		return;
	if (llabs(f->epoch - first->epoch) > 30)
		problem_add(a, out, DIAG_WARNING, n, "run a time service on all nodes",
			    "its clock is %lld s away from that of %s", llabs(f->epoch - first->epoch),
			    head->name);
	if (f->gpu.n && first->gpu.n && strcmp(f->gpu.v[0].driver, first->gpu.v[0].driver) != 0)
		problem_add(a, out, DIAG_WARNING, n, "use one driver version on all nodes",
			    "driver %s here, %s on %s", f->gpu.v[0].driver, first->gpu.v[0].driver,
			    head->name);
	one = own_image(m, head);
	two = own_image(m, n);
	if (one && two && strcmp(one->id, two->id) != 0 && !one->digest)
		problem_add(a, out, DIAG_ERROR, n,
			    arena_printf(a, "docker save %s on %s, docker load on %s", one->ref,
					 head->name, n->name),
			    "image '%s' is another one than on %s, and no registry has it", one->ref,
			    head->name);
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const struct model *m = s->model;
	const struct node *n = s->node;

	s->seen = (struct seen){.state = node_seen(n) ? SEEN_PRESENT : SEEN_UNKNOWN};
	if (!node_seen(n) || s->orphan)
		return;
	check_runtime(a, m, n, problems);
	preflight_gpus(a, m, n, problems);
	check_shared(a, m, n, problems);
	check_path(a, m, n, problems);
	check_driver(a, m, n, problems);
	check_address(a, m, n, problems);
	compare(a, m, n, problems);
	/* Containers get 10.24 GiB of shared memory, which is memory of the host. */
	if (n->facts->shm_kib > 0 && n->facts->shm_kib < 1024LL * 1024)
		problem_add(a, problems, DIAG_WARNING, n, NULL,
			    "/dev/shm has %lld MiB only: the host is short of memory",
			    n->facts->shm_kib / 1024);
}

/* A file by the head in the shared directory that every other node must read: types
 * and numbers of file systems cannot show that two mounts are one. */
static void
prove(struct arena *a, const struct graph *g, struct tasks *tasks)
{
	const struct model *m = g->model;
	const char *dir = m->spec->shared_dir.text;
	const struct facts *f = m->nnode ? m->node[0].facts : NULL;
	char hex[HASH_HEX];
	const char *nonce;

	if (!dir || !f || !m->nlayout)
		return;
	nonce = arena_printf(a, "%s %s %s %lld", m->cluster, f->machine_id, f->boot_id, f->epoch);
	hash_sha256(nonce, strlen(nonce), hex);
	for (size_t i = 0; i <= m->nlayout; i++) {
		struct node *n = &m->node[i % m->nlayout];
		const char *act = i == 0 ? "write" : i == m->nlayout ? "remove" : "read";
		struct task *t;

		t = tasks_add(a, tasks, n, "sentinel",
			      arena_printf(a, "%s a file in %s", act, dir));
		t->changes = true;
		t->timeout_s = 60;
		task_arg(a, t, act);
		task_arg(a, t, dir);
		task_arg(a, t, m->cluster);
		task_arg(a, t, hex);
		task_arg(a, t, n->name);
	}
}

static const struct field_effect fields[] = {{NULL}};

const struct kind kind_preflight = {
	.name = "preflight",
	.doc = "what a node must be like before anything is started on it",
	.fields = fields,
	.plan = plan,
	.see = see,
	.prove = prove,
};
