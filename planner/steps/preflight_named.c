/* Compares what docker_args and the engine's arguments name with what the node has: sources of mounts,
 * devices, files, users and groups. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/runtimes/container.h"
#include "planner/steps/named.h"
#include "planner/steps/preflight.h"

/* Groups that images of Debian and Ubuntu begin with; users: root and nobody are anywhere. */
static bool
preflight_named_in_images(const struct named *thing)
{
	static const char *const groups[] = {"root", "daemon", "adm", "tty", "disk", "kmem", "dialout",
		"audio", "video", "staff", "users", "plugdev", "sudo", "games", "nogroup", NULL};
	static const char *const users[] = {"root", "nobody", "daemon", NULL};

	for (const char *const *name = thing->use == NAMED_USER ? users : groups; *name; name++)
		if (strcmp(*name, thing->name) == 0)
			return true;
	return false;
}


static bool
preflight_named_is_docker(const struct cluster *c)
{
	return c->runtime->shim && strcmp(c->runtime->shim, "docker") == 0;
}

static bool
preflight_named_is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

/* docker_args are the same everywhere, so it is said of the first node, and where the number is
 * another one. */
static void
preflight_named_login(struct arena *a, const struct cluster *c, const struct node *n,
		      const struct named *thing, const char *number, struct diags *out)
{
	const struct node *first = &c->node[0];
	const struct fact_named *there = node_observed(first) ? named_there(first, thing) : NULL;
	const char *what = thing->use == NAMED_USER ? "user" : "group";
	bool here = preflight_named_is_number(number);

	if (preflight_named_in_images(thing))
		return;
	if (n == first || !there)
		diag_node(out, DIAG_WARNING, n,
			  here ? arena_printf(a, "write the number: on this node '%s' is %s", thing->name, number)
			       : arena_printf(a, "write a number: this node has no %s '%s' either", what,
					      thing->name),
			  "docker_args: %s looks for the %s '%s' of %s in the image, not on this node",
			  c->runtime->title, what, thing->name, thing->option);
	else if (here && preflight_named_is_number(there->state) && strcmp(number, there->state) != 0)
		diag_node(out, DIAG_WARNING, n, "give it the same number on all nodes",
			  "the %s '%s' of %s is %s here, %s on %s", what, thing->name, thing->option, number,
			  there->state, first->name);
}

static void
preflight_named_mount(struct arena *a, const struct cluster *c, const struct node *n,
		      const struct named *thing, struct diags *out)
{
	if (thing->use == NAMED_VOLUME && preflight_named_is_docker(c))
		diag_node(out, DIAG_WARNING, n,
			  preflight_or_by_step(a, c, arena_printf(
				  a, "put it there, or as the user who is to own it: mkdir -p %s", thing->name)),
			  "docker_args mount '%s', which does not exist: Docker would make an empty folder "
			  "that belongs to root", thing->name);
	else
		diag_node(out, DIAG_ERROR, n,
			  preflight_or_by_step(a, c, "put it there, or correct the path"),
			  "docker_args mount '%s', which does not exist: %s would not start the container",
			  thing->name, c->runtime->title);
}

