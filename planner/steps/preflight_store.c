/* The directory of the storage on each node: is it there, can it be written to, does it hold the model? */
#include <string.h>

#include "planner/base/bytes.h"
#include "planner/base/vec.h"
#include "planner/steps/download.h"
#include "planner/steps/preflight.h"

static bool
preflight_store_is_network_fs(const char *type)
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
preflight_store_bytes_missing(const struct cluster *c, const struct facts *f)
{
	long long missing = c->manifest ? c->manifest->bytes : 0;

	for (size_t i = 0; c->commit && i < f->file.n; i++)
		if (strncmp(f->file.v[i].path, c->commit, 40) == 0 && f->file.v[i].size > 0)
			missing -= f->file.v[i].size;
	return missing;
}

static const char *
preflight_store_proof(struct arena *a, const struct cluster *c, const struct node *n)
{
	return arena_printf(a, "apply checks this first, by writing a file on %s and reading it on %s",
			    c->node[0].name, n->name);
}

/* It cannot be seen at all. */
static bool
preflight_store_lost(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = n->facts;
	const char *dir = c->store, *key = spec_store_key(c->spec);

	if (strcmp(f->shared_state, "dead") == 0)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "there: sudo umount -l %s, then mount it again", dir),
			  "%s '%s' is a mount that does not answer: %s", key, dir, f->shared_fs);
	else if (strcmp(f->shared_state, "closed") == 0)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "let %s search the folders above it (chmod o+x)", f->user),
			  "user '%s' may not see %s '%s'", f->user, key, dir);
	else
		return false;
	return true;
}

/* Will something be downloaded or copied to that node? */
static bool
preflight_store_writes(const struct cluster *c, const struct node *n)
{
	const char *first;
	long long bytes = 0;

	return c->source->fetched && (n == &c->node[0] || !c->store_shared) &&
	       (!c->manifest || download_lacks(c, NULL, n, &first, &bytes));
}

/* File systems that lose the weights, or cannot hold them. */
static void
preflight_store_kind(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = n->facts, *head = c->node[0].facts;
	const char *dir = c->store, *key = spec_store_key(c->spec), *owner = f->cache_owner;
	const char *large = NULL;

	if (!preflight_store_writes(c, n))
		return;
	if (f->cache_closed && strcmp(f->shared_state, "yes") == 0)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: sudo chown -R %s %s", n->name, f->user, f->cache_closed),
			  "user '%s' may not write to '%s', which belongs to %s: was something else downloaded there by "
			  "a container?", f->user, f->cache_closed, owner ? owner : "another user");
	for (size_t i = 0; c->manifest && i < c->manifest->n; i++)
		if (c->manifest->v[i].size >= 1LL << 32)
			large = c->manifest->v[i].path;
	if (strcmp(f->shared_fs, "tmpfs") == 0 || strcmp(f->shared_fs, "ramfs") == 0)
		diag_node(out, DIAG_WARNING, n, "fine if that is meant and the memory is enough; else choose a disk",
			  "%s '%s' is in the memory of the node (%s): weights take it from other programs, and a "
			  "restart of the node loses them", key, dir, f->shared_fs);
	else if (large && strcmp(f->shared_fs, "msdos") == 0)
		diag_node(out, DIAG_ERROR, n, "choose another file system, such as ext4 or xfs",
			  "%s '%s' is on FAT, where a file has at most 4 GiB: '%s' has more", key, dir, large);
	else if (!c->store_shared && n != &c->node[0] && node_observed(&c->node[0]) &&
		 preflight_store_is_network_fs(f->shared_fs) && strcmp(f->shared_fs, head->shared_fs) == 0 &&
		 f->shared_free_kib == head->shared_free_kib)
		diag_node(out, DIAG_WARNING, n,
			  arena_printf(a, "if all nodes see the same files there: storage: {shared: %s}", dir),
			  "%s '%s' is on %s, with as much free as on %s: is it one directory?", key, dir, f->shared_fs,
			  c->node[0].name);
}

/* The directory of the storage: each node's own, or one that all share. */
void
preflight_store(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = n->facts, *first = c->node[0].facts;
	const char *dir = c->store, *key = spec_store_key(c->spec);
	bool head = n == &c->node[0];
	long long missing;

	if (!dir)
		return;
	missing = preflight_store_bytes_missing(c, f);
	if (preflight_store_lost(a, c, n, out))
		return;
	if (strcmp(f->shared_state, "missing") == 0) {
		diag_node(out, DIAG_ERROR, n,
			  preflight_or_by_step(a, c, arena_printf(a, c->store_shared
				  ? "mount it there, or for one node: mkdir -p %s"
				  : "mkdir -p %s on that node", dir)),
			  "%s '%s' does not exist", key, dir);
		return;
	}
	preflight_store_kind(a, c, n, out);
	if (strcmp(f->shared_state, "ro") == 0)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "mount it read-write; a model that is in it already can be named as model.path: "
				       "%s/hub/%s/snapshots/COMMIT", c->hf_home, c->hub ? c->hub : "models--ORG--NAME"),
			  "%s '%s' is mounted read-only", key, dir);
	else if (strcmp(f->shared_state, "yes") != 0)
		diag_node(out, DIAG_ERROR, n,
			  arena_printf(a, "on %s: sudo chown %s %s", n->name, f->user, dir),
			  "user '%s' may not write to %s '%s'", f->user, key, dir);
	if ((head || !c->store_shared) && missing > f->shared_free_kib * 1024)
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "free space there, or choose another %s", key),
			  "%s '%s' has %s free, but the model needs %s more", key, dir,
			  bytes_text(a, f->shared_free_kib * 1024), bytes_text(a, missing));
	if (!c->store_proved || head || !node_observed(&c->node[0]) || !*first->shared_fs)
		return;
	if (strcmp(f->shared_fs, first->shared_fs) != 0)
		diag_node(out, DIAG_WARNING, n, preflight_store_proof(a, c, n),
			  "%s '%s' is %s here and %s on %s: is it the same directory?", key, dir,
			  f->shared_fs, first->shared_fs, c->node[0].name);
	else if (!preflight_store_is_network_fs(f->shared_fs) && !f->members) /* an apply proved it */
		diag_node(out, DIAG_WARNING, n, preflight_store_proof(a, c, n),
			  "%s '%s' is on a local file system (%s)", key, dir, f->shared_fs);
}