/* Do images have that, too? Of the first three also files. */
static bool
preflight_named_is_usual(const char *path, const char *state)
{
	static const char *const folders[] = {"/usr/", "/etc/ssl/", "/etc/pki/", "/lib", "/tmp", "/dev/", "/run/",
		"/root/.cache", "/var/tmp"};

	for (size_t i = 0; i < (strcmp(state, "dir") == 0 ? countof(folders) : 3); i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	return false;
}

/* The engine reads it at a path of its own. */
static void
preflight_named_arg(struct arena *a, const struct cluster *c, const struct node *n,
		    const struct named *thing, const struct fact_named *there, struct diags *out)
{
	bool moved = strcmp(thing->name, thing->inside) != 0;
	bool none = strcmp(there->state, "none") == 0;

	if (n != &c->node[0] && !thing->everywhere)
		return;
	if (thing->made && (none || thing->mounted))
		return;
	/* What is in no mount may be in the image. */
	if (!thing->mounted && !none && strcmp(there->state, "unseen") != 0 &&
	    !preflight_named_is_usual(thing->name, there->state))
		diag_node(out, DIAG_WARNING, n,
			  arena_printf(a, "mount it: docker_args: [-v, '%s:%s:ro']", thing->name, thing->name),
			  "%s '%s' is on this node, but no mount brings it into the container, where %s "
			  "looks for it", thing->option, thing->inside, c->engine->title);
	else if (!thing->mounted)
		return;
	else if (none)
		diag_node(out, DIAG_ERROR, n,
			  engine_file_arg(c->engine, thing->option)
			  ? arena_printf(a, "put it there, or let dray carry one: files: [{from: PATH, as: %s}]", thing->option)
			  : preflight_or_by_step(a, c, thing->everywhere && c->nlayout > 1
				? "put it there, on every node" : "put it there"),
			  "%s '%s' does not exist%s%s%s", thing->option, thing->inside,
			  moved ? ": in the container it is '" : "", moved ? thing->name : "",
			  moved ? "' of this node" : "");
	else if (!c->runtime->contained && (strcmp(there->state, "unseen") == 0 || !there->readable))
		diag_node(out, DIAG_ERROR, n, arena_printf(a, "on %s: let %s read it", n->name, n->facts->user),
			  "user '%s' may not read %s '%s'", n->facts->user, thing->option, thing->inside);
}

static void
preflight_named_one(struct arena *a, const struct cluster *c, const struct node *n,
		    const struct named *thing, const struct fact_named *there, struct diags *out)
{
	bool none = strcmp(there->state, "none") == 0;

	switch (thing->use) {
	case NAMED_USER:
	case NAMED_GROUP:
		preflight_named_login(a, c, n, thing, there->state, out);
		return;
	case NAMED_ARG:
		preflight_named_arg(a, c, n, thing, there, out);
		return;
	case NAMED_VOLUME:
	case NAMED_MOUNT:
		if (none)
			preflight_named_mount(a, c, n, thing, out);
		return;
	case NAMED_DEVICE:
		if (none)
			diag_node(out, DIAG_ERROR, n,
				  "load the driver that makes it, or take it out of docker_args",
				  "docker_args hand over the device '%s', which does not exist", thing->name);
		return;
	case NAMED_CLIENT_FILE:
		if (none)
			diag_node(out, DIAG_ERROR, n,
				  preflight_or_by_step(a, c, "copy it to every node"),
				  "docker_args: there is no file '%s' for %s", thing->name, thing->option);
		else if (!there->readable)
			diag_node(out, DIAG_ERROR, n,
				  arena_printf(a, "on %s: let %s read it", n->name, n->facts->user),
				  "user '%s' may not read '%s', which docker_args give to %s",
				  n->facts->user, thing->name, thing->option);
		return;
	}
}

/* A folder of the container can be mounted once. */
static void
preflight_named_twice(struct arena *a, const struct cluster *c, const struct named *thing, size_t n,
		      struct diags *out)
{
	for (size_t i = 0; i < n; i++) {
		if (thing[i].use > NAMED_MOUNT)
			continue;
		if (c->hf_home && strcmp(thing[i].inside, HF_HOME_INSIDE) == 0)
			diag_node(out, DIAG_ERROR, NULL,
				  arena_printf(a, "take it out of docker_args: dray mounts %s there", c->hf_home),
				  "docker_args mount '%s' at %s, where dray mounts the cache of models",
				  thing[i].name, HF_HOME_INSIDE);
		for (size_t k = 0; k < i; k++)
			if (thing[k].use <= NAMED_MOUNT && strcmp(thing[k].inside, thing[i].inside) == 0)
				diag_node(out, DIAG_ERROR, NULL, "choose another folder for one of them",
					  "docker_args mount '%s' and '%s' at the same place, %s",
					  thing[k].name, thing[i].name, thing[i].inside);
	}
}

void
preflight_named(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	size_t things;
	const struct named *thing = named_things(a, c, &things);

	if (n == &c->node[0])
		preflight_named_twice(a, c, thing, things, out);
	for (size_t i = 0; i < things; i++) {
		const struct fact_named *there = named_there(n, &thing[i]);

		if (there)
			preflight_named_one(a, c, n, &thing[i], there, out);
	}
}
